//! The training loop: epochs of shuffled batches, held-out evaluation, early stopping, and why it ended.

mod observer;

use std::time::Instant;

use ivae_nn::{Optimiser, Schedule, clip_norm};
use ivae_num::{Aligned, Purpose, Scalar, StreamKey, awake, worth_sharing};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::estimator::{Batch, BatchBuffer, Estimator, Terms};
use crate::spec::TrainSpec;
pub use observer::{Observer, Silent};
pub(crate) use observer::{Staged, Timed};

/// A fit has converged when the last tenth of its epochs raised the objective by less than this, in nats per row.
pub const CONVERGED: f64 = 0.02;

/// What a training is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// A code of x with n dimensions; its objective is that of the code's model.
    Code,
    /// Restarts among which the best is looked for.
    #[default]
    Search,
    /// The best restarts, trained on.
    Polish,
}

/// One epoch of one restart. Those of a [`fit`](crate::fit()) tell objectives of x in its own units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// What it belongs to.
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
    /// The objective that restarts and epochs are judged by: held-out, or training where nothing is held out.
    pub fn judged(&self) -> f64 {
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
    /// The time was over; the best epoch is kept.
    OutOfTime,
    /// A loss or gradient became NaN or infinite.
    NotFinite,
    /// The observer asked to stop.
    Interrupted,
}

/// What a restart left behind.
#[derive(Debug, Clone)]
pub struct Restart<F> {
    /// What it was for.
    pub stage: Stage,
    /// Its number, from 0.
    pub restart: u32,
    /// Parameters of its best epoch.
    pub params: Vec<F>,
    /// The best epoch, from 1; 0 if none was finished.
    pub best_epoch: usize,
    /// The objective there ([`EpochRecord::judged`]), or the estimator's [`score`](Estimator::score) where it has one.
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
    pub(crate) fn usable(&self) -> bool {
        self.ending != Ending::NotFinite && self.best_epoch > 0
    }

    /// From the best of the epochs before it up to the best epoch, in nats per row; `None` if that was the first.
    pub(crate) fn last_rise(&self) -> Option<f64> {
        let (best, before) = self.history.get(..self.best_epoch)?.split_last()?;
        before.iter().map(EpochRecord::judged).reduce(f64::max).map(|highest| best.judged() - highest)
    }
}

/// The position of the best usable restart; of the earliest of equals.
pub(crate) fn best<'a, F: 'a>(restarts: impl IntoIterator<Item = &'a Restart<F>>) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (i, r) in restarts.into_iter().enumerate().filter(|(_, r)| r.usable()) {
        if best.is_none_or(|(_, objective)| r.objective > objective) {
            best = Some((i, r.objective));
        }
    }
    best.map(|(i, _)| i)
}

/// Everything a training step needs, so that a step allocates nothing.
#[derive(Debug)]
pub struct Stepper<'e, 'a, F: Scalar, E: Estimator<F>> {
    estimator: &'e E,
    data: Batch<'a, F>,
    buffer: BatchBuffer<F>,
    optimiser: Optimiser<F>,
    clip: Option<f64>,
    /// The parameters.
    pub params: Aligned<F>,
    grad: Aligned<F>,
    ws: E::Workspace,
}

impl<'e, 'a, F: Scalar, E: Estimator<F>> Stepper<'e, 'a, F, E> {
    /// Start at `params`, with batches of up to `batch` rows of `data`.
    pub fn new(estimator: &'e E, data: Batch<'a, F>, spec: &TrainSpec, batch: usize, params: &[F]) -> Self {
        Self {
            estimator,
            data,
            buffer: BatchBuffer::new(&data, batch),
            optimiser: Optimiser::new(spec.optimiser, params.len()),
            clip: spec.clip_norm,
            grad: Aligned::filled(params.len(), F::zero()),
            params: Aligned::from(params),
            ws: estimator.workspace(batch),
        }
    }

    /// One step on `rows` of the data; returns the sums before the step and the gradient's norm. If one of them is not finite,
    /// the parameters may not be, either.
    pub fn step(&mut self, rows: &[u32], learning_rate: f64, key: StreamKey) -> (Terms, f64) {
        let batch = self.buffer.gather(&self.data, rows);
        let terms = self.estimator.step(&mut self.grad, &self.params, batch, key, &mut self.ws);
        let clipped = self.clip.map(|max| clip_norm(&mut self.grad, max));
        let norm = self.optimiser.step(&mut self.params, &self.grad, learning_rate);
        self.estimator.project(&mut self.params);
        (terms, clipped.unwrap_or(norm))
    }

    /// The sums over `data` with the present parameters, in batches of up to `batch` rows.
    pub fn evaluate(&mut self, data: &Batch<'_, F>, batch: usize, key: StreamKey) -> Terms {
        let mut terms = Terms::default();
        for (i, start) in (0..data.rows()).step_by(batch).enumerate() {
            let rows = data.slice(start, (start + batch).min(data.rows()));
            terms += self.estimator.evaluate(&self.params, rows, key.step(i as u64), &mut self.ws);
        }
        terms
    }
}

/// Train one restart on `train`, judged on `held_out` if given: after every epoch by the objective, at the end by the
/// estimator's [`score`](Estimator::score).
pub fn train<F: Scalar, E: Estimator<F>>(
    estimator: &E,
    train: Batch<'_, F>,
    held_out: Option<Batch<'_, F>>,
    spec: &TrainSpec,
    key: StreamKey,
    observer: &dyn Observer,
) -> Restart<F> {
    let mut params = vec![F::zero(); estimator.layout().len()];
    estimator.init(&mut params, train, key.purpose(Purpose::Init));
    train_from(estimator, params, train, held_out, spec, key, observer)
}

/// [`train`] as the only thing that the current rayon pool does: its threads share the products of a large model. The
/// result is the same to the bit.
pub fn train_alone<F: Scalar, E: Estimator<F>>(
    estimator: &E,
    rows: Batch<'_, F>,
    held_out: Option<Batch<'_, F>>,
    spec: &TrainSpec,
    key: StreamKey,
    observer: &dyn Observer,
) -> Restart<F> {
    let work = || train(estimator, rows, held_out, spec, key, observer);
    let largest = estimator.layout().groups.iter().map(|group| group.slot.len()).max().unwrap_or(0);
    let large = worth_sharing::<F>(largest.saturating_mul(spec.batch.min(rows.rows())));
    if large { awake(work) } else { work() }
}

/// [`train`] from the parameters `params`.
pub fn train_from<F: Scalar, E: Estimator<F>>(
    estimator: &E,
    params: Vec<F>,
    train: Batch<'_, F>,
    held_out: Option<Batch<'_, F>>,
    spec: &TrainSpec,
    key: StreamKey,
    observer: &dyn Observer,
) -> Restart<F> {
    let mut out = epochs(estimator, params, train, held_out, spec, key, observer);
    if out.best_epoch > 0
        && let Some(rows) = held_out
        && let Some(score) = estimator.score(&out.params, rows, key.restart(0).purpose(Purpose::HeldOut))
    {
        out.objective = score;
    }
    out
}

fn epochs<F: Scalar, E: Estimator<F>>(
    estimator: &E,
    params: Vec<F>,
    train: Batch<'_, F>,
    held_out: Option<Batch<'_, F>>,
    spec: &TrainSpec,
    key: StreamKey,
    observer: &dyn Observer,
) -> Restart<F> {
    let began = Instant::now();
    let n = train.rows();
    let batch = spec.batch.min(n);
    let steps_per_epoch = (n / batch).max(1);
    let total_steps = steps_per_epoch.saturating_mul(spec.epochs) as u64;

    let mut out = Restart {
        stage: Stage::Search,
        restart: key.restart,
        params,
        best_epoch: 0,
        objective: f64::NEG_INFINITY,
        ending: Ending::StillRising,
        steps: 0,
        history: Vec::new(),
    };
    let mut stepper = Stepper::new(estimator, train, spec, batch, &out.params);
    let mut schedule = Schedule::new(spec.schedule);
    let mut order: Vec<u32> = (0..n as u32).collect();

    for epoch in 1..=spec.epochs {
        order.shuffle(&mut key.purpose(Purpose::Shuffle).step(epoch as u64).rng());
        let (mut sums, mut grad_norm, mut learning_rate) = (Terms::default(), 0.0f64, spec.learning_rate);
        for rows in order.chunks_exact(batch) {
            if observer.stop() {
                out.ending = Ending::Interrupted;
                return out;
            }
            if out.best_epoch > 0 && observer.late() {
                out.ending = Ending::OutOfTime;
                return out;
            }
            learning_rate = spec.learning_rate * schedule.factor(out.steps, total_steps);
            let (terms, norm) =
                stepper.step(rows, learning_rate, key.purpose(Purpose::Noise).step(out.steps));
            out.steps += 1;
            if !(norm.is_finite() && terms.objective.is_finite()) {
                out.ending = Ending::NotFinite;
                return out;
            }
            grad_norm = grad_norm.max(norm);
            sums += terms;
        }
        let held_out = held_out
            .as_ref()
            .map(|rows| stepper.evaluate(rows, batch, key.restart(0).purpose(Purpose::HeldOut)).mean());
        let record = EpochRecord {
            stage: Stage::Search,
            restart: key.restart,
            epoch,
            train: sums.mean(),
            held_out,
            kl: sums.kl / sums.rows as f64,
            learning_rate,
            grad_norm,
            seconds: began.elapsed().as_secs_f64(),
        };
        let judged = record.judged();
        schedule.observe(-judged);
        if judged > out.objective {
            out.objective = judged;
            out.best_epoch = epoch;
            out.params.copy_from_slice(&stepper.params);
        }
        observer.epoch(&record);
        out.history.push(record);
        if !judged.is_finite() {
            out.ending = Ending::NotFinite;
            return out;
        }
        if spec.patience.is_some_and(|patience| epoch - out.best_epoch > patience) {
            out.ending = Ending::EarlyStopped;
            return out;
        }
    }
    if has_converged(&out.history) {
        out.ending = Ending::Converged;
    }
    out
}

/// Whether the best objective rose by less than [`CONVERGED`] in the last tenth of the epochs.
fn has_converged(history: &[EpochRecord]) -> bool {
    let best =
        |records: &[EpochRecord]| records.iter().map(EpochRecord::judged).fold(f64::NEG_INFINITY, f64::max);
    let before = history.len() - history.len().div_ceil(10);
    before > 0 && best(history) - best(&history[..before]) < CONVERGED
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(judged: &[f64]) -> Vec<EpochRecord> {
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
        judged.iter().enumerate().map(record).collect()
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
        let rise = |judged: &[f64], best_epoch| {
            let restart = Restart::<f64> {
                stage: Stage::Search,
                restart: 0,
                params: vec![],
                best_epoch,
                objective: 0.0,
                ending: Ending::EarlyStopped,
                steps: 0,
                history: history(judged),
            };
            restart.last_rise()
        };
        assert_eq!(rise(&[-3.0, -1.0, -2.0, -0.5, -0.75], 4), Some(0.5));
        assert_eq!((rise(&[-3.0, -4.0], 1), rise(&[-3.0], 0)), (None, None));
    }
}
