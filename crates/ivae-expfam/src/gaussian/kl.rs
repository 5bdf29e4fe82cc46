//! Closed-form KL between Gaussian rows, and its backward.

use ivae_num::{Scalar, vecmath::VecMath};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::GaussianForm;
use crate::block::{BLOCK, Block, blocks, exp_scaled};
use crate::shape::assert_shape;

/// What KL(q ‖ p) and its derivatives need of a block.
struct Terms<F> {
    /// log σ_q² − log σ_p².
    log_ratio: [F; BLOCK],
    /// σ_q² / σ_p².
    ratio: [F; BLOCK],
    /// (μ_q − μ_p) / σ_p.
    shift: [F; BLOCK],
    /// 1 / σ_p.
    inv_std: [F; BLOCK],
}

impl<F: Scalar> Terms<F> {
    fn new() -> Self {
        let zero = [F::zero(); BLOCK];
        Self { log_ratio: zero, ratio: zero, shift: zero, inv_std: zero }
    }

    /// Overwrites the first `block.len()` entries.
    fn fill(
        &mut self,
        block: &Block,
        q_mean: &ArrayView2<'_, F>,
        q_log_var: &ArrayView2<'_, F>,
        p_mean: &Option<ArrayView2<'_, F>>,
        p_log_var: &Option<ArrayView2<'_, F>>,
    ) {
        let len = block.len();
        let (log_ratio, ratio) = (&mut self.log_ratio[..len], &mut self.ratio[..len]);
        let (shift, inv_std) = (&mut self.shift[..len], &mut self.inv_std[..len]);
        block.gather(log_ratio, q_log_var);
        block.gather(shift, q_mean);
        if let Some(p_mean) = p_mean {
            block.gather(ratio, p_mean);
            shift.iter_mut().zip(&*ratio).for_each(|(shift, &mean)| *shift -= mean);
        }
        if let Some(p_log_var) = p_log_var {
            block.gather(ratio, p_log_var);
            log_ratio.iter_mut().zip(&*ratio).for_each(|(log_ratio, &log_var)| *log_ratio -= log_var);
            exp_scaled(inv_std, -0.5, ratio);
            shift.iter_mut().zip(&*inv_std).for_each(|(shift, &s)| *shift *= s);
        } else {
            inv_std.fill(F::one());
        }
        ratio.copy_from_slice(log_ratio);
        <F as VecMath>::exp(ratio);
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
    let (q_mean, q_log_var) = q.split_at(ndarray::Axis(1), n);
    let (p_mean, p_log_var) = p_form.split(p, n);
    let mut terms = Terms::new();

    out.fill(F::zero());
    for block in blocks(rows, n) {
        terms.fill(&block, &q_mean, &q_log_var, &p_mean, &p_log_var);
        let (ratio, log_ratio) = (&mut terms.ratio[..block.len()], &terms.log_ratio[..block.len()]);
        for ((ratio, &log_ratio), &shift) in ratio.iter_mut().zip(log_ratio).zip(&terms.shift) {
            *ratio = (*ratio - F::one() - log_ratio) + shift * shift;
        }
        block.add_row_sums(out, F::of(0.5), ratio);
    }
}

/// Backward of [`gaussian_kl`] for the cotangents `d_out` `[B]`. Adds to `d_q` `[B, 2n]` and to `d_p` (as `p`).
///
/// # Panics
/// If the shapes do not fit.
pub fn gaussian_kl_backward<F: Scalar>(
    d_q: ArrayViewMut2<'_, F>,
    d_p: ArrayViewMut2<'_, F>,
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
    let (q_mean, q_log_var) = q.split_at(ndarray::Axis(1), n);
    let (p_mean, p_log_var) = p_form.split(p, n);
    let (mut d_q_mean, mut d_q_log_var) = d_q.split_at(ndarray::Axis(1), n);
    let (mut d_p_mean, mut d_p_log_var) = p_form.split_mut(d_p, n);
    let mut terms = Terms::new();

    // With r = σ_q²/σ_p², t = (μ_q − μ_p)/σ_p: ∂μ_q = t/σ_p = −∂μ_p, ∂log σ_q² = ½ (r − 1), ∂log σ_p² = ½ (1 − r − t²).
    for block in blocks(rows, n) {
        terms.fill(&block, &q_mean, &q_log_var, &p_mean, &p_log_var);
        let cols = block.cols.len();
        for (row, &d) in d_out[block.rows.clone()].iter().enumerate() {
            let half_d = F::of(0.5) * d;
            for i in row * cols..(row + 1) * cols {
                let (excess, shift) = (terms.ratio[i] - F::one(), terms.shift[i]);
                terms.ratio[i] = half_d * excess;
                terms.log_ratio[i] = -half_d * (excess + shift * shift);
                terms.shift[i] = d * shift * terms.inv_std[i];
            }
        }
        let len = block.len();
        block.scatter_add(&mut d_q_mean, F::one(), &terms.shift[..len]);
        block.scatter_add(&mut d_q_log_var, F::one(), &terms.ratio[..len]);
        if let Some(d_p_mean) = &mut d_p_mean {
            block.scatter_add(d_p_mean, -F::one(), &terms.shift[..len]);
        }
        if let Some(d_p_log_var) = &mut d_p_log_var {
            block.scatter_add(d_p_log_var, F::one(), &terms.log_ratio[..len]);
        }
    }
}
