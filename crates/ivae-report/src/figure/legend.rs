//! A row of swatches with their names, wrapped to the width at hand.

use super::palette::Colour;
use crate::svg::{Num, Svg, fit, text_width};

/// How a legend entry is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Swatch {
    Dot(Colour),
    Line(Colour, f64),
    Dashed(Colour, f64),
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) swatch: Swatch,
    pub(crate) label: String,
}

/// Height of one row.
pub(crate) const ROW: f64 = 18.0;
const SIZE: f64 = 12.0;

impl Entry {
    pub(crate) fn new(swatch: Swatch, label: impl Into<String>) -> Self {
        Self { swatch, label: label.into() }
    }

    fn swatch_width(&self) -> f64 {
        if matches!(self.swatch, Swatch::Dot(_)) { 14.0 } else { 28.0 }
    }

    fn label(&self) -> String {
        fit(&self.label, SIZE, 200.0)
    }

    /// Draws the entry with its left end at `x` and its middle at `y`.
    pub(crate) fn draw(&self, svg: &mut Svg, x: f64, y: f64) {
        match self.swatch {
            Swatch::Dot(colour) => {
                let (cx, cy) = (Num(x + 4.5), Num(y));
                svg.raw(format_args!("<circle cx=\"{cx}\" cy=\"{cy}\" r=\"4.5\" {}/>", colour.fill()));
            }
            Swatch::Line(colour, width) | Swatch::Dashed(colour, width) => {
                let dashes = if matches!(self.swatch, Swatch::Dashed(..)) { DASHES } else { "" };
                let (x1, y) = (Num(x), Num(y));
                svg.raw(format_args!(
                    "<path d=\"M{x1} {y}h22\" fill=\"none\" stroke-width=\"{}\"{dashes} {}/>",
                    Num(width),
                    colour.stroke()
                ));
            }
        }
        svg.text(x + self.swatch_width(), y + 4.0, "start", "m", &self.label());
    }
}

/// The dash pattern of all dashed lines, as an attribute.
pub(crate) const DASHES: &str = " stroke-dasharray=\"4.5 3\"";

/// The place of each entry in a legend `width` wide (left end, middle), and the legend's height.
pub(crate) fn places(entries: &[Entry], width: f64) -> (Vec<(f64, f64)>, f64) {
    let (mut x, mut row) = (0.0, 0.0);
    let mut places = Vec::with_capacity(entries.len());
    for entry in entries {
        let room = entry.swatch_width() + text_width(&entry.label(), SIZE);
        if x > 0.0 && x + room > width {
            (x, row) = (0.0, row + 1.0);
        }
        places.push((x, (row + 0.5) * ROW));
        x += room + 14.0;
    }
    let height = if entries.is_empty() { 0.0 } else { (row + 1.0) * ROW };
    (places, height)
}

/// Draws a legend with its upper left corner at `(left, top)` and returns its height.
pub(crate) fn draw(svg: &mut Svg, entries: &[Entry], left: f64, top: f64, width: f64) -> f64 {
    let (places, height) = places(entries, width);
    for (entry, (x, y)) in entries.iter().zip(places) {
        entry.draw(svg, left + x, top + y);
    }
    height
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::palette::ACCENT;

    #[test]
    fn entries_wrap_without_overlap() {
        let entries: Vec<Entry> =
            (0..9).map(|i| Entry::new(Swatch::Dot(ACCENT), format!("speaker {i}"))).collect();
        let (places, height) = places(&entries, 220.0);
        assert!(height > 2.0 * ROW && height.rem_euclid(ROW) == 0.0);
        assert!(places.windows(2).all(|p| p[1].1 > p[0].1 || p[1].0 > p[0].0 + 40.0));
        assert_eq!(super::places(&[], 220.0).1, 0.0);
    }
}
