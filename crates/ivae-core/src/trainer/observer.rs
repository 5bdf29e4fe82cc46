//! Who watches a fit, and may end it.

use std::time::{Duration, Instant};

use super::{EpochRecord, Stage};

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

/// Tells what it watches that it is late from `deadline` on.
pub(crate) struct Timed<'a> {
    pub(crate) observer: &'a dyn Observer,
    pub(crate) deadline: Option<Instant>,
}

impl<'a> Timed<'a> {
    /// From now on for so many seconds.
    pub(crate) fn new(observer: &'a dyn Observer, seconds: Option<f64>) -> Self {
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

/// Tells an observer which stage the epochs belong to.
pub(crate) struct Staged<'a> {
    pub(crate) observer: &'a dyn Observer,
    pub(crate) stage: Stage,
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

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}
