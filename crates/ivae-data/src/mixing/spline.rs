//! [`Spline`]: increasing rational-quadratic splines.

/// Rational quadratics between knots (Gregory & Delbourgo 1982), continued by straight lines: increasing, with a
/// continuous derivative, for any increasing knots and positive slopes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spline {
    /// Where the knots are, `[K + 1]`.
    x: Vec<f64>,
    /// Values there, `[K + 1]`.
    y: Vec<f64>,
    /// Slopes there, `[K + 1]`.
    slope: Vec<f64>,
}

impl Spline {
    /// The spline from (`start`, `start`) over bins of these widths and heights (as many, at least one, all positive).
    ///
    /// The slope at a knot is the geometric mean of those of its bins.
    pub(super) fn new(start: f64, widths: &[f64], heights: &[f64]) -> Self {
        let knots = |steps: &[f64]| {
            let mut at = start;
            std::iter::once(start).chain(steps.iter().map(|step| (at += step, at).1)).collect::<Vec<f64>>()
        };
        let bins: Vec<f64> = heights.iter().zip(widths).map(|(h, w)| h / w).collect();
        let last = bins.len() - 1;
        let slope =
            (0..=bins.len()).map(|k| (bins[k.saturating_sub(1)] * bins[k.min(last)]).sqrt()).collect();
        Self { x: knots(widths), y: knots(heights), slope }
    }

    /// The function.
    pub(super) fn value(&self, at: f64) -> f64 {
        let after = self.x.partition_point(|&x| x <= at);
        if after == 0 || after == self.x.len() {
            let end = after.saturating_sub(1);
            return self.y[end] + self.slope[end] * (at - self.x[end]);
        }
        let k = after - 1;
        let (width, height) = (self.x[k + 1] - self.x[k], self.y[k + 1] - self.y[k]);
        let (t, mean) = ((at - self.x[k]) / width, height / width);
        let bump = t * (1.0 - t);
        self.y[k]
            + height * (mean * t * t + self.slope[k] * bump)
                / (mean + (self.slope[k] + self.slope[k + 1] - 2.0 * mean) * bump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knots_are_met_with_their_slopes() {
        let spline = Spline::new(-3.0, &[1.0, 2.0, 3.0], &[2.0, 1.0, 3.0]);
        assert_eq!(spline.x, [-3.0, -2.0, 0.0, 3.0]);
        assert_eq!(spline.y, [-3.0, -1.0, 0.0, 3.0]);
        assert_eq!(spline.slope, [2.0, 1.0, 0.5f64.sqrt(), 1.0]);
        for ((&x, &y), &slope) in spline.x.iter().zip(&spline.y).zip(&spline.slope) {
            assert!((spline.value(x) - y).abs() < 1e-14);
            for side in [-1e-6, 1e-6] {
                assert!(((spline.value(x + side) - y) / side - slope).abs() < 1e-4);
            }
        }
        assert_eq!((spline.value(-4.0), spline.value(5.0)), (-5.0, 5.0));
    }

    #[test]
    fn equal_bins_are_the_identity() {
        let spline = Spline::new(-2.0, &[1.0, 3.0], &[1.0, 3.0]);
        assert!([-5.0, -1.5, 0.3, 9.0].iter().all(|&x| (spline.value(x) - x).abs() < 1e-14));
    }
}
