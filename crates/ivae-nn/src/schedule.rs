//! [`Schedule`]: by what factor the learning rate is scaled, as training goes on.

use serde::{Deserialize, Serialize};

use crate::SpecError;
use crate::error::require;

/// How the learning rate changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScheduleSpec {
    /// Not at all.
    #[default]
    Constant,
    /// Multiplied by `factor` after every `every` epochs.
    Step {
        /// Epochs between two falls.
        every: u64,
        /// What each fall multiplies by.
        factor: f64,
    },
    /// Linear warm-up from nearly 0 to 1, then a half cosine down to nearly 0 (Loshchilov & Hutter 2017, eq. 5).
    Cosine {
        /// Part of all steps that is warm-up, from 0 to 1.
        warmup: f64,
    },
    /// Multiplied by `factor` when the loss has stopped falling: in the epoch that is number `patience + 1` in a
    /// row without improvement, after which counting starts anew (PyTorch's `ReduceLROnPlateau` counts alike).
    ReduceOnPlateau {
        /// What each fall multiplies by.
        factor: f64,
        /// Epochs in a row without improvement that are put up with.
        patience: u64,
        /// An improvement is a loss below best − `threshold` · |best|.
        threshold: f64,
        /// The scale does not fall below this.
        min_factor: f64,
    },
}

impl ScheduleSpec {
    /// Refuse numbers outside their ranges.
    pub fn check(&self) -> Result<(), SpecError> {
        let shrink = |f: f64| require(f > 0.0 && f <= 1.0, "factor", f, "above 0 and at most 1");
        let unit = |name, v: f64| require((0.0..=1.0).contains(&v), name, v, "from 0 to 1");
        match *self {
            Self::Constant => Ok(()),
            Self::Step { every, factor } => {
                require(every > 0, "every", every as f64, "at least 1")?;
                shrink(factor)
            }
            Self::Cosine { warmup } => unit("warmup", warmup),
            Self::ReduceOnPlateau { factor, threshold, min_factor, .. } => {
                shrink(factor)?;
                unit("threshold", threshold)?;
                unit("min_factor", min_factor)
            }
        }
    }
}

/// A schedule with what it has seen: plain data, to be kept in a checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The rule.
    pub spec: ScheduleSpec,
    /// Epochs observed.
    pub epochs: u64,
    /// Best finite loss observed.
    pub best: Option<f64>,
    /// Epochs in a row without improvement.
    pub bad_epochs: u64,
    /// Product of the falls on plateaus.
    pub scale: f64,
}

impl Schedule {
    /// A schedule that has observed nothing.
    pub fn new(spec: ScheduleSpec) -> Self {
        Self { spec, epochs: 0, best: None, bad_epochs: 0, scale: 1.0 }
    }

    /// The factor of the learning rate in step number `step`, counted from 0, of `total_steps`.
    pub fn factor(&self, step: u64, total_steps: u64) -> f64 {
        match self.spec {
            ScheduleSpec::Constant => 1.0,
            ScheduleSpec::Step { every, factor } => factor.powf((self.epochs / every.max(1)) as f64),
            ScheduleSpec::Cosine { warmup } => {
                let warmup = (warmup * total_steps as f64).round() as u64;
                if step < warmup {
                    return (step + 1) as f64 / warmup as f64;
                }
                let done = (step - warmup) as f64 / total_steps.saturating_sub(warmup).max(1) as f64;
                0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos())
            }
            ScheduleSpec::ReduceOnPlateau { .. } => self.scale,
        }
    }

    /// Take note of the loss (lower is better) of one epoch. Call it once per epoch, whatever the rule.
    ///
    /// A loss that is not finite counts as no improvement.
    pub fn observe(&mut self, loss: f64) {
        self.epochs += 1;
        let ScheduleSpec::ReduceOnPlateau { factor, patience, threshold, min_factor } = self.spec else {
            return;
        };
        if loss.is_finite() && self.best.is_none_or(|best| loss < best - threshold * best.abs()) {
            self.best = Some(loss);
            self.bad_epochs = 0;
            return;
        }
        self.bad_epochs += 1;
        if self.bad_epochs > patience {
            self.scale = (self.scale * factor).max(min_factor);
            self.bad_epochs = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scale after each epoch's loss.
    fn plateau(factor: f64, patience: u64, threshold: f64, min_factor: f64, losses: &[f64]) -> Vec<f64> {
        let mut s = Schedule::new(ScheduleSpec::ReduceOnPlateau { factor, patience, threshold, min_factor });
        let after = |loss: &f64| {
            s.observe(*loss);
            s.factor(0, 0)
        };
        losses.iter().map(after).collect()
    }

    #[test]
    fn constant_is_one() {
        let mut s = Schedule::new(ScheduleSpec::Constant);
        s.observe(1.0);
        assert_eq!(s.factor(17, 100), 1.0);
    }

    #[test]
    fn step_falls_after_every_so_many_epochs() {
        let mut s = Schedule::new(ScheduleSpec::Step { every: 2, factor: 0.5 });
        let mut factors = vec![];
        for _ in 0..6 {
            factors.push(s.factor(0, 0));
            s.observe(0.0);
        }
        assert_eq!(factors, [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]);
    }

    #[test]
    fn cosine_warms_up_and_goes_down() {
        let s = Schedule::new(ScheduleSpec::Cosine { warmup: 0.1 });
        let f: Vec<f64> = (0..100).map(|t| s.factor(t, 100)).collect();
        assert!((0..10).all(|t| (f[t] - (t + 1) as f64 / 10.0).abs() < 1e-15));
        assert_eq!(f[10], 1.0);
        assert!((f[55] - 0.5).abs() < 1e-15, "half way down: {}", f[55]);
        assert!(f[10..].windows(2).all(|w| w[1] < w[0]));
        assert!(f[99] > 0.0 && f[99] < 1e-3);
        assert!(s.factor(100, 100).abs() < 1e-15 && s.factor(1000, 100).abs() < 1e-15);
    }

    #[test]
    fn cosine_bears_its_limits() {
        let s = |warmup| Schedule::new(ScheduleSpec::Cosine { warmup });
        assert_eq!(s(0.0).factor(0, 10), 1.0);
        assert_eq!(s(0.0).factor(0, 0), 1.0);
        assert_eq!(s(1.0).factor(9, 10), 1.0);
        assert_eq!(s(1.0).factor(0, 10), 0.1);
    }

    /// The falls of PyTorch's `ReduceLROnPlateau(patience=2)`: the third bad epoch in a row, then every third.
    #[test]
    fn the_factor_falls_in_bad_epoch_patience_plus_one() {
        let falls = plateau(0.5, 2, 0.0, 0.0, &[3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0]);
        assert_eq!(falls, [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]);
        let no_patience = plateau(0.5, 0, 0.0, 0.0, &[3.0, 3.0, 2.0, 2.0]);
        assert_eq!(no_patience, [1.0, 0.5, 0.5, 0.25]);
    }

    #[test]
    fn an_improvement_starts_the_count_anew() {
        let falls = plateau(0.5, 1, 0.0, 0.0, &[3.0, 3.0, 2.0, 2.0, 1.0, 1.0, 1.0]);
        assert_eq!(falls, [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.5]);
    }

    #[test]
    fn the_threshold_is_relative_for_losses_of_either_sign() {
        assert_eq!(plateau(0.5, 0, 0.1, 0.0, &[10.0, 9.5, 8.9]), [1.0, 0.5, 0.5]);
        assert_eq!(plateau(0.5, 0, 0.1, 0.0, &[-10.0, -10.5, -11.1]), [1.0, 0.5, 0.5]);
    }

    #[test]
    fn a_loss_that_is_not_finite_is_no_improvement() {
        let losses = [f64::NAN, f64::INFINITY, 5.0, f64::NEG_INFINITY, 4.0];
        assert_eq!(plateau(0.5, 0, 0.0, 0.0, &losses), [0.5, 0.25, 0.25, 0.125, 0.125]);
    }

    #[test]
    fn the_scale_stays_above_its_floor() {
        assert_eq!(plateau(0.5, 0, 0.0, 0.3, &[1.0; 4]), [1.0, 0.5, 0.3, 0.3]);
    }

    #[test]
    fn numbers_outside_their_range_are_refused() {
        assert!(ScheduleSpec::Cosine { warmup: 1.5 }.check().is_err());
        assert!(ScheduleSpec::Step { every: 0, factor: 0.5 }.check().is_err());
        assert!(ScheduleSpec::Step { every: 1, factor: f64::NAN }.check().is_err());
        let plateau =
            |factor| ScheduleSpec::ReduceOnPlateau { factor, patience: 0, threshold: 0.0, min_factor: 0.0 };
        assert!(plateau(0.1).check().is_ok());
        assert!(plateau(0.0).check().is_err());
    }
}
