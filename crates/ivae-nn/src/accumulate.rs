//! [`Accumulate`]: what a backward pass does with the gradient that is there already.

use ivae_num::Scalar;

use crate::Slot;

/// Whether a backward pass adds to the gradient of parameters, or overwrites its part of it, which spares a step the pass
/// that zeroes the gradient and every product the reading of what it adds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accumulate {
    Add,
    Overwrite,
}

impl Accumulate {
    /// What a product multiplies the gradient by before it adds to it.
    pub(crate) fn beta<F: Scalar>(self) -> F {
        match self {
            Self::Add => F::one(),
            Self::Overwrite => F::zero(),
        }
    }

    /// The part `slot` of `grad`, for sums that are added to it: set to 0 if it is to be overwritten.
    pub(crate) fn start<F: Scalar>(self, grad: &mut [F], slot: Slot) -> &mut [F] {
        let part = &mut grad[slot.range()];
        if self == Self::Overwrite {
            part.fill(F::zero());
        }
        part
    }
}
