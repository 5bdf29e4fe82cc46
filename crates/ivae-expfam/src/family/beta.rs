//! [`Beta`]: a latent on the unit interval.

use ivae_num::{Scalar, vecmath::VecMath};
use rand::RngCore;

use crate::density::special_functions::{
    TileDensity, impl_special_functions, map_special, map_vectorised, scratch,
};
use crate::density::tile::TILE_LEN;
use crate::density::{ExpFam, StatisticsProperties, Support};
use crate::special::{digamma, draw_ln_gamma, ln_gamma, sigmoid, trigamma};

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

    fn statistics_properties(&self) -> Option<StatisticsProperties> {
        Some(StatisticsProperties::analytic(2, 0))
    }

    /// X / (X + Y) of two Gamma draws, kept inside (0, 1).
    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        let (a, b) = parameters(lambda);
        let z = sigmoid(draw_ln_gamma(a, rng) - draw_ln_gamma(b, rng));
        z.clamp(f64::MIN_POSITIVE, 1.0f64.next_down())
    }
}

/// a + b, in the first places.
fn sums<F: Scalar>(a: &[F], b: &[F]) -> [F; TILE_LEN] {
    let mut out = scratch();
    out.iter_mut().zip(a.iter().zip(b)).for_each(|(out, (&a, &b))| *out = a + b);
    out
}

/// log(1 − z) in the first places of `out`: with y = 1 − z as rounded, log y and the first order of what rounding took.
fn ln_rest_of<'a, F: Scalar>(out: &'a mut [F; TILE_LEN], z: &[F]) -> &'a [F] {
    let out = &mut out[..z.len()];
    out.iter_mut().zip(z).for_each(|(out, &z)| *out = F::one() - z);
    <F as VecMath>::ln(out);
    for (out, &z) in out.iter_mut().zip(z) {
        let y = F::one() - z;
        *out += ((F::one() - y) - z) / y;
    }
    out
}

impl TileDensity for Beta {
    const DOUBLE: bool = true;

    /// (a − 1) log z + (b − 1) log(1 − z) − log B(a, b).
    fn log_probs<F: Scalar>(&self, z: &mut [F], eta: &mut [F], cols: usize) {
        <F as VecMath>::exp(eta);
        let (a, b) = eta.split_at_mut(z.len());
        let mut parts = [scratch(); 5];
        let [ln_z, ln_rest, of_a, of_b, of_both] = &mut parts;
        let (of_a, of_b) = (map_special(of_a, a, cols, ln_gamma), map_special(of_b, b, cols, ln_gamma));
        let both: [F; TILE_LEN] = sums(a, b);
        let of_both = map_special(of_both, &both[..z.len()], cols, ln_gamma);
        let (ln_z, ln_rest) = (map_vectorised(ln_z, z, <F as VecMath>::ln), ln_rest_of(ln_rest, z));
        for (i, z) in z.iter_mut().enumerate() {
            *z = (a[i] - F::one()) * ln_z[i] + (b[i] - F::one()) * ln_rest[i]
                - (of_a[i] + of_b[i] - of_both[i]);
        }
    }

    /// ∂z = (a − 1) / z − (b − 1) / (1 − z), ∂log a = a (log z − ψ(a) + ψ(a + b)), and with 1 − z for log b.
    fn derivatives<F: Scalar>(&self, z: &mut [F], eta: &mut [F], d: &[F], cols: usize) {
        <F as VecMath>::exp(eta);
        let (a, b) = eta.split_at_mut(z.len());
        let mut parts = [scratch(); 5];
        let [ln_z, ln_rest, of_a, of_b, of_both] = &mut parts;
        let (of_a, of_b) = (map_special(of_a, a, cols, digamma), map_special(of_b, b, cols, digamma));
        let both: [F; TILE_LEN] = sums(a, b);
        let of_both = map_special(of_both, &both[..z.len()], cols, digamma);
        let (ln_z, ln_rest) = (map_vectorised(ln_z, z, <F as VecMath>::ln), ln_rest_of(ln_rest, z));
        for (i, z) in z.iter_mut().enumerate() {
            let (at, rest) = (*z, F::one() - *z);
            *z = d[i] * ((a[i] - F::one()) / at - (b[i] - F::one()) / rest);
            a[i] *= d[i] * (ln_z[i] - of_a[i] + of_both[i]);
            b[i] *= d[i] * (ln_rest[i] - of_b[i] + of_both[i]);
        }
    }
}

impl_special_functions!(Beta);
