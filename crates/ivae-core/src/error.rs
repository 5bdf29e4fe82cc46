//! Errors of the crate, each with the values that explain it.

use std::path::PathBuf;

/// A spec that makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the message says what a field is")]
pub enum SpecError {
    /// A number that must be positive is not.
    #[error("{name} must be positive, but is {value}")]
    NotPositive { name: &'static str, value: f64 },
    /// A number outside its range.
    #[error("{name} must lie in {range}, but is {value}")]
    OutOfRange { name: &'static str, value: f64, range: &'static str },
    /// A network or a flow that cannot be built.
    #[error(transparent)]
    Network(#[from] ivae_nn::SpecError),
    /// A value of x outside the support of the likelihood.
    #[error("a {likelihood} likelihood needs x of {support}, but row {row}, column {column} of x is {value}")]
    OutsideSupport { likelihood: &'static str, support: String, row: usize, column: usize, value: f64 },
    /// Columns of a mixed likelihood that are not those of x.
    #[error(
        "column {column} of x (counted from 0) has {times} likelihoods, but each of its {observed} columns needs one"
    )]
    MixedColumns { column: usize, times: usize, observed: usize },
    /// Text that is no likelihood.
    #[error("`{text}` is no likelihood: {reason}")]
    Likelihood { text: String, reason: String },
    /// Two settings, or a setting and the data, that exclude each other.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// Text that is not a spec.
    #[error("not a spec: {0}")]
    Parse(String),
    /// A spec in the format of an earlier version.
    #[error(
        "this spec has the format of an earlier version, in which networks, prior and decoder stood in the tables \
         `vae` and `decoder`; fit again, or move them into the table `model` (see the book's page on specs)"
    )]
    OldFormat,
    /// A spec that cannot be written.
    #[error("cannot write the spec: {0}")]
    Write(String),
}

/// Settings that exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Early stopping without held-out rows.
    #[error("early stopping (patience) needs held-out rows (held_out > 0)")]
    PatienceWithoutHeldOut,
    /// Several restarts without held-out rows.
    #[error("choosing between restarts needs held-out rows (held_out > 0)")]
    RestartsWithoutHeldOut,
    /// A flow without held-out rows.
    #[error("a flow is chosen by held-out likelihood: it needs held-out rows (held_out > 0)")]
    FlowWithoutHeldOut,
    /// A likelihood of categories or counts, and a scaling.
    #[error("this likelihood needs x as it is (scaling = \"none\")")]
    ScaledSupport,
    /// A start at linear maps for networks without a linear part.
    #[error("a start at linear maps needs networks with a linear part (skip = true)")]
    StartWithoutLinearPart,
    /// A prior that depends on u, and no u.
    #[error("the prior depends on u, but the data have no u")]
    PriorWithoutU,
    /// A prior table for a u with continuous columns.
    #[error("a prior table needs a u of levels alone; use a network for one with continuous columns")]
    TableOfContinuousU,
    /// A closed-form KL divergence or a product posterior, and a prior that is not Gaussian.
    #[error(
        "a closed-form KL divergence and a product posterior need a Gaussian prior: use objective = \"sampled-elbo\" and \
         product_of_experts = false"
    )]
    PriorNotGaussian,
    /// Another number of priors than of latents.
    #[error("the prior names {priors} families, one for each latent, but there are {latents} latents")]
    PriorsForOtherLatents {
        /// Families given.
        priors: usize,
        /// Latents n.
        latents: usize,
    },
    /// Joint diagonalisation without levels.
    #[error(
        "joint diagonalisation (ajd) needs a categorical u: give labels of segments, or make windows of the rows"
    )]
    AjdWithoutLevels,
}

/// Refuse a number that is not positive and finite.
pub(crate) fn positive(name: &'static str, value: f64) -> Result<(), SpecError> {
    if value > 0.0 && value.is_finite() { Ok(()) } else { Err(SpecError::NotPositive { name, value }) }
}

/// Refuse 0.
pub(crate) fn positive_count(name: &'static str, value: usize) -> Result<(), SpecError> {
    if value > 0 { Ok(()) } else { Err(SpecError::NotPositive { name, value: 0.0 }) }
}

/// Why a fit failed.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message says what a field is")]
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
    NotFinite { restarts: usize, epoch: usize },
    /// The caller asked to stop.
    #[error("interrupted after {epochs} epochs")]
    Interrupted { epochs: usize },
}

/// Why a fitted model cannot answer.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message says what a field is")]
pub enum ModelError {
    /// x has another number of columns than the model was fitted on.
    #[error("the model was fitted on {expected} columns of x, but got {found}")]
    Columns { expected: usize, found: usize },
    /// The model needs u for this, and none was given.
    #[error("{0} needs u, but none was given")]
    NeedsU(&'static str),
    /// u is of another kind than the model was fitted on.
    #[error("the model was fitted on {expected}, but got {found}")]
    KindOfU { expected: String, found: String },
    /// A level of u that the model has not seen.
    #[error(transparent)]
    UnknownLevel(ivae_data::DataError),
    /// x and u have different numbers of rows.
    #[error("x has {x} rows, u has {u}")]
    Rows { x: usize, u: usize },
    /// An entry of x is NaN or infinite.
    #[error("row {row}, column {column} of x is not finite: {value}")]
    NotFinite { row: usize, column: usize, value: f64 },
    /// The variance of a column's noise is not positive.
    #[error("the noise variance of column {column} of x is {value}, but must be positive")]
    Noise { column: usize, value: f64 },
    /// A value of x outside the support of the model's likelihood.
    #[error(transparent)]
    OutsideSupport(#[from] SpecError),
    /// The model has no such operation.
    #[error("a {model} model cannot {what}")]
    Unsupported { model: &'static str, what: &'static str },
}

/// Why a model could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message says what a field is")]
pub enum SaveError {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    /// A file's content is not what it should be.
    #[error("{path}: {reason}")]
    Format { path: PathBuf, reason: String },
}
