//! Identifiable variational autoencoders and flows: models, objectives, training, the search over restarts, fitted models.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod arrays;
pub mod batch;
pub mod error;
pub mod fit;
pub mod fitted;
pub mod likelihood;
mod message;
pub mod model;
pub mod objective;
pub mod posterior;
pub mod prior;
pub mod report;
pub mod search;
pub mod spec;
pub mod theory;

pub use batch::{Batch, all_rows};
pub use error::{FitError, ModelError, SaveError, SpecError};
pub use ivae_nn::{theta, train};

pub use fit::{fit, fit_owned, fit_split};
pub use fitted::{Fitted, Schema, write_history};
pub use likelihood::LikelihoodFamily;
pub use model::{LogLikelihood, ModelSpec, Samples, TrainedModel};
pub use posterior::Posterior;
pub use prior::{Families, Family};
pub use report::{FitReport, Warning};
pub use spec::{DecoderKind, FitSpec, Ivae, ModelKind};
pub use train::{EpochRecord, Estimator, Observer, Silent};
