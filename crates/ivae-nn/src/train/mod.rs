//! Training: what a model must offer, the loop, its records, and who watches it.

mod estimator;
mod observer;
mod restart;
mod spec;
mod stepper;
mod sums;
mod trainer;

pub use estimator::Estimator;
pub use observer::{InDataUnits, Observer, Silent, Staged, Timed};
pub use restart::{CONVERGED, Ending, EpochRecord, Restart, Stage, best};
pub use spec::{StepSpec, TrainSpec};
pub use stepper::Stepper;
pub use sums::Sums;
pub use trainer::{train, train_alone, train_from};
