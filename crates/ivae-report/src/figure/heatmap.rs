//! A matrix of amounts: correlations, agreements.

use ndarray::ArrayView2;

use super::axis::decimals;
use super::extent::extent;
use super::palette;
use crate::svg::{Num, Svg, fit, text_width};

/// How [`heatmap`] draws.
#[derive(Debug, Clone)]
pub struct HeatmapOptions {
    /// Title; may be empty.
    pub title: String,
    /// Names of the rows; missing ones are numbered from 1.
    pub row_names: Vec<String>,
    /// Names of the columns; missing ones are numbered from 1.
    pub column_names: Vec<String>,
    /// What the rows are.
    pub row_label: String,
    /// What the columns are.
    pub column_label: String,
    /// The values at the ends of the colour scale.
    pub range: (f64, f64),
    /// Decimals of the printed values.
    pub digits: usize,
    /// Cells to outline, as (row, column): a matching, say.
    pub marked: Vec<(usize, usize)>,
    /// Largest width of the cells together, in pixels.
    pub width: f64,
}

impl Default for HeatmapOptions {
    fn default() -> Self {
        Self {
            title: String::new(),
            row_names: Vec::new(),
            column_names: Vec::new(),
            row_label: String::new(),
            column_label: String::new(),
            range: (0.0, 1.0),
            digits: 2,
            marked: Vec::new(),
            width: 360.0,
        }
    }
}

/// A matrix `[rows, columns]` in shades of one colour; values are printed where the cells have room for them.
pub fn heatmap(values: ArrayView2<'_, f64>, options: &HeatmapOptions) -> String {
    let (rows, columns) = values.dim();
    let name = |names: &[String], i: usize| names.get(i).cloned().unwrap_or_else(|| (i + 1).to_string());
    let widest = |names: &[String], count: usize| {
        (0..count).map(|i| text_width(&name(names, i), 11.0)).fold(0.0, f64::max).min(120.0)
    };
    let most = extent(options.width, 60.0);
    let cell = (most / columns.max(rows).max(1) as f64).clamp(2.0, 52.0);
    let named = cell >= 11.0;
    let side_label = if options.row_label.is_empty() { 0.0 } else { 20.0 };
    let left = side_label + if named { widest(&options.row_names, rows) + 10.0 } else { 4.0 };
    let column_widest = if named { widest(&options.column_names, columns) } else { 0.0 };
    let turned = column_widest > cell - 6.0;
    let names_height = if turned { column_widest + 8.0 } else { 16.0 };
    let head = if options.title.is_empty() { 0.0 } else { 24.0 };
    let label_height = if options.column_label.is_empty() { 0.0 } else { 18.0 };
    let top = head + label_height + names_height + 4.0;
    let (wide, high) = (columns as f64 * cell, rows as f64 * cell);
    let scale_height = high.clamp(80.0, 160.0);
    let width = (left + wide + 70.0).max(text_width(&options.title, 13.0).min(most));
    let mut svg = Svg::new(width, top + high.max(scale_height) + 8.0);
    svg.text(0.0, 13.0, "start", "h", &fit(&options.title, 13.0, width));
    if rows * columns == 0 {
        svg.text(left, top + 30.0, "start", "m", "no data");
        return svg.finish();
    }
    svg.text(left + wide / 2.0, head + 13.0, "middle", "m", &fit(&options.column_label, 12.0, wide + 60.0));
    if !options.row_label.is_empty() {
        svg.text_up(12.0, top + high / 2.0, "m", &fit(&options.row_label, 12.0, top + high));
    }

    let (low, span) = (options.range.0, options.range.1 - options.range.0);
    let print = cell >= 6.0 + text_width(&decimals(options.range.1, options.digits), 11.0);
    for ((i, j), value) in values.indexed_iter() {
        let (x, y) = (left + j as f64 * cell, top + i as f64 * cell);
        let (px, py, w) = (Num(x), Num(y), Num((cell - 1.0).max(0.9 * cell)));
        let (fill, ink) = palette::amount((value - low) / span);
        if value.is_finite() {
            svg.raw(format_args!(
                "<rect x=\"{px}\" y=\"{py}\" width=\"{w}\" height=\"{w}\" {}/>",
                fill.fill()
            ));
        } else {
            svg.raw(format_args!("<rect x=\"{px}\" y=\"{py}\" width=\"{w}\" height=\"{w}\" class=\"g\"/>"));
        }
        if print {
            let (tx, ty) = (Num(x + (cell - 1.0) / 2.0), Num(y + (cell - 1.0) / 2.0 + 4.0));
            let text = decimals(*value, options.digits);
            let paint = if value.is_finite() { ink.fill().to_string() } else { "class=\"m\"".to_owned() };
            svg.raw(format_args!(
                "<text x=\"{tx}\" y=\"{ty}\" text-anchor=\"middle\" font-size=\"11\" {paint}>{text}</text>"
            ));
        }
    }
    svg.raw("\n");
    let mark = options.marked.iter().filter(|(i, j)| *i < rows && *j < columns);
    for (i, j) in mark {
        let (x, y) = (Num(left + *j as f64 * cell + 0.25), Num(top + *i as f64 * cell + 0.25));
        let w = Num(cell - 1.5);
        svg.raw(format_args!(
            "<rect class=\"k\" stroke-width=\"1.8\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{w}\"/>\n"
        ));
    }
    if named {
        for i in 0..rows {
            let text = fit(&name(&options.row_names, i), 11.0, 126.0);
            svg.text(left - 7.0, top + (i as f64 + 0.5) * cell + 3.5, "end", "t", &text);
        }
        for j in 0..columns {
            let text = fit(&name(&options.column_names, j), 11.0, 126.0);
            let x = left + (j as f64 + 0.5) * cell;
            if turned {
                svg.raw(format_args!(
                    "<g transform=\"translate({} {}) rotate(-90)\">",
                    Num(x + 3.5),
                    Num(top - 6.0)
                ));
                svg.text(0.0, 0.0, "start", "t", &text);
                svg.raw("</g>\n");
            } else {
                svg.text(x, top - 6.0, "middle", "t", &text);
            }
        }
    }
    scale(&mut svg, left + wide + 16.0, top, scale_height, options);
    svg.finish()
}

/// The colour scale at the right, with its ends.
fn scale(svg: &mut Svg, x: f64, top: f64, height: f64, options: &HeatmapOptions) {
    const STRIPES: usize = 40;
    let stripe = height / STRIPES as f64;
    for i in 0..STRIPES {
        let (colour, _) = palette::amount(1.0 - (i as f64 + 0.5) / STRIPES as f64);
        let (px, y, h) = (Num(x), Num(top + i as f64 * stripe), Num(stripe + 0.4));
        svg.raw(format_args!("<rect x=\"{px}\" y=\"{y}\" width=\"9\" height=\"{h}\" {}/>", colour.fill()));
    }
    svg.text(x + 14.0, top + 9.0, "start", "t", &decimals(options.range.1, options.digits.min(1)));
    svg.text(x + 14.0, top + height, "start", "t", &decimals(options.range.0, options.digits.min(1)));
}
