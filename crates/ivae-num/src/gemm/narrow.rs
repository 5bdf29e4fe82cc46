//! Few columns of c: lanes are rows of c, so that none is idle.

use super::panel::{Pointers, rest_of_panel};
use super::vector::Vector;
use super::vector::avx512::{EIGHT, F32x4, F32x8, F32x16, eight_of_each, transpose_quarters};

/// Rows of c that are the lanes of a vector.
const LANES: usize = 16;

/// A panel of one to four columns.
///
/// # Safety
/// As for [`rest_of_panel`], on a processor with AVX-512.
#[inline(always)]
pub(super) unsafe fn to_four(p: &Pointers<'_, '_, f32>) {
    // SAFETY: as the caller promises.
    unsafe {
        let done = match p.to.cols {
            _ if !worth(p) => 0,
            1 => columns::<1, 1>(p),
            2 => columns::<2, 1>(p),
            3 => columns::<3, 1>(p),
            _ => columns::<4, 1>(p),
        };
        rest_of_panel::<f32, F32x4, 12, 1>(p, done);
    }
}

/// A panel of five to eight columns.
///
/// # Safety
/// As for [`rest_of_panel`], on a processor with AVX-512.
#[inline(always)]
pub(super) unsafe fn to_eight(p: &Pointers<'_, '_, f32>) {
    // SAFETY: as the caller promises.
    unsafe {
        let done = match p.to.cols {
            _ if !worth(p) => 0,
            5 => columns::<5, 2>(p),
            6 => columns::<6, 2>(p),
            7 => columns::<7, 2>(p),
            _ => columns::<8, 2>(p),
        };
        rest_of_panel::<f32, F32x8, 12, 1>(p, done);
    }
}

/// Whether a has contiguous rows or columns, and enough of both; sums start from 0 here.
fn worth(p: &Pointers<'_, '_, f32>) -> bool {
    !p.to.goes_on && (p.a_col == 1 || p.a_row == 1) && p.to.rows >= LANES && p.k >= LANES
}

/// `N` columns, which are `Q` vectors of four, in vectors of [`LANES`] rows. Returns how many rows are done.
///
/// # Safety
/// As for [`rest_of_panel`], with rows or columns of a contiguous.
#[inline(always)]
unsafe fn columns<const N: usize, const Q: usize>(p: &Pointers<'_, '_, f32>) -> usize {
    let (mut row, by_rows) = (0, p.a_col == 1);
    // SAFETY: as the caller promises; there are as many rows as a block has.
    unsafe {
        // Two blocks at a time, since the sums of one would wait for each other.
        while row + 2 * LANES <= p.to.rows {
            let [first, second] =
                if by_rows { sums_of_rows::<N, 2>(p, row) } else { sums_of_columns::<N, 2>(p, row) };
            to_rows::<N, Q>(p, row, &first);
            to_rows::<N, Q>(p, row + LANES, &second);
            row += 2 * LANES;
        }
        while row + LANES <= p.to.rows {
            let [sums] = if by_rows { sums_of_rows::<N, 1>(p, row) } else { sums_of_columns::<N, 1>(p, row) };
            to_rows::<N, Q>(p, row, &sums);
            row += LANES;
        }
    }
    row
}

/// The sums of `G` times [`LANES`] rows from `row` on, a column in each vector, from contiguous rows of a.
///
/// # Safety
/// As for [`columns`]; there are that many rows.
#[inline(always)]
unsafe fn sums_of_rows<const N: usize, const G: usize>(
    p: &Pointers<'_, '_, f32>,
    row: usize,
) -> [[F32x16; N]; G] {
    // SAFETY: as the caller promises, with all reads from the k entries of a row of a, or rows of b.
    unsafe {
        let a = |g: usize| p.a.offset((row + g * LANES) as isize * p.a_row);
        let b = |q: usize, j: usize| *p.b.offset(q as isize * p.b_row).add(j);
        let mut sums = [[F32x16::splat(0.0); N]; G];
        let whole = p.k / EIGHT * EIGHT;
        for q in (0..whole).step_by(EIGHT) {
            let mut columns = [[F32x16::splat(0.0); EIGHT]; G];
            for g in 0..G {
                columns[g] = eight_of_each::<true>(a(g).add(q), p.a_row, EIGHT);
            }
            for i in 0..EIGHT {
                for j in 0..N {
                    let b = F32x16::splat(b(q + i, j));
                    for g in 0..G {
                        sums[g][j] = columns[g][i].mul_add(b, sums[g][j]);
                    }
                }
            }
        }
        if whole < p.k {
            for g in 0..G {
                let columns = eight_of_each::<false>(a(g).add(whole), p.a_row, p.k - whole);
                for q in whole..p.k {
                    for j in 0..N {
                        sums[g][j] = columns[q - whole].mul_add(F32x16::splat(b(q, j)), sums[g][j]);
                    }
                }
            }
        }
        sums
    }
}

/// The sums of `G` times [`LANES`] rows from `row` on, a column in each vector, from contiguous columns of a.
///
/// # Safety
/// As for [`columns`]; there are that many rows.
#[inline(always)]
unsafe fn sums_of_columns<const N: usize, const G: usize>(
    p: &Pointers<'_, '_, f32>,
    row: usize,
) -> [[F32x16; N]; G] {
    // SAFETY: as the caller promises.
    unsafe {
        let mut sums = [[F32x16::splat(0.0); N]; G];
        for q in 0..p.k as isize {
            let (a, b) = (p.a.add(row).offset(q * p.a_col), p.b.offset(q * p.b_row));
            for g in 0..G {
                let a = F32x16::load(a.add(g * LANES));
                for j in 0..N {
                    sums[g][j] = a.mul_add(F32x16::splat(*b.add(j)), sums[g][j]);
                }
            }
        }
        sums
    }
}

/// The sums of [`LANES`] rows from `row` on, a column in each vector, to c. Not a part of the loops that call it, because it is
/// longer than they are.
///
/// # Safety
/// As for [`columns`]; there are that many rows.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma")]
unsafe fn to_rows<const N: usize, const Q: usize>(p: &Pointers<'_, '_, f32>, row: usize, sums: &[F32x16; N]) {
    // SAFETY: as the caller promises.
    unsafe {
        // Vector i of four has rows i, 4 + i, 8 + i and 12 + i in its quarters.
        let mut rows = [[F32x16::splat(0.0); 4]; Q];
        for j in 0..N {
            rows[j / 4][j % 4] = sums[j];
        }
        for rows in &mut rows {
            *rows = transpose_quarters(*rows);
        }
        four_to_c::<N, Q, 0>(p, row, &rows);
        four_to_c::<N, Q, 1>(p, row, &rows);
        four_to_c::<N, Q, 2>(p, row, &rows);
        four_to_c::<N, Q, 3>(p, row, &rows);
    }
}

/// # Safety
/// As for [`to_rows`].
#[inline(always)]
unsafe fn four_to_c<const N: usize, const Q: usize, const QUARTER: i32>(
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
        if N == Q * F32x4::LANES {
            p.to.finish::<F32x4, 4, Q, false>(row, &four);
        } else {
            p.to.finish::<F32x4, 4, Q, true>(row, &four);
        }
    }
}
