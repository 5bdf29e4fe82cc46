//! [`Vae`]: encoder, prior, decoder and objective of a variational autoencoder, with the backward pass.
//!
//! One step, for a batch of B rows:
//! θ_e ← encoder(x\[, u\]), θ_p ← prior(u), θ_q ← θ_e\[, θ_p\], z ← μ_q + ε σ_q, θ_x ← decoder(z), and the evidence lower
//! bound of [`Objective`] (Khemakhem et al. 2020, eq. 8), maximised as a mean over rows.

use ivae_nn::{Input, Inputs, Layout, Scratch};
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, ArrayView2};

use super::decoder::Decoder;
use super::spec::{VaeSpec, WarmStart};
use super::workspace::{Copies, VaeWorkspace};
use crate::batch::Batch;
use crate::error::SpecError;
use crate::objective::{LogDensities, Objective, ObjectiveSpec, Sums};
use crate::posterior::{Encoder, KlForm};
use crate::prior::Prior;
use ivae_num::slices::{top, top_mut};

/// A variational autoencoder: immutable; its parameters are a flat slice.
#[derive(Debug, Clone)]
pub struct Vae {
    /// Latents n.
    pub latents: usize,
    /// Observed columns d (after scaling).
    pub observed: usize,
    /// Shape of u.
    pub u: Inputs,
    /// Whether the columns of x are principal components of unit variance, the largest first: a linear start takes
    /// the first n of them.
    pub is_whitened: bool,
    /// q(z|x,u).
    pub encoder: Encoder,
    /// p(x|z).
    pub decoder: Decoder,
    /// p(z|u).
    pub prior: Prior,
    /// What is maximised.
    pub objective: Objective,
    pub(super) layout: Layout,
    pub(super) start: WarmStart,
}

impl Vae {
    /// Lay out a model for x with `observed` columns and u of shape `u`.
    ///
    /// # Errors
    /// A prior that depends on u where there is none, or a table where u is not levels alone.
    pub fn new(spec: &VaeSpec, latents: usize, observed: usize, u: Inputs) -> Result<Self, SpecError> {
        let mut layout = Layout::new();
        let features = spec.likelihood.family.part::<f64>().features(observed);
        let encoder = Encoder::new(&mut layout, &spec.posterior, latents, features.unwrap_or(observed), u);
        let decoder = Decoder::new(&mut layout, &spec.likelihood, latents, observed);
        let prior = Prior::new(&mut layout, &spec.prior.family, &spec.prior.parameters, latents, u)?;
        let objective = Objective { kl_weight: spec.kl.weight, ..Objective::new(spec.objective) };
        let start = spec.start;
        Ok(Self {
            latents,
            observed,
            u,
            is_whitened: false,
            encoder,
            decoder,
            prior,
            objective,
            layout,
            start,
        })
    }

    /// Scratch for batches of up to `batch` rows.
    pub(super) fn scratch<F: Scalar>(&self, batch: usize) -> VaeWorkspace<F> {
        let mut nets = Scratch::new();
        VaeWorkspace {
            z: Array2::zeros((batch, self.latents)),
            q: self.encoder.workspace(&mut nets, batch, self.u.dense),
            x: self.decoder.workspace(&mut nets, batch),
            p: self.prior.workspace(&mut nets, batch),
            features: Array2::zeros((
                batch,
                self.decoder.part::<F>().features(self.observed).unwrap_or_default(),
            )),
            densities: LogDensities::zeros(batch),
            cotangents: LogDensities::zeros(batch),
            d_z: Array2::zeros((batch, self.latents)),
            copies: None,
            nets,
        }
    }

    /// Scratch for steps on `batch` rows: on all copies of them that the objective needs.
    pub(super) fn step_scratch<F: Scalar>(&self, batch: usize) -> VaeWorkspace<F> {
        let samples = self.objective.spec.samples();
        let copies = (samples > 1).then(|| Copies::new(self.observed, self.u, (batch, samples)));
        VaeWorkspace { copies, ..self.scratch(batch * samples) }
    }

    /// Whether inference can use u, which a product posterior does without needing it.
    pub fn uses_u(&self) -> bool {
        self.encoder.is_conditional || (self.encoder.is_product && self.u != Inputs::default())
    }

    /// How the KL divergence of `objective` is computed; `None` without one.
    fn kl_form(&self, objective: ObjectiveSpec) -> Option<KlForm> {
        match (objective, self.prior.gaussian_form()) {
            (ObjectiveSpec::Reconstruction, _) => None,
            (ObjectiveSpec::Elbo, Some(form)) => Some(KlForm::Closed(form)),
            (ObjectiveSpec::Elbo, None)
            | (ObjectiveSpec::SampledElbo | ObjectiveSpec::ImportanceWeighted { .. }, _) => {
                Some(KlForm::Sampled)
            }
        }
    }

    /// The objective with as little sampling noise as the prior allows.
    pub(super) fn closed_objective(&self) -> ObjectiveSpec {
        match self.objective.spec {
            ObjectiveSpec::Elbo | ObjectiveSpec::SampledElbo => ObjectiveSpec::Elbo,
            other => other,
        }
    }

    /// Overwrite `ws.q.theta_e` with what the encoder gives for the batch.
    pub fn encode<F: Scalar>(&self, params: &[F], batch: Batch<'_, F>, ws: &mut VaeWorkspace<F>) {
        let batch = self.as_read(&batch, &mut ws.features);
        self.encoder.forward(params, batch, &mut ws.q, &mut ws.nets);
    }

    /// The batch as the encoder reads it: with x, or with what suits the likelihood better, which overwrites `features`.
    fn as_read<'a, F: Scalar>(&self, batch: &'a Batch<'_, F>, features: &'a mut Array2<F>) -> Batch<'a, F> {
        let likelihood = self.decoder.part::<F>();
        if likelihood.features(self.observed).is_none() {
            return batch.reborrow();
        }
        likelihood.write_features(top_mut(features, batch.rows()), batch.x.reborrow());
        Batch { x: top(features, batch.rows()), u: batch.u.reborrow() }
    }

    /// Overwrite `ws.p.theta` with the prior's parameters for `rows` rows of `u`.
    pub fn prior_parameters<F: Scalar>(
        &self,
        params: &[F],
        u: Input<'_, F>,
        rows: usize,
        ws: &mut VaeWorkspace<F>,
    ) {
        self.prior.forward(params, u, rows, &mut ws.p, &mut ws.nets);
    }

    /// Overwrite `ws.p.theta` with the prior's parameters and `ws.q.theta_q` with the posterior's marginals.
    pub fn infer<F: Scalar>(&self, params: &[F], batch: Batch<'_, F>, ws: &mut VaeWorkspace<F>) {
        let b = batch.rows();
        self.prior_parameters(params, batch.u, b, ws);
        self.encode(params, batch, ws);
        self.encoder.marginals(self.prior.gaussian_form(), top(&ws.p.theta, b), &mut ws.q);
    }

    /// Overwrite `ws.x.theta` with the likelihood's parameters for `z` `[B, n]`.
    pub fn decode<F: Scalar>(&self, params: &[F], z: ArrayView2<'_, F>, ws: &mut VaeWorkspace<F>) {
        self.decoder.forward(params, z, &mut ws.x, &mut ws.nets);
    }

    /// [`infer`](Self::infer), then [`evaluate_at_sample`](Self::evaluate_at_sample): fills z, all θ, and the
    /// log-densities; returns the objective's sums.
    pub fn forward<F: Scalar>(
        &self,
        params: &[F],
        batch: Batch<'_, F>,
        objective: ObjectiveSpec,
        ws: &mut VaeWorkspace<F>,
    ) -> Sums {
        self.infer(params, batch.reborrow(), ws);
        self.evaluate_at_sample(params, batch.x, objective, ws)
    }

    /// After [`infer`](Self::infer) of the rows `x`: draw z with the noise in `ws.q.noise` and fill the log-densities;
    /// returns the objective's sums.
    pub fn evaluate_at_sample<F: Scalar>(
        &self,
        params: &[F],
        x: ArrayView2<'_, F>,
        objective: ObjectiveSpec,
        ws: &mut VaeWorkspace<F>,
    ) -> Sums {
        let b = x.nrows();
        self.encoder.sample(top_mut(&mut ws.z, b), &mut ws.q);
        let z = top(&ws.z, b);
        self.decoder.forward(params, z, &mut ws.x, &mut ws.nets);
        let out = &mut ws.densities;
        self.decoder.density().log_prob(&mut out.x_given_z[..b], top(&ws.x.theta, b), x);
        let (log_p, log_q) = (&mut out.z_given_u[..b], &mut out.z_given_xu[..b]);
        match self.kl_form(objective) {
            None => {
                log_p.fill(F::zero());
                log_q.fill(F::zero());
            }
            Some(KlForm::Closed(form)) => {
                self.encoder.closed_kl(log_p, log_q, form, top(&ws.p.theta, b), &ws.q);
            }
            Some(KlForm::Sampled) => {
                self.prior.log_prob(log_p, z, &mut ws.p);
                self.encoder.log_density(log_q, &mut ws.q);
            }
        }
        objective.sums(&ws.densities, b)
    }

    /// [`forward`](Self::forward), then overwrite `grad` with the gradient of the mean loss −objective/B, in which the
    /// KL divergence counts as it does in step `step`. Of each row there are as many copies as the objective needs.
    pub fn loss_and_grad<F: Scalar>(
        &self,
        grad: &mut [F],
        params: &[F],
        batch: Batch<'_, F>,
        step: u64,
        ws: &mut VaeWorkspace<F>,
    ) -> Sums {
        let sums = self.forward(params, batch.reborrow(), self.objective.spec, ws);
        let (b, kl) = (batch.rows(), self.kl_form(self.objective.spec));
        self.objective.cotangents(&mut ws.cotangents, &ws.densities, b, step);
        let d = &ws.cotangents;
        let (z, theta_p) = (top(&ws.z, b), top(&ws.p.theta, b));
        let (mut d_z, mut d_theta_p) = (top_mut(&mut ws.d_z, b), top_mut(&mut ws.p.d_theta, b));
        d_z.fill(F::zero());
        d_theta_p.fill(F::zero());

        // log p(x|z)
        let (d_log_px, rows) = (&d.x_given_z[..b], (batch.x, z));
        self.decoder.backward_overwrite(
            grad,
            d_z.view_mut(),
            params,
            rows,
            d_log_px,
            &mut ws.x,
            &mut ws.nets,
        );
        // log p(z|u) by the sample
        if kl == Some(KlForm::Sampled) {
            let (d_p, d_z) = (d_theta_p.view_mut(), d_z.view_mut());
            self.prior.log_prob_backward(d_p, d_z, theta_p, z, &d.z_given_u[..b]);
        }
        // log q(z|x,u), a KL divergence in closed form, and the sample
        let prior = (self.prior.gaussian_form(), theta_p);
        let (d_log_q, nets) = (&d.z_given_xu[..b], &mut ws.nets);
        let read = self.as_read(&batch, &mut ws.features);
        self.encoder
            .backward_overwrite(grad, d_z, d_theta_p, params, read, prior, kl, d_log_q, &mut ws.q, nets);
        self.prior.backward_overwrite(grad, params, batch.u, b, &mut ws.p, nets);
        sums
    }

    /// Fill the noise of the first `rows` rows from `key`; none for an autoencoder, whose z is the posterior's mean.
    pub fn draw_noise<F: Scalar>(&self, ws: &mut VaeWorkspace<F>, rows: usize, key: StreamKey) {
        match self.objective.spec.has_kl() {
            true => self.encoder.draw_noise(&mut ws.q, rows, key),
            false => ws.q.noise.fill(F::zero()),
        }
    }
}
