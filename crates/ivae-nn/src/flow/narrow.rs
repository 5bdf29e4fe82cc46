//! Products of many rows with a small square matrix: of up to eight columns, whole rows and the matrix stay in registers.
//!
//! A library's product packs its operands first, which costs more than five columns have to compute.

use std::array::from_fn;

use ivae_num::{GemmScratch, Loop, Scalar, gemm, gemm_bias, wide};
use ndarray::ArrayView1;

use super::{matrix, matrix_mut};

/// Rows that are added up side by side.
const LANES: usize = 16;

/// Calls `$narrow::<N>` if `$n` is an N that is narrow, else `$otherwise`.
macro_rules! by_width {
    ($n:expr, $narrow:ident($($argument:expr),*), $otherwise:expr) => {
        match $n {
            1 => $narrow::<F, 1>($($argument),*),
            2 => $narrow::<F, 2>($($argument),*),
            3 => $narrow::<F, 3>($($argument),*),
            4 => $narrow::<F, 4>($($argument),*),
            5 => $narrow::<F, 5>($($argument),*),
            6 => $narrow::<F, 6>($($argument),*),
            7 => $narrow::<F, 7>($($argument),*),
            8 => $narrow::<F, 8>($($argument),*),
            _ => $otherwise,
        }
    };
}

/// `y ← x W + b`: x and y `[B, n]`, W `[n, n]`, b `[n]` or empty for none.
pub(super) fn times<F: Scalar>(
    y: &mut [F],
    x: &[F],
    weight: &[F],
    bias: &[F],
    n: usize,
    scratch: &mut GemmScratch<F>,
) {
    by_width!(n, narrow_times(y, x, |i, j| weight[i * n + j], bias), {
        let rows = x.len() / n.max(1);
        let (y, x, w) = (matrix_mut(y, rows, n), matrix(x, rows, n), matrix(weight, n, n));
        match bias.is_empty() {
            true => gemm(y, F::zero(), F::one(), x, w, scratch),
            false => gemm_bias(y, ArrayView1::from(bias), x, w, scratch),
        }
    });
}

/// `dx ← dy Wᵀ`: dx and dy `[B, n]`, W `[n, n]`.
pub(super) fn times_transposed<F: Scalar>(
    dx: &mut [F],
    dy: &[F],
    weight: &[F],
    n: usize,
    scratch: &mut GemmScratch<F>,
) {
    by_width!(n, narrow_times(dx, dy, |i, j| weight[j * n + i], &[]), {
        let rows = dy.len() / n.max(1);
        let w = matrix(weight, n, n).reversed_axes();
        gemm(matrix_mut(dx, rows, n), F::zero(), F::one(), matrix(dy, rows, n), w, scratch);
    });
}

/// `dw ← xᵀ dy`: dw `[n, n]`, x and dy `[B, n]`.
pub(super) fn gram<F: Scalar>(dw: &mut [F], x: &[F], dy: &[F], n: usize, scratch: &mut GemmScratch<F>) {
    by_width!(n, narrow_gram(dw, x, dy), {
        let rows = x.len() / n.max(1);
        let x = matrix(x, rows, n).reversed_axes();
        gemm(matrix_mut(dw, n, n), F::zero(), F::one(), x, matrix(dy, rows, n), scratch);
    });
}

fn narrow_times<F: Scalar, const N: usize>(
    y: &mut [F],
    x: &[F],
    weight: impl Fn(usize, usize) -> F,
    bias: &[F],
) {
    let bias = from_fn(|j| bias.get(j).copied().unwrap_or_else(F::zero));
    wide(Times::<F, N> { y, x, weight: from_fn(|i| from_fn(|j| weight(i, j))), bias });
}

fn narrow_gram<F: Scalar, const N: usize>(dw: &mut [F], x: &[F], dy: &[F]) {
    let sums = wide(Gram::<F, N> { x, dy });
    dw.chunks_exact_mut(N).zip(&sums).for_each(|(dw, sums)| dw.copy_from_slice(sums));
}

struct Times<'a, F, const N: usize> {
    y: &'a mut [F],
    x: &'a [F],
    weight: [[F; N]; N],
    bias: [F; N],
}

impl<F: Scalar, const N: usize> Loop for Times<'_, F, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (y, x) in self.y.chunks_exact_mut(N).zip(self.x.chunks_exact(N)) {
            let mut sum = self.bias;
            for i in 0..N {
                for j in 0..N {
                    sum[j] += x[i] * self.weight[i][j];
                }
            }
            y.copy_from_slice(&sum);
        }
    }
}

struct Gram<'a, F, const N: usize> {
    x: &'a [F],
    dy: &'a [F],
}

impl<F: Scalar, const N: usize> Gram<'_, F, N> {
    /// Columns of the rows of `part`; 0 where there are fewer than [`LANES`].
    #[inline(always)]
    fn columns(part: &[F]) -> [[F; LANES]; N] {
        let mut columns = [[F::zero(); LANES]; N];
        for (r, row) in part.chunks_exact(N).enumerate().take(LANES) {
            for i in 0..N {
                columns[i][r] = row[i];
            }
        }
        columns
    }

    #[inline(always)]
    fn add(sums: &mut [[[F; LANES]; N]; N], x: &[F], dy: &[F]) {
        let (x, dy) = (Self::columns(x), Self::columns(dy));
        for i in 0..N {
            for j in 0..N {
                for r in 0..LANES {
                    sums[i][j][r] += x[i][r] * dy[j][r];
                }
            }
        }
    }
}

impl<F: Scalar, const N: usize> Loop for Gram<'_, F, N> {
    type Output = [[F; N]; N];

    #[inline(always)]
    fn run(self) -> [[F; N]; N] {
        let mut sums = [[[F::zero(); LANES]; N]; N];
        let (x, dy) = (self.x.chunks_exact(LANES * N), self.dy.chunks_exact(LANES * N));
        let (x_rest, dy_rest) = (x.remainder(), dy.remainder());
        x.zip(dy).for_each(|(x, dy)| Self::add(&mut sums, x, dy));
        Self::add(&mut sums, x_rest, dy_rest);
        sums.map(|row| row.map(|lanes| lanes.into_iter().sum()))
    }
}

#[cfg(test)]
mod tests {
    use ivae_num::{Purpose, StreamKey, stream};

    use super::*;

    fn normal(len: usize, step: u32) -> Vec<f64> {
        let mut out = vec![0.0; len];
        stream::fill_normal(&mut out, 1, StreamKey::new(3, Purpose::Init).restart(step));
        out
    }

    #[test]
    fn the_same_as_products_of_matrices() {
        let mut scratch = GemmScratch::new();
        for n in 1..=10 {
            for rows in [0, 1, 15, 16, 17, 65] {
                let (x, w, b) = (normal(rows * n, 0), normal(n * n, 1), normal(n, 2));
                let (mx, mw) = (matrix(&x, rows, n), matrix(&w, n, n));
                let close = |ours: &[f64], rows: usize, theirs: ndarray::Array2<f64>| {
                    let apart = (&matrix(ours, rows, n) - &theirs).mapv(f64::abs);
                    assert!(apart.iter().all(|&v| v < 1e-12), "n = {n}, {rows} rows");
                };
                let (mut y, mut dw) = (vec![f64::NAN; rows * n], vec![f64::NAN; n * n]);
                times(&mut y, &x, &w, &b, n, &mut scratch);
                close(&y, rows, mx.dot(&mw) + matrix(&b, 1, n));
                times(&mut y, &x, &w, &[], n, &mut scratch);
                close(&y, rows, mx.dot(&mw));
                gram(&mut dw, &x, &y, n, &mut scratch);
                close(&dw, n, mx.t().dot(&matrix(&y, rows, n)));
                times_transposed(&mut y, &x, &w, n, &mut scratch);
                close(&y, rows, mx.dot(&mw.t()));
            }
        }
    }
}
