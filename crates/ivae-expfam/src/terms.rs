//! What densities with a location and a scale need of a block: value, location, log scale, and the cotangent of its row.

use ivae_num::Scalar;
use ndarray::ArrayView2;

use crate::block::{BLOCK, Block};

/// First columns of the location and of the log scale in θ, where θ has them.
pub(crate) type Places = (Option<usize>, Option<usize>);

/// The block at hand, on the stack.
pub(crate) struct Terms<F> {
    v: [F; BLOCK],
    location: [F; BLOCK],
    log_scale: [F; BLOCK],
    d: [F; BLOCK],
}

/// The entries of a block.
pub(crate) struct Filled<'a, F> {
    pub(crate) v: &'a [F],
    /// 0 where θ has none.
    pub(crate) location: &'a mut [F],
    /// 0 where θ has none.
    pub(crate) log_scale: &'a mut [F],
    /// For what belongs to rows.
    pub(crate) d: &'a mut [F],
}

impl<F: Scalar> Terms<F> {
    pub(crate) fn new() -> Self {
        let zero = [F::zero(); BLOCK];
        Self { v: zero, location: zero, log_scale: zero, d: zero }
    }

    /// Overwrites v, location and log scale.
    pub(crate) fn fill<'a>(
        &'a mut self,
        block: &Block,
        (location, log_scale): Places,
        theta: &ArrayView2<'_, F>,
        v: &'a ArrayView2<'_, F>,
    ) -> Filled<'a, F> {
        let len = block.len();
        gather_or_zero(&mut self.location[..len], block, theta, location);
        gather_or_zero(&mut self.log_scale[..len], block, theta, log_scale);
        Filled {
            v: block.read(&mut self.v[..len], v),
            location: &mut self.location[..len],
            log_scale: &mut self.log_scale[..len],
            d: &mut self.d[..len],
        }
    }
}

/// A block of the columns of θ from `first` on, or 0. Overwrites `buf`.
pub(crate) fn gather_or_zero<F: Scalar>(
    buf: &mut [F],
    block: &Block,
    theta: &ArrayView2<'_, F>,
    first: Option<usize>,
) {
    match first {
        Some(first) => block.gather(buf, theta, first),
        None => buf.fill(F::zero()),
    }
}
