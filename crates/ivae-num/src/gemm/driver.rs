//! The loops around the kernels: which operand is packed, and in which blocks.

use ndarray::{ArrayView2, ArrayViewMut2, Axis, Zip};

use super::GemmScratch;
use super::kernel::{Panel, Shape};
use super::pack::pack;
use crate::Scalar;
use crate::simd::Simd;

/// Summands that are added up before they go to c. Fixed, because it decides the rounding.
const BLOCK_K: usize = 256;
/// Rows of a that are packed at a time: with [`BLOCK_K`], a share of a level-2 cache.
const BLOCK_M: usize = 192;
/// Columns of b that are packed at a time.
const BLOCK_N: usize = 1024;
/// Bytes from which an operand is packed although it could be read in place.
const LARGE: usize = 1 << 19;
/// Rows from which packing a large b pays.
const MANY_ROWS: usize = 256;
/// Columns of the widest panel on any path.
const WIDEST: usize = 48;

/// Scalars of scratch that a product needs at most.
pub(super) fn scratch_len(m: usize, k: usize, n: usize) -> usize {
    let (m, k, n) = (m.min(BLOCK_M), k.min(BLOCK_K), n.min(BLOCK_N));
    k * n.next_multiple_of(16) + m * k.next_multiple_of(16) + m * WIDEST
}

pub(super) fn gemm_on<F: Scalar>(
    simd: Simd,
    mut c: ArrayViewMut2<'_, F>,
    beta: F,
    alpha: F,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    scratch: &mut GemmScratch<F>,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    assert_eq!(b.nrows(), k, "a is {m} × {k}, so b must have {k} rows");
    assert_eq!(c.dim(), (m, n), "a is {m} × {k} and b {k} × {n}, so c must be {m} × {n}");
    if k == 0 || alpha == F::zero() {
        if beta == F::zero() {
            c.fill(F::zero());
        } else {
            c *= beta;
        }
    } else if m > 0 && n > 0 {
        // Vectors lie along the rows of c; if its columns are the contiguous ones, take cᵀ = bᵀ aᵀ.
        let unit = |stride: isize, len: usize| stride == 1 || len == 1;
        let by_rows = unit(c.strides()[1], n);
        let by_columns = unit(c.strides()[0], m);
        let better_by_columns = a.strides()[0] == 1 && b.strides()[1] != 1;
        if by_columns && (!by_rows || better_by_columns) {
            product(simd, c.reversed_axes(), beta, alpha, b.reversed_axes(), a.reversed_axes(), scratch);
        } else {
            product(simd, c, beta, alpha, a, b, scratch);
        }
    }
}

/// [`gemm_on`] for at least one summand.
fn product<F: Scalar>(
    simd: Simd,
    mut c: ArrayViewMut2<'_, F>,
    beta: F,
    alpha: F,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    scratch: &mut GemmScratch<F>,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    let shapes = F::shapes(simd);
    let contiguous_c = c.strides()[1] == 1 || n == 1;
    // Contiguous rows of a are read in place: in every measured shape that was as fast.
    let large = |rows: usize, cols: usize| rows * cols * size_of::<F>() > LARGE;
    let pack_a = a.strides()[1] != 1 && large(m, k);
    let pack_b = b.strides()[1] != 1 && n > 1 || m >= MANY_ROWS && large(k, n);
    let memory = scratch.at_least(scratch_len(m, k, n));
    let (packed_b, memory) = memory.split_at_mut(k.min(BLOCK_K) * n.min(BLOCK_N).next_multiple_of(16));
    let (packed_a, tile) = memory.split_at_mut(m.min(BLOCK_M) * k.min(BLOCK_K).next_multiple_of(16));

    for (jc, nc) in blocks(n, BLOCK_N) {
        for (pc, kc) in blocks(k, BLOCK_K) {
            let beta = if pc == 0 { beta } else { F::one() };
            let b = part(b, (pc, kc), (jc, nc));
            if pack_b {
                for (j, _, cols) in panels(shapes, nc) {
                    let to = &mut packed_b[j * kc..(j + cols) * kc];
                    pack(simd, to, part(b, (0, kc), (j, cols)));
                }
            }
            for (ic, mc) in blocks(m, BLOCK_M) {
                let mut a = part(a, (ic, mc), (pc, kc));
                if pack_a {
                    pack(simd, &mut packed_a[..mc * kc], a);
                    a = view(packed_a, mc, kc);
                }
                for (j, shape, cols) in panels(shapes, nc) {
                    let b = if pack_b {
                        view(&packed_b[j * kc..], kc, cols)
                    } else {
                        part(b, (0, kc), (j, cols))
                    };
                    let mut c = part_mut(c.view_mut(), (ic, mc), (jc + j, cols));
                    if contiguous_c {
                        shape.run(Panel { c, beta, alpha, a, b });
                    } else {
                        let mut t = ArrayViewMut2::from_shape((mc, cols), &mut tile[..mc * cols])
                            .expect("the slice is as long as the shape says");
                        shape.run(Panel { c: t.view_mut(), beta: F::zero(), alpha, a, b });
                        let overwrite = beta == F::zero();
                        Zip::from(&mut c)
                            .and(&t)
                            .for_each(|c, &t| *c = if overwrite { t } else { t + beta * *c });
                    }
                }
            }
        }
    }
}

/// Entries `(start, length)` of rows and of columns; much cheaper than a general slice.
fn part<F>(x: ArrayView2<'_, F>, rows: (usize, usize), cols: (usize, usize)) -> ArrayView2<'_, F> {
    let x = x.split_at(Axis(0), rows.0).1.split_at(Axis(0), rows.1).0;
    x.split_at(Axis(1), cols.0).1.split_at(Axis(1), cols.1).0
}

/// [`part`], mutably.
fn part_mut<F>(x: ArrayViewMut2<'_, F>, rows: (usize, usize), cols: (usize, usize)) -> ArrayViewMut2<'_, F> {
    let x = x.split_at(Axis(0), rows.0).1.split_at(Axis(0), rows.1).0;
    x.split_at(Axis(1), cols.0).1.split_at(Axis(1), cols.1).0
}

fn view<F>(flat: &[F], rows: usize, cols: usize) -> ArrayView2<'_, F> {
    ArrayView2::from_shape((rows, cols), &flat[..rows * cols])
        .expect("the slice is as long as the shape says")
}

/// `(start, length)` of consecutive blocks of at most `size`.
fn blocks(len: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..len).step_by(size).map(move |start| (start, size.min(len - start)))
}

/// `(start, shape, columns)` of the panels that `n` columns are cut into: the widest while they fit, then the narrowest
/// that holds the rest.
fn panels<F>(shapes: &[Shape<F>], n: usize) -> impl Iterator<Item = (usize, &Shape<F>, usize)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let left = n - start;
        let shape = shapes.iter().rev().find(|s| s.cols >= left).or(shapes.first()).filter(|_| left > 0)?;
        let panel = (start, shape, left.min(shape.cols));
        start += panel.2;
        Some(panel)
    })
}
