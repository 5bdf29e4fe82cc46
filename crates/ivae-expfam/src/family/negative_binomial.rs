//! [`NegativeBinomial`]: the likelihood of counts that vary more than Poisson ones.

use ivae_num::{Formula, Functions};

use super::poisson::{Poisson, at_counts, bounded};
use crate::density::double;
use crate::special::gamma_formula::{digamma, ln_gamma};

/// Independent negative binomial components of mean μ and inverse dispersion r, θ = \[log μ | log r\] `[B, 2n]`
/// (Hilbe 2011, NB2):
///
/// ```text
/// p(x) = Γ(x + r) / (Γ(r) x!) · (r / (r + μ))ʳ (μ / (r + μ))ˣ,     variance μ + μ²/r.
/// ```
///
/// For r → ∞ it is [`Poisson`]. Rows take a log μ beyond ±[`Poisson::MOST_LOG_RATE`] and a log r beyond
/// ±[`MOST_LOG_INVERSE_DISPERSION`](Self::MOST_LOG_INVERSE_DISPERSION) for that bound, where its derivative is 0. The
/// derivative in x is that of the formula with Γ(x + 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NegativeBinomial;

impl NegativeBinomial {
    /// Bound of log r in rows, on either side: beyond it the law is Poisson to six digits, or all of its mass at 0.
    pub const MOST_LOG_INVERSE_DISPERSION: f64 = 14.0;
}

const MOST_MEAN: f64 = Poisson::MOST_LOG_RATE;
const MOST_R: f64 = NegativeBinomial::MOST_LOG_INVERSE_DISPERSION;

/// (x; log μ, log r) → log p(x), with log(r / (r + μ)) = −softplus(log μ − log r).
#[derive(Clone, Copy)]
struct LogProb;

impl Formula<f64, 1, 2> for LogProb {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [x]: [f64; 1], [l, a]: [f64; 2]) -> [f64; 1] {
        let (l, a) = (bounded(l, MOST_MEAN), bounded(a, MOST_R));
        let r = M::exp(a);
        let ways = ln_gamma::<M>(x + r) - ln_gamma::<M>(r) - ln_gamma::<M>(x + 1.0);
        let log_prob = ways - r * M::softplus(l - a) - x * M::softplus(a - l);
        [at_counts(x, log_prob, f64::NEG_INFINITY)]
    }
}

/// (log μ, log r; x) → ∂log μ = x − (x + r) s and
/// ∂log r = r (ψ(x + r) − ψ(r) − softplus(log μ − log r)) + r s − x (1 − s), with s = μ / (r + μ).
#[derive(Clone, Copy)]
struct ThetaSlopes;

impl Formula<f64, 2, 1> for ThetaSlopes {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [l, a]: [f64; 2], [x]: [f64; 1]) -> [f64; 2] {
        let (mean, inverse) = (bounded(l, MOST_MEAN), bounded(a, MOST_R));
        let (r, share) = (M::exp(inverse), M::sigmoid(mean - inverse));
        let d_mean = x - (x + r) * share;
        let rise = digamma::<M>(x + r) - digamma::<M>(r) - M::softplus(mean - inverse);
        let d_r = r * (rise + share) - x * M::sigmoid(inverse - mean);
        [
            at_counts(x, if l.abs() > MOST_MEAN { 0.0 } else { d_mean }, 0.0),
            at_counts(x, if a.abs() > MOST_R { 0.0 } else { d_r }, 0.0),
        ]
    }
}

/// (x; log μ, log r) → ∂x = ψ(x + r) − ψ(x + 1) + log(μ / (r + μ)).
#[derive(Clone, Copy)]
struct VSlope;

impl Formula<f64, 1, 2> for VSlope {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [x]: [f64; 1], [l, a]: [f64; 2]) -> [f64; 1] {
        let (l, a) = (bounded(l, MOST_MEAN), bounded(a, MOST_R));
        let slope = digamma::<M>(x + M::exp(a)) - digamma::<M>(x + 1.0) - M::softplus(a - l);
        [at_counts(x, slope, 0.0)]
    }
}

double::density!(NegativeBinomial, 2, |_| LogProb, ThetaSlopes, VSlope);
