//! A plot area with its title, legend, grid, ticks and axis names.

use super::axis::Axis;
use super::legend::{self, Entry};
use crate::svg::{Num, Svg, fit, text_width};

/// What stands around the plot area.
pub(crate) struct Around<'a> {
    pub(crate) title: &'a str,
    pub(crate) x_label: &'a str,
    pub(crate) y_label: &'a str,
    pub(crate) legend: &'a [Entry],
    /// A remark at the foot: what was left out.
    pub(crate) note: &'a str,
}

/// The plot area inside a picture, with the axes that map values into it.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
    x: Axis,
    y: Axis,
}

impl Frame {
    /// Draws everything around the data into `svg` (`width` by `height`), and keeps the rest for the data.
    pub(crate) fn draw(
        svg: &mut Svg,
        width: f64,
        height: f64,
        around: &Around<'_>,
        x: Axis,
        y: Axis,
    ) -> Self {
        let mut top = 8.0;
        if !around.title.is_empty() {
            svg.text(0.0, 13.0, "start", "h", &fit(around.title, 13.0, width));
            top += 18.0;
        }
        let legend_height = legend::draw(svg, around.legend, 0.0, top - 4.0, width);
        top += if legend_height > 0.0 { legend_height + 6.0 } else { 0.0 };
        let bottom = if around.x_label.is_empty() { 24.0 } else { 42.0 };
        let bottom = bottom + if around.note.is_empty() { 0.0 } else { 17.0 };
        let inner_height = (height - top - bottom).max(40.0);

        let y_ticks = y.ticks((inner_height / 45.0) as usize + 1);
        let widest = y_ticks.iter().map(|t| text_width(&t.label, 11.0)).fold(0.0, f64::max).min(0.4 * width);
        let left = widest + if around.y_label.is_empty() { 10.0 } else { 28.0 };
        let frame = Self { left, top, width: (width - left - 12.0).max(40.0), height: inner_height, x, y };
        let (right, foot) = (left + frame.width, top + inner_height);

        for tick in y_ticks {
            let at = foot - tick.at * inner_height;
            svg.line((left, at), (right, at), "g");
            svg.text(left - 7.0, at + 3.8, "end", "t", &tick.label);
        }
        let x_ticks = x.ticks((frame.width / 75.0) as usize + 1);
        let room = x_ticks.iter().map(|t| text_width(&t.label, 11.0)).fold(20.0, f64::max) + 10.0;
        let every = (room * x_ticks.len() as f64 / frame.width).ceil().max(1.0) as usize;
        for tick in x_ticks.iter().step_by(every) {
            let at = left + tick.at * frame.width;
            svg.line((at, foot), (at, foot + 4.0), "a");
            // The last label may be wider than the margin.
            let inside = width - text_width(&tick.label, 11.0) / 2.0;
            svg.text(at.min(inside), foot + 16.0, "middle", "t", &tick.label);
        }
        svg.line((left, foot), (right, foot), "a");
        if !around.x_label.is_empty() {
            svg.text(
                left + frame.width / 2.0,
                foot + 34.0,
                "middle",
                "m",
                &fit(around.x_label, 12.0, frame.width),
            );
        }
        if !around.note.is_empty() {
            svg.text(right, height - 5.0, "end", "t", &fit(around.note, 11.0, width));
        }
        if !around.y_label.is_empty() {
            let label = fit(around.y_label, 12.0, inner_height + top);
            svg.text_up(11.0, top + inner_height / 2.0, "m", &label);
        }
        frame
    }

    /// Where a point lies, relative to the plot area's upper left corner.
    pub(crate) fn place(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x.fraction(x) * self.width, (1.0 - self.y.fraction(y)) * self.height)
    }

    /// Opens a clipped drawing area whose origin is the plot area's upper left corner; a bleed of `bleed` units
    /// keeps marks whole at the edges. Close it with `</svg>`.
    pub(crate) fn open(&self, svg: &mut Svg, bleed: f64) {
        let [x, y, w, h] =
            [self.left - bleed, self.top - bleed, self.width + 2.0 * bleed, self.height + 2.0 * bleed];
        svg.raw(format_args!(
            "<svg x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" viewBox=\"{} {} {} {}\">\n",
            Num(x),
            Num(y),
            Num(w),
            Num(h),
            Num(-bleed),
            Num(-bleed),
            Num(w),
            Num(h)
        ));
    }

    /// A line of muted text in the middle of an area without data.
    pub(crate) fn say(&self, svg: &mut Svg, words: &str) {
        svg.text(self.left + self.width / 2.0, self.top + self.height / 2.0, "middle", "m", words);
    }
}

/// The `d` attribute of a line through points; a `None` lifts the pen.
pub(crate) fn path(points: impl Iterator<Item = Option<(f64, f64)>>) -> String {
    use std::fmt::Write;
    let mut d = String::new();
    let mut down = false;
    for point in points {
        if let Some((x, y)) = point {
            // Writing into a string cannot fail.
            let _ = write!(d, "{}{} {}", if down { 'L' } else { 'M' }, Num(x), Num(y));
            if !down {
                // A point on its own still shows as a dot under round caps.
                d.push_str("h0");
            }
        }
        down = point.is_some();
    }
    d
}
