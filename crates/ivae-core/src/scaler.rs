//! [`Scaler`]: the map between x as given and x as the model sees it.

use ivae_data::{DataError, Dataset, Standardiser, Whitener};
use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2};

use crate::spec::Scaling;

/// The map between x as given `[N, d]` and x as the model sees it `[N, r]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Scaler<F> {
    /// The identity.
    None,
    /// Every column to mean 0 and standard deviation 1.
    Standardise(Standardiser<F>),
    /// Principal components of unit variance.
    Whiten(Whitener<F>),
}

impl<F: Scalar> Scaler<F> {
    /// Fit to x `[N, d]`.
    ///
    /// # Errors
    /// A constant column, or a covariance that cannot be decomposed.
    pub fn fit(scaling: Scaling, x: ArrayView2<'_, F>) -> Result<Self, DataError> {
        Ok(match scaling {
            Scaling::None => Self::None,
            Scaling::Standardise => Self::Standardise(Standardiser::fit(x)?),
            Scaling::Whiten => Self::Whiten(Whitener::fit(x, None)?),
        })
    }

    /// x as the model sees it.
    pub fn apply(&self, x: ArrayView2<'_, F>) -> Array2<F> {
        match self {
            Self::None => x.to_owned(),
            Self::Standardise(s) => s.apply(x),
            Self::Whiten(w) => w.apply(x),
        }
    }

    /// x as given.
    pub fn invert(&self, x: ArrayView2<'_, F>) -> Array2<F> {
        match self {
            Self::None => x.to_owned(),
            Self::Standardise(s) => s.invert(x),
            Self::Whiten(w) => w.invert(x),
        }
    }

    /// log |det| of the map: what a log-density of scaled x lacks to be one of x. For a whitening that dropped null
    /// directions, of its restriction to the directions kept.
    pub fn log_abs_det(&self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Standardise(s) => s.log_abs_det(),
            Self::Whiten(w) => w.variances.iter().map(|v| -0.5 * v.f64().ln()).sum(),
        }
    }

    /// x as the model sees it, in the memory of x.
    pub fn apply_owned(&self, x: Array2<F>) -> Array2<F> {
        match self {
            Self::None => x,
            Self::Standardise(s) => s.apply_owned(x),
            Self::Whiten(w) => w.apply_owned(x),
        }
    }

    /// The data as the model sees them, in the memory that they have.
    pub(crate) fn scale(&self, data: Dataset<F>) -> Dataset<F> {
        let x = self.apply_owned(data.x);
        let x_names = (1..=x.ncols()).map(|j| format!("x{j}")).collect();
        Dataset { x, x_names, u: data.u, s: None }
    }
}
