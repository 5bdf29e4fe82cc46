//! Horizontal bars that compare methods.

use super::axis::{Axis, decimals};
use super::extent::extent;
use super::palette::{ACCENT, OTHERS};
use crate::svg::{Num, Svg, fit, text_width};

/// One bar.
#[derive(Debug, Clone, Default)]
pub struct Bar {
    /// The method.
    pub label: String,
    /// Its score; one that is not finite is written as a dash.
    pub value: f64,
    /// Half the length of its error bar, if there is one.
    pub error: Option<f64>,
    /// Drawn in colour: what the figure is about.
    pub emphasis: bool,
}

/// How [`bars`] draws.
#[derive(Debug, Clone)]
pub struct BarsOptions {
    /// Width of the figure, in pixels.
    pub width: f64,
    /// Title; may be empty.
    pub title: String,
    /// What is compared: `MCC`.
    pub x_label: String,
    /// Ends of the axis; without them from 0 to the largest value.
    pub range: Option<(f64, f64)>,
    /// Decimals of the printed values.
    pub digits: usize,
}

impl Default for BarsOptions {
    fn default() -> Self {
        Self { width: 460.0, title: String::new(), x_label: String::new(), range: None, digits: 2 }
    }
}

const ROW: f64 = 28.0;
const THICK: f64 = 17.0;

/// Horizontal bars with their values printed, in the order given.
pub fn bars(bars: &[Bar], options: &BarsOptions) -> String {
    let width = extent(options.width, 160.0);
    let value = |bar: &Bar| match bar.error.filter(|e| e.is_finite()) {
        Some(error) => {
            format!("{} ± {}", decimals(bar.value, options.digits), decimals(error, options.digits))
        }
        None => decimals(bar.value, options.digits),
    };
    let size = |text: &str| text_width(text, 12.0);
    let left = bars.iter().map(|b| size(&b.label)).fold(0.0, f64::max).min(0.4 * width) + 10.0;
    let right = bars.iter().map(|b| size(&value(b))).fold(0.0, f64::max).min(0.35 * width) + 12.0;
    let inner = width - left - right;
    let top = if options.title.is_empty() { 6.0 } else { 28.0 };
    let foot = top + bars.len() as f64 * ROW;
    let mut svg = Svg::new(width, foot + if options.x_label.is_empty() { 26.0 } else { 44.0 });
    svg.text(0.0, 13.0, "start", "h", &fit(&options.title, 13.0, width));

    let axis = axis(bars, options);
    for tick in axis.ticks((inner / 60.0) as usize + 1) {
        let at = left + tick.at * inner;
        svg.line((at, top), (at, foot), "g");
        svg.text(at, foot + 15.0, "middle", "t", &tick.label);
    }
    svg.text(left + inner / 2.0, foot + 33.0, "middle", "m", &fit(&options.x_label, 12.0, inner + right));
    let place = |v: f64| left + axis.fraction(v).clamp(0.0, 1.0) * inner;
    let zero = place(0.0);
    for (i, bar) in bars.iter().enumerate() {
        let middle = top + (i as f64 + 0.5) * ROW;
        let weight = if bar.emphasis { "b" } else { "" };
        svg.text(left - 10.0, middle + 4.2, "end", weight, &fit(&bar.label, 12.0, left - 10.0));
        let mut end = zero;
        if bar.value.is_finite() {
            let at = place(bar.value);
            let (x, y, w) = (Num(zero.min(at)), Num(middle - THICK / 2.0), Num((at - zero).abs()));
            let fill = if bar.emphasis { ACCENT } else { OTHERS }.fill();
            svg.raw(format_args!(
                "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{THICK}\" rx=\"2\" {fill}/>\n"
            ));
            end = end.max(at);
            if let Some(error) = bar.error.filter(|e| e.is_finite()) {
                let (low, high) = (place(bar.value - error.abs()), place(bar.value + error.abs()));
                svg.line((low, middle), (high, middle), "k");
                svg.line((low, middle - 3.5), (low, middle + 3.5), "k");
                svg.line((high, middle - 3.5), (high, middle + 3.5), "k");
                end = end.max(high);
            }
        }
        svg.text(end + 7.0, middle + 4.2, "start", weight, &value(bar));
    }
    if zero > left {
        svg.line((zero, top), (zero, foot), "a");
    } else {
        svg.line((left, top), (left, foot), "a");
    }
    if bars.is_empty() {
        svg.text(width / 2.0, top + 12.0, "middle", "m", "no data");
    }
    svg.finish()
}

fn axis(bars: &[Bar], options: &BarsOptions) -> Axis {
    if let Some((low, high)) = options.range.filter(|(low, high)| low.is_finite() && high.is_finite()) {
        return Axis::new(low, high);
    }
    let ends = |bar: &Bar| {
        let error = bar.error.filter(|e| e.is_finite()).map_or(0.0, f64::abs);
        [bar.value - error, bar.value + error]
    };
    Axis::over(bars.iter().flat_map(ends).chain([0.0]), false, 0.0)
}
