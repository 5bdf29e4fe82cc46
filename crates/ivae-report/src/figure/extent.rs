//! Limits of the width and height of a figure.

/// `asked` between `least` and 10,000; `least` if it is NaN.
pub(super) fn extent(asked: f64, least: f64) -> f64 {
    if asked.is_nan() { least } else { asked.clamp(least, 10_000.0) }
}
