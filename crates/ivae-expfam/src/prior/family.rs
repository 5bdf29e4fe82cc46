//! [`PriorFamily`]: what a model needs of a family of p(z|u), and what theory reads of it.

use super::support_map::SupportMap;
use crate::{Answer, Assumption, Density, ExpFam, GaussianForm, LambdaError};
use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2};
use rand::RngCore;

/// Locations that vary over u by less than this part of the scale count as fixed.
pub const LOCATION_FIXED: f64 = 0.1;

/// Variances that parameters are started from are no smaller than this.
const LEAST_VARIANCE: f64 = 1e-3;

/// λ(u) of the part of a prior that is an exponential family.
#[derive(Debug)]
pub struct Conditional {
    /// That family.
    pub family: Box<dyn ExpFam<f64>>,
    /// λ at every distinct u, `[M, n k]`.
    pub lambda: Array2<f64>,
    /// Whether all latents have the same T.
    pub is_shared: bool,
    /// Whether p(z|u) is conditionally factorial with a T that is the same for every u.
    pub assumption: Assumption,
}

/// A family of p(z|u). Columns of θ `[B, p]` are grouped by parameter: column `c n + i` is parameter c of latent i.
///
/// Its [`Density`] is that of v ∈ ℝⁿ, of which z = m(v) is the latent, m the [`support_map`](Self::support_map): for a
/// family on ℝ they are the same.
///
/// Parameters that u moves come first ([`conditional_parameters`](Self::conditional_parameters)), learned ones that are
/// the same for every u last ([`free_parameter`](Self::free_parameter)).
///
/// Adding a family is one file that implements this trait, and its line in the registry of the models.
pub trait PriorFamily<F: Scalar>: Density<F> {
    /// The map from ℝ, where the networks work, onto the support.
    fn support_map(&self) -> SupportMap {
        SupportMap::Identity
    }

    /// Parameters of a latent that depend on u.
    fn conditional_parameters(&self) -> usize;

    /// Start of the one learned parameter of a latent that does not depend on u, if there is one.
    fn free_parameter(&self) -> Option<f64> {
        None
    }

    /// Statistics k of a latent, where the family is an exponential one.
    fn statistics(&self) -> usize;

    /// The statistics of v whose means over some rows [`from_start_statistics`](Self::from_start_statistics) takes.
    fn start_statistics(&self, v: f64) -> Vec<f64> {
        vec![v, v * v]
    }

    /// The conditional parameters to start from, for rows where the [`start_statistics`](Self::start_statistics) have
    /// these means: those of greatest likelihood, where they can be computed.
    #[expect(clippy::wrong_self_convention, reason = "it makes parameters of the family, not a family")]
    fn from_start_statistics(&self, mean: &[f64]) -> Vec<f64> {
        self.from_moments(mean[0], (mean[1] - mean[0] * mean[0]).max(LEAST_VARIANCE))
    }

    /// The conditional parameters of a latent with this mean and variance of v.
    #[expect(clippy::wrong_self_convention, reason = "it makes parameters of the family, not a family")]
    fn from_moments(&self, mean: f64, variance: f64) -> Vec<f64>;

    /// Mean and variance of v with the parameters `theta` (conditional, then free).
    fn moments(&self, theta: &[f64]) -> (f64, f64);

    /// Draw a latent z with the parameters `theta`.
    fn draw(&self, theta: &[f64], rng: &mut dyn RngCore) -> f64;

    /// Whether a shift and a change of scale of v lead to another member of the family.
    fn absorbs_affine(&self) -> bool {
        true
    }

    /// The Gaussian form, for which the KL divergence and a product of experts have closed forms.
    fn gaussian_form(&self) -> Option<GaussianForm> {
        None
    }

    /// Whether theory leaves a linear map of the latents free for every λ(u), because T(z) = z alone depends on u.
    fn leaves_rotation(&self) -> bool {
        false
    }

    /// Learned shape of a latent with the parameters `theta`, where the family has one.
    fn shape(&self, theta: &[f64]) -> Option<f64> {
        let _ = theta;
        None
    }

    /// T(z) of the latents `z` `[N, n]`, grouped by statistic; z itself where T depends on the parameters.
    fn transformed(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        z.to_owned()
    }

    /// λ(u) of the parameters `theta` `[M, p]` at every distinct u (no rows for a prior that does not depend on u), as
    /// theory reads it.
    ///
    /// # Errors
    /// Parameters outside the family's domain.
    fn conditional(&self, theta: ArrayView2<'_, f64>, n: usize) -> Result<Conditional, LambdaError>;

    /// The family that is left when the location turns out not to depend on u; `None` where there is no such family.
    ///
    /// # Errors
    /// As [`conditional`](Self::conditional).
    fn without_location(
        &self,
        theta: ArrayView2<'_, f64>,
        n: usize,
    ) -> Result<Option<Conditional>, LambdaError> {
        let _ = (theta, n);
        Ok(None)
    }
}

/// By how many scales the locations of `n` latents vary over u, at most; `scale` maps column n + i of `theta` `[M, p]`
/// to the scale of latent i.
pub(super) fn location_spread(theta: ArrayView2<'_, f64>, n: usize, scale: impl Fn(f64) -> f64) -> f64 {
    let spread = |i: usize| {
        let scales = theta.column(n + i).mapv(&scale);
        theta.column(i).std(0.0) / scales.mean().unwrap_or(f64::NAN)
    };
    (0..n).map(spread).fold(0.0, f64::max)
}

/// λ(u) = −α(u)^−β of p ∝ exp(λ |z − μ|^β), with location μ, log scale log α and one shape β for each latent.
///
/// # Errors
/// None today; the signature is that of [`PriorFamily::conditional`].
pub(super) fn power_conditional(
    name: &str,
    theta: ArrayView2<'_, f64>,
    shapes: &[f64],
) -> Result<Conditional, LambdaError> {
    let (n, count) = (shapes.len(), theta.nrows());
    let mean_shape = shapes.iter().sum::<f64>() / n.max(1) as f64;
    let lambda = Array2::from_shape_fn((count, n), |(u, i)| -(-shapes[i] * theta[[u, n + i]]).exp());
    let spread = location_spread(theta, n, f64::exp);
    let assumption = if spread < LOCATION_FIXED {
        let reason = format!("{name} of one location, which varies over u by {spread:.2} scales at most");
        Assumption::new(Answer::Holds, reason)
    } else {
        let reason = format!(
            "{name} whose location varies over u by up to {spread:.2} scales: |z − μ|^β of a μ that depends on u is no \
             exponential family, and the theorems do not speak of it"
        );
        Assumption::new(Answer::Unknown, reason)
    }
    .with_number(spread);
    let family = Box::new(crate::ExponentialPower { location: 0.0, shape: mean_shape });
    let is_shared = shapes.iter().all(|s| (s - mean_shape).abs() < 1e-6);
    Ok(Conditional { family, lambda, is_shared, assumption })
}

/// A draw of sign · |t| with |t|^`shape` distributed as Gamma(1/`shape`), of density ∝ exp(−|t|^`shape`).
pub(super) fn draw_power(shape: f64, rng: &mut dyn RngCore) -> f64 {
    use rand::Rng;
    use rand_distr::{Distribution, Gamma};
    let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
    let size = Gamma::new(1.0 / shape, 1.0).map_or(f64::NAN, |gamma| gamma.sample(rng));
    sign * size.powf(1.0 / shape)
}
