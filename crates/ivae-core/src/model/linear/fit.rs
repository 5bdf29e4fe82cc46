//! Fitting and loading a linear model.

use ivae_data::{Dataset, check_conditional};
use ivae_ica::{Ajd, Auto, FastIca, FittedIca, Infomax, Pca, Picard, Sobi};
use ivae_num::Scalar;
use ndarray::Axis;

use super::map::LinearMap;
use super::spec::LinearSpec;
use crate::error::{Conflict, FitError, SpecError};
use crate::model::recipe::{Job, Outcome, Recipe, Saved};
use crate::model::trained::TrainedModel;
use crate::report::{FitReport, IcaReport};

impl LinearSpec {
    /// The components of x; `None` for principal components.
    fn ica<F: Scalar>(&self, job: &Job<'_, F>) -> Result<Option<FittedIca<F>>, FitError> {
        let (x, components, seed) = (job.train.x.view(), Some(job.latents), job.seed);
        Ok(Some(match self {
            Self::Ajd => {
                let levels =
                    job.train.u.levels.as_ref().ok_or(SpecError::from(Conflict::AjdWithoutLevels))?;
                Ajd { components, ..Ajd::default() }.fit(x, &levels.index)?
            }
            Self::Sobi { lags } => Sobi { components, lags: lags.clone(), ..Sobi::default() }.fit(x)?,
            Self::Picard => Picard { components, seed, ..Picard::default() }.fit(x)?,
            Self::Infomax => Infomax { components, seed, ..Infomax::default() }.fit(x)?,
            Self::FastIca => {
                let fastica = FastIca { components, seed, ..FastIca::default() };
                Auto { fastica, ..Auto::default() }.fit(x)?
            }
            Self::Pca => return Ok(None),
        }))
    }
}

impl<F: Scalar> Recipe<F> for LinearSpec {
    fn check_data(&self, data: &Dataset<F>) -> Result<(), FitError> {
        if *self != Self::Ajd {
            return Ok(());
        }
        check_conditional(data)?;
        match data.u.levels {
            Some(_) => Ok(()),
            None => Err(SpecError::from(Conflict::AjdWithoutLevels).into()),
        }
    }

    /// Lags are counted in rows.
    fn holds_out_a_stretch(&self) -> bool {
        matches!(self, Self::Sobi { .. })
    }

    fn fit(&self, job: Job<'_, F>) -> Result<Outcome<F>, FitError> {
        let (map, ica) = match self.ica(&job)? {
            Some(found) => {
                let FittedIca {
                    method, iterations, converged, limit, tolerance, redrawn, rank, before, ..
                } = found;
                let report =
                    IcaReport { method, iterations, converged, limit, tolerance, redrawn, rank, before };
                (found.into(), Some(report))
            }
            None => {
                let fitted = Pca::fit(job.train.x.view(), Some(job.latents))?;
                let std = fitted.variances.mapv(F::sqrt).insert_axis(Axis(1));
                let mixing = (&fitted.components * &std).reversed_axes();
                let unmixing = fitted.whitening();
                (LinearMap { mean: fitted.mean, unmixing, mixing }, None)
            }
        };
        let report = FitReport {
            converged: ica.is_none_or(|ica| ica.converged),
            epochs: ica.map_or(1, |ica| ica.iterations),
            ica,
            ..FitReport::default()
        };
        Ok(Outcome { model: Box::new(map), report, last_rise: None, history: Vec::new() })
    }

    fn load(&self, saved: &Saved<'_>) -> Result<Box<dyn TrainedModel<F>>, String> {
        Ok(Box::new(LinearMap::read(saved.arrays, "", saved.latents, saved.observed)?))
    }
}
