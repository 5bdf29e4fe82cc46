//! What the networks of a [`Vae`] see, from the rows of a batch.

use ivae_nn::{Input, Inputs};
use ivae_num::Scalar;
use ndarray::Array2;

use super::Vae;
use crate::block::BlockSpec;
use crate::error::SpecError;
use crate::estimator::{AuxRows, Batch};
use crate::slices::{columns_mut, top, top_mut};
use crate::spec::PriorSpec;

/// Shape of the auxiliary variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuxShape {
    /// No u.
    None,
    /// Categorical with so many levels.
    Levels(usize),
    /// So many continuous columns.
    Continuous(usize),
}

impl AuxShape {
    /// As the input of a network.
    pub fn inputs(self) -> Inputs {
        match self {
            Self::None => Inputs { dense: 0, levels: 0 },
            Self::Levels(levels) => Inputs { dense: 0, levels },
            Self::Continuous(dense) => Inputs { dense, levels: 0 },
        }
    }
}

/// Whether the prior can be had with this u.
pub(crate) fn check_prior(prior: &PriorSpec, aux: AuxShape) -> Result<(), SpecError> {
    match (&prior.parameters, aux) {
        (BlockSpec::Table | BlockSpec::Net(_), AuxShape::None) => {
            Err(SpecError::Conflict("the prior depends on u, but the data have no u"))
        }
        (BlockSpec::Table, AuxShape::Continuous(_)) => Err(SpecError::Conflict(
            "a prior table needs a categorical u; use a network for a continuous one",
        )),
        _ => Ok(()),
    }
}

/// u as the input of a network.
pub(crate) fn aux_input<F: Scalar>(u: AuxRows<'_, F>) -> Input<'_, F> {
    match u {
        AuxRows::None => Input { dense: None, levels: None },
        AuxRows::Levels(levels) => Input::levels(levels),
        AuxRows::Continuous(values) => Input::dense(values),
    }
}

/// Put x and a continuous u side by side, where the encoder sees both.
pub(super) fn fill_encoder_input<F: Scalar>(vae: &Vae, batch: &Batch<'_, F>, both: &mut Array2<F>) {
    if let (true, AuxRows::Continuous(u)) = (vae.sees_u, batch.u) {
        let (b, d) = (batch.rows(), vae.observed);
        let mut both = top_mut(both, b);
        columns_mut(&mut both, 0..d).assign(&batch.x);
        columns_mut(&mut both, d..d + u.ncols()).assign(&u);
    }
}

pub(super) fn encoder_input<'a, F: Scalar>(
    vae: &Vae,
    batch: Batch<'a, F>,
    both: &'a Array2<F>,
) -> Input<'a, F> {
    match (vae.sees_u, batch.u) {
        (true, AuxRows::Continuous(_)) => Input::dense(top(both, batch.rows())),
        (true, AuxRows::Levels(levels)) => Input::both(batch.x, levels),
        _ => Input::dense(batch.x),
    }
}
