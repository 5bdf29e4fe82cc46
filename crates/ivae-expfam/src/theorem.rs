//! [`check`]: the conditions of the identifiability theorems, one by one, and what follows from them.
//!
//! Khemakhem, Kingma, Monti and Hyvärinen, "Variational autoencoders and nonlinear ICA: a unifying framework", AISTATS
//! 2020, and the authors' talk on it: [`check`] names the theorem of each condition.

mod conditions;
mod known;
mod nature;
mod noise;
mod verdict;

pub use conditions::{Model, check};
pub use known::Known;
pub use nature::Nature;
pub use noise::{CustomNoise, Noise, NoiseError};
pub use verdict::{Answer, Class, Condition, Verdict};
