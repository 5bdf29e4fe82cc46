#![doc = include_str!("../README.md")]
//! # Which function
//! | question | function |
//! |---|---|
//! | do the latents match the sources one to one? | [`mcc`], [`mcc_on`] |
//! | how sure is that? | [`mcc_interval`] |
//! | and after the best affine map, or any smooth one? | [`weak_mcc`], [`linear_r2`], [`kernel_r2`], [`cca_mcc`], [`cca`], [`svcca`] |
//! | and beyond what u gives? | [`within_u`] |
//! | what would u alone score? | [`u_only`] |
//! | what would principal components or linear ICA of x score? | [`blind`] |
//! | what would chance score? | [`chance`] |
//! | what does the method score on shuffled x, or u? | [`shuffled`] |
//! | do several fits agree, and which is in their middle? | [`agreement`], [`udr`] |
//! | does an unmixing undo the mixing? | [`amari`] |
//! | is each source in one latent, each latent in one source? | [`dci`] (of `lasso_importance` or a `Forest`: feature `importance`), [`mig`], [`sap`], [`sap_binary`], [`modularity`] |
//! | the pieces | [`Correlation`], [`average_ranks`], [`assignment()`], [`discretise`], [`mutual_information`] |
//!
//! s is `[N, a]`, the true sources; z is `[N, b]`, the latents; [`Rows`] says which rows are fitted and which scored.
//! An MCC of statistics T(z), which is what the theory identifies, is an MCC of the matrices of statistics that the
//! caller passes. [`blind`] takes any method as a function; `ivae::baselines` has it for the PCA and FastICA of `ivae-ica`.
//!
//! Feature `importance` adds importances for [`dci`] by the lasso and by random forests, of the crates linfa-elasticnet and
//! smartcore.
#![forbid(unsafe_code)]

mod amari;
mod assignment;
mod baseline;
mod bootstrap;
mod cca;
mod control;
mod correlation;
mod dci;
mod distance;
mod error;
#[cfg(feature = "importance")]
mod forest;
mod information;
mod kernel;
#[cfg(feature = "importance")]
mod lasso;
mod levels;
mod linear;
mod mcc;
mod moments;
mod rank;
mod rdc;
mod runs;
mod sap;
mod u_only_density;

pub use amari::amari;
pub use assignment::assignment;
pub use baseline::{blind, chance, u_only, within_u};
pub use bootstrap::{Interval, mcc_interval};
pub use cca::{Cca, cca, cca_mcc, svcca};
pub use control::{Control, shuffled};
pub use correlation::{Correlation, pearson, spearman};
pub use dci::{Dci, dci};
pub use error::{MetricError, Warning};
#[cfg(feature = "importance")]
pub use forest::Forest;
pub use information::{Gap, Modularity, discretise, mig, modularity, mutual_information};
pub use kernel::{KernelRidge, kernel_r2};
#[cfg(feature = "importance")]
pub use lasso::lasso_importance;
pub use linear::{AffineMap, R2, linear_r2, weak_mcc};
pub use mcc::{Match, Mcc, Rows, mcc, mcc_on};
pub use rank::average_ranks;
pub use runs::{Agreement, agreement, udr};
pub use sap::{sap, sap_binary};
pub use u_only_density::{
    LevelRows, u_only_bernoulli, u_only_binary_concrete, u_only_categorical, u_only_gaussian, u_only_laplace,
    u_only_negative_binomial, u_only_poisson, u_only_student_t,
};
