//! What is asked for: [`FitSpec`], its defaults, its checks, its builder, and its TOML.

mod builder;
mod defaults;
mod fit_spec;

pub use crate::model::ModelSpec;
pub use crate::model::{DecoderKind, ModelKind};
pub use builder::Ivae;
pub use defaults::{LEAST_STEPS, MOST_EPOCH_ROWS};
pub use fit_spec::{FitSpec, SplitSpec};
