//! The loops around the kernels: which operand is packed, and in which blocks.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Axis, Zip};

use super::blocks::{BLOCK_K, BLOCK_M, BLOCK_N, WIDEST, apart, blocks, scratch_len, threads};
use super::few;
use super::finish::{Epilogue, Output, part, part_mut};
use super::kernel::Shape;
use super::kernel::pack;
use super::scratch::GemmScratch;
use crate::levels::look_up;
use crate::memory::{ALIASED, LINE};
use crate::simd::Simd;
use crate::{Aligned, Scalar, add_to_column_sums};

/// Summands at a time, if there are more than twice as many and c has no more bytes than it may: these rows of a panel, and
/// c, then stay in a level-1 cache. Sums go on from where they are, so this decides no bits; those of few columns, which have
/// kernels of their own, cannot.
const NEAR_K: usize = 64;
const NEAR_C: usize = 1 << 14;
/// Bytes of a that are not cut into blocks of rows: a share of a level-1 cache.
const NEAR_A: usize = 1 << 15;
/// The same on a [wide core](Simd::wide_core), whose level-2 cache is as fast, where b has more bytes than that: it is then
/// read once, not once for each block.
const NEAR_A_WIDE: usize = 1 << 18;
/// Bytes of c at a time, in rows that the tiles of all paths divide.
const BLOCK_C: usize = 1 << 18;
/// The same where summands are [`FEW`]: most of the time goes into reading and writing c then, which is best done along its
/// rows.
const BLOCK_C_FEW: usize = BLOCK_C / 4;
const FEW: usize = 16;
const WHOLE_TILES: usize = 24;
/// Bytes from which a is packed although it could be read in place.
const LARGE_A: usize = 1 << 19;
/// Rows from which packing b pays although its rows could be read in place: if it has so many bytes, or vectors of it would
/// reach over two lines of a cache.
const MANY_ROWS: usize = 128;
const LARGE_B: usize = 1 << 17;
/// The same on a [wide core](Simd::wide_core), where those vectors are no hindrance.
const LARGE_B_WIDE: usize = 1 << 19;
/// Columns below which the transpose of c may be the better product.
const NARROW: usize = 8;
/// Rows or columns that are not parted: a tile's rows, and whole vectors of most paths.
const WHOLE: usize = 8;

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
        // A narrow c leaves most lanes idle, and its transpose does not; but it must then be transposed again.
        let narrow = n <= NARROW && m > 4 * NARROW && k > 4 * NARROW && a.strides()[0] == 1;
        if by_columns && (!by_rows || better_by_columns) || narrow {
            let (a, b) = (b.reversed_axes(), a.reversed_axes());
            product(simd, c.reversed_axes(), Epilogue::plain(alpha, beta), a, b, scratch);
        } else {
            product(simd, c, Epilogue::plain(alpha, beta), a, b, scratch);
        }
    }
}

pub(super) fn bias_on<F: Scalar>(
    simd: Simd,
    mut c: ArrayViewMut2<'_, F>,
    bias: ArrayView1<'_, F>,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    scratch: &mut GemmScratch<F>,
) {
    let one = F::one();
    if fits(&c, &a, &b) && c.strides()[1] == 1 && bias.strides()[0] == 1 {
        let start = bias.broadcast(c.dim()).expect("a bias is as long as c is wide");
        product(simd, c, Epilogue { start: Some(start), ..Epilogue::plain(one, one) }, a, b, scratch);
    } else {
        c.assign(&bias);
        gemm_on(simd, c, one, one, a, b, scratch);
    }
}

#[expect(clippy::too_many_arguments, reason = "the path, and what `gemm_levels` has")]
pub(super) fn levels_on<F: Scalar>(
    simd: Simd,
    mut c: ArrayViewMut2<'_, F>,
    bias: &[F],
    table: ArrayView2<'_, F>,
    levels: &[u32],
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    scratch: &mut GemmScratch<F>,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    let by_rows = n == 1 || [c.strides()[1], table.strides()[1], b.strides()[1]] == [1; 3];
    if k <= few::MOST && fits(&c, &a, &b) && by_rows && threads(m, k, n) == 1 {
        F::few_summands(simd).run(Output::of_levels(c, bias, table, levels), a, b);
    } else {
        look_up(c.view_mut(), Some(bias), table, levels);
        gemm_on(simd, c, F::one(), F::one(), a, b, scratch);
    }
}

pub(super) fn times_on<F: Scalar>(
    simd: Simd,
    mut c: ArrayViewMut2<'_, F>,
    mut sums: Option<&mut [F]>,
    factor: ArrayView2<'_, F>,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    scratch: &mut GemmScratch<F>,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    assert_eq!(factor.dim(), c.dim(), "one factor for each entry of c");
    assert!(sums.as_ref().is_none_or(|sums| sums.len() == c.ncols()), "one sum for each column of c");
    if fits(&c, &a, &b) && c.strides()[1] == 1 && factor.strides()[1] == 1 {
        let at_once = k <= BLOCK_K && threads(m, k, n) == 1;
        let mut epilogue = Epilogue { factor: Some(factor), ..Epilogue::plain(F::one(), F::zero()) };
        epilogue.sums = sums.take_if(|_| at_once);
        product(simd, c.view_mut(), epilogue, a, b, scratch);
    } else {
        gemm_on(simd, c.view_mut(), F::zero(), F::one(), a, b, scratch);
        c *= &factor;
    }
    if let Some(sums) = sums {
        add_to_column_sums(sums, c.view());
    }
}

/// Whether the shapes fit and are not empty.
fn fits<F>(c: &ArrayViewMut2<'_, F>, a: &ArrayView2<'_, F>, b: &ArrayView2<'_, F>) -> bool {
    c.dim() == (a.nrows(), b.ncols()) && a.ncols() == b.nrows() && !c.is_empty() && !a.is_empty()
}

/// [`gemm_on`] for at least one summand; rows of c are contiguous if the epilogue has a start or a factor.
fn product<F: Scalar>(
    simd: Simd,
    c: ArrayViewMut2<'_, F>,
    epilogue: Epilogue<'_, F>,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    scratch: &mut GemmScratch<F>,
) {
    let (m, k, n) = (a.nrows(), a.ncols(), b.ncols());
    let threads = threads(m, k, n);
    #[cfg(target_arch = "x86_64")]
    if let Some(amx) = F::unit(simd, m, k, n).filter(|_| c.strides()[1] == 1) {
        return F::by_unit(amx, c, epilogue, a, b, &mut scratch.split, threads);
    }
    parts(simd, c, epilogue, a, b, scratch.shares(threads));
}

/// c in as many parts as there is packing memory for, side by side.
fn parts<F: Scalar>(
    simd: Simd,
    c: ArrayViewMut2<'_, F>,
    epilogue: Epilogue<'_, F>,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    packed: &mut [Aligned<F>],
) {
    let (m, n) = c.dim();
    // What is read in place may be read by every thread; what is packed should be packed by one of them.
    let by_rows = m >= WHOLE && (n < WHOLE || a.strides()[1] != 1);
    let len = if by_rows { m } else { n };
    let half = packed.len() / 2;
    let cut = if half == 0 { len } else { (len * half / packed.len()).next_multiple_of(WHOLE) };
    if cut >= len {
        return alone(simd, c, epilogue, a, b, &mut packed[0]);
    }
    let (one, other) = packed.split_at_mut(half);
    let axis = if by_rows { Axis(0) } else { Axis(1) };
    let (c_one, c_other) = c.split_at(axis, cut);
    let (first, second) = epilogue.split_at(axis, cut);
    let ((a_one, a_other), (b_one, b_other)) = match by_rows {
        true => (a.split_at(axis, cut), (b, b)),
        false => ((a, a), b.split_at(axis, cut)),
    };
    rayon::join(
        || parts(simd, c_one, first, a_one, b_one, one),
        || parts(simd, c_other, second, a_other, b_other, other),
    );
}

/// [`product`] on this thread.
fn alone<F: Scalar>(
    simd: Simd,
    mut c: ArrayViewMut2<'_, F>,
    mut epilogue: Epilogue<'_, F>,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
    packed: &mut Aligned<F>,
) {
    let ((m, k), n) = (a.dim(), b.ncols());
    let shapes = F::shapes(simd);
    let contiguous_c = c.strides()[1] == 1 || n == 1;
    if k <= few::MOST && contiguous_c && !epilogue.scales() {
        let mut b = b;
        if b.strides()[1] != 1 && n > 1 {
            packed.reserve(k * n, F::zero());
            pack(simd, &mut packed[..k * n], n, b);
            b = view(packed, k, n);
        }
        return F::few_summands(simd).run(Output::new(c, epilogue), a, b);
    }
    // Contiguous rows of a are read in place: in every measured shape that was as fast.
    let bytes = |rows: usize, cols: usize| rows * cols * size_of::<F>();
    let aliased = (a.strides()[0].unsigned_abs() * size_of::<F>()).is_multiple_of(ALIASED);
    let pack_a = (a.strides()[1] != 1 || aliased) && bytes(m, k) > LARGE_A;
    let (large_b, near_a) = match simd.wide_core() {
        true if bytes(k, n) > NEAR_A => (LARGE_B_WIDE, NEAR_A_WIDE),
        true => (LARGE_B_WIDE, NEAR_A),
        false => (LARGE_B, NEAR_A),
    };
    let at_lines = b.as_ptr().addr().is_multiple_of(LINE) && bytes(1, n).is_multiple_of(LINE);
    let astride = !simd.wide_core() && !at_lines;
    let pack_b =
        b.strides()[1] != 1 && n > 1 || m >= MANY_ROWS && n >= FEW && (bytes(k, n) > large_b || astride);
    let from_zero = epilogue.beta == F::zero() || epilogue.start.is_some();
    let small = bytes(m, n) <= NEAR_C && n.is_multiple_of(FEW);
    let near = contiguous_c && from_zero && small && k > 2 * NEAR_K && k <= BLOCK_K;
    // Whether a few columns more than whole panels have are better off in a panel of their own.
    let left_apart = (a.strides()[0] == 1 || a.strides()[1] == 1) && m >= FEW && k >= FEW;
    let panels = |n: usize| panels(shapes, n, left_apart);
    let block = if k <= FEW { BLOCK_C_FEW } else { BLOCK_C };
    // With one panel, no row of a is read twice.
    let one_panel = |n: usize| shapes.iter().any(|shape| shape.cols >= n);
    let few_rows = m <= BLOCK_M || bytes(m, k) <= near_a;
    let one_block = k <= BLOCK_K && bytes(m, n) <= block && (few_rows && n <= BLOCK_N || one_panel(n));
    if one_block && contiguous_c && !pack_a && !near {
        packed.reserve(k * n.min(WIDEST), F::zero());
        let to = Output::new(c, epilogue);
        for (j, shape, cols) in panels(n) {
            let mut b = columns(b, j, cols);
            if pack_b {
                // When it is used, in the same near memory as the others.
                pack(simd, &mut packed[..k * cols], cols, b);
                b = view(packed, k, cols);
            }
            shape.run(to.block((0, m), (j, cols)), a, b);
        }
        return;
    }
    packed.reserve(scratch_len(m, k, n), F::zero());
    let (packed_b, memory) = packed.split_at_mut(k.min(BLOCK_K) * n.min(BLOCK_N).next_multiple_of(16));
    let (packed_a, tile) = memory.split_at_mut(m.min(BLOCK_M) * apart(k.min(BLOCK_K)));

    for (jc, nc) in blocks(n, BLOCK_N) {
        let rows = block / bytes(1, nc) / WHOLE_TILES * WHOLE_TILES;
        let one = contiguous_c && !pack_a && one_panel(nc);
        let rows = rows.clamp(WHOLE_TILES, if one { usize::MAX } else { BLOCK_M });
        for (pc, kc) in blocks(k, if near { NEAR_K } else { BLOCK_K }) {
            let last = pc + kc == k;
            let epilogue = match near {
                true if !last => Epilogue { goes_on: pc > 0, ..Epilogue::plain(F::one(), F::zero()) },
                true => Epilogue { goes_on: true, ..epilogue.of_summands(true, true) },
                false => epilogue.of_summands(pc == 0, last),
            };
            let (alpha, beta) = (epilogue.alpha, epilogue.beta);
            let b = part(b, (pc, kc), (jc, nc));
            if pack_b {
                for (j, _, cols) in panels(nc) {
                    let to = &mut packed_b[j * kc..(j + cols) * kc];
                    pack(simd, to, cols, columns(b, j, cols));
                }
            }
            // Straight to c, or by way of a tile.
            let (to, mut c) = match contiguous_c {
                true => (Some(Output::new(c.view_mut(), epilogue)), None),
                false => (None, Some(c.view_mut())),
            };
            for (ic, mc) in blocks(m, rows) {
                let mut a = part(a, (ic, mc), (pc, kc));
                if pack_a {
                    let packed_a = &mut packed_a[..mc * apart(kc)];
                    pack(simd, packed_a, apart(kc), a);
                    a = part(view(packed_a, mc, apart(kc)), (0, mc), (0, kc));
                }
                for (j, shape, cols) in panels(nc) {
                    let b = if pack_b { view(&packed_b[j * kc..], kc, cols) } else { columns(b, j, cols) };
                    let (rows, columns) = ((ic, mc), (jc + j, cols));
                    if let Some(to) = &to {
                        shape.run(to.block(rows, columns), a, b);
                    }
                    let Some(c) = &mut c else { continue };
                    let mut c = part_mut(c.view_mut(), rows, columns);
                    let mut t = ArrayViewMut2::from_shape((mc, cols), &mut tile[..mc * cols])
                        .expect("the slice is as long as the shape says");
                    shape.run(Output::new(t.view_mut(), Epilogue::plain(alpha, F::zero())), a, b);
                    if beta != F::zero() {
                        Zip::from(&mut c).and(&t).for_each(|c, &t| *c = t + beta * *c);
                    } else if let Some(columns) = c.view_mut().reversed_axes().into_slice() {
                        pack(simd, columns, mc, t.t());
                    } else {
                        c.assign(&t);
                    }
                }
            }
        }
    }
}

/// `len` columns of `x` from `start` on.
fn columns<F>(x: ArrayView2<'_, F>, start: usize, len: usize) -> ArrayView2<'_, F> {
    x.split_at(Axis(1), start).1.split_at(Axis(1), len).0
}

fn view<F>(flat: &[F], rows: usize, cols: usize) -> ArrayView2<'_, F> {
    ArrayView2::from_shape((rows, cols), &flat[..rows * cols])
        .expect("the slice is as long as the shape says")
}

/// `(start, shape, columns)` of the panels that `n` columns are cut into: the first shape until another holds the rest,
/// then the narrowest that does. With `few`, up to [`NARROW`] columns beyond a first shape are left to a shape for few
/// columns, where there is one, though another might hold them all.
fn panels<F>(shapes: &[Shape<F>], n: usize, few: bool) -> impl Iterator<Item = (usize, &Shape<F>, usize)> {
    let few = if few && shapes.last().is_some_and(|shape| shape.few) { NARROW } else { 0 };
    let mut start = 0;
    std::iter::from_fn(move || {
        let left = n - start;
        let mut shape = shapes.first().filter(|_| left > 0)?;
        if left <= WIDEST && !(left > shape.cols && left <= shape.cols + few) {
            for other in &shapes[1..] {
                if other.cols >= left && (other.cols < shape.cols || shape.cols < left) {
                    shape = other;
                }
            }
        }
        let panel = (start, shape, left.min(shape.cols));
        start += panel.2;
        Some(panel)
    })
}
