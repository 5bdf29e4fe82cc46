//! Finds circles: files of one crate that import each other, directly or through others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::imports::{Import, Tree};

/// How many imports between two files a message lists.
const LISTED: usize = 3;

/// Arrows between files, or between places of several files, with the imports behind each.
type Arrows<'a> = BTreeMap<usize, BTreeMap<usize, Vec<&'a Import>>>;

/// One sentence with its imports for each knot of files.
pub(super) fn circles(tree: &Tree, imports: &[Import]) -> Vec<String> {
    // A file that only declares and re-exports needs nothing, and nothing needs it: names lead through it.
    let has_code = |import: &&Import| tree.files[import.from].has_code && tree.files[import.to].has_code;
    let place = |file: usize| tree.files[file].place;
    let (mut between, mut within) = (Arrows::new(), Arrows::new());
    for import in imports.iter().filter(has_code) {
        let (from, to) = (place(import.from), place(import.to));
        if from != to {
            add(&mut between, from, to, import);
        } else if !is_above(tree, import.from, import.to) && !is_above(tree, import.to, import.from) {
            add(&mut within, import.from, import.to, import);
        }
    }
    let knots = |arrows| knots(arrows).into_iter().map(move |knot| message(tree, arrows, &knot));
    knots(&between).chain(knots(&within)).collect()
}

fn add<'a>(arrows: &mut Arrows<'a>, from: usize, to: usize, import: &'a Import) {
    arrows.entry(from).or_default().entry(to).or_default().push(import);
}

fn is_above(tree: &Tree, upper: usize, lower: usize) -> bool {
    tree.files[lower].module.starts_with(&tree.files[upper].module)
}

/// The largest sets in which every member reaches every other.
fn knots(arrows: &Arrows<'_>) -> Vec<BTreeSet<usize>> {
    let reached: BTreeMap<usize, BTreeSet<usize>> =
        arrows.keys().map(|from| (*from, distances(arrows, *from).into_keys().collect())).collect();
    let mut knots = Vec::new();
    let mut seen = BTreeSet::<usize>::new();
    for (from, targets) in &reached {
        if targets.contains(from) && !seen.contains(from) {
            let returns = |to: &&usize| reached.get(*to).is_some_and(|back| back.contains(from));
            let knot: BTreeSet<usize> = targets.iter().filter(returns).copied().collect();
            seen.extend(&knot);
            knots.push(knot);
        }
    }
    knots
}

/// The files reached from `from`, each with the one before it on a shortest way; `from` itself if a way leads back.
fn distances(arrows: &Arrows<'_>, from: usize) -> BTreeMap<usize, usize> {
    let mut before = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(here) = queue.pop_front() {
        for next in arrows.get(&here).into_iter().flat_map(BTreeMap::keys) {
            if !before.contains_key(next) {
                before.insert(*next, here);
                queue.push_back(*next);
            }
        }
    }
    before
}

/// A shortest circle of a knot, from its first member on.
fn shortest(arrows: &Arrows<'_>, knot: &BTreeSet<usize>) -> Vec<usize> {
    let circle = |from: usize| {
        let before = distances(arrows, from);
        let mut way = vec![before[&from]];
        while let Some(last) = way.last().copied().filter(|last| *last != from) {
            way.push(before[&last]);
        }
        way.reverse();
        way
    };
    knot.iter().map(|from| circle(*from)).min_by_key(Vec::len).unwrap_or_default()
}

fn message(tree: &Tree, arrows: &Arrows<'_>, knot: &BTreeSet<usize>) -> String {
    let name = |file: usize| tree.files[file].name.as_str();
    let circle = shortest(arrows, knot);
    let names: Vec<&str> = circle.iter().map(|file| name(*file)).collect();
    let mut text = if names.len() == 2 {
        format!("{} and {} import each other:", names[0], names[1])
    } else {
        format!("{} import each other in a circle:", names.join(", "))
    };
    for (index, from) in circle.iter().enumerate() {
        let to = circle[(index + 1) % circle.len()];
        let imports = &arrows[from][&to];
        for import in imports.iter().take(LISTED) {
            text += &format!(
                "\n      {}:{} imports `{}` from {}",
                name(import.from),
                import.line,
                import.path,
                name(import.to)
            );
        }
        if imports.len() > LISTED {
            text += &format!(
                "\n      and {} more imports from {} to {}",
                imports.len() - LISTED,
                name(*from),
                name(to)
            );
        }
    }
    if knot.len() > circle.len() {
        let all: Vec<&str> = knot.iter().map(|file| name(*file)).collect();
        text += &format!("\n    Further circles tie {} files together: {}.", all.len(), all.join(", "));
    }
    text += "\n    Files must import in one direction. ";
    let is_folder =
        |file: &usize| ["mod.rs", "lib.rs", "main.rs"].iter().any(|end| name(*file).ends_with(end));
    match circle.iter().find(|file| is_folder(file)) {
        Some(file) => {
            text + &format!("Move the code out of {}, so that it only declares and re-exports.", name(*file))
        }
        None => text + "Move what both need into a file that imports neither, or pass it as an argument.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sources: &[(&str, &str)]) -> Vec<String> {
        let name = |name: &str| format!("src/{name}.rs");
        let sources = sources.iter().map(|(file, text)| (name(file), (*text).to_owned())).collect();
        let tree = Tree::new(&sources, "src/lib.rs");
        circles(&tree, &tree.imports())
    }

    #[test]
    fn two_files_that_import_each_other_are_named_with_their_imports() {
        let problems = found(&[
            ("lib", "mod a; mod b; mod c;"),
            ("a", "use crate::b::B;\nstruct A;"),
            ("b", "struct B;\n\nfn f() { crate::a::A }"),
            ("c", "use crate::{a::A, b::B}; struct C;"),
        ]);
        let expected = "src/a.rs and src/b.rs import each other:\n      src/a.rs:1 imports `crate::b::B` from src/b.rs\n      src/b.rs:3 imports `crate::a::A` from src/a.rs\n    Files must import in one direction.";
        assert!(problems.len() == 1 && problems[0].starts_with(expected), "{problems:?}");
    }

    #[test]
    fn a_circle_of_three_is_found() {
        let problems = found(&[
            ("lib", "mod a; mod b; mod c; mod d;"),
            ("a", "use crate::d::D; use crate::b::B; struct A;"),
            ("b", "use super::c::C; struct B;"),
            ("c", "use crate::d::D; use crate::a::A; struct C;"),
            ("d", "struct D;"),
        ]);
        assert_eq!(problems.len(), 1);
        let expected = "src/a.rs, src/b.rs, src/c.rs import each other in a circle:";
        assert!(problems[0].starts_with(expected) && !problems[0].contains("src/d.rs"), "{problems:?}");
    }

    #[test]
    fn the_shortest_circle_stands_for_its_knot() {
        let problems = found(&[
            ("lib", "mod a; mod b; mod c;"),
            ("a", "use crate::b::B; struct A;"),
            ("b", "use crate::c::C; struct B;"),
            ("c", "use crate::b::B; use crate::a::A; struct C;"),
        ]);
        assert!(problems[0].starts_with("src/b.rs and src/c.rs import each other:"), "{problems:?}");
        assert!(problems[0].contains("tie 3 files together: src/a.rs, src/b.rs, src/c.rs."), "{problems:?}");
    }

    #[test]
    fn a_folder_that_only_re_exports_is_in_no_circle() {
        let child = ("a/b", "use super::C; struct B;");
        let sources = [("lib", "mod a;"), ("a/mod", "mod b; mod c; pub use b::B; pub use c::C;"), child];
        assert_eq!(found(&[&sources[..], &[("a/c", "struct C;")]].concat()), [""; 0]);
        let problems = found(&[&sources[..], &[("a/c", "use crate::a::B; struct C;")]].concat());
        assert!(problems[0].starts_with("src/a/b.rs and src/a/c.rs import each other:"), "{problems:?}");
    }

    #[test]
    fn a_folder_with_code_may_not_import_from_a_child_that_imports_it() {
        let child = ("a/b", "use super::A; struct B;");
        let problems = found(&[("lib", "mod a;"), ("a/mod", "mod b; use b::B; struct A;"), child]);
        assert!(problems[0].starts_with("src/a/mod.rs and src/a/b.rs import each other:"), "{problems:?}");
        assert!(problems[0].contains("Move the code out of src/a/mod.rs"), "{problems:?}");
        assert_eq!(found(&[("lib", "mod a;"), ("a/mod", "mod b; struct A;"), child]), [""; 0]);
    }

    #[test]
    fn a_private_child_is_part_of_its_parent_file() {
        let child = ("a/b", "use super::A; struct B;");
        assert_eq!(found(&[("lib", "mod a;"), ("a", "mod b; use b::B; struct A;"), child]), [""; 0]);
        let problems = found(&[("lib", "mod a;"), ("a", "pub(crate) mod b; use b::B; struct A;"), child]);
        assert_eq!(problems.len(), 1);

        let other = ("c", "use crate::a::B; struct C;");
        let child = ("a/b", "use crate::c::C; pub struct B;");
        let problems =
            found(&[("lib", "mod a; mod c;"), ("a", "mod b; pub use b::B; struct A;"), child, other]);
        assert!(problems[0].starts_with("src/a.rs and src/c.rs import each other:"), "{problems:?}");
        assert!(problems[0].contains("src/a/b.rs:1 imports `crate::c::C` from src/c.rs"), "{problems:?}");
    }

    #[test]
    fn private_children_may_not_import_each_other() {
        let parent = ("a", "mod b; mod c; use b::B; use c::C; struct A;");
        let children =
            [("a/b", "use super::A; use super::c::C; struct B;"), ("a/c", "use super::B; struct C;")];
        let problems = found(&[&[("lib", "mod a;"), parent][..], &children].concat());
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("src/a/b.rs and src/a/c.rs import each other:"), "{problems:?}");
    }

    #[test]
    fn test_code_ties_no_circle() {
        let test = "struct B; #[cfg(test)] mod tests { use super::*; use crate::a::A; }";
        assert_eq!(
            found(&[("lib", "mod a; mod b;"), ("a", "use crate::b::B; struct A;"), ("b", test)]),
            [""; 0]
        );
    }
}
