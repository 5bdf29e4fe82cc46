//! [`Gamma`]: a positive latent of varying shape and rate.

use rand::RngCore;

use crate::component::by_component;
use crate::special::{digamma, draw_ln_gamma, ln_gamma, trigamma};
use crate::{ExpFam, Support};

/// Components `p(z) = βᵅ / Γ(α) · z^(α − 1) e^(−βz)` on (0, ∞), θ = \[log shape α | log rate β\].
///
/// k = 2, T = (log z, z), h = 1, λ = (α − 1, −β), A = log Γ(α) − α log β.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gamma;

/// (α, β) of λ; NaN outside the natural domain.
fn shape_rate(lambda: &[f64]) -> (f64, f64) {
    let (shape, rate) = (lambda[0] + 1.0, -lambda[1]);
    if shape > 0.0 && rate > 0.0 { (shape, rate) } else { (f64::NAN, f64::NAN) }
}

impl ExpFam<f64> for Gamma {
    fn k(&self) -> usize {
        2
    }

    fn support(&self) -> Support {
        Support::Positive
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        t.copy_from_slice(&[z.ln(), z]);
    }

    fn dstats(&self, dt: &mut [f64], z: f64) {
        dt.copy_from_slice(&[1.0 / z, 1.0]);
    }

    fn log_base(&self, _: f64) -> f64 {
        0.0
    }

    fn dlog_base(&self, _: f64) -> f64 {
        0.0
    }

    fn in_domain(&self, lambda: &[f64]) -> bool {
        let (shape, rate) = shape_rate(lambda);
        shape.is_finite() && rate.is_finite()
    }

    fn log_partition(&self, lambda: &[f64]) -> f64 {
        let (shape, rate) = shape_rate(lambda);
        ln_gamma(shape) - shape * rate.ln()
    }

    fn mean_stats(&self, mean: &mut [f64], lambda: &[f64]) {
        let (shape, rate) = shape_rate(lambda);
        mean.copy_from_slice(&[digamma(shape) - rate.ln(), shape / rate]);
    }

    fn fisher(&self, cov: &mut [f64], lambda: &[f64]) {
        let (shape, rate) = shape_rate(lambda);
        cov.copy_from_slice(&[trigamma(shape), 1.0 / rate, 1.0 / rate, shape / (rate * rate)]);
    }

    fn entropy(&self, lambda: &[f64]) -> f64 {
        let (shape, rate) = shape_rate(lambda);
        shape - rate.ln() + ln_gamma(shape) + (1.0 - shape) * digamma(shape)
    }

    /// λ = (exp(log shape) − 1, −exp(log rate)).
    fn natural(&self, lambda: &mut [f64], eta: &[f64]) {
        lambda.copy_from_slice(&[eta[0].exp_m1(), -eta[1].exp()]);
    }

    fn natural_backward(&self, d_eta: &mut [f64], eta: &[f64], d_lambda: &[f64]) {
        d_eta[0] += d_lambda[0] * eta[0].exp();
        d_eta[1] -= d_lambda[1] * eta[1].exp();
    }

    fn nature(&self) -> Option<crate::Nature> {
        Some(crate::Nature::analytic(2, 0))
    }

    /// At least the smallest positive number, where a small shape would give 0.
    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        let (shape, rate) = shape_rate(lambda);
        let z = (draw_ln_gamma(shape, rng) - rate.ln()).exp();
        if z == 0.0 { f64::MIN_POSITIVE } else { z }
    }
}

by_component!([] Gamma);
