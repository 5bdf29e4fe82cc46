//! Copies a block of an operand into contiguous memory.

use super::vector::{Square, Vector};
use crate::real::Real;

/// What is packed, `[rows, cols]`, and whereto: to contiguous rows, from such rows or from contiguous columns.
pub(crate) struct Block<F> {
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) from: *const F,
    pub(super) from_row: isize,
    pub(super) from_col: isize,
    pub(super) to: *mut F,
    pub(super) to_row: usize,
}

/// From contiguous rows.
///
/// # Safety
/// `t` describes valid memory, and the processor has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn copy<F: Real, V: Vector<F>>(t: &Block<F>) {
    let whole = t.cols / V::LANES * V::LANES;
    // SAFETY: every access is to a row below rows and to columns below cols, by the mask or because the vector is whole.
    unsafe {
        let mask = V::mask(t.cols - whole);
        for i in 0..t.rows {
            let (from, to) = (t.from.offset(i as isize * t.from_row), t.to.add(i * t.to_row));
            for j in (0..whole).step_by(V::LANES) {
                V::load(from.add(j)).store(to.add(j));
            }
            if whole < t.cols {
                V::load_masked(from.add(whole), mask).store_masked(to.add(whole), mask);
            }
        }
    }
}

/// From contiguous columns, in squares of `16 × 16`, or in `8 × 16` if there are fewer rows.
///
/// # Safety
/// As for [`transpose`], on a processor with AVX-512.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(super) unsafe fn transpose_wide(t: &Block<f32>) {
    use super::vector::avx512::{EIGHT, F32x8, SQUARE, eight_of_each, transpose_square};
    // SAFETY: the squares are within the rows and columns, and so are the rows of eight that are stored; all else as the
    // caller promises.
    unsafe {
        if t.cols < SQUARE {
            return transpose::<f32, F32x8, 8>(t);
        }
        for j in squares(t.cols, SQUARE) {
            let from = t.from.offset(j as isize * t.from_col);
            if t.rows >= SQUARE {
                for i in squares(t.rows, SQUARE) {
                    transpose_square(from.add(i), t.from_col, t.to.add(i * t.to_row + j), t.to_row);
                }
                continue;
            }
            for i in (0..t.rows).step_by(EIGHT) {
                let rows = eight_of_each::<false>(from.add(i), t.from_col, EIGHT.min(t.rows - i));
                for (r, row) in rows.iter().enumerate() {
                    if i + r < t.rows {
                        row.store(t.to.add((i + r) * t.to_row + j));
                    }
                }
            }
        }
    }
}

/// Where squares of `side` begin that cover `len` numbers; the last one reaches back to those of the one before.
fn squares(len: usize, side: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by(side).map(move |start| start.min(len - side))
}

/// From contiguous columns, in squares of `L × L`.
///
/// # Safety
/// `t` describes valid memory, and the processor has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn transpose<F, V: Square<F, L>, const L: usize>(t: &Block<F>) {
    // SAFETY: every access is to row i + .. below rows and column j + .. below cols, by the masks or because the
    // square is a whole one.
    unsafe {
        for j in (0..t.cols).step_by(L) {
            let width = L.min(t.cols - j);
            for i in (0..t.rows).step_by(L) {
                let height = L.min(t.rows - i);
                let from = |c: usize| t.from.offset((j + c) as isize * t.from_col).add(i);
                let to = |r: usize| t.to.add((i + r) * t.to_row + j);
                if width == L && height == L {
                    let square = V::transpose(std::array::from_fn(|c| V::load(from(c))));
                    (0..L).for_each(|r| square[r].store(to(r)));
                } else {
                    // Columns that are not there are loaded as copies of one that is, and not stored.
                    let (down, across) = (V::mask(height), V::mask(width));
                    let columns = std::array::from_fn(|c| V::load_masked(from(c.min(width - 1)), down));
                    let square = V::transpose(columns);
                    (0..height).for_each(|r| square[r].store_masked(to(r), across));
                }
            }
        }
    }
}
