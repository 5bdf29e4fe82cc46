//! Finds which file of a crate imports which: follows modules, re-exports and `*` to the file that holds the name.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{Module, parse};

/// The modules that one `lib.rs` or `main.rs` brings together.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) files: Vec<File>,
    nodes: Vec<Node>,
    /// Declared modules whose file was not found.
    pub(super) problems: Vec<String>,
}

#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    /// The path of its module; empty for the root.
    pub(super) module: Vec<String>,
    /// Whether it does more than declare modules and re-export names.
    pub(super) has_code: bool,
    /// The file that it is a part of: itself, or that of `a.rs` for a private module `a/b.rs`.
    pub(super) place: usize,
}

#[derive(Debug)]
struct Node {
    file: usize,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    source: Module,
}

/// That one file imports from another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) line: usize,
    /// The path as it is written.
    pub(super) path: String,
}

/// Where a path leads: to a module, or to something in a module.
#[derive(Debug, Clone, Copy)]
enum Found {
    Module(usize),
    Item(usize),
}

impl Tree {
    /// Reads the module tree below `root`, the name of a file among `sources` (name and text).
    pub(super) fn new(sources: &BTreeMap<String, String>, root: &str) -> Self {
        let mut tree = Self::default();
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        tree.add_file(sources, root, folder, Vec::new(), None, None);
        tree
    }

    /// Adds a file and those below it; returns the node of its module. Its children stand in `folder`.
    fn add_file(
        &mut self,
        sources: &BTreeMap<String, String>,
        name: &str,
        folder: &str,
        module: Vec<String>,
        parent: Option<usize>,
        part_of: Option<usize>,
    ) -> usize {
        let (file, first) = (self.files.len(), self.nodes.len());
        let place = part_of.map_or(file, |parent| self.files[parent].place);
        let has_folder_name = module.is_empty() || name.ends_with("/mod.rs");
        let modules = sources.get(name).map(|text| parse(text)).unwrap_or_default();
        let has_code = modules.iter().any(|module| module.has_code);
        self.files.push(File { name: name.to_owned(), module: module.clone(), has_code, place });
        for source in modules {
            let node = self.nodes.len();
            let inside =
                source.path.split_last().map(|(last, above)| (last.clone(), self.inline(first, above)));
            let parent = inside.as_ref().map_or(parent, |(_, above)| Some(*above));
            self.nodes.push(Node { file, parent, children: BTreeMap::new(), source });
            if let Some((last, above)) = inside {
                self.nodes[above].children.insert(last, node);
            }
        }
        for node in first..self.nodes.len() {
            let source = self.nodes[node].source.clone();
            let folder: String = [folder]
                .into_iter()
                .chain(source.path.iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join("/");
            for child in &source.children {
                let below = format!("{folder}/{}", child.name);
                let names = [format!("{below}.rs"), format!("{below}/mod.rs")];
                let Some(path) = names.iter().find(|name| sources.contains_key(*name)) else {
                    self.problems.push(format!(
                        "{name}:{}: the file of `mod {}` is not found. Expected {} or {}: move it there.",
                        child.line, child.name, names[0], names[1]
                    ));
                    continue;
                };
                let module = [&module[..], &source.path, std::slice::from_ref(&child.name)].concat();
                let part_of = (child.is_private && !has_folder_name).then_some(file);
                let added = self.add_file(sources, path, &below, module, Some(node), part_of);
                self.nodes[node].children.insert(child.name.clone(), added);
            }
        }
        first
    }

    /// The node of an inline module, from the node of its file down.
    fn inline(&self, file: usize, path: &[String]) -> usize {
        path.iter().fold(file, |node, name| self.nodes[node].children.get(name).copied().unwrap_or(node))
    }

    /// The modules right below the root.
    pub(super) fn top_modules(&self) -> impl Iterator<Item = &String> {
        self.nodes.iter().take(1).flat_map(|root| root.children.keys())
    }

    /// Every import between two different files, each path once.
    pub(super) fn imports(&self) -> Vec<Import> {
        let mut lines = BTreeMap::new();
        for node in 0..self.nodes.len() {
            for (path, line, from, to) in self.used(node) {
                lines.entry((from, to, path)).or_insert(line);
            }
        }
        let tied: BTreeSet<(usize, usize)> = lines.keys().map(|(from, to, _)| (*from, *to)).collect();
        for node in 0..self.nodes.len() {
            for (path, line, from, to) in self.mentioned(node) {
                // `A::new` says nothing new where `A` is imported.
                let is_full = ["crate", "self", "super"].iter().any(|first| path.starts_with(first));
                if is_full || !tied.contains(&(from, to)) {
                    lines.entry((from, to, path)).or_insert(line);
                }
            }
        }
        let mut imports: Vec<Import> =
            lines.into_iter().map(|((from, to, path), line)| Import { from, to, line, path }).collect();
        imports.sort();
        imports
    }

    /// The imports of one module: path, line, from which file, to which.
    fn used(&self, index: usize) -> Vec<(String, usize, usize, usize)> {
        let mut all = Vec::new();
        for import in &self.nodes[index].source.uses {
            let path = import.path.join("::");
            for found in self.find(index, &import.path) {
                match found {
                    Found::Module(module) if import.name == "*" => {
                        let found = self.all_of(index, module);
                        all.extend(self.leads(index, &(path.clone() + "::*"), import.line, &found));
                    }
                    _ => all.extend(self.leads(index, &path, import.line, &[found])),
                }
            }
        }
        all
    }

    /// The same for the paths in the code of one module.
    fn mentioned(&self, index: usize) -> Vec<(String, usize, usize, usize)> {
        let lead = |(path, line): &(Vec<String>, usize)| {
            self.leads(index, &path.join("::"), *line, &self.find(index, path))
        };
        self.nodes[index].source.mentions.iter().flat_map(lead).collect()
    }

    /// What leads from the file of module `index` to another file.
    fn leads(
        &self,
        index: usize,
        path: &str,
        line: usize,
        found: &[Found],
    ) -> Vec<(String, usize, usize, usize)> {
        let from = self.nodes[index].file;
        let file = |found: &Found| match found {
            Found::Module(node) | Found::Item(node) => self.nodes[*node].file,
        };
        let others = found.iter().map(file).filter(|to| *to != from);
        others.map(|to| (path.to_owned(), line, from, to)).collect()
    }

    /// What `use module::*` in module `from` brings: the module's own items, and what the module imports, which is
    /// private except to modules below it.
    fn all_of(&self, from: usize, module: usize) -> Vec<Found> {
        let is_below =
            std::iter::successors(Some(from), |node| self.nodes[*node].parent).any(|node| node == module);
        let mut found = vec![Found::Module(module)];
        for import in self.nodes[module].source.uses.iter().filter(|import| import.is_public || is_below) {
            found.extend(self.find(module, &import.path));
        }
        found
    }

    /// Where `path`, written in module `from`, leads; nowhere if it belongs to another crate.
    fn find(&self, from: usize, path: &[String]) -> Vec<Found> {
        self.follow(from, path, &mut BTreeSet::new())
    }

    /// `passed` holds the imports (module and position) on the way here: each is followed once.
    fn follow(&self, from: usize, path: &[String], passed: &mut BTreeSet<(usize, usize)>) -> Vec<Found> {
        let (mut here, mut rest) = (from, path);
        while let Some((first, after)) = rest.split_first() {
            here = match first.as_str() {
                "crate" => 0,
                "self" => here,
                "super" => match self.nodes[here].parent {
                    Some(parent) => parent,
                    None => return Vec::new(),
                },
                _ => break,
            };
            rest = after;
        }
        if rest.len() == path.len() { self.named(here, rest, passed) } else { self.below(here, rest, passed) }
    }

    fn below(&self, here: usize, rest: &[String], passed: &mut BTreeSet<(usize, usize)>) -> Vec<Found> {
        if rest.is_empty() {
            return vec![Found::Module(here)];
        }
        let found = self.named(here, rest, passed);
        // A name that we do not see defined, such as one that a macro writes, is taken to stand in the module.
        if found.is_empty() { vec![Found::Item(here)] } else { found }
    }

    /// Where the first of `rest` is a module, an item or an import of module `here`; nowhere if it is none of these.
    fn named(&self, here: usize, rest: &[String], passed: &mut BTreeSet<(usize, usize)>) -> Vec<Found> {
        let Some((name, after)) = rest.split_first() else { return Vec::new() };
        let node = &self.nodes[here];
        let mut found = Vec::new();
        if let Some(child) = node.children.get(name) {
            found = self.below(*child, after, passed);
            if !after.is_empty() {
                return found;
            }
        }
        if node.source.defined.contains(name) {
            found.push(Found::Item(here));
        }
        for (position, import) in node.source.uses.iter().enumerate() {
            if import.name == *name && passed.insert((here, position)) {
                found.extend(self.follow(here, &[&import.path, after].concat(), passed));
            }
        }
        for (position, import) in node.source.uses.iter().enumerate() {
            if found.is_empty() && import.name == "*" && passed.insert((here, position)) {
                for target in self.follow(here, &import.path, passed) {
                    if let Found::Module(module) = target {
                        found.extend(self.named(module, rest, passed));
                    }
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The imports of a crate given as pairs of name and text: `from -> to`, in the order of files.
    fn imports(sources: &[(&str, &str)]) -> Vec<String> {
        let sources =
            sources.iter().map(|(name, text)| (format!("src/{name}.rs"), (*text).to_owned())).collect();
        let tree = Tree::new(&sources, "src/lib.rs");
        assert_eq!(tree.problems, [""; 0]);
        let short =
            |file: usize| tree.files[file].name.trim_start_matches("src/").trim_end_matches(".rs").to_owned();
        let mut all: Vec<String> =
            tree.imports().iter().map(|i| format!("{} -> {}", short(i.from), short(i.to))).collect();
        all.dedup();
        all
    }

    #[test]
    fn the_longest_module_prefix_names_the_file() {
        let found = imports(&[
            ("lib", "mod a; mod b;"),
            ("a", "pub mod c; use crate::b::d::{E, F}; fn f() { crate::b::g(); std::mem::swap() }"),
            ("a/c", "use super::super::b::d; use ndarray::Array2; fn f() { d::h::i() }"),
            ("b/mod", "pub mod d; pub fn g() {}"),
            ("b/d", "pub mod h; struct E;"),
            ("b/d/h", "pub fn i() {}"),
        ]);
        assert_eq!(found, ["a -> b/mod", "a -> b/d", "a/c -> b/d", "a/c -> b/d/h"]);
    }

    #[test]
    fn re_exports_lead_to_the_file_that_defines_the_name() {
        let found = imports(&[
            ("lib", "mod a; mod b; pub use b::C as Renamed;"),
            ("a", "use crate::b::C; use crate::Renamed; use crate::b::deep::D; struct A;"),
            (
                "b/mod",
                "mod c; mod d; pub(crate) use c::C; pub(crate) mod deep { pub(crate) use super::d::*; }",
            ),
            ("b/c", "struct C; use super::super::a::A;"),
            ("b/d", "macro_rules! by { () => {} } pub(crate) use by; struct D;"),
        ]);
        assert_eq!(found, ["lib -> b/c", "a -> b/c", "a -> b/d", "b/mod -> b/c", "b/mod -> b/d", "b/c -> a"]);
    }

    #[test]
    fn super_in_an_inline_module_is_the_file() {
        let found = imports(&[
            ("lib", "mod a; mod b;"),
            ("a", "mod inner { use super::X; use super::super::b::Y; } struct X;"),
            ("b", "struct Y;"),
        ]);
        assert_eq!(found, ["a -> b"]);
    }

    #[test]
    fn a_star_imports_what_the_module_defines_and_re_exports() {
        let sources = [
            ("lib", "mod a; mod b;"),
            ("a", "use crate::b::*; fn f() {}"),
            ("b/mod", "mod c; mod d; pub use c::C; use d::D;"),
            ("b/c", "use super::*; struct C;"),
            ("b/d", "struct D;"),
        ];
        let found = imports(&sources);
        let expected =
            ["a -> b/mod", "a -> b/c", "b/mod -> b/c", "b/mod -> b/d", "b/c -> b/mod", "b/c -> b/d"];
        assert_eq!(found, expected);
    }

    #[test]
    fn imports_of_themselves_come_to_an_end() {
        let found = imports(&[
            ("lib", "mod a; pub use a::a; use x::x;"),
            ("a", "pub use crate::a::a; use crate::*;"),
        ]);
        assert_eq!(found, ["lib -> a", "a -> lib"]);
    }

    #[test]
    fn a_module_without_a_file_is_a_problem() {
        let sources = BTreeMap::from([("src/lib.rs".to_owned(), "\nmod a;".to_owned())]);
        let problems = Tree::new(&sources, "src/lib.rs").problems;
        assert!(problems[0].starts_with("src/lib.rs:2: the file of `mod a` is not found"), "{problems:?}");
    }
}
