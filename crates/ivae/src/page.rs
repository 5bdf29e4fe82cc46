//! The page about one run.

use ivae_core::Fitted;
use ivae_data::Dataset;
use ivae_num::Scalar;
use ivae_report::Page;

use crate::evaluate::EvaluateError;

/// The page about one run.
///
/// # Errors
/// Data that do not fit the model.
pub fn run_page<F: Scalar>(
    fitted: &Fitted<F>,
    data: Option<&Dataset<F>>,
    command: &str,
) -> Result<Page, EvaluateError> {
    let _ = (fitted, data, command);
    Ok(Page::default())
}
