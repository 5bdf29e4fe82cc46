//! The inner loops: a tile of c in registers, rows of b as vectors, entries of a broadcast.

use super::finish::Output;
use super::vector::{Vector, prefetch};
use crate::real::Real;

/// A panel after its checks: c and its epilogue `[m, w]`, w small, a `[m, k]`, and b `[k, w]` with contiguous rows.
pub(super) struct Pointers<'c, 'e, F> {
    pub(super) to: Output<'c, 'e, F>,
    pub(super) k: usize,
    pub(super) a: *const F,
    pub(super) a_row: isize,
    /// Multiples of `a_row`. Read from here, they stay in registers of their own through a tile; computed there, they
    /// would be computed once more for each summand, where the vectors' multiplications want the ports.
    pub(super) a_rows: [isize; TALLEST],
    pub(super) a_col: isize,
    pub(super) b: *const F,
    pub(super) b_row: isize,
}

/// Rows of the tallest tile.
pub(super) const TALLEST: usize = 12;

/// `R` rows from `row` on; `N` vectors wide, the last of them partial if `PARTIAL`.
///
/// # Safety
/// As for [`panel`], and `row + R ≤ m`.
#[inline(always)]
unsafe fn tile<F: Real, V: Vector<F>, const R: usize, const N: usize, const PARTIAL: bool>(
    p: &Pointers<'_, '_, F>,
    row: usize,
) {
    // SAFETY: rows row..row + R are below m, and columns below cols, the last vector being masked unless it is whole.
    unsafe {
        let mask = V::mask(p.to.cols - (N - 1) * V::LANES);
        let masked = |j: usize| PARTIAL && j == N - 1;
        let load = |at: *const F, j: usize| {
            let at = at.add(j * V::LANES);
            if masked(j) { V::load_masked(at, mask) } else { V::load(at) }
        };
        let a = p.a.offset(row as isize * p.a_row);
        let rows: [isize; R] = std::array::from_fn(|i| p.a_rows[i]);
        let c: [*mut F; R] = std::array::from_fn(|i| p.to.c(row + i));
        c.iter().for_each(|c| (0..N).for_each(|j| prefetch(c.add(j * V::LANES))));
        p.to.fetch_factor::<V, R, N>(row);

        let mut sum = [[V::splat(F::zero()); N]; R];
        if p.to.goes_on {
            for i in 0..R {
                for j in 0..N {
                    sum[i][j] = load(c[i], j);
                }
            }
        }
        for q in 0..p.k as isize {
            let b: [V; N] = std::array::from_fn(|j| load(p.b.offset(q * p.b_row), j));
            for i in 0..R {
                let a = V::splat(*a.offset(q * p.a_col).offset(rows[i]));
                for j in 0..N {
                    sum[i][j] = a.mul_add(b[j], sum[i][j]);
                }
            }
        }

        p.to.finish::<V, R, N, PARTIAL>(row, &sum);
    }
}

/// All rows of a panel `N` vectors wide, `R` at a time.
///
/// # Safety
/// `p` describes valid memory, its columns take `N` vectors, and the processor has the instructions of `V`.
#[inline(always)]
pub(super) unsafe fn panel<F: Real, V: Vector<F>, const R: usize, const N: usize>(p: &Pointers<'_, '_, F>) {
    // SAFETY: as the caller promises.
    unsafe { rest_of_panel::<F, V, R, N>(p, 0) }
}

/// [`panel`] from a row on.
///
/// # Safety
/// As for [`panel`]; the row is at most the number of rows.
#[inline(always)]
pub(super) unsafe fn rest_of_panel<F: Real, V: Vector<F>, const R: usize, const N: usize>(
    p: &Pointers<'_, '_, F>,
    row: usize,
) {
    // SAFETY: as the caller promises.
    unsafe {
        if p.to.cols == N * V::LANES {
            rows::<F, V, R, N, false>(p, row);
        } else {
            rows::<F, V, R, N, true>(p, row);
        }
    }
}

/// # Safety
/// As for [`panel`]; `PARTIAL` says whether the last vector is less than whole.
#[inline(always)]
unsafe fn rows<F: Real, V: Vector<F>, const R: usize, const N: usize, const PARTIAL: bool>(
    p: &Pointers<'_, '_, F>,
    mut row: usize,
) {
    // SAFETY: each tile ends at or before row m; the rest is what the caller promises.
    unsafe {
        while row + R <= p.to.rows {
            tile::<F, V, R, N, PARTIAL>(p, row);
            row += R;
        }
        // Few heights, since each is compiled for every width and path.
        while p.to.rows - row > 5 || p.to.rows - row == 4 {
            tile::<F, V, 4, N, PARTIAL>(p, row);
            row += 4;
        }
        match p.to.rows - row {
            0 => {}
            1 => tile::<F, V, 1, N, PARTIAL>(p, row),
            2 => tile::<F, V, 2, N, PARTIAL>(p, row),
            3 => tile::<F, V, 3, N, PARTIAL>(p, row),
            _ => tile::<F, V, 5, N, PARTIAL>(p, row),
        }
    }
}
