//! Reads what a Rust file declares, defines, imports and mentions; code for tests is left out.

use std::collections::BTreeSet;

use super::tokens::{Token, tokens};

/// One module as its file writes it: the file itself, or `mod name { .. }` in it.
#[derive(Debug, Default, Clone)]
pub(super) struct Module {
    /// Names from the file down to here; none for the file itself.
    pub(super) path: Vec<String>,
    /// Modules in files of their own: `mod name;`.
    pub(super) children: Vec<Child>,
    /// One entry for each imported name.
    pub(super) uses: Vec<Use>,
    /// Paths in the code, such as `crate::a::f` or `a::f`, each with its line.
    pub(super) mentions: Vec<(Vec<String>, usize)>,
    /// Names of functions, types, traits, constants and macros.
    pub(super) defined: BTreeSet<String>,
    /// Whether there is more than declarations and imports.
    pub(super) has_code: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Child {
    pub(super) name: String,
    pub(super) is_private: bool,
    pub(super) line: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Use {
    pub(super) path: Vec<String>,
    /// The name it has here; `*` for all names.
    pub(super) name: String,
    pub(super) is_public: bool,
    pub(super) line: usize,
}

/// The modules of a file, itself first.
pub(super) fn parse(text: &str) -> Vec<Module> {
    let mut parser = Parser { tokens: tokens(text), at: 0, modules: vec![Module::default()] };
    parser.body(0);
    parser.modules
}

/// Words before the name of an item.
const ITEMS: [&str; 8] = ["fn", "struct", "enum", "union", "trait", "type", "const", "static"];

struct Parser<'a> {
    tokens: Vec<(Token<'a>, usize)>,
    at: usize,
    modules: Vec<Module>,
}

impl<'a> Parser<'a> {
    fn peek(&self, ahead: usize) -> Option<Token<'a>> {
        self.tokens.get(self.at + ahead).map(|(token, _)| *token)
    }

    fn word(&self, ahead: usize) -> Option<&'a str> {
        if let Some(Token::Word(word)) = self.peek(ahead) { Some(word) } else { None }
    }

    fn is_sign(&self, ahead: usize, sign: char) -> bool {
        self.peek(ahead) == Some(Token::Sign(sign))
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |(_, line)| *line)
    }

    /// Reads module `index` to the brace that closes it, or to the end of the file.
    fn body(&mut self, index: usize) {
        let (mut depth, mut is_public) = (0_usize, false);
        while let Some(token) = self.peek(0) {
            let was_public = std::mem::take(&mut is_public);
            match token {
                Token::Sign('#') if self.is_sign(1, '[') => {
                    if self.attribute() {
                        self.skip_item();
                    }
                    continue;
                }
                Token::Sign('#') if self.is_sign(1, '!') && self.is_sign(2, '[') => {
                    self.at += 1;
                    self.attribute();
                    continue;
                }
                Token::Sign('}') if depth == 0 => {
                    self.at += 1;
                    return;
                }
                Token::Word("pub") => {
                    is_public = true;
                    self.visibility();
                    continue;
                }
                Token::Word("mod") if self.module(index, was_public) => continue,
                Token::Word("use") if !self.is_sign(1, '<') => {
                    self.at += 1;
                    let mut found = Vec::new();
                    self.tree(Vec::new(), was_public, &mut found);
                    self.modules[index].uses.append(&mut found);
                    if self.is_sign(0, ';') {
                        self.at += 1;
                    }
                    continue;
                }
                Token::Word("extern") if self.word(1) == Some("crate") => {
                    self.skip_item();
                    continue;
                }
                Token::Sign('{') => depth += 1,
                Token::Sign('}') => depth -= 1,
                Token::Word(word) if depth == 0 => self.definition(index, word),
                _ => {}
            }
            self.modules[index].has_code = true;
            self.mention(index);
        }
    }

    /// Remembers the name of an item that begins with `word`.
    fn definition(&mut self, index: usize, word: &str) {
        let name = match word {
            "macro_rules" => self.word(2),
            "static" if self.word(1) == Some("mut") => self.word(2),
            _ if ITEMS.contains(&word) => self.word(1),
            _ => None,
        };
        self.modules[index].defined.extend(name.map(str::to_owned));
    }

    /// Reads `mod name;`, `mod name { .. }` or, in a macro, `mod $name { .. }`; whether it was one.
    fn module(&mut self, index: usize, is_public: bool) -> bool {
        let line = self.line();
        let after = if self.is_sign(1, '$') { 2 } else { 1 };
        let Some(name) = self.word(after).map(str::to_owned) else { return false };
        if self.is_sign(2, ';') {
            self.at += 3;
            self.modules[index].children.push(Child { name, is_private: !is_public, line });
        } else if self.is_sign(after + 1, '{') {
            self.at += after + 2;
            let mut path = self.modules[index].path.clone();
            path.push(name);
            self.modules.push(Module { path, ..Module::default() });
            self.body(self.modules.len() - 1);
        } else {
            return false;
        }
        true
    }

    /// Passes `pub`, `pub(crate)`, `pub(in a::b)`, but not the field of `pub (A, B)`.
    fn visibility(&mut self) {
        self.at += 1;
        let restricted = self.is_sign(0, '(')
            && match self.word(1) {
                Some("crate" | "super" | "self") => self.is_sign(2, ')'),
                word => word == Some("in"),
            };
        if restricted {
            self.skip_group();
        }
    }

    /// Reads one tree of a `use`: `a::b as c`, `a::*`, `a::{..}`; stops before `,`, `;` or `}`.
    fn tree(&mut self, mut path: Vec<String>, is_public: bool, out: &mut Vec<Use>) {
        let line = self.line();
        if self.peek(0) == Some(Token::Colons) {
            // `::a` names another crate. No module has an empty name.
            path.push(String::new());
            self.at += 1;
        }
        while let Some(token) = self.peek(0) {
            let leaf = match token {
                Token::Sign(',' | ';' | '}') => return,
                Token::Sign('{') => {
                    self.at += 1;
                    while self.peek(0).is_some_and(|token| token != Token::Sign('}')) {
                        self.tree(path.clone(), is_public, out);
                        // A `;` here is no Rust; passing it lets the loop end.
                        if self.is_sign(0, ',') || self.is_sign(0, ';') {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                Token::Sign('*') => Some("*"),
                Token::Word("self") if !path.is_empty() => Some(""),
                Token::Word(word) => {
                    path.push(word.to_owned());
                    (self.peek(1) != Some(Token::Colons)).then_some("")
                }
                _ => None,
            };
            self.at += 1;
            if let Some(leaf) = leaf {
                let mut name =
                    if leaf == "*" { leaf } else { path.last().map_or("", String::as_str) }.to_owned();
                if self.word(0) == Some("as") {
                    name = self.word(1).unwrap_or("_").to_owned();
                    self.at += 2;
                }
                out.push(Use { path, name, is_public, line });
                return;
            }
        }
    }

    /// Remembers the path that starts here, if one does, and passes what it has read.
    fn mention(&mut self, index: usize) {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map(|(token, _)| *token);
        let line = self.line();
        let mut path = Vec::new();
        while let Some(word) = self.word(0) {
            path.push(word.to_owned());
            self.at += 1;
            if self.peek(0) != Some(Token::Colons) || self.word(1).is_none() {
                break;
            }
            self.at += 1;
        }
        match before {
            _ if path.is_empty() => self.at += 1,
            Some(Token::Colons) => {}
            // In a macro, `$crate` is the crate and `$name` could be anything.
            Some(Token::Sign('$')) if path[0] != "crate" => {}
            _ if path.len() > 1 => self.modules[index].mentions.push((path, line)),
            _ => {}
        }
    }

    /// Passes `#[..]`; whether it keeps what follows to tests.
    fn attribute(&mut self) -> bool {
        self.at += 1;
        let begin = self.at;
        self.skip_group();
        is_test_only(&self.tokens[begin..self.at])
    }

    /// Passes a bracket and all that it holds.
    fn skip_group(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.peek(0) {
            self.at += 1;
            match token {
                Token::Sign('(' | '[' | '{') => depth += 1,
                Token::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// Passes an item, statement, field or arm, with its attributes and visibility.
    fn skip_item(&mut self) {
        while self.is_sign(0, '#') && self.is_sign(1, '[') {
            self.attribute();
        }
        if self.word(0) == Some("pub") {
            self.visibility();
        }
        let first = self.word(0).unwrap_or_default();
        let ends_at_semicolon = ["use", "let", "static", "type", "extern"].contains(&first)
            || first == "const" && !["fn", "unsafe", "extern"].contains(&self.word(1).unwrap_or_default());
        let is_item = ITEMS.contains(&first)
            || ["mod", "impl", "unsafe", "async", "macro_rules", "extern", "use", "let"].contains(&first);
        while let Some(token) = self.peek(0) {
            match token {
                Token::Sign(';') => {
                    self.at += 1;
                    return;
                }
                Token::Sign(',') if !is_item => {
                    self.at += 1;
                    return;
                }
                Token::Sign(')' | ']' | '}') => return,
                Token::Sign('{') => {
                    self.skip_group();
                    // `extern "C" {` and `extern "C" fn f() {` end here, too.
                    if !ends_at_semicolon || first == "extern" {
                        return;
                    }
                }
                Token::Sign('(' | '[') => self.skip_group(),
                _ => self.at += 1,
            }
        }
    }
}

/// Whether an attribute is `cfg(test)` or `cfg(all(.., test, ..))`.
fn is_test_only(attribute: &[(Token<'_>, usize)]) -> bool {
    let mut groups = Vec::new();
    for (index, (token, _)) in attribute.iter().enumerate() {
        let next = attribute.get(index + 1).map(|(token, _)| *token);
        match token {
            Token::Word(word) if next == Some(Token::Sign('(')) => groups.push(*word),
            Token::Word("test")
                if groups.first() == Some(&"cfg") && groups[1..].iter().all(|g| *g == "all") =>
            {
                return true;
            }
            Token::Sign(')') => {
                groups.pop();
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(text: &str) -> Vec<String> {
        let one = |u: &Use| format!("{} as {}", u.path.join("::"), u.name);
        parse(text).iter().flat_map(|module| module.uses.iter().map(one)).collect()
    }

    #[test]
    fn nested_braces_are_taken_apart() {
        let text =
            "use crate::{a::B, c::{self, d::{E as F, *}}};\npub(crate) use super::super::g;\nuse ::h::I;";
        let expected = [
            "crate::a::B as B",
            "crate::c as c",
            "crate::c::d::E as F",
            "crate::c::d as *",
            "super::super::g as g",
            "::h::I as I",
        ];
        assert_eq!(imports(text), expected);
        assert!(!parse(text)[0].has_code);
    }

    #[test]
    fn test_code_is_ignored() {
        let text = "#[cfg(test)]\nuse a::B;\n#[cfg(test)] #[allow(x)] pub(crate) mod tests { use c::D; }\n\
                    #[cfg(all(test, not(miri)))] mod more;\n#[cfg(test)] const N: [u8; 2] = f({ 1 });\n\
                    #[cfg(test)] fn f<A, B>() { crate::e::f() }\nuse g::H;\n\
                    #[cfg(any(test, unix))] use i::J; #[cfg(not(test))] use k::L;";
        assert_eq!(imports(text), ["g::H as H", "i::J as J", "k::L as L"]);
        let modules = parse(text);
        assert!(modules.len() == 1 && !modules[0].has_code && modules[0].children.is_empty(), "{modules:?}");
    }

    #[test]
    fn test_code_ends_where_its_field_or_statement_ends() {
        let text = "struct S { #[cfg(test)] a: crate::a::A, b: crate::b::B }\n\
                    fn f() { #[cfg(test)] crate::c::c(); crate::d::d(); #[cfg(test)] crate::e::e() }\nuse crate::f::F;";
        let modules = parse(text);
        let mentions: Vec<String> = modules[0].mentions.iter().map(|(path, _)| path.join("::")).collect();
        assert_eq!(mentions, ["crate::b::B", "crate::d::d"]);
        assert_eq!(imports(text), ["crate::f::F as F"]);
    }

    #[test]
    fn paths_in_code_and_macros_are_mentioned() {
        let text = "fn f(a: super::A) -> Vec<u8> {\n// crate::no::no\n\"crate::no\"; $crate::b::c!($x::y); ::d::e();\nb::g::<h::I>(self.j) }";
        let modules = parse(text);
        let mentions: Vec<(String, usize)> =
            modules[0].mentions.iter().map(|(path, line)| (path.join("::"), *line)).collect();
        let expected = [("super::A", 1), ("crate::b::c", 3), ("b::g", 4), ("h::I", 4)];
        assert_eq!(mentions, expected.map(|(path, line)| (path.to_owned(), line)));
        assert!(modules[0].defined.contains("f") && modules[0].has_code);
    }

    #[test]
    fn modules_are_declared_or_inline() {
        let modules =
            parse("mod a;\npub mod b;\npub(crate) mod c { pub(super) mod d; use super::a::X; }\nfn f() {}");
        let children: Vec<(&str, bool)> =
            modules.iter().flat_map(|m| &m.children).map(|c| (c.name.as_str(), c.is_private)).collect();
        assert_eq!(children, [("a", true), ("b", false), ("d", false)]);
        assert_eq!(modules[1].path, ["c"]);
        assert!(modules[0].has_code && !modules[1].has_code);

        let in_macro = parse("macro_rules! laws { ($name:ident) => { mod $name { use super::*; } } } mod e;");
        assert_eq!((in_macro[1].path.as_slice(), in_macro[0].children.len()), (&["name".to_owned()][..], 1));
    }
}
