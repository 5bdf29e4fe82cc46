//! Lines with markers against a number: a spectrum, a score against a setting.

use super::axis::{Axis, usable};
use super::extent::extent;
use super::frame::{Around, Frame, path};
use super::legend::{DASHES, Entry, Swatch};
use super::palette;
use crate::svg::{Num, Svg};

/// One line.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Its name in the legend.
    pub label: String,
    /// Horizontal positions.
    pub x: Vec<f64>,
    /// Vertical positions, as many.
    pub y: Vec<f64>,
    /// Half the length of the error bar at each point; may be empty.
    pub error: Vec<f64>,
    /// Drawn dashed.
    pub dashed: bool,
}

/// How [`lines`] and [`spectrum`] draw.
#[derive(Debug, Clone)]
pub struct LinesOptions {
    /// Width of the figure, in pixels.
    pub width: f64,
    /// Height of the figure, in pixels.
    pub height: f64,
    /// Title; may be empty.
    pub title: String,
    /// What runs to the right.
    pub x_label: String,
    /// What runs up.
    pub y_label: String,
    /// Logarithmic horizontal axis.
    pub x_log: bool,
    /// Logarithmic vertical axis.
    pub y_log: bool,
    /// Ends of the vertical axis; without them it covers the values. Ignored on a logarithmic axis.
    pub y_range: Option<(f64, f64)>,
    /// Marks each point.
    pub markers: bool,
}

impl Default for LinesOptions {
    fn default() -> Self {
        Self {
            width: 460.0,
            height: 300.0,
            title: String::new(),
            x_label: String::new(),
            y_label: String::new(),
            x_log: false,
            y_log: false,
            y_range: None,
            markers: true,
        }
    }
}

/// Lines through points, each with its colour. Points without a place (not finite, or not positive on a logarithmic
/// axis) break the line, and their number is written into the figure.
pub fn lines(series: &[Series], options: &LinesOptions) -> String {
    let (width, height) = (extent(options.width, 160.0), extent(options.height, 120.0));
    let swatch = |(i, s): (usize, &Series)| {
        let colour = palette::class(i, series.len());
        let swatch = if s.dashed { Swatch::Dashed(colour, 1.8) } else { Swatch::Line(colour, 1.8) };
        Entry::new(swatch, &s.label)
    };
    let legend: Vec<Entry> = series.iter().enumerate().map(swatch).filter(|e| !e.label.is_empty()).collect();
    let has_place = |x: f64, y: f64| usable(x, options.x_log) && usable(y, options.y_log);
    let points = || series.iter().flat_map(|s| s.x.iter().copied().zip(s.y.iter().copied()));
    let errors = series.iter().flat_map(|s| s.y.iter().zip(&s.error).flat_map(|(y, e)| [y - e, y + e]));
    let kept = || points().filter(|(x, y)| has_place(*x, *y));
    let x = Axis::over(kept().map(|p| p.0), options.x_log, 0.03);
    let y = match options.y_range {
        Some((low, high)) if !options.y_log && low.is_finite() && high.is_finite() => Axis::new(low, high),
        _ => Axis::over(kept().map(|p| p.1).chain(errors), options.y_log, 0.06),
    };
    let counted = !options.x_log && kept().all(|(x, _)| x.fract() == 0.0);
    let x = if counted { x.whole() } else { x };
    let note = match points().count() - kept().count() {
        0 => String::new(),
        lost if options.x_log || options.y_log => format!("{lost} not positive and finite, not drawn"),
        lost => format!("{lost} not finite, not drawn"),
    };
    let around = Around {
        title: &options.title,
        x_label: &options.x_label,
        y_label: &options.y_label,
        legend: &legend,
        note: &note,
    };
    let mut svg = Svg::new(width, height);
    let frame = Frame::draw(&mut svg, width, height, &around, x, y);
    if kept().next().is_none() {
        frame.say(&mut svg, "no data");
        return svg.finish();
    }
    frame.open(&mut svg, 5.0);
    for (i, s) in series.iter().enumerate() {
        let colour = palette::class(i, series.len());
        let at = |(x, y): (&f64, &f64)| has_place(*x, *y).then(|| frame.place(*x, *y));
        let dashes = if s.dashed { DASHES } else { "" };
        let stroke = colour.stroke();
        for ((x, y), error) in s.x.iter().zip(&s.y).zip(&s.error) {
            if has_place(*x, *y) && error.is_finite() {
                let (px, low) = frame.place(*x, y - error.abs());
                let (_, high) = frame.place(*x, y + error.abs());
                let (px, low, high) = (Num(px), Num(low), Num(high));
                svg.raw(format_args!(
                    "<path fill=\"none\" stroke-width=\"1.2\" {stroke} d=\"M{px} {low}V{high}\"/>\n"
                ));
            }
        }
        let d = path(s.x.iter().zip(&s.y).map(at));
        svg.raw(format_args!(
            "<path fill=\"none\" stroke-width=\"1.8\" stroke-linejoin=\"round\" {stroke}{dashes} d=\"{d}\"/>\n"
        ));
        if options.markers {
            let dots = path(s.x.iter().zip(&s.y).flat_map(|p| [at(p), None]));
            svg.raw(format_args!(
                "<path fill=\"none\" stroke-width=\"7\" stroke-linecap=\"round\" {stroke} d=\"{dots}\"/>\n"
            ));
        }
    }
    svg.raw("</svg>\n");
    svg.finish()
}

/// Values in decreasing order on a logarithmic axis against 1, 2, …: singular values, say. Each series is its label
/// and its values.
pub fn spectrum(series: &[(String, Vec<f64>)], options: &LinesOptions) -> String {
    let series: Vec<Series> = series
        .iter()
        .map(|(label, values)| Series {
            label: label.clone(),
            x: (1..=values.len()).map(|i| i as f64).collect(),
            y: values.clone(),
            ..Series::default()
        })
        .collect();
    lines(&series, &LinesOptions { y_log: true, x_log: false, ..options.clone() })
}
