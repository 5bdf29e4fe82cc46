//! The linear step: linear ICA of the latents, where the theorems leave a linear map of them free, and nowhere else.

use std::fmt;

use ivae_expfam::Class;
use ivae_ica::{FittedIca, LinearStep};
use ivae_metrics::{Correlation, mcc};
use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::identifiability::Identifiability;
use crate::message;

/// The linear step, and why it was taken or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinearStepReport {
    /// Whether latents go through it.
    pub applied: bool,
    /// Why, or why not.
    #[serde(with = "message::one")]
    pub reason: StepReason,
    /// Whether its iteration converged; `None` if not applied.
    pub converged: Option<bool>,
    /// How many iterations it took; `None` if not applied.
    pub iterations: Option<usize>,
    /// MCC of the latents after steps found from either half of the values of u (of the rows, where u is continuous): how
    /// well the data determine it. `None` if not applied.
    pub agreement: Option<f64>,
}

/// Why a linear step was taken or not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StepReason {
    /// T(z) = z is identified up to a linear map at best, and variance 1 given u makes it a rotation.
    RotationIsFree,
    /// The theorems say nothing.
    NoVerdict,
    /// The latents are not identifiable.
    NotIdentifiable,
    /// T is not monotonic, so that z cannot be read from it.
    NotMonotonic,
    /// The latents are identified further than up to a linear map.
    IdentifiedFurther {
        /// Up to which maps, at best.
        class: Class,
    },
    /// A linear map is free, but linear ICA failed.
    Failed {
        /// Its error.
        error: String,
    },
}

impl fmt::Display for StepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RotationIsFree => f.write_str(
                "identifiable up to an invertible linear map of T(z) = z at best; variance 1 given u makes it a rotation",
            ),
            Self::NoVerdict => f.write_str("there is no verdict"),
            Self::NotIdentifiable => {
                f.write_str("not identifiable by these theorems, so that there is no one map to undo")
            }
            Self::NotMonotonic => f.write_str(
                "identifiable up to a linear map of T(z) at best, but T is not monotonic: z cannot be read from it",
            ),
            Self::IdentifiedFurther { class } => {
                write!(f, "identifiable {} at best: a linear step could only undo that", class.words())
            }
            Self::Failed { error } => write!(f, "a linear map is free, but linear ICA of the latents failed: {error}"),
        }
    }
}

/// Takes the step where `identifiability` leaves it free, from the latents `z` `[N, n]` of the training rows (made by a
/// call, since they are not needed otherwise) and their levels of u. `leaves_rotation` says whether T(z) = z alone depends
/// on u.
pub fn linear_step<F: Scalar>(
    identifiability: &Identifiability,
    leaves_rotation: bool,
    z: impl FnOnce() -> Array2<F>,
    levels: Option<&[u32]>,
    seed: u64,
) -> (LinearStepReport, Option<FittedIca<F>>) {
    let not_applied = |reason| {
        (
            LinearStepReport { applied: false, reason, converged: None, iterations: None, agreement: None },
            None,
        )
    };
    let at_best = identifiability.check.as_ref().map(|check| check.at_best);
    let reason = decision(at_best, leaves_rotation);
    if reason != StepReason::RotationIsFree {
        return not_applied(reason);
    }
    let (step, z) = (LinearStep { rotation: true, seed }, z());
    let found = match step.fit(z.view()) {
        Ok(found) => found,
        Err(error) => return not_applied(StepReason::Failed { error: error.to_string() }),
    };
    let report = LinearStepReport {
        applied: true,
        reason,
        converged: Some(found.converged),
        iterations: Some(found.iterations),
        agreement: agreement(step, z.view(), levels),
    };
    (report, Some(found))
}

/// What the best class that the theorems allow leaves of the latents.
fn decision(at_best: Option<Class>, leaves_rotation: bool) -> StepReason {
    match at_best {
        None => StepReason::NoVerdict,
        Some(Class::None) => StepReason::NotIdentifiable,
        Some(Class::Affine) if leaves_rotation => StepReason::RotationIsFree,
        Some(Class::Affine) => StepReason::NotMonotonic,
        Some(class @ (Class::ComponentWise | Class::ScaledPermutation)) => {
            StepReason::IdentifiedFurther { class }
        }
    }
}

/// MCC of z `[N, n]` after the steps of either half of u.
fn agreement<F: Scalar>(step: LinearStep, z: ArrayView2<'_, F>, levels: Option<&[u32]>) -> Option<f64> {
    let even = |i: &usize| match levels {
        Some(levels) => levels[*i].is_multiple_of(2),
        None => i.is_multiple_of(2),
    };
    let (first, second): (Vec<usize>, Vec<usize>) = (0..z.nrows()).partition(even);
    let after = |half: &[usize]| {
        let step = step.fit(z.select(Axis(0), half).view()).ok()?;
        step.transform(z).ok()
    };
    let (first, second) = (after(&first)?, after(&second)?);
    Some(mcc(first.view(), second.view(), Correlation::Pearson).ok()?.score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_map_is_removed_only_where_it_is_free_and_z_can_be_read_from_t() {
        assert_eq!(decision(Some(Class::Affine), true), StepReason::RotationIsFree);
        // T = z² or (z, z²) is not monotonic, nor is the T of a Laplace distribution.
        assert_eq!(decision(Some(Class::Affine), false), StepReason::NotMonotonic);
        for leaves_rotation in [true, false] {
            assert_eq!(decision(Some(Class::None), leaves_rotation), StepReason::NotIdentifiable);
            assert_eq!(decision(None, leaves_rotation), StepReason::NoVerdict);
            for class in [Class::ComponentWise, Class::ScaledPermutation] {
                let reason = decision(Some(class), leaves_rotation);
                assert_eq!(reason, StepReason::IdentifiedFurther { class });
                assert!(reason.to_string().contains(class.words()), "{reason}");
            }
        }
    }
}
