//! The floors: which crate may depend on which, and which module of `ivae-core` may import which.

use std::collections::BTreeMap;

use super::imports::{Import, Tree};

/// The floor of each crate, lowest first. A crate may depend on crates of lower floors only.
const FLOORS: &[(&str, usize)] = &[
    ("ivae-kernels", 0),
    ("ivae-num", 1),
    ("ivae-report", 1),
    ("ivae-expfam", 2),
    ("ivae-nn", 2),
    ("ivae-ica", 2),
    ("ivae-metrics", 2),
    ("ivae-data", 2),
    ("ivae-core", 3),
    ("ivae", 4),
    ("ivae-experiments", 5),
    ("ivae-py", 5),
];

/// Crates that are of use on their own: of this workspace they may depend on these crates only.
const ALONE: &[(&str, &[&str])] = &[("ivae-ica", &["ivae-num"]), ("ivae-metrics", &["ivae-num"])];

/// The modules of `ivae-core`, lowest first. A module may import itself and those before it.
const CORE: &[&str] = &[
    "error",
    "message",
    "arrays",
    "batch",
    "prior",
    "likelihood",
    "objective",
    "posterior",
    "search",
    "theory",
    "report",
    "model",
    "spec",
    "fitted",
    "fit",
];

/// Where the crate named `name` depends on one that it may not know.
pub(super) fn dependencies(name: &str, manifest: &str) -> Vec<String> {
    let file = format!("crates/{name}/Cargo.toml");
    let Some(floor) = floor_of(name) else {
        return vec![format!(
            "{file}: {name} stands on no floor. Every crate under crates/ has one: add it to FLOORS in \
             xtask/src/structure/floors.rs and to the table in docs/src/architecture.md."
        )];
    };
    let alone = ALONE.iter().find(|(alone, _)| *alone == name).map(|(_, allowed)| *allowed);
    let mut problems = Vec::new();
    for other in workspace_dependencies(manifest) {
        // The crate that stands on no floor is named where its own manifest is read.
        let Some(other_floor) = floor_of(other) else { continue };
        if other_floor >= floor {
            problems.push(format!(
                "{file}: {name} (floor {floor}) depends on {other} (floor {other_floor}). A crate may depend on lower \
                 floors only: move what it needs to a lower crate, or pass it as an argument."
            ));
        } else if let Some(allowed) = alone.filter(|allowed| !allowed.contains(&other)) {
            problems.push(format!(
                "{file}: {name} depends on {other}. Of this workspace it may depend on {} only, so that it is of use \
                 on its own: move what it needs there, or pass it as an argument.",
                allowed.join(" and ")
            ));
        }
    }
    problems
}

fn floor_of(name: &str) -> Option<usize> {
    FLOORS.iter().find(|(other, _)| *other == name).map(|(_, floor)| *floor)
}

/// The crates of this workspace that a manifest names as dependencies, except those for tests only.
fn workspace_dependencies(manifest: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_inside = false;
    for line in manifest.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            let (table, name) = match section.rsplit_once("dependencies.") {
                Some((before, name)) => (format!("{before}dependencies"), Some(name)),
                None => (section.to_owned(), None),
            };
            is_inside = table.ends_with("dependencies") && !table.ends_with("dev-dependencies");
            names.extend(name.filter(|_| is_inside));
            continue;
        }
        // `ivae-num.workspace = true`, or `other = { package = "ivae-num", .. }`.
        let key = line.split(['.', ' ', '=']).next();
        let package = line.split_once("package").and_then(|(_, after)| after.split('"').nth(1));
        names.extend(package.or(key).filter(|_| is_inside));
    }
    names.retain(|name| *name == "ivae" || name.starts_with("ivae-"));
    names
}

/// Where a module of `ivae-core` imports one that comes after it in the list, or is not in the list.
pub(super) fn order(tree: &Tree, imports: &[Import]) -> Vec<String> {
    order_by(CORE, tree, imports)
}

fn order_by(order: &[&str], tree: &Tree, imports: &[Import]) -> Vec<String> {
    let position = |module: &str| order.iter().position(|name| *name == module);
    let top = |file: usize| tree.files[file].module.first().map(String::as_str);
    let missing: Vec<&str> =
        tree.top_modules().map(String::as_str).filter(|module| position(module).is_none()).collect();
    let mut problems = Vec::new();
    if !missing.is_empty() {
        problems.push(format!(
            "no place in the order of modules of ivae-core: {}. Every module right below lib.rs has one: add it to \
             CORE in xtask/src/structure/floors.rs, after those that it imports.",
            missing.join(", ")
        ));
    }
    let mut upward = BTreeMap::<(usize, &str, &str), Vec<&Import>>::new();
    for import in imports {
        let (Some(from), Some(to)) = (top(import.from), top(import.to)) else { continue };
        if let (Some(lower), Some(higher)) = (position(from), position(to))
            && higher > lower
        {
            upward.entry((import.from, from, to)).or_default().push(import);
        }
    }
    for ((file, from, to), imports) in upward {
        let more = if imports.len() > 1 { format!(" and {} more", imports.len() - 1) } else { String::new() };
        problems.push(format!(
            "{}:{} imports `{}`{more} from the module `{to}`, which comes after `{from}`. A module of ivae-core may \
             import those before it only: move what it needs down, or pass it as an argument.",
            tree.files[file].name, imports[0].line, imports[0].path
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_depends_on_lower_floors_only() {
        let manifest =
            "[dependencies]\nivae-num.workspace = true\nivae-nn = { path = \"x\" }\nndarray = \"1\"\n";
        assert_eq!(dependencies("ivae-core", manifest), [""; 0]);
        let problems = dependencies("ivae-data", manifest);
        assert_eq!(problems.len(), 1);
        let expected =
            "crates/ivae-data/Cargo.toml: ivae-data (floor 2) depends on ivae-nn (floor 2). A crate may";
        assert!(problems[0].starts_with(expected), "{problems:?}");
    }

    #[test]
    fn ica_and_metrics_know_only_num() {
        for name in ["ivae-ica", "ivae-metrics"] {
            assert_eq!(dependencies(name, "[dependencies]\nivae-num.workspace = true\n"), [""; 0]);
            let problems = dependencies(name, "[dependencies]\nivae-report.workspace = true\n");
            assert!(problems[0].contains("it may depend on ivae-num only"), "{problems:?}");
        }
    }

    #[test]
    fn a_crate_without_a_floor_is_a_fault() {
        let problems = dependencies("ivae-new", "");
        assert!(problems[0].contains("ivae-new stands on no floor"), "{problems:?}");
    }

    #[test]
    fn dependencies_for_tests_are_not_counted() {
        let manifest = "[package]\nname = \"ivae-x\"\n[dependencies]\nivae-num.workspace = true # ivae-core\nivae = \"1\"\n\
                        renamed = { package = \"ivae-nn\", version = \"1\" }\n[dependencies.ivae-ica]\npath = \"y\"\n\
                        [target.'cfg(unix)'.dependencies]\nivae-data = \"1\"\n[build-dependencies]\nivae-core = \"1\"\n\
                        [dev-dependencies]\nivae-expfam = \"1\"\n[dev-dependencies.ivae-report]\npath = \"z\"\n";
        let expected = ["ivae-num", "ivae", "ivae-nn", "ivae-ica", "ivae-data", "ivae-core"];
        assert_eq!(workspace_dependencies(manifest), expected);
    }

    #[test]
    fn a_module_of_the_core_imports_those_before_it() {
        let sources = [
            ("lib", "mod low; mod high; mod new; pub use high::High; fn f() { high::g() }"),
            ("low", "mod part; use crate::low::part::Part; use crate::High; struct Low;"),
            ("low/part", "use super::super::high;\nfn f() { crate::high::g() }"),
            ("high", "use crate::low::Low; use crate::new::New; pub struct High;"),
            ("new", "pub struct New;"),
        ];
        let sources =
            sources.iter().map(|(name, text)| (format!("src/{name}.rs"), (*text).to_owned())).collect();
        let tree = Tree::new(&sources, "src/lib.rs");
        let problems = order_by(&["low", "high"], &tree, &tree.imports());
        assert_eq!(problems.len(), 3, "{problems:?}");
        let expected = [
            "no place in the order of modules of ivae-core: new. Every module",
            "src/low.rs:1 imports `crate::High` from the module `high`, which comes after `low`. A module",
            "src/low/part.rs:1 imports `super::super::high` and 1 more from the module `high`, which comes after",
        ];
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with(expected), "{problem}");
        }
    }
}
