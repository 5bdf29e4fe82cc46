//! Training curves: the objective of each restart, on the training and the held-out rows.

use super::axis::Axis;
use super::extent::extent;
use super::frame::{Around, Frame, path};
use super::legend::{DASHES, Entry, Swatch};
use super::palette::{ACCENT, Colour, OTHERS};
use crate::svg::{Num, Svg};

/// The objective of one restart, one value per epoch; a value that is not finite is passed over.
#[derive(Debug, Clone, Default)]
pub struct Curve {
    /// On the training rows.
    pub train: Vec<f64>,
    /// On the held-out rows; may be empty.
    pub held_out: Vec<f64>,
    /// The restart that was kept.
    pub chosen: bool,
    /// The epoch, counted from 1, whose parameters were kept; marked by a dot.
    pub kept_epoch: Option<usize>,
}

/// How [`curves`] draws.
#[derive(Debug, Clone)]
pub struct CurvesOptions {
    /// Width of the figure, in pixels.
    pub width: f64,
    /// Height of the figure, in pixels.
    pub height: f64,
    /// Title; may be empty.
    pub title: String,
    /// What the objective is, with its unit.
    pub y_label: String,
}

impl Default for CurvesOptions {
    fn default() -> Self {
        Self { width: 460.0, height: 300.0, title: String::new(), y_label: "ELBO per row (nats)".to_owned() }
    }
}

/// Most points of one line: more cannot be seen.
const MOST: usize = 300;

/// Objective against epoch for several restarts: held-out solid, training dashed, the chosen one in colour.
///
/// The first epochs may lie far below all others; the axis leaves them out where they would flatten the rest.
pub fn curves(curves: &[Curve], options: &CurvesOptions) -> String {
    let (width, height) = (extent(options.width, 160.0), extent(options.height, 120.0));
    let held_out = curves.iter().any(|c| !c.held_out.is_empty());
    let mut legend = Vec::new();
    if held_out {
        legend.push(Entry::new(Swatch::Line(ACCENT, 2.2), "held-out"));
    }
    legend.push(Entry::new(Swatch::Dashed(ACCENT, 1.4), "training"));
    if curves.iter().any(|c| !c.chosen) && curves.iter().any(|c| c.chosen) {
        legend.push(Entry::new(Swatch::Line(OTHERS, 1.4), "other restarts"));
    }

    let epochs = curves.iter().map(|c| c.train.len().max(c.held_out.len())).max().unwrap_or(0);
    let x = Axis::new(if epochs > 1 { 1.0 } else { 0.0 }, epochs.max(1) as f64).whole();
    let around = Around {
        title: &options.title,
        x_label: "epoch",
        y_label: &options.y_label,
        legend: &legend,
        note: "",
    };
    let mut svg = Svg::new(width, height);
    let frame = Frame::draw(&mut svg, width, height, &around, x, y_axis(curves));
    if epochs == 0 {
        frame.say(&mut svg, "no data");
        return svg.finish();
    }
    frame.open(&mut svg, 4.0);
    let mut ordered: Vec<&Curve> = curves.iter().collect();
    ordered.sort_by_key(|c| c.chosen);
    for curve in ordered {
        let (colour, scale) = if curve.chosen { (ACCENT, 1.5) } else { (OTHERS, 1.0) };
        line(&mut svg, &frame, &curve.train, colour, scale, DASHES);
        line(&mut svg, &frame, &curve.held_out, colour, 1.45 * scale, "");
        let series = if curve.held_out.is_empty() { &curve.train } else { &curve.held_out };
        let kept = curve.kept_epoch.filter(|_| curve.chosen);
        if let Some((epoch, value)) = kept.and_then(|e| Some((e, *series.get(e.checked_sub(1)?)?)))
            && value.is_finite()
        {
            let (cx, cy) = frame.place(epoch as f64, value);
            let fill = ACCENT.fill();
            svg.raw(format_args!("<circle cx=\"{}\" cy=\"{}\" r=\"4\" {fill}/>\n", Num(cx), Num(cy)));
        }
    }
    svg.raw("</svg>\n");
    svg.finish()
}

fn line(svg: &mut Svg, frame: &Frame, values: &[f64], colour: Colour, width: f64, dashes: &str) {
    let every = values.len().div_ceil(MOST).max(1);
    let drawn = |(i, v): &(usize, &f64)| v.is_finite() && (i % every == 0 || i + 1 == values.len());
    let points = values.iter().enumerate().filter(drawn).map(|(i, v)| Some(frame.place((i + 1) as f64, *v)));
    let d = path(points);
    if !d.is_empty() {
        svg.raw(format_args!(
            "<path fill=\"none\" stroke-width=\"{}\" stroke-linejoin=\"round\" stroke-linecap=\"round\" {}{dashes} d=\"{d}\"/>\n",
            Num(width),
            colour.stroke()
        ));
    }
}

/// From the highest value down to the lowest, or down to where the first steep climb is over.
fn y_axis(curves: &[Curve]) -> Axis {
    let all = curves.iter().flat_map(|c| c.train.iter().chain(&c.held_out));
    let mut values: Vec<f64> = all.copied().filter(|v| v.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    let (Some(lowest), Some(highest)) = (values.first(), values.last()) else {
        return Axis::new(0.0, 1.0);
    };
    let typical = values[values.len() / 10];
    let low = lowest.max(typical - 0.6 * (highest - typical));
    Axis::over([low, *highest].into_iter(), false, 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_leaves_out_the_first_climb_but_no_plateau() {
        let mut values = vec![-1e6, -1e4];
        values.extend((0..98).map(|i| -20.0 + i as f64 / 10.0));
        let axis = y_axis(&[Curve { train: values, ..Curve::default() }]);
        assert!(axis.low > -40.0 && axis.high >= -10.3, "{axis:?}");
        let flat = y_axis(&[Curve { train: vec![1.0, 2.0, 3.0], ..Curve::default() }]);
        assert!(flat.low <= 1.0 && flat.high >= 3.0, "{flat:?}");
    }
}
