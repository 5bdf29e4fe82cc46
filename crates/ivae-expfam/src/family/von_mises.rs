//! [`VonMises`]: a latent angle.

use std::f64::consts::{PI, TAU};

use ivae_num::Scalar;
use rand::{Rng, RngCore};

use crate::density::special_functions::{TileDensity, impl_special_functions, map_special, scratch};
use crate::density::tile::TILE_LEN;
use crate::density::{ExpFam, StatisticsProperties, Support};
use crate::special::BesselRatio;

/// Components `p(z) ∝ exp(κ cos(z − μ))` on (−π, π), θ = λ = \[κ cos μ | κ sin μ\].
///
/// k = 2, T = (cos z, sin z), h = 1, A = log 2π I₀(κ), the natural domain is ℝ². λ = 0 is the uniform law.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VonMises;

/// κ = ‖λ‖.
fn kappa(lambda: &[f64]) -> f64 {
    lambda[0].hypot(lambda[1])
}

impl ExpFam<f64> for VonMises {
    fn k(&self) -> usize {
        2
    }

    fn support(&self) -> Support {
        Support::Interval { low: -PI, high: PI }
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        t.copy_from_slice(&[z.cos(), z.sin()]);
    }

    fn dstats(&self, dt: &mut [f64], z: f64) {
        dt.copy_from_slice(&[-z.sin(), z.cos()]);
    }

    fn log_base(&self, _: f64) -> f64 {
        0.0
    }

    fn dlog_base(&self, _: f64) -> f64 {
        0.0
    }

    fn in_domain(&self, lambda: &[f64]) -> bool {
        kappa(lambda).is_finite()
    }

    fn log_partition(&self, lambda: &[f64]) -> f64 {
        TAU.ln() + BesselRatio::at(kappa(lambda)).log_i0
    }

    /// R(κ) λ/κ, R = I₁/I₀ (Mardia and Jupp 2000, section 3.5.4).
    fn mean_stats(&self, mean: &mut [f64], lambda: &[f64]) {
        let over = BesselRatio::at(kappa(lambda)).over;
        mean.copy_from_slice(&[over * lambda[0], over * lambda[1]]);
    }

    /// R′(κ) along λ, R(κ)/κ across it.
    fn fisher(&self, cov: &mut [f64], lambda: &[f64]) {
        let kappa = kappa(lambda);
        let bessel = BesselRatio::at(kappa);
        let (along, across) = (bessel.slope, bessel.over);
        let (c, s) = if kappa > 0.0 { (lambda[0] / kappa, lambda[1] / kappa) } else { (1.0, 0.0 * kappa) };
        let cross = (along - across) * c * s;
        cov.copy_from_slice(&[along * c * c + across * s * s, cross, cross, along * s * s + across * c * c]);
    }

    fn entropy(&self, lambda: &[f64]) -> f64 {
        let kappa = kappa(lambda);
        self.log_partition(lambda) - kappa * BesselRatio::at(kappa).ratio
    }

    fn natural(&self, lambda: &mut [f64], eta: &[f64]) {
        lambda.copy_from_slice(eta);
    }

    fn natural_backward(&self, d_eta: &mut [f64], _: &[f64], d_lambda: &[f64]) {
        d_eta.iter_mut().zip(d_lambda).for_each(|(d_eta, d)| *d_eta += d);
    }

    fn statistics_properties(&self) -> Option<StatisticsProperties> {
        Some(StatisticsProperties::analytic(2, 0))
    }

    /// Rejection from a wrapped Cauchy law (Best and Fisher 1979, section 2).
    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        let kappa = kappa(lambda);
        if !kappa.is_finite() {
            return f64::NAN;
        }
        let uniform = PI * (2.0 * rng.random::<f64>() - 1.0);
        if kappa < 1e-8 {
            return inside(uniform);
        }
        // r = (1 + ρ²) / (2ρ), of which 1/κ + κ is the limit for small κ.
        let tau = 1.0 + (1.0 + 4.0 * kappa * kappa).sqrt();
        let rho = (tau - (2.0 * tau).sqrt()) / (2.0 * kappa);
        let r = if kappa < 1e-5 { 1.0 / kappa + kappa } else { (1.0 + rho * rho) / (2.0 * rho) };
        let mut cosine = uniform.cos();
        loop {
            let f = (1.0 + r * cosine) / (r + cosine);
            let (c, u) = (kappa * (r - f), rng.random::<f64>());
            if c * (2.0 - c) > u || (c / u).ln() + 1.0 >= c {
                let angle = f.clamp(-1.0, 1.0).acos();
                let turn = lambda[1].atan2(lambda[0]) + if rng.random() { angle } else { -angle };
                return inside(turn - TAU * (turn / TAU).round());
            }
            cosine = (PI * rng.random::<f64>()).cos();
        }
    }
}

/// Inside the open interval.
fn inside(angle: f64) -> f64 {
    angle.clamp((-PI).next_up(), PI.next_down())
}

/// κ = ‖(x, y)‖ in the first places of `out`.
fn lengths<'a, F: Scalar>(out: &'a mut [F; TILE_LEN], x: &[F], y: &[F]) -> &'a [F] {
    let out = &mut out[..x.len()];
    out.iter_mut().zip(x.iter().zip(y)).for_each(|(out, (x, &y))| *out = x.hypot(y));
    out
}

impl TileDensity for VonMises {
    const DOUBLE: bool = true;

    /// λ₁ cos z + λ₂ sin z − log 2π I₀(κ).
    fn log_probs<F: Scalar>(&self, z: &mut [F], eta: &mut [F], cols: usize) {
        let (x, y) = eta.split_at_mut(z.len());
        let (mut kappa, mut norm) = (scratch(), scratch());
        let kappa = lengths(&mut kappa, x, y);
        let norm = map_special(&mut norm, kappa, cols, |kappa| TAU.ln() + BesselRatio::at(kappa).log_i0);
        for (i, z) in z.iter_mut().enumerate() {
            let (sin, cos) = z.sin_cos();
            *z = x[i] * cos + y[i] * sin - norm[i];
        }
    }

    /// ∂z = λ₂ cos z − λ₁ sin z, ∂λ = (cos z, sin z) − R(κ) λ/κ.
    fn derivatives<F: Scalar>(&self, z: &mut [F], eta: &mut [F], d: &[F], cols: usize) {
        let (x, y) = eta.split_at_mut(z.len());
        let (mut kappa, mut over) = (scratch(), scratch());
        let kappa = lengths(&mut kappa, x, y);
        let over = map_special(&mut over, kappa, cols, |kappa| BesselRatio::at(kappa).over);
        for (i, z) in z.iter_mut().enumerate() {
            let (sin, cos) = z.sin_cos();
            *z = d[i] * (y[i] * cos - x[i] * sin);
            x[i] = d[i] * (cos - over[i] * x[i]);
            y[i] = d[i] * (sin - over[i] * y[i]);
        }
    }
}

impl_special_functions!(VonMises);
