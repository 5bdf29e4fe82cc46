#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod bernoulli;
mod block;
pub mod density;
pub mod expfam;
pub mod gaussian;
pub mod lambda;
mod shape;

pub use bernoulli::Bernoulli;
pub use density::{Density, Reparam};
pub use expfam::{ExpFam, Support};
pub use gaussian::{Gaussian, GaussianForm, gaussian_kl, gaussian_kl_backward};
pub use lambda::{LambdaError, Variability, l_matrix, natural_table, variability};
