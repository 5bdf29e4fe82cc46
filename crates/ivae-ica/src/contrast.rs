//! Contrast functions: the nonlinearities g with which FastICA measures non-Gaussianity, and a checker for one's own.

use ivae_num::Scalar;
use ivae_num::gradcheck::{GradCheck, check};
use ivae_num::vecmath::VecMath;

use crate::IcaError;

/// A nonlinearity g (the derivative of the contrast G) with its derivative. Test your own with [`check_contrast`].
///
/// ```
/// use ivae_ica::{Contrast, FastIca, Scalar, check_contrast};
///
/// /// tanh(y / 2), gentler than logcosh allows: the score of a logistic source.
/// struct Logistic;
///
/// impl Contrast for Logistic {
///     fn apply<F: Scalar>(&self, y: &mut [F]) -> f64 {
///         let mut slope = 0.0;
///         for y in y {
///             *y = (F::of(0.5) * *y).tanh();
///             slope += 0.5 * (1.0 - (*y * *y).f64());
///         }
///         slope
///     }
/// }
///
/// check_contrast(&Logistic).assert_below(1e-8);
///
/// // A square wave and a sawtooth, mixed.
/// let s = ndarray::Array2::from_shape_fn((600, 2), |(t, i)| match i {
///     0 => (0.21 * t as f64).sin().signum(),
///     _ => (t % 17) as f64 / 8.0 - 1.0,
/// });
/// let x = s.dot(&ndarray::array![[1.0, 0.5], [-0.4, 2.0]]);
/// let fitted = FastIca::default().with_contrast(Logistic).fit(x.view())?;
/// assert!(fitted.converged);
/// // Each source comes out of one component: little of the other is left in it.
/// let through = ndarray::array![[1.0, 0.5], [-0.4, 2.0]].dot(&fitted.unmixing.t());
/// for row in through.rows() {
///     let [a, b] = [row[0].abs(), row[1].abs()];
///     assert!(a.min(b) < 0.1 * a.max(b), "{through}");
/// }
/// # Ok::<(), ivae_ica::IcaError>(())
/// ```
pub trait Contrast {
    /// Overwrites y by g(y), entry by entry, and returns Σ g'(y) over its entries.
    fn apply<F: Scalar>(&self, y: &mut [F]) -> f64;

    /// Are its settings in range? Asked once per fit.
    ///
    /// # Errors
    /// [`IcaError::Setting`] naming the setting that is not.
    fn validate(&self) -> Result<(), IcaError> {
        Ok(())
    }
}

/// The three contrasts of Hyvärinen (1999), "Fast and robust fixed-point algorithms", eqs. 17–19 and 26, and the
/// skewness of the FastICA package of its authors.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nonlinearity {
    /// g(y) = tanh(α y), 1 ≤ α ≤ 2: the general-purpose choice.
    Logcosh {
        /// α.
        alpha: f64,
    },
    /// g(y) = y exp(−y²/2): for very heavy tails.
    Exp,
    /// g(y) = y³, the kurtosis: for light tails without outliers.
    Cube,
    /// g(y) = y², the skewness: for sources that are asymmetric; it does not see symmetric ones.
    Skew,
}

impl Default for Nonlinearity {
    fn default() -> Self {
        Self::Logcosh { alpha: 1.0 }
    }
}

impl Contrast for Nonlinearity {
    fn apply<F: Scalar>(&self, y: &mut [F]) -> f64 {
        match *self {
            Self::Logcosh { alpha } => {
                let alpha_f = F::of(alpha);
                if alpha != 1.0 {
                    y.iter_mut().for_each(|y| *y *= alpha_f);
                }
                <F as VecMath>::tanh(y);
                alpha * (y.len() as f64 - sum(y, |t| t * t))
            }
            Self::Exp => {
                let mut slope = 0.0;
                let mut gauss = [F::zero(); 256];
                for y in y.chunks_mut(gauss.len()) {
                    let gauss = &mut gauss[..y.len()];
                    gauss.iter_mut().zip(&*y).for_each(|(g, &y)| *g = F::of(-0.5) * y * y);
                    <F as VecMath>::exp(gauss);
                    // g' = (1 − y²) e = e − y g, with g = y e.
                    slope += sum_pairs(y, gauss, |y, e| e - y * y * e);
                    y.iter_mut().zip(gauss).for_each(|(y, e)| *y *= *e);
                }
                slope
            }
            Self::Cube => {
                let slope = 3.0 * sum(y, |y| y * y);
                y.iter_mut().for_each(|y| *y = *y * *y * *y);
                slope
            }
            Self::Skew => {
                let slope = 2.0 * sum(y, |y| y);
                y.iter_mut().for_each(|y| *y = *y * *y);
                slope
            }
        }
    }

    fn validate(&self) -> Result<(), IcaError> {
        match *self {
            Self::Logcosh { alpha } if !(1.0..=2.0).contains(&alpha) => {
                Err(IcaError::Setting { name: "alpha", range: "between 1 and 2", value: alpha })
            }
            _ => Ok(()),
        }
    }
}

/// Independent partial sums, so that a sum of floats may use vector registers.
const LANES: usize = 16;

/// Σ f(y).
fn sum<F: Scalar>(y: &[F], f: impl Fn(F) -> F) -> f64 {
    let mut lanes = [F::zero(); LANES];
    let (chunks, rest) = y.as_chunks::<LANES>();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &y)| *lane += f(y));
    }
    lanes.iter_mut().zip(rest).for_each(|(lane, &y)| *lane += f(y));
    lanes.iter().map(|lane| lane.f64()).sum()
}

/// Σ f(y, e).
fn sum_pairs<F: Scalar>(y: &[F], e: &[F], f: impl Fn(F, F) -> F) -> f64 {
    let mut lanes = [F::zero(); LANES];
    for (y, e) in y.chunks(LANES).zip(e.chunks(LANES)) {
        lanes.iter_mut().zip(y).zip(e).for_each(|((lane, &y), &e)| *lane += f(y, e));
    }
    lanes.iter().map(|lane| lane.f64()).sum()
}

/// Compare the derivative that a contrast returns with finite differences of its values, on [−3, 3].
///
/// ```
/// use ivae_ica::{Nonlinearity, check_contrast};
/// check_contrast(&Nonlinearity::Exp).assert_below(1e-8);
/// ```
pub fn check_contrast(contrast: &impl Contrast) -> GradCheck {
    let x: Vec<f64> = (0..=60).map(|i| 0.1 * f64::from(i) - 3.0).collect();
    let slopes: Vec<f64> = x.iter().map(|&x| contrast.apply(&mut [x])).collect();
    check(&x, &slopes, |x| {
        let mut y = x.to_vec();
        contrast.apply(&mut y);
        y.iter().sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Nonlinearity; 5] = [
        Nonlinearity::Logcosh { alpha: 1.0 },
        Nonlinearity::Logcosh { alpha: 1.7 },
        Nonlinearity::Exp,
        Nonlinearity::Cube,
        Nonlinearity::Skew,
    ];

    #[test]
    fn derivatives_match_differences() {
        for contrast in ALL {
            check_contrast(&contrast).assert_below(1e-9);
        }
    }

    #[test]
    fn sums_over_a_slice_are_sums_of_its_entries() {
        let y: Vec<f64> = (0..777).map(|i| (f64::from(i) * 0.61).sin() * 3.0).collect();
        for contrast in ALL {
            let mut all = y.clone();
            let slope = contrast.apply(&mut all);
            let mut expected = 0.0;
            for (&y, &g) in y.iter().zip(&all) {
                let mut one = [y];
                expected += contrast.apply(&mut one);
                assert!((one[0] - g).abs() <= 1e-15 * g.abs().max(1.0));
            }
            assert!((slope - expected).abs() < 1e-11 * expected.abs().max(1.0), "{slope} {expected}");
            let mut single: Vec<f32> = y.iter().map(|&v| v as f32).collect();
            assert!((contrast.apply(&mut single) - expected).abs() < 1e-4 * expected.abs().max(1.0));
        }
    }

    /// y exp(−y²/2) whose derivative forgets the exponential.
    struct Broken;

    impl Contrast for Broken {
        fn apply<F: Scalar>(&self, y: &mut [F]) -> f64 {
            let slope = y.iter().map(|&y| 1.0 - (y * y).f64()).sum();
            Nonlinearity::Exp.apply(y);
            slope
        }
    }

    #[test]
    fn a_broken_derivative_is_caught() {
        let found = check_contrast(&Broken);
        assert!(found.worst > 0.5, "{found:?}");
        assert!(std::panic::catch_unwind(|| found.assert_below(1e-3)).is_err());
    }
}
