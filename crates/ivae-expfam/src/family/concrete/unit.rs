//! The relaxed binary variable itself, in (0, 1).

use ivae_num::{Formula, Functions};
use serde::{Deserialize, Serialize};

use super::binary::BinaryConcrete;
use crate::density::double;

/// The components of [`BinaryConcrete`] as values x = sigmoid(y) in (0, 1), θ = logits l `[B, n]`
/// (Maddison et al. 2016, appendix C): with y = log x − log(1 − x) and t = l − T y,
///
/// ```text
/// log p(x) = log T + t − 2 log(1 + exp t) − log x − log(1 − x).
/// ```
///
/// −∞ outside (0, 1).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UnitConcrete(pub BinaryConcrete);

/// `y` where 0 < x < 1, NaN where x is, and `otherwise` elsewhere.
#[inline(always)]
fn inside(x: f64, y: f64, otherwise: f64) -> f64 {
    let other = if x.is_nan() { x } else { otherwise };
    if (x > 0.0) & (x < 1.0) { y } else { other }
}

/// (x; l) → log p(x), from T.
#[derive(Clone, Copy)]
struct LogProb(f64);

impl Formula<f64, 1, 1> for LogProb {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [x]: [f64; 1], [l]: [f64; 1]) -> [f64; 1] {
        let (low, high) = (M::ln(x), M::ln(1.0 - x));
        // t − 2 log(1 + exp t) is even in t.
        let size = -(l - self.0 * (low - high)).abs();
        [inside(x, self.0.ln() + size - 2.0 * M::softplus(size) - low - high, f64::NEG_INFINITY)]
    }
}

/// (l; x) → ∂l = 1 − 2 sigmoid(t).
#[derive(Clone, Copy)]
struct ThetaSlopes(f64);

impl Formula<f64, 1, 1> for ThetaSlopes {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [l]: [f64; 1], [x]: [f64; 1]) -> [f64; 1] {
        let t = l - self.0 * (M::ln(x) - M::ln(1.0 - x));
        [inside(x, 1.0 - 2.0 * M::sigmoid(t), 0.0)]
    }
}

/// (x; l) → ∂x = (2x − 1 − T (1 − 2 sigmoid(t))) / (x (1 − x)).
#[derive(Clone, Copy)]
struct VSlope(f64);

impl Formula<f64, 1, 1> for VSlope {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [x]: [f64; 1], [l]: [f64; 1]) -> [f64; 1] {
        let t = l - self.0 * (M::ln(x) - M::ln(1.0 - x));
        let slope = 2.0 * x - 1.0 - self.0 * (1.0 - 2.0 * M::sigmoid(t));
        [inside(x, slope / (x * (1.0 - x)), 0.0)]
    }
}

double::density!(
    UnitConcrete,
    1,
    |this| LogProb(this.0.temperature),
    ThetaSlopes(this.0.temperature),
    VSlope(this.0.temperature)
);
