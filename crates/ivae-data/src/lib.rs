//! Observations with their auxiliary variable: files, checks, splits, scaling, whitening and simulations.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod auxiliary;
mod check;
mod columns;
mod dataset;
mod discrete;
mod error;
mod levels;
mod mixing;
mod npy;
mod npz;
mod read;
mod scale;
mod simulation;
mod split;
mod text;
mod whiten;
mod write;

pub use check::{check, check_conditional, check_latents, check_values, constant_columns, duplicate_rows};
pub use columns::Columns;
pub use dataset::{Aux, Dataset};
pub use discrete::{DiscreteColumn, dequantise, discrete_columns};
pub use error::DataError;
pub use levels::Levels;
pub use mixing::{Mixing, MixingMap};
pub use read::{ReadOptions, keys, read, read_array, read_blocks};
pub use scale::Standardiser;
pub use simulation::{Simulated, Simulation, SourcePrior};
pub use split::Split;
pub use whiten::Whitener;
pub use write::{check_extension, write, write_array, write_atomically};
