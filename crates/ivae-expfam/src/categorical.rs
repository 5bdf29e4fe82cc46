//! [`Categorical`]: a latent with finitely many values.

mod few;

use ivae_num::{Formula, Functions, Scalar, each};
use rand::{Rng, RngCore};

use crate::block::BLOCK;
use crate::fused::{self, Elementary, by_formulas};
use crate::slices::{Slices, scratch};
use crate::special::log_sum_exp;
use crate::{ExpFam, Support};

/// Components on 0, 1, …, `count` − 1, θ = λ = log-odds of the first `count` − 1 values against the last.
///
/// k = `count` − 1, T = (\[z = 0\], …, \[z = k − 1\]), h = 1, A = log(1 + Σ exp λⱼ), the natural domain is ℝᵏ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// top → λ if it is larger, or not a number.
#[derive(Clone, Copy)]
struct Larger;

impl<F: Scalar> Formula<F, 1, 1> for Larger {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [top]: [F; 1], [lambda]: [F; 1]) -> [F; 1] {
        [if (lambda > top) | lambda.is_nan() { lambda } else { top }]
    }
}

/// (sum, λ) → (sum + exp(λ − top), exp(λ − top)).
#[derive(Clone, Copy)]
struct Odds;

impl<F: Scalar> Formula<F, 2, 1> for Odds {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [sum, lambda]: [F; 2], [top]: [F; 1]) -> [F; 2] {
        let odds = M::exp(lambda - top);
        [sum + odds, odds]
    }
}

/// picked → λ if z is the value.
#[derive(Clone, Copy)]
struct Pick<F>(F);

impl<F: Scalar> Formula<F, 1, 2> for Pick<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [picked]: [F; 1], [lambda, z]: [F; 2]) -> [F; 1] {
        [if z == self.0 { lambda } else { picked }]
    }
}

/// λ_z → λ_z − top − log Σ exp(λⱼ − top).
#[derive(Clone, Copy)]
struct LogProb;

impl<F: Scalar> Formula<F, 1, 2> for LogProb {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [picked]: [F; 1], [sum, top]: [F; 2]) -> [F; 1] {
        [(picked - top) - M::ln(sum)]
    }
}

/// odds → d ([z is the value] − odds / sum), from 1 / sum.
#[derive(Clone, Copy)]
struct Derivative<F>(F);

impl<F: Scalar> Formula<F, 1, 3> for Derivative<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [odds]: [F; 1], [inverse, z, d]: [F; 3]) -> [F; 1] {
        [d * (if z == self.0 { F::one() } else { F::zero() } - odds * inverse)]
    }
}

/// `lambda` `[k, len]` ← exp(λⱼ − top); gives (their sum with that of the last value, top), `top` being the largest or 0.
/// What is not finite has no law.
fn odds<F: Scalar>(lambda: &mut [F], len: usize) -> ([F; BLOCK], [F; BLOCK]) {
    let (mut sums, mut tops) = (scratch(), scratch());
    let (sum, top) = (&mut sums[..len], &mut tops[..len]);
    lambda.chunks_exact_mut(len).for_each(|column| each([&mut *top], [column], Larger));
    // The last value's λ is 0.
    let mut last = scratch();
    each([&mut *sum, &mut last[..len]], [top], Odds);
    lambda.chunks_exact_mut(len).for_each(|column| each([&mut *sum, column], [top], Odds));
    (sums, tops)
}

impl Slices for Categorical {
    const DOUBLE: bool = false;

    /// λ_z − log(1 + Σ exp λⱼ), of the last value −log(1 + Σ exp λⱼ).
    fn log_probs<F: Scalar>(&self, z: &mut [F], lambda: &mut [F], _: usize) {
        let (len, mut picked) = (z.len(), scratch());
        let picked = &mut picked[..len];
        for (j, column) in lambda.chunks_exact_mut(len).enumerate() {
            each([&mut *picked], [column, z], Pick(F::of(j as f64)));
        }
        let (sum, top) = odds(lambda, len);
        each([&mut *picked], [&sum[..len], &top[..len]], LogProb);
        z.copy_from_slice(picked);
    }

    /// ∂λⱼ = [z = j] − pⱼ, ∂z = 0.
    fn derivatives<F: Scalar>(&self, z: &mut [F], lambda: &mut [F], d: &[F], _: usize) {
        let len = z.len();
        let (mut sum, _) = odds(lambda, len);
        sum[..len].iter_mut().for_each(|sum| *sum = sum.recip());
        for (j, column) in lambda.chunks_exact_mut(len).enumerate() {
            each([column], [&sum[..len], z, d], Derivative(F::of(j as f64)));
        }
        z.fill(F::zero());
    }
}

impl Elementary for Categorical {
    fn log_probs<F: Scalar>(&self, rows: fused::LogProbs<'_, F>) {
        match ExpFam::<f64>::k(self) {
            1 => rows.by::<1>(few::LogProb),
            2 => rows.by::<2>(few::LogProb),
            3 => rows.by::<3>(few::LogProb),
            4 => rows.by::<4>(few::LogProb),
            _ => rows.by_slices(self),
        }
    }

    fn derivatives<F: Scalar>(&self, rows: fused::Derivatives<'_, F>) {
        match ExpFam::<f64>::k(self) {
            1 => rows.by::<2>(few::Derivatives),
            2 => rows.by::<3>(few::Derivatives),
            3 => rows.by::<4>(few::Derivatives),
            4 => rows.by::<5>(few::Derivatives),
            _ => rows.by_slices(self),
        }
    }
}

by_formulas!(Categorical);
