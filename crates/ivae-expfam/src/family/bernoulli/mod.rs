//! [`Bernoulli`]: the likelihood of binary data, and the family of a binary latent.

mod natural;
mod rows;

pub use rows::Bernoulli;
