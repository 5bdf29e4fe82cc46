//! [`LinearMap`]: the fitted form of the linear models (FastICA, AJD, SOBI, PCA).

use ivae_data::Dataset;
use ivae_ica::{Ajd, FastIca, FittedIca, IcaError, Pca, Sobi};
use ivae_num::Scalar;
use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::spec::{FitSpec, ModelKind};

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

/// A fitted linear model and how it got there.
#[derive(Debug, Clone)]
pub struct LinearFit<F> {
    /// The map.
    pub map: LinearMap<F>,
    /// Iterations taken.
    pub iterations: usize,
    /// Whether the iteration converged.
    pub converged: bool,
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
}

impl<F> From<FittedIca<F>> for LinearFit<F> {
    fn from(fitted: FittedIca<F>) -> Self {
        Self {
            map: LinearMap { mean: fitted.mean, unmixing: fitted.unmixing, mixing: fitted.mixing },
            iterations: fitted.iterations,
            converged: fitted.converged,
        }
    }
}

/// Fit the linear model of `spec`.
pub(crate) fn fit_linear<F: Scalar>(spec: &FitSpec, data: &Dataset<F>) -> Result<LinearFit<F>, IcaError> {
    let (x, n) = (data.x.view(), spec.latents);
    if let (ModelKind::Ajd, Some(levels)) = (spec.model, data.u.levels()) {
        return Ok(Ajd { components: Some(n), ..Ajd::default() }.fit(x, &levels.index)?.into());
    }
    if spec.model == ModelKind::Sobi {
        let sobi = Sobi { components: Some(n), lags: spec.lags.clone(), ..Sobi::default() };
        return Ok(sobi.fit(x)?.into());
    }
    if spec.model == ModelKind::FastIca {
        let fastica = FastIca { components: Some(n), seed: spec.seed, ..FastIca::default() };
        return Ok(fastica.fit(x)?.into());
    }
    let fitted = Pca::fit(x, Some(n))?;
    let std = fitted.variances.mapv(F::sqrt).insert_axis(Axis(1));
    let mixing = (&fitted.components * &std).reversed_axes();
    let unmixing = fitted.whitening();
    Ok(LinearFit { map: LinearMap { mean: fitted.mean, unmixing, mixing }, iterations: 1, converged: true })
}
