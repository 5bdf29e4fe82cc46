//! [`Beta`]: a latent on the unit interval.

use rand::RngCore;

use crate::component::by_component;
use crate::special::{digamma, draw_ln_gamma, ln_gamma, sigmoid, trigamma};
use crate::{ExpFam, Support};

/// Components `p(z) = z^(a − 1) (1 − z)^(b − 1) / B(a, b)` on (0, 1), θ = \[log a | log b\].
///
/// k = 2, T = (log z, log(1 − z)), h = 1, λ = (a − 1, b − 1), A = log B(a, b).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Beta;

/// (a, b) of λ; NaN outside the natural domain.
fn parameters(lambda: &[f64]) -> (f64, f64) {
    let (a, b) = (lambda[0] + 1.0, lambda[1] + 1.0);
    if a > 0.0 && b > 0.0 { (a, b) } else { (f64::NAN, f64::NAN) }
}

impl ExpFam<f64> for Beta {
    fn k(&self) -> usize {
        2
    }

    fn support(&self) -> Support {
        Support::Interval { low: 0.0, high: 1.0 }
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        t.copy_from_slice(&[z.ln(), (-z).ln_1p()]);
    }

    fn dstats(&self, dt: &mut [f64], z: f64) {
        dt.copy_from_slice(&[1.0 / z, -1.0 / (1.0 - z)]);
    }

    fn log_base(&self, _: f64) -> f64 {
        0.0
    }

    fn dlog_base(&self, _: f64) -> f64 {
        0.0
    }

    fn in_domain(&self, lambda: &[f64]) -> bool {
        let (a, b) = parameters(lambda);
        a.is_finite() && b.is_finite()
    }

    fn log_partition(&self, lambda: &[f64]) -> f64 {
        let (a, b) = parameters(lambda);
        ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
    }

    fn mean_stats(&self, mean: &mut [f64], lambda: &[f64]) {
        let (a, b) = parameters(lambda);
        let both = digamma(a + b);
        mean.copy_from_slice(&[digamma(a) - both, digamma(b) - both]);
    }

    fn fisher(&self, cov: &mut [f64], lambda: &[f64]) {
        let (a, b) = parameters(lambda);
        let both = trigamma(a + b);
        cov.copy_from_slice(&[trigamma(a) - both, -both, -both, trigamma(b) - both]);
    }

    fn entropy(&self, lambda: &[f64]) -> f64 {
        let mut mean = [0.0; 2];
        self.mean_stats(&mut mean, lambda);
        self.log_partition(lambda) - lambda[0] * mean[0] - lambda[1] * mean[1]
    }

    /// λ = (exp(log a) − 1, exp(log b) − 1).
    fn natural(&self, lambda: &mut [f64], eta: &[f64]) {
        lambda.copy_from_slice(&[eta[0].exp_m1(), eta[1].exp_m1()]);
    }

    fn natural_backward(&self, d_eta: &mut [f64], eta: &[f64], d_lambda: &[f64]) {
        d_eta[0] += d_lambda[0] * eta[0].exp();
        d_eta[1] += d_lambda[1] * eta[1].exp();
    }

    fn nature(&self) -> Option<crate::Nature> {
        Some(crate::Nature::analytic(2, 0))
    }

    /// X / (X + Y) of two Gamma draws, kept inside (0, 1).
    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        let (a, b) = parameters(lambda);
        let z = sigmoid(draw_ln_gamma(a, rng) - draw_ln_gamma(b, rng));
        z.clamp(f64::MIN_POSITIVE, 1.0f64.next_down())
    }
}

by_component!([] Beta);
