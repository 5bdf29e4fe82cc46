//! [`PolynomialFamily`]: log-densities that are polynomials, fast enough for a prior that is trained.

use ivae_num::vecmath::VecMath;
use rand::RngCore;

use super::custom::{Custom, Polynomial};
use crate::density::scalar_fallback::impl_scalar_fallback;
use crate::{ExpFam, StatisticsProperties, Support};

/// Highest degree.
const MOST: usize = 8;
/// Points of a sum. The integrand is analytic and vanishes at both ends, so that the error falls exponentially with their
/// number (Trefethen & Weideman 2014, theorem 5.1).
const POINTS: usize = 256;
/// Where the density is e to minus this times its maximum, it counts as vanished.
const VANISHED: f64 = 46.0;
/// How often the interval is narrowed to where the density has not vanished.
const NARROWINGS: usize = 3;

/// The family of [`Polynomial`] log-densities, whose log-partition and E\[T\] are sums on a grid in place of the adaptive
/// quadrature of [`Custom`], which serves for all else.
#[derive(Debug, Clone)]
pub struct PolynomialFamily {
    exact: Custom<Polynomial>,
    k: usize,
}

impl PolynomialFamily {
    /// Of an even `degree` from 2 to 8.
    ///
    /// # Panics
    /// Another degree.
    pub fn new(degree: u32) -> Self {
        assert!((2..=MOST as u32).contains(&degree) && degree.is_multiple_of(2), "a degree of {degree}");
        let exact = Custom::new(Polynomial { degree }).expect("an even degree can be normalised");
        Self { exact, k: degree as usize }
    }

    /// Points `z`, the weights exp(f(z) − max f) there, the maximum and the distance between points, for f(z) = λ·T(z).
    fn grid(lambda: &[f64], z: &mut [f64; POINTS], weights: &mut [f64; POINTS]) -> (f64, f64) {
        let k = lambda.len();
        let top = lambda[k - 1].abs();
        // f(0) = 0, so that f > −VANISHED wherever the density has not vanished: within the roots of f + VANISHED, which a
        // bound of Fujiwara (1916) holds together.
        let root = |j: usize, coefficient: f64| (coefficient.abs() / top).powf(((k - j) as f64).recip());
        let widest = (1..k).map(|j| root(j, lambda[j - 1])).fold(root(0, 0.5 * VANISHED), f64::max);
        let (mut low, mut high) = (-2.0 * widest, 2.0 * widest);
        let mut most = f64::NEG_INFINITY;
        for narrowing in 0..=NARROWINGS {
            let step = (high - low) / (POINTS - 1) as f64;
            for (i, (z, w)) in z.iter_mut().zip(&mut *weights).enumerate() {
                *z = low + step * i as f64;
                *w = lambda.iter().rev().fold(0.0, |sum, lambda| (sum + lambda) * *z);
            }
            most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if narrowing == NARROWINGS {
                break;
            }
            let remains = |w: &f64| *w > most - VANISHED;
            let first = weights.iter().position(remains).unwrap_or(0);
            let last = weights.iter().rposition(remains).unwrap_or(POINTS - 1);
            (low, high) = (z[first.saturating_sub(1)], z[(last + 1).min(POINTS - 1)]);
        }
        weights.iter_mut().for_each(|w| *w -= most);
        <f64 as VecMath>::exp(weights);
        (most, z[1] - z[0])
    }

    fn is_inside(lambda: &[f64]) -> bool {
        lambda.iter().all(|l| l.is_finite()) && lambda.last().is_some_and(|&top| top < 0.0)
    }
}

impl ExpFam<f64> for PolynomialFamily {
    fn k(&self) -> usize {
        self.k
    }

    fn support(&self) -> Support {
        Support::Real
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        self.exact.stats(t, z);
    }

    fn dstats(&self, dt: &mut [f64], z: f64) {
        self.exact.dstats(dt, z);
    }

    fn log_base(&self, _: f64) -> f64 {
        0.0
    }

    fn dlog_base(&self, _: f64) -> f64 {
        0.0
    }

    fn in_domain(&self, lambda: &[f64]) -> bool {
        Self::is_inside(lambda)
    }

    fn log_partition(&self, lambda: &[f64]) -> f64 {
        if !Self::is_inside(lambda) {
            return f64::NAN;
        }
        let (mut z, mut weights) = ([0.0; POINTS], [0.0; POINTS]);
        let (most, step) = Self::grid(lambda, &mut z, &mut weights);
        most + (step * weights.iter().sum::<f64>()).ln()
    }

    fn mean_stats(&self, mean: &mut [f64], lambda: &[f64]) {
        if !Self::is_inside(lambda) {
            return mean.fill(f64::NAN);
        }
        let (mut z, mut weights) = ([0.0; POINTS], [0.0; POINTS]);
        Self::grid(lambda, &mut z, &mut weights);
        let total: f64 = weights.iter().sum();
        for mean in mean {
            weights.iter_mut().zip(&z).for_each(|(w, z)| *w *= z);
            *mean = weights.iter().sum::<f64>() / total;
        }
    }

    fn fisher(&self, cov: &mut [f64], lambda: &[f64]) {
        self.exact.fisher(cov, lambda);
    }

    fn entropy(&self, lambda: &[f64]) -> f64 {
        self.exact.entropy(lambda)
    }

    fn natural(&self, lambda: &mut [f64], eta: &[f64]) {
        self.exact.natural(lambda, eta);
    }

    fn natural_backward(&self, d_eta: &mut [f64], eta: &[f64], d_lambda: &[f64]) {
        self.exact.natural_backward(d_eta, eta, d_lambda);
    }

    fn statistics_properties(&self) -> Option<StatisticsProperties> {
        ExpFam::<f64>::statistics_properties(&self.exact)
    }

    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        self.exact.draw(lambda, rng)
    }
}

impl_scalar_fallback!([] PolynomialFamily);

#[cfg(test)]
mod tests {
    use super::*;

    /// Against adaptive quadrature: narrow, wide, skewed, of two modes near and far, and of a top coefficient near 0.
    #[test]
    fn sums_agree_with_adaptive_quadrature() {
        let quartics: [[f64; 4]; 7] = [
            [0.3, 1.0, -0.2, -0.7],
            [0.0, 40.0, 0.0, -10.0],
            [1.0, 6.0, 0.1, -1.0],
            [0.0, -0.5, 0.0, -1e-6],
            [200.0, -5000.0, 0.0, -1.0],
            [0.0, 0.0, 0.0, -1e-4],
            [-3.0, -8.0, 9.0, -2.5],
        ];
        for lambda in quartics {
            compare(4, &lambda);
        }
        for lambda in [[0.5, 1.5, -0.7, -2.0, 0.2, -0.3], [0.0, -3.0, 0.0, 2.5, 0.0, -0.4]] {
            compare(6, &lambda);
        }
    }

    fn compare(degree: u32, lambda: &[f64]) {
        let family = PolynomialFamily::new(degree);
        let (found, expected) = (family.log_partition(lambda), family.exact.log_partition(lambda));
        assert!(
            (found - expected).abs() < 1e-9 * (1.0 + expected.abs()),
            "{lambda:?}: {found}, not {expected}"
        );
        let (mut mean, mut exact) = (vec![0.0; lambda.len()], vec![0.0; lambda.len()]);
        family.mean_stats(&mut mean, lambda);
        family.exact.mean_stats(&mut exact, lambda);
        for (j, (mean, exact)) in mean.iter().zip(&exact).enumerate() {
            // Odd means of symmetric densities are 0 beside the even ones' size.
            let size = 1.0 + exact.abs();
            assert!((mean - exact).abs() < 1e-8 * size, "{lambda:?}: E[z^{}] = {mean}, not {exact}", j + 1);
        }
    }

    #[test]
    fn no_density_has_no_partition() {
        let family = PolynomialFamily::new(4);
        for lambda in [[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], [f64::NAN, 0.0, 0.0, -1.0]] {
            assert!(family.log_partition(&lambda).is_nan() && !family.in_domain(&lambda));
        }
    }
}
