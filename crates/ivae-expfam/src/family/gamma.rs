//! [`Gamma`]: a positive latent of varying shape and rate.

use ivae_num::{Scalar, vecmath::VecMath};
use rand::RngCore;

use crate::density::special_functions::{
    TileDensity, impl_special_functions, map_special, map_vectorised, scratch,
};
use crate::density::{ExpFam, StatisticsProperties, Support};
use crate::special::{digamma, draw_ln_gamma, ln_gamma, trigamma};

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

    fn statistics_properties(&self) -> Option<StatisticsProperties> {
        Some(StatisticsProperties::analytic(2, 0))
    }

    /// At least the smallest positive number, where a small shape would give 0.
    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        let (shape, rate) = shape_rate(lambda);
        let z = (draw_ln_gamma(shape, rng) - rate.ln()).exp();
        if z == 0.0 { f64::MIN_POSITIVE } else { z }
    }
}

impl TileDensity for Gamma {
    const DOUBLE: bool = true;

    /// (α − 1) log z − β z + α log β − log Γ(α).
    fn log_probs<F: Scalar>(&self, z: &mut [F], eta: &mut [F], cols: usize) {
        let (log_shape, log_rate) = eta.split_at_mut(z.len());
        let (mut rate, mut ln_z, mut norm) = (scratch(), scratch(), scratch());
        let rate = map_vectorised(&mut rate, log_rate, <F as VecMath>::exp);
        let ln_z = map_vectorised(&mut ln_z, z, <F as VecMath>::ln);
        <F as VecMath>::exp(log_shape);
        let (shape, norm) = (&*log_shape, map_special(&mut norm, log_shape, cols, ln_gamma));
        for (i, z) in z.iter_mut().enumerate() {
            *z = (shape[i] - F::one()) * ln_z[i] - rate[i] * *z + (shape[i] * log_rate[i] - norm[i]);
        }
    }

    /// ∂z = (α − 1) / z − β, ∂log α = α (log z + log β − ψ(α)), ∂log β = α − β z.
    fn derivatives<F: Scalar>(&self, z: &mut [F], eta: &mut [F], d: &[F], cols: usize) {
        let (log_shape, log_rate) = eta.split_at_mut(z.len());
        let (mut rate, mut ln_z, mut psi) = (scratch(), scratch(), scratch());
        let rate = map_vectorised(&mut rate, log_rate, <F as VecMath>::exp);
        let ln_z = map_vectorised(&mut ln_z, z, <F as VecMath>::ln);
        <F as VecMath>::exp(log_shape);
        let psi = map_special(&mut psi, log_shape, cols, digamma);
        for (i, z) in z.iter_mut().enumerate() {
            let (shape, at) = (log_shape[i], *z);
            log_shape[i] = d[i] * shape * (ln_z[i] + log_rate[i] - psi[i]);
            log_rate[i] = d[i] * (shape - rate[i] * at);
            *z = d[i] * ((shape - F::one()) / at - rate[i]);
        }
    }
}

impl_special_functions!(Gamma);
