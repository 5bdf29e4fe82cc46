//! A square panel in a row of panels: its title, its frame and its ticks.

use super::axis::Axis;
use crate::svg::{Num, Svg, fit};

/// Room beside the plot area for tick labels, and around it.
pub(super) const LEFT: f64 = 34.0;
pub(super) const HEAD: f64 = 44.0;
const FOOT: f64 = 24.0;
pub(super) const GAP: f64 = 8.0;

/// Width and height of a panel whose plot area has this side.
pub(super) fn cell(side: f64) -> (f64, f64) {
    (LEFT + side + GAP, HEAD + side + FOOT)
}

/// Draws the title, the line below it, and the frame of the plot area.
pub(super) fn head(svg: &mut Svg, title: &str, subtitle: &str, side: f64) {
    svg.text(LEFT, 16.0, "start", "h", &fit(title, 13.0, side));
    svg.text(LEFT, 33.0, "start", "m", &fit(subtitle, 12.0, side));
    let (w, x0, y0) = (Num(side), Num(LEFT), Num(HEAD));
    svg.raw(format_args!("<rect class=\"a\" x=\"{x0}\" y=\"{y0}\" width=\"{w}\" height=\"{w}\"/>\n"));
}

/// Draws the ticks of both axes with their labels.
pub(super) fn ticks(svg: &mut Svg, side: f64, x: Axis, y: Axis) {
    let wanted = (side / 55.0) as usize + 1;
    for tick in x.ticks(wanted) {
        let at = LEFT + tick.at * side;
        svg.line((at, HEAD + side), (at, HEAD + side + 4.0), "a");
        svg.text(at, HEAD + side + 16.0, "middle", "t", &tick.label);
    }
    for tick in y.ticks(wanted) {
        let at = HEAD + (1.0 - tick.at) * side;
        svg.line((LEFT - 4.0, at), (LEFT, at), "a");
        svg.text(LEFT - 7.0, at + 3.8, "end", "t", &fit(&tick.label, 11.0, LEFT));
    }
}
