//! [`SpecError`]: what is wrong with a hyper-parameter.

use thiserror::Error;

/// A specification that cannot be built.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SpecError {
    /// A number outside its range.
    #[error("{name} is {value}, but must be {expected}")]
    OutOfRange {
        /// Which number, for instance `adam.beta1`.
        name: &'static str,
        /// What it is.
        value: f64,
        /// What it may be, in words.
        expected: &'static str,
    },
}

/// Refuse `value` unless `ok`. NaN must make `ok` false.
pub(crate) fn require(
    ok: bool,
    name: &'static str,
    value: f64,
    expected: &'static str,
) -> Result<(), SpecError> {
    if ok { Ok(()) } else { Err(SpecError::OutOfRange { name, value, expected }) }
}
