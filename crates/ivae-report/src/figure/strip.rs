//! Rows of dots on one axis: every run of every setting.

use super::axis::Axis;
use super::extent::extent;
use super::legend::{self, Entry, Swatch};
use super::palette::{ACCENT, OTHERS};
use crate::svg::{Num, Svg, fit, text_width};

/// One row.
#[derive(Debug, Clone, Default)]
pub struct Strip {
    /// The setting.
    pub label: String,
    /// Its values; those that are not finite are left out.
    pub dots: Vec<StripDot>,
    /// A remark at the right end of the row; may be empty.
    pub note: String,
}

/// One dot.
#[derive(Debug, Clone, Copy, Default)]
pub struct StripDot {
    /// Its place on the axis.
    pub value: f64,
    /// Drawn in colour, and above the others.
    pub emphasis: bool,
}

/// How [`strips`] draws.
#[derive(Debug, Clone)]
pub struct StripOptions {
    /// Width of the figure, in pixels.
    pub width: f64,
    /// What runs to the right.
    pub x_label: String,
    /// Ends of the axis; without them it covers the values.
    pub range: Option<(f64, f64)>,
    /// What the coloured dots are; may be empty.
    pub emphasised: String,
    /// What the other dots are; may be empty.
    pub others: String,
    /// What the remarks are; may be empty.
    pub note_label: String,
}

impl Default for StripOptions {
    fn default() -> Self {
        Self {
            width: 460.0,
            x_label: String::new(),
            range: None,
            emphasised: String::new(),
            others: String::new(),
            note_label: String::new(),
        }
    }
}

const ROW: f64 = 30.0;
const RADIUS: f64 = 4.5;

/// A row of dots for each setting, in the order given.
pub fn strips(rows: &[Strip], options: &StripOptions) -> String {
    let width = extent(options.width, 160.0);
    let size = |text: &str| text_width(text, 12.0);
    let widest = |of: fn(&Strip) -> &str| rows.iter().map(|row| size(of(row))).fold(0.0, f64::max);
    let left = widest(|row| &row.label).min(0.45 * width) + 14.0;
    let right = widest(|row| &row.note).max(size(&options.note_label)).min(0.3 * width) + 16.0;
    let inner = (width - left - right).max(40.0);
    let key = [(ACCENT, &options.emphasised), (OTHERS, &options.others)];
    let legend: Vec<Entry> = key
        .into_iter()
        .filter(|(_, label)| !label.is_empty())
        .map(|(colour, label)| Entry::new(Swatch::Dot(colour), label.as_str()))
        .collect();
    let key_height = legend::places(&legend, width - left).1;
    let top = key_height + if options.note_label.is_empty() { 8.0 } else { 24.0 };
    let foot = top + rows.len() as f64 * ROW;

    let mut svg = Svg::new(width, foot + if options.x_label.is_empty() { 26.0 } else { 44.0 });
    legend::draw(&mut svg, &legend, left, 2.0, width - left);
    svg.text(width - right + 12.0, top - 7.0, "start", "m", &fit(&options.note_label, 12.0, right - 12.0));
    let values = || rows.iter().flat_map(|row| &row.dots).map(|dot| dot.value);
    let axis = match options.range.filter(|(low, high)| low.is_finite() && high.is_finite()) {
        Some((low, high)) => Axis::new(low, high),
        None => Axis::over(values(), false, 0.03),
    };
    for tick in axis.ticks((inner / 60.0) as usize + 1) {
        let at = left + tick.at * inner;
        svg.line((at, top), (at, foot), "g");
        svg.text(at, foot + 15.0, "middle", "t", &tick.label);
    }
    svg.text(left + inner / 2.0, foot + 33.0, "middle", "m", &fit(&options.x_label, 12.0, inner));
    svg.line((left, top), (left, foot), "a");
    for (i, row) in rows.iter().enumerate() {
        let middle = top + (i as f64 + 0.5) * ROW;
        svg.text(left - 12.0, middle + 4.2, "end", "", &fit(&row.label, 12.0, left - 12.0));
        svg.text(width - right + 12.0, middle + 4.2, "start", "m", &fit(&row.note, 12.0, right - 12.0));
        for (emphasis, colour) in [(false, OTHERS), (true, ACCENT)] {
            let of = row.dots.iter().filter(|dot| dot.emphasis == emphasis && dot.value.is_finite());
            for dot in of {
                let at = Num(left + axis.fraction(dot.value).clamp(0.0, 1.0) * inner);
                svg.raw(format_args!(
                    "<circle cx=\"{at}\" cy=\"{}\" r=\"{RADIUS}\" fill-opacity=\".7\" {}/>\n",
                    Num(middle),
                    colour.fill()
                ));
            }
        }
    }
    if values().all(|v| !v.is_finite()) {
        svg.text(left + inner / 2.0, top + 12.0, "middle", "m", "no data");
    }
    svg.finish()
}
