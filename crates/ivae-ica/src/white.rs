//! Where FastICA's iterations get white data from: memory, or rows that come in blocks.

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, Axis};

use crate::IcaError;
use crate::affine::BLOCK;

/// White data, one row per direction, again and again in the same blocks.
pub(crate) trait White<F> {
    /// What can go wrong on the way.
    type Error: From<IcaError>;

    /// Directions n and samples N.
    fn dim(&self) -> (usize, usize);

    /// Calls `each` with block after block `[n, B]`, B at most [`BLOCK`].
    fn each(&mut self, each: &mut dyn FnMut(ArrayView2<'_, F>)) -> Result<(), Self::Error>;
}

/// White data `[n, N]` in memory.
impl<F: Scalar> White<F> for Array2<F> {
    type Error = IcaError;

    fn dim(&self) -> (usize, usize) {
        self.dim()
    }

    fn each(&mut self, each: &mut dyn FnMut(ArrayView2<'_, F>)) -> Result<(), IcaError> {
        self.axis_chunks_iter(Axis(1), BLOCK).for_each(each);
        Ok(())
    }
}
