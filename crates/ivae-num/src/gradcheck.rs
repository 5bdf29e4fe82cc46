//! A gradient checker: compares a hand-written gradient with central differences.

/// What [`check`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct GradCheck {
    /// Largest error `|g − ĝ| / max(1, |g|, |ĝ|)`.
    pub worst: f64,
    /// The entry it was found at.
    pub index: usize,
    /// The gradient there, as given.
    pub given: f64,
    /// The gradient there, by finite differences.
    pub numeric: f64,
}

impl GradCheck {
    /// Panic with the worst entry if its error exceeds `tolerance`.
    ///
    /// # Panics
    /// If `worst` is above `tolerance` or NaN.
    #[track_caller]
    pub fn assert_below(&self, tolerance: f64) {
        assert!(
            self.worst <= tolerance,
            "gradient wrong at entry {}: given {:e}, by differences {:e}, error {:e} > {:e}",
            self.index,
            self.given,
            self.numeric,
            self.worst,
            tolerance
        );
    }
}

/// Compare `grad` with central differences of `f` at `x`, entry by entry (fourth-order formula, step scaled by `|x|`).
///
/// # Panics
/// If `x` and `grad` differ in length.
pub fn check(x: &[f64], grad: &[f64], mut f: impl FnMut(&[f64]) -> f64) -> GradCheck {
    assert_eq!(x.len(), grad.len(), "x has {} entries, its gradient {}", x.len(), grad.len());
    let mut at = x.to_vec();
    let mut out = GradCheck { worst: 0.0, index: 0, given: 0.0, numeric: 0.0 };
    for i in 0..x.len() {
        let h = 1e-3 * x[i].abs().max(1.0);
        let mut eval = |delta: f64| {
            at[i] = x[i] + delta;
            let y = f(&at);
            at[i] = x[i];
            y
        };
        let near = (eval(h) - eval(-h)) / (2.0 * h);
        let far = (eval(2.0 * h) - eval(-2.0 * h)) / (4.0 * h);
        let numeric = (4.0 * near - far) / 3.0;
        let error = (grad[i] - numeric).abs() / grad[i].abs().max(numeric.abs()).max(1.0);
        if error > out.worst || error.is_nan() {
            out = GradCheck { worst: error, index: i, given: grad[i], numeric };
            if error.is_nan() {
                break;
            }
        }
    }
    out
}
