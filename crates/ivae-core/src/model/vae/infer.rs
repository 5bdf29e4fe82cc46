//! Latents of data: posterior means and covariances, with u and without.

use ivae_expfam::GaussianForm;
use ivae_expfam::family::gaussian::{FullProduct, product::product};
use ivae_nn::{Input, Inputs};
use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, ArrayViewMut3, Axis, concatenate};

use super::net::Vae;
use super::workspace::VaeWorkspace;
use crate::batch::Batch;
use ivae_num::slices::top;

impl Vae {
    /// Overwrite `z` `[B, n]` with the posterior means of the batch.
    ///
    /// A product posterior uses u where the batch has it. Where it has none, the mean is that of the mixture
    /// Σᵤ p(u|x) q(z|x,u) over the levels of a categorical u, with p(u|x) ∝ ∫ e(z|x) p(z|u) dz (levels equally likely
    /// before x is seen); for a u with continuous columns, that of the encoder's factor e(z|x) alone.
    pub fn posterior_mean<F: Scalar>(
        &self,
        z: ArrayViewMut2<'_, F>,
        params: &[F],
        batch: Batch<'_, F>,
        ws: &mut VaeWorkspace<F>,
    ) {
        if self.combines(batch.u) {
            self.infer(params, batch, ws);
            return self.encoder.mean(z, &ws.q);
        }
        let b = batch.rows();
        self.encode(params, batch, ws);
        if self.encoder.is_product && self.u.dense == 0 && self.u.levels > 0 {
            let levels: Vec<u32> = (0..self.u.levels as u32).collect();
            let (mean, variance) =
                self.prior.moments(self.prior.table(params, Input::levels(&levels), levels.len()).view());
            let is_full = self.encoder.has_full_covariance;
            return mixture_mean(z, top(&ws.q.theta_e, b), is_full, &mean, &variance);
        }
        self.encoder.factor_mean(z, &ws.q);
    }

    /// Whether the posterior of rows with this u combines the encoder's factor with the prior.
    fn combines<F>(&self, u: Input<'_, F>) -> bool {
        self.encoder.is_product && (u.rows() > 0 || self.u == Inputs::default())
    }

    /// Overwrite `mean` `[B, n]` with the posterior means of the batch, and `covariance` `[B, n, n]`.
    ///
    /// Not for a product posterior of a categorical u without u, which is a mixture.
    pub(crate) fn posterior_moments<F: Scalar>(
        &self,
        mean: ArrayViewMut2<'_, F>,
        mut covariance: ArrayViewMut3<'_, F>,
        params: &[F],
        batch: Batch<'_, F>,
        ws: &mut VaeWorkspace<F>,
    ) {
        let of_factor = !self.combines(batch.u);
        self.posterior_mean(mean, params, batch, ws);
        for (b, covariance) in covariance.outer_iter_mut().enumerate() {
            self.encoder.covariance(covariance, b, of_factor, &ws.q);
        }
    }
}

/// Σᵤ p(u|x) μ(x, u) for factors `theta_e` `[B, e]`, whose covariance is full or diagonal, and the moments `[M, n]` of the
/// prior. Overwrites `z` `[B, n]`.
fn mixture_mean<F: Scalar>(
    mut z: ArrayViewMut2<'_, F>,
    theta_e: ArrayView2<'_, F>,
    is_full: bool,
    mean: &Array2<f64>,
    variance: &Array2<f64>,
) {
    let (m, n) = mean.dim();
    let prior = concatenate![Axis(1), mean.view(), variance.mapv(f64::ln)];
    let (mut factor, mut posterior) = (Array2::zeros((m, theta_e.ncols())), Array2::zeros((m, 2 * n)));
    let mut full = FullProduct::new(if is_full { m } else { 0 }, n);
    let (mut share, mut scratch, mut weights) = (vec![0.0; m * n], vec![0.0; m * n], vec![0.0; m]);
    for (mut z, theta) in z.rows_mut().into_iter().zip(theta_e.rows()) {
        factor.rows_mut().into_iter().for_each(|mut row| row.zip_mut_with(&theta, |v, e| *v = e.f64()));
        let (out, form) = (posterior.view_mut(), GaussianForm::MeanVar);
        match is_full {
            true => full.forward(out, factor.view(), form, prior.view()),
            false => product(out, &mut share, factor.view(), form, prior.view(), &mut scratch),
        }
        // With the mean μ and covariance S of the product of N(e, C) and N(a, V), but for what u does not change,
        // log ∫ N(z; e, C) N(z; a, V) dz = −½ ((e − a)ᵀ V⁻¹ (μ − a) + log |V| − log |S|).
        for (u, weight) in weights.iter_mut().enumerate() {
            let term = |i: usize| {
                let (a, v, e) = (mean[[u, i]], variance[[u, i]], factor[[u, i]]);
                (e - a) * (posterior[[u, i]] - a) / v + v.ln()
            };
            let log_det = match is_full {
                true => 2.0 * full.half_log_det()[u],
                false => (n..2 * n).map(|c| posterior[[u, c]]).sum::<f64>(),
            };
            *weight = 0.5 * (log_det - (0..n).map(term).sum::<f64>());
        }
        let most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        weights.iter_mut().for_each(|w| *w = (*w - most).exp());
        let total: f64 = weights.iter().sum();
        for i in 0..n {
            let sum: f64 = weights.iter().enumerate().map(|(u, weight)| weight * posterior[[u, i]]).sum();
            z[i] = F::of(sum / total);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    /// Two levels; the mean of e(z) ½ Σᵤ p(z|u), by quadrature: of one latent, and of one in a rotated pair.
    #[test]
    fn without_u_the_mean_is_that_of_the_mixture() {
        let normal = |z: f64, m: f64, v: f64| (-0.5 * (z - m) * (z - m) / v).exp() / v.sqrt();
        let theta_e = arr2(&[[0.4, 0.5f64.ln()], [-3.0, 2.0f64.ln()]]);
        let (mean, variance) = (arr2(&[[1.0], [-2.0]]), arr2(&[[0.3], [1.5]]));
        let mut z = Array2::zeros((2, 1));
        mixture_mean(z.view_mut(), theta_e.view(), false, &mean, &variance);
        for row in 0..2 {
            let (mut mass, mut moment) = (0.0, 0.0);
            for z in (-40_000..40_000).map(|i| f64::from(i) * 5e-4) {
                let prior = (0..2).map(|u| normal(z, mean[[u, 0]], variance[[u, 0]])).sum::<f64>();
                let density = prior * normal(z, theta_e[[row, 0]], theta_e[[row, 1]].exp());
                (mass, moment) = (mass + density, moment + z * density);
            }
            assert!((z[[row, 0]] - moment / mass).abs() < 1e-9, "{} for {}", z[[row, 0]], moment / mass);
        }
        // A factor of full covariance: e(z) = N(z₁; e₁, 1) N(z₂; e₂ + ½ (z₁ − e₁), ¾), so that σ² = 1, ρ = ½, u₁₂ = 1/√3.
        let theta_e = arr2(&[[0.4, -1.0, 0.0, 0.0, 1.0 / 3f64.sqrt()]]);
        let (mean, variance) = (arr2(&[[1.0, -0.5], [-2.0, 0.7]]), arr2(&[[0.3, 2.0], [1.5, 0.4]]));
        let mut z = Array2::zeros((1, 2));
        mixture_mean(z.view_mut(), theta_e.view(), true, &mean, &variance);
        let (mut mass, mut moments) = (0.0, [0.0; 2]);
        let grid = || (-300..300).map(|i| f64::from(i) * 0.03);
        for (a, b) in grid().flat_map(|a| grid().map(move |b| (a, b))) {
            let of_u = |u: usize| {
                normal(a, mean[[u, 0]], variance[[u, 0]]) * normal(b, mean[[u, 1]], variance[[u, 1]])
            };
            let factor = normal(a, 0.4, 1.0) * normal(b, -1.0 + 0.5 * (a - 0.4), 0.75);
            let density = factor * (of_u(0) + of_u(1));
            (mass, moments) = (mass + density, [moments[0] + a * density, moments[1] + b * density]);
        }
        for i in 0..2 {
            assert!((z[[0, i]] - moments[i] / mass).abs() < 1e-9, "{} for {}", z[[0, i]], moments[i] / mass);
        }
    }
}
