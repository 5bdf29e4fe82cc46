//! [`HyperbolicSecant`]: a smooth peak, exponential tails.

use rand::RngCore;

use crate::component::by_component;
use crate::special::{digamma, draw_ln_gamma, ln_gamma, trigamma};
use crate::{ExpFam, Support};

/// Components `p(z) ∝ sech(z)^a`, θ = log a: the hyperbolic secant law for a = 1, near a Gaussian of variance 1/a for
/// large a, near a Laplace law of rate a for small a (Harkness and Harkness 1968).
///
/// k = 1, T = log cosh z, h = 1, λ = −a, A = log B(½, a/2). T is not monotonic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HyperbolicSecant;

/// a / 2; NaN outside the natural domain.
fn half_power(lambda: &[f64]) -> f64 {
    if lambda[0] < 0.0 { -0.5 * lambda[0] } else { f64::NAN }
}

impl ExpFam<f64> for HyperbolicSecant {
    fn k(&self) -> usize {
        1
    }

    fn support(&self) -> Support {
        Support::Real
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        t[0] = z.abs() + (-2.0 * z.abs()).exp().ln_1p() - std::f64::consts::LN_2;
    }

    fn dstats(&self, dt: &mut [f64], z: f64) {
        dt[0] = z.tanh();
    }

    fn log_base(&self, _: f64) -> f64 {
        0.0
    }

    fn dlog_base(&self, _: f64) -> f64 {
        0.0
    }

    fn in_domain(&self, lambda: &[f64]) -> bool {
        half_power(lambda).is_finite()
    }

    /// ∫ sech(z)^a dz = B(½, a/2), by y = tanh² z.
    fn log_partition(&self, lambda: &[f64]) -> f64 {
        let half = half_power(lambda);
        0.5 * std::f64::consts::PI.ln() + ln_gamma(half) - ln_gamma(half + 0.5)
    }

    fn mean_stats(&self, mean: &mut [f64], lambda: &[f64]) {
        let half = half_power(lambda);
        mean[0] = 0.5 * (digamma(half + 0.5) - digamma(half));
    }

    fn fisher(&self, cov: &mut [f64], lambda: &[f64]) {
        let half = half_power(lambda);
        cov[0] = 0.25 * (trigamma(half) - trigamma(half + 0.5));
    }

    fn entropy(&self, lambda: &[f64]) -> f64 {
        let mut mean = [0.0];
        self.mean_stats(&mut mean, lambda);
        self.log_partition(lambda) - lambda[0] * mean[0]
    }

    /// λ = −exp(log a).
    fn natural(&self, lambda: &mut [f64], eta: &[f64]) {
        lambda[0] = -eta[0].exp();
    }

    fn natural_backward(&self, d_eta: &mut [f64], eta: &[f64], d_lambda: &[f64]) {
        d_eta[0] -= d_lambda[0] * eta[0].exp();
    }

    fn nature(&self) -> Option<crate::Nature> {
        Some(crate::Nature::analytic(1, 1))
    }

    /// (1 + tanh z) / 2 follows a Beta law with both parameters a/2: z is half the difference of two log Gamma draws.
    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        let half = half_power(lambda);
        0.5 * (draw_ln_gamma(half, rng) - draw_ln_gamma(half, rng))
    }
}

by_component!([] HyperbolicSecant);
