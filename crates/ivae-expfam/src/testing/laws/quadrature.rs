//! Expectations by adaptive Simpson quadrature of the density alone: slow, but independent of the code under test.

use super::evaluate::{Family, draws, log_density};
use crate::density::Support;

/// E\[f(z)\] under λ: a sum, or adaptive quadrature where draws say that the mass is.
pub(super) fn expectation(family: &Family, lambda: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    let log_density = log_density(family, lambda);
    let weighted = |z: f64| {
        let p = if family.support().contains(z) { log_density(z).exp() } else { 0.0 };
        if p > 0.0 { p * f(z) } else { 0.0 }
    };
    let quartiles = |map: fn(f64) -> f64| {
        let mut z: Vec<f64> = draws(family, lambda, 400).into_iter().map(map).collect();
        z.sort_by(f64::total_cmp);
        (z[200], z[300] - z[100])
    };
    match family.support() {
        // z = centre + width · sinh t.
        Support::Real => {
            let (centre, width) = quartiles(|z| z);
            integrate(&|t: f64| weighted(centre + width * t.sinh()) * width * t.cosh(), -6.0, 6.0)
        }
        Support::Positive => {
            let (centre, width) = quartiles(f64::ln);
            let z = |t: f64| (centre + width * t.sinh()).exp();
            integrate(&|t: f64| weighted(z(t)) * z(t) * width * t.cosh(), -6.0, 6.0)
        }
        // z = low + (high − low) sigmoid t.
        Support::Interval { low, high } => {
            let sigmoid = |t: f64| 1.0 / (1.0 + (-t).exp());
            let slope = |t: f64| (high - low) * sigmoid(t) * sigmoid(-t);
            integrate(&|t: f64| weighted(low + (high - low) * sigmoid(t)) * slope(t), -100.0, 100.0)
        }
        Support::Naturals => (0..10_000).map(|z| weighted(f64::from(z))).sum(),
        Support::Finite { count } => (0..count).map(|z| weighted(f64::from(z))).sum(),
    }
}

/// P(low < z ≤ high) of the law of this log-density, for `low` and `high` inside its support.
pub(super) fn between(log_density: &dyn Fn(f64) -> f64, support: Support, low: f64, high: f64) -> f64 {
    let density = |z: f64| log_density(z).exp();
    match support {
        Support::Real => panel(&density, low, high),
        Support::Positive => panel(&|t: f64| density(t.exp()) * t.exp(), low.ln(), high.ln()),
        Support::Interval { low: start, high: end } => {
            let sigmoid = |t: f64| 1.0 / (1.0 + (-t).exp());
            let slope = |t: f64| (end - start) * sigmoid(t) * sigmoid(-t);
            let t = |z: f64| ((z - start) / (end - z)).ln();
            panel(&|t: f64| density(start + (end - start) * sigmoid(t)) * slope(t), t(low), t(high))
        }
        Support::Naturals | Support::Finite { .. } => {
            (low as u64 + 1..=high as u64).map(|z| density(z as f64)).sum()
        }
    }
}

/// Adaptive Simpson on 64 panels.
fn integrate(f: &dyn Fn(f64) -> f64, low: f64, high: f64) -> f64 {
    let step = (high - low) / 64.0;
    (0..64).map(|i| panel(f, low + step * i as f64, low + step * (i + 1) as f64)).sum()
}

/// Adaptive Simpson.
fn panel(f: &dyn Fn(f64) -> f64, low: f64, high: f64) -> f64 {
    fn refine(f: &dyn Fn(f64) -> f64, ends: [f64; 2], at: [f64; 3], whole: f64, depth: usize) -> f64 {
        let [low, high] = ends;
        let (middle, width) = (0.5 * (low + high), high - low);
        let (left, right) = (f(0.75 * low + 0.25 * high), f(0.25 * low + 0.75 * high));
        let halves =
            [(at[0] + 4.0 * left + at[1]) * width / 12.0, (at[1] + 4.0 * right + at[2]) * width / 12.0];
        let error = halves[0] + halves[1] - whole;
        if depth == 0 || error.abs() < 1e-14 * whole.abs().max(1e-3) {
            return halves[0] + halves[1] + error / 15.0;
        }
        refine(f, [low, middle], [at[0], left, at[1]], halves[0], depth - 1)
            + refine(f, [middle, high], [at[1], right, at[2]], halves[1], depth - 1)
    }
    let at = [f(low), f(0.5 * (low + high)), f(high)];
    refine(f, [low, high], at, (at[0] + 4.0 * at[1] + at[2]) * (high - low) / 6.0, 20)
}
