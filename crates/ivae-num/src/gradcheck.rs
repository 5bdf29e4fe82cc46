//! A gradient checker: compares a hand-written gradient with central differences.
//!
//! The differences are of fourth order (Richardson's extrapolation of the central difference, 1911), so that on a smooth
//! function in f64 a right gradient agrees to about 1e-10.

use rand::Rng;

use crate::StreamKey;

/// What [`check`] or [`check_directional`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct GradCheck {
    /// Largest error `|g − ĝ| / max(1, |g|, |ĝ|)`.
    pub worst: f64,
    /// The entry (or direction) it was found at.
    pub index: usize,
    /// The gradient there, as given.
    pub given: f64,
    /// The gradient there, by finite differences.
    pub numeric: f64,
}

impl GradCheck {
    /// Keep the worst; NaN is worse than any number.
    fn observe(&mut self, index: usize, given: f64, numeric: f64) {
        let error = (given - numeric).abs() / given.abs().max(numeric.abs()).max(1.0);
        if !self.worst.is_nan() && (error > self.worst || error.is_nan()) {
            *self = GradCheck { worst: error, index, given, numeric };
        }
    }

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

/// Compare `grad` with central differences of `f` at `x`, entry by entry; steps are scaled by `|x|`.
///
/// ```
/// use ivae_num::gradcheck;
/// let f = |x: &[f64]| x[0].powi(3) + x[0] * x[1].sin();
/// let x = [0.5, 2.0_f64];
/// let grad = [3.0 * x[0].powi(2) + x[1].sin(), x[0] * x[1].cos()];
/// gradcheck::check(&x, &grad, f).assert_below(1e-9);
/// ```
///
/// # Panics
/// If `x` and `grad` differ in length.
pub fn check(x: &[f64], grad: &[f64], mut f: impl FnMut(&[f64]) -> f64) -> GradCheck {
    assert_eq!(x.len(), grad.len(), "x has {} entries, its gradient {}", x.len(), grad.len());
    let mut at = x.to_vec();
    let mut out = GradCheck { worst: 0.0, index: 0, given: 0.0, numeric: 0.0 };
    for i in 0..x.len() {
        let numeric = derivative(1e-3 * x[i].abs().max(1.0), |delta| {
            at[i] = x[i] + delta;
            f(&at)
        });
        at[i] = x[i];
        out.observe(i, grad[i], numeric);
    }
    out
}

/// Compare `grad` with central differences of `f` at `x` along `directions` random directions, each of length 1 with
/// entries `±1/√len`: for vectors too long for [`check`]; four calls of `f` per direction.
///
/// An entry that is wrong by e shows as an error of `e/√len` in every direction. The result's `index` is the direction,
/// its `given` and `numeric` are derivatives along it.
///
/// # Panics
/// If `x` and `grad` differ in length.
pub fn check_directional(
    x: &[f64],
    grad: &[f64],
    directions: usize,
    key: StreamKey,
    mut f: impl FnMut(&[f64]) -> f64,
) -> GradCheck {
    assert_eq!(x.len(), grad.len(), "x has {} entries, its gradient {}", x.len(), grad.len());
    let mut rng = key.rng();
    let entry = 1.0 / (x.len() as f64).sqrt();
    let mut out = GradCheck { worst: 0.0, index: 0, given: 0.0, numeric: 0.0 };
    let (mut direction, mut at) = (vec![0.0; x.len()], x.to_vec());
    for i in 0..directions {
        direction.fill_with(|| if rng.random() { entry } else { -entry });
        let numeric = derivative(1e-3, |delta| {
            (0..x.len()).for_each(|j| at[j] = x[j] + delta * direction[j]);
            f(&at)
        });
        out.observe(i, grad.iter().zip(&direction).map(|(g, d)| g * d).sum(), numeric);
    }
    out
}

/// f'(0) from differences over ±h and ±2h.
fn derivative(h: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    let near = (f(h) - f(-h)) / (2.0 * h);
    let far = (f(2.0 * h) - f(-2.0 * h)) / (4.0 * h);
    (4.0 * near - far) / 3.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Purpose;

    /// A function with terms of every size, and its gradient.
    fn f(x: &[f64]) -> f64 {
        let chain: f64 = x.windows(2).map(|w| (w[0] * w[1]).sin()).sum();
        chain + x.iter().map(|v| v.exp() * 0.1 + v.powi(3)).sum::<f64>()
    }

    fn gradient(x: &[f64]) -> Vec<f64> {
        let mut grad: Vec<f64> = x.iter().map(|v| v.exp() * 0.1 + 3.0 * v * v).collect();
        for i in 0..x.len() - 1 {
            let slope = (x[i] * x[i + 1]).cos();
            grad[i] += slope * x[i + 1];
            grad[i + 1] += slope * x[i];
        }
        grad
    }

    fn point(len: usize) -> Vec<f64> {
        (0..len).map(|i| (i as f64 * 1.7).sin() * 2.0).collect()
    }

    fn directional(x: &[f64], grad: &[f64]) -> GradCheck {
        check_directional(x, grad, 4, StreamKey::new(1, Purpose::Control), f)
    }

    #[test]
    fn a_right_gradient_passes() {
        let x = point(30);
        check(&x, &gradient(&x), f).assert_below(1e-10);
        let x = point(3000);
        directional(&x, &gradient(&x)).assert_below(1e-8);
        check(&[], &[], |_| 0.0).assert_below(0.0);
    }

    #[test]
    fn a_wrong_entry_is_found_and_named() {
        let x = point(30);
        let mut grad = gradient(&x);
        grad[17] += 1e-4;
        let found = check(&x, &grad, f);
        assert_eq!((found.index, found.given), (17, grad[17]));
        assert!(found.worst > 1e-6, "{found:?}");
        assert!(directional(&x, &grad).worst > 1e-6);
    }

    #[test]
    fn one_wrong_sign_among_thousands_is_found() {
        let x = point(3000);
        let mut grad = gradient(&x);
        grad[1234] = -grad[1234];
        assert!(directional(&x, &grad).worst > 1e-3);
    }

    #[test]
    #[should_panic(expected = "gradient wrong at entry 3")]
    fn a_broken_derivative_panics() {
        let x = point(5);
        let mut grad = gradient(&x);
        grad[3] *= 1.001;
        check(&x, &grad, f).assert_below(1e-8);
    }

    #[test]
    fn nan_is_never_right() {
        let x = point(5);
        let mut grad = gradient(&x);
        grad[2] = f64::NAN;
        grad[4] = 1e9;
        let found = check(&x, &grad, f);
        assert!(found.worst.is_nan() && found.index == 2);
        assert!(directional(&x, &grad).worst.is_nan());
        assert!(check(&x, &gradient(&x), |_| f64::NAN).worst.is_nan());
    }
}
