//! [`Likelihood`]: what a model needs of a member of p(x|z).

use ivae_data::{Dataset, Scaling};
use ivae_expfam::Density;
use ivae_metrics::LevelRows;
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};

use crate::error::SpecError;
use crate::theta::ThetaSpec;

/// The noise of x around f(z), for theory.
pub use ivae_expfam::Noise;

/// A parameter of the columns of x that the decoder does not give.
#[derive(Debug, Clone, PartialEq)]
pub struct FreeParameter {
    /// Its name among the parameters of the model.
    pub name: String,
    /// How many columns of x have it.
    pub columns: usize,
    /// Where it comes from, with its start.
    pub source: ThetaSpec,
    /// It never falls below this.
    pub floor: f64,
}

/// Settings of a model that suit a likelihood.
#[derive(Debug, Clone, PartialEq)]
pub struct Suited {
    /// How x is scaled.
    pub scaling: Scaling,
    /// Hidden layers of the encoder.
    pub encoder: &'static [usize],
    /// Hidden layers of the decoder.
    pub decoder: &'static [usize],
    /// Learning rate.
    pub learning_rate: f64,
    /// Passes over the training rows.
    pub epochs: usize,
}

/// A member of p(x|z). The columns of θ_x `[B, p]` are the decoder's [`outputs`](Self::outputs) f(z), then the
/// [`free_parameters`](Self::free_parameters).
///
/// Adding a likelihood is one file that implements this trait, and its line in
/// [`LikelihoodFamily`](super::LikelihoodFamily).
pub trait Likelihood<F: Scalar>: Sync {
    /// log p(x|θ_x), its rows and their derivatives.
    fn density(&self) -> &dyn Density<F>;

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

    /// Whether x may be scaled so: not where its values are categories or counts.
    fn allows(&self, scaling: Scaling) -> bool {
        let _ = scaling;
        true
    }

    /// Whether a scaling that it allows changes column `column` of x.
    fn scales(&self, column: usize) -> bool {
        let _ = column;
        true
    }

    /// Settings that suit x; `None` for those of a model of continuous x.
    fn suited(&self) -> Option<Suited> {
        None
    }

    /// Columns of the decoder's output for x of `observed` columns.
    fn outputs(&self, observed: usize) -> usize {
        observed
    }

    /// The parameters beside f(z), for a model of `observed` columns and `latents` latents.
    fn free_parameters(&self, observed: usize, latents: usize) -> Vec<FreeParameter> {
        let _ = (observed, latents);
        Vec::new()
    }

    /// Columns of what the encoder reads in place of x of `observed` columns; `None` where it reads x itself.
    fn features(&self, observed: usize) -> Option<usize> {
        let _ = observed;
        None
    }

    /// Overwrite `features` `[B, e]` with what the encoder reads in place of x `[B, d]`, such as a transform of stable
    /// variance.
    fn write_features(&self, mut features: ArrayViewMut2<'_, F>, x: ArrayView2<'_, F>) {
        features.assign(&x);
    }

    /// A crude f(z) of every row of x `[N, d]`, `[N, outputs]`, to which the decoder's linear part is fitted at the start.
    /// `None` where it is x itself, but for what [`start`](Self::start) gives.
    fn crude_outputs(&self, x: ArrayView2<'_, F>) -> Option<Array2<F>> {
        let _ = x;
        None
    }

    /// Start of the decoder's output bias and the factor of its linear part, `[d]` each, for a linear map that was
    /// fitted to x `[N, d]` itself; `None` where they need no change.
    fn start(&self, x: ArrayView2<'_, F>) -> Option<(Array1<F>, Array1<F>)> {
        let _ = x;
        None
    }

    /// Overwrite `x` `[B, d]` with the mean of p(x|θ_x); of categories, with the most probable one.
    fn mean(&self, mut x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
        let d = x.ncols();
        x.assign(&ivae_num::slices::columns(theta, 0..d));
    }

    /// Draw x `[B, d]` from θ_x. Overwrites `x`.
    fn sample(&self, x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, key: StreamKey);

    /// What u alone explains: mean log-likelihood in nats per row of `test` under independent columns given the level of
    /// u, fitted to `train`.
    fn u_only(&self, train: &Dataset<F>, test: &Dataset<F>) -> f64;

    /// The noise of x around f(z), as theory reads it.
    fn noise(&self) -> Noise;
}

/// What holds a likelihood: a variant of a registry.
pub trait Member: std::fmt::Debug + Send + Sync {
    /// The likelihood.
    fn part<F: Scalar>(&self) -> &dyn Likelihood<F>;
}

/// Check that every value of x `[N, d]` is one of `support`, as `contains` says.
///
/// # Errors
/// The first value that is not.
pub(super) fn check_support<F: Scalar>(
    likelihood: &'static str,
    support: &str,
    x: ArrayView2<'_, F>,
    contains: impl Fn(f64) -> bool,
) -> Result<(), SpecError> {
    match x.indexed_iter().find(|(_, v)| !contains(v.f64())) {
        Some(((row, column), v)) => Err(SpecError::OutsideSupport {
            likelihood,
            support: support.into(),
            row,
            column,
            value: v.f64(),
        }),
        None => Ok(()),
    }
}

/// [`Likelihood::u_only`] by a density of [`ivae_metrics`], such as [`ivae_metrics::u_only_gaussian`].
pub fn u_only<F: Scalar>(
    density: impl Fn(LevelRows<'_, F>, LevelRows<'_, F>, usize) -> f64,
    train: &Dataset<F>,
    test: &Dataset<F>,
) -> f64 {
    let levels = train.u.levels.as_ref().map_or(1, |levels| levels.names.len());
    density(level_rows(train), level_rows(test), levels)
}

fn level_rows<F: Scalar>(data: &Dataset<F>) -> LevelRows<'_, F> {
    LevelRows { x: data.x.view(), levels: data.u.levels.as_ref().map(|l| l.index.as_slice()) }
}
