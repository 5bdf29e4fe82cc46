//! Whether each library crate could be published: the metadata a registry asks for, and that it can be packed.

use std::fs;

use crate::run::{Failure, cargo, failed, read, root, run};

/// What `[package]` of a published crate must hold.
const FIELDS: [&str; 9] = [
    "name",
    "description",
    "version",
    "license",
    "repository",
    "readme",
    "keywords",
    "categories",
    "rust-version",
];

/// Checks the manifests under `crates/`, then packs the crates without asking the network.
pub(crate) fn check() -> Result<(), Failure> {
    let workspace = read(&root().join("Cargo.toml"))?;
    let mut problems = Vec::new();
    let mut pack = cargo(["package", "--offline", "--quiet", "--no-verify", "--allow-dirty"]);
    for entry in fs::read_dir(root().join("crates")).map_err(failed("reading crates"))? {
        let folder = entry.map_err(failed("reading crates"))?.path();
        let manifest = read(&folder.join("Cargo.toml"))?;
        if field(&manifest, "[package]", "publish") == Some("false") {
            continue;
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        problems
            .extend(missing(&manifest, &workspace).into_iter().map(|problem| format!("{name}: {problem}")));
        pack.args(["--package", &name]);
    }
    if !problems.is_empty() {
        problems.sort();
        return Err(Failure::Failed(format!("not fit to publish:\n  {}", problems.join("\n  "))));
    }
    run(&mut pack)
}

fn missing(manifest: &str, workspace: &str) -> Vec<String> {
    let value = |key: &str| match field(manifest, "[package]", key) {
        None if field(manifest, "[package]", &format!("{key}.workspace")) == Some("true") => {
            field(workspace, "[workspace.package]", key)
        }
        own => own,
    };
    let absent = |key: &&&str| value(key).is_none_or(|text| ["", "\"\"", "[]"].contains(&text));
    let mut problems: Vec<String> = FIELDS.iter().filter(absent).map(|key| format!("no {key}")).collect();
    let keywords: Vec<&str> = value("keywords").unwrap_or_default().split('"').skip(1).step_by(2).collect();
    if keywords.len() > 5 {
        problems.push(format!("{} keywords; a registry takes 5", keywords.len()));
    }
    problems.extend(keywords.iter().filter(|word| !is_keyword(word)).map(|word| {
        format!("keyword `{word}`: at most 20 of a-z, 0-9, -, _, +, starting with a letter or digit")
    }));
    problems
}

fn is_keyword(word: &str) -> bool {
    word.len() <= 20
        && word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_+".contains(c))
}

/// The text right of `key =` in a section of a manifest; values on one line are all that we write there.
fn field<'a>(manifest: &'a str, section: &str, key: &str) -> Option<&'a str> {
    manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != section)
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .find(|(left, _)| left.trim() == key)
        .map(|(_, right)| right.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = "[workspace.package]\nversion = \"0.1.0\"\nlicense = \"MIT\"\nrepository = \"r\"\ncategories = [\"science\"]\nrust-version = \"1.95\"\n";
    const CRATE: &str = "[package]\nname = \"a\"\ndescription = \"b\"\nreadme = \"README.md\"\nkeywords = [\"ica\", \"vae\"]\nversion.workspace = true\nlicense.workspace = true\nrepository.workspace = true\ncategories.workspace = true\nrust-version.workspace = true\n\n[dependencies]\nname = \"c\"\n";

    #[test]
    fn a_complete_manifest_has_no_problem() {
        assert_eq!(missing(CRATE, WORKSPACE), [""; 0]);
    }

    #[test]
    fn absent_and_empty_fields_are_named() {
        let manifest = CRATE.replace("description = \"b\"", "description = \"\"").replace("readme", "read");
        assert_eq!(missing(&manifest, WORKSPACE), ["no description", "no readme"]);
        assert_eq!(missing(CRATE, &WORKSPACE.replace("license", "licence")), ["no license"]);
    }

    #[test]
    fn keywords_must_please_a_registry() {
        let with = |keywords: &str| missing(&CRATE.replace("[\"ica\", \"vae\"]", keywords), WORKSPACE);
        assert_eq!(with(r#"["a", "b", "c", "d", "e", "f"]"#), ["6 keywords; a registry takes 5"]);
        assert_eq!(with("[]"), ["no keywords"]);
        for word in ["independent-component-analysis", "-x", "two words", "Upper"] {
            assert_eq!(with(&format!("[\"{word}\"]")).len(), 1, "{word}");
        }
    }
}
