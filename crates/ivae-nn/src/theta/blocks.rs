//! [`Theta`]: blocks side by side, the parameters of one distribution.

use ivae_num::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rand::Rng;

use super::block::{Source, ThetaBlock, ThetaBlockWorkspace};
use crate::{Input, Inputs, Scratch};
use ivae_num::slices::columns;

/// Blocks side by side: the parameters θ `[B, p]` of one distribution, all of the same input.
#[derive(Debug, Clone)]
pub struct Theta {
    /// What every block sees.
    pub inputs: Inputs,
    /// The blocks, from the first column to the last.
    pub blocks: Vec<ThetaBlock>,
}

/// Scratch of a [`Theta`].
#[derive(Debug, Clone)]
pub struct ThetaWorkspace<F> {
    blocks: Vec<ThetaBlockWorkspace<F>>,
}

impl Theta {
    /// Number of columns p.
    pub fn width(&self) -> usize {
        self.blocks.iter().map(|b| b.width).sum()
    }

    /// Fill the parameters of all blocks with their starting values.
    pub fn init<F: Scalar>(&self, params: &mut [F], rng: &mut impl Rng) {
        for block in &self.blocks {
            block.init(params, rng);
        }
    }

    /// Scratch for batches of up to `batch` rows.
    pub fn workspace<F: Scalar>(&self, batch: usize) -> ThetaWorkspace<F> {
        ThetaWorkspace { blocks: self.blocks.iter().map(|b| b.workspace(self.inputs, batch)).collect() }
    }

    /// Grow `scratch` for batches of up to `batch` rows.
    pub fn reserve<F: Scalar>(&self, scratch: &mut Scratch<F>, batch: usize) {
        for block in &self.blocks {
            if let Source::Net(mlp) = &block.source {
                mlp.reserve(scratch, batch);
            }
        }
    }

    /// Overwrite `theta` `[B, p]`.
    pub fn forward<F: Scalar>(
        &self,
        theta: ArrayViewMut2<'_, F>,
        params: &[F],
        input: Input<'_, F>,
        ws: &mut ThetaWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        let mut rest = theta;
        for (block, ws) in self.blocks.iter().zip(&mut ws.blocks) {
            let (head, tail) = rest.split_at(Axis(1), block.width);
            block.forward(head, params, input, ws, scratch);
            rest = tail;
        }
    }

    /// Overwrite this theta's part of `grad` with the gradient of its parameters, and add that of a dense input to
    /// `d_input`.
    pub fn backward_overwrite<F: Scalar>(
        &self,
        grad: &mut [F],
        mut d_input: Option<ArrayViewMut2<'_, F>>,
        params: &[F],
        input: Input<'_, F>,
        d_theta: ArrayView2<'_, F>,
        ws: &mut ThetaWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        // The last block's memory is the nearest.
        let mut end = self.width();
        for (block, ws) in self.blocks.iter().zip(&mut ws.blocks).rev() {
            let d_theta = columns(d_theta, end - block.width..end);
            let d_input = d_input.as_mut().map(|d| d.view_mut());
            block.backward_overwrite(grad, d_input, params, input, d_theta, ws, scratch);
            end -= block.width;
        }
    }
}
