//! A spline for each coordinate, as a layer: column by column, [`LANES`] rows at a time.

use ivae_num::vecmath::VecMath;
use ivae_num::{Loop, Scalar, wide};

use super::spline::{Piece, Sums, fill_knots, fill_knots_backward, find, knots_len, raw_len};
use crate::accumulate::Accumulate;
use crate::{Layout, Slot};

/// Numbers that are worked on at a time, so that the compiler makes vectors of them.
const LANES: usize = 16;

#[derive(Debug, Clone)]
pub(super) struct Splines {
    dim: usize,
    bins: usize,
    bound: f64,
    raw: Slot, // [n, 3K + 1]
}

#[derive(Debug, Clone)]
pub(super) struct SplinesWorkspace<F> {
    knots: Vec<F>,         // [n, 3 (K + 1)]
    d_knots: Vec<F>,       // its gradient
    pieces: Vec<Piece<F>>, // [n, K]
    sums: Vec<Sums<F>>,    // [n, K]
    slopes: Vec<F>,        // of a column's rows, then their logarithms [B]
}

/// The pieces of [`LANES`] rows, field by field.
struct Gathered<F>([[F; LANES]; 8]);

impl<F: Scalar> Gathered<F> {
    /// The pieces of a column that the numbers of `x` lie in, by the knots between them.
    #[inline(always)]
    fn new(pieces: &[Piece<F>], inner: &[F], x: &[F; LANES]) -> Self {
        Self([
            select(pieces, inner, x, |p| p.x),
            select(pieces, inner, x, |p| p.inv_w),
            select(pieces, inner, x, |p| p.y),
            select(pieces, inner, x, |p| p.h),
            select(pieces, inner, x, |p| p.s),
            select(pieces, inner, x, |p| p.d0),
            select(pieces, inner, x, |p| p.d1),
            select(pieces, inner, x, |p| p.bend),
        ])
    }

    #[inline(always)]
    fn lane(&self, lane: usize) -> Piece<F> {
        let [x, inv_w, y, h, s, d0, d1, bend] = self.0.each_ref().map(|field| field[lane]);
        Piece { x, inv_w, y, h, s, d0, d1, bend }
    }
}

/// A field of the pieces that the numbers of `x` lie in: those of all pieces up to the right one, each over the one before,
/// so that no number has to be put into a vector by itself.
#[inline(always)]
fn select<F: Scalar>(
    pieces: &[Piece<F>],
    inner: &[F],
    x: &[F; LANES],
    field: impl Fn(&Piece<F>) -> F,
) -> [F; LANES] {
    let mut out = [field(&pieces[0]); LANES];
    for (piece, &knot) in pieces[1..].iter().zip(inner) {
        let value = field(piece);
        for lane in 0..LANES {
            out[lane] = if x[lane] >= knot { value } else { out[lane] };
        }
    }
    out
}

/// Up to [`LANES`] numbers of a column, filled up with 0.
#[inline(always)]
fn load<F: Scalar>(from: &[F], stride: usize) -> [F; LANES] {
    let mut lanes = [F::zero(); LANES];
    lanes.iter_mut().zip(from.iter().step_by(stride)).for_each(|(l, &v)| *l = v);
    lanes
}

/// The reverse of [`load`].
#[inline(always)]
fn store<F: Scalar>(to: &mut [F], stride: usize, lanes: &[F; LANES]) {
    to.iter_mut().step_by(stride).zip(lanes).for_each(|(v, &l)| *v = l);
}

/// The pieces that the numbers of `x` lie in, by the knots between them: how many are not above.
#[inline(always)]
fn locate<F: Scalar>(inner: &[F], x: &[F; LANES]) -> [u32; LANES] {
    let mut found = [0; LANES];
    for &knot in inner {
        for lane in 0..LANES {
            found[lane] += if x[lane] >= knot { 1 } else { 0 };
        }
    }
    found
}

/// The values of one column, overwritten, with their slopes.
struct Forward<'a, F> {
    y: &'a mut [F],      // [B, n]
    slopes: &'a mut [F], // [B]
    x: &'a [F],          // [B, n]
    inner: &'a [F],      // knots between the pieces
    pieces: &'a [Piece<F>],
    bound: F,
    column: (usize, usize), // j of n
}

impl<F: Scalar> Loop for Forward<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (j, n) = self.column;
        let rows = self.x.chunks(LANES * n).zip(self.y.chunks_mut(LANES * n));
        for ((x, y), slopes) in rows.zip(self.slopes.chunks_mut(LANES)) {
            let x = load(&x[j..], n);
            let gathered = Gathered::new(self.pieces, self.inner, &x);
            let (mut value, mut slope) = ([F::zero(); LANES], [F::zero(); LANES]);
            for lane in 0..LANES {
                (value[lane], slope[lane]) = gathered.lane(lane).value(x[lane], self.bound);
            }
            store(&mut y[j..], n, &value);
            store(slopes, 1, &slope);
        }
    }
}

/// The gradient of one column, overwritten, and what its rows add to the sums of their pieces.
struct Backward<'a, F> {
    dx: &'a mut [F],         // [B, n]
    sums: &'a mut [Sums<F>], // of each piece
    dy: &'a [F],             // [B, n]
    d_log_det: &'a [F],      // [B]
    x: &'a [F],              // [B, n]
    inner: &'a [F],
    pieces: &'a [Piece<F>],
    bound: F,
    column: (usize, usize),
}

impl<F: Scalar> Loop for Backward<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (j, n) = self.column;
        let rows = self.x.chunks(LANES * n).zip(self.dy.chunks(LANES * n)).zip(self.d_log_det.chunks(LANES));
        for (((x, dy), dl), dx) in rows.zip(self.dx.chunks_mut(LANES * n)) {
            let (x, dy, dl) = (load(&x[j..], n), load(&dy[j..], n), load(dl, 1));
            let gathered = Gathered::new(self.pieces, self.inner, &x);
            let (mut d_x, mut parts) = ([F::zero(); LANES], [[F::zero(); LANES]; 8]);
            for lane in 0..LANES {
                let part;
                (d_x[lane], part) = gathered.lane(lane).backward(x[lane], self.bound, dy[lane], dl[lane]);
                parts.iter_mut().zip(part).for_each(|(to, v)| to[lane] = v);
            }
            store(&mut dx[j..], n, &d_x);
            for (lane, k) in locate(self.inner, &x).into_iter().enumerate() {
                let sums = &mut self.sums[k as usize];
                sums.iter_mut().zip(&parts).for_each(|(sum, part)| *sum += part[lane]);
            }
        }
    }
}

impl Splines {
    pub(super) fn new(layout: &mut Layout, name: &str, dim: usize, bins: usize, bound: f64) -> Self {
        let raw = layout.push(format!("{name}.spline"), dim, raw_len(bins));
        Self { dim, bins, bound, raw }
    }

    pub(super) fn init<F: Scalar>(&self, params: &mut [F]) {
        params[self.raw.range()].fill(F::zero());
    }

    pub(super) fn workspace<F: Scalar>(&self, batch: usize) -> SplinesWorkspace<F> {
        let knots = vec![F::zero(); self.dim * knots_len(self.bins)];
        SplinesWorkspace {
            d_knots: knots.clone(),
            knots,
            pieces: vec![Piece::default(); self.dim * self.bins],
            sums: vec![[F::zero(); 8]; self.dim * self.bins],
            slopes: vec![F::zero(); batch],
        }
    }

    fn fill_pieces<F: Scalar>(&self, params: &[F], ws: &mut SplinesWorkspace<F>) {
        let raw = params[self.raw.range()].chunks_exact(raw_len(self.bins));
        let knots = ws.knots.chunks_exact_mut(knots_len(self.bins));
        for ((knots, raw), pieces) in knots.zip(raw).zip(ws.pieces.chunks_exact_mut(self.bins)) {
            fill_knots(knots, raw, self.bins, F::of(self.bound));
            for (k, piece) in pieces.iter_mut().enumerate() {
                *piece = Piece::between(knots, self.bins, k);
            }
        }
    }

    pub(super) fn forward<F: Scalar>(
        &self,
        y: &mut [F],
        log_det: &mut [F],
        params: &[F],
        x: &[F],
        ws: &mut SplinesWorkspace<F>,
    ) {
        self.fill_pieces(params, ws);
        let (n, bins, bound) = (self.dim, self.bins, F::of(self.bound));
        let slopes = &mut ws.slopes[..log_det.len()];
        for j in 0..n {
            let inner = &ws.knots[j * knots_len(bins)..][1..bins];
            let pieces = &ws.pieces[j * bins..][..bins];
            wide(Forward { y, slopes, x, inner, pieces, bound, column: (j, n) });
            VecMath::ln(slopes);
            log_det.iter_mut().zip(&*slopes).for_each(|(l, &s)| *l += s);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the signature of every layer")]
    pub(super) fn backward_overwrite_dx<F: Scalar>(
        &self,
        accumulate: Accumulate,
        grad: &mut [F],
        dx: &mut [F],
        params: &[F],
        dy: &[F],
        d_log_det: &[F],
        x: &[F],
        ws: &mut SplinesWorkspace<F>,
    ) {
        let (n, bins, bound) = (self.dim, self.bins, F::of(self.bound));
        ws.d_knots.fill(F::zero());
        ws.sums.fill([F::zero(); 8]);
        for j in 0..n {
            let inner = &ws.knots[j * knots_len(bins)..][1..bins];
            let pieces = &ws.pieces[j * bins..][..bins];
            let sums = &mut ws.sums[j * bins..][..bins];
            wide(Backward { dx, sums, dy, d_log_det, x, inner, pieces, bound, column: (j, n) });
        }
        let (knots_len, raw_len) = (knots_len(bins), raw_len(bins));
        let d_raw = accumulate.start(grad, self.raw);
        for j in 0..n {
            let d_knots = &mut ws.d_knots[j * knots_len..][..knots_len];
            let pieces = ws.pieces[j * bins..][..bins].iter().zip(&ws.sums[j * bins..]);
            for (k, (piece, &sums)) in pieces.enumerate() {
                piece.add_to_knots(d_knots, bins, k, sums);
            }
            let raw = &params[self.raw.range()][j * raw_len..][..raw_len];
            let d_raw = &mut d_raw[j * raw_len..][..raw_len];
            let knots = &ws.knots[j * knots_len..][..knots_len];
            fill_knots_backward(d_raw, d_knots, raw, knots, bins, bound);
        }
    }

    /// ∂y for which [`backward_overwrite_dx`](Self::backward_overwrite_dx) gives ∂x.
    pub(super) fn solve<F: Scalar>(
        &self,
        dy: &mut [F],
        dx: &[F],
        d_log_det: &[F],
        x: &[F],
        ws: &SplinesWorkspace<F>,
    ) {
        let (n, bins, bound) = (self.dim, self.bins, F::of(self.bound));
        for (i, ((dy, &dx), &x)) in dy.iter_mut().zip(dx).zip(x).enumerate() {
            let j = i % n;
            let k = find(&ws.knots[j * knots_len(bins)..][..=bins], x);
            *dy = ws.pieces[j * bins + k].solve(x, bound, dx, d_log_det[i / n]);
        }
    }

    pub(super) fn inverse<F: Scalar>(
        &self,
        x: &mut [F],
        params: &[F],
        y: &[F],
        ws: &mut SplinesWorkspace<F>,
    ) {
        self.fill_pieces(params, ws);
        let (n, bins, bound) = (self.dim, self.bins, F::of(self.bound));
        for (i, (x, &y)) in x.iter_mut().zip(y).enumerate() {
            let j = i % n;
            let heights = &ws.knots[j * knots_len(bins)..][bins + 1..][..bins + 1];
            *x = ws.pieces[j * bins + find(heights, y)].inverse(y, bound);
        }
    }
}
