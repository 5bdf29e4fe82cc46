//! [`Poisson`]: a latent count.

use ivae_num::{Scalar, vecmath::VecMath};
use rand::RngCore;
use rand_distr::Distribution;

use crate::density::special_functions::{
    TileDensity, impl_special_functions, map_special, map_vectorised, scratch,
};
use crate::density::{ExpFam, Support};
use crate::special::{digamma, ln_gamma};

/// Components `p(z) = rᶻ e⁻ʳ / z!` on 0, 1, 2, …, θ = λ = log rate.
///
/// k = 1, T = z, h = 1/z!, A = r, the natural domain is ℝ. Derivatives in z are those of the formula with Γ(z + 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Poisson;

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

impl TileDensity for Poisson {
    const DOUBLE: bool = true;

    /// z log r − r − log z!.
    fn log_probs<F: Scalar>(&self, z: &mut [F], log_rate: &mut [F], cols: usize) {
        let (mut rate, mut norm) = (scratch(), scratch());
        let rate = map_vectorised(&mut rate, log_rate, <F as VecMath>::exp);
        let norm = map_special(&mut norm, z, cols, |z| ln_gamma(z + 1.0));
        for (i, z) in z.iter_mut().enumerate() {
            *z = *z * log_rate[i] - rate[i] - norm[i];
        }
    }

    /// ∂z = log r − ψ(z + 1), ∂log r = z − r.
    fn derivatives<F: Scalar>(&self, z: &mut [F], log_rate: &mut [F], d: &[F], cols: usize) {
        let (mut rate, mut psi) = (scratch(), scratch());
        let rate = map_vectorised(&mut rate, log_rate, <F as VecMath>::exp);
        let psi = map_special(&mut psi, z, cols, |z| digamma(z + 1.0));
        for (i, z) in z.iter_mut().enumerate() {
            let at = *z;
            *z = d[i] * (log_rate[i] - psi[i]);
            log_rate[i] = d[i] * (at - rate[i]);
        }
    }
}

impl_special_functions!(Poisson);
