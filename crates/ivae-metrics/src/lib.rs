#![doc = include_str!("../README.md")]
//! # Which function
//! | question | function |
//! |---|---|
//! | do the latents match the sources one to one? | [`mcc`], [`mcc_on`] |
//! | how sure is that? | [`mcc_interval`] |
//! | and after the best affine map, or any smooth one? | [`weak_mcc`], [`linear_r2`], [`kernel_r2`], [`cca`], [`svcca`] |
//! | and beyond what u gives? | [`within_u`] |
//! | what would u alone score? | [`u_only`] |
//! | what would chance score? | [`chance`] |
//! | what does the method score on shuffled x, or u? | [`shuffled`] |
//! | do several fits agree, and which is in their middle? | [`agreement`], [`udr`] |
//! | does an unmixing undo the mixing? | [`amari`] |
//! | is each source in one latent, each latent in one source? | [`dci`] ([`lasso_importance`], or forests of trees: feature `forest`), [`mig`], [`sap`], [`sap_binary`], [`modularity`] |
//! | the pieces | [`Correlation`], [`average_ranks`], [`assignment()`], [`discretise`], [`mutual_information`] |
//!
//! s is `[N, a]`, the true sources; z is `[N, b]`, the latents; [`Rows`] says which rows are fitted and which scored.
//! An MCC of statistics T(z), which is what the theory identifies, is an MCC of the matrices of statistics that the
//! caller passes. PCA and ICA as baselines are not here: fit them with `ivae-ica` and pass what they give.
//!
//! Feature `forest` adds `Forest`, importances by random forests (the crate smartcore) for [`dci`].
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
#[cfg(feature = "forest")]
mod forest;
mod information;
mod kernel;
mod lasso;
mod levels;
mod linear;
mod mcc;
mod moments;
mod rank;
mod rdc;
mod runs;
mod sap;

pub use amari::amari;
pub use assignment::assignment;
pub use baseline::{chance, u_only, within_u};
pub use bootstrap::{Interval, mcc_interval};
pub use cca::{Cca, cca, svcca};
pub use control::{Control, shuffled};
pub use correlation::{Correlation, pearson, spearman};
pub use dci::{Dci, dci};
pub use error::{MetricError, Warning};
#[cfg(feature = "forest")]
pub use forest::Forest;
pub use information::{Gap, discretise, mig, modularity, mutual_information};
pub use kernel::{KernelRidge, kernel_r2};
pub use lasso::lasso_importance;
pub use linear::{AffineMap, R2, linear_r2, weak_mcc};
pub use mcc::{Match, Mcc, Rows, mcc, mcc_on};
pub use rank::average_ranks;
pub use runs::{Agreement, agreement, udr};
pub use sap::{sap, sap_binary};
