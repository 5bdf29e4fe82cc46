//! Scratch memory of a [`Vae`] step.

use ivae_nn::Scratch;
use ivae_num::Scalar;
use ndarray::Array2;

use super::{AuxShape, Vae};
use crate::block::ThetaWorkspace;

/// Scratch memory of a [`Vae`] step; all arrays are for the largest batch.
#[derive(Debug)]
pub struct VaeWorkspace<F> {
    /// Reparameterisation noise ε, `[B, n]`; [`Vae::loss_and_grad`] reads it.
    pub noise: Array2<F>,
    /// Latents z, `[B, n]`.
    pub z: Array2<F>,
    /// What the encoder gives, `[B, e]`: mean | log-variance of its factor of the posterior | correlations, if any.
    pub theta_e: Array2<F>,
    /// Marginals of the posterior: mean | log-variance, `[B, 2n]`.
    pub theta_q: Array2<F>,
    /// Likelihood parameters, `[B, 2d]`; logits `[B, d]` of a Bernoulli likelihood.
    pub theta_x: Array2<F>,
    /// Prior parameters, `[B, p]`.
    pub theta_p: Array2<F>,
    /// log p(x|z), `[B]`.
    pub log_px: Vec<F>,
    /// log p(z|u), `[B]`; filled when sampled.
    pub log_pz: Vec<F>,
    /// log q(z|x) of independent latents, without the term that correlations add, `[B]`; filled when sampled.
    pub log_qz: Vec<F>,
    /// KL(q ‖ p), `[B]`: closed form, or log q − log p of the sample.
    pub kl: Vec<F>,
    pub(super) encoder_input: Array2<F>, // [B, d + m] where the encoder sees a continuous u
    pub(super) correlated: Array2<F>,    // [B, n], the noise with correlations
    pub(super) weight: Vec<F>,           // [B n], the encoder's share of a product posterior
    pub(super) scratch: Vec<F>,          // [B n]
    pub(super) d_z: Array2<F>,
    pub(super) d_theta_e: Array2<F>,
    pub(super) d_theta_q: Array2<F>,
    pub(super) d_theta_x: Array2<F>,
    pub(super) d_theta_p: Array2<F>,
    pub(super) kl_weight: f64, // of the KL in the loss, from 0 to 1
    pub(super) d_log_px: Vec<F>,
    pub(super) d_plus: Vec<F>,
    pub(super) d_minus: Vec<F>,
    pub(super) nets: Scratch<F>, // what all networks work in
    pub(super) posterior: ThetaWorkspace<F>,
    pub(super) likelihood: ThetaWorkspace<F>,
    pub(super) prior: ThetaWorkspace<F>,
}

impl<F: Scalar> VaeWorkspace<F> {
    /// For batches of up to `batch` rows.
    pub(super) fn new(vae: &Vae, batch: usize) -> Self {
        let n = vae.latents;
        let encoder_columns = match (vae.sees_u, vae.aux) {
            (true, AuxShape::Continuous(m)) => vae.observed + m,
            _ => 0,
        };
        let matrix = |columns: usize| Array2::zeros((batch, columns));
        let only = |wanted: bool| if wanted { n } else { 0 };
        let mut nets = Scratch::new();
        for theta in [&vae.posterior, &vae.likelihood, &vae.prior] {
            theta.reserve(&mut nets, batch);
        }
        let (e, q, x, p) = (vae.posterior.width(), 2 * n, vae.likelihood.width(), vae.prior.width());
        Self {
            noise: matrix(n),
            z: matrix(n),
            theta_e: matrix(e),
            theta_q: matrix(q),
            theta_x: matrix(x),
            theta_p: matrix(p),
            log_px: vec![F::zero(); batch],
            log_pz: vec![F::zero(); batch],
            log_qz: vec![F::zero(); batch],
            kl: vec![F::zero(); batch],
            encoder_input: matrix(encoder_columns),
            correlated: matrix(only(vae.correlated)),
            weight: vec![F::zero(); batch * only(vae.product)],
            scratch: vec![F::zero(); batch * n],
            d_z: matrix(n),
            d_theta_e: matrix(e),
            d_theta_q: matrix(q),
            d_theta_x: matrix(x),
            d_theta_p: matrix(p),
            kl_weight: 1.0,
            d_log_px: vec![F::zero(); batch],
            d_plus: vec![F::zero(); batch],
            d_minus: vec![F::zero(); batch],
            nets,
            posterior: vae.posterior.workspace(batch),
            likelihood: vae.likelihood.workspace(batch),
            prior: vae.prior.workspace(batch),
        }
    }
}
