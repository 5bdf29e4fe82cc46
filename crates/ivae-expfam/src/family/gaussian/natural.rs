//! The Gaussian component as an exponential family: λ, T, A and their derivatives.

use ivae_num::Scalar;
use rand::{Rng, RngCore};
use rand_distr::StandardNormal;

use super::form::{Gaussian, GaussianForm};
use crate::density::{ExpFam, StatisticsProperties, Support};

impl Gaussian {
    /// Mean and variance of λ; NaN outside the natural domain.
    fn moments<F: Scalar>(self, lambda: &[F]) -> (F, F) {
        let var = |l: F| if l < F::zero() { -F::of(0.5) / l } else { F::nan() };
        let (mean, var) = match (self.form, lambda) {
            (GaussianForm::MeanVar, &[l1, l2]) => (l1 * var(l2), var(l2)),
            (GaussianForm::Var, &[l]) => (F::zero(), var(l)),
            (GaussianForm::Mean, &[l]) => (l, F::one()),
            _ => panic!("{:?} has k = {}, but λ has length {}", self.form, self.form.k(), lambda.len()),
        };
        if mean.is_nan() { (mean, mean) } else { (mean, var) }
    }
}

impl<F: Scalar> ExpFam<F> for Gaussian {
    fn k(&self) -> usize {
        self.form.k()
    }

    fn support(&self) -> Support {
        Support::Real
    }

    fn stats(&self, t: &mut [F], z: F) {
        match self.form {
            GaussianForm::MeanVar => t.copy_from_slice(&[z, z * z]),
            GaussianForm::Var => t.copy_from_slice(&[z * z]),
            GaussianForm::Mean => t.copy_from_slice(&[z]),
        }
    }

    fn dstats(&self, dt: &mut [F], z: F) {
        match self.form {
            GaussianForm::MeanVar => dt.copy_from_slice(&[F::one(), z + z]),
            GaussianForm::Var => dt.copy_from_slice(&[z + z]),
            GaussianForm::Mean => dt.copy_from_slice(&[F::one()]),
        }
    }

    fn log_base(&self, z: F) -> F {
        match self.form {
            GaussianForm::MeanVar | GaussianForm::Var => F::zero(),
            GaussianForm::Mean => -F::of(0.5) * (z * z + F::TAU().ln()),
        }
    }

    fn dlog_base(&self, z: F) -> F {
        match self.form {
            GaussianForm::MeanVar | GaussianForm::Var => F::zero(),
            GaussianForm::Mean => -z,
        }
    }

    fn in_domain(&self, lambda: &[F]) -> bool {
        let (mean, var) = self.moments(lambda);
        mean.is_finite() && var.is_finite() && var > F::zero()
    }

    fn log_partition(&self, lambda: &[F]) -> F {
        let (mean, var) = self.moments(lambda);
        let half = F::of(0.5);
        match self.form {
            GaussianForm::MeanVar => half * (mean * lambda[0] + (F::TAU() * var).ln()),
            GaussianForm::Var => half * (F::TAU() * var).ln(),
            GaussianForm::Mean => half * mean * mean,
        }
    }

    fn mean_stats(&self, out: &mut [F], lambda: &[F]) {
        let (mean, var) = self.moments(lambda);
        match self.form {
            GaussianForm::MeanVar => out.copy_from_slice(&[mean, var + mean * mean]),
            GaussianForm::Var => out.copy_from_slice(&[var]),
            GaussianForm::Mean => out.copy_from_slice(&[mean]),
        }
    }

    fn fisher(&self, cov: &mut [F], lambda: &[F]) {
        let (mean, var) = self.moments(lambda);
        let two = F::of(2.0);
        match self.form {
            GaussianForm::MeanVar => {
                let cross = two * mean * var;
                cov.copy_from_slice(&[var, cross, cross, two * (var * var + mean * cross)]);
            }
            GaussianForm::Var => cov.copy_from_slice(&[two * var * var]),
            GaussianForm::Mean => cov.copy_from_slice(&[var]),
        }
    }

    fn entropy(&self, lambda: &[F]) -> F {
        let (_, var) = self.moments(lambda);
        F::of(0.5) * (F::one() + (F::TAU() * var).ln())
    }

    fn kl(&self, lambda: &[F], to: &[F]) -> F {
        // As in `gaussian_kl`; the Bregman form would lose digits where mean² ≫ variance.
        let ((mean, var), (to_mean, to_var)) = (self.moments(lambda), self.moments(to));
        let (ratio, shift) = (var / to_var, mean - to_mean);
        F::of(0.5) * ((ratio - F::one() - ratio.ln()) + shift * shift / to_var)
    }

    /// λ of (mean, log_var): (mean / σ², −1 / (2σ²)), or the one of the two that the form has.
    fn natural(&self, lambda: &mut [F], eta: &[F]) {
        let half = F::of(0.5);
        match (self.form, eta) {
            (GaussianForm::MeanVar, &[mean, log_var]) => {
                let precision = (-log_var).exp();
                lambda.copy_from_slice(&[mean * precision, -half * precision]);
            }
            (GaussianForm::Var, &[log_var]) => lambda.copy_from_slice(&[-half * (-log_var).exp()]),
            (GaussianForm::Mean, &[mean]) => lambda.copy_from_slice(&[mean]),
            _ => panic!("{:?} has k = {}, but η has length {}", self.form, self.form.k(), eta.len()),
        }
    }

    fn natural_backward(&self, d_eta: &mut [F], eta: &[F], d_lambda: &[F]) {
        let half = F::of(0.5);
        match (self.form, eta, d_lambda) {
            (GaussianForm::MeanVar, &[mean, log_var], &[d1, d2]) => {
                let precision = (-log_var).exp();
                d_eta[0] += d1 * precision;
                d_eta[1] += precision * (half * d2 - mean * d1);
            }
            (GaussianForm::Var, &[log_var], &[d]) => d_eta[0] += half * d * (-log_var).exp(),
            (GaussianForm::Mean, _, &[d]) => d_eta[0] += d,
            _ => panic!("{:?} has k = {}, but η has length {}", self.form, self.form.k(), eta.len()),
        }
    }

    fn statistics_properties(&self) -> Option<StatisticsProperties> {
        Some(match self.form {
            GaussianForm::MeanVar => StatisticsProperties::analytic(2, 0),
            GaussianForm::Var => StatisticsProperties::analytic(1, 1),
            GaussianForm::Mean => StatisticsProperties::analytic(1, 0),
        })
    }

    fn draw(&self, lambda: &[F], rng: &mut dyn RngCore) -> F {
        let (mean, var) = self.moments(lambda);
        mean + var.sqrt() * F::of(rng.sample::<f64, _>(StandardNormal))
    }
}
