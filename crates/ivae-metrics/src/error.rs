//! What can be wrong with the input of a metric, and what is worth a warning.

use ivae_num::{LinalgError, Scalar};
use ndarray::ArrayView2;

/// Why a metric could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// The two sides describe different numbers of rows.
    #[error("{what} has {found} rows, expected {expected} as in the true sources")]
    Rows {
        /// Which input.
        what: &'static str,
        /// Rows of the true sources.
        expected: usize,
        /// Rows of that input.
        found: usize,
    },
    /// Too few rows for the metric to mean anything.
    #[error("{found} rows are too few: at least {needed} are needed")]
    TooFewRows {
        /// Rows given.
        found: usize,
        /// Rows needed.
        needed: usize,
    },
    /// An input has no columns.
    #[error("{what} has no columns")]
    NoColumns {
        /// Which input.
        what: &'static str,
    },
    /// An entry is NaN or infinite.
    #[error("{what}: not finite at row {row}, column {column}: {value}")]
    NotFinite {
        /// Which input.
        what: &'static str,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A row index of a [`Rows::Split`](crate::Rows::Split) is outside the data.
    #[error("row index {index} is outside the {rows} rows of the data")]
    RowIndex {
        /// The index.
        index: usize,
        /// Rows of the data.
        rows: usize,
    },
    /// No permutation was asked for.
    #[error("the chance level needs at least one permutation")]
    NoPermutations,
    /// A matrix has the wrong shape.
    #[error("{what} is {} × {}, expected {} × {}", found.0, found.1, expected.0, expected.1)]
    Shape {
        /// Which matrix.
        what: &'static str,
        /// Rows and columns that fit.
        expected: (usize, usize),
        /// Rows and columns given.
        found: (usize, usize),
    },
    /// A setting, or an entry that has a range, is outside it.
    #[error("{name} must be {range}, but is {value}")]
    Range {
        /// Which.
        name: &'static str,
        /// What it may be.
        range: &'static str,
        /// What it is.
        value: f64,
    },
    /// The lasso is not at its optimum (feature `importance`).
    #[error(
        "source {column}: after {sweeps} sweeps the lasso misses its optimum's conditions by {missed:e}: latents are almost collinear for a penalty of {penalty:e}"
    )]
    NotSettled {
        /// Which source.
        column: usize,
        /// By how much the conditions of the optimum are missed, in correlations.
        missed: f64,
        /// Sweeps done.
        sweeps: u32,
        /// The penalty.
        penalty: f64,
    },
    /// A model that importances are read from could not be fitted (feature `importance`).
    #[error(
        "no importances for source {column}: a {model} of {rows} rows and {latents} latents fails: {reason}"
    )]
    Importance {
        /// Which model.
        model: &'static str,
        /// Which source.
        column: usize,
        /// Rows that it was fitted to.
        rows: usize,
        /// Latents that it was fitted to.
        latents: usize,
        /// What the crate says that fits it.
        reason: String,
    },
    /// Too few fits to compare.
    #[error("{found} fits cannot be compared: at least 2 are needed")]
    TooFewRuns {
        /// Fits given.
        found: usize,
    },
    /// A decomposition failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// Something a reader of the number must know.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// A source does not vary: its correlations, R² and mutual informations are taken as 0.
    #[error("source {column} is constant on the rows used: nothing is known of it, its scores are the least")]
    ConstantSource {
        /// Which source.
        column: usize,
    },
    /// A latent does not vary: its correlations, R² and mutual informations are taken as 0.
    #[error("latent {column} is constant on the rows used: it knows nothing, its scores are the least")]
    ConstantLatent {
        /// Which latent.
        column: usize,
    },
    /// A latent of one of several fits does not vary: its correlations are taken as 0.
    #[error("latent {column} of fit {run} is constant: its correlations count as 0")]
    ConstantInRun {
        /// Which fit.
        run: usize,
        /// Which latent.
        column: usize,
    },
    /// No latent matters in predicting a source, as if it were constant: it counts as 0, with weight 0.
    #[error("no latent has importance for source {column}: its completeness is 0, with weight 0")]
    UnpredictedSource {
        /// Which source.
        column: usize,
    },
    /// A latent matters in predicting no source, as if it were constant: it counts as 0, with weight 0.
    #[error("latent {column} has importance for no source: its disentanglement is 0, with weight 0")]
    UnusedLatent {
        /// Which latent.
        column: usize,
    },
    /// There are fewer latents than sources, so that some sources have no partner and do not enter the mean.
    #[error("{sources} sources but {latents} latents: the mean is over the {latents} matched sources only")]
    UnmatchedSources {
        /// Number of sources.
        sources: usize,
        /// Number of latents.
        latents: usize,
    },
    /// Levels of u with a single row: their residuals are 0 by construction.
    #[error("{levels} levels of u have a single row: their residuals within u are 0")]
    SingletonLevels {
        /// How many levels.
        levels: usize,
    },
    /// A level of u occurs in the scored rows only: the overall mean is predicted there.
    #[error("level {level} of u does not occur in the fitted rows: the overall mean is predicted there")]
    UnseenLevel {
        /// Which level.
        level: u32,
    },
}

/// Every entry finite, at least one column.
pub(crate) fn check_matrix<F: Scalar>(x: ArrayView2<'_, F>, what: &'static str) -> Result<(), MetricError> {
    if x.ncols() == 0 {
        return Err(MetricError::NoColumns { what });
    }
    for (row, values) in x.rows().into_iter().enumerate() {
        if let Some(column) = values.iter().position(|v| !v.is_finite()) {
            return Err(MetricError::NotFinite { what, row, column, value: values[column].f64() });
        }
    }
    Ok(())
}

/// Sources s `[N, a]` and latents z `[N, b]` that fit together: N equal and at least 3, all finite.
///
/// (With two rows every correlation is ±1.)
pub(crate) fn check_pair<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>) -> Result<(), MetricError> {
    check_rows("the latents", s.nrows(), z.nrows())?;
    check_count(s.nrows(), 3)?;
    check_matrix(s, "the sources")?;
    check_matrix(z, "the latents")
}

pub(crate) fn check_rows(what: &'static str, expected: usize, found: usize) -> Result<(), MetricError> {
    if expected == found { Ok(()) } else { Err(MetricError::Rows { what, expected, found }) }
}

pub(crate) fn check_count(found: usize, needed: usize) -> Result<(), MetricError> {
    if found >= needed { Ok(()) } else { Err(MetricError::TooFewRows { found, needed }) }
}

pub(crate) fn check_range(
    inside: bool,
    name: &'static str,
    range: &'static str,
    value: f64,
) -> Result<(), MetricError> {
    if inside { Ok(()) } else { Err(MetricError::Range { name, range, value }) }
}
