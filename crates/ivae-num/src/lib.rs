#![doc = include_str!("../README.md")]
//!
//! ## Modules
//!
//! | module | what it gives |
//! |---|---|
//! | [`scalar`] | [`Scalar`]: `f32` and `f64` behind one trait |
//! | [`mod@gemm`] | matrix products into caller-owned memory, with caller-owned scratch |
//! | [`vecmath`] | `exp`, `ln`, `tanh`, `sigmoid`, `softplus` over slices, dispatched at run time |
//! | [`rows`] | rows of a few columns: gathered, added, summed |
//! | [`slices`] | slices of matrices by rows and columns |
//! | [`levels`] | rows of a table by level: looked up, added to |
//! | [`formula`] | your own formula with elementary functions in it, over slices in one pass |
//! | [`divides_fast`] | whether a formula may leave a quotient to the divider beside a root |
//! | [`mod@wide`] | your own loop over slices, dispatched in the same way |
//! | [`shared`], [`in_parts`], [`summed`], [`awake`] | work shared out among threads |
//! | [`add_to_column_sums`] | sums of the columns of a matrix |
//! | [`Aligned`] | slices from a cache line on, long ones in large pages |
//! | [`linalg`] | `eigh`, `svd`, pivoted `qr`, `solve`, `inverse`, `slogdet` |
//! | [`stream`] | counter-based random streams: same key, same numbers, on any number of threads |
//! | [`gradcheck`] | compare a gradient with finite differences |

#![deny(unsafe_code)]

pub mod formula;
pub mod gemm;
pub mod gradcheck;
pub mod levels;
pub mod linalg;
#[allow(unsafe_code)]
mod memory;
mod real;
pub mod rows;
pub mod scalar;
mod sealed;
mod share;
#[allow(unsafe_code)]
mod simd;
pub mod slices;
pub mod stream;
mod sums;
pub mod vecmath;
pub mod wide;

pub use formula::{Formula, FormulaLoop, Functions, each};
pub use gemm::{GemmScratch, gemm, gemm_bias, gemm_levels, gemm_times, worth_sharing};
pub use linalg::LinalgError;
pub use memory::Aligned;
pub use real::Real;
pub use scalar::Scalar;
pub use share::{awake, in_parts, shared, summed};
pub use simd::divides_fast;
pub use stream::{Purpose, StreamKey};
pub use sums::add_to_column_sums;
pub use wide::{Loop, wide};
