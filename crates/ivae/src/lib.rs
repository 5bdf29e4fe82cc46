//! Nonlinear ICA by identifiable variational autoencoders: all crates of ivae under one name, scores and pages of fits.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod baselines;
mod error;
pub mod evaluate;
pub mod page;

pub use ivae_core as core;
pub use ivae_data as data;
pub use ivae_expfam as expfam;
pub use ivae_ica as ica;
pub use ivae_metrics as metrics;
pub use ivae_nn as nn;
pub use ivae_num as num;
pub use ivae_report as report;
pub use ndarray;

/// What most programs need: `use ivae::prelude::*`.
pub mod prelude {
    pub use ivae_core::model::flow::FlowClasses;
    pub use ivae_core::{
        Families, Family, FitError, FitReport, FitSpec, Fitted, Ivae, LikelihoodFamily, LogLikelihood,
        ModelError, ModelKind, ModelSpec, Observer, Samples, Silent, SpecError, Warning, fit, fit_owned,
        fit_split,
    };
    pub use ivae_data::{
        Aux, Continuous, DataError, Dataset, Levels, ReadOptions, Simulation, SourcePrior, Split, read, write,
    };
    pub use ivae_expfam::{
        Bernoulli, Beta, Exponential, Gamma, Gaussian, GaussianForm, GeneralisedNormal, HyperbolicSecant,
        Laplace, LogNormal, VonMises,
    };
    pub use ivae_ica::{FastIca, Pca, Picard};
    pub use ivae_metrics::{Correlation, Mcc, Rows, mcc};

    pub use crate::evaluate::{Evaluation, Scored, evaluate};
}
