//! [`CustomPrior`]: a prior family that is in no registry.

use std::any::Any;

use ivae_num::Scalar;

use super::family::PriorFamily;

/// A prior family of one's own, by reference.
#[derive(Debug, Clone, Copy)]
pub struct CustomPrior {
    pub(super) name: &'static str,
    single: &'static dyn PriorFamily<f32>,
    double: &'static dyn PriorFamily<f64>,
}

impl CustomPrior {
    pub(super) fn new<P: PriorFamily<f32> + PriorFamily<f64>>(
        name: &'static str,
        family: &'static P,
    ) -> Self {
        Self { name, single: family, double: family }
    }

    /// The family for `F`, which is one of the two.
    pub(super) fn part<F: Scalar>(&self) -> &'static dyn PriorFamily<F> {
        let of_either: [&dyn Any; 2] = [&self.single, &self.double];
        let found = of_either.into_iter().find_map(|part| part.downcast_ref::<&'static dyn PriorFamily<F>>());
        found.copied().expect("every scalar is f32 or f64")
    }
}
