//! The little Markdown that leads and captions may use: paragraphs, `code`, **bold**, *emphasis* and links.

use crate::svg::Escaped;

/// Paragraphs, separated by blank lines, as HTML. All else in `text` is escaped.
pub(crate) fn paragraphs(text: &str) -> String {
    let mut html = String::new();
    let mut paragraph = String::new();
    for line in text.lines().map(str::trim).chain([""]) {
        if !line.is_empty() {
            if !paragraph.is_empty() {
                paragraph.push(' ');
            }
            paragraph.push_str(line);
        } else if !paragraph.is_empty() {
            html.push_str(&format!("<p>{}</p>\n", inline(&paragraph)));
            paragraph.clear();
        }
    }
    html
}

/// One run of text as HTML. A mark without its partner stands for itself.
pub(crate) fn inline(text: &str) -> String {
    let mut html = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (markup, used) = marked(rest).unwrap_or_else(|| {
            let one = &rest[..c.len_utf8()];
            (Escaped(one).to_string(), one.len())
        });
        html.push_str(&markup);
        rest = &rest[used..];
    }
    html
}

/// The markup that `text` starts with, if it does, and how many bytes it takes.
fn marked(text: &str) -> Option<(String, usize)> {
    for (mark, tag) in [("`", "code"), ("**", "strong"), ("*", "em")] {
        let Some(after) = text.strip_prefix(mark) else { continue };
        let inside = &after[..after.find(mark)?];
        if inside.is_empty() || inside.starts_with(' ') || inside.ends_with(' ') {
            return None;
        }
        let content = if tag == "code" { Escaped(inside).to_string() } else { inline(inside) };
        return Some((format!("<{tag}>{content}</{tag}>"), 2 * mark.len() + inside.len()));
    }
    let after = text.strip_prefix('[')?;
    let (words, after) = after.split_once("](")?;
    let (target, _) = after.split_once(')')?;
    let safe = ["https://", "http://", "#"].iter().any(|start| target.starts_with(start));
    if !safe || words.contains('[') || target.contains(char::is_whitespace) {
        return None;
    }
    let link = format!("<a href=\"{}\">{}</a>", Escaped(target), inline(words));
    Some((link, words.len() + target.len() + "[]()".len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_few_marks_work() {
        assert_eq!(
            inline("a **b *c* d** `x < *y*`"),
            "a <strong>b *c* d</strong> <code>x &lt; *y*</code>".replace("*c*", "<em>c</em>")
        );
        assert_eq!(inline("see [the book](#book)."), "see <a href=\"#book\">the book</a>.");
        assert_eq!(paragraphs("one\ntwo\n\n\nthree\n"), "<p>one two</p>\n<p>three</p>\n");
        assert_eq!(paragraphs(" \n"), "");
    }

    #[test]
    fn everything_else_is_text() {
        assert_eq!(
            inline("2 * 3 * 4 ** 5, `open, **, <script>"),
            "2 * 3 * 4 ** 5, `open, **, &lt;script&gt;"
        );
        assert_eq!(inline("[x](javascript:alert(1))"), "[x](javascript:alert(1))");
        assert_eq!(inline("[x](https://a\"onclick=b)"), "<a href=\"https://a&quot;onclick=b\">x</a>");
        assert_eq!(inline("ä[ö](é"), "ä[ö](é");
    }
}
