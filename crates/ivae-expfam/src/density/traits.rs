//! [`Density`] and [`Reparam`]: rows of parameters and values in, rows of log-densities and derivatives out.

use std::fmt::Debug;

use ivae_num::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};

/// A conditional density of n independent components, `log p(v | θ) = Σᵢ log p(vᵢ | θᵢ)`, row by row.
///
/// Prior, posterior and likelihood are all of this kind; where their parameters come from is not its concern.
/// Views may have any strides (a column block of a wider array, a row broadcast over the batch).
///
/// # Panics
/// Every method panics if the shapes do not fit.
pub trait Density<F: Scalar>: Debug + Send + Sync {
    /// Columns p of θ for n components.
    fn width(&self, n: usize) -> usize;

    /// Log-density in nats of every row of `v` `[B, n]` under the same row of `theta` `[B, p]`.
    /// Overwrites `out` `[B]`. Outside the support it is −∞; NaN goes through.
    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>);

    /// Backward of [`log_prob`](Density::log_prob) for the cotangents `d_out` `[B]`.
    /// Adds to `d_theta` `[B, p]` and to `d_v` `[B, n]`, if given.
    fn log_prob_backward(
        &self,
        d_theta: Option<ArrayViewMut2<'_, F>>,
        d_v: Option<ArrayViewMut2<'_, F>>,
        theta: ArrayView2<'_, F>,
        v: ArrayView2<'_, F>,
        d_out: &[F],
    );
}

/// A density whose samples are a differentiable function of θ and of standard normal noise
/// (Kingma and Welling 2014, section 2.4).
///
/// # Panics
/// Every method panics if the shapes do not fit.
pub trait Reparam<F: Scalar>: Density<F> {
    /// A sample per row from `theta` `[B, p]` and `noise` `[B, n]`. Overwrites `z` `[B, n]`.
    fn sample(&self, z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, noise: ArrayView2<'_, F>);

    /// Backward of [`sample`](Reparam::sample) for the cotangents `dz` `[B, n]`. Adds to `d_theta` `[B, p]`.
    fn sample_backward(
        &self,
        d_theta: ArrayViewMut2<'_, F>,
        theta: ArrayView2<'_, F>,
        noise: ArrayView2<'_, F>,
        dz: ArrayView2<'_, F>,
    );

    /// The mean of every row. Overwrites `z` `[B, n]`.
    fn mean(&self, z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>);
}
