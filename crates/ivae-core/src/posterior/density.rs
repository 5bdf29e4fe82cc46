//! The posterior q(z|x,u) of what the encoder and the prior give: marginals, sample, density, KL divergence, and the
//! backward pass of these.

use ivae_expfam::family::gaussian::{at_sample, correlation, product};
use ivae_expfam::{Density, Gaussian, GaussianForm, Reparam, gaussian_kl, gaussian_kl_backward};
use ivae_nn::Scratch;
use ivae_num::Scalar;
use ivae_num::slices::{columns, columns_mut, top, top_mut};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};

use super::encoder::{Encoder, EncoderWorkspace};
use crate::batch::Batch;
use crate::prior::Prior;

const MEAN_VAR: Gaussian = Gaussian { form: GaussianForm::MeanVar };

/// How the KL divergence is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KlForm {
    /// In closed form, against a Gaussian prior of this form.
    Closed(GaussianForm),
    /// By the sample.
    Sampled,
}

impl Encoder {
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
            Some(form) if self.has_full_covariance => ws.product.forward(theta_q, theta_e, form, theta_p),
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
        if self.is_full_product() {
            return ws.product.sample(z, noise);
        }
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

    /// Add half of Σᵢ log Sᵢᵢ − log |S| of the posterior's covariance S to every row of `out`.
    fn add_total_correlation<F: Scalar>(&self, out: &mut [F], ws: &EncoderWorkspace<F>) {
        if self.is_full_product() {
            let log_vars = columns(top(&ws.theta_q, out.len()), self.latents..2 * self.latents);
            for ((out, log_vars), half) in out.iter_mut().zip(log_vars.rows()).zip(ws.product.half_log_det())
            {
                *out += F::of(0.5) * log_vars.sum() - *half;
            }
        } else if self.has_full_covariance {
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
        match (form.filter(|_| self.is_product), self.has_full_covariance) {
            (Some(form), true) => {
                let d_total = |row: usize| if kl.is_some() { d_log_q[row] } else { F::zero() };
                let mut log_vars = columns_mut(&mut d_q, n..2 * n);
                for (row, mut log_vars) in log_vars.rows_mut().into_iter().enumerate() {
                    log_vars += F::of(0.5) * d_total(row);
                }
                let prior = (form, theta_p);
                let minus = |row: usize| -d_total(row);
                ws.product.backward(d_e, d_theta_p, theta_e, prior, d_q.view(), (d_z.view(), noise), minus);
            }
            (form, _) => {
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
                match form {
                    Some(form) => {
                        let (weight, d_q) = (&ws.weight[..b * n], d_q.view());
                        product::product_backward(d_factor, d_theta_p, weight, theta_e, form, theta_p, d_q);
                    }
                    None => d_factor += &d_q,
                }
            }
        }
        self.nets_backward_overwrite(grad, params, batch, ws, nets);
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

    /// Overwrite `covariance` `[n, n]` of row `b` with that of the posterior, or of the encoder's own factor: σᵢ σⱼ Rᵢⱼ, R the
    /// correlation matrix whose Cholesky factor the encoder gives, or 1.
    pub(crate) fn covariance<F: Scalar>(
        &self,
        mut covariance: ArrayViewMut2<'_, F>,
        b: usize,
        of_factor: bool,
        ws: &EncoderWorkspace<F>,
    ) {
        let n = self.latents;
        if self.is_full_product() && !of_factor {
            return covariance.indexed_iter_mut().for_each(|((i, j), v)| *v = ws.product.covariance(b, i, j));
        }
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
