//! [`LinearMap`]: the fitted form of the linear models, and of a linear step.

use ivae_ica::FittedIca;
use ivae_num::Scalar;
use ndarray::{Array1, Array2, ArrayView2};

use crate::arrays::{ArrayReader, NamedArray, matrix, vector};
use crate::batch::Batch;
use crate::model::trained::TrainedModel;

/// z = (x − mean) unmixingᵀ, x = z mixingᵀ + mean.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearMap<F> {
    /// `[d]`.
    pub mean: Array1<F>,
    /// `[n, d]`.
    pub unmixing: Array2<F>,
    /// `[d, n]`.
    pub mixing: Array2<F>,
}

impl<F: Scalar> LinearMap<F> {
    /// z `[N, n]` of x `[N, d]`.
    pub fn transform(&self, x: ArrayView2<'_, F>) -> Array2<F> {
        (&x - &self.mean).dot(&self.unmixing.t())
    }

    /// x `[N, d]` of z `[N, n]`.
    pub fn inverse_transform(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        z.dot(&self.mixing.t()) + &self.mean
    }

    /// The arrays of the map, their names after `prefix`.
    pub(crate) fn named_arrays(&self, prefix: &str) -> Vec<NamedArray<F>> {
        let at = |part: &str| format!("{prefix}{part}");
        vec![
            vector(at("mean"), &self.mean),
            matrix(at("unmixing"), &self.unmixing),
            matrix(at("mixing"), &self.mixing),
        ]
    }

    /// The map from d to n columns that [`named_arrays`](Self::named_arrays) wrote.
    pub(crate) fn read(arrays: &ArrayReader<'_>, prefix: &str, n: usize, d: usize) -> Result<Self, String> {
        let at = |part: &str| format!("{prefix}{part}");
        Ok(Self {
            mean: arrays.vector(&at("mean"), d)?,
            unmixing: arrays.matrix(&at("unmixing"), n, d)?,
            mixing: arrays.matrix(&at("mixing"), d, n)?,
        })
    }
}

impl<F> From<FittedIca<F>> for LinearMap<F> {
    fn from(fitted: FittedIca<F>) -> Self {
        Self { mean: fitted.mean, unmixing: fitted.unmixing, mixing: fitted.mixing }
    }
}

impl<F: Scalar> TrainedModel<F> for LinearMap<F> {
    fn kind(&self) -> &'static str {
        "linear"
    }

    fn encode(&self, batch: Batch<'_, F>) -> Array2<F> {
        self.transform(batch.x)
    }

    fn decode(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        self.inverse_transform(z)
    }

    fn arrays(&self) -> Vec<NamedArray<F>> {
        self.named_arrays("")
    }

    fn scaled_columns(&self) -> usize {
        self.mean.len()
    }

    fn clone_box(&self) -> Box<dyn TrainedModel<F>> {
        Box::new(self.clone())
    }
}
