#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod block;
pub mod diagnostics;
pub mod error;
pub mod estimator;
pub mod fit;
pub mod fitted;
mod levels;
pub mod linear;
pub mod report;
mod save;
pub mod scaler;
pub mod spec;
mod slices;
mod start;
pub mod trainer;
pub mod vae;

pub use error::{FitError, ModelError, SaveError, SpecError};
pub use estimator::{AuxRows, Batch, Estimator, Terms};
pub use fit::{fit, fit_split};
pub use fitted::{Fitted, LogLikelihood, Model, Samples, Schema};
pub use report::FitReport;
pub use save::write_history;
pub use spec::{FitSpec, ModelKind};
pub use trainer::{EpochRecord, Observer, Silent};
pub use vae::Vae;
