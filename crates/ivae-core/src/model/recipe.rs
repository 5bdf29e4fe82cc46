//! [`Recipe`]: how a model is checked, fitted and loaded; what every spec of a model implements.

use ivae_data::{DataError, Dataset};
use ivae_nn::Inputs;
use ivae_num::Scalar;

use super::trained::TrainedModel;
use crate::arrays::ArrayReader;
use crate::error::{Conflict, FitError, SpecError};
use crate::report::{FitReport, Sensitivity};
use crate::train::{EpochRecord, Observer, StepSpec};
use ivae_data::{Scaler, Scaling};
use ndarray::ArrayView2;

/// How a model is checked, fitted and loaded. Adding a model is one folder whose spec implements this trait and whose
/// trained form implements [`TrainedModel`], and its line in [`ModelSpec`](super::ModelSpec).
pub trait Recipe<F: Scalar> {
    /// Check every number that can be wrong whatever the data are; `held_out` is the part of the rows that is held out.
    fn check(&self, held_out: f64) -> Result<(), SpecError> {
        let _ = held_out;
        Ok(())
    }

    /// Check that the data suit the model.
    fn check_data(&self, data: &Dataset<F>) -> Result<(), FitError>;

    /// How x is scaled.
    fn scaling(&self) -> Scaling {
        Scaling::None
    }

    /// How x `[N, d]` is scaled, fitted to it.
    ///
    /// # Errors
    /// As [`Scaler::fit`].
    fn fit_scaler(&self, x: ArrayView2<'_, F>) -> Result<Scaler<F>, DataError> {
        Scaler::fit(self.scaling(), x)
    }

    /// What in the data can weaken the model.
    fn sensitivity(&self) -> Sensitivity {
        Sensitivity::default()
    }

    /// Seconds that the fit may take.
    fn time_budget(&self) -> Option<f64> {
        None
    }

    /// Whether rows that follow each other must stay together, so that one stretch of them is held out.
    fn holds_out_a_stretch(&self) -> bool {
        false
    }

    /// Most epochs of a fit, over all stages and restarts, but for refinements that go on because they still rise.
    fn most_epochs(&self, observed: usize, latents: usize) -> usize {
        let _ = (observed, latents);
        0
    }

    /// What u alone explains of held-out rows, in nats per row; `None` for a model without a density.
    fn u_only(&self, train: &Dataset<F>, validation: &Dataset<F>) -> Option<f64> {
        let _ = (train, validation);
        None
    }

    /// Fit.
    fn fit(&self, job: Job<'_, F>) -> Result<Outcome<F>, FitError>;

    /// The model that [`TrainedModel::arrays`] wrote.
    fn load(&self, saved: &Saved<'_>) -> Result<Box<dyn TrainedModel<F>>, String>;
}

/// What a fit works on.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "an observer need not be printable")]
pub struct Job<'a, F> {
    /// Latents n.
    pub latents: usize,
    /// Seed of the run.
    pub seed: u64,
    /// Shape of u.
    pub u: Inputs,
    /// Training rows, scaled.
    pub train: &'a Dataset<F>,
    /// Held-out rows, scaled; may be none.
    pub validation: &'a Dataset<F>,
    /// How x was scaled.
    pub scaler: &'a Scaler<F>,
    /// Who watches.
    pub observer: &'a dyn Observer,
}

/// What a fit ends with.
#[derive(Debug)]
pub struct Outcome<F> {
    /// The trained model.
    pub model: Box<dyn TrainedModel<F>>,
    /// What the training says; the pipeline adds what theory says.
    pub report: FitReport,
    /// From the best of the epochs before it up to the best epoch of the chosen restart.
    pub last_rise: Option<f64>,
    /// All epochs of all stages and restarts.
    pub history: Vec<EpochRecord>,
}

/// A model on disk.
#[derive(Debug)]
pub struct Saved<'a> {
    /// Latents n.
    pub latents: usize,
    /// Columns of x as given.
    pub observed: usize,
    /// Columns of x after scaling.
    pub scaled: usize,
    /// Shape of u.
    pub u: Inputs,
    /// What [`TrainedModel::choice`] gave.
    pub choice: Option<&'a toml::Table>,
    /// Its arrays.
    pub arrays: &'a ArrayReader<'a>,
}

/// Refuse early stopping where nothing is held out.
pub(super) fn check_patience(step: &StepSpec, held_out: f64) -> Result<(), SpecError> {
    match step.patience {
        Some(_) if held_out == 0.0 => Err(Conflict::PatienceWithoutHeldOut.into()),
        _ => Ok(()),
    }
}
