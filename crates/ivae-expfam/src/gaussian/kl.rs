//! Closed-form KL between Gaussian rows, and its backward.

use ivae_num::{Formula, Functions, Scalar, each};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::GaussianForm;
use crate::block::{BLOCK, Block, Scale, blocks};
use crate::shape::assert_shape;
use crate::terms::{Places, gather_or_zero};

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

/// A block of (μ_q, log σ_q², μ_p, log σ_p²), on the stack.
struct Terms<F>([[F; BLOCK]; 4]);

impl<F: Scalar> Terms<F> {
    fn new() -> Self {
        Self([[F::zero(); BLOCK]; 4])
    }

    /// The first `block.len()` entries, overwritten; 0 where p has none.
    fn fill(
        &mut self,
        block: &Block,
        q: &ArrayView2<'_, F>,
        p: &ArrayView2<'_, F>,
        places: Places,
    ) -> [&mut [F]; 4] {
        let [q_mean, q_log_var, p_mean, p_log_var] = self.0.each_mut().map(|buf| &mut buf[..block.len()]);
        block.gather(q_mean, q, 0);
        block.gather(q_log_var, q, q.ncols() / 2);
        gather_or_zero(p_mean, block, p, places.0);
        gather_or_zero(p_log_var, block, p, places.1);
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
    let (mut terms, twice) = (Terms::new(), Twice(Scale::new(-0.5)));
    out.fill(F::zero());
    for block in blocks(rows, n) {
        let [kl, q_log_var, p_mean, p_log_var] = terms.fill(&block, &q, &p, p_form.places(n));
        each([&mut *kl], [q_log_var, p_mean, p_log_var], twice);
        block.add_row_sums(out, 0.5, kl);
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
    let (mut terms, mut d) = (Terms::new(), [F::zero(); BLOCK]);
    let (derivatives, (p_mean, p_log_var)) = (Derivatives(Scale::new(-0.5)), p_form.places(n));
    for block in blocks(rows, n) {
        let mut slopes = terms.fill(&block, &q, &p, p_form.places(n));
        let d = &mut d[..block.len()];
        block.spread(d, d_out);
        each(slopes.each_mut().map(|slope| &mut **slope), [d], derivatives);
        block.scatter_add(&mut d_q, 0, 1.0, slopes[0]);
        block.scatter_add(&mut d_q, n, 1.0, slopes[1]);
        for (first, slope) in [(p_mean, 2), (p_log_var, 3)] {
            if let Some(first) = first {
                block.scatter_add(&mut d_p, first, 1.0, slopes[slope]);
            }
        }
    }
}
