//! [`Assumption`]: an answer that the caller gives to [`check`](crate::check), because only the caller can know it.

use super::answer::Answer;

/// The caller's answer to whether a condition holds, with the reason.
///
/// ```
/// use ivae_expfam::theory::theorem::{Answer, Assumption};
///
/// let error = 3e-7;
/// let injective = Assumption::new(Answer::Holds, format!("x → z → x comes back to {error:.0e}")).with_number(error);
/// assert_eq!(injective.number, Some(error));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Assumption {
    /// Is the condition met?
    pub answer: Answer,
    /// Why.
    pub reason: String,
    /// The number behind the reason, where there is one: the error of a round trip for an injective f, say, or the last
    /// rise of the objective for a maximum.
    pub number: Option<f64>,
}

impl Assumption {
    /// Without a number.
    pub fn new(answer: Answer, reason: impl Into<String>) -> Self {
        Self { answer, reason: reason.into(), number: None }
    }

    /// The same with the number that the reason speaks of.
    pub fn with_number(self, number: f64) -> Self {
        Self { number: Some(number), ..self }
    }
}
