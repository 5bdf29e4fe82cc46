//! [`HeteroscedasticGaussian`]: the likelihood of values whose noise changes with the latents.

use ivae_num::{Formula, Functions};
use serde::{Deserialize, Serialize};

use super::poisson::bounded;
use crate::density::double;

/// Independent normal components of mean μ and variance s = floor + eˡ, θ = \[μ | l\] `[B, 2n]`. The floor bounds the density;
/// rows take an l beyond ±[`MOST_LOG_VARIANCE`](Self::MOST_LOG_VARIANCE) for that bound, where its derivative is 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeteroscedasticGaussian {
    /// The least variance, positive.
    pub floor: f64,
}

impl HeteroscedasticGaussian {
    /// Bound of l in rows, on either side.
    pub const MOST_LOG_VARIANCE: f64 = 30.0;

    /// s for this l.
    pub fn variance(self, l: f64) -> f64 {
        self.floor + bounded(l, Self::MOST_LOG_VARIANCE).exp()
    }
}

const MOST: f64 = HeteroscedasticGaussian::MOST_LOG_VARIANCE;

/// (v; μ, l) → −½ ((v − μ)²/s + log s + log 2π).
#[derive(Clone, Copy)]
struct LogProb(f64);

impl Formula<f64, 1, 2> for LogProb {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [v]: [f64; 1], [mean, l]: [f64; 2]) -> [f64; 1] {
        let (r, s) = (v - mean, self.0 + M::exp(bounded(l, MOST)));
        [-0.5 * (r * r / s + M::ln(s) + std::f64::consts::TAU.ln())]
    }
}

/// (μ, l; v) → ∂μ = (v − μ)/s, ∂l = ½ ((v − μ)²/s − 1) eˡ/s.
#[derive(Clone, Copy)]
struct ThetaSlopes(f64);

impl Formula<f64, 2, 1> for ThetaSlopes {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [mean, l]: [f64; 2], [v]: [f64; 1]) -> [f64; 2] {
        let free = M::exp(bounded(l, MOST));
        let (r, inverse) = (v - mean, 1.0 / (self.0 + free));
        let d_l = 0.5 * (r * r * inverse - 1.0) * free * inverse;
        [r * inverse, if l.abs() > MOST { 0.0 } else { d_l }]
    }
}

/// (v; μ, l) → ∂v = −∂μ.
#[derive(Clone, Copy)]
struct VSlope(f64);

impl Formula<f64, 1, 2> for VSlope {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [v]: [f64; 1], [mean, l]: [f64; 2]) -> [f64; 1] {
        [(mean - v) / (self.0 + M::exp(bounded(l, MOST)))]
    }
}

double::density!(
    HeteroscedasticGaussian,
    2,
    |this| LogProb(this.floor),
    ThetaSlopes(this.floor),
    VSlope(this.floor)
);
