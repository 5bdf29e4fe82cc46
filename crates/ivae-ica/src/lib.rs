#![doc = include_str!("../README.md")]
//! # What is here
//! | type | what it does |
//! |---|---|
//! | [`Pca`] → [`FittedPca`] | principal components, whitening and back |
//! | [`FastIca`] → [`FittedIca`] | independent components, parallel or by deflation |
//! | [`Ajd`] → [`Diagonalised`] | nonstationary sources, by joint diagonalisation of segment covariances |
//! | [`Sobi`] → [`Diagonalised`] | time series, by joint diagonalisation of lagged covariances |
//! | [`Nonlinearity`], [`Contrast`], [`check_contrast`] | the contrast functions, and a test for your own |
//!
//! x is `[N, d]`, rows are samples; n components are found. Sums over the data are kept in `f64`.
#![forbid(unsafe_code)]

mod affine;
mod ajd;
mod contrast;
mod diagonalised;
mod error;
mod fastica;
mod iterate;
mod pca;
mod sobi;

pub use ajd::Ajd;
pub use contrast::{Contrast, Nonlinearity, check_contrast};
pub use diagonalised::Diagonalised;
pub use error::IcaError;
pub use fastica::{Algorithm, FastIca, FittedIca};
pub use pca::{FittedPca, Pca};
pub use sobi::Sobi;
