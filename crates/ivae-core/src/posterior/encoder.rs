//! [`Encoder`]: the Gaussian posterior q(z|x,u) of a variational model, with its backward pass.
//!
//! The posterior matters for what is recovered. With noise of variance σ² in x the true one has, for small σ, the
//! covariance σ² (JᵀJ)⁻¹, J the decoder's Jacobian \[d, n\]. The best diagonal one misses it by
//! ½ (Σᵢ log ‖Jᵢ‖² − log |JᵀJ|) nats, whatever σ: a force towards decoders with orthogonal columns that does not vanish
//! with the noise (Reizinger et al. 2022, section 3), and a bias wherever the true mixing has others. A full covariance
//! closes that gap.

use ivae_nn::{Input, Inputs, Layout, Mlp, MlpSpec, Scratch};
use ivae_num::{Scalar, StreamKey, stream};
use ndarray::Array2;
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::theta::{Source, Theta, ThetaBlock, ThetaSpec, ThetaWorkspace};
use ivae_expfam::family::gaussian::{FullProduct, correlation};
use ivae_num::slices::{columns_mut, top, top_mut};

/// The variational posterior: Gaussian.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PosteriorSpec {
    /// Its networks.
    pub net: MlpSpec,
    /// One network with several heads, instead of one network each for mean, log-variance and correlations.
    pub shared_trunk: bool,
    /// Whether the encoder reads u beside x. If so, nothing can be inferred without u.
    pub conditional_encoder: bool,
    /// q(z|x,u) ∝ e(z|x) p(z|u): the encoder gives a Gaussian factor, and the prior is the other one. What is fitted is
    /// what x says beyond u, so that latents can be inferred with and without u.
    #[serde(default)]
    pub product_of_experts: bool,
    /// A full covariance in place of a diagonal one: the encoder gives the correlations between latents too.
    #[serde(default)]
    pub full_covariance: bool,
}

/// The encoder of q(z|x,u): immutable; its parameters are part of a flat slice.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// Latents n.
    pub latents: usize,
    /// Whether the encoder reads u beside x.
    pub is_conditional: bool,
    /// Whether the posterior is a product of the encoder's factor and the prior.
    pub is_product: bool,
    /// Whether the latents are correlated given x.
    pub has_full_covariance: bool,
    pub(crate) theta: Theta, // θ_e [B, e] = mean | log-variance | correlations, if any
}

/// Scratch of an [`Encoder`]; all arrays are for the largest batch.
#[derive(Debug)]
pub struct EncoderWorkspace<F> {
    /// Reparameterisation noise ε, `[B, n]`.
    pub noise: Array2<F>,
    /// What the encoder gives, `[B, e]`: mean | log-variance of its factor of the posterior | correlations, if any.
    pub theta_e: Array2<F>,
    /// Marginals of the posterior: mean | log-variance, `[B, 2n]`.
    pub theta_q: Array2<F>,
    input: Array2<F>, // [B, d + m] where the encoder reads continuous values of u
    pub(super) correlated: Array2<F>, // [B, n], the noise with correlations
    pub(super) weight: Vec<F>, // [B n], the encoder's share of a product of independent latents
    pub(super) product: FullProduct<F>, // of correlated latents
    pub(super) scratch: Vec<F>, // [B n]
    pub(super) d_theta_e: Array2<F>,
    pub(super) d_theta_q: Array2<F>,
    net: ThetaWorkspace<F>,
}

impl Encoder {
    /// Lay out an encoder of x with `observed` columns and u of shape `u`.
    pub fn new(
        layout: &mut Layout,
        spec: &PosteriorSpec,
        latents: usize,
        observed: usize,
        u: Inputs,
    ) -> Self {
        let is_conditional = spec.conditional_encoder && u != Inputs::default();
        let inputs = match is_conditional {
            true => Inputs { dense: observed + u.dense, levels: u.levels },
            false => Inputs { dense: observed, levels: 0 },
        };
        let net = ThetaSpec::Net(spec.net.clone());
        let has_full_covariance = spec.full_covariance && latents > 1;
        let correlations = if has_full_covariance { correlation::parameters(latents) } else { 0 };
        let blocks = match spec.shared_trunk {
            true => vec![ThetaBlock::new(layout, "encoder", inputs, &net, 2 * latents + correlations)],
            false => [("mean", latents), ("log_var", latents), ("correlation", correlations)]
                .into_iter()
                .filter(|&(_, width)| width > 0)
                .map(|(name, width)| ThetaBlock::new(layout, &format!("encoder.{name}"), inputs, &net, width))
                .collect(),
        };
        let theta = Theta { inputs, blocks };
        Self { latents, is_conditional, is_product: spec.product_of_experts, has_full_covariance, theta }
    }

    /// The network that gives the means.
    pub(crate) fn mean_net(&self) -> Option<&Mlp> {
        match self.theta.blocks.first().map(|b| &b.source) {
            Some(Source::Net(mlp)) => Some(mlp),
            _ => None,
        }
    }

    /// Fill the parameters with their starting values.
    pub fn init<F: Scalar>(&self, params: &mut [F], rng: &mut impl Rng) {
        self.theta.init(params, rng);
    }

    /// Scratch for batches of up to `batch` rows of u with `dense` continuous columns.
    pub fn workspace<F: Scalar>(
        &self,
        nets: &mut Scratch<F>,
        batch: usize,
        dense: usize,
    ) -> EncoderWorkspace<F> {
        self.theta.reserve(nets, batch);
        let n = self.latents;
        let matrix = |columns: usize| Array2::zeros((batch, columns));
        let only = |wanted: bool| if wanted { n } else { 0 };
        let reads_values = self.is_conditional && dense > 0;
        EncoderWorkspace {
            noise: matrix(n),
            theta_e: matrix(self.theta.width()),
            theta_q: matrix(2 * n),
            input: matrix(if reads_values { self.theta.inputs.dense } else { 0 }),
            correlated: matrix(only(self.has_full_covariance)),
            weight: vec![F::zero(); batch * only(self.is_product)],
            product: FullProduct::new(if self.is_full_product() { batch } else { 0 }, n),
            scratch: vec![F::zero(); batch * n],
            d_theta_e: matrix(self.theta.width()),
            d_theta_q: matrix(2 * n),
            net: self.theta.workspace(batch),
        }
    }

    /// Fill the noise of the first `rows` rows from `key`.
    pub fn draw_noise<F: Scalar>(&self, ws: &mut EncoderWorkspace<F>, rows: usize, key: StreamKey) {
        let n = self.latents;
        if let Some(noise) = ws.noise.as_slice_mut() {
            stream::fill_normal(&mut noise[..rows * n], n, key);
        }
    }

    /// Overwrite `ws.theta_e` with what the encoder gives for the batch.
    pub fn forward<F: Scalar>(
        &self,
        params: &[F],
        batch: Batch<'_, F>,
        ws: &mut EncoderWorkspace<F>,
        nets: &mut Scratch<F>,
    ) {
        let b = batch.rows();
        if let (true, Some(u)) = (self.is_conditional, batch.u.dense) {
            let mut input = top_mut(&mut ws.input, b);
            columns_mut(&mut input, 0..batch.x.ncols()).assign(&batch.x);
            columns_mut(&mut input, batch.x.ncols()..self.theta.inputs.dense).assign(&u);
        }
        let input = self.input(batch.reborrow(), &ws.input);
        self.theta.forward(top_mut(&mut ws.theta_e, b), params, input, &mut ws.net, nets);
    }

    /// What the networks read: x, or x and u.
    fn input<'a, F: Scalar>(&self, batch: Batch<'a, F>, both: &'a Array2<F>) -> Input<'a, F> {
        match (self.is_conditional, batch.u) {
            (true, Input { dense: Some(_), levels }) => {
                Input { dense: Some(top(both, batch.rows())), levels }
            }
            (true, Input { dense: None, levels: Some(levels) }) => Input::both(batch.x, levels),
            _ => Input::dense(batch.x),
        }
    }

    /// Whether the posterior is a product of a factor of full covariance and the prior.
    pub(super) fn is_full_product(&self) -> bool {
        self.is_product && self.has_full_covariance
    }

    /// Backward of [`forward`](Self::forward) for the cotangents in `ws.d_theta_e`. Overwrites the encoder's part of `grad`.
    pub(super) fn nets_backward_overwrite<F: Scalar>(
        &self,
        grad: &mut [F],
        params: &[F],
        batch: Batch<'_, F>,
        ws: &mut EncoderWorkspace<F>,
        nets: &mut Scratch<F>,
    ) {
        let d_theta_e = top(&ws.d_theta_e, batch.rows());
        let input = self.input(batch.reborrow(), &ws.input);
        self.theta.backward_overwrite(grad, None, params, input, d_theta_e, &mut ws.net, nets);
    }
}
