//! The training loop: epochs of shuffled batches, validation on held-out rows, early stopping, and why it ended.

use std::time::Instant;

use ivae_num::{Purpose, Scalar, StreamKey, awake, worth_sharing};
use rand::seq::SliceRandom;

use super::estimator::Estimator;
use super::observer::Observer;
use super::restart::{Ending, EpochRecord, Restart, Stage, has_converged};
use super::spec::TrainSpec;
use super::stepper::Stepper;
use super::sums::Sums;
use crate::{Batch, BatchBuffer, Schedule, spread_rows};

/// Train one restart on `train`, validated on `validation` if given: after every epoch by the objective, at the end by the
/// estimator's [`score`](Estimator::score).
pub fn train<F: Scalar, E: Estimator<F>>(
    estimator: &E,
    train: Batch<'_, F>,
    validation: Option<Batch<'_, F>>,
    spec: &TrainSpec,
    key: StreamKey,
    observer: &dyn Observer,
) -> Restart<F> {
    let mut params = vec![F::zero(); estimator.layout().len()];
    estimator.init(&mut params, train, key.purpose(Purpose::Init));
    train_from(estimator, params, train, validation, spec, key, observer)
}

/// [`train`] as the only thing that the current rayon pool does: its threads share the products of a large model. The
/// result is the same to the bit.
pub fn train_alone<F: Scalar, E: Estimator<F>>(
    estimator: &E,
    rows: Batch<'_, F>,
    validation: Option<Batch<'_, F>>,
    spec: &TrainSpec,
    key: StreamKey,
    observer: &dyn Observer,
) -> Restart<F> {
    let work = || train(estimator, rows, validation, spec, key, observer);
    let largest = estimator.layout().groups.iter().map(|group| group.slot.len()).max().unwrap_or(0);
    let large = worth_sharing::<F>(largest.saturating_mul(spec.step.batch.min(rows.rows())));
    if large { awake(work) } else { work() }
}

/// [`train`] from the parameters `params`.
pub fn train_from<F: Scalar, E: Estimator<F>>(
    estimator: &E,
    params: Vec<F>,
    train: Batch<'_, F>,
    validation: Option<Batch<'_, F>>,
    spec: &TrainSpec,
    key: StreamKey,
    observer: &dyn Observer,
) -> Restart<F> {
    // Held-out rows are as many of all as the rows of an epoch are of those that train.
    let share = spec.step.epoch_rows.map_or(1.0, |most| most as f64 / train.rows() as f64);
    let mut buffer;
    let validation = match validation {
        Some(rows) if share < 1.0 => {
            let index = spread_rows(rows.rows(), ((rows.rows() as f64 * share) as usize).max(1));
            buffer = BatchBuffer::new(&rows, index.len());
            Some(buffer.gather(&rows, &index))
        }
        all => all.map(Batch::reborrow),
    };
    let mut out = epochs(estimator, params, train, validation, spec, key, observer);
    if out.best_epoch > 0
        && let Some(rows) = validation
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
    validation: Option<Batch<'_, F>>,
    spec: &TrainSpec,
    key: StreamKey,
    observer: &dyn Observer,
) -> Restart<F> {
    let began = Instant::now();
    let n = train.rows();
    let batch = spec.step.batch.min(n);
    let (epoch_rows, steps_per_epoch) = spec.step.of_epoch(n);
    let epochs_per_pass = n / epoch_rows;
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
    let mut stepper = Stepper::new(estimator, train, &spec.step, batch, &out.params);
    let mut schedule = Schedule::new(spec.step.schedule);
    let mut order: Vec<u32> = (0..n as u32).collect();

    for epoch in 1..=spec.epochs {
        let part = (epoch - 1) % epochs_per_pass;
        if part == 0 {
            order.shuffle(&mut key.purpose(Purpose::Shuffle).step(epoch as u64).rng());
        }
        let (mut sums, mut grad_norm, mut learning_rate) = (Sums::default(), 0.0f64, spec.learning_rate);
        for rows in order[part * epoch_rows..][..epoch_rows].chunks_exact(batch) {
            if observer.stop() {
                out.ending = Ending::Interrupted;
                return out;
            }
            if out.best_epoch > 0 && observer.late() {
                out.ending = Ending::OutOfTime;
                return out;
            }
            learning_rate = spec.learning_rate * schedule.factor(out.steps, total_steps);
            let (step, norm) = stepper.step(rows, learning_rate, key.purpose(Purpose::Noise).step(out.steps));
            out.steps += 1;
            if !(norm.is_finite() && step.objective.is_finite()) {
                out.ending = Ending::NotFinite;
                return out;
            }
            grad_norm = grad_norm.max(norm);
            sums += step;
        }
        let held_out = validation
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
        let objective = record.validation();
        schedule.observe(-objective);
        if objective > out.objective {
            out.objective = objective;
            out.best_epoch = epoch;
            out.params.copy_from_slice(&stepper.params);
        }
        observer.epoch(&record);
        out.history.push(record);
        if !objective.is_finite() {
            out.ending = Ending::NotFinite;
            return out;
        }
        if spec.step.patience.is_some_and(|patience| epoch - out.best_epoch > patience) {
            out.ending = Ending::EarlyStopped;
            return out;
        }
    }
    if has_converged(&out.history) {
        out.ending = Ending::Converged;
    }
    out
}
