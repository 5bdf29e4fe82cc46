//! [`ExponentialPower`]: the scale of a Laplace, Gaussian or generalised Gaussian law of fixed location and shape.

use ivae_num::{Scalar, vecmath::VecMath};
use rand::{Rng, RngCore};

use crate::block::BLOCK;
use crate::slices::{Slices, by_slices, each1, each2, scratch};
use crate::special::{draw_ln_gamma, ln_gamma};
use crate::{ExpFam, Support};

/// Components `p(z) ∝ exp(λ |z − μ|^β)` of fixed location μ and shape β > 0, with θ = log_scale, λ = −1 / scale^β
/// (Subbotin 1923): Laplace for β = 1, Gaussian for β = 2, flat on \[μ − scale, μ + scale\] for β → ∞.
///
/// k = 1, T = |z − μ|^β, h = 1, A = log 2Γ(1 + 1/β) − log(−λ) / β. T is not monotonic. A location that varies makes
/// no exponential family (but for β = 2): for it there are the densities [`Laplace`](crate::Laplace) and
/// [`GeneralisedNormal`](crate::GeneralisedNormal). A shape that is not positive gives NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExponentialPower {
    /// μ.
    pub location: f64,
    /// β.
    pub shape: f64,
}

impl ExponentialPower {
    /// −λ; NaN outside the natural domain.
    fn rate(self, lambda: &[f64]) -> f64 {
        if lambda[0] < 0.0 && self.shape > 0.0 { -lambda[0] } else { f64::NAN }
    }

    /// t^β, t = |z − μ| / scale, in the first places of `out`: one exponential for a Laplace or Gaussian law, and a
    /// logarithm for any other.
    fn powers<'a, F: Scalar>(self, out: &'a mut [F; BLOCK], z: &[F], log_scale: &[F]) -> &'a [F] {
        let (location, shape) = (F::of(self.location), F::of(self.shape));
        let distance = |z: F| (z - location).abs();
        if self.shape == 1.0 || self.shape == 2.0 {
            let out = &mut out[..z.len()];
            out.iter_mut().zip(log_scale).for_each(|(out, &log_scale)| *out = -log_scale);
            <F as VecMath>::exp(out);
            let square = self.shape == 2.0;
            each1(out, z, |inverse, z| {
                let t = distance(z) * inverse;
                if square { t * t } else { t }
            });
            return out;
        }
        let out = &mut out[..z.len()];
        out.iter_mut().zip(z).for_each(|(out, &z)| *out = distance(z));
        <F as VecMath>::ln(out);
        each1(out, log_scale, |ln, log_scale| shape * (ln - log_scale));
        <F as VecMath>::exp(out);
        out
    }
}

impl ExpFam<f64> for ExponentialPower {
    fn k(&self) -> usize {
        1
    }

    fn support(&self) -> Support {
        Support::Real
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        t[0] = (z - self.location).abs().powf(self.shape);
    }

    /// 0 at the location, also where there is a kink.
    fn dstats(&self, dt: &mut [f64], z: f64) {
        let r = z - self.location;
        dt[0] = if r == 0.0 { 0.0 } else { self.shape * r.abs().powf(self.shape) / r };
    }

    fn log_base(&self, _: f64) -> f64 {
        0.0
    }

    fn dlog_base(&self, _: f64) -> f64 {
        0.0
    }

    fn in_domain(&self, lambda: &[f64]) -> bool {
        self.rate(lambda).is_finite()
    }

    fn log_partition(&self, lambda: &[f64]) -> f64 {
        std::f64::consts::LN_2 + ln_gamma(1.0 + 1.0 / self.shape) - self.rate(lambda).ln() / self.shape
    }

    fn mean_stats(&self, mean: &mut [f64], lambda: &[f64]) {
        mean[0] = 1.0 / (self.shape * self.rate(lambda));
    }

    fn fisher(&self, cov: &mut [f64], lambda: &[f64]) {
        let rate = self.rate(lambda);
        cov[0] = 1.0 / (self.shape * rate * rate);
    }

    fn entropy(&self, lambda: &[f64]) -> f64 {
        self.log_partition(lambda) + 1.0 / self.shape
    }

    fn kl(&self, lambda: &[f64], to: &[f64]) -> f64 {
        let ratio = self.rate(to) / self.rate(lambda);
        (ratio - 1.0 - ratio.ln()) / self.shape
    }

    /// λ = −exp(−β · log_scale).
    fn natural(&self, lambda: &mut [f64], eta: &[f64]) {
        lambda[0] = -(-self.shape * eta[0]).exp();
    }

    fn natural_backward(&self, d_eta: &mut [f64], eta: &[f64], d_lambda: &[f64]) {
        d_eta[0] += d_lambda[0] * self.shape * (-self.shape * eta[0]).exp();
    }

    fn nature(&self) -> Option<crate::Nature> {
        Some(crate::Nature { smooth: self.shape >= 2.0, ..crate::Nature::analytic(1, 1) })
    }

    /// |z − μ|^β follows a Gamma law of shape 1/β and rate −λ.
    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        let size = ((draw_ln_gamma(1.0 / self.shape, rng) - self.rate(lambda).ln()) / self.shape).exp();
        if rng.random() { self.location + size } else { self.location - size }
    }
}

impl Slices for ExponentialPower {
    const DOUBLE: bool = false;

    /// −t^β − log_scale − log 2Γ(1 + 1/β), t = |z − μ| / scale.
    fn log_probs<F: Scalar>(&self, z: &mut [F], log_scale: &mut [F], _: usize) {
        let mut power = scratch();
        let power = self.powers(&mut power, z, log_scale);
        let constant = F::of(self.log_partition(&[-1.0]));
        each2(z, log_scale, power, |_, log_scale, power| (-power - (log_scale + constant), log_scale));
    }

    /// ∂z = −β t^β / (z − μ), ∂log_scale = β t^β − 1; ∂z = 0 at the location.
    fn derivatives<F: Scalar>(&self, z: &mut [F], log_scale: &mut [F], _: usize) {
        let mut power = scratch();
        let power = self.powers(&mut power, z, log_scale);
        let (location, shape) = (F::of(self.location), F::of(self.shape));
        each2(z, log_scale, power, |z, _, power| {
            let (r, slope) = (z - location, shape * power);
            (if r == F::zero() { F::zero() } else { -slope / r }, slope - F::one())
        });
    }
}

by_slices!(ExponentialPower);
