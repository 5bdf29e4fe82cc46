//! The product of the encoder's Gaussian factor and a Gaussian prior.

use ivae_num::{Scalar, vecmath::VecMath};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::form::GaussianForm;

/// N(μ_q, σ_q²) ∝ N(μ_e, σ_e²) N(μ_p, σ_p²): precisions add, and the mean is weighted by them.
///
/// Overwrites `theta_q` `[B, 2n]` (mean | log-variance), and `weight` `[B n]` with the encoder's share of the
/// precision, w = σ_q²/σ_e². `theta_e` has mean | log-variance of the encoder's factor in its first 2n columns,
/// `theta_p` the prior's parameters; `scratch` is `[B n]`.
pub fn product<F: Scalar>(
    mut theta_q: ArrayViewMut2<'_, F>,
    weight: &mut [F],
    theta_e: ArrayView2<'_, F>,
    form: GaussianForm,
    theta_p: ArrayView2<'_, F>,
    scratch: &mut [F],
) {
    let n = theta_q.ncols() / 2;
    let (mean, log_var) = form.first_columns(n);
    let at =
        |row: usize, column: Option<usize>, i: usize| column.map_or(F::zero(), |c| theta_p[[row, c + i]]);
    for (row, weight) in weight.chunks_exact_mut(n).enumerate() {
        for (i, w) in weight.iter_mut().enumerate() {
            *w = at(row, log_var, i) - theta_e[[row, n + i]];
        }
    }
    // w = σ(log σ_p² − log σ_e²), log σ_q² = log σ_e² − log(1 + σ_e²/σ_p²).
    scratch.iter_mut().zip(&*weight).for_each(|(s, &w)| *s = -w);
    <F as VecMath>::softplus(scratch);
    <F as VecMath>::sigmoid(weight);
    for (row, (weight, excess)) in weight.chunks_exact(n).zip(scratch.chunks_exact(n)).enumerate() {
        for i in 0..n {
            let prior = at(row, mean, i);
            theta_q[[row, i]] = prior + weight[i] * (theta_e[[row, i]] - prior);
            theta_q[[row, n + i]] = theta_e[[row, n + i]] - excess[i];
        }
    }
}

/// Backward of [`product`] for the cotangents `d_q` `[B, 2n]`. Adds to the first 2n columns of `d_e` and to `d_p`.
pub fn product_backward<F: Scalar>(
    mut d_e: ArrayViewMut2<'_, F>,
    mut d_p: ArrayViewMut2<'_, F>,
    weight: &[F],
    theta_e: ArrayView2<'_, F>,
    form: GaussianForm,
    theta_p: ArrayView2<'_, F>,
    d_q: ArrayView2<'_, F>,
) {
    let n = d_q.ncols() / 2;
    let (mean, log_var) = form.first_columns(n);
    for (row, weight) in weight.chunks_exact(n).enumerate() {
        for (i, &w) in weight.iter().enumerate() {
            let (d_mean, d_log_var) = (d_q[[row, i]], d_q[[row, n + i]]);
            let prior = mean.map_or(F::zero(), |c| theta_p[[row, c + i]]);
            let rest = F::one() - w;
            // What moves weight from the prior to the encoder moves the mean.
            let d_shift = w * rest * (theta_e[[row, i]] - prior) * d_mean;
            d_e[[row, i]] += w * d_mean;
            d_e[[row, n + i]] += w * d_log_var - d_shift;
            if let Some(c) = mean {
                d_p[[row, c + i]] += rest * d_mean;
            }
            if let Some(c) = log_var {
                d_p[[row, c + i]] += rest * d_log_var + d_shift;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, arr2};

    use super::super::form::GaussianForm;
    use super::*;

    /// N(1, 4) · N(−2, 0.5), against precisions added by hand.
    #[test]
    fn precisions_add() {
        let theta_e = arr2(&[[1.0, 4.0f64.ln()]]);
        let theta_p = arr2(&[[-2.0, 0.5f64.ln()]]);
        let (mut theta_q, mut weight, mut scratch) = (Array2::zeros((1, 2)), [0.0], [0.0]);
        let mut of = |form, theta_p: ArrayView2<'_, f64>| {
            product(theta_q.view_mut(), &mut weight, theta_e.view(), form, theta_p, &mut scratch);
            (theta_q[[0, 0]], theta_q[[0, 1]].exp())
        };
        let cases = [
            (of(GaussianForm::MeanVar, theta_p.view()), (-2.0, 0.5)),
            (of(GaussianForm::Var, theta_p.view().split_at(ndarray::Axis(1), 1).1), (0.0, 0.5)),
            (of(GaussianForm::Mean, theta_p.view().split_at(ndarray::Axis(1), 1).0), (-2.0, 1.0)),
        ];
        for ((mean, variance), (prior_mean, prior_variance)) in cases {
            let precision = 0.25 + 1.0 / prior_variance;
            assert!((variance - 1.0 / precision).abs() < 1e-14);
            assert!((mean - (0.25 + prior_mean / prior_variance) / precision).abs() < 1e-14);
        }
    }
}
