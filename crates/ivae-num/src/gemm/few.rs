//! Few summands: rows of b stay in registers while the rows of a and c pass by, each of which is touched once.

use super::panel::Pointers;
use super::vector::Vector;
use crate::real::Real;

/// Most summands.
pub(super) const MOST: usize = 8;

/// What becomes of sums: c; or added to a start, or to a bias and a row of a table; or multiplied by a factor.
mod end {
    pub(super) const STORE: u8 = 0;
    pub(super) const START: u8 = 1;
    pub(super) const LEVEL: u8 = 2;
    pub(super) const FACTOR: u8 = 3;
}

/// All columns of c, however many, with up to `ROOM` vectors of b at a time; for an epilogue that does not scale.
///
/// # Safety
/// `p` describes valid memory with rows of b contiguous, and the processor has the instructions of `V`.
///
/// # Panics
/// If there are no summands, or more than [`MOST`].
#[inline(always)]
pub(super) unsafe fn panels<F: Real, V: Vector<F>, const ROOM: usize>(p: &Pointers<'_, '_, F>) {
    assert!((1..=MOST).contains(&p.k), "{} summands", p.k);
    // SAFETY: as the caller promises, and each instance is for as many summands.
    unsafe {
        match p.k {
            1 => summands::<F, V, ROOM, 1>(p),
            2 => summands::<F, V, ROOM, 2>(p),
            3 => summands::<F, V, ROOM, 3>(p),
            4 => summands::<F, V, ROOM, 4>(p),
            5 => summands::<F, V, ROOM, 5>(p),
            6 => summands::<F, V, ROOM, 6>(p),
            7 => summands::<F, V, ROOM, 7>(p),
            _ => summands::<F, V, ROOM, 8>(p),
        }
    }
}

/// # Safety
/// As for [`panels`], of `K` summands.
#[inline(always)]
unsafe fn summands<F: Real, V: Vector<F>, const ROOM: usize, const K: usize>(p: &Pointers<'_, '_, F>) {
    // SAFETY: as the caller promises.
    unsafe {
        match (p.to.has_factor(), p.to.looks_up(), p.to.overwrites()) {
            (true, _, _) => columns::<F, V, ROOM, K, { end::FACTOR }>(p),
            (_, true, _) => columns::<F, V, ROOM, K, { end::LEVEL }>(p),
            (_, _, true) => columns::<F, V, ROOM, K, { end::STORE }>(p),
            _ => columns::<F, V, ROOM, K, { end::START }>(p),
        }
    }
}

/// # Safety
/// As for [`summands`], with what the [`end`] needs.
#[inline(always)]
unsafe fn columns<F: Real, V: Vector<F>, const ROOM: usize, const K: usize, const END: u8>(
    p: &Pointers<'_, '_, F>,
) {
    let (cols, mut col) = (p.to.cols, 0);
    // SAFETY: as the caller promises; the columns are there.
    unsafe {
        while col < cols {
            col += V::LANES
                * match (cols - col) / V::LANES {
                    4 if 4 * K <= ROOM => rows::<F, V, K, 4, END, false>(p, col),
                    3.. if 3 * K <= ROOM => rows::<F, V, K, 3, END, false>(p, col),
                    2.. if 2 * K <= ROOM => rows::<F, V, K, 2, END, false>(p, col),
                    1.. => rows::<F, V, K, 1, END, false>(p, col),
                    0 => rows::<F, V, K, 1, END, true>(p, col),
                };
        }
    }
}

/// All rows, `N` vectors from column `col` on, the last of them partial if `PARTIAL`.
///
/// # Safety
/// As for [`columns`]; there are as many.
#[inline(always)]
unsafe fn rows<F: Real, V: Vector<F>, const K: usize, const N: usize, const END: u8, const PARTIAL: bool>(
    p: &Pointers<'_, '_, F>,
    col: usize,
) -> usize {
    // SAFETY: rows are below `rows`, and columns below `cols`, the last vector being masked unless it is whole.
    unsafe {
        let mask = V::mask((p.to.cols - col - (N - 1) * V::LANES).min(V::LANES));
        let masked = |j: usize| PARTIAL && j == N - 1;
        let load = |at: *const F, j: usize| {
            let at = at.add(j * V::LANES);
            if masked(j) { V::load_masked(at, mask) } else { V::load(at) }
        };
        let store = |value: V, at: *mut F, j: usize| {
            let at = at.add(j * V::LANES);
            if masked(j) { value.store_masked(at, mask) } else { value.store(at) }
        };
        let b: [[V; N]; K] = std::array::from_fn(|q| {
            let row = p.b.offset(q as isize * p.b_row).add(col);
            std::array::from_fn(|j| load(row, j))
        });
        let a: [isize; K] = std::array::from_fn(|q| q as isize * p.a_col);
        let to = &p.to;
        let adds_up = END == end::FACTOR && !to.sums().is_null();
        let mut sums = [V::splat(F::zero()); N];
        if adds_up {
            sums = std::array::from_fn(|j| load(to.sums().add(col), j));
        }
        let bias: [V; N] = match END {
            end::LEVEL => std::array::from_fn(|j| load(to.bias().add(col), j)),
            _ => [V::splat(F::zero()); N],
        };
        for row in 0..to.rows {
            let at = p.a.offset(row as isize * p.a_row);
            let mut value = [V::splat(F::zero()); N];
            for q in 0..K {
                let a = V::splat(*at.offset(a[q]));
                for j in 0..N {
                    value[j] = a.mul_add(b[q][j], value[j]);
                }
            }
            for j in 0..N {
                match END {
                    end::START => value[j] = value[j].add(load(to.start(row).add(col), j)),
                    end::LEVEL => {
                        let start = bias[j].add(load(to.looked_up(row).add(col), j));
                        value[j] = value[j].add(start);
                    }
                    end::FACTOR => {
                        value[j] = value[j].mul(load(to.factor(row).add(col), j));
                        sums[j] = sums[j].add(value[j]);
                    }
                    _ => {}
                }
                store(value[j], to.c(row).add(col), j);
            }
        }
        if adds_up {
            for j in 0..N {
                store(sums[j], to.sums().add(col), j);
            }
        }
    }
    N
}
