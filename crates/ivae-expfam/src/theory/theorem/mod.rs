//! [`check`]: the conditions of the identifiability theorems, one by one, and what follows from them.
//!
//! Khemakhem, Kingma, Monti and Hyvärinen, "Variational autoencoders and nonlinear ICA: a unifying framework", AISTATS
//! 2020, and the authors' talk on it: [`check`] names the theorem of each condition.

mod answer;
mod assumption;
mod check;
mod class;
mod condition;
mod condition_id;
mod custom_noise;
mod inspection;
mod model;
mod noise;
mod verdict;

pub use answer::Answer;
pub use assumption::Assumption;
pub use check::check;
pub use class::Class;
pub use condition::Condition;
pub use condition_id::ConditionId;
pub use custom_noise::{CustomNoise, NoiseError};
pub use model::Model;
pub use noise::Noise;
pub use verdict::Verdict;
