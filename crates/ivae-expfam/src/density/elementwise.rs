//! Row loops that evaluate a formula element by element: sums for log-densities, and gradients that add.
//!
//! An exponential takes about as long as moving its argument in and out of memory a few times. So the loops read,
//! compute, and sum or add in one pass and keep everything in registers in between. They take [`LANES`] neighbours of a
//! row at a time; the last chunk of a row reaches back over elements that are already done, which do not count again.
//! Rows shorter than [`LANES`] do not fill vectors: they are gathered into [tiles](super::tile).

use ivae_num::formula::{LANES, at_lanes, run_formulas};
use ivae_num::{Formula, FormulaLoop, Functions, Scalar, each};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::tile::{TILE_LEN, tiles};

/// Adds to sums: `out[b] ← out[b] + scale · Σᵢ formula(v[b][i]; θ[b][first + i] for each of K first columns)`.
pub(crate) fn add_sums<F: Scalar, const K: usize>(
    out: &mut [F],
    scale: f64,
    (theta, firsts): (ArrayView2<'_, F>, [usize; K]),
    v: ArrayView2<'_, F>,
    formula: impl Formula<F, 1, K>,
) {
    let n = v.ncols();
    if let (true, Some(flat), Some(flat_v)) = (n >= LANES, theta.as_slice(), v.as_slice()) {
        let (scale, width) = (F::of(scale), theta.ncols());
        return run_formulas(Sums { out, scale, n, width, firsts, theta: flat, v: flat_v, formula });
    }
    let (mut z, mut eta) = ([F::zero(); TILE_LEN], [[F::zero(); TILE_LEN]; K]);
    for tile in tiles(v.nrows(), n) {
        let len = tile.len();
        tile.gather(&mut z[..len], &v, 0);
        for (eta, &first) in eta.iter_mut().zip(&firsts) {
            tile.gather(&mut eta[..len], &theta, first);
        }
        each([&mut z[..len]], eta.each_ref().map(|eta| &eta[..len]), formula);
        tile.add_row_sums(out, scale, &z[..len]);
    }
}

/// Adds to gradients: `d_v[b][i] ← d_v[b][i] + y₀` and `d_θ[b][first + i] ← d_θ[b][first + i] + yⱼ` for each of the
/// first columns but the zeroth, with y the value of `formula` at (v, θ) `[N]` and d_out[b].
pub(crate) fn add_slopes<F: Scalar, const N: usize>(
    mut d_theta: Option<ArrayViewMut2<'_, F>>,
    mut d_v: Option<ArrayViewMut2<'_, F>>,
    (theta, firsts): (ArrayView2<'_, F>, [usize; N]),
    v: ArrayView2<'_, F>,
    d_out: &[F],
    formula: impl Formula<F, N, 1>,
) {
    let (n, width) = (v.ncols(), theta.ncols());
    let (has_theta, has_v) = (d_theta.is_some(), d_v.is_some());
    let to_theta = d_theta.as_mut().map_or(Some(&mut [][..]), |d| d.as_slice_mut());
    let to_v = d_v.as_mut().map_or(Some(&mut [][..]), |d| d.as_slice_mut());
    let flat = (theta.as_slice(), v.as_slice(), to_theta, to_v);
    if let (true, (Some(theta), Some(v), Some(to_theta), Some(to_v))) = (n >= LANES, flat) {
        let work = Slopes { to_theta, to_v, n, width, firsts, theta, v, d_out, formula };
        return match (has_theta, has_v) {
            (true, true) if n.is_multiple_of(LANES) => run_formulas(Adding::<_, true, true, true>(work)),
            (true, true) => run_formulas(Adding::<_, true, true, false>(work)),
            (true, false) => run_formulas(Adding::<_, true, false, false>(work)),
            (false, true) => run_formulas(Adding::<_, false, true, false>(work)),
            (false, false) => {}
        };
    }
    let (mut x, mut d) = ([[F::zero(); TILE_LEN]; N], [F::zero(); TILE_LEN]);
    for tile in tiles(v.nrows(), n) {
        let len = tile.len();
        for (j, (x, &first)) in x.iter_mut().zip(&firsts).enumerate() {
            tile.gather(&mut x[..len], if j == 0 { &v } else { &theta }, first);
        }
        tile.spread(&mut d[..len], d_out);
        each(x.each_mut().map(|x| &mut x[..len]), [&d[..len]], formula);
        if let Some(d_v) = &mut d_v {
            tile.scatter_add(d_v, 0, 1.0, &x[0][..len]);
        }
        if let Some(d_theta) = &mut d_theta {
            for (x, &first) in x.iter().zip(&firsts).skip(1) {
                tile.scatter_add(d_theta, first, 1.0, &x[..len]);
            }
        }
    }
}

/// Rows that are processed together.
const ROWS: usize = 16;

/// `x[at..at + LANES]`.
#[inline(always)]
fn lanes<F: Scalar>(x: &[F], at: usize) -> [F; LANES] {
    let mut out = [F::zero(); LANES];
    out.copy_from_slice(&x[at..at + LANES]);
    out
}

/// Which elements of a chunk count: `lanes(&counts(), LANES - done)` is 0 for the first `done` of them and 1 for the
/// others.
#[inline(always)]
fn counts<F: Scalar>() -> [F; 2 * LANES] {
    let mut out = [F::zero(); 2 * LANES];
    out[LANES..].fill(F::one());
    out
}

/// `y` where it counts, else 0. Everything counts if rows are `WHOLE`, that is, a multiple of [`LANES`] long.
#[inline(always)]
fn counted<F: Scalar, const WHOLE: bool>(mut y: [F; LANES], counts: [F; LANES]) -> [F; LANES] {
    if WHOLE {
        return y;
    }
    for i in 0..LANES {
        y[i] = if counts[i] > F::zero() { y[i] } else { F::zero() };
    }
    y
}

struct Sums<'a, F, M, const K: usize> {
    out: &'a mut [F],
    scale: F,
    n: usize,
    width: usize,
    firsts: [usize; K],
    theta: &'a [F],
    v: &'a [F],
    formula: M,
}

impl<F: Scalar, M: Formula<F, 1, K>, const K: usize> FormulaLoop<F> for Sums<'_, F, M, K> {
    type Output = ();

    #[inline(always)]
    fn run<Fs: Functions<F>>(self) {
        let Self { out, scale, n, width, firsts, theta, v, formula } = self;
        assert!(n >= LANES);
        let counts = counts();
        for (chunk, out) in out.chunks_mut(ROWS).enumerate() {
            // Sum by lanes for all rows first, so that vectors stay whole.
            let mut sums = [[F::zero(); LANES]; ROWS];
            let rows = chunk * ROWS..chunk * ROWS + out.len();
            let (theta, v) = (&theta[rows.start * width..rows.end * width], &v[rows.start * n..rows.end * n]);
            for start in (0..n).step_by(LANES) {
                let at = start.min(n - LANES);
                assert!(at + LANES <= n && firsts.iter().all(|first| first + at + LANES <= width));
                let count = lanes(&counts, LANES - (start - at));
                let rows = theta.chunks_exact(width).zip(v.chunks_exact(n));
                for (sums, (theta, v)) in sums.iter_mut().zip(rows) {
                    let mut eta = [[F::zero(); LANES]; K];
                    for j in 0..K {
                        eta[j] = lanes(theta, firsts[j] + at);
                    }
                    let [y] = at_lanes::<F, Fs, 1, K>(formula, [lanes(v, at)], eta);
                    let y = counted::<F, false>(y, count);
                    for i in 0..LANES {
                        sums[i] += y[i];
                    }
                }
            }
            for (out, sums) in out.iter_mut().zip(&sums) {
                *out += scale * total(sums);
            }
        }
    }
}

/// The sum, by halves. Not inlined: for many rows at once the compiler would move the elements one by one.
#[inline(never)]
fn total<F: Scalar>(x: &[F; LANES]) -> F {
    let mut half = [F::zero(); LANES / 2];
    for i in 0..LANES / 2 {
        half[i] = x[i] + x[i + LANES / 2];
    }
    let [a, b, c, d, e, f, g, h] = half;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

struct Slopes<'a, F, M, const N: usize> {
    to_theta: &'a mut [F],
    to_v: &'a mut [F],
    n: usize,
    width: usize,
    firsts: [usize; N],
    theta: &'a [F],
    v: &'a [F],
    d_out: &'a [F],
    formula: M,
}

/// Adds [`Slopes`] to the gradient of θ, of v or of both; rows are a multiple of [`LANES`] long if `WHOLE`.
struct Adding<S, const THETA: bool, const V: bool, const WHOLE: bool>(S);

impl<F: Scalar, M: Formula<F, N, 1>, const N: usize, const THETA: bool, const V: bool, const WHOLE: bool>
    FormulaLoop<F> for Adding<Slopes<'_, F, M, N>, THETA, V, WHOLE>
{
    type Output = ();

    #[inline(always)]
    fn run<Fs: Functions<F>>(self) {
        let Slopes { to_theta, to_v, n, width, firsts, theta, v, d_out, formula } = self.0;
        assert!(n >= LANES);
        let counts = counts();
        for (chunk, d_out) in d_out.chunks(ROWS).enumerate() {
            // Down the rows first: a sum is then written back long before the same place is read again.
            let first = chunk * ROWS;
            for start in (0..n).step_by(LANES) {
                let at = start.min(n - LANES);
                assert!(at + LANES <= n && firsts.iter().all(|first| first + at + LANES <= width));
                let count = lanes(&counts, LANES - (start - at));
                let rows = theta[first * width..].chunks_exact(width).zip(v[first * n..].chunks_exact(n));
                let mut to_theta = if THETA { &mut to_theta[first * width..] } else { &mut [] };
                let mut to_v = if V { &mut to_v[first * n..] } else { &mut [] };
                for (&d, (theta, v)) in d_out.iter().zip(rows) {
                    let mut x = [lanes(v, at); N];
                    for j in 1..N {
                        x[j] = lanes(theta, firsts[j] + at);
                    }
                    let y = at_lanes::<F, Fs, N, 1>(formula, x, [[d; LANES]]);
                    if V {
                        add(next(&mut to_v, n), at, counted::<F, WHOLE>(y[0], count));
                    }
                    if THETA {
                        let row = next(&mut to_theta, width);
                        for j in 1..N {
                            add(row, firsts[j] + at, counted::<F, WHOLE>(y[j], count));
                        }
                    }
                }
            }
        }
    }
}

/// The next `len` numbers.
#[inline(always)]
fn next<'a, F>(rest: &mut &'a mut [F], len: usize) -> &'a mut [F] {
    let (next, others) = std::mem::take(rest).split_at_mut(len);
    *rest = others;
    next
}

/// `to[at..at + LANES] ← to[at..at + LANES] + y`.
#[inline(always)]
fn add<F: Scalar>(to: &mut [F], at: usize, y: [F; LANES]) {
    let mut sum = lanes(to, at);
    for i in 0..LANES {
        sum[i] += y[i];
    }
    to[at..at + LANES].copy_from_slice(&sum);
}
