//! [`Poisson`]: the likelihood of counts, and the family of a latent count.

use ivae_num::{Formula, Functions};
use rand::RngCore;
use rand_distr::Distribution;

use crate::density::{ExpFam, Support, double, implement};
use crate::special::{digamma, gamma_formula, ln_gamma};

/// Components `p(z) = rᶻ e⁻ʳ / z!` on 0, 1, 2, …, θ = λ = log rate.
///
/// k = 1, T = z, h = 1/z!, A = r, the natural domain is ℝ. Derivatives in z are those of the formula with Γ(z + 1).
///
/// Rows take a log rate beyond ±[`MOST_LOG_RATE`](Self::MOST_LOG_RATE) for that bound, where its derivative is 0: no
/// decoder, however wild, makes the density infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Poisson;

impl Poisson {
    /// Bound of the log rate in rows, on either side: a rate of 10¹³ is more than any count says.
    pub const MOST_LOG_RATE: f64 = 30.0;
}

/// r; NaN outside the natural domain, where it is 0 or ∞.
fn rate(lambda: &[f64]) -> f64 {
    let rate = lambda[0].exp();
    if rate > 0.0 && rate.is_finite() { rate } else { f64::NAN }
}

impl ExpFam<f64> for Poisson {
    fn k(&self) -> usize {
        1
    }

    fn support(&self) -> Support {
        Support::Naturals
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        t[0] = z;
    }

    fn dstats(&self, dt: &mut [f64], _: f64) {
        dt[0] = 1.0;
    }

    fn log_base(&self, z: f64) -> f64 {
        -ln_gamma(z + 1.0)
    }

    fn dlog_base(&self, z: f64) -> f64 {
        -digamma(z + 1.0)
    }

    fn in_domain(&self, lambda: &[f64]) -> bool {
        rate(lambda).is_finite()
    }

    fn log_partition(&self, lambda: &[f64]) -> f64 {
        rate(lambda)
    }

    fn mean_stats(&self, mean: &mut [f64], lambda: &[f64]) {
        mean[0] = rate(lambda);
    }

    fn fisher(&self, cov: &mut [f64], lambda: &[f64]) {
        cov[0] = rate(lambda);
    }

    /// The sum over the values that have any mass; ½ log(2πer) − 1/(12r) − 1/(24r²) − 19/(360r³) for a large rate
    /// (Evans and Boersma 1988).
    fn entropy(&self, lambda: &[f64]) -> f64 {
        let r = rate(lambda);
        if r > 1000.0 {
            let inverse = 1.0 / r;
            let series = inverse * (1.0 / 12.0 + inverse * (1.0 / 24.0 + inverse * (19.0 / 360.0)));
            return 0.5 * ((std::f64::consts::TAU * r).ln() + 1.0) - series;
        }
        if r.is_nan() {
            return r;
        }
        let reach = 10.0 * r.sqrt() + 40.0;
        let (low, high) = ((r - reach).max(0.0) as u32, (r + reach) as u32);
        let term = |z: u32| {
            let z = f64::from(z);
            let log_prob = z * lambda[0] - r - ln_gamma(z + 1.0);
            -log_prob.exp() * log_prob
        };
        (low..=high).map(term).sum()
    }

    /// r (s − 1 − log s) with s = to / r: s − 1 and log s by functions that do not cancel near s = 1.
    fn kl(&self, lambda: &[f64], to: &[f64]) -> f64 {
        let (r, to_rate, step) = (rate(lambda), rate(to), to[0] - lambda[0]);
        if to_rate.is_nan() { to_rate } else { r * (step.exp_m1() - step) }
    }

    fn natural(&self, lambda: &mut [f64], eta: &[f64]) {
        lambda[0] = eta[0];
    }

    fn natural_backward(&self, d_eta: &mut [f64], _: &[f64], d_lambda: &[f64]) {
        d_eta[0] += d_lambda[0];
    }

    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        rand_distr::Poisson::new(rate(lambda)).map_or(f64::NAN, |law| law.sample(rng))
    }
}

/// `x` within ± `most`; NaN stays NaN.
#[inline(always)]
pub(super) fn bounded(x: f64, most: f64) -> f64 {
    let below = if x > most { most } else { x };
    if below < -most { -most } else { below }
}

/// `y` where z is 0, 1, 2, …, NaN where z is, and `otherwise` elsewhere.
#[inline(always)]
pub(super) fn at_counts(z: f64, y: f64, otherwise: f64) -> f64 {
    let is_count = (0.0..f64::INFINITY).contains(&z) & (z.trunc() == z);
    let other = if z.is_nan() { z } else { otherwise };
    if is_count { y } else { other }
}

const MOST: f64 = Poisson::MOST_LOG_RATE;

/// (z; log r) → z log r − r − log z!.
#[derive(Clone, Copy)]
struct LogProb;

impl Formula<f64, 1, 1> for LogProb {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [z]: [f64; 1], [l]: [f64; 1]) -> [f64; 1] {
        let l = bounded(l, MOST);
        [at_counts(z, z * l - M::exp(l) - gamma_formula::ln_gamma::<M>(z + 1.0), f64::NEG_INFINITY)]
    }
}

/// (log r; z) → ∂log r = z − r, 0 beyond the bound.
#[derive(Clone, Copy)]
struct ThetaSlopes;

impl Formula<f64, 1, 1> for ThetaSlopes {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [l]: [f64; 1], [z]: [f64; 1]) -> [f64; 1] {
        let slope = z - M::exp(bounded(l, MOST));
        [at_counts(z, if l.abs() > MOST { 0.0 } else { slope }, 0.0)]
    }
}

/// (z; log r) → ∂z = log r − ψ(z + 1).
#[derive(Clone, Copy)]
struct VSlope;

impl Formula<f64, 1, 1> for VSlope {
    #[inline(always)]
    fn at<M: Functions<f64>>(&self, [z]: [f64; 1], [l]: [f64; 1]) -> [f64; 1] {
        [at_counts(z, bounded(l, MOST) - gamma_formula::digamma::<M>(z + 1.0), 0.0)]
    }
}

double::density!(Poisson, 1, |_| LogProb, ThetaSlopes, VSlope);
implement::narrowed!([] Poisson);
