//! [`Likelihood`]: what a model needs of a member of p(x|z).

use ivae_data::Dataset;
use ivae_expfam::Density;
use ivae_metrics::LevelRows;
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array1, ArrayView2, ArrayViewMut2};

use crate::error::SpecError;
use crate::theta::ThetaSpec;

/// The noise of x around f(z), for theory.
pub use ivae_expfam::Noise;

/// A member of p(x|z). The columns of θ_x `[B, p]` are the decoder's output f(z), d of them, then the
/// [`free_parameter`](Self::free_parameter) of each column of x.
///
/// Adding a likelihood is one file that implements this trait, and its line in
/// [`LikelihoodFamily`](super::LikelihoodFamily).
pub trait Likelihood<F: Scalar>: Sync {
    /// log p(x|θ_x), its rows and their derivatives.
    fn density(&self) -> &'static dyn Density<F>;

    /// Check numbers of the spec.
    ///
    /// # Errors
    /// A number outside its range.
    fn check(&self) -> Result<(), SpecError> {
        Ok(())
    }

    /// Check that x `[N, d]` lies in the support.
    ///
    /// # Errors
    /// The first value outside it, with its row and column.
    fn check_x(&self, x: ArrayView2<'_, F>) -> Result<(), SpecError> {
        let _ = x;
        Ok(())
    }

    /// Whether x may be scaled: not where its values are categories or counts.
    fn allows_scaling(&self) -> bool {
        true
    }

    /// The parameter of each column of x beside f(z), with its name: where it comes from, and its lower bound for a
    /// model of `observed` columns and `latents` latents.
    fn free_parameter(&self, observed: usize, latents: usize) -> Option<(&'static str, ThetaSpec, f64)> {
        let _ = (observed, latents);
        None
    }

    /// Start of the decoder's output bias and the factor of its linear part, `[d]` each, for a linear map that was
    /// fitted to x `[N, d]` itself; `None` where they need no change.
    fn start(&self, x: ArrayView2<'_, F>) -> Option<(Array1<F>, Array1<F>)> {
        let _ = x;
        None
    }

    /// Turn the decoder's output `[B, d]` into the mean of x, in place.
    fn mean(&self, output: ArrayViewMut2<'_, F>) {
        let _ = output;
    }

    /// Draw x `[B, d]` from θ_x. Overwrites `x`.
    fn sample(&self, x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, key: StreamKey);

    /// What u alone explains: mean log-likelihood in nats per row of `test` under independent columns given the level of
    /// u, fitted to `train`.
    fn u_only(&self, train: &Dataset<F>, test: &Dataset<F>) -> f64;

    /// The noise of x around f(z), as theory reads it.
    fn noise(&self) -> Noise;
}

/// [`Likelihood::u_only`] by a density of [`ivae_metrics`], such as [`ivae_metrics::u_only_gaussian`].
pub fn u_only<F: Scalar>(
    density: fn(LevelRows<'_, F>, LevelRows<'_, F>, usize) -> f64,
    train: &Dataset<F>,
    test: &Dataset<F>,
) -> f64 {
    let levels = train.u.levels.as_ref().map_or(1, |levels| levels.names.len());
    density(level_rows(train), level_rows(test), levels)
}

fn level_rows<F: Scalar>(data: &Dataset<F>) -> LevelRows<'_, F> {
    LevelRows { x: data.x.view(), levels: data.u.levels.as_ref().map(|l| l.index.as_slice()) }
}
