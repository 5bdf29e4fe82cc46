//! Exponential families, conditionally factorial priors, and the identifiability theorems as code.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod ambiguity;
#[cfg(feature = "proptest")]
pub mod assertions;
pub mod bernoulli;
pub mod beta;
mod block;
pub mod categorical;
mod component;
pub mod concrete;
pub mod custom;
pub mod density;
pub mod equivalence;
pub mod expfam;
pub mod exponential;
pub mod exponential_power;
mod fused;
pub mod gamma;
pub mod gaussian;
pub mod generalised_normal;
pub mod hyperbolic_secant;
pub mod lambda;
pub mod laplace;
#[cfg(feature = "proptest")]
pub mod laws;
pub mod log_normal;
pub mod poisson;
mod shape;
mod slices;
pub mod special;
#[cfg(feature = "proptest")]
pub mod strategies;
mod terms;
pub mod theorem;
pub mod von_mises;

pub use bernoulli::Bernoulli;
pub use beta::Beta;
pub use categorical::Categorical;
pub use concrete::{BinaryConcrete, Concrete};
pub use custom::{Custom, CustomError, Marginal, Statistics, implicit_derivative};
pub use density::{Density, Reparam};
pub use equivalence::{Equivalence, statistics};
pub use expfam::{ExpFam, Support};
pub use exponential::Exponential;
pub use exponential_power::ExponentialPower;
pub use gamma::Gamma;
pub use gaussian::{Gaussian, GaussianForm, gaussian_kl, gaussian_kl_backward};
pub use generalised_normal::GeneralisedNormal;
pub use hyperbolic_secant::HyperbolicSecant;
pub use lambda::{Lambda, LambdaError, Variability, natural_table};
pub use laplace::Laplace;
pub use log_normal::LogNormal;
pub use poisson::Poisson;
pub use theorem::{Answer, Class, Condition, Model, Nature, Noise, Verdict, check};
pub use von_mises::VonMises;
