//! A string that SVG is written into: numbers that are always finite, text that is always escaped.

use std::fmt::{self, Display, Write};

/// Rules shared by all figures. Colours of data are attributes (light theme, understood by every renderer) with a
/// dark twin in `--d`; everything else is a class here. Screens only, so that paper stays light.
const STYLE: &str = concat!(
    ".ivae-fig{fill:#1b2130;font:12px Inter,system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,",
    "'Liberation Sans',sans-serif;font-variant-numeric:tabular-nums}",
    ".ivae-fig .h{font-weight:600;font-size:13px}",
    ".ivae-fig .b{font-weight:600}",
    ".ivae-fig .m{fill:#5a6373}",
    ".ivae-fig .t{fill:#5a6373;font-size:11px}",
    ".ivae-fig .a{fill:none;stroke:#9aa3b1}",
    ".ivae-fig .g{fill:none;stroke:#e4e8ee}",
    ".ivae-fig .k{fill:none;stroke:#1b2130}",
    ".ivae-fig .o{fill:none;stroke:#a3acba}",
    "@media screen and (prefers-color-scheme:dark){",
    ".ivae-fig{fill:#e7ebf2}",
    ".ivae-fig .m,.ivae-fig .t{fill:#a0a9b8}",
    ".ivae-fig .a{stroke:#5c6677}",
    ".ivae-fig .g{stroke:#262e3b}",
    ".ivae-fig .k{stroke:#e7ebf2}",
    ".ivae-fig .o{stroke:#697486}",
    ".ivae-fig .s{stroke:var(--d)}",
    ".ivae-fig .f{fill:var(--d)}}",
);

/// A picture of fixed size in user units; drawing appends to it.
#[derive(Debug)]
pub(crate) struct Svg {
    out: String,
}

impl Svg {
    /// An empty picture.
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self::with(width, height, "", "")
    }

    /// An empty picture that has another shape on narrow screens: the page then scales group `r`, which holds
    /// everything and which the caller closes, and moves the groups of [`Svg::movable`]. Elsewhere
    /// than in a page the wide shape holds.
    pub(crate) fn reflowing(width: f64, height: f64, narrow_width: f64, narrow_height: f64) -> Self {
        let (w, h, scale) = (Num(narrow_width), Num(narrow_height), Num(width / narrow_width));
        let mut svg =
            Self::with(width, height, " ivae-reflow", &format!(";--nr:{w}/{h};--ns:scale({scale})"));
        svg.raw("<g class=\"r\">\n");
        svg
    }

    fn with(width: f64, height: f64, class: &str, style: &str) -> Self {
        let (w, h) = (Num(width), Num(height));
        let out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"ivae-fig{class}\" viewBox=\"0 0 {w} {h}\" \
             width=\"{w}\" height=\"{h}\" preserveAspectRatio=\"xMinYMin meet\" style=\"--w:{w}px{style}\">\
             <style>{STYLE}</style>\n"
        );
        Self { out }
    }

    /// Opens a group whose origin is at one place on wide and another on narrow screens, where it is also stretched
    /// to the right by `stretch`. Close it with `</g>`.
    pub(crate) fn movable(&mut self, wide: (f64, f64), narrow: (f64, f64), stretch: f64) {
        let (x, y, narrow_x, narrow_y) = (Num(wide.0), Num(wide.1), Num(narrow.0), Num(narrow.1));
        let stretch = if stretch == 1.0 { String::new() } else { format!(" scale({stretch:.4},1)") };
        self.raw(format_args!(
            "<g class=\"p\" transform=\"translate({x} {y})\" style=\"--n:translate({narrow_x}px,{narrow_y}px){stretch}\">\n"
        ));
    }

    /// Appends markup as it is; the caller answers for its being well formed.
    pub(crate) fn raw(&mut self, markup: impl Display) {
        // Writing into a string cannot fail.
        let _ = write!(self.out, "{markup}");
    }

    /// Text whose baseline starts (`"start"`), is centred (`"middle"`) or ends (`"end"`) at `x`.
    pub(crate) fn text(&mut self, x: f64, y: f64, anchor: &str, class: &str, content: &str) {
        let anchor = if anchor == "start" { String::new() } else { format!(" text-anchor=\"{anchor}\"") };
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let (x, y) = (Num(x), Num(y));
        self.raw(format_args!("<text x=\"{x}\" y=\"{y}\"{anchor}{class}>{}</text>\n", Escaped(content)));
    }

    /// Text that reads upwards, centred at `(x, y)`.
    pub(crate) fn text_up(&mut self, x: f64, y: f64, class: &str, content: &str) {
        let (x, y) = (Num(x), Num(y));
        self.raw(format_args!(
            "<text transform=\"translate({x} {y}) rotate(-90)\" text-anchor=\"middle\" class=\"{class}\">{}</text>\n",
            Escaped(content)
        ));
    }

    /// A straight line in the style of a class.
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(Num);
        self.raw(format_args!("<path class=\"{class}\" d=\"M{x1} {y1}L{x2} {y2}\"/>\n"));
    }

    /// The finished picture.
    pub(crate) fn finish(mut self) -> String {
        self.out.push_str("</svg>");
        self.out
    }
}

/// A coordinate: at most two decimals, no trailing zeros, never NaN or infinite.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Num(pub(crate) f64);

impl Display for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.0.is_nan() { 0.0 } else { self.0.clamp(-1e6, 1e6) };
        let text = format!("{value:.2}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        f.write_str(if text == "-0" { "0" } else { text })
    }
}

/// Text made safe for element content and attribute values; characters that XML forbids become U+FFFD.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\t' | '\n' | '\r' => f.write_char(' ')?,
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}')?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Roughly how wide `text` is at `size` units, on the wide side: no font files are read.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    let ems = |c| match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | 'I' | ' ' | '\u{202f}' => 0.31,
        'f' | 'r' | 't' | '(' | ')' | '-' => 0.4,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.9,
        'A'..='Z' => 0.7,
        '\u{2000}'..='\u{2fff}' => 0.65,
        '\u{1100}'.. => 1.05,
        _ => 0.59,
    };
    text.chars().map(ems).sum::<f64>() * size
}

/// `text`, cut with an ellipsis where it would be wider than `width`.
pub(crate) fn fit(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if text_width(&kept, size) + size > width {
            kept.pop();
            break;
        }
    }
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_finite() {
        let shown: Vec<String> = [0.0, -0.001, 1.5, 2.345, 100.0, f64::NAN, f64::INFINITY]
            .iter()
            .map(|v| Num(*v).to_string())
            .collect();
        assert_eq!(shown, ["0", "0", "1.5", "2.35", "100", "0", "1000000"]);
    }

    #[test]
    fn markup_in_text_is_inert() {
        assert_eq!(Escaped("<b a=\"1\">&'\u{1}").to_string(), "&lt;b a=&quot;1&quot;&gt;&amp;&#39;\u{fffd}");
    }

    #[test]
    fn long_text_is_cut_to_its_room() {
        assert_eq!(fit("short", 12.0, 100.0), "short");
        let cut = fit("a very long label indeed", 12.0, 60.0);
        assert!(cut.ends_with('…') && text_width(&cut, 12.0) <= 60.0 + 6.0, "{cut}");
        assert_eq!(fit("anything", 12.0, 0.0), "…");
    }
}
