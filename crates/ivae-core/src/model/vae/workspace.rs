//! Scratch memory of a step of a variational autoencoder.

use ivae_nn::Scratch;
use ndarray::Array2;

use super::decoder::DecoderWorkspace;
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
    pub(super) nets: Scratch<F>, // what all networks work in
}
