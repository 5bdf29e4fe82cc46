//! [`Scaler`]: the map between x as given and x as the model sees it.

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::{DataError, Dataset, Standardiser, Whitener};

/// How x is scaled before the model sees it; undone on the way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// As it is.
    None,
    /// Every column to mean 0 and standard deviation 1.
    Standardise,
    /// Every column to mean 0, and all divided by the same number, so that their mean variance is 1: for columns of one
    /// unit, which are those whose standard deviations lie within a factor of ten. Otherwise as
    /// [`Standardise`](Scaling::Standardise).
    SharedScale,
    /// Principal components of unit variance (null directions dropped).
    Whiten,
}

/// The map between x as given `[N, d]` and x as the model sees it `[N, r]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Scaler<F> {
    /// The identity.
    None,
    /// Every column to mean 0 and standard deviation 1, or all divided by the same number.
    Standardise(Standardiser<F>),
    /// Principal components of unit variance.
    Whiten(Whitener<F>),
}

/// Columns whose standard deviations differ by more than this factor are not taken for columns of one unit.
const ONE_UNIT: f64 = 10.0;

/// One scale for all columns, if they may be of one unit.
fn shared_scale<F: Scalar>(mut standardiser: Standardiser<F>) -> Standardiser<F> {
    let std = || standardiser.std.iter().map(|v| v.f64());
    let (least, most) = std().fold((f64::INFINITY, 0.0), |(least, most), v| (v.min(least), v.max(most)));
    if most <= ONE_UNIT * least {
        let mean_variance = std().map(|v| v * v).sum::<f64>() / standardiser.std.len() as f64;
        standardiser.std.fill(F::of(mean_variance.sqrt()));
    }
    standardiser
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
            Scaling::SharedScale => Self::Standardise(shared_scale(Standardiser::fit(x)?)),
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

    /// The data as the model sees them, in the memory that they have, without s.
    pub fn scale(&self, data: Dataset<F>) -> Dataset<F> {
        let x = self.apply_owned(data.x);
        let x_names = (1..=x.ncols()).map(|j| format!("x{j}")).collect();
        Dataset { x, x_names, u: data.u, s: None }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Axis, array};

    use super::*;

    #[test]
    fn columns_of_one_unit_keep_their_proportions() -> Result<(), DataError> {
        let x = array![[1.0, 10.0], [3.0, 4.0], [5.0, 1.0], [7.0, 1.0]];
        let scaler = Scaler::fit(Scaling::SharedScale, x.view())?;
        let scaled = scaler.apply(x.view());
        let (before, after) = (x.var_axis(Axis(0), 0.0), scaled.var_axis(Axis(0), 0.0));
        assert!((after.sum() - 2.0f64).abs() < 1e-12);
        assert!((after[0] / after[1] - before[0] / before[1]).abs() < 1e-12);
        assert!(scaled.mean_axis(Axis(0)).is_some_and(|m| m.iter().all(|m: &f64| m.abs() < 1e-12)));
        assert!((scaler.invert(scaled.view()) - &x).iter().all(|e| e.abs() < 1e-12));
        // Milliseconds beside kilometres.
        let apart = x * array![1e3, 1.0];
        let both = [Scaling::SharedScale, Scaling::Standardise];
        let [shared, apart] = both.map(|scaling| Scaler::fit(scaling, apart.view()));
        assert_eq!(shared?, apart?);
        Ok(())
    }
}
