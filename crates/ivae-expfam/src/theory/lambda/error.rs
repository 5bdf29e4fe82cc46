//! [`LambdaError`]: why a table of natural parameters cannot be used.

use ivae_num::LinalgError;

/// Why a table of natural parameters cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LambdaError {
    /// Columns are not n components of k each.
    #[error("a table of {columns} columns cannot hold components of k = {k} parameters")]
    Columns {
        /// Columns of the table.
        columns: usize,
        /// Parameters per component.
        k: usize,
    },
    /// The table has no rows, or none of this number.
    #[error("there is no u number {u}: the table has {count} rows")]
    NoSuchU {
        /// The row that was requested.
        u: usize,
        /// Rows of the table.
        count: usize,
    },
    /// λ(u) is outside the natural domain of the family (or not finite).
    #[error("λ of u number {u}, component {component}, is outside the natural domain: {lambda:?}")]
    OutsideDomain {
        /// Row of the table.
        u: usize,
        /// Component i.
        component: usize,
        /// The value, `[k]`.
        lambda: Vec<f64>,
    },
    /// Fewer distinct u than L has columns, and one more.
    #[error("{distinct_u} distinct u cannot make L square: n·k + 1 = {needed} are needed")]
    TooFew {
        /// Rows of the table.
        distinct_u: usize,
        /// n·k + 1.
        needed: usize,
    },
    /// No choice of u makes L invertible.
    #[error("λ(u) varies in only {rank} of n·k = {directions} directions: no choice of u makes L invertible")]
    Singular {
        /// Directions in which it varies.
        rank: usize,
        /// n·k.
        directions: usize,
    },
    /// Not one number of rows of data for each u, or a u without any.
    #[error(
        "{given} counts of rows for {distinct_u} distinct u, the smallest {smallest}: one for each, at least 1"
    )]
    Counts {
        /// Counts given.
        given: usize,
        /// Rows of the table.
        distinct_u: usize,
        /// The smallest count given, 0 if there is none.
        smallest: usize,
    },
    /// Too few refits for an interval.
    #[error("{given} replicates of the table: an interval needs {needed}")]
    TooFewReplicates {
        /// Tables given.
        given: usize,
        /// [`REPLICATES`](super::REPLICATES).
        needed: usize,
    },
    /// A refit that is not a table of the same u and components.
    #[error("replicate {replicate} has shape {found:?}, the table {expected:?}")]
    ReplicateShape {
        /// Its number.
        replicate: usize,
        /// Its shape.
        found: (usize, usize),
        /// `[M, n * k]` of the table.
        expected: (usize, usize),
    },
    /// A decomposition failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}
