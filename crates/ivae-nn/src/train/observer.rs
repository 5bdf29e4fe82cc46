//! Who watches a fit, and may end it.

use std::time::{Duration, Instant};

use super::restart::{EpochRecord, Restart, Stage};

/// Watches a fit from outside; called from the threads that train.
pub trait Observer: Sync {
    /// An epoch has ended.
    fn epoch(&self, record: &EpochRecord) {
        let _ = record;
    }

    /// Asked before every step: `true` ends the fit.
    fn stop(&self) -> bool {
        false
    }

    /// Asked before every step after the first epoch: `true` ends the training with the best epoch that it has, and
    /// whatever else the fit would begin.
    fn late(&self) -> bool {
        false
    }
}

/// Is late from `deadline` on.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "an observer need not be printable")]
pub struct Timed<'a> {
    observer: &'a dyn Observer,
    deadline: Option<Instant>,
}

impl<'a> Timed<'a> {
    /// From now on for so many seconds.
    pub fn new(observer: &'a dyn Observer, seconds: Option<f64>) -> Self {
        // A time too long for a clock is no limit.
        let after = |s| Instant::now().checked_add(Duration::try_from_secs_f64(s).ok()?);
        Self { observer, deadline: seconds.and_then(after) }
    }
}

impl Observer for Timed<'_> {
    fn epoch(&self, record: &EpochRecord) {
        self.observer.epoch(record);
    }

    fn stop(&self) -> bool {
        self.observer.stop()
    }

    fn late(&self) -> bool {
        self.deadline.is_some_and(|d| Instant::now() >= d) || self.observer.late()
    }
}

/// Marks epochs with their stage.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "an observer need not be printable")]
pub struct Staged<'a> {
    /// Who watches.
    pub observer: &'a dyn Observer,
    /// The stage.
    pub stage: Stage,
}

impl Observer for Staged<'_> {
    fn epoch(&self, record: &EpochRecord) {
        self.observer.epoch(&EpochRecord { stage: self.stage, ..record.clone() });
    }

    fn stop(&self) -> bool {
        self.observer.stop()
    }

    fn late(&self) -> bool {
        self.observer.late()
    }
}

/// Converts objectives of x as the model sees it to those of x as given: higher by the scaling's log-determinant.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "an observer need not be printable")]
pub struct InDataUnits<'a> {
    /// Who watches.
    pub observer: &'a dyn Observer,
    /// What a log-density of scaled x lacks to be one of x as given.
    pub log_det: f64,
}

impl InDataUnits<'_> {
    fn record(&self, scaled: &EpochRecord) -> EpochRecord {
        let held_out = scaled.held_out.map(|v| v + self.log_det);
        EpochRecord { train: scaled.train + self.log_det, held_out, ..scaled.clone() }
    }

    /// The restart with its objectives converted.
    pub fn restart<F>(&self, scaled: Restart<F>) -> Restart<F> {
        let history = scaled.history.iter().map(|e| self.record(e)).collect();
        Restart { objective: scaled.objective + self.log_det, history, ..scaled }
    }
}

impl Observer for InDataUnits<'_> {
    fn epoch(&self, record: &EpochRecord) {
        self.observer.epoch(&self.record(record));
    }

    fn stop(&self) -> bool {
        self.observer.stop()
    }

    fn late(&self) -> bool {
        self.observer.late()
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}
