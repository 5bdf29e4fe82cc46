//! The categorical family as an exponential family: λ, T, A and their derivatives.

use rand::{Rng, RngCore};

use serde::{Deserialize, Serialize};

use crate::density::{ExpFam, Support};
use crate::special::log_sum_exp;

/// Components on 0, 1, …, `count` − 1, θ = λ = log-odds of the first `count` − 1 values against the last.
///
/// k = `count` − 1, T = (\[z = 0\], …, \[z = k − 1\]), h = 1, A = log(1 + Σ exp λⱼ), the natural domain is ℝᵏ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Categorical {
    /// Number of values, at least 2.
    pub count: u32,
}

/// log p of every value.
fn log_probs(lambda: &[f64]) -> impl Iterator<Item = f64> + Clone {
    let all = lambda.iter().copied().chain([0.0]);
    let norm = log_sum_exp(all.clone());
    // exp(−∞) = 0 of an infinite λ would hide that it is outside the domain.
    let norm = if lambda.iter().all(|l| l.is_finite()) { norm } else { f64::NAN };
    all.map(move |lambda| lambda - norm)
}

impl ExpFam<f64> for Categorical {
    fn k(&self) -> usize {
        self.count.max(1) as usize - 1
    }

    fn support(&self) -> Support {
        Support::Finite { count: self.count }
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        t.iter_mut().enumerate().for_each(|(j, t)| *t = if z == j as f64 { 1.0 } else { 0.0 });
    }

    /// 0: there is none.
    fn dstats(&self, dt: &mut [f64], _: f64) {
        dt.fill(0.0);
    }

    fn log_base(&self, _: f64) -> f64 {
        0.0
    }

    fn dlog_base(&self, _: f64) -> f64 {
        0.0
    }

    fn in_domain(&self, lambda: &[f64]) -> bool {
        lambda.iter().all(|lambda| lambda.is_finite())
    }

    fn log_partition(&self, lambda: &[f64]) -> f64 {
        // log p of the last value is −A.
        log_probs(lambda).last().map_or(0.0, |last| -last)
    }

    fn mean_stats(&self, mean: &mut [f64], lambda: &[f64]) {
        mean.iter_mut().zip(log_probs(lambda)).for_each(|(mean, log_prob)| *mean = log_prob.exp());
    }

    /// diag(p) − p pᵀ; 1 − p as the sum of the others, which does not cancel.
    fn fisher(&self, cov: &mut [f64], lambda: &[f64]) {
        let p: Vec<f64> = log_probs(lambda).map(f64::exp).collect();
        let k = lambda.len();
        for i in 0..k {
            for j in 0..k {
                let others = || p.iter().enumerate().filter(|&(l, _)| l != i).map(|(_, p)| p).sum::<f64>();
                cov[i * k + j] = if i == j { p[i] * others() } else { -p[i] * p[j] };
            }
        }
    }

    fn entropy(&self, lambda: &[f64]) -> f64 {
        -log_probs(lambda).map(|log_prob| log_prob.exp() * log_prob).sum::<f64>()
    }

    fn kl(&self, lambda: &[f64], to: &[f64]) -> f64 {
        log_probs(lambda).zip(log_probs(to)).map(|(p, q)| p.exp() * (p - q)).sum()
    }

    fn natural(&self, lambda: &mut [f64], eta: &[f64]) {
        lambda.copy_from_slice(eta);
    }

    fn natural_backward(&self, d_eta: &mut [f64], _: &[f64], d_lambda: &[f64]) {
        d_eta.iter_mut().zip(d_lambda).for_each(|(d_eta, d)| *d_eta += d);
    }

    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        if !self.in_domain(lambda) {
            return f64::NAN;
        }
        let mut left: f64 = rng.random();
        let value = log_probs(lambda).position(|log_prob| {
            left -= log_prob.exp();
            left < 0.0
        });
        value.unwrap_or(lambda.len()) as f64
    }
}
