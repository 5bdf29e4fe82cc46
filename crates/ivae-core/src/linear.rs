//! [`LinearMap`]: the fitted form of the linear models (FastICA, Picard, Infomax, AJD, SOBI, PCA).

use ivae_data::{Dataset, Split};
use ivae_ica::{Ajd, Auto, FastIca, FittedIca, Infomax, Pca, Picard, Sobi};
use ivae_num::Scalar;
use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::error::{FitError, SpecError};
use crate::fitted::{Fitted, Model, Schema};
use crate::report::{FitReport, IcaReport, Objective};
use crate::scaler::Scaler;
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

impl<F> From<FittedIca<F>> for LinearMap<F> {
    fn from(fitted: FittedIca<F>) -> Self {
        Self { mean: fitted.mean, unmixing: fitted.unmixing, mixing: fitted.mixing }
    }
}

/// Needs a linear model of segments, and u has none.
pub(crate) fn check_linear<F: Scalar>(data: &Dataset<F>, spec: &FitSpec) -> Result<(), SpecError> {
    match spec.model {
        ModelKind::Ajd if data.u.levels().is_none() => Err(SpecError::Conflict(
            "joint diagonalisation (ajd) needs a categorical u: give labels of segments, or make windows of the rows",
        )),
        _ => Ok(()),
    }
}

/// Fit the linear model of `spec`; of [`ModelKind::FastIca`], where it has not converged, Picard from where it stopped.
fn ica<F: Scalar>(spec: &FitSpec, data: &Dataset<F>) -> Result<Option<FittedIca<F>>, FitError> {
    let (x, components, seed) = (data.x.view(), Some(spec.latents), spec.seed);
    Ok(Some(match (spec.model, data.u.levels()) {
        (ModelKind::Ajd, Some(levels)) => Ajd { components, ..Ajd::default() }.fit(x, &levels.index)?,
        (ModelKind::Sobi, _) => Sobi { components, lags: spec.lags.clone(), ..Sobi::default() }.fit(x)?,
        (ModelKind::Picard, _) => Picard { components, seed, ..Picard::default() }.fit(x)?,
        (ModelKind::Infomax, _) => Infomax { components, seed, ..Infomax::default() }.fit(x)?,
        (ModelKind::FastIca, _) => {
            let fastica = FastIca { components, seed, ..FastIca::default() };
            Auto { fastica, ..Auto::default() }.fit(x)?
        }
        _ => return Ok(None),
    }))
}

/// Fit the linear model of `spec`, and say how it went.
pub(crate) fn fit_linear<F: Scalar>(
    data: &Dataset<F>,
    schema: Schema,
    spec: &FitSpec,
) -> Result<Fitted<F>, FitError> {
    let mut warnings = Vec::new();
    let (map, ica) = match ica(spec, data)? {
        Some(found) => {
            let FittedIca { method, iterations, converged, limit, tolerance, redrawn, rank, before, .. } =
                found;
            if let Some(first) = before {
                warnings.push(format!(
                    "fastica did not converge in {} iterations: these are the components of picard, from where it stopped",
                    first.iterations
                ));
            }
            if !converged {
                warnings.push(format!(
                    "{} did not converge in {iterations} iterations: {limit:.1e}, not below {tolerance:.1e}",
                    spec.model.name()
                ));
            }
            let report = IcaReport { method, iterations, converged, limit, tolerance, redrawn, rank, before };
            (found.into(), Some(report))
        }
        None => {
            let fitted = Pca::fit(data.x.view(), Some(spec.latents))?;
            let std = fitted.variances.mapv(F::sqrt).insert_axis(Axis(1));
            let mixing = (&fitted.components * &std).reversed_axes();
            let unmixing = fitted.whitening();
            (LinearMap { mean: fitted.mean, unmixing, mixing }, None)
        }
    };
    let report = FitReport {
        model: spec.model.name().into(),
        seconds: 0.0,
        steps: 0,
        us_per_step: None,
        converged: ica.is_none_or(|ica| ica.converged),
        epochs: ica.map_or(1, |ica| ica.iterations),
        objective: Objective { train: None, held_out: None, u_only: None },
        identifiability: None,
        linear_step: None,
        ica,
        search: None,
        code: None,
        collapse: None,
        restarts: Vec::new(),
        chosen: 0,
        warnings,
    };
    Ok(Fitted {
        spec: spec.clone(),
        schema,
        scaler: Scaler::None,
        model: Model::Linear(map),
        step: None,
        split: Split { train: Vec::new(), held_out: Vec::new() },
        history: Vec::new(),
        report,
    })
}
