//! Panels of curves in the plane: contours of densities, and what maps do to a shape.

use super::axis::Axis;
use super::extent::extent;
use super::frame::path;
use super::legend::{self, DASHES, Entry, Swatch};
use super::palette::{self, Colour};
use super::panel::{self, GAP, HEAD, LEFT};
use crate::svg::{Num, Svg};

/// One panel.
#[derive(Debug, Clone, Default)]
pub struct PlanePanel {
    /// What it shows: `Two centres`.
    pub title: String,
    /// A second, lighter line; may be empty.
    pub subtitle: String,
    /// The curves, the first lowest.
    pub curves: Vec<PlaneCurve>,
}

/// A curve through points of the plane.
#[derive(Debug, Clone, Default)]
pub struct PlaneCurve {
    /// The points in order; one alone is a dot. A point that is not finite breaks the curve.
    pub points: Vec<(f64, f64)>,
    /// Its kind, an index of [`PlaneOptions::kinds`]; curves of kinds that are not listed are not drawn.
    pub kind: usize,
}

/// How the curves of one kind are drawn, and what they are.
#[derive(Debug, Clone, Default)]
pub struct PlaneKind {
    /// Name in the legend; without one it is not listed there.
    pub label: String,
    /// Index of the colour; `None` is a muted one, for what stands behind.
    pub colour: Option<usize>,
    /// Width of the line, or of a dot.
    pub width: f64,
    /// Drawn dashed.
    pub dashed: bool,
}

/// How [`plane_panels`] draws.
#[derive(Debug, Clone)]
pub struct PlaneOptions {
    /// Side of a panel's plot area, in pixels.
    pub side: f64,
    /// Every panel shows the square from −`reach` to `reach`.
    pub reach: f64,
    /// The kinds of curves.
    pub kinds: Vec<PlaneKind>,
}

impl Default for PlaneOptions {
    fn default() -> Self {
        Self { side: 208.0, reach: 1.0, kinds: Vec::new() }
    }
}

/// Panels of curves, side by side; on a phone the page puts them in two columns.
///
/// ```
/// use ivae_report::figure::{PlaneCurve, PlaneKind, PlaneOptions, PlanePanel, plane_panels};
///
/// let circle = (0..=60).map(|i| (f64::from(i) * 0.1047).sin_cos()).collect();
/// let panel = PlanePanel {
///     title: "A circle".into(),
///     curves: vec![PlaneCurve { points: circle, kind: 0 }],
///     ..PlanePanel::default()
/// };
/// let kind = PlaneKind { label: "of radius 1".into(), colour: Some(0), width: 1.5, dashed: false };
/// let svg = plane_panels(&[panel], &PlaneOptions { reach: 2.0, kinds: vec![kind], ..PlaneOptions::default() });
/// assert!(svg.starts_with("<svg"));
/// ```
pub fn plane_panels(panels: &[PlanePanel], options: &PlaneOptions) -> String {
    let side = if options.side.is_finite() { options.side.clamp(40.0, 2000.0) } else { 208.0 };
    let reach = if options.reach.is_finite() { options.reach.abs() } else { 1.0 };
    let entries: Vec<Entry> = options.kinds.iter().filter(|kind| !kind.label.is_empty()).map(entry).collect();
    let cell = panel::cell(side);
    let size = |columns: usize| {
        let width = columns as f64 * cell.0;
        let (places, height) = legend::places(&entries, width - LEFT - GAP);
        let top = panels.len().div_ceil(columns).max(1) as f64 * cell.1;
        (width, top + height + 6.0, top, places)
    };
    let (columns, narrow) = (panels.len().clamp(1, 4), panels.len().clamp(1, 2));
    let (width, height, legend_top, places) = size(columns);
    let (narrow_width, narrow_height, narrow_top, narrow_places) = size(narrow);
    let mut svg = Svg::reflowing(width, height, narrow_width, narrow_height);
    for (i, panel) in panels.iter().enumerate() {
        let at = |columns: usize| ((i % columns) as f64 * cell.0, (i / columns) as f64 * cell.1);
        svg.movable(at(columns), at(narrow), 1.0);
        draw_panel(&mut svg, panel, side, Axis::new(-reach, reach), &options.kinds);
        svg.raw("</g>\n");
    }
    for (entry, (wide, narrow)) in entries.iter().zip(places.into_iter().zip(narrow_places)) {
        svg.movable((LEFT + wide.0, legend_top + wide.1), (LEFT + narrow.0, narrow_top + narrow.1), 1.0);
        entry.draw(&mut svg, 0.0, 0.0);
        svg.raw("</g>\n");
    }
    svg.raw("</g>\n");
    svg.finish()
}

fn entry(kind: &PlaneKind) -> Entry {
    let (colour, width) = (colour(kind), width(kind));
    let swatch = if kind.dashed { Swatch::Dashed(colour, width) } else { Swatch::Line(colour, width) };
    Entry::new(swatch, &kind.label)
}

fn colour(kind: &PlaneKind) -> Colour {
    kind.colour.map_or(palette::OTHERS, |index| palette::class(index, 7))
}

fn width(kind: &PlaneKind) -> f64 {
    extent(kind.width, 0.5).min(20.0)
}

fn draw_panel(svg: &mut Svg, panel: &PlanePanel, side: f64, axis: Axis, kinds: &[PlaneKind]) {
    panel::head(svg, &panel.title, &panel.subtitle, side);
    panel::ticks(svg, side, axis, axis);
    // A clipped drawing area.
    let (x0, y0, w) = (Num(LEFT), Num(HEAD), Num(side));
    svg.raw(format_args!(
        "<svg x=\"{x0}\" y=\"{y0}\" width=\"{w}\" height=\"{w}\" viewBox=\"0 0 {w} {w}\">\n"
    ));
    let place = |&(x, y): &(f64, f64)| {
        (x.is_finite() && y.is_finite()).then(|| (axis.fraction(x) * side, (1.0 - axis.fraction(y)) * side))
    };
    for curve in &panel.curves {
        let Some(kind) = kinds.get(curve.kind) else { continue };
        svg.raw(format_args!(
            "<path fill=\"none\" stroke-width=\"{}\" stroke-linejoin=\"round\" stroke-linecap=\"round\" {}{} d=\"{}\"/>\n",
            Num(width(kind)),
            colour(kind).stroke(),
            if kind.dashed { DASHES } else { "" },
            path(curve.points.iter().map(place))
        ));
    }
    svg.raw("</svg>\n");
}
