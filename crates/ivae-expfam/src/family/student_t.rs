//! [`StudentT`]: the likelihood of values with outliers.

use ivae_num::{Formula, Functions};

use crate::density::double;
use crate::special::gamma_formula::{digamma, ln_gamma};

/// Independent Student t components of location μ, scale s and degrees of freedom ν, θ = \[μ | log s | log ν\] `[B, 3n]`:
///
/// ```text
/// log p(v) = log Γ((ν + 1)/2) − log Γ(ν/2) − ½ log(νπ) − log s − (ν + 1)/2 · log(1 + e²/ν),     e = (v − μ) / s.
/// ```
///
/// Cauchy for ν = 1, normal for ν → ∞; the variance is s² ν/(ν − 2) for ν > 2. Rows take a log ν above
/// [`MOST_LOG_DEGREES`](Self::MOST_LOG_DEGREES) for that bound, where its derivative is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StudentT;

impl StudentT {
    /// Upper bound of log ν in rows: there the law is normal to four digits.
    pub const MOST_LOG_DEGREES: f64 = 9.0;
}

/// log ν, at most the bound; NaN stays NaN.
#[inline(always)]
fn bounded(log_nu: f64) -> f64 {
    if log_nu > StudentT::MOST_LOG_DEGREES { StudentT::MOST_LOG_DEGREES } else { log_nu }
}

/// (v; μ, log s, log ν) → log p(v).
#[derive(Clone, Copy)]
struct LogProb;

impl Formula<f64, 1, 3> for LogProb {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [v]: [f64; 1], [location, log_scale, log_nu]: [f64; 3]) -> [f64; 1] {
        let log_nu = bounded(log_nu);
        let (nu, e) = (M::exp(log_nu), (v - location) * M::exp(-log_scale));
        let norm = ln_gamma::<M>(0.5 * nu + 0.5)
            - ln_gamma::<M>(0.5 * nu)
            - 0.5 * (log_nu + std::f64::consts::PI.ln());
        [norm - log_scale - 0.5 * (nu + 1.0) * M::ln(1.0 + e * e / nu)]
    }
}

/// (μ, log s, log ν; v) → with w = (ν + 1) e / (ν + e²): ∂μ = w / s, ∂log s = w e − 1,
/// ∂log ν = ½ (ν (ψ((ν + 1)/2) − ψ(ν/2) − log(1 + e²/ν)) − 1 + w e).
#[derive(Clone, Copy)]
struct ThetaSlopes;

impl Formula<f64, 3, 1> for ThetaSlopes {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [location, log_scale, log_nu]: [f64; 3], [v]: [f64; 1]) -> [f64; 3] {
        let (nu, inverse) = (M::exp(bounded(log_nu)), M::exp(-log_scale));
        let e = (v - location) * inverse;
        let w = (nu + 1.0) * e / (nu + e * e);
        let rise = digamma::<M>(0.5 * nu + 0.5) - digamma::<M>(0.5 * nu) - M::ln(1.0 + e * e / nu);
        let d_nu = 0.5 * (nu * rise - 1.0 + w * e);
        [w * inverse, w * e - 1.0, if log_nu > StudentT::MOST_LOG_DEGREES { 0.0 } else { d_nu }]
    }
}

/// (v; μ, log s, log ν) → ∂v = −∂μ.
#[derive(Clone, Copy)]
struct VSlope;

impl Formula<f64, 1, 3> for VSlope {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [v]: [f64; 1], [location, log_scale, log_nu]: [f64; 3]) -> [f64; 1] {
        let (nu, inverse) = (M::exp(bounded(log_nu)), M::exp(-log_scale));
        let e = (v - location) * inverse;
        [-(nu + 1.0) * e / (nu + e * e) * inverse]
    }
}

double::density!(StudentT, 3, |_| LogProb, ThetaSlopes, VSlope);
