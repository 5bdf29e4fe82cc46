//! Few columns of c: lanes are rows of c, so that none is idle.

use super::kernel::{Pointers, panel, rest_of_panel};
use super::vector::Vector;
use super::vector::avx512::{F32x4, F32x8, F32x16, four_of_each, transpose_quarters};

/// Rows of c that are the lanes of a vector.
const LANES: usize = 16;
/// Summands that are loaded at a time.
const FOUR: usize = 4;

/// A panel of one to four columns.
///
/// # Safety
/// As for [`panel`], on a processor with AVX-512.
#[inline(always)]
pub(super) unsafe fn to_four(p: &Pointers<'_, '_, f32>) {
    // SAFETY: as the caller promises.
    unsafe {
        match p.to.cols {
            _ if !worth(p) => panel::<f32, F32x4, 12, 1>(p),
            1 => columns::<F32x4, 1, 1>(p),
            2 => columns::<F32x4, 2, 1>(p),
            3 => columns::<F32x4, 3, 1>(p),
            _ => columns::<F32x4, 4, 1>(p),
        }
    }
}

/// A panel of five to eight columns.
///
/// # Safety
/// As for [`panel`], on a processor with AVX-512.
#[inline(always)]
pub(super) unsafe fn to_eight(p: &Pointers<'_, '_, f32>) {
    // SAFETY: as the caller promises.
    unsafe {
        match p.to.cols {
            _ if !worth(p) => panel::<f32, F32x8, 12, 1>(p),
            5 => columns::<F32x8, 5, 2>(p),
            6 => columns::<F32x8, 6, 2>(p),
            7 => columns::<F32x8, 7, 2>(p),
            _ => columns::<F32x8, 8, 2>(p),
        }
    }
}

/// Whether the columns of a must be made from its rows, which are then long enough to be worth it.
fn worth(p: &Pointers<'_, '_, f32>) -> bool {
    p.a_col == 1 && p.to.rows >= LANES && p.k >= LANES
}

/// `N` columns, which are `Q` vectors of four, in vectors of [`LANES`] rows; what is left of the rows in rows of `V`.
///
/// # Safety
/// As for [`panel`], with rows of a contiguous.
#[inline(always)]
unsafe fn columns<V: Vector<f32>, const N: usize, const Q: usize>(p: &Pointers<'_, '_, f32>) {
    let whole = p.to.rows / LANES * LANES;
    // SAFETY: as the caller promises; rows row..row + LANES are below `rows`.
    unsafe {
        for row in (0..whole).step_by(LANES) {
            let sums = sums::<N>(p, row);
            let mut rows = [[F32x16::splat(0.0); 4]; Q];
            for j in 0..N {
                rows[j / 4][j % 4] = sums[j];
            }
            for rows in &mut rows {
                *rows = transpose_quarters(*rows);
            }
            finish::<N, Q, 0>(p, row, &rows);
            finish::<N, Q, 1>(p, row, &rows);
            finish::<N, Q, 2>(p, row, &rows);
            finish::<N, Q, 3>(p, row, &rows);
        }
        rest_of_panel::<f32, V, 12, 1>(p, whole);
    }
}

/// The sums of [`LANES`] rows from `row` on, a column in each vector.
///
/// # Safety
/// As for [`columns`]; there are that many rows.
#[inline(always)]
unsafe fn sums<const N: usize>(p: &Pointers<'_, '_, f32>, row: usize) -> [F32x16; N] {
    // SAFETY: as the caller promises, with all reads from the k entries of a row of a, or rows of b.
    unsafe {
        let a = p.a.offset(row as isize * p.a_row);
        let b = |q: usize, j: usize| *p.b.offset(q as isize * p.b_row).add(j);
        let mut sums = [F32x16::splat(0.0); N];
        let fours = p.k / FOUR * FOUR;
        for q in (0..fours).step_by(FOUR) {
            let columns = four_of_each(a.add(q), p.a_row);
            for i in 0..FOUR {
                for j in 0..N {
                    sums[j] = columns[i].mul_add(F32x16::splat(b(q + i, j)), sums[j]);
                }
            }
        }
        for q in fours..p.k {
            let column: [f32; LANES] = std::array::from_fn(|i| *a.offset(i as isize * p.a_row).add(q));
            for j in 0..N {
                sums[j] = F32x16::load(column.as_ptr()).mul_add(F32x16::splat(b(q, j)), sums[j]);
            }
        }
        sums
    }
}

/// A quarter of [`LANES`] rows from `row` on to c; quarter q of `rows[v][i]` has columns 4 v to 4 v + 3 of row 4 q + i.
///
/// # Safety
/// As for [`columns`]; there are that many rows.
#[inline(always)]
unsafe fn finish<const N: usize, const Q: usize, const QUARTER: i32>(
    p: &Pointers<'_, '_, f32>,
    row: usize,
    rows: &[[F32x16; 4]; Q],
) {
    // SAFETY: as the caller promises.
    unsafe {
        let mut four = [[F32x4::splat(0.0); Q]; 4];
        for i in 0..4 {
            for v in 0..Q {
                four[i][v] = rows[v][i].quarter::<QUARTER>();
            }
        }
        let row = row + 4 * QUARTER as usize;
        if N == Q * 4 {
            p.to.finish::<F32x4, 4, Q, false>(row, &four);
        } else {
            p.to.finish::<F32x4, 4, Q, true>(row, &four);
        }
    }
}
