//! Closed-form KL between Gaussian rows, and its backward.

use ivae_num::{Formula, Functions, Scalar, each};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::form::GaussianForm;
use crate::density::location_scale::{FirstColumns, gather_or_zero};
use crate::density::scale::Scale;
use crate::density::shape::assert_shape;
use crate::density::tile::{TILE_LEN, Tile, tiles};

/// μ_q → twice KL.
#[derive(Clone, Copy)]
struct Twice<F>(Scale<F>);

impl<F: Scalar> Formula<F, 1, 3> for Twice<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [q_mean]: [F; 1], [q_log_var, p_mean, p_log_var]: [F; 3]) -> [F; 1] {
        let log_ratio = q_log_var - p_log_var;
        let shift = (q_mean - p_mean) * self.0.at::<M>(p_log_var);
        [(M::exp(log_ratio) - F::one() - log_ratio) + shift * shift]
    }
}

/// (μ_q, log σ_q², μ_p, log σ_p²) → d times the derivatives in each: with r = σ_q²/σ_p², t = (μ_q − μ_p)/σ_p, these are
/// t/σ_p, ½ (r − 1), −t/σ_p, ½ (1 − r − t²).
#[derive(Clone, Copy)]
struct Derivatives<F>(Scale<F>);

impl<F: Scalar> Formula<F, 4, 1> for Derivatives<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, x: [F; 4], [d]: [F; 1]) -> [F; 4] {
        let [q_mean, q_log_var, p_mean, p_log_var] = x;
        let inverse = self.0.at::<M>(p_log_var);
        let (excess, shift) = (M::exp(q_log_var - p_log_var) - F::one(), (q_mean - p_mean) * inverse);
        let (slope, half_d) = (d * shift * inverse, F::of(0.5) * d);
        [slope, half_d * excess, -slope, -half_d * (excess + shift * shift)]
    }
}

/// Buffers for a tile of (μ_q, log σ_q², μ_p, log σ_p²), on the stack.
struct KlBuffer<F>([[F; TILE_LEN]; 4]);

impl<F: Scalar> KlBuffer<F> {
    fn new() -> Self {
        Self([[F::zero(); TILE_LEN]; 4])
    }

    /// Overwrites the first `tile.len()` entries of each buffer; 0 where p has none.
    fn fill(
        &mut self,
        tile: &Tile,
        q: &ArrayView2<'_, F>,
        p: &ArrayView2<'_, F>,
        first: FirstColumns,
    ) -> [&mut [F]; 4] {
        let [q_mean, q_log_var, p_mean, p_log_var] = self.0.each_mut().map(|buf| &mut buf[..tile.len()]);
        tile.gather(q_mean, q, 0);
        tile.gather(q_log_var, q, q.ncols() / 2);
        gather_or_zero(p_mean, tile, p, first.0);
        gather_or_zero(p_log_var, tile, p, first.1);
        [q_mean, q_log_var, p_mean, p_log_var]
    }
}

/// KL(q ‖ p) in nats of every row. Overwrites `out` `[B]`.
///
/// `q` `[B, 2n]` is mean | log_var; `p` `[B, p_form.width(n)]` is θ of the form `p_form`. Per component
/// ½ (σ_q²/σ_p² − 1 − log(σ_q²/σ_p²) + (μ_q − μ_p)²/σ_p²) (Kingma and Welling 2014, appendix B, for p = N(0, 1)).
///
/// # Panics
/// If the shapes do not fit.
pub fn gaussian_kl<F: Scalar>(
    out: &mut [F],
    q: ArrayView2<'_, F>,
    p_form: GaussianForm,
    p: ArrayView2<'_, F>,
) {
    let (rows, n) = (q.nrows(), q.ncols() / 2);
    assert_shape("q", &q, rows, 2 * n);
    assert_shape("p", &p, rows, p_form.width(n));
    assert_eq!(out.len(), rows, "out has {} entries, q {rows} rows", out.len());
    let (mut buffer, twice) = (KlBuffer::new(), Twice(Scale::new(-0.5)));
    out.fill(F::zero());
    for tile in tiles(rows, n) {
        let [kl, q_log_var, p_mean, p_log_var] = buffer.fill(&tile, &q, &p, p_form.first_columns(n));
        each([&mut *kl], [q_log_var, p_mean, p_log_var], twice);
        tile.add_row_sums(out, 0.5, kl);
    }
}

/// Backward of [`gaussian_kl`] for the cotangents `d_out` `[B]`. Adds to `d_q` `[B, 2n]` and to `d_p` (as `p`).
///
/// # Panics
/// If the shapes do not fit.
pub fn gaussian_kl_backward<F: Scalar>(
    mut d_q: ArrayViewMut2<'_, F>,
    mut d_p: ArrayViewMut2<'_, F>,
    q: ArrayView2<'_, F>,
    p_form: GaussianForm,
    p: ArrayView2<'_, F>,
    d_out: &[F],
) {
    let (rows, n) = (q.nrows(), q.ncols() / 2);
    assert_shape("q", &q, rows, 2 * n);
    assert_shape("p", &p, rows, p_form.width(n));
    assert_shape("d_q", &d_q.view(), rows, 2 * n);
    assert_shape("d_p", &d_p.view(), rows, p_form.width(n));
    assert_eq!(d_out.len(), rows, "d_out has {} entries, q {rows} rows", d_out.len());
    let (mut buffer, mut d) = (KlBuffer::new(), [F::zero(); TILE_LEN]);
    let (derivatives, (p_mean, p_log_var)) = (Derivatives(Scale::new(-0.5)), p_form.first_columns(n));
    for tile in tiles(rows, n) {
        let mut slopes = buffer.fill(&tile, &q, &p, p_form.first_columns(n));
        let d = &mut d[..tile.len()];
        tile.spread(d, d_out);
        each(slopes.each_mut().map(|slope| &mut **slope), [d], derivatives);
        tile.scatter_add(&mut d_q, 0, 1.0, slopes[0]);
        tile.scatter_add(&mut d_q, n, 1.0, slopes[1]);
        for (first, slope) in [(p_mean, 2), (p_log_var, 3)] {
            if let Some(first) = first {
                tile.scatter_add(&mut d_p, first, 1.0, slopes[slope]);
            }
        }
    }
}
