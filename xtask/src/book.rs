//! The book's own consistency: contents, links, and that its code is compiled.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::run::{Failure, failed, read, root};

/// Pages outside the book whose links are checked as well.
const PAGES: [&str; 4] = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md"];

/// Reads `docs/src/*.md`, `docs/book.rs` and the pages beside the book, and says everything that is wrong.
pub(crate) fn check() -> Result<(), Failure> {
    let folder = root().join("docs/src");
    let mut chapters = BTreeMap::new();
    for entry in fs::read_dir(&folder).map_err(failed("reading docs/src"))? {
        let path = entry.map_err(failed("reading docs/src"))?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            chapters.insert(name, read(&path)?);
        }
    }
    let mut problems = contents(&chapters, &read(&root().join("docs/book.rs"))?);
    for (name, text) in &chapters {
        problems.extend(page(name, text, &folder));
    }
    for name in PAGES {
        let path = root().join(name);
        problems.extend(page(name, &read(&path)?, path.parent().unwrap_or(root())));
    }
    if problems.is_empty() {
        println!("book: {} chapters, their links and code blocks are in order", chapters.len() - 1);
        return Ok(());
    }
    Err(Failure::Failed(format!("the book needs repair:\n  {}", problems.join("\n  "))))
}

/// Every chapter must be listed in SUMMARY.md and be included, hence compiled, by book.rs.
fn contents(chapters: &BTreeMap<String, String>, harness: &str) -> Vec<String> {
    let Some(summary) = chapters.get("SUMMARY.md") else {
        return vec!["docs/src/SUMMARY.md is missing".into()];
    };
    let listed = links(summary);
    let mut problems = Vec::new();
    for name in chapters.keys().filter(|name| *name != "SUMMARY.md") {
        if !listed.contains(&name.as_str()) {
            problems.push(format!("{name}: SUMMARY.md does not list it"));
        }
        if !harness.contains(&format!("\"src/{name}\"")) {
            problems.push(format!("{name}: docs/book.rs does not include it, so its code is not compiled"));
        }
    }
    problems
}

/// Relative links must lead somewhere; every code block must be closed and name its language, for without a
/// name it would be compiled as Rust.
fn page(name: &str, text: &str, folder: &Path) -> Vec<String> {
    let mut problems = Vec::new();
    let mut fence = None;
    let mut prose = String::new();
    for (number, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), fence) {
            (Some(language), None) => {
                if language.is_empty() {
                    problems.push(format!("{name}:{}: a code block without a language", number + 1));
                }
                fence = Some(number + 1);
            }
            (Some(_), Some(_)) => fence = None,
            (None, None) => prose = prose + line + "\n",
            (None, Some(_)) => {}
        }
    }
    if let Some(number) = fence {
        problems.push(format!("{name}:{number}: a code block that is not closed"));
    }
    problems.extend(links(&prose).into_iter().filter_map(|link| {
        broken(link, text, folder).map(|problem| format!("{name}: the link {link} leads to no {problem}"))
    }));
    problems
}

/// What a relative link in a page fails to find: its file, or its heading there.
fn broken(link: &str, text: &str, folder: &Path) -> Option<&'static str> {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    if file.contains("://") || file.starts_with("mailto:") {
        return None;
    }
    let path = folder.join(file);
    if !path.exists() {
        return Some("file");
    }
    let target = if file.is_empty() { text.to_owned() } else { fs::read_to_string(path).unwrap_or_default() };
    let found = anchor.is_empty() || target.lines().any(|line| heading(line).as_deref() == Some(anchor));
    (!found).then_some("heading")
}

/// The anchor of a heading, as mdBook makes it; nothing for other lines.
fn heading(line: &str) -> Option<String> {
    let text = line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    Some(text.chars().filter(|c| c.is_alphanumeric() || "-_".contains(*c)).collect())
}

/// The targets of `[text](target)` and `![text](target)`.
fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '\n']).next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(pages: &[(&str, &str)]) -> BTreeMap<String, String> {
        pages.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_chapter_must_be_listed_and_compiled() {
        let chapters = book(&[("SUMMARY.md", "- [A](a.md)"), ("a.md", ""), ("b.md", "")]);
        assert_eq!(contents(&chapters, "\"src/a.md\" \"src/b.md\""), ["b.md: SUMMARY.md does not list it"]);
        let problems = contents(&chapters, "\"src/b.md\"");
        assert!(problems[0].starts_with("a.md: docs/book.rs does not include it"), "{problems:?}");
    }

    #[test]
    fn links_must_lead_somewhere() {
        let text = "# A (b) c\n[in](#a-b-c) [file](Cargo.toml) [web](https://example.org) [gone](gone.md) [no](#b)\n\
                    ```text\n[not](a link)\n```\n";
        let problems = page("a.md", text, root());
        assert_eq!(
            problems,
            ["a.md: the link gone.md leads to no file", "a.md: the link #b leads to no heading"]
        );
    }

    #[test]
    fn code_blocks_must_name_a_language_and_end() {
        let text = "```\nx\n```\n```rust\nlet y = 1;\n";
        let problems = page("a.md", text, root());
        assert_eq!(
            problems,
            ["a.md:1: a code block without a language", "a.md:4: a code block that is not closed"]
        );
    }
}
