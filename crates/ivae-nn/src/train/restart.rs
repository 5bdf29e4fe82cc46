//! [`Restart`]: what a training run leaves behind, epoch by epoch, and why it ended.

use serde::{Deserialize, Serialize};

/// A fit has converged when the last tenth of its epochs raised the objective by less than this, in nats per row.
pub const CONVERGED: f64 = 0.02;

/// What a training is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// An autoencoder that reduces x to n dimensions; its objective is its own.
    Bottleneck,
    /// Restarts among which the best is looked for.
    #[default]
    Search,
    /// The best restarts, trained further.
    Refine,
}

/// One epoch of one restart. A fit reports objectives in the units of x as given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Which stage it belongs to.
    #[serde(default)]
    pub stage: Stage,
    /// Which restart, from 0.
    pub restart: u32,
    /// Which epoch, from 1.
    pub epoch: usize,
    /// Objective per training row (mean over the epoch's steps), in nats.
    pub train: f64,
    /// Objective per held-out row after the epoch, in nats.
    pub held_out: Option<f64>,
    /// KL(q ‖ p) per training row, in nats.
    pub kl: f64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Largest gradient norm in the epoch, before clipping.
    pub grad_norm: f64,
    /// Seconds since the restart began.
    pub seconds: f64,
}

impl EpochRecord {
    /// The objective that restarts and epochs are compared by: held-out, or training where nothing is held out.
    pub fn validation(&self) -> f64 {
        self.held_out.unwrap_or(self.train)
    }
}

/// Why a restart ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// All epochs, and the objective had stopped rising.
    Converged,
    /// All epochs, and the objective was still rising.
    StillRising,
    /// No progress for the patience given.
    EarlyStopped,
    /// The time budget ran out; the best epoch is kept.
    OutOfTime,
    /// A loss or gradient became NaN or infinite.
    NotFinite,
    /// The observer asked to stop.
    Interrupted,
}

/// What a restart left behind.
#[derive(Debug, Clone)]
pub struct Restart<F> {
    /// Its stage.
    pub stage: Stage,
    /// Its number, from 0.
    pub restart: u32,
    /// Parameters of its best epoch.
    pub params: Vec<F>,
    /// The best epoch, from 1; 0 if none was finished.
    pub best_epoch: usize,
    /// The objective there ([`EpochRecord::validation`]), or the estimator's [`score`](super::Estimator::score) where it has one.
    pub objective: f64,
    /// Why it ended.
    pub ending: Ending,
    /// Steps taken.
    pub steps: u64,
    /// Every epoch.
    pub history: Vec<EpochRecord>,
}

impl<F> Restart<F> {
    /// Whether it stayed finite and finished an epoch.
    pub fn usable(&self) -> bool {
        self.ending != Ending::NotFinite && self.best_epoch > 0
    }

    /// From the best of the epochs before it up to the best epoch, in nats per row; `None` if that was the first.
    pub fn last_rise(&self) -> Option<f64> {
        let (best, before) = self.history.get(..self.best_epoch)?.split_last()?;
        before.iter().map(EpochRecord::validation).reduce(f64::max).map(|highest| best.validation() - highest)
    }
}

/// The position of the best usable restart; of the earliest of equals.
pub fn best<'a, F: 'a>(restarts: impl IntoIterator<Item = &'a Restart<F>>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (i, r) in restarts.into_iter().enumerate().filter(|(_, r)| r.usable()) {
        if best.is_none_or(|(_, objective)| r.objective > objective) {
            best = Some((i, r.objective));
        }
    }
    best.map(|(i, _)| i)
}

/// Whether the best objective rose by less than [`CONVERGED`] in the last tenth of the epochs.
pub(super) fn has_converged(history: &[EpochRecord]) -> bool {
    let best = |records: &[EpochRecord]| {
        records.iter().map(EpochRecord::validation).fold(f64::NEG_INFINITY, f64::max)
    };
    let before = history.len() - history.len().div_ceil(10);
    before > 0 && best(history) - best(&history[..before]) < CONVERGED
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(validation: &[f64]) -> Vec<EpochRecord> {
        let record = |(i, &train): (usize, &f64)| EpochRecord {
            stage: Stage::Search,
            restart: 0,
            epoch: i + 1,
            train,
            held_out: None,
            kl: 0.0,
            learning_rate: 0.0,
            grad_norm: 0.0,
            seconds: 0.0,
        };
        validation.iter().enumerate().map(record).collect()
    }

    #[test]
    fn convergence_needs_a_flat_last_tenth() {
        assert!(has_converged(&history(&[-3.0, -2.0, -1.0, -0.99])));
        assert!(!has_converged(&history(&[-3.0, -2.0, -1.0, -0.5])));
        assert!(!has_converged(&history(&[-3.0])), "one epoch shows nothing");
        assert!(has_converged(&history(&[-1.0, -1.0, -2.0])), "falling is not rising");
    }

    #[test]
    fn the_last_rise_ends_at_the_best_epoch() {
        let rise = |validation: &[f64], best_epoch| {
            let restart = Restart::<f64> {
                stage: Stage::Search,
                restart: 0,
                params: vec![],
                best_epoch,
                objective: 0.0,
                ending: Ending::EarlyStopped,
                steps: 0,
                history: history(validation),
            };
            restart.last_rise()
        };
        assert_eq!(rise(&[-3.0, -1.0, -2.0, -0.5, -0.75], 4), Some(0.5));
        assert_eq!((rise(&[-3.0, -4.0], 1), rise(&[-3.0], 0)), (None, None));
    }
}
