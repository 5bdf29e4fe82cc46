//! True sources and matched latents over each other, one panel per pair.

use ndarray::ArrayView1;

use super::axis::{Axis, decimals};
use super::extent::extent;
use super::frame::path;
use super::legend::{self, DASHES, Entry, Swatch};
use super::palette::{ACCENT, INK};
use crate::svg::{Num, Svg, fit, text_width};

/// One matched pair. The caller standardises both series and aligns their signs.
#[derive(Debug, Clone)]
pub struct Pair<'a> {
    /// Name of the pair, at the left: `s₁`.
    pub label: String,
    /// The true source `[N]`.
    pub source: ArrayView1<'a, f64>,
    /// The latent matched to it `[N]`.
    pub latent: ArrayView1<'a, f64>,
    /// Their correlation, written at the right.
    pub correlation: f64,
}

/// How [`pairs`] draws.
#[derive(Debug, Clone)]
pub struct PairsOptions {
    /// Width of the figure, in pixels.
    pub width: f64,
    /// Height of one panel, in pixels.
    pub panel_height: f64,
    /// The first sample shown.
    pub first: usize,
    /// How many samples are shown.
    pub window: usize,
    /// What the dashed line is.
    pub source_label: String,
    /// What the solid line is.
    pub latent_label: String,
    /// What the samples are.
    pub x_label: String,
}

impl Default for PairsOptions {
    fn default() -> Self {
        Self {
            width: 760.0,
            panel_height: 58.0,
            first: 0,
            window: 200,
            source_label: "true source".to_owned(),
            latent_label: "matched latent".to_owned(),
            x_label: "sample".to_owned(),
        }
    }
}

const GAP: f64 = 12.0;
const RIGHT: f64 = 58.0;
/// Width on narrow screens.
const NARROW: f64 = 420.0;

/// Stacked panels, one per pair: the source dashed, the latent solid, their correlation at the right; on a phone the
/// page makes them narrower.
pub fn pairs(pairs: &[Pair<'_>], options: &PairsOptions) -> String {
    let panel = extent(options.panel_height, 20.0);
    let legend = [
        Entry::new(Swatch::Dashed(INK, 1.2), &options.source_label),
        Entry::new(Swatch::Line(ACCENT, 2.0), &options.latent_label),
    ];
    let widest = pairs.iter().map(|p| text_width(&p.label, 13.0)).fold(0.0, f64::max).min(120.0);
    let wide = Shape { width: extent(options.width, 260.0), left: widest + 12.0 };
    let narrow = Shape { width: wide.width.min(NARROW), ..wide };
    let top = legend::places(&legend, narrow.inner()).1 + 12.0;
    let stacked = pairs.len() as f64 * (panel + GAP);
    let height = top + stacked + 42.0;
    let mut svg = Svg::reflowing(wide.width, height, narrow.width, height);
    legend::draw(&mut svg, &legend, wide.left, 0.0, narrow.inner());
    // Text at a fraction of the window's width, or (past its end) at the right edge.
    let text = |svg: &mut Svg, at: f64, y: f64, anchor: &str, class: &str, words: &str| {
        let x = |shape: Shape| if at > 1.0 { shape.width } else { shape.left + at * shape.inner() };
        svg.movable((x(wide), y), (x(narrow), y), 1.0);
        svg.text(0.0, 0.0, anchor, class, words);
        svg.raw("</g>\n");
    };
    text(&mut svg, 2.0, 13.0, "end", "m", "corr.");

    let length = pairs.iter().map(|p| p.source.len().max(p.latent.len())).max().unwrap_or(0);
    let shown = length.saturating_sub(options.first).min(options.window);
    let x = Axis::new(options.first as f64, (options.first + shown.saturating_sub(1)) as f64).whole();
    let ticks = if shown > 0 { x.ticks((wide.inner() / 110.0) as usize + 1) } else { Vec::new() };
    let foot = top + stacked - GAP + 8.0;
    for tick in &ticks {
        text(&mut svg, tick.at, foot + 17.0, "middle", "t", &tick.label);
    }
    let words = if shown > 0 { &options.x_label } else { "no data" };
    text(&mut svg, 0.5, foot + 34.0, "middle", "m", &fit(words, 12.0, narrow.inner()));
    for (i, pair) in pairs.iter().enumerate() {
        let middle = top + i as f64 * (panel + GAP) + panel / 2.0 + 4.5;
        svg.text(0.0, middle, "start", "h", &fit(&pair.label, 13.0, widest + 6.0));
        text(&mut svg, 2.0, middle, "end", "h", &decimals(pair.correlation, 3));
    }

    svg.movable((wide.left, top), (narrow.left, top), narrow.inner() / wide.inner());
    for tick in ticks {
        let at = tick.at * wide.inner();
        svg.line((at, 0.0), (at, foot - top + 4.0), "g");
    }
    for (i, pair) in pairs.iter().enumerate() {
        let window = |series: ArrayView1<'_, f64>| -> Vec<f64> {
            series.iter().skip(options.first).take(shown).copied().collect()
        };
        let (source, latent) = (window(pair.source), window(pair.latent));
        let y = Axis::over(source.iter().chain(&latent).copied(), false, 0.03);
        let height_of = |v: f64| i as f64 * (panel + GAP) + (1.0 - y.fraction(v)) * panel;
        let line = |series: &[f64]| {
            let place = |k: usize| x.fraction((options.first + k) as f64) * wide.inner();
            path(series.iter().enumerate().map(|(k, v)| v.is_finite().then(|| (place(k), height_of(*v)))))
        };
        if y.low < 0.0 && y.high > 0.0 {
            svg.line((0.0, height_of(0.0)), (wide.inner(), height_of(0.0)), "g");
        }
        draw(&mut svg, &line(&latent), ACCENT.stroke(), 2.0, "");
        draw(&mut svg, &line(&source), INK.stroke(), 1.2, DASHES);
    }
    svg.line((0.0, foot - top), (wide.inner(), foot - top), "a");
    svg.raw("</g>\n</g>\n");
    svg.finish()
}

/// The figure's widths: on wide screens or on narrow ones.
#[derive(Debug, Clone, Copy)]
struct Shape {
    width: f64,
    left: f64,
}

impl Shape {
    /// Width of the panels, between the labels and the correlations.
    fn inner(self) -> f64 {
        self.width - self.left - RIGHT
    }
}

/// A line whose width holds when the page stretches it.
fn draw(svg: &mut Svg, d: &str, stroke: impl std::fmt::Display, width: f64, dashes: &str) {
    if !d.is_empty() {
        svg.raw(format_args!(
            "<path fill=\"none\" vector-effect=\"non-scaling-stroke\" stroke-width=\"{}\" \
             stroke-linejoin=\"round\" {stroke}{dashes} d=\"{d}\"/>\n",
            Num(width)
        ));
    }
}
