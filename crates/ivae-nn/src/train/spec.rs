//! [`TrainSpec`]: how the parameters of a network are found.

use serde::{Deserialize, Serialize};

use crate::error::require;
use crate::{OptimiserSpec, ScheduleSpec, SpecError};

/// How long a network is trained, and how its steps are taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSpec {
    /// Passes over the training rows.
    pub epochs: usize,
    /// Base learning rate.
    pub learning_rate: f64,
    /// Its steps.
    pub step: StepSpec,
}

/// How a training step is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// Rows in a step.
    pub batch: usize,
    /// The optimiser.
    pub optimiser: OptimiserSpec,
    /// Most rows in an epoch, so that the steps of a fit do not grow with the data: an epoch of more rows is the next
    /// such part of a pass over them, and as many held-out rows, spread evenly, as are the same share of all. All rows
    /// where it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch_rows: Option<usize>,
    /// How the learning rate changes.
    pub schedule: ScheduleSpec,
    /// Gradients longer than this are shortened to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Stop after this many epochs without progress of the held-out objective; the best epoch is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Seconds after which training stops: no further start or refinement begins, and what runs keeps its best epoch; a
    /// bottleneck gets half of them. One epoch at least is finished. What is cut off depends on the machine, so fits with
    /// a budget are not reproducible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_budget: Option<f64>,
}

impl TrainSpec {
    /// Check every number.
    ///
    /// # Errors
    /// The first setting that makes no sense, with its value.
    pub fn check(&self) -> Result<(), SpecError> {
        require(self.epochs > 0, "epochs", self.epochs as f64, "at least 1")?;
        require_positive("learning_rate", self.learning_rate)?;
        self.step.check()
    }
}

impl Default for StepSpec {
    /// Batches of 256 rows, Adam, 5 % warm-up and then a cosine, gradients clipped at 10.
    fn default() -> Self {
        Self {
            batch: 256,
            optimiser: OptimiserSpec::default(),
            epoch_rows: None,
            schedule: ScheduleSpec::Cosine { warmup: 0.05 },
            clip_norm: Some(10.0),
            patience: None,
            time_budget: None,
        }
    }
}

impl StepSpec {
    /// Rows of an epoch, and the steps it has, of `rows` that train.
    pub fn of_epoch(&self, rows: usize) -> (usize, usize) {
        let batch = self.batch.min(rows);
        let epoch_rows = self.epoch_rows.map_or(rows, |most| most.clamp(batch, rows));
        (epoch_rows, (epoch_rows / batch.max(1)).max(1))
    }

    /// Check every number.
    ///
    /// # Errors
    /// The first setting that makes no sense, with its value.
    pub fn check(&self) -> Result<(), SpecError> {
        self.optimiser.check()?;
        require(self.batch > 0, "batch", self.batch as f64, "at least 1")?;
        self.epoch_rows.map_or(Ok(()), |rows| require(rows > 0, "epoch_rows", rows as f64, "at least 1"))?;
        self.clip_norm.map_or(Ok(()), |norm| require_positive("clip_norm", norm))?;
        self.time_budget.map_or(Ok(()), |seconds| require_positive("time_budget", seconds))
    }
}

fn require_positive(name: &'static str, value: f64) -> Result<(), SpecError> {
    require(value > 0.0 && value.is_finite(), name, value, "positive and finite")
}
