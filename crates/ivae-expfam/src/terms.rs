//! What densities with a location and a scale need of a block: residual, log scale and inverse scale.

use ivae_num::Scalar;
use ndarray::ArrayView2;

use crate::block::{BLOCK, Block, exp_scaled};

/// The block at hand, on the stack.
pub(crate) struct Terms<F> {
    /// v − location.
    residual: [F; BLOCK],
    /// The log scale as θ has it.
    log_scale: [F; BLOCK],
    /// exp(factor · log scale).
    inverse: [F; BLOCK],
    /// What turns the log scale into the log of 1 / scale: −1, or −½ if it is a log variance.
    factor: f64,
}

impl<F: Scalar> Terms<F> {
    pub(crate) fn new(factor: f64) -> Self {
        let zero = [F::zero(); BLOCK];
        Self { residual: zero, log_scale: zero, inverse: zero, factor }
    }

    /// The first `block.len()` entries of (residual, log scale, inverse scale), overwritten; location 0 and scale 1
    /// where they are not given.
    pub(crate) fn fill(
        &mut self,
        block: &Block,
        location: &Option<ArrayView2<'_, F>>,
        log_scale: &Option<ArrayView2<'_, F>>,
        v: &ArrayView2<'_, F>,
    ) -> (&mut [F], &mut [F], &mut [F]) {
        let len = block.len();
        let (residual, inverse) = (&mut self.residual[..len], &mut self.inverse[..len]);
        let out = &mut self.log_scale[..len];
        // `inverse` serves as scratch for the location.
        gather_residual(residual, inverse, block, location, v);
        gather_scale(inverse, out, self.factor, block, log_scale);
        (residual, out, inverse)
    }
}

/// v − location of a block. Overwrites both.
pub(crate) fn gather_residual<F: Scalar>(
    residual: &mut [F],
    scratch: &mut [F],
    block: &Block,
    location: &Option<ArrayView2<'_, F>>,
    v: &ArrayView2<'_, F>,
) {
    block.gather(residual, v);
    if let Some(location) = location {
        block.gather(scratch, location);
        residual.iter_mut().zip(&*scratch).for_each(|(residual, &location)| *residual -= location);
    }
}

/// The log scale of a block, and exp(factor · log scale); 0 and 1 where it is not given. Overwrites both.
pub(crate) fn gather_scale<F: Scalar>(
    scale: &mut [F],
    out: &mut [F],
    factor: f64,
    block: &Block,
    log_scale: &Option<ArrayView2<'_, F>>,
) {
    match log_scale {
        Some(log_scale) => {
            block.gather(out, log_scale);
            exp_scaled(scale, factor, out);
        }
        None => {
            out.fill(F::zero());
            scale.fill(F::one());
        }
    }
}
