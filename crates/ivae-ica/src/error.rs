//! What can be wrong with the input of PCA and ICA.

use ivae_num::{LinalgError, Scalar};
use ndarray::ArrayView2;

/// Why a fit or a transformation could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum IcaError {
    /// Fewer than two rows.
    #[error("{found} rows are too few: at least 2 are needed")]
    TooFewRows {
        /// Rows given.
        found: usize,
    },
    /// An entry is NaN or infinite.
    #[error("not finite at row {row}, column {column}: {value}")]
    NotFinite {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A column is so large, or so small, that what is computed of it is beyond the scalar's range.
    #[error(
        "column {column}, of mean {mean:e} and variance {variance:e}, is beyond the scalar's range: rescale the data"
    )]
    Overflow {
        /// Column, from 0.
        column: usize,
        /// Its mean as far as it could be found, or not finite.
        mean: f64,
        /// Its variance as far as it could be found, or not finite.
        variance: f64,
    },
    /// More components were asked for than the data has directions, or none.
    #[error("{requested} components of data that varies in {rank} directions ({columns} columns)")]
    Components {
        /// Components asked for.
        requested: usize,
        /// Directions in which the data varies.
        rank: usize,
        /// Columns of the data.
        columns: usize,
    },
    /// The number of columns is not the one of the fit.
    #[error("expected {expected} columns, found {found}")]
    Columns {
        /// Columns of the fit.
        expected: usize,
        /// Columns given.
        found: usize,
    },
    /// Data in blocks has changed from one pass to the next.
    #[error("the first pass over the data gave {expected} rows, a later one {found}")]
    Pass {
        /// Rows of the first pass.
        expected: usize,
        /// Rows of a later one.
        found: usize,
    },
    /// The start has the wrong shape.
    #[error("the start must be {expected} × {expected_columns}, but is {rows} × {columns}")]
    StartShape {
        /// Number of components.
        expected: usize,
        /// As many columns as components in whitened coordinates, as many as x for an unmixing.
        expected_columns: usize,
        /// Rows given.
        rows: usize,
        /// Columns given.
        columns: usize,
    },
    /// Data that was given as white is not.
    #[error("x is not white: the covariance of columns {row} and {column} is {value}")]
    NotWhite {
        /// One column.
        row: usize,
        /// The other.
        column: usize,
        /// Their covariance.
        value: f64,
    },
    /// A setting is outside its range.
    #[error("{name} must be {range}, but is {value}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// What it may be.
        range: &'static str,
        /// What it is.
        value: f64,
    },
    /// The contrast function returned something that is not finite, from every start that was tried.
    #[error("the contrast function gives no finite direction from {starts} starts")]
    Contrast {
        /// How many starts were tried.
        starts: usize,
    },
    /// Segments and rows do not fit.
    #[error("x has {rows} rows, but {segments} segment labels were given")]
    Segments {
        /// Rows of x.
        rows: usize,
        /// Labels given.
        segments: usize,
    },
    /// Joint diagonalisation needs something that changes.
    #[error("at least 2 segments of at least 2 rows are needed, found {found}")]
    OneSegment {
        /// Segments found.
        found: usize,
    },
    /// x does not vary in enough directions within segments: some combination of its columns is a function of the
    /// segment.
    #[error("within segments x varies in {rank} directions, too few for {components} components")]
    WithinSegments {
        /// Components asked for, or directions in which x varies.
        components: usize,
        /// Directions in which it varies within segments.
        rank: usize,
    },
    /// A lag leaves fewer than two pairs of rows.
    #[error("a lag of {lag} needs at least {} rows, found {rows}", lag.saturating_add(2))]
    Lag {
        /// Rows of x.
        rows: usize,
        /// The largest lag.
        lag: usize,
    },
    /// A decomposition failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// Every entry finite.
pub(crate) fn check_finite<F: Scalar>(x: ArrayView2<'_, F>) -> Result<(), IcaError> {
    for (row, values) in x.rows().into_iter().enumerate() {
        if let Some(column) = values.iter().position(|v| !v.is_finite()) {
            return Err(IcaError::NotFinite { row, column, value: values[column].f64() });
        }
    }
    Ok(())
}

pub(crate) fn check_columns(expected: usize, found: usize) -> Result<(), IcaError> {
    if expected == found { Ok(()) } else { Err(IcaError::Columns { expected, found }) }
}

/// A tolerance that can be reached, and at least one iteration, of which `most` says the name.
pub(crate) fn check_stop(tolerance: f64, most: &'static str, count: usize) -> Result<(), IcaError> {
    if !(tolerance > 0.0 && tolerance.is_finite()) {
        let range = "positive and finite";
        return Err(IcaError::Setting { name: "tolerance", range, value: tolerance });
    }
    if count == 0 {
        return Err(IcaError::Setting { name: most, range: "at least 1", value: 0.0 });
    }
    Ok(())
}
