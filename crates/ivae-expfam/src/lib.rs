//! Exponential families, conditionally factorial priors, and the identifiability theorems as code.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod density;
pub mod family;
pub mod prior;
pub mod special;
#[cfg(feature = "proptest")]
pub mod testing;
pub mod theory;

pub use density::{Density, ExpFam, Reparam, StatisticsProperties, Support};
pub use family::{
    Bernoulli, Beta, BinaryConcrete, Categorical, Concrete, Custom, CustomError, Exponential,
    ExponentialPower, Gamma, Gaussian, GaussianForm, GeneralisedNormal, HeteroscedasticGaussian,
    HyperbolicSecant, Laplace, LogNormal, Marginal, NegativeBinomial, Poisson, Statistics, StudentT,
    UnitConcrete, VonMises, gaussian_kl, gaussian_kl_backward, implicit_derivative,
};
pub use theory::{
    Answer, Assumption, Class, Condition, ConditionId, Equivalence, Lambda, LambdaError, Model, Noise,
    Variability, Verdict, check, natural_table, statistics,
};
