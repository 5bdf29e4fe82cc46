//! A grid of scatter panels: the same observations seen as sources, data and recovered latents.

use std::collections::BTreeMap;

use ndarray::ArrayView2;

use super::axis::Axis;
use super::frame::path;
use super::legend::{self, Entry, Swatch};
use super::palette::{self, Colour};
use super::panel::{self, GAP, HEAD, LEFT};
use crate::svg::{Num, Svg, fit, text_width};

/// One panel: points, and what they are.
#[derive(Debug, Clone)]
pub struct ScatterPanel<'a> {
    /// What the points are: `True sources`.
    pub title: String,
    /// A second, lighter line: `MCC 0.93`. May be empty.
    pub subtitle: String,
    /// Horizontal and vertical positions `[N, 2]`; further columns are ignored.
    pub points: ArrayView2<'a, f64>,
    /// The class of each point `[N]`, counted from 0; `None` draws all points in one colour.
    pub classes: Option<&'a [u32]>,
}

/// How [`scatter_panels`] draws.
#[derive(Debug, Clone)]
pub struct ScatterOptions {
    /// Panels beside each other; 0 takes as many as there are, up to four.
    pub columns: usize,
    /// Side of a panel's plot area, in pixels.
    pub side: f64,
    /// The same scale on both axes of a panel.
    pub equal_aspect: bool,
    /// Most points drawn in one panel; more are thinned evenly over the rows.
    pub most_points: usize,
    /// What the classes are called in the legend; without names the legend counts from 1.
    pub class_names: Vec<String>,
    /// What a class is, for the legend: `segment`.
    pub class_label: String,
}

impl Default for ScatterOptions {
    fn default() -> Self {
        Self {
            columns: 0,
            side: 208.0,
            equal_aspect: false,
            most_points: 1500,
            class_names: Vec::new(),
            class_label: "class".to_owned(),
        }
    }
}

/// Classes are drawn in this many rounds, so that none hides all others.
const ROUNDS: usize = 4;

/// Panels of points coloured by class, side by side; on a phone the page puts them in two columns.
///
/// ```
/// use ivae_report::figure::{ScatterOptions, ScatterPanel, scatter_panels};
///
/// let points = ndarray::array![[0.0, 1.0], [1.0, 0.5], [2.0, -1.0]];
/// let panel = ScatterPanel {
///     title: "True sources".into(),
///     subtitle: String::new(),
///     points: points.view(),
///     classes: Some(&[0, 0, 1]),
/// };
/// let svg = scatter_panels(&[panel], &ScatterOptions::default());
/// assert!(svg.starts_with("<svg"));
/// ```
pub fn scatter_panels(panels: &[ScatterPanel<'_>], options: &ScatterOptions) -> String {
    let side = if options.side.is_finite() { options.side.clamp(40.0, 2000.0) } else { 208.0 };
    let count =
        panels.iter().filter_map(|p| p.classes?.iter().max()).max().map_or(0, |top| *top as usize + 1);
    let columns = if options.columns == 0 { 4 } else { options.columns }.min(panels.len()).max(1);
    let entries = entries(count.max(options.class_names.len()).min(palette::MOST_NAMED + 1), options);
    let colours = count.max(options.class_names.len());

    let cell = panel::cell(side);
    let size = |columns: usize| {
        let width = columns as f64 * cell.0;
        let (places, legend_height) = legend_places(&entries, colours, width);
        let rows = panels.len().div_ceil(columns).max(1) as f64;
        (width, rows * cell.1 + legend_height, rows * cell.1, places)
    };
    let (width, height, legend_top, places) = size(columns);
    let narrow = columns.min(2);
    let (narrow_width, narrow_height, narrow_top, narrow_places) = size(narrow);

    let mut svg = Svg::reflowing(width, height, narrow_width, narrow_height);
    for (i, panel) in panels.iter().enumerate() {
        let at = |columns: usize| ((i % columns) as f64 * cell.0, (i / columns) as f64 * cell.1);
        svg.movable(at(columns), at(narrow), 1.0);
        draw_panel(&mut svg, panel, side, colours, options);
        svg.raw("</g>\n");
    }
    if colours > palette::MOST_NAMED {
        svg.movable((LEFT, legend_top), (LEFT, narrow_top), 1.0);
        colour_bar(&mut svg, colours, &options.class_label);
        svg.raw("</g>\n");
    } else {
        for (entry, (wide, narrow)) in entries.iter().zip(places.into_iter().zip(narrow_places)) {
            svg.movable((LEFT + wide.0, legend_top + wide.1), (LEFT + narrow.0, narrow_top + narrow.1), 1.0);
            entry.draw(&mut svg, 0.0, 0.0);
            svg.raw("</g>\n");
        }
    }
    svg.raw("</g>\n");
    svg.finish()
}

fn entries(count: usize, options: &ScatterOptions) -> Vec<Entry> {
    let name = |i: usize| match options.class_names.get(i) {
        Some(name) => name.clone(),
        None => format!("{} {}", options.class_label, i + 1),
    };
    (0..count).map(|i| Entry::new(Swatch::Dot(palette::class(i, count)), name(i))).collect()
}

fn legend_places(entries: &[Entry], colours: usize, width: f64) -> (Vec<(f64, f64)>, f64) {
    if colours > palette::MOST_NAMED {
        return (Vec::new(), 30.0);
    }
    let (places, height) = legend::places(entries, width - LEFT - GAP);
    (places, if height > 0.0 { height + 6.0 } else { 0.0 })
}

/// The legend of many ordered classes: a strip with the first and the last of them.
fn colour_bar(svg: &mut Svg, count: usize, class_label: &str) {
    let first = format!("{class_label} 1");
    let start = text_width(&first, 12.0) + 8.0;
    let step = 120.0 / count as f64;
    svg.text(0.0, 16.0, "start", "m", &first);
    // A strip has at most as many stripes as one can see.
    let stripes = count.min(120);
    for i in 0..stripes {
        let class = i * (count - 1) / (stripes - 1).max(1);
        let (x, w) =
            (Num(start + i as f64 * 120.0 / stripes as f64), Num((120.0 / stripes as f64).max(step) + 0.3));
        let fill = palette::class(class, count).fill();
        svg.raw(format_args!("<rect x=\"{x}\" y=\"7\" width=\"{w}\" height=\"10\" {fill}/>"));
    }
    svg.text(start + 128.0, 16.0, "start", "m", &count.to_string());
}

fn draw_panel(svg: &mut Svg, panel: &ScatterPanel<'_>, side: f64, colours: usize, options: &ScatterOptions) {
    panel::head(svg, &panel.title, &panel.subtitle, side);

    let place = |i: usize| {
        let row = panel.points.row(i);
        match (row.get(0), row.get(1)) {
            (Some(x), Some(y)) if x.is_finite() && y.is_finite() => Some((i, *x, *y)),
            _ => None,
        }
    };
    let finite: Vec<(usize, f64, f64)> = (0..panel.points.nrows()).filter_map(place).collect();
    let drawn = thin(finite.len(), options.most_points);
    if drawn.is_empty() {
        svg.text(LEFT + side / 2.0, HEAD + side / 2.0, "middle", "m", "no data");
        return;
    }
    let mut x = Axis::over(drawn.iter().map(|k| finite[*k].1), false, 0.05);
    let mut y = Axis::over(drawn.iter().map(|k| finite[*k].2), false, 0.05);
    if options.equal_aspect {
        let half = ((x.high - x.low) / 2.0).max((y.high - y.low) / 2.0);
        let around = |axis: Axis| {
            let middle = axis.low / 2.0 + axis.high / 2.0;
            Axis::new(middle - half, middle + half)
        };
        (x, y) = (around(x), around(y));
    }
    panel::ticks(svg, side, x, y);

    // One path per class and round; round caps turn each empty segment into a dot.
    let mut paths: BTreeMap<(usize, usize), Vec<(f64, f64)>> = BTreeMap::new();
    for (k, (i, px, py)) in drawn.iter().map(|k| finite[*k]).enumerate() {
        let class = panel.classes.and_then(|c| c.get(i)).map_or(0, |c| *c as usize);
        let at = (LEFT + x.fraction(px) * side, HEAD + (1.0 - y.fraction(py)) * side);
        paths.entry((k % ROUNDS, class)).or_default().push(at);
    }
    let dot = Num((70.0 / (drawn.len() as f64).sqrt()).clamp(3.0, 8.0) * (side / 208.0).sqrt());
    for ((_, class), points) in &paths {
        draw_dots(svg, points, dot, palette::class(*class, colours.max(1)));
    }
    let lost = panel.points.nrows() - finite.len();
    if lost > 0 {
        let words = format!("{lost} not finite, not drawn");
        svg.text(LEFT + side - 6.0, HEAD + side - 7.0, "end", "t", &fit(&words, 11.0, side - 12.0));
    }
}

fn draw_dots(svg: &mut Svg, points: &[(f64, f64)], width: Num, colour: Colour) {
    let tenth = |v: f64| (v * 10.0).round() / 10.0;
    let dots = points.iter().flat_map(|(x, y)| [Some((tenth(*x), tenth(*y))), None]);
    svg.raw(format_args!(
        "<path fill=\"none\" stroke-width=\"{width}\" stroke-linecap=\"round\" stroke-opacity=\".8\" {} d=\"{}\"/>\n",
        colour.stroke(),
        path(dots)
    ));
}

/// At most `most` of `0..len`, one from each equal stretch; the golden ratio picks the place within the stretch, so
/// that no period in the rows is favoured.
fn thin(len: usize, most: usize) -> Vec<usize> {
    if len <= most {
        return (0..len).collect();
    }
    let stretch = len as f64 / most as f64;
    let jitter = |k: usize| (k as f64 * 0.618_033_988_749_894_9).fract();
    (0..most).map(|k| (((k as f64 + jitter(k)) * stretch) as usize).min(len - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_is_even_and_blind_to_periods() {
        assert_eq!(thin(3, 5), [0, 1, 2]);
        let kept = thin(7500, 1500);
        assert_eq!(kept.len(), 1500);
        assert!(kept.windows(2).all(|w| w[0] < w[1]));
        for class in 0..5 {
            let count = kept.iter().filter(|i| *i % 5 == class).count();
            assert!((280..=320).contains(&count), "class {class}: {count}");
        }
    }
}
