//! [`HyperbolicSecant`]: a smooth peak, exponential tails.

use ivae_num::{Scalar, vecmath::VecMath};
use rand::RngCore;

use crate::density::special_functions::{TileDensity, impl_special_functions, map_special, scratch};
use crate::density::tile::TILE_LEN;
use crate::density::{ExpFam, StatisticsProperties, Support};
use crate::special::{digamma, draw_ln_gamma, ln_gamma, trigamma};

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

    fn statistics_properties(&self) -> Option<StatisticsProperties> {
        Some(StatisticsProperties::analytic(1, 1))
    }

    /// (1 + tanh z) / 2 follows a Beta law with both parameters a/2: z is half the difference of two log Gamma draws.
    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        let half = half_power(lambda);
        0.5 * (draw_ln_gamma(half, rng) - draw_ln_gamma(half, rng))
    }
}

/// log cosh z in the first places of `out`.
fn ln_coshs<'a, F: Scalar>(out: &'a mut [F; TILE_LEN], z: &[F]) -> &'a [F] {
    let out = &mut out[..z.len()];
    out.iter_mut().zip(z).for_each(|(out, z)| *out = -F::of(2.0) * z.abs());
    <F as VecMath>::softplus(out);
    out.iter_mut().zip(z).for_each(|(out, z)| *out += z.abs() - F::LN_2());
    out
}

impl TileDensity for HyperbolicSecant {
    const DOUBLE: bool = true;

    /// −a log cosh z − log B(½, a/2).
    fn log_probs<F: Scalar>(&self, z: &mut [F], log_power: &mut [F], cols: usize) {
        let (mut ln_cosh, mut norm) = (scratch(), scratch());
        let ln_cosh = ln_coshs(&mut ln_cosh, z);
        <F as VecMath>::exp(log_power);
        let norm = map_special(&mut norm, log_power, cols, |power| self.log_partition(&[-power]));
        for (i, z) in z.iter_mut().enumerate() {
            *z = -log_power[i] * ln_cosh[i] - norm[i];
        }
    }

    /// ∂z = −a tanh z, ∂log a = a (E\[log cosh\] − log cosh z).
    fn derivatives<F: Scalar>(&self, z: &mut [F], log_power: &mut [F], d: &[F], cols: usize) {
        let (mut ln_cosh, mut mean) = (scratch(), scratch());
        let ln_cosh = ln_coshs(&mut ln_cosh, z);
        <F as VecMath>::exp(log_power);
        let mean = map_special(&mut mean, log_power, cols, |power| {
            let mut mean = [0.0];
            self.mean_stats(&mut mean, &[-power]);
            mean[0]
        });
        <F as VecMath>::tanh(z);
        for (i, z) in z.iter_mut().enumerate() {
            let power = log_power[i];
            *z *= -d[i] * power;
            log_power[i] = d[i] * power * (mean[i] - ln_cosh[i]);
        }
    }
}

impl_special_functions!(HyperbolicSecant);
