//! [`Vae`]: the variational autoencoder, conditional (iVAE) or not, with its hand-written backward pass.
//!
//! One step, for a batch of B rows:
//! θ_q ← encoder(x\[, u\]), z ← μ_q + ε σ_q, θ_x ← decoder(z), θ_p ← prior(u), and the evidence lower bound
//! (Khemakhem et al. 2020, eq. 8; Kingma & Welling 2014, eq. 3), maximised as a mean over rows:
//!
//! ```text
//! ELBO = E_q[log p(x|z)] − KL(q(z|x) ‖ p(z|u)),   or by the sample   log p(x|z) + log p(z|u) − log q(z|x).
//! ```
//!
//! The posterior matters for what is recovered. With noise of variance σ² in x the true one has, for small σ, the
//! covariance σ² (JᵀJ)⁻¹, J the decoder's Jacobian \[d, n\]. The best diagonal one misses it by
//! ½ (Σᵢ log ‖Jᵢ‖² − log |JᵀJ|) nats, whatever σ: a force towards decoders with orthogonal columns that does not vanish
//! with the noise (Reizinger et al. 2022, section 3), and a bias wherever the true mixing has others. Correlated latents
//! ([`PosteriorSpec::correlated`](crate::spec::PosteriorSpec::correlated)) close that gap.

mod bounds;
mod estimate;
mod infer;
mod inputs;
mod posterior;
mod workspace;

use ivae_expfam::{Bernoulli, Density, Gaussian, GaussianForm, Reparam, gaussian_kl, gaussian_kl_backward};
use ivae_nn::{Input, Inputs, Layout};
use ivae_num::{Scalar, StreamKey, stream};
use ndarray::{ArrayView2, ArrayViewMut2};

pub use self::inputs::AuxShape;
pub(crate) use self::inputs::{aux_input, check_prior};
pub use self::workspace::VaeWorkspace;

use self::inputs::{encoder_input, fill_encoder_input};
use crate::block::{Block, BlockSpec, Theta};
use crate::error::SpecError;
use crate::estimator::{AuxRows, Batch, Terms};
use crate::slices::{columns, columns_mut, top, top_mut};
use crate::spec::{KlTerm, LikelihoodFamily, Start, VaeSpec, VarianceSpec};

/// Directions of x per latent that raise the variance floor.
const MOST_DIRECTIONS: f64 = 10.0;

const MEAN_VAR: Gaussian = Gaussian { form: GaussianForm::MeanVar };

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
    pub(crate) posterior: Theta, // θ_e [B, e] = mean | log-variance | correlations, if any
    pub(crate) likelihood: Theta, // θ_x [B, 2d] = mean | log-variance, or [B, d] = logits
    pub(crate) prior: Theta,     // θ_p [B, n·(1 or 2)]
    pub(crate) prior_form: GaussianForm,
    pub(crate) kl: KlTerm,
    pub(crate) start: Start,
    /// Whether x is binary, of Bernoulli likelihood.
    pub(crate) binary: bool,
    sees_u: bool,
    product: bool,
    correlated: bool,
    log_var_floor: f64,
    /// Steps over which the KL term is let in.
    kl_warmup: u64,
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
        let correlated = spec.posterior.correlated && latents > 1;
        let correlations = if correlated { posterior::correlations(latents) } else { 0 };
        let posterior_blocks = match spec.posterior.shared_trunk {
            true => vec![Block::new(&mut layout, "encoder", encoder, &net, 2 * latents + correlations)],
            false => [("mean", latents), ("log_var", latents), ("correlation", correlations)]
                .into_iter()
                .filter(|&(_, width)| width > 0)
                .map(|(name, width)| {
                    Block::new(&mut layout, &format!("encoder.{name}"), encoder, &net, width)
                })
                .collect(),
        };
        let z = Inputs { dense: latents, levels: 0 };
        // x has d/n directions for each latent: so many times the noise leaves as much known of it.
        let per_latent = (observed as f64 / latents as f64).clamp(1.0, MOST_DIRECTIONS);
        let variance = match spec.likelihood.family {
            LikelihoodFamily::Gaussian(VarianceSpec::Fixed(v)) => {
                Some((BlockSpec::Fixed(v.ln()), f64::NEG_INFINITY))
            }
            LikelihoodFamily::Gaussian(VarianceSpec::Shared { start, floor }) => {
                Some((BlockSpec::Shared(start.ln()), (floor * per_latent).ln()))
            }
            LikelihoodFamily::Gaussian(VarianceSpec::PerDimension { start, floor }) => {
                Some((BlockSpec::Free(start.ln()), (floor * per_latent).ln()))
            }
            LikelihoodFamily::Bernoulli => None,
        };
        let decoder = BlockSpec::Net(spec.likelihood.net.clone());
        let mut likelihood_blocks = vec![Block::new(&mut layout, "decoder", z, &decoder, observed)];
        if let Some((variance, _)) = &variance {
            likelihood_blocks.push(Block::new(&mut layout, "noise.log_var", z, variance, observed));
        }
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
            binary: variance.is_none(),
            sees_u,
            product: spec.posterior.product,
            correlated,
            log_var_floor: variance.map_or(f64::NEG_INFINITY, |(_, floor)| floor),
            kl_warmup: 0,
        })
    }

    /// Whether inference needs u.
    pub fn sees_u(&self) -> bool {
        self.sees_u
    }

    /// Whether the posterior is a product of the encoder's factor and the prior.
    pub fn is_product(&self) -> bool {
        self.product
    }

    /// The prior's family.
    pub fn prior_density(&self) -> Gaussian {
        Gaussian { form: self.prior_form }
    }

    /// Whether inference can use u, which a product posterior does without needing it.
    pub fn uses_u(&self) -> bool {
        self.sees_u || (self.product && self.aux != AuxShape::None)
    }

    /// The family of p(x|z), of parameters `ws.theta_x`.
    pub fn likelihood_density<F: Scalar>(&self) -> &'static dyn Density<F> {
        match self.binary {
            true => &Bernoulli,
            false => &MEAN_VAR,
        }
    }

    /// Overwrite `ws.theta_e` with what the encoder says of the batch.
    pub fn encode<F: Scalar>(&self, params: &[F], batch: Batch<'_, F>, ws: &mut VaeWorkspace<F>) {
        let b = batch.rows();
        fill_encoder_input(self, &batch, &mut ws.encoder_input);
        let input = encoder_input(self, batch.reborrow(), &ws.encoder_input);
        self.posterior.forward(top_mut(&mut ws.theta_e, b), params, input, &mut ws.posterior, &mut ws.nets);
    }

    /// Overwrite `ws.theta_p` with the prior's parameters and `ws.theta_q` with the posterior's marginals, mean |
    /// log-variance.
    pub fn infer<F: Scalar>(&self, params: &[F], batch: Batch<'_, F>, ws: &mut VaeWorkspace<F>) {
        let (b, n) = (batch.rows(), self.latents);
        self.prior_parameters(params, batch.u, b, ws);
        self.encode(params, batch, ws);
        let (theta_e, theta_p) = (top(&ws.theta_e, b), top(&ws.theta_p, b));
        let mut theta_q = top_mut(&mut ws.theta_q, b);
        match self.product {
            true => {
                let (weight, scratch) = (&mut ws.weight[..b * n], &mut ws.scratch[..b * n]);
                posterior::product(theta_q, weight, theta_e, self.prior_form, theta_p, scratch);
            }
            false => theta_q.assign(&columns(theta_e, 0..2 * n)),
        }
    }

    /// Overwrite `ws.theta_x` with the likelihood's parameters for `z` `[B, n]`.
    pub fn decode<F: Scalar>(&self, params: &[F], z: ArrayView2<'_, F>, ws: &mut VaeWorkspace<F>) {
        let b = z.nrows();
        let (theta_x, z_in) = (top_mut(&mut ws.theta_x, b), Input::dense(z));
        self.likelihood.forward(theta_x, params, z_in, &mut ws.likelihood, &mut ws.nets);
    }

    /// After [`decode`](Self::decode) of B rows: overwrite `x` `[B, d]` with the mean of p(x|z).
    pub fn likelihood_mean<F: Scalar>(&self, mut x: ArrayViewMut2<'_, F>, ws: &VaeWorkspace<F>) {
        let b = x.nrows();
        x.assign(&columns(top(&ws.theta_x, b), 0..self.observed));
        if self.binary {
            x.mapv_inplace(|logit| F::of((1.0 + (-logit.f64()).exp()).recip()));
        }
    }

    /// Overwrite `ws.theta_p` with the prior's parameters for `rows` rows of `u`.
    pub fn prior_parameters<F: Scalar>(
        &self,
        params: &[F],
        u: AuxRows<'_, F>,
        rows: usize,
        ws: &mut VaeWorkspace<F>,
    ) {
        let theta_p = top_mut(&mut ws.theta_p, rows);
        self.prior.forward(theta_p, params, aux_input(u), &mut ws.prior, &mut ws.nets);
    }

    /// [`infer`](Self::infer), then [`bound`](Self::bound): fills z, all θ, and the per-row terms; returns their sums.
    pub fn forward<F: Scalar>(
        &self,
        params: &[F],
        batch: Batch<'_, F>,
        kl: KlTerm,
        ws: &mut VaeWorkspace<F>,
    ) -> Terms {
        self.infer(params, batch.reborrow(), ws);
        self.bound(params, batch.x, kl, ws)
    }

    /// After [`infer`](Self::infer) of the rows `x`: draw z with the noise in `ws.noise` and fill the per-row terms;
    /// returns their sums.
    pub fn bound<F: Scalar>(
        &self,
        params: &[F],
        x: ArrayView2<'_, F>,
        kl: KlTerm,
        ws: &mut VaeWorkspace<F>,
    ) -> Terms {
        let (b, n, p) = (x.nrows(), self.latents, self.prior_density());
        let (theta_q, theta_p) = (top(&ws.theta_q, b), top(&ws.theta_p, b));
        let correlations = columns(top(&ws.theta_e, b), 2 * n..ws.theta_e.ncols());
        let mut noise = top(&ws.noise, b);
        if self.correlated {
            posterior::correlate(top_mut(&mut ws.correlated, b), noise, correlations);
            noise = top(&ws.correlated, b);
        }
        MEAN_VAR.sample(top_mut(&mut ws.z, b), theta_q, noise);
        let z = top(&ws.z, b);
        let (theta_x, z_in) = (top_mut(&mut ws.theta_x, b), Input::dense(z));
        self.likelihood.forward(theta_x, params, z_in, &mut ws.likelihood, &mut ws.nets);
        self.likelihood_density().log_prob(&mut ws.log_px[..b], top(&ws.theta_x, b), x);
        match kl {
            KlTerm::None => ws.kl[..b].fill(F::zero()),
            KlTerm::Closed => {
                gaussian_kl(&mut ws.kl[..b], theta_q, self.prior_form, theta_p);
            }
            KlTerm::Sampled => {
                p.log_prob(&mut ws.log_pz[..b], theta_p, z);
                let (noise, scratch) = (top(&ws.noise, b), &mut ws.scratch[..b * n]);
                posterior::log_density(&mut ws.log_qz[..b], theta_q, noise, scratch);
                let densities = ws.log_qz[..b].iter().zip(&ws.log_pz);
                ws.kl[..b].iter_mut().zip(densities).for_each(|(kl, (&q, &p))| *kl = q - p);
            }
        }
        if self.correlated && kl != KlTerm::None {
            posterior::total_correlation(&mut ws.kl[..b], correlations, n);
        }
        let mut terms = Terms { rows: b, ..Terms::default() };
        for (log_px, kl) in ws.log_px[..b].iter().zip(&ws.kl[..b]) {
            terms.log_px += log_px.f64();
            terms.kl += kl.f64();
        }
        terms.objective = terms.log_px - terms.kl;
        terms
    }

    /// The same model, trained with the KL term let in over `steps` steps (Sønderby et al. 2016): latents find their
    /// use before the prior asks what they cost.
    pub(crate) fn with_kl_warmup(&self, steps: u64) -> Self {
        Self { kl_warmup: steps, ..self.clone() }
    }

    /// [`forward`](Self::forward), then overwrite `grad` with the gradient of the mean loss −ELBO/B, in which the KL
    /// counts `ws.kl_weight` times.
    pub fn loss_and_grad<F: Scalar>(
        &self,
        grad: &mut [F],
        params: &[F],
        batch: Batch<'_, F>,
        ws: &mut VaeWorkspace<F>,
    ) -> Terms {
        let terms = self.forward(params, batch, self.kl, ws);
        let (b, n, p) = (batch.rows(), self.latents, self.prior_density());
        let (weight, kl_weight) = (F::one() / F::of(b as f64), F::of(ws.kl_weight / b as f64));
        ws.d_log_px[..b].fill(-weight);
        ws.d_plus[..b].fill(kl_weight);
        ws.d_minus[..b].fill(-kl_weight);
        let (d_log_px, d_plus, d_minus) = (&ws.d_log_px[..b], &ws.d_plus[..b], &ws.d_minus[..b]);
        let (theta_q, theta_x, theta_p) = (top(&ws.theta_q, b), top(&ws.theta_x, b), top(&ws.theta_p, b));
        let theta_e = top(&ws.theta_e, b);
        let correlations = columns(theta_e, 2 * n..theta_e.ncols());
        let (noise, z) = (top(&ws.noise, b), top(&ws.z, b));
        let (mut d_z, mut d_e) = (top_mut(&mut ws.d_z, b), top_mut(&mut ws.d_theta_e, b));
        let (mut d_q, mut d_p) = (top_mut(&mut ws.d_theta_q, b), top_mut(&mut ws.d_theta_p, b));
        let mut d_x = top_mut(&mut ws.d_theta_x, b);
        d_z.fill(F::zero());
        d_e.fill(F::zero());
        d_q.fill(F::zero());
        d_p.fill(F::zero());
        d_x.fill(F::zero());

        // −log p(x|z)
        let density = self.likelihood_density();
        density.log_prob_backward(Some(d_x.view_mut()), None, theta_x, batch.x, d_log_px);
        let (d_z_out, z_in, nets) = (Some(d_z.view_mut()), Input::dense(z), &mut ws.nets);
        self.likelihood.backward(grad, d_z_out, params, z_in, d_x.view(), &mut ws.likelihood, nets);
        // +KL(q ‖ p)
        match self.kl {
            KlTerm::None => {}
            KlTerm::Closed => {
                let (d_q, d_p) = (d_q.view_mut(), d_p.view_mut());
                gaussian_kl_backward(d_q, d_p, theta_q, self.prior_form, theta_p, d_plus);
            }
            KlTerm::Sampled => {
                posterior::log_density_backward(d_q.view_mut(), d_plus, &mut ws.scratch[..b * n]);
                p.log_prob_backward(Some(d_p.view_mut()), Some(d_z.view_mut()), theta_p, z, d_minus);
            }
        }
        // z = μ + a σ, a = ε or ε correlated
        match self.correlated {
            true => {
                let a = top(&ws.correlated, b);
                MEAN_VAR.sample_backward(d_q.view_mut(), theta_q, a, d_z.view());
                posterior::times_std(d_z.view_mut(), theta_q, &mut ws.scratch[..b * n]);
                let mut d_u = columns_mut(&mut d_e, 2 * n..theta_e.ncols());
                posterior::correlate_backward(d_u.view_mut(), a, noise, correlations, d_z.view());
                if self.kl != KlTerm::None {
                    posterior::total_correlation_backward(d_u, correlations, n, d_plus);
                }
            }
            false => MEAN_VAR.sample_backward(d_q.view_mut(), theta_q, noise, d_z.view()),
        }
        // θ_q of θ_e and θ_p
        match self.product {
            true => {
                let (weight, form) = (&ws.weight[..b * n], self.prior_form);
                let (d_e, d_p) = (d_e.view_mut(), d_p.view_mut());
                posterior::product_backward(d_e, d_p, weight, theta_e, form, theta_p, d_q.view());
            }
            false => columns_mut(&mut d_e, 0..2 * n).assign(&d_q),
        }
        let input = encoder_input(self, batch.reborrow(), &ws.encoder_input);
        self.posterior.backward(grad, None, params, input, d_e.view(), &mut ws.posterior, nets);
        self.prior.backward(grad, None, params, aux_input(batch.u), d_p.view(), &mut ws.prior, nets);
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
