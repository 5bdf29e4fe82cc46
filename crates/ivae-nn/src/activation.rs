//! [`Activation`]: elementwise functions, with the derivative written beside the value.

use ivae_num::Scalar;
use ivae_num::vecmath::VecMath;
use serde::{Deserialize, Serialize};

use crate::SpecError;
use crate::error::require;

/// An elementwise function between two layers.
///
/// In a file, a name (`"tanh"`) or a name with its number (`{ xtanh = { slope = 0.1 } }`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Activation {
    /// x.
    Identity,
    /// tanh x.
    Tanh,
    /// tanh x + slope · x: smooth, and strictly increasing without a bound (the activation of the original iVAE,
    /// Khemakhem et al. 2020, with slope 0.1).
    Xtanh {
        /// Slope far from 0.
        slope: f64,
    },
    /// x above 0, slope · x elsewhere; the derivative at 0 is `slope`.
    LeakyRelu {
        /// Slope below 0.
        slope: f64,
    },
    /// x above 0, 0 elsewhere; the derivative at 0 is 0.
    Relu,
    /// σ(x) = 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// ln(1 + eˣ).
    Softplus,
    /// x · σ(x) (Hendrycks & Gimpel 2016, sec. 2; Elfwing et al. 2018, eq. 5).
    Silu,
}

/// Entries that [`Activation::value`] works on at a time, on the stack.
const CHUNK: usize = 128;

impl Activation {
    /// Refuse a slope that is not a finite number.
    pub fn check(&self) -> Result<(), SpecError> {
        match *self {
            Self::Xtanh { slope } => require(slope.is_finite(), "xtanh.slope", slope, "finite"),
            Self::LeakyRelu { slope } => require(slope.is_finite(), "leaky_relu.slope", slope, "finite"),
            _ => Ok(()),
        }
    }

    /// `h ← f(h)` and `deriv ← f′(h)`, so that a backward pass is one multiplication. Overwrites both.
    ///
    /// # Panics
    /// If `h` and `deriv` differ in length.
    pub fn forward<F: Scalar>(&self, h: &mut [F], deriv: &mut [F]) {
        assert_eq!(h.len(), deriv.len(), "{} values, {} derivatives", h.len(), deriv.len());
        let one = F::one();
        match *self {
            Self::Identity => deriv.fill(one),
            Self::Tanh => {
                VecMath::tanh(h);
                each(h, deriv, |h, d| *d = one - *h * *h);
            }
            Self::Xtanh { slope } => VecMath::xtanh(h, deriv, F::of(slope)),
            Self::LeakyRelu { slope } => {
                let slope = F::of(slope);
                each(h, deriv, |h, d| {
                    *d = if *h <= F::zero() { slope } else { one };
                    *h *= *d;
                });
            }
            Self::Relu => each(h, deriv, |h, d| {
                *d = if *h <= F::zero() { F::zero() } else { one };
                *h = relu(*h);
            }),
            Self::Sigmoid => {
                VecMath::sigmoid(h);
                each(h, deriv, |h, d| *d = *h * (one - *h));
            }
            Self::Softplus => {
                deriv.copy_from_slice(h);
                VecMath::sigmoid(deriv);
                VecMath::softplus(h);
            }
            Self::Silu => VecMath::silu(h, deriv),
        }
    }

    /// `h ← f(h)`, without the derivative. Overwrites.
    pub fn value<F: Scalar>(&self, h: &mut [F]) {
        match *self {
            Self::Identity => {}
            Self::Tanh => VecMath::tanh(h),
            Self::Xtanh { slope } => {
                let slope = F::of(slope);
                beside(h, VecMath::tanh, |h, t| *h = t + slope * *h);
            }
            Self::LeakyRelu { slope } => {
                let slope = F::of(slope);
                h.iter_mut().for_each(|h| *h *= if *h <= F::zero() { slope } else { F::one() });
            }
            Self::Relu => h.iter_mut().for_each(|h| *h = relu(*h)),
            Self::Sigmoid => VecMath::sigmoid(h),
            Self::Softplus => VecMath::softplus(h),
            Self::Silu => beside(h, VecMath::sigmoid, |h, s| *h *= s),
        }
    }
}

/// Written so that NaN stays NaN.
fn relu<F: Scalar>(x: F) -> F {
    if x <= F::zero() { F::zero() } else { x }
}

fn each<F: Scalar>(h: &mut [F], deriv: &mut [F], f: impl Fn(&mut F, &mut F)) {
    h.iter_mut().zip(deriv).for_each(|(h, d)| f(h, d));
}

/// `join(h, map(h))` for every entry, chunk by chunk.
fn beside<F: Scalar>(h: &mut [F], map: impl Fn(&mut [F]), join: impl Fn(&mut F, F)) {
    let mut buffer = [F::zero(); CHUNK];
    for h in h.chunks_mut(CHUNK) {
        let mapped = &mut buffer[..h.len()];
        mapped.copy_from_slice(h);
        map(mapped);
        h.iter_mut().zip(&*mapped).for_each(|(h, &m)| join(h, m));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ivae_num::gradcheck;

    const ALL: [Activation; 8] = [
        Activation::Identity,
        Activation::Tanh,
        Activation::Xtanh { slope: 0.1 },
        Activation::LeakyRelu { slope: 0.2 },
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Softplus,
        Activation::Silu,
    ];

    /// The definition, one number at a time.
    fn by_definition(f: Activation, x: f64) -> f64 {
        let sigmoid = 1.0 / (1.0 + (-x).exp());
        match f {
            Activation::Identity => x,
            Activation::Tanh => x.tanh(),
            Activation::Xtanh { slope } => x.tanh() + slope * x,
            Activation::LeakyRelu { slope } => x.max(0.0) + slope * x.min(0.0),
            Activation::Relu => x.max(0.0),
            Activation::Sigmoid => sigmoid,
            Activation::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Activation::Silu => x * sigmoid,
        }
    }

    /// 401 points of [-8, 8], none of them 0 or within a difference step of it.
    fn points() -> Vec<f64> {
        (0..401).map(|i| -8.0 + 0.04 * f64::from(i) + 0.02).collect()
    }

    /// The derivatives at `points`, changed by `break_it`, against differences.
    fn check(f: Activation, break_it: impl Fn(&mut [f64], &[f64])) -> gradcheck::GradCheck {
        let (mut h, mut deriv) = (points(), vec![f64::NAN; points().len()]);
        f.forward(&mut h, &mut deriv);
        break_it(&mut deriv, &h);
        gradcheck::check(&points(), &deriv, |x| x.iter().map(|&x| by_definition(f, x)).sum())
    }

    #[test]
    fn values_follow_the_definition_on_both_paths() {
        for f in ALL {
            let (mut h, mut deriv, mut value) = (points(), points(), points());
            f.forward(&mut h, &mut deriv);
            f.value(&mut value);
            for ((x, h), v) in points().into_iter().zip(h).zip(value) {
                let truth = by_definition(f, x);
                assert!((h - truth).abs() <= 1e-14 * truth.abs().max(1.0), "{f:?} at {x}: {h}, not {truth}");
                assert!(
                    (v - h).abs() <= 1e-15 * h.abs().max(1.0),
                    "{f:?} at {x}: {h} with derivative, {v} without"
                );
            }
        }
    }

    #[test]
    fn derivatives_match_differences() {
        for f in ALL {
            check(f, |_, _| {}).assert_below(1e-9);
        }
    }

    #[test]
    fn a_broken_derivative_is_caught() {
        let forgot_the_square =
            |d: &mut [f64], h: &[f64]| d.iter_mut().zip(h).for_each(|(d, h)| *d = 1.0 - h);
        assert!(check(Activation::Tanh, forgot_the_square).worst > 0.1);
        let forgot_the_slope = |d: &mut [f64], _: &[f64]| d.iter_mut().for_each(|d| *d -= 0.1);
        assert!(check(Activation::Xtanh { slope: 0.1 }, forgot_the_slope).worst > 0.05);
        let forgot_the_product_rule = |d: &mut [f64], _: &[f64]| {
            d.copy_from_slice(&points());
            Activation::Sigmoid.value(d);
        };
        assert!(check(Activation::Silu, forgot_the_product_rule).worst > 0.05);
    }

    #[test]
    fn kinks_take_the_left_derivative() {
        for (f, left) in [(Activation::Relu, 0.0), (Activation::LeakyRelu { slope: 0.2 }, 0.2)] {
            let (mut h, mut deriv) = ([0.0, -0.0], [f64::NAN; 2]);
            f.forward(&mut h, &mut deriv);
            assert_eq!((h, deriv), ([0.0; 2], [left; 2]));
        }
    }

    #[test]
    fn nan_stays_nan_and_large_inputs_stay_finite() {
        for f in ALL {
            let (mut h, mut deriv) = ([f64::NAN, 1e3, -1e3], [0.0; 3]);
            f.forward(&mut h, &mut deriv);
            assert!(h[0].is_nan(), "{f:?} hides a NaN");
            assert!(h[1..].iter().chain(&deriv[1..]).all(|v| v.is_finite()), "{f:?}: {h:?}, {deriv:?}");
            let mut h = [f64::NAN];
            f.value(&mut h);
            assert!(h[0].is_nan(), "{f:?} hides a NaN without derivative");
        }
    }

    #[test]
    fn a_slope_must_be_finite() {
        assert!(ALL.iter().all(|f| f.check().is_ok()));
        assert!(Activation::Xtanh { slope: f64::NAN }.check().is_err());
        let error = Activation::LeakyRelu { slope: f64::INFINITY }.check().unwrap_err();
        assert_eq!(error.to_string(), "leaky_relu.slope is inf, but must be finite");
    }
}
