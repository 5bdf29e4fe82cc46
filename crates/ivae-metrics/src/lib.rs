#![doc = include_str!("../README.md")]
//! # Which function
//! | question | function |
//! |---|---|
//! | do the latents match the sources one to one? | [`mcc`], [`mcc_on`] |
//! | and after the best affine map? | [`weak_mcc`], [`linear_r2`], [`cca`] |
//! | and beyond what u gives? | [`within_u`] |
//! | what would u alone score? | [`u_only`] |
//! | what would chance score? | [`chance`] |
//! | the pieces | [`pearson`], [`spearman`], [`average_ranks`], [`assignment()`] |
//!
//! s is `[N, a]`, the true sources; z is `[N, b]`, the latents; [`Rows`] says which rows are fitted and which scored.
#![forbid(unsafe_code)]

mod assignment;
mod baseline;
mod correlation;
mod error;
mod levels;
mod linear;
mod mcc;
mod moments;
mod rank;

pub use assignment::assignment;
pub use baseline::{chance, u_only, within_u};
pub use correlation::{Correlation, pearson, spearman};
pub use error::{MetricError, Warning};
pub use linear::{AffineMap, Cca, LinearR2, cca, linear_r2, weak_mcc};
pub use mcc::{Match, Mcc, Rows, mcc, mcc_on};
pub use rank::average_ranks;
