//! Errors of the crate, each with the values that explain it.

use std::path::PathBuf;

/// A spec that makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// A number that must be positive is not.
    #[error("{name} must be positive, but is {value}")]
    NotPositive {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// A number outside its range.
    #[error("{name} must lie in {range}, but is {value}")]
    OutOfRange {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: f64,
        /// Where it may lie.
        range: &'static str,
    },
    /// A part of the spec that cannot be built.
    #[error("{0}")]
    Part(String),
    /// A Bernoulli likelihood where x is not binary.
    #[error("a Bernoulli likelihood needs x of 0 and 1, but row {row}, column {column} of x is {value}")]
    NotBinary {
        /// Row of the first other value.
        row: usize,
        /// Its column.
        column: usize,
        /// The value.
        value: f64,
    },
    /// Two settings that exclude each other.
    #[error("{0}")]
    Conflict(&'static str),
    /// Text that is not a spec.
    #[error("not a spec: {0}")]
    Parse(String),
    /// A spec that cannot be written.
    #[error("cannot write the spec: {0}")]
    Write(String),
}

/// Why a fit failed.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The spec makes no sense.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] ivae_data::DataError),
    /// A linear method failed.
    #[error(transparent)]
    Ica(#[from] ivae_ica::IcaError),
    /// Linear algebra failed.
    #[error(transparent)]
    Linalg(#[from] ivae_num::LinalgError),
    /// Every restart became non-finite.
    #[error(
        "all {restarts} restarts became non-finite (the first in epoch {epoch}): lower the learning rate, or scale the data"
    )]
    NotFinite {
        /// How many restarts there were.
        restarts: usize,
        /// Epoch in which the first of them broke down.
        epoch: usize,
    },
    /// The caller asked to stop.
    #[error("interrupted after {epochs} epochs")]
    Interrupted {
        /// Epochs finished, over all restarts.
        epochs: usize,
    },
}

/// Why a fitted model cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// x has another number of columns than the model was fitted on.
    #[error("the model was fitted on {expected} columns of x, but got {found}")]
    Columns {
        /// Columns the model knows.
        expected: usize,
        /// Columns given.
        found: usize,
    },
    /// The model needs u for this, and none was given.
    #[error("{0} needs u, but none was given")]
    NeedsU(&'static str),
    /// u is of another kind than the model was fitted on.
    #[error("the model was fitted on {expected} u, but got {found} u")]
    KindOfU {
        /// Kind the model knows.
        expected: String,
        /// Kind given.
        found: String,
    },
    /// A level of u that the model has not seen.
    #[error(transparent)]
    UnknownLevel(ivae_data::DataError),
    /// x and u have different numbers of rows.
    #[error("x has {x} rows, u has {u}")]
    Rows {
        /// Rows of x.
        x: usize,
        /// Rows of u.
        u: usize,
    },
    /// An entry of x is NaN or infinite.
    #[error("row {row}, column {column} of x is not finite: {value}")]
    NotFinite {
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
        /// The value.
        value: f64,
    },
    /// The variance of a column's noise is not positive.
    #[error("the noise variance of column {column} of x is {value}, but must be positive")]
    Noise {
        /// The column.
        column: usize,
        /// The value.
        value: f64,
    },
    /// The model has no such operation.
    #[error("a {model} model cannot {what}")]
    Unsupported {
        /// The kind of model.
        model: &'static str,
        /// What it was asked.
        what: &'static str,
    },
}

/// Why a model could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file's content is not what it should be.
    #[error("{path}: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}
