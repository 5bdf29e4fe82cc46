//! [`ConditionId`]: which condition of the theorems a [`Condition`](super::Condition) answers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A condition of the identifiability theorems, or of the theorem on estimation.
///
/// The kebab-case name, such as `unique-minimum`, is the stable key of the condition in JSON. [`Display`](fmt::Display)
/// gives the name for people, such as "T of unique minimum", which JSON may hold in place of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ConditionId {
    /// p(z|u) is conditionally factorial, of one family with the same T for every u.
    Prior,
    /// f is injective.
    #[serde(alias = "injective mixing")]
    Injective,
    /// (i): the characteristic function of ε vanishes only on a null set.
    #[serde(alias = "(i) noise")]
    Noise,
    /// (ii): every T′ is nonzero almost everywhere, and the statistics are linearly independent.
    #[serde(alias = "(ii) statistics")]
    Statistics,
    /// (iii): L is invertible for some n·k + 1 distinct u.
    #[serde(alias = "(iii) variability")]
    Variability,
    /// T is twice differentiable (k ≥ 2).
    #[serde(alias = "T twice differentiable")]
    TwiceDifferentiable,
    /// T has a unique minimum and is the same for all latents (k = 1).
    #[serde(alias = "T of unique minimum")]
    UniqueMinimum,
    /// T is not monotonic (k = 1).
    #[serde(alias = "T not monotonic")]
    NotMonotonic,
    /// f has continuous second cross derivatives.
    #[serde(alias = "smooth mixing")]
    Smooth,
    /// The family of q(z|x, u) contains the true posterior.
    #[serde(alias = "posterior family")]
    Posterior,
    /// The training has reached the maximum of the objective.
    #[serde(alias = "maximum reached")]
    Maximum,
}

impl ConditionId {
    /// Every condition, in the order of a verdict.
    pub const ALL: [Self; 11] = [
        Self::Prior,
        Self::Injective,
        Self::Noise,
        Self::Statistics,
        Self::Variability,
        Self::TwiceDifferentiable,
        Self::UniqueMinimum,
        Self::NotMonotonic,
        Self::Smooth,
        Self::Posterior,
        Self::Maximum,
    ];

    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Prior => "prior",
            Self::Injective => "injective mixing",
            Self::Noise => "(i) noise",
            Self::Statistics => "(ii) statistics",
            Self::Variability => "(iii) variability",
            Self::TwiceDifferentiable => "T twice differentiable",
            Self::UniqueMinimum => "T of unique minimum",
            Self::NotMonotonic => "T not monotonic",
            Self::Smooth => "smooth mixing",
            Self::Posterior => "posterior family",
            Self::Maximum => "maximum reached",
        }
    }
}

impl fmt::Display for ConditionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
