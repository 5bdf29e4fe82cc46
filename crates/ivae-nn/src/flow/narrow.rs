//! Products of many rows with a small square matrix: of up to eight columns, whole rows and the matrix stay in registers.
//!
//! A library's product packs its operands first, which costs more than five columns have to compute.

use std::array::from_fn;

use ivae_num::{GemmScratch, Loop, Scalar, gemm, gemm_bias, wide};
use ndarray::ArrayView1;

use super::{matrix, matrix_mut};

/// Most columns that are narrow: a row, with what follows it in memory, is taken as a vector of so many.
const WIDE: usize = 8;

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
    let weight = from_fn(|i| widened(&from_fn::<F, N, _>(|j| weight(i, j))));
    wide(Times::<F, N> { y, x, weight, bias });
}

fn narrow_gram<F: Scalar, const N: usize>(dw: &mut [F], x: &[F], dy: &[F]) {
    let sums = wide(Gram::<F, N> { x, dy });
    dw.chunks_exact_mut(N).zip(&sums).for_each(|(dw, sums)| dw.copy_from_slice(sums));
}

struct Times<'a, F, const N: usize> {
    y: &'a mut [F],
    x: &'a [F],
    weight: [[F; WIDE]; N],
    bias: [F; WIDE],
}

impl<F: Scalar, const N: usize> Times<'_, F, N> {
    #[inline(always)]
    fn row(x: &[F; N], weight: &[[F; WIDE]; N], bias: &[F; WIDE]) -> [F; WIDE] {
        let mut sum = *bias;
        for i in 0..N {
            for j in 0..WIDE {
                sum[j] += x[i] * weight[i][j];
            }
        }
        sum
    }
}

impl<F: Scalar, const N: usize> Loop for Times<'_, F, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (x, _) = self.x.as_chunks::<N>();
        let (weight, bias) = (self.weight, self.bias);
        let (first, last) = x.split_at(whole(x.len(), N));
        // What a row writes beyond itself, the next ones overwrite.
        for (b, x) in first.iter().enumerate() {
            self.y[b * N..][..WIDE].copy_from_slice(&Self::row(x, &weight, &bias));
        }
        for (y, x) in self.y[first.len() * N..].chunks_exact_mut(N).zip(last) {
            y.copy_from_slice(&Self::row(x, &weight, &bias)[..N]);
        }
    }
}

struct Gram<'a, F, const N: usize> {
    x: &'a [F],
    dy: &'a [F],
}

impl<F: Scalar, const N: usize> Gram<'_, F, N> {
    #[inline(always)]
    fn add(sums: &mut [[F; WIDE]; N], x: &[F; N], dy: &[F; WIDE]) {
        for i in 0..N {
            for j in 0..WIDE {
                sums[i][j] += x[i] * dy[j];
            }
        }
    }
}

impl<F: Scalar, const N: usize> Loop for Gram<'_, F, N> {
    type Output = [[F; N]; N];

    #[inline(always)]
    fn run(self) -> [[F; N]; N] {
        // Rows of dy are read with what follows them: it adds up in columns that are left out in the end.
        let (x, _) = self.x.as_chunks::<N>();
        let (first, last) = x.split_at(whole(x.len(), N));
        let (pairs, left) = first.as_chunks::<2>();
        let mut even = [[F::zero(); WIDE]; N];
        let mut odd = even;
        let row = |b: usize| self.dy[b * N..].first_chunk().expect("it ends within dy");
        for (b, [x, next]) in pairs.iter().enumerate() {
            Self::add(&mut even, x, row(2 * b));
            Self::add(&mut odd, next, row(2 * b + 1));
        }
        for x in left {
            Self::add(&mut even, x, row(first.len() - 1));
        }
        for (x, dy) in last.iter().zip(self.dy[first.len() * N..].as_chunks::<N>().0) {
            Self::add(&mut odd, x, &widened(dy));
        }
        from_fn(|i| from_fn(|j| even[i][j] + odd[i][j]))
    }
}

/// How many of `rows` rows of `n` can be taken as [`WIDE`] numbers without going beyond the last.
fn whole(rows: usize, n: usize) -> usize {
    (rows * n).checked_sub(WIDE).map_or(0, |beyond| beyond / n + 1)
}

/// With zeros after it.
#[inline(always)]
fn widened<F: Scalar, const N: usize>(row: &[F; N]) -> [F; WIDE] {
    from_fn(|j| if j < N { row[j] } else { F::zero() })
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
