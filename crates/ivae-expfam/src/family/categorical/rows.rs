//! Log-densities and gradients of the categorical family over rows.

use ivae_num::{Formula, Functions, Scalar, each};

use super::few_values;
use super::natural::Categorical;
use crate::density::ExpFam;
use crate::density::elementary::{Elementary, GradientRows, LogProbRows, impl_elementary};
use crate::density::special_functions::{TileDensity, scratch};
use crate::density::tile::TILE_LEN;

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

/// `lambda` `[k, len]` ← exp(λⱼ − top); returns (their sum plus that of the last value, top), where top is the largest
/// λⱼ, or 0 if that is larger. A λ that is not finite gives NaN.
fn odds<F: Scalar>(lambda: &mut [F], len: usize) -> ([F; TILE_LEN], [F; TILE_LEN]) {
    let (mut sums, mut tops) = (scratch(), scratch());
    let (sum, top) = (&mut sums[..len], &mut tops[..len]);
    lambda.chunks_exact_mut(len).for_each(|column| each([&mut *top], [column], Larger));
    // The last value's λ is 0.
    let mut last = scratch();
    each([&mut *sum, &mut last[..len]], [top], Odds);
    lambda.chunks_exact_mut(len).for_each(|column| each([&mut *sum, column], [top], Odds));
    (sums, tops)
}

impl TileDensity for Categorical {
    const DOUBLE: bool = false;

    /// λ_z − log(1 + Σ exp λⱼ), where λ of the last value is 0.
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
    fn log_probs<F: Scalar>(&self, rows: LogProbRows<'_, F>) {
        match ExpFam::<f64>::k(self) {
            1 => rows.apply::<1>(few_values::LogProb),
            2 => rows.apply::<2>(few_values::LogProb),
            3 => rows.apply::<3>(few_values::LogProb),
            4 => rows.apply::<4>(few_values::LogProb),
            _ => rows.apply_tiles(self),
        }
    }

    fn derivatives<F: Scalar>(&self, rows: GradientRows<'_, F>) {
        match ExpFam::<f64>::k(self) {
            1 => rows.apply::<2>(few_values::Derivatives),
            2 => rows.apply::<3>(few_values::Derivatives),
            3 => rows.apply::<4>(few_values::Derivatives),
            4 => rows.apply::<5>(few_values::Derivatives),
            _ => rows.apply_tiles(self),
        }
    }
}

impl_elementary!(Categorical);
