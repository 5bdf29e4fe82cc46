//! Splits Rust source into words and signs, without its comments, strings and character literals.

/// A word (identifier, keyword or number), `::`, or any other sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Colons,
    Sign(char),
}

/// The tokens of `text`, each with its line, counted from 1.
pub(super) fn tokens(text: &str) -> Vec<(Token<'_>, usize)> {
    let mut out = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '/' if rest.starts_with("//") => (None, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (None, block_comment(rest)),
            '"' => (None, string(rest)),
            '\'' => (None, quote(rest)),
            ':' if rest.starts_with("::") => (Some(Token::Colons), 2),
            'r' | 'b' | 'c' if raw_string(rest).is_some() => (None, raw_string(rest).unwrap_or(1)),
            _ if is_word(first) => {
                let length = word(rest);
                (Some(Token::Word(&rest[..length])), length)
            }
            _ if first.is_whitespace() => (None, first.len_utf8()),
            _ => (Some(Token::Sign(first)), first.len_utf8()),
        };
        out.extend(token.map(|token| (token, line)));
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The length of the word at the start, with the `r#` of a raw identifier.
fn word(text: &str) -> usize {
    let prefix = if text.starts_with("r#") { 2 } else { 0 };
    prefix + text[prefix..].find(|c| !is_word(c)).unwrap_or(text.len() - prefix)
}

/// The length of the block comment at the start; block comments nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        let here = &text.as_bytes()[at..];
        if here.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with(b"*/") {
            depth -= 1;
            at += 2;
        } else {
            at += 1;
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of the string at the start.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of the raw string at the start, `r"…"` or `br#"…"#`; `None` if there is none.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix(['b', 'c']).unwrap_or(text).strip_prefix('r')?;
    let quoted = after.trim_start_matches('#');
    let end = format!("\"{}", "#".repeat(after.len() - quoted.len()));
    let body = quoted.strip_prefix('"')?;
    let length = body.find(&end).map_or(body.len(), |at| at + end.len());
    Some(text.len() - body.len() + length)
}

/// The length of the character literal or lifetime at the start.
fn quote(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        // The escaped character itself may be a quote.
        (Some((_, '\\')), Some((at, escaped))) => {
            let after = at + escaped.len_utf8();
            text[after..].find('\'').map_or(text.len(), |end| after + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1 + word(&text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let word = |(token, _)| if let Token::Word(word) = token { Some(word) } else { None };
        tokens(text).into_iter().filter_map(word).collect()
    }

    #[test]
    fn comments_and_literals_are_left_out() {
        let text = r##"a // crate::b
            /* c /* d */ e */ f "g \" h" i r#"j " k"# l 'm' n '\'' o '"' p b'q' br"\" 'life s r#type '\u{1F600}' t"##;
        assert_eq!(words(text), ["a", "f", "i", "l", "n", "o", "p", "b", "s", "r#type", "t"]);
    }

    #[test]
    fn every_token_has_its_line() {
        let text = "use\n/*\n*/ a::\n\"\n\" b;";
        let expected = [
            (Token::Word("use"), 1),
            (Token::Word("a"), 3),
            (Token::Colons, 3),
            (Token::Word("b"), 5),
            (Token::Sign(';'), 5),
        ];
        assert_eq!(tokens(text), expected);
    }

    #[test]
    fn an_unclosed_literal_ends_with_the_text() {
        for text in ["\"a", "/* a", "r#\"a", "'\\", "'", "r"] {
            assert!(tokens(text).len() <= 1, "{text}");
        }
    }
}
