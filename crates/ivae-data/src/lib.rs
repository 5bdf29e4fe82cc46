//! Observations with their auxiliary variable: files, checks, splits, scaling, whitening and simulations.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod aux_scaler;
mod auxiliary;
mod builder;
mod check;
mod column_names;
mod column_selection;
mod dataset;
mod discrete;
mod error;
mod io;
mod levels;
mod mixing;
mod observation;
mod scale;
mod scaler;
mod simulation;
mod source_prior;
mod split;
mod whiten;

pub use aux_scaler::AuxScaler;
pub use auxiliary::{Aux, Continuous};
pub use check::{check, check_conditional, check_latents, check_values, constant_columns, duplicate_rows};
pub use column_selection::ColumnSelection;
pub use dataset::Dataset;
pub use discrete::{DiscreteColumn, dequantise, discrete_columns};
pub use error::DataError;
pub use io::{
    ReadOptions, check_extension, keys, read, read_array, read_blocks, write, write_array, write_atomically,
};
pub use levels::Levels;
pub use mixing::{Mixing, MixingMap};
pub use observation::Observation;
pub use scale::Standardiser;
pub use scaler::{Scaler, Scaling};
pub use simulation::{Simulated, Simulation};
pub use source_prior::SourcePrior;
pub use split::Split;
pub use whiten::Whitener;
