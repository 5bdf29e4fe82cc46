//! Implicit reparameterisation: how a draw of any continuous family moves with its parameters.

use std::cell::RefCell;

use super::chart::Chart;
use super::measure::Measure;
use crate::density::ExpFam;

/// ∂z/∂λ of a draw z of a continuous family at a fixed probability u = F(z | λ):
///
/// ```text
/// ∂z/∂λ = −(∂F/∂λ) / p(z | λ),     ∂F/∂λ = ∫ p(t | λ) (T(t) − E[T]) dt over t < z
/// ```
///
/// (Figurnov, Mohamed and Mnih 2018, section 3). Overwrites `d_z` `[k]`. By it, the gradient of E\[f(z)\] in λ is the
/// mean of f′(z) ∂z/∂λ over draws, for families without a formula z(noise, λ) too.
///
/// By quadrature, about a thousand values of T. NaN outside the natural domain and the support, for a discrete family,
/// and where quadrature cannot resolve the density (see [`Custom`](super::Custom)).
///
/// ```
/// use ivae_expfam::{ExpFam, Exponential, implicit_derivative};
///
/// // z = e / r for exponential noise e, and λ = −r: ∂z/∂λ = e / r² = z / r.
/// let mut d_z = [0.0];
/// implicit_derivative(&Exponential, &mut d_z, &[-2.0], 0.7);
/// assert!((d_z[0] - 0.35).abs() < 1e-9);
/// ```
pub fn implicit_derivative(family: &dyn ExpFam<f64>, d_z: &mut [f64], lambda: &[f64], z: f64) {
    d_z.fill(f64::NAN);
    let support = family.support();
    let Some(chart) = Chart::of(support) else { return };
    if !support.contains(z) || !family.in_domain(lambda) {
        return;
    }
    let t = RefCell::new(vec![0.0; lambda.len()]);
    let log_density = |z: f64| {
        let mut t = t.borrow_mut();
        family.stats(&mut t, z);
        family.log_base(z) + t.iter().zip(lambda).map(|(t, lambda)| t * lambda).sum::<f64>()
    };
    let Some(measure) = Measure::new(chart, &[], &log_density) else { return };
    let (mut mean, mut stats) = (vec![0.0; lambda.len()], vec![0.0; lambda.len()]);
    family.mean_stats(&mut mean, lambda);
    d_z.fill(0.0);
    let lower = measure.side(z, &log_density, &mut |at, p| {
        if p > 0.0 {
            family.stats(&mut stats, at);
            d_z.iter_mut().zip(stats.iter().zip(&mean)).for_each(|(d, (t, mean))| *d += p * (t - mean));
        }
    });
    // The two sides add up to 0.
    let density = (log_density(z) - measure.log_mass).exp();
    d_z.iter_mut().for_each(|d| *d /= if lower { -density } else { density });
}
