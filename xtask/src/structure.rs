//! Whether crates, files and modules know only what stands below them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::run::{Failure, failed, read, root};

mod circles;
mod floors;
mod imports;
mod source;
mod tokens;

/// Sources by name, relative to the root of the workspace, with `/` between folders.
type Sources = BTreeMap<String, String>;

/// The crate whose modules stand in an order.
const ORDERED: &str = "ivae-core";

/// Checks the dependencies of every crate and the imports between the files of each.
pub(crate) fn check() -> Result<(), Failure> {
    let crates = crates()?;
    let mut problems = dependencies(&crates)?;
    let mut files = 0;
    for folder in crates.iter().map(|name| format!("crates/{name}")).chain(["xtask".to_owned()]) {
        let sources = sources(&folder)?;
        files += sources.len();
        problems.extend(files_of(&folder, &sources));
    }
    if problems.is_empty() {
        println!("structure: {} crates on their floors, no circle among {files} files", crates.len());
        return Ok(());
    }
    Err(Failure::Failed(format!("the structure needs repair:\n  {}", problems.join("\n  "))))
}

/// The folders under `crates/`, in the order of their names.
fn crates() -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("crates")).map_err(failed("reading crates"))? {
        let entry = entry.map_err(failed("reading crates"))?;
        if entry.path().join("Cargo.toml").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn dependencies(crates: &[String]) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    for name in crates {
        let manifest = read(&root().join("crates").join(name).join("Cargo.toml"))?;
        problems.extend(floors::dependencies(name, &manifest));
    }
    Ok(problems)
}

/// What is wrong among the files of one crate.
fn files_of(folder: &str, sources: &Sources) -> Vec<String> {
    let mut problems = Vec::new();
    for name in sources.keys().filter(|name| is_root(name.trim_start_matches(folder))) {
        let tree = imports::Tree::new(sources, name);
        let imports = tree.imports();
        problems.extend(tree.problems.iter().cloned());
        problems.extend(circles::circles(&tree, &imports));
        if folder.ends_with(ORDERED) {
            problems.extend(floors::order(&tree, &imports));
        }
    }
    problems
}

/// Whether cargo starts a library or a program at this file.
fn is_root(name: &str) -> bool {
    let Some(program) = name.strip_prefix("/src/bin/") else {
        return ["/src/lib.rs", "/src/main.rs"].contains(&name);
    };
    program.split_once('/').is_none_or(|(_, file)| file == "main.rs")
}

/// All `.rs` files under `src` of a crate's folder.
fn sources(folder: &str) -> Result<Sources, Failure> {
    let mut sources = Sources::new();
    let name = format!("{folder}/src");
    collect(&root().join(&name), &name, &mut sources)?;
    Ok(sources)
}

fn collect(folder: &Path, name: &str, sources: &mut Sources) -> Result<(), Failure> {
    for entry in fs::read_dir(folder).map_err(failed(format!("reading {name}")))? {
        let entry = entry.map_err(failed(format!("reading {name}")))?;
        let (path, name) = (entry.path(), format!("{name}/{}", entry.file_name().to_string_lossy()));
        if path.is_dir() {
            collect(&path, &name, sources)?;
        } else if name.ends_with(".rs") {
            sources.insert(name, read(&path)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_programs_are_roots() {
        for name in ["/src/lib.rs", "/src/main.rs", "/src/bin/a.rs", "/src/bin/a/main.rs"] {
            assert!(is_root(name), "{name}");
        }
        for name in ["/src/a.rs", "/src/a/main.rs", "/src/bin/a/b.rs", "/tests/lib.rs"] {
            assert!(!is_root(name), "{name}");
        }
    }

    #[test]
    fn every_crate_depends_on_lower_floors_only() {
        assert_eq!(dependencies(&crates().unwrap()).unwrap(), [""; 0]);
    }

    #[test]
    fn the_structure_of_the_workspace_is_in_order() {
        check().unwrap_or_else(|failure| panic!("{}", failure.message().unwrap_or_default()));
    }
}
