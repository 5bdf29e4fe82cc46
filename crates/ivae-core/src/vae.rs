//! [`Vae`]: the variational autoencoder, conditional (iVAE) or not, with its hand-written backward pass.
//!
//! One step, for a batch of B rows:
//! θ_q ← encoder(x\[, u\]), z ← μ_q + ε σ_q, θ_x ← decoder(z), θ_p ← prior(u), and the evidence lower bound
//! (Khemakhem et al. 2020, eq. 8; Kingma & Welling 2014, eq. 3), maximised as a mean over rows:
//!
//! ```text
//! ELBO = E_q[log p(x|z)] − KL(q(z|x) ‖ p(z|u)),   or by the sample   log p(x|z) + log p(z|u) − log q(z|x).
//! ```

use ivae_expfam::{Density, Gaussian, GaussianForm, Reparam, gaussian_kl, gaussian_kl_backward};
use ivae_nn::{Input, Inputs, Layout};
use ivae_num::{Scalar, StreamKey, stream};
use ndarray::{Array2, ArrayView2};

use crate::block::{Block, BlockSpec, Source, Theta, ThetaWorkspace};
use crate::error::SpecError;
use crate::estimator::{AuxRows, Batch, Estimator, Terms};
use crate::slices::{columns_mut, top, top_mut};
use crate::spec::{KlTerm, PriorSpec, Start, VaeSpec, VarianceSpec};

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

/// A variational autoencoder: immutable; its parameters are a flat slice.
#[derive(Debug, Clone)]
pub struct Vae {
    /// Latents n.
    pub latents: usize,
    /// Observed dimensions d (after scaling).
    pub observed: usize,
    /// Shape of u.
    pub aux: AuxShape,
    /// Whether the columns of x are principal components of unit variance, the largest first: a linear start takes
    /// the first n of them.
    pub whitened: bool,
    pub(crate) layout: Layout,
    pub(crate) posterior: Theta,  // θ_q [B, 2n] = mean | log-variance
    pub(crate) likelihood: Theta, // θ_x [B, 2d] = mean | log-variance
    pub(crate) prior: Theta,      // θ_p [B, n·(1 or 2)]
    pub(crate) prior_form: GaussianForm,
    pub(crate) kl: KlTerm,
    pub(crate) start: Start,
    sees_u: bool,
    log_var_floor: f64,
}

/// Scratch memory of a [`Vae`] step; all arrays are for the largest batch.
#[derive(Debug)]
pub struct VaeWorkspace<F> {
    /// Reparameterisation noise ε, `[B, n]`; [`Vae::loss_and_grad`] reads it.
    pub noise: Array2<F>,
    /// Latents z, `[B, n]`.
    pub z: Array2<F>,
    /// Posterior parameters, `[B, 2n]`.
    pub theta_q: Array2<F>,
    /// Likelihood parameters, `[B, 2d]`.
    pub theta_x: Array2<F>,
    /// Prior parameters, `[B, p]`.
    pub theta_p: Array2<F>,
    /// log p(x|z), `[B]`.
    pub log_px: Vec<F>,
    /// log p(z|u), `[B]`; filled when sampled.
    pub log_pz: Vec<F>,
    /// log q(z|x), `[B]`; filled when sampled.
    pub log_qz: Vec<F>,
    /// KL(q ‖ p), `[B]`: closed form, or log q − log p of the sample.
    pub kl: Vec<F>,
    pub(crate) encoder_input: Array2<F>, // [B, d + m] where the encoder sees a continuous u
    d_z: Array2<F>,
    d_theta_q: Array2<F>,
    d_theta_x: Array2<F>,
    d_theta_p: Array2<F>,
    d_plus: Vec<F>,
    d_minus: Vec<F>,
    pub(crate) posterior: ThetaWorkspace<F>,
    pub(crate) likelihood: ThetaWorkspace<F>,
    pub(crate) prior: ThetaWorkspace<F>,
}

impl Vae {
    /// Lay out a model for x with `observed` columns and u of shape `aux`.
    ///
    /// # Errors
    /// A prior that depends on u where there is none, or a table where u is continuous.
    pub fn new(spec: &VaeSpec, latents: usize, observed: usize, aux: AuxShape) -> Result<Self, SpecError> {
        check_prior(&spec.prior, aux)?;
        let mut layout = Layout::new();
        let u = aux.inputs();
        let sees_u = spec.posterior.sees_u && aux != AuxShape::None;
        let encoder = match sees_u {
            true => Inputs { dense: observed + u.dense, levels: u.levels },
            false => Inputs { dense: observed, levels: 0 },
        };
        let net = BlockSpec::Net(spec.posterior.net.clone());
        let posterior_blocks = match spec.posterior.shared_trunk {
            true => vec![Block::new(&mut layout, "encoder", encoder, &net, 2 * latents)],
            false => vec![
                Block::new(&mut layout, "encoder.mean", encoder, &net, latents),
                Block::new(&mut layout, "encoder.log_var", encoder, &net, latents),
            ],
        };
        let z = Inputs { dense: latents, levels: 0 };
        let (variance, floor) = match spec.likelihood.variance {
            VarianceSpec::Fixed(v) => (BlockSpec::Fixed(v.ln()), f64::NEG_INFINITY),
            VarianceSpec::Shared { start, floor } => (BlockSpec::Shared(start.ln()), floor.ln()),
            VarianceSpec::PerDimension { start, floor } => (BlockSpec::Free(start.ln()), floor.ln()),
        };
        let decoder = BlockSpec::Net(spec.likelihood.net.clone());
        let likelihood_blocks = vec![
            Block::new(&mut layout, "decoder", z, &decoder, observed),
            Block::new(&mut layout, "noise.log_var", z, &variance, observed),
        ];
        let prior_form = spec.prior.form;
        let width = Density::<f64>::width(&Gaussian { form: prior_form }, latents);
        let prior_blocks = vec![Block::new(&mut layout, "prior", u, &spec.prior.parameters, width)];
        Ok(Self {
            latents,
            observed,
            aux,
            whitened: false,
            layout,
            posterior: Theta { inputs: encoder, blocks: posterior_blocks },
            likelihood: Theta { inputs: z, blocks: likelihood_blocks },
            prior: Theta { inputs: u, blocks: prior_blocks },
            prior_form,
            kl: spec.kl,
            start: spec.start,
            sees_u,
            log_var_floor: floor,
        })
    }

    /// Whether inference needs u.
    pub fn sees_u(&self) -> bool {
        self.sees_u
    }

    /// The prior's family.
    pub fn prior_density(&self) -> Gaussian {
        Gaussian { form: self.prior_form }
    }

    /// Overwrite `ws.theta_q` with the posterior's parameters for the batch.
    pub fn encode<F: Scalar>(&self, params: &[F], batch: Batch<'_, F>, ws: &mut VaeWorkspace<F>) {
        let b = batch.rows();
        fill_encoder_input(self, &batch, &mut ws.encoder_input);
        let input = encoder_input(self, batch.reborrow(), &ws.encoder_input);
        self.posterior.forward(top_mut(&mut ws.theta_q, b), params, input, &mut ws.posterior);
    }

    /// Overwrite `ws.theta_x` with the likelihood's parameters for `z` `[B, n]`.
    pub fn decode<F: Scalar>(&self, params: &[F], z: ArrayView2<'_, F>, ws: &mut VaeWorkspace<F>) {
        let b = z.nrows();
        self.likelihood.forward(top_mut(&mut ws.theta_x, b), params, Input::dense(z), &mut ws.likelihood);
    }

    /// Overwrite `ws.theta_p` with the prior's parameters for `rows` rows of `u`.
    pub fn prior_parameters<F: Scalar>(
        &self,
        params: &[F],
        u: AuxRows<'_, F>,
        rows: usize,
        ws: &mut VaeWorkspace<F>,
    ) {
        self.prior.forward(top_mut(&mut ws.theta_p, rows), params, aux_input(u), &mut ws.prior);
    }

    /// The forward pass with the noise in `ws.noise`: fills z, all θ, and the per-row terms; returns their sums.
    pub fn forward<F: Scalar>(
        &self,
        params: &[F],
        batch: Batch<'_, F>,
        kl: KlTerm,
        ws: &mut VaeWorkspace<F>,
    ) -> Terms {
        let (b, q, p) = (batch.rows(), Gaussian { form: GaussianForm::MeanVar }, self.prior_density());
        self.encode(params, batch, ws);
        let theta_q = top(&ws.theta_q, b);
        q.sample(top_mut(&mut ws.z, b), theta_q, top(&ws.noise, b));
        let z = top(&ws.z, b);
        self.likelihood.forward(top_mut(&mut ws.theta_x, b), params, Input::dense(z), &mut ws.likelihood);
        q.log_prob(&mut ws.log_px[..b], top(&ws.theta_x, b), batch.x);
        self.prior.forward(top_mut(&mut ws.theta_p, b), params, aux_input(batch.u), &mut ws.prior);
        let theta_p = top(&ws.theta_p, b);
        match kl {
            KlTerm::None => ws.kl[..b].fill(F::zero()),
            KlTerm::Closed => gaussian_kl(&mut ws.kl[..b], theta_q, self.prior_form, theta_p),
            KlTerm::Sampled => {
                p.log_prob(&mut ws.log_pz[..b], theta_p, z);
                q.log_prob(&mut ws.log_qz[..b], theta_q, z);
                for i in 0..b {
                    ws.kl[i] = ws.log_qz[i] - ws.log_pz[i];
                }
            }
        }
        let mut terms = Terms { rows: b, ..Terms::default() };
        for (log_px, kl) in ws.log_px[..b].iter().zip(&ws.kl[..b]) {
            terms.log_px += log_px.f64();
            terms.kl += kl.f64();
        }
        terms.objective = terms.log_px - terms.kl;
        terms
    }

    /// [`forward`](Self::forward), then add the gradient of the mean loss −ELBO/B to `grad`.
    pub fn loss_and_grad<F: Scalar>(
        &self,
        grad: &mut [F],
        params: &[F],
        batch: Batch<'_, F>,
        ws: &mut VaeWorkspace<F>,
    ) -> Terms {
        let terms = self.forward(params, batch, self.kl, ws);
        let (b, q, p) = (batch.rows(), Gaussian { form: GaussianForm::MeanVar }, self.prior_density());
        let weight = F::one() / F::of(b as f64);
        ws.d_plus[..b].fill(weight);
        ws.d_minus[..b].fill(-weight);
        let (d_plus, d_minus) = (&ws.d_plus[..b], &ws.d_minus[..b]);
        let (theta_q, theta_x, theta_p) = (top(&ws.theta_q, b), top(&ws.theta_x, b), top(&ws.theta_p, b));
        let (noise, z) = (top(&ws.noise, b), top(&ws.z, b));
        let (mut d_z, mut d_q) = (top_mut(&mut ws.d_z, b), top_mut(&mut ws.d_theta_q, b));
        let (mut d_x, mut d_p) = (top_mut(&mut ws.d_theta_x, b), top_mut(&mut ws.d_theta_p, b));
        d_z.fill(F::zero());
        d_q.fill(F::zero());
        d_x.fill(F::zero());
        d_p.fill(F::zero());

        // −log p(x|z)
        q.log_prob_backward(Some(d_x.view_mut()), None, theta_x, batch.x, d_minus);
        let d_z_out = Some(d_z.view_mut());
        self.likelihood.backward(grad, d_z_out, params, Input::dense(z), d_x.view(), &mut ws.likelihood);
        // +KL(q ‖ p)
        match self.kl {
            KlTerm::None => {}
            KlTerm::Closed => {
                gaussian_kl_backward(
                    d_q.view_mut(),
                    d_p.view_mut(),
                    theta_q,
                    self.prior_form,
                    theta_p,
                    d_plus,
                );
            }
            KlTerm::Sampled => {
                q.log_prob_backward(Some(d_q.view_mut()), Some(d_z.view_mut()), theta_q, z, d_plus);
                p.log_prob_backward(Some(d_p.view_mut()), Some(d_z.view_mut()), theta_p, z, d_minus);
            }
        }
        // z = μ + ε σ
        q.sample_backward(d_q.view_mut(), theta_q, noise, d_z.view());
        let input = encoder_input(self, batch.reborrow(), &ws.encoder_input);
        self.posterior.backward(grad, None, params, input, d_q.view(), &mut ws.posterior);
        self.prior.backward(grad, None, params, aux_input(batch.u), d_p.view(), &mut ws.prior);
        terms
    }

    /// Fill the noise of the first `rows` rows from `key`.
    pub fn draw_noise<F: Scalar>(&self, ws: &mut VaeWorkspace<F>, rows: usize, key: StreamKey) {
        let n = self.latents;
        if self.kl == KlTerm::None {
            ws.noise.fill(F::zero());
        } else if let Some(noise) = ws.noise.as_slice_mut() {
            stream::fill_normal(&mut noise[..rows * n], n, key);
        }
    }
}

impl<F: Scalar> Estimator<F> for Vae {
    type Workspace = VaeWorkspace<F>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn init(&self, params: &mut [F], data: Batch<'_, F>, key: StreamKey) {
        let mut rng = key.rng();
        self.posterior.init(params, &mut rng);
        self.likelihood.init(params, &mut rng);
        self.prior.init(params, &mut rng);
        crate::start::start(self, params, data, &mut rng);
        self.project(params);
    }

    fn workspace(&self, batch: usize) -> VaeWorkspace<F> {
        let (n, d, p) = (self.latents, self.observed, self.prior.width());
        let encoder_columns = match (self.sees_u, self.aux) {
            (true, AuxShape::Continuous(m)) => d + m,
            _ => 0,
        };
        VaeWorkspace {
            noise: Array2::zeros((batch, n)),
            z: Array2::zeros((batch, n)),
            theta_q: Array2::zeros((batch, 2 * n)),
            theta_x: Array2::zeros((batch, 2 * d)),
            theta_p: Array2::zeros((batch, p)),
            log_px: vec![F::zero(); batch],
            log_pz: vec![F::zero(); batch],
            log_qz: vec![F::zero(); batch],
            kl: vec![F::zero(); batch],
            encoder_input: Array2::zeros((batch, encoder_columns)),
            d_z: Array2::zeros((batch, n)),
            d_theta_q: Array2::zeros((batch, 2 * n)),
            d_theta_x: Array2::zeros((batch, 2 * d)),
            d_theta_p: Array2::zeros((batch, p)),
            d_plus: vec![F::zero(); batch],
            d_minus: vec![F::zero(); batch],
            posterior: self.posterior.workspace(batch),
            likelihood: self.likelihood.workspace(batch),
            prior: self.prior.workspace(batch),
        }
    }

    fn step(
        &self,
        grad: &mut [F],
        params: &[F],
        batch: Batch<'_, F>,
        key: StreamKey,
        ws: &mut VaeWorkspace<F>,
    ) -> Terms {
        self.draw_noise(ws, batch.rows(), key);
        self.loss_and_grad(grad, params, batch, ws)
    }

    fn evaluate(&self, params: &[F], batch: Batch<'_, F>, key: StreamKey, ws: &mut VaeWorkspace<F>) -> Terms {
        self.draw_noise(ws, batch.rows(), key);
        let kl = if self.kl == KlTerm::None { KlTerm::None } else { KlTerm::Closed };
        self.forward(params, batch, kl, ws)
    }

    fn project(&self, params: &mut [F]) {
        let floor = F::of(self.log_var_floor);
        for block in &self.likelihood.blocks {
            if let Source::Free { slot, .. } = &block.source {
                slot.view_mut(params).mapv_inplace(|v| if v < floor { floor } else { v });
            }
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
fn fill_encoder_input<F: Scalar>(vae: &Vae, batch: &Batch<'_, F>, both: &mut Array2<F>) {
    if let (true, AuxRows::Continuous(u)) = (vae.sees_u, batch.u) {
        let (b, d) = (batch.rows(), vae.observed);
        let mut both = top_mut(both, b);
        columns_mut(&mut both, 0..d).assign(&batch.x);
        columns_mut(&mut both, d..d + u.ncols()).assign(&u);
    }
}

fn encoder_input<'a, F: Scalar>(vae: &Vae, batch: Batch<'a, F>, both: &'a Array2<F>) -> Input<'a, F> {
    match (vae.sees_u, batch.u) {
        (true, AuxRows::Continuous(_)) => Input::dense(top(both, batch.rows())),
        (true, AuxRows::Levels(levels)) => Input::both(batch.x, levels),
        _ => Input::dense(batch.x),
    }
}
