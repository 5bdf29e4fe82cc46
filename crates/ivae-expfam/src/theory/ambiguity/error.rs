//! [`AmbiguityError`]: why a map or a test cannot be made from the arguments.

use ivae_num::LinalgError;
use ndarray::ArrayView2;

/// Why a map or a test cannot be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AmbiguityError {
    /// U Uᵀ is not I.
    #[error("the matrix is not orthogonal: U Uᵀ differs from I by up to {worst:e}")]
    NotOrthogonal {
        /// Largest absolute entry of U Uᵀ − I.
        worst: f64,
    },
    /// Something has another number of dimensions, or of columns.
    #[error("expected {expected} dimensions, found {found}")]
    Dimensions {
        /// As the others have.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// No centre, or no row, to speak of.
    #[error("{what} is empty")]
    Empty {
        /// What has no rows.
        what: &'static str,
    },
    /// An entry is NaN or infinite.
    #[error("{what} has {value} in row {row}, column {column}")]
    NotFinite {
        /// Of what.
        what: &'static str,
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A covariance has a direction without variance, or with less.
    #[error("the covariance is not positive definite: its smallest eigenvalue is {smallest:e}")]
    NotPositive {
        /// Smallest eigenvalue.
        smallest: f64,
    },
    /// A radial map turns a plane, and there is no such plane among the free directions.
    #[error("no plane of free directions {plane:?}: there are {free}")]
    NoPlane {
        /// The two directions that were requested.
        plane: (usize, usize),
        /// Number of free directions.
        free: usize,
    },
    /// A decomposition failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// The first entry that is not finite, as an error.
pub(super) fn check_finite(what: &'static str, a: ArrayView2<'_, f64>) -> Result<(), AmbiguityError> {
    match a.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &value)) => Err(AmbiguityError::NotFinite { what, row, column, value }),
        None => Ok(()),
    }
}
