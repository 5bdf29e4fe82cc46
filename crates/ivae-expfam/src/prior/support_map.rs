//! [`SupportMap`]: the elementwise smooth map from ℝ onto the support of a family.

use ivae_num::Scalar;

use crate::Support;

/// The elementwise map z = m(v) from ℝ onto a support. Networks work with v; the latents are z.
///
/// log p(v) = log p(z) + log m′(v) (change of variables).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SupportMap {
    /// z = v, for ℝ.
    Identity,
    /// z = log(1 + eᵛ), for (0, ∞): close to v where v is large, to eᵛ where it is small.
    Softplus,
    /// z = low + (high − low) / (1 + e⁻ᵛ), for an interval.
    Sigmoid {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
}

impl SupportMap {
    /// The map onto `support`; `None` for a discrete one.
    pub fn onto(support: Support) -> Option<Self> {
        match support {
            Support::Real => Some(Self::Identity),
            Support::Positive => Some(Self::Softplus),
            Support::Interval { low, high } => Some(Self::Sigmoid { low, high }),
            Support::Naturals | Support::Finite { .. } => None,
        }
    }

    /// z = m(v), always inside the support.
    #[inline]
    pub fn to_support<F: Scalar>(self, v: F) -> F {
        match self {
            Self::Identity => v,
            Self::Softplus => softplus(v).max(F::min_positive_value()),
            Self::Sigmoid { low, high } => {
                // As far from the ends as rounding tells apart.
                let edge = F::epsilon();
                F::of(low) + F::of(high - low) * sigmoid(v).max(edge).min(F::one() - edge)
            }
        }
    }

    /// v = m⁻¹(z); of a z outside the support, that of the nearest z inside.
    pub fn to_real<F: Scalar>(self, z: F) -> F {
        match self {
            Self::Identity => z,
            Self::Softplus => {
                let z = z.max(F::min_positive_value());
                z + (-(-z).exp_m1()).ln() // log(eᶻ − 1)
            }
            Self::Sigmoid { low, high } => {
                let edge = F::epsilon();
                let part = ((z - F::of(low)) / F::of(high - low)).max(edge).min(F::one() - edge);
                (part / (F::one() - part)).ln()
            }
        }
    }

    /// m′(v).
    #[inline]
    pub fn slope<F: Scalar>(self, v: F) -> F {
        match self {
            Self::Identity => F::one(),
            Self::Softplus => sigmoid(v),
            Self::Sigmoid { low, high } => F::of(high - low) * sigmoid(v) * sigmoid(-v),
        }
    }

    /// log m′(v).
    #[inline]
    pub fn log_slope<F: Scalar>(self, v: F) -> F {
        match self {
            Self::Identity => F::zero(),
            Self::Softplus => -softplus(-v),
            Self::Sigmoid { low, high } => F::of((high - low).ln()) - softplus(v) - softplus(-v),
        }
    }

    /// Derivative of [`log_slope`](Self::log_slope).
    #[inline]
    pub fn log_slope_derivative<F: Scalar>(self, v: F) -> F {
        match self {
            Self::Identity => F::zero(),
            Self::Softplus => sigmoid(-v),
            Self::Sigmoid { .. } => sigmoid(-v) - sigmoid(v),
        }
    }
}

#[inline]
fn softplus<F: Scalar>(v: F) -> F {
    v.max(F::zero()) + (-v.abs()).exp().ln_1p()
}

#[inline]
fn sigmoid<F: Scalar>(v: F) -> F {
    (F::one() + (-v).exp()).recip()
}

#[cfg(test)]
mod tests {
    use ivae_num::gradcheck;

    use super::*;

    const MAPS: [SupportMap; 3] =
        [SupportMap::Identity, SupportMap::Softplus, SupportMap::Sigmoid { low: -1.0, high: 3.0 }];

    #[test]
    fn slopes_are_derivatives_and_the_inverse_undoes_the_map() {
        for map in MAPS {
            for v in (-40..=40).map(|i| 0.2 * f64::from(i)) {
                assert!((map.to_real(map.to_support(v)) - v).abs() < 1e-9, "{map:?} at {v}");
                assert!((map.slope(v).ln() - map.log_slope(v)).abs() < 1e-12, "{map:?} at {v}");
                gradcheck::check(&[v], &[map.slope(v)], |v| map.to_support(v[0])).assert_below(1e-7);
                let derivative = map.log_slope_derivative(v);
                gradcheck::check(&[v], &[derivative], |v| map.log_slope(v[0])).assert_below(1e-7);
            }
        }
    }

    #[test]
    fn every_number_lands_inside_the_support_also_in_single_precision() {
        for support in [Support::Positive, Support::Interval { low: -1.0, high: 3.0 }] {
            let map = SupportMap::onto(support).expect("a continuous support");
            for v in [-1e4f32, -100.0, -20.0, 0.0, 20.0, 100.0, 1e4] {
                assert!(support.contains(f64::from(map.to_support(v))), "{map:?} at {v}");
                assert!(map.to_real(map.to_support(v)).is_finite(), "{map:?} at {v}");
            }
            assert!(map.to_real(-2.0f64).is_finite() && map.to_real(-2.0f64) < -20.0);
        }
        assert_eq!(SupportMap::onto(Support::Naturals), None);
    }
}
