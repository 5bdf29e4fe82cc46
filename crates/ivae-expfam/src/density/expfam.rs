//! [`ExpFam`]: one component of an exponential family, `p(z | λ) = h(z) exp(λ · T(z) − A(λ))`.

use ivae_num::Scalar;
use rand::RngCore;

use super::statistics_properties::StatisticsProperties;
use super::support::Support;
use super::traits::Density;

/// An exponential family as a conditional prior: `p(z | u) = Πᵢ h(zᵢ) exp(λᵢ(u) · T(zᵢ) − A(λᵢ(u)))`
/// (Khemakhem et al. 2020, equation 7; their Q is h, their log Z is A).
///
/// The methods below speak of *one* component: λ, T and η are slices of length k. The rows of θ that
/// [`Density`] takes hold n components as k blocks of n columns: column `j * n + i` is ηⱼ of component i, so that
/// `width(n) = k * n`, and λᵢ = [`natural`](ExpFam::natural)(ηᵢ).
///
/// The trait can be made into an object. λ outside the natural domain gives NaN.
pub trait ExpFam<F: Scalar>: Density<F> {
    /// Number of statistics per component.
    fn k(&self) -> usize;

    /// Where h > 0.
    fn support(&self) -> Support;

    /// Sufficient statistics T(z). Overwrites `t` `[k]`.
    fn stats(&self, t: &mut [F], z: F);

    /// Their derivatives T′(z). Overwrites `dt` `[k]`.
    fn dstats(&self, dt: &mut [F], z: F);

    /// Log base measure, log h(z).
    fn log_base(&self, z: F) -> F;

    /// Its derivative.
    fn dlog_base(&self, z: F) -> F;

    /// Is `lambda` `[k]` in the natural domain, where the density can be normalised?
    fn in_domain(&self, lambda: &[F]) -> bool;

    /// Log-partition A(λ).
    fn log_partition(&self, lambda: &[F]) -> F;

    /// ∇A(λ) = E\[T\]. Overwrites `mean` `[k]`.
    fn mean_stats(&self, mean: &mut [F], lambda: &[F]);

    /// ∇²A(λ) = Cov\[T\], the Fisher information of λ. Overwrites `cov` `[k * k]`, row-major.
    fn fisher(&self, cov: &mut [F], lambda: &[F]);

    /// Entropy in nats (differential for a continuous family).
    fn entropy(&self, lambda: &[F]) -> F;

    /// KL(λ ‖ to) within the family in nats: the Bregman divergence A(to) − A(λ) − ∇A(λ) · (to − λ)
    /// (Wainwright and Jordan 2008, section 5.2), which is what the default computes. A family whose A is large where
    /// the divergence is small has a form that does not cancel.
    fn kl(&self, lambda: &[F], to: &[F]) -> F {
        let mut mean = vec![F::zero(); lambda.len()];
        self.mean_stats(&mut mean, lambda);
        let steps = lambda.iter().zip(to).zip(mean);
        let linear: F = steps.map(|((&lambda, &to), mean)| mean * (to - lambda)).sum();
        self.log_partition(to) - self.log_partition(lambda) - linear
    }

    /// The smooth map from ℝᵏ onto the natural domain. Overwrites `lambda` `[k]`.
    fn natural(&self, lambda: &mut [F], eta: &[F]);

    /// Backward of [`natural`](ExpFam::natural) for the cotangents `d_lambda` `[k]`. Adds to `d_eta` `[k]`.
    fn natural_backward(&self, d_eta: &mut [F], eta: &[F], d_lambda: &[F]);

    /// What the family proves about T as functions on the support; `None` leaves that to inspection
    /// ([`StatisticsProperties::of`]).
    fn statistics_properties(&self) -> Option<StatisticsProperties> {
        None
    }

    /// One draw from p(z | λ).
    fn draw(&self, lambda: &[F], rng: &mut dyn RngCore) -> F;
}
