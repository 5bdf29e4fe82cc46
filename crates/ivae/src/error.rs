//! The error of scores and baselines.

use ivae_core::ModelError;
use ivae_data::DataError;
use ivae_ica::IcaError;
use ivae_metrics::MetricError;

/// Why a model could not be scored.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The data do not fit the model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The data cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A score cannot be computed.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// A linear baseline failed.
    #[error(transparent)]
    Ica(#[from] IcaError),
    /// The split of the fit is of other data.
    #[error(
        "the model was fitted on {expected} rows, these data have {found}: their training and held-out rows are not known; score all rows"
    )]
    OtherData {
        /// Rows the model was fitted on.
        expected: usize,
        /// Rows given.
        found: usize,
    },
    /// Nothing was held out.
    #[error("the fit held out no rows")]
    NothingHeldOut,
}
