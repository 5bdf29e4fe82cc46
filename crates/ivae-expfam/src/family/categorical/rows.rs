//! Log-densities and gradients of the categorical family over rows.

use ivae_num::{Formula, Functions, Scalar, each};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::few_values;
use super::natural::Categorical;
use crate::density::ExpFam;
use crate::density::elementary::{Elementary, GradientRows, LogProbRows, impl_elementary};
use crate::density::special_functions::scratch;
use crate::density::tile::{TILE_LEN, Tile, tiles};

/// top → λ if it is larger, or not a number.
#[derive(Clone, Copy)]
struct Larger;

impl<F: Scalar> Formula<F, 1, 1> for Larger {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [top]: [F; 1], [lambda]: [F; 1]) -> [F; 1] {
        [if (lambda > top) | lambda.is_nan() { lambda } else { top }]
    }
}

/// sum → sum + exp(λ − top).
#[derive(Clone, Copy)]
struct Odds;

impl<F: Scalar> Formula<F, 1, 2> for Odds {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [sum]: [F; 1], [lambda, top]: [F; 2]) -> [F; 1] {
        [sum + M::exp(lambda - top)]
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

/// λ_z → λ_z − top − log Σ exp(λⱼ − top); NaN where z is.
#[derive(Clone, Copy)]
struct LogProb;

impl<F: Scalar> Formula<F, 1, 3> for LogProb {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [picked]: [F; 1], [sum, top, z]: [F; 3]) -> [F; 1] {
        let log_prob = (picked - top) - M::ln(sum);
        [if z.is_nan() { z } else { log_prob }]
    }
}

/// λ → d ([z is the value] − exp(λ − top) / sum).
#[derive(Clone, Copy)]
struct Derivative<F>(F);

impl<F: Scalar> Formula<F, 1, 4> for Derivative<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [lambda]: [F; 1], [sum, top, z, d]: [F; 4]) -> [F; 1] {
        let is_value = if z == self.0 { F::one() } else { F::zero() };
        [d * (is_value - M::exp(lambda - top) / sum)]
    }
}

/// One column of a tile after the other, in buffers on the stack however many values there are.
struct TileOdds<F> {
    sum: [F; TILE_LEN],
    top: [F; TILE_LEN],
    column: [F; TILE_LEN],
}

impl<F: Scalar> TileOdds<F> {
    /// Overwrites `top` with the largest λⱼ, or 0 if that is larger, and `sum` with Σ exp(λⱼ − top), the last value's λ of 0
    /// included. A λ that is not finite gives NaN.
    fn fill(&mut self, tile: &Tile, theta: &ArrayView2<'_, F>, n: usize, k: usize) {
        let len = tile.len();
        let (sum, top, column) = (&mut self.sum[..len], &mut self.top[..len], &mut self.column[..len]);
        top.fill(F::zero());
        for j in 0..k {
            tile.gather(column, theta, j * n);
            each([&mut *top], [&*column], Larger);
        }
        sum.fill(F::zero());
        column.fill(F::zero());
        each([&mut *sum], [&*column, &*top], Odds);
        for j in 0..k {
            tile.gather(column, theta, j * n);
            each([&mut *sum], [&*column, &*top], Odds);
        }
    }
}

/// λ_z − log(1 + Σ exp λⱼ), where λ of the last value is 0; −∞ for a z that is no value.
fn add_log_probs<F: Scalar>(k: usize, out: &mut [F], theta: &ArrayView2<'_, F>, v: &ArrayView2<'_, F>) {
    let (n, mut odds) = (v.ncols(), TileOdds { sum: scratch(), top: scratch(), column: scratch() });
    let (mut z, mut picked) = (scratch(), scratch());
    for tile in tiles(v.nrows(), n) {
        let len = tile.len();
        odds.fill(&tile, theta, n, k);
        let (z, picked, column) = (&mut z[..len], &mut picked[..len], &mut odds.column[..len]);
        tile.gather(z, v, 0);
        picked.fill(F::neg_infinity());
        for j in 0..k {
            tile.gather(column, theta, j * n);
            each([&mut *picked], [&*column, &*z], Pick(F::of(j as f64)));
        }
        column.fill(F::zero());
        each([&mut *picked], [&*column, &*z], Pick(F::of(k as f64)));
        each([&mut *picked], [&odds.sum[..len], &odds.top[..len], &*z], LogProb);
        tile.add_row_sums(out, 1.0, picked);
    }
}

/// Adds ∂λⱼ = d ([z = j] − pⱼ), and 0 for a z that is no value.
fn add_slopes<F: Scalar>(
    k: usize,
    d_theta: &mut ArrayViewMut2<'_, F>,
    theta: &ArrayView2<'_, F>,
    v: &ArrayView2<'_, F>,
    d_out: &[F],
) {
    let (n, mut odds) = (v.ncols(), TileOdds { sum: scratch(), top: scratch(), column: scratch() });
    let (mut z, mut d) = (scratch::<F>(), scratch());
    for tile in tiles(v.nrows(), n) {
        let len = tile.len();
        odds.fill(&tile, theta, n, k);
        let (z, d) = (&mut z[..len], &mut d[..len]);
        tile.gather(z, v, 0);
        tile.spread(d, d_out);
        for (d, &z) in d.iter_mut().zip(&*z) {
            let is_value = z >= F::zero() && z <= F::of(k as f64) && z.trunc() == z;
            let other = if z.is_nan() { z } else { F::zero() };
            *d = if is_value { *d } else { other };
        }
        for j in 0..k {
            let column = &mut odds.column[..len];
            tile.gather(column, theta, j * n);
            let given = [&odds.sum[..len], &odds.top[..len], &*z, &*d];
            each([&mut *column], given, Derivative(F::of(j as f64)));
            tile.scatter_add(d_theta, j * n, 1.0, column);
        }
    }
}

impl Elementary for Categorical {
    fn log_probs<F: Scalar>(&self, rows: LogProbRows<'_, F>) {
        match ExpFam::<f64>::k(self) {
            1 => rows.apply::<1>(few_values::LogProb),
            2 => rows.apply::<2>(few_values::LogProb),
            3 => rows.apply::<3>(few_values::LogProb),
            4 => rows.apply::<4>(few_values::LogProb),
            k => rows.by(|out, theta, v| add_log_probs(k, out, &theta, &v)),
        }
    }

    fn derivatives<F: Scalar>(&self, rows: GradientRows<'_, F>) {
        match ExpFam::<f64>::k(self) {
            1 => rows.apply::<2>(few_values::Derivatives),
            2 => rows.apply::<3>(few_values::Derivatives),
            3 => rows.apply::<4>(few_values::Derivatives),
            4 => rows.apply::<5>(few_values::Derivatives),
            k => rows.by(|mut d_theta, theta, v, d_out| add_slopes(k, &mut d_theta, &theta, &v, d_out)),
        }
    }
}

impl_elementary!(Categorical);
