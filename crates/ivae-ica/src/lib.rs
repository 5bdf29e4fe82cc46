#![doc = include_str!("../README.md")]
//! # What is here
//! | type | what it does |
//! |---|---|
//! | [`Pca`] → [`FittedPca`] | principal components, whitening and back |
//! | [`FastIca`] → [`FittedIca`] | independent components, parallel or by deflation |
//! | [`FastIca::fit_blocks`], [`FastIca::fit_sampled`], [`Pca::fit_blocks`] | the same of rows in blocks, for data larger than memory |
//! | [`Picard`] → [`FittedIca`] | the maximum of the likelihood, by preconditioned L-BFGS |
//! | [`Infomax`] → [`FittedIca`] | the same by natural gradients |
//! | [`Auto`] → [`FittedIca`] | FastICA, and where it has not converged Picard |
//! | [`Stability`] → [`StableIca`] | which components come back from other starts and other rows |
//! | [`LinearStep`] → [`FittedIca`] | the linear map that theorem 1 of iVAE leaves free |
//! | [`Ajd`] → [`FittedIca`] | nonstationary sources, by joint diagonalisation of segment covariances |
//! | [`Sobi`] → [`FittedIca`] | time series, by joint diagonalisation of lagged covariances |
//! | [`Start`], [`Whitening`] | where an iteration starts (an earlier fit, too), how x is whitened and the scale of the outputs |
//! | [`Nonlinearity`], [`Contrast`], [`check_contrast`] | the contrast functions, and a test for your own |
//!
//! x is `[N, d]`, rows are samples; n components are found. Sums over the data are kept in `f64`.
#![forbid(unsafe_code)]

mod affine;
mod ajd;
mod auto;
mod blocks;
mod contrast;
mod error;
mod fastica;
mod fitted;
mod infomax;
mod iterate;
mod lbfgs;
mod likelihood;
mod linear_step;
mod mix;
mod pca;
mod picard;
mod sobi;
mod stability;
mod start;
mod white;

pub use ajd::Ajd;
pub use auto::Auto;
pub use blocks::EachBlock;
pub use contrast::{Contrast, Nonlinearity, check_contrast};
pub use error::IcaError;
pub use fastica::{Algorithm, FastIca};
pub use fitted::{Attempt, FittedIca, Method};
pub use infomax::Infomax;
pub use ivae_num::Scalar;
pub use linear_step::LinearStep;
pub use pca::{FittedPca, Pca, Whitening};
pub use picard::Picard;
pub use sobi::Sobi;
pub use stability::{Stability, StableIca};
pub use start::Start;
