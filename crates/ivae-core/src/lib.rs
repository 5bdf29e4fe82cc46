//! Identifiable variational autoencoders: models, exact and variational objectives, training, the race of decoders, fitted models.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod bijective;
pub mod block;
pub mod code;
pub mod defaults;
pub mod diagnostics;
pub mod error;
pub mod estimator;
pub mod exact;
mod family;
pub mod fit;
pub mod fitted;
pub mod generative;
mod identifiability;
mod levels;
pub mod linear;
mod linear_step;
mod local;
pub mod posterior;
pub mod race;
mod remedy;
pub mod report;
mod save;
pub mod scaler;
mod slices;
pub mod spec;
mod start;
pub mod trainer;
pub mod vae;
mod warnings;

pub use code::{Code, CodeReport};
pub use defaults::DecoderKind;
pub use error::{FitError, ModelError, SaveError, SpecError};
pub use estimator::{AuxRows, Batch, Estimator, Terms};
pub use exact::Exact;
pub use family::Family;
pub use fit::{fit, fit_owned, fit_split};
pub use fitted::{AuxSchema, Fitted, Model, Schema};
pub use generative::{LogLikelihood, Samples};
pub use posterior::Posterior;
pub use race::Search;
pub use report::FitReport;
pub use save::write_history;
pub use spec::{FitSpec, ModelKind};
pub use trainer::{EpochRecord, Observer, Silent};
pub use vae::Vae;
