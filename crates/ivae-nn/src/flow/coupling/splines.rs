//! A spline for each row and changed column, all its numbers from the network (Durkan et al. 2019, §3.1).

use ivae_num::Scalar;
use ivae_num::vecmath::VecMath;

use super::Changed;
use crate::flow::spline::{Piece, fill_knots, fill_knots_backward, find, knots_len, raw_len};

#[derive(Debug, Clone)]
pub(super) struct RowSplines<F> {
    bins: usize,
    bound: F,
    knots: Vec<F>,   // [B, m, 3 (K + 1)]
    d_knots: Vec<F>, // the gradient of one spline's
    slope: Vec<F>,   // y′ [B, m], then its logarithm
}

impl<F: Scalar> RowSplines<F> {
    pub(super) fn new(batch: usize, m: usize, bins: usize, bound: f64) -> Self {
        let zeros = |len| vec![F::zero(); len];
        Self {
            bins,
            bound: F::of(bound),
            knots: zeros(batch * m * knots_len(bins)),
            d_knots: zeros(knots_len(bins)),
            slope: zeros(batch * m),
        }
    }

    /// Overwrite the knots with those of the splines `out` `[B, m, 3K + 1]`.
    fn fill(&mut self, out: &[F]) {
        let knots = self.knots.chunks_exact_mut(knots_len(self.bins));
        for (knots, raw) in knots.zip(out.chunks_exact(raw_len(self.bins))) {
            fill_knots(knots, raw, self.bins, self.bound);
        }
    }

    /// `y` holds x.
    pub(super) fn forward(&mut self, y: &mut [F], log_det: &mut [F], out: &[F], changed: Changed) {
        self.fill(out);
        let (bins, bound, m) = (self.bins, self.bound, changed.m);
        let slopes = &mut self.slope[..log_det.len() * m];
        let splines = slopes.iter_mut().zip(self.knots.chunks_exact(knots_len(bins)));
        for (y, (slope, knots)) in changed.rows_mut(y).flatten().zip(splines) {
            let piece = Piece::between(knots, bins, find(&knots[..=bins], *y));
            (*y, *slope) = piece.value(*y, bound);
        }
        VecMath::ln(slopes);
        for (b, log_det) in log_det.iter_mut().enumerate() {
            *log_det += slopes[b * m..][..m].iter().copied().sum();
        }
    }

    /// Overwrite `dx`, which holds ∂y, with ∂x, and `d_out` with ∂out.
    pub(super) fn backward_overwrite(
        &mut self,
        dx: &mut [F],
        d_out: &mut [F],
        d_log_det: &[F],
        x: &[F],
        out: &[F],
        changed: Changed,
    ) {
        let (bins, bound) = (self.bins, self.bound);
        let mut splines = (self.knots.chunks_exact(knots_len(bins)))
            .zip(out.chunks_exact(raw_len(bins)).zip(d_out.chunks_exact_mut(raw_len(bins))));
        for ((dx, x), &dl) in changed.rows_mut(dx).zip(changed.rows(x)).zip(d_log_det) {
            for ((dx, &x), (knots, (raw, d_raw))) in dx.iter_mut().zip(x).zip(&mut splines) {
                let k = find(&knots[..=bins], x);
                let piece = Piece::between(knots, bins, k);
                let sums;
                (*dx, sums) = piece.backward(x, bound, *dx, dl);
                self.d_knots.fill(F::zero());
                piece.add_to_knots(&mut self.d_knots, bins, k, sums);
                d_raw.fill(F::zero());
                fill_knots_backward(d_raw, &mut self.d_knots, raw, knots, bins, bound);
            }
        }
    }

    /// `dy` holds ∂x, and then the ∂y for which [`backward_overwrite`](Self::backward_overwrite) gives it.
    pub(super) fn solve(&self, dy: &mut [F], d_log_det: &[F], x: &[F], changed: Changed) {
        let bins = self.bins;
        let mut splines = self.knots.chunks_exact(knots_len(bins));
        for ((dy, x), &dl) in changed.rows_mut(dy).zip(changed.rows(x)).zip(d_log_det) {
            for ((dy, &x), knots) in dy.iter_mut().zip(x).zip(&mut splines) {
                let piece = Piece::between(knots, bins, find(&knots[..=bins], x));
                *dy = piece.solve(x, self.bound, *dy, dl);
            }
        }
    }

    /// `x` holds y.
    pub(super) fn inverse(&mut self, x: &mut [F], out: &[F], changed: Changed) {
        self.fill(out);
        let bins = self.bins;
        let splines = self.knots.chunks_exact(knots_len(bins));
        for (x, knots) in changed.rows_mut(x).flatten().zip(splines) {
            let k = find(&knots[bins + 1..=2 * bins + 1], *x);
            *x = Piece::between(knots, bins, k).inverse(*x, self.bound);
        }
    }
}
