//! Latents of data: posterior means and covariances, with u and without.

use ivae_nn::{Input, Inputs};
use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, ArrayViewMut3};

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
            return mixture_mean(z, top(&ws.q.theta_e, b), &mean, &variance);
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

/// Σᵤ p(u|x) μ(x, u) for factors `theta_e` `[B, e]` and the moments `[M, n]` of the prior. Overwrites `z` `[B, n]`.
fn mixture_mean<F: Scalar>(
    mut z: ArrayViewMut2<'_, F>,
    theta_e: ArrayView2<'_, F>,
    mean: &Array2<f64>,
    variance: &Array2<f64>,
) {
    let (m, n) = mean.dim();
    let (mut e, mut v, mut weights) = (vec![0.0; n], vec![0.0; n], vec![0.0; m]);
    for (mut z, theta) in z.rows_mut().into_iter().zip(theta_e.rows()) {
        for i in 0..n {
            (e[i], v[i]) = (theta[i].f64(), theta[n + i].f64().exp());
        }
        // log ∫ N(z; e, v) N(z; a, w) dz = −½ Σ ((e − a)²/(v + w) + log(v + w)), but for a constant.
        for (u, weight) in weights.iter_mut().enumerate() {
            let term = |i: usize| {
                let (shift, total) = (e[i] - mean[[u, i]], v[i] + variance[[u, i]]);
                shift * shift / total + total.ln()
            };
            *weight = -0.5 * (0..n).map(term).sum::<f64>();
        }
        let most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        weights.iter_mut().for_each(|w| *w = (*w - most).exp());
        let total: f64 = weights.iter().sum();
        for i in 0..n {
            let product = |(u, weight): (usize, &f64)| {
                let share = variance[[u, i]] / (v[i] + variance[[u, i]]);
                weight * (mean[[u, i]] + share * (e[i] - mean[[u, i]]))
            };
            z[i] = F::of(weights.iter().enumerate().map(product).sum::<f64>() / total);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    /// One latent, two levels: the mean of e(z) ½ Σᵤ p(z|u), by quadrature.
    #[test]
    fn without_u_the_mean_is_that_of_the_mixture() {
        let theta_e = arr2(&[[0.4, 0.5f64.ln()], [-3.0, 2.0f64.ln()]]);
        let (mean, variance) = (arr2(&[[1.0], [-2.0]]), arr2(&[[0.3], [1.5]]));
        let mut z = Array2::zeros((2, 1));
        mixture_mean(z.view_mut(), theta_e.view(), &mean, &variance);
        let normal = |z: f64, m: f64, v: f64| (-0.5 * (z - m) * (z - m) / v).exp() / v.sqrt();
        for row in 0..2 {
            let (mut mass, mut moment) = (0.0, 0.0);
            for z in (-40_000..40_000).map(|i| f64::from(i) * 5e-4) {
                let prior = (0..2).map(|u| normal(z, mean[[u, 0]], variance[[u, 0]])).sum::<f64>();
                let density = prior * normal(z, theta_e[[row, 0]], theta_e[[row, 1]].exp());
                (mass, moment) = (mass + density, moment + z * density);
            }
            assert!((z[[row, 0]] - moment / mass).abs() < 1e-9, "{} for {}", z[[row, 0]], moment / mass);
        }
    }
}
