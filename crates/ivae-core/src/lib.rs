#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod block;
pub mod defaults;
pub mod diagnostics;
pub mod error;
pub mod estimator;
pub mod exact;
pub mod fit;
pub mod fitted;
pub mod generative;
mod levels;
pub mod linear;
mod remedy;
pub mod report;
mod save;
pub mod scaler;
mod slices;
pub mod spec;
mod start;
pub mod trainer;
pub mod vae;

pub use defaults::DecoderKind;
pub use error::{FitError, ModelError, SaveError, SpecError};
pub use estimator::{AuxRows, Batch, Estimator, Terms};
pub use exact::Exact;
pub use fit::{fit, fit_split};
pub use fitted::{Fitted, Model, Schema};
pub use generative::{LogLikelihood, Samples};
pub use report::FitReport;
pub use save::write_history;
pub use spec::{FitSpec, ModelKind};
pub use trainer::{EpochRecord, Observer, Silent};
pub use vae::Vae;
