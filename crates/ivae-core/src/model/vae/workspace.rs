//! Scratch memory of a step of a variational autoencoder.

use ivae_nn::{Inputs, Scratch};
use ivae_num::Scalar;
use ndarray::Array2;

use super::decoder::DecoderWorkspace;
use crate::batch::{Batch, BatchBuffer};
use crate::objective::LogDensities;
use crate::posterior::EncoderWorkspace;
use crate::prior::PriorWorkspace;

/// Scratch memory of a step of a variational autoencoder; all arrays are for the largest batch.
#[derive(Debug)]
pub struct VaeWorkspace<F> {
    /// Latents z, `[B, n]`.
    pub z: Array2<F>,
    /// Of q(z|x,u).
    pub q: EncoderWorkspace<F>,
    /// Of p(x|z).
    pub x: DecoderWorkspace<F>,
    /// Of p(z|u).
    pub p: PriorWorkspace<F>,
    /// What the encoder reads in place of x, `[B, e]`; no columns where it reads x itself.
    pub(super) features: Array2<F>,
    /// Log-densities of the batch.
    pub densities: LogDensities<F>,
    pub(super) cotangents: LogDensities<F>,
    pub(super) d_z: Array2<F>,
    pub(super) copies: Option<Copies<F>>,
    pub(super) nets: Scratch<F>, // what all networks work in
}

/// Copies of every row of a batch, one after the other.
#[derive(Debug)]
pub(super) struct Copies<F> {
    buffer: BatchBuffer<F>,
    index: Vec<u32>,
    samples: usize,
}

impl<F: Scalar> Copies<F> {
    /// For `samples` copies of each of up to `batch` rows of x with `observed` columns and u of shape `u`.
    pub(super) fn new(observed: usize, u: Inputs, (batch, samples): (usize, usize)) -> Self {
        let rows = batch * samples;
        let index = (0..rows).map(|row| (row / samples) as u32).collect();
        Self { buffer: BatchBuffer::of_shape(observed, u, rows), index, samples }
    }

    fn of(&mut self, batch: &Batch<'_, F>) -> Batch<'_, F> {
        self.buffer.gather(batch, &self.index[..batch.rows() * self.samples])
    }
}

impl<F: Scalar> VaeWorkspace<F> {
    /// `run` on all copies of the rows of `batch`.
    pub(super) fn on_copies<T>(
        &mut self,
        batch: Batch<'_, F>,
        run: impl FnOnce(Batch<'_, F>, &mut Self) -> T,
    ) -> T {
        let Some(mut copies) = self.copies.take() else { return run(batch, self) };
        let out = run(copies.of(&batch), self);
        self.copies = Some(copies);
        out
    }
}
