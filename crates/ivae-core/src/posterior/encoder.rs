//! [`Encoder`]: the Gaussian posterior q(z|x,u) of a variational model, with its backward pass.
//!
//! The posterior matters for what is recovered. With noise of variance σ² in x the true one has, for small σ, the
//! covariance σ² (JᵀJ)⁻¹, J the decoder's Jacobian \[d, n\]. The best diagonal one misses it by
//! ½ (Σᵢ log ‖Jᵢ‖² − log |JᵀJ|) nats, whatever σ: a force towards decoders with orthogonal columns that does not vanish
//! with the noise (Reizinger et al. 2022, section 3), and a bias wherever the true mixing has others. A full covariance
//! closes that gap.

use ivae_expfam::{Density, Gaussian, GaussianForm, Reparam, gaussian_kl, gaussian_kl_backward};
use ivae_nn::{Input, Inputs, Layout, Mlp, MlpSpec, Scratch};
use ivae_num::{Scalar, StreamKey, stream};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::prior::Prior;
use crate::theta::{Source, Theta, ThetaBlock, ThetaSpec, ThetaWorkspace};
use ivae_expfam::family::gaussian::{at_sample, correlation, product};
use ivae_num::slices::{columns, columns_mut, top, top_mut};

const MEAN_VAR: Gaussian = Gaussian { form: GaussianForm::MeanVar };

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
    input: Array2<F>,      // [B, d + m] where the encoder reads continuous values of u
    correlated: Array2<F>, // [B, n], the noise with correlations
    weight: Vec<F>,        // [B n], the encoder's share of a product posterior
    scratch: Vec<F>,       // [B n]
    d_theta_e: Array2<F>,
    d_theta_q: Array2<F>,
    net: ThetaWorkspace<F>,
}

/// How the KL divergence is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KlForm {
    /// In closed form, against a Gaussian prior of this form.
    Closed(GaussianForm),
    /// By the sample.
    Sampled,
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

    /// After [`forward`](Self::forward) of B rows: overwrite `ws.theta_q` with the posterior's marginals, given the
    /// prior's parameters `theta_p` `[B, p]`, a Gaussian of `form` where the posterior is a product.
    pub(crate) fn marginals<F: Scalar>(
        &self,
        form: Option<GaussianForm>,
        theta_p: ArrayView2<'_, F>,
        ws: &mut EncoderWorkspace<F>,
    ) {
        let (b, n) = (theta_p.nrows(), self.latents);
        let theta_e = top(&ws.theta_e, b);
        let mut theta_q = top_mut(&mut ws.theta_q, b);
        match form.filter(|_| self.is_product) {
            Some(form) => {
                let (weight, scratch) = (&mut ws.weight[..b * n], &mut ws.scratch[..b * n]);
                product::product(theta_q, weight, theta_e, form, theta_p, scratch);
            }
            None => theta_q.assign(&columns(theta_e, 0..2 * n)),
        }
    }

    /// After [`marginals`](Self::marginals) of B rows: draw `z` `[B, n]` with the noise in `ws.noise`. Overwrites `z`.
    pub(crate) fn sample<F: Scalar>(&self, z: ArrayViewMut2<'_, F>, ws: &mut EncoderWorkspace<F>) {
        let b = z.nrows();
        let mut noise = top(&ws.noise, b);
        if self.has_full_covariance {
            let u = columns(top(&ws.theta_e, b), 2 * self.latents..ws.theta_e.ncols());
            correlation::correlate(top_mut(&mut ws.correlated, b), noise, u);
            noise = top(&ws.correlated, b);
        }
        MEAN_VAR.sample(z, top(&ws.theta_q, b), noise);
    }

    /// Overwrite `log_q` `[B]` with log q(z|x,u) at the sample.
    pub(crate) fn log_density<F: Scalar>(&self, log_q: &mut [F], ws: &mut EncoderWorkspace<F>) {
        let (b, n) = (log_q.len(), self.latents);
        at_sample::log_density(log_q, top(&ws.theta_q, b), top(&ws.noise, b), &mut ws.scratch[..b * n]);
        self.add_total_correlation(log_q, ws);
    }

    /// Overwrite `minus_kl` `[B]` with −KL of the marginals to a Gaussian prior of `form` and parameters `theta_p`, and
    /// `total_correlation` `[B]` with what the correlations add to the KL divergence.
    pub(crate) fn closed_kl<F: Scalar>(
        &self,
        minus_kl: &mut [F],
        total_correlation: &mut [F],
        form: GaussianForm,
        theta_p: ArrayView2<'_, F>,
        ws: &EncoderWorkspace<F>,
    ) {
        gaussian_kl(minus_kl, top(&ws.theta_q, minus_kl.len()), form, theta_p);
        minus_kl.iter_mut().for_each(|kl| *kl = -*kl);
        total_correlation.fill(F::zero());
        self.add_total_correlation(total_correlation, ws);
    }

    fn add_total_correlation<F: Scalar>(&self, out: &mut [F], ws: &EncoderWorkspace<F>) {
        if self.has_full_covariance {
            let u = columns(top(&ws.theta_e, out.len()), 2 * self.latents..ws.theta_e.ncols());
            correlation::total_correlation(out, u, self.latents);
        }
    }

    /// After [`marginals`](Self::marginals): overwrite `out` `[B]` with KL(q(z_i|x,u) ‖ p(z_i|u)) of latent `i` alone, by the
    /// noise in `ws.noise` where it has no closed form.
    pub(crate) fn kl_of<F: Scalar>(
        &self,
        i: usize,
        out: &mut [F],
        prior: &Prior,
        theta_p: ArrayView2<'_, F>,
        ws: &EncoderWorkspace<F>,
    ) {
        let theta_q = columns_of(top(&ws.theta_q, out.len()), i, self.latents);
        if let Some(form) = prior.gaussian_form() {
            return gaussian_kl(out, theta_q.view(), form, prior.columns_of(i, theta_p).view());
        }
        let noise = columns(top(&ws.noise, out.len()), i..i + 1);
        let mut z = Array2::zeros(noise.dim());
        MEAN_VAR.sample(z.view_mut(), theta_q.view(), noise);
        let mut log_p = vec![F::zero(); out.len()];
        prior.log_prob_of(i, &mut log_p, theta_p, z.view());
        MEAN_VAR.log_prob(out, theta_q.view(), z.view());
        out.iter_mut().zip(log_p).for_each(|(q, p)| *q -= p);
    }

    /// Backward of [`marginals`](Self::marginals), [`sample`](Self::sample) and the KL divergence, if `kl` says how it
    /// was computed, for the cotangents `d_log_q` `[B]` of log q and `d_z` `[B, n]` of the sample, which is overwritten.
    ///
    /// Overwrites the encoder's part of `grad`. Adds the gradient of the prior's parameters to `d_theta_p` `[B, p]` where the
    /// posterior is a product or the KL divergence is in closed form.
    pub(crate) fn backward_overwrite<F: Scalar>(
        &self,
        grad: &mut [F],
        mut d_z: ArrayViewMut2<'_, F>,
        mut d_theta_p: ArrayViewMut2<'_, F>,
        params: &[F],
        batch: Batch<'_, F>,
        (form, theta_p): (Option<GaussianForm>, ArrayView2<'_, F>),
        kl: Option<KlForm>,
        d_log_q: &[F],
        ws: &mut EncoderWorkspace<F>,
        nets: &mut Scratch<F>,
    ) {
        let (b, n) = (batch.rows(), self.latents);
        let (theta_e, theta_q, noise) = (top(&ws.theta_e, b), top(&ws.theta_q, b), top(&ws.noise, b));
        let (mut d_e, mut d_q) = (top_mut(&mut ws.d_theta_e, b), top_mut(&mut ws.d_theta_q, b));
        d_e.fill(F::zero());
        d_q.fill(F::zero());
        match kl {
            None => {}
            Some(KlForm::Closed(form)) => {
                gaussian_kl_backward(d_q.view_mut(), d_theta_p.view_mut(), theta_q, form, theta_p, d_log_q);
            }
            Some(KlForm::Sampled) => {
                at_sample::log_density_backward(d_q.view_mut(), d_log_q, &mut ws.scratch[..b * n]);
            }
        }
        // z = μ + a σ, a = ε or ε correlated
        match self.has_full_covariance {
            true => {
                let (a, u) = (top(&ws.correlated, b), columns(theta_e, 2 * n..theta_e.ncols()));
                MEAN_VAR.sample_backward(d_q.view_mut(), theta_q, a, d_z.view());
                at_sample::multiply_by_std(d_z.view_mut(), theta_q, &mut ws.scratch[..b * n]);
                let mut d_u = columns_mut(&mut d_e, 2 * n..theta_e.ncols());
                correlation::correlate_backward(d_u.view_mut(), a, noise, u, d_z.view());
                if kl.is_some() {
                    correlation::total_correlation_backward(d_u, u, n, d_log_q);
                }
            }
            false => MEAN_VAR.sample_backward(d_q.view_mut(), theta_q, noise, d_z.view()),
        }
        // θ_q of θ_e and θ_p
        let mut d_factor = columns_mut(&mut d_e, 0..2 * n);
        match form.filter(|_| self.is_product) {
            Some(form) => {
                let weight = &ws.weight[..b * n];
                product::product_backward(d_factor, d_theta_p, weight, theta_e, form, theta_p, d_q.view());
            }
            None => d_factor += &d_q,
        }
        let input = self.input(batch.reborrow(), &ws.input);
        self.theta.backward_overwrite(grad, None, params, input, d_e.view(), &mut ws.net, nets);
    }

    /// After [`forward`](Self::forward): overwrite `z` `[B, n]` with the means of the encoder's own factor.
    pub(crate) fn factor_mean<F: Scalar>(&self, mut z: ArrayViewMut2<'_, F>, ws: &EncoderWorkspace<F>) {
        let b = z.nrows();
        z.assign(&columns(top(&ws.theta_e, b), 0..self.latents));
    }

    /// After [`marginals`](Self::marginals): overwrite `z` `[B, n]` with the posterior means.
    pub(crate) fn mean<F: Scalar>(&self, z: ArrayViewMut2<'_, F>, ws: &EncoderWorkspace<F>) {
        let b = z.nrows();
        MEAN_VAR.mean(z, top(&ws.theta_q, b));
    }

    /// Overwrite `covariance` `[n, n]` of row `b` with σᵢ σⱼ Rᵢⱼ, R the correlation matrix whose Cholesky factor the
    /// encoder gives, or 1; σ of the encoder's own factor, or of the posterior.
    pub(crate) fn covariance<F: Scalar>(
        &self,
        mut covariance: ArrayViewMut2<'_, F>,
        b: usize,
        of_factor: bool,
        ws: &EncoderWorkspace<F>,
    ) {
        let n = self.latents;
        covariance.assign(&Array2::eye(n));
        if self.has_full_covariance {
            let u = columns(ws.theta_e.view(), 2 * n..ws.theta_e.ncols());
            correlation::correlation(covariance.view_mut(), u.index_axis_move(Axis(0), b));
        }
        let marginals = if of_factor { &ws.theta_e } else { &ws.theta_q };
        let std: Vec<F> = (n..2 * n).map(|c| F::of((0.5 * marginals[[b, c]].f64()).exp())).collect();
        covariance.indexed_iter_mut().for_each(|((i, j), v)| *v *= std[i] * std[j]);
    }
}

/// The parameters of latent `i` of `n`, `[B, p / n]`, of θ `[B, p]`.
fn columns_of<F: Scalar>(theta: ArrayView2<'_, F>, i: usize, n: usize) -> Array2<F> {
    let parts: Vec<_> = (i..theta.ncols()).step_by(n).map(|c| columns(theta, c..c + 1)).collect();
    ndarray::concatenate(Axis(1), &parts).unwrap_or_default()
}
