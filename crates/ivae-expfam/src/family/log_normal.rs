//! [`LogNormal`]: a positive latent whose logarithm is Gaussian.

use ivae_num::{Formula, Functions, Scalar};
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Zip};
use rand::RngCore;

use super::gaussian::{Gaussian, GaussianForm};
use crate::density::elementary::{Elementary, GradientRows, LogProbRows, impl_elementary};
use crate::density::scale::Scale;
use crate::density::{ExpFam, Reparam, StatisticsProperties, Support};

/// Components with log z ~ N(mean, variance), θ = \[mean | log_var\] of the logarithm.
///
/// k = 2, T = (log z, log² z), h = 1/z, λ and A those of the Gaussian. T is not monotonic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogNormal;

/// The law of the logarithm.
const LOG: Gaussian = Gaussian { form: GaussianForm::MeanVar };

impl ExpFam<f64> for LogNormal {
    fn k(&self) -> usize {
        2
    }

    fn support(&self) -> Support {
        Support::Positive
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        LOG.stats(t, z.ln());
    }

    fn dstats(&self, dt: &mut [f64], z: f64) {
        LOG.dstats(dt, z.ln());
        dt.iter_mut().for_each(|dt| *dt /= z);
    }

    fn log_base(&self, z: f64) -> f64 {
        -z.ln()
    }

    fn dlog_base(&self, z: f64) -> f64 {
        -1.0 / z
    }

    fn in_domain(&self, lambda: &[f64]) -> bool {
        LOG.in_domain(lambda)
    }

    fn log_partition(&self, lambda: &[f64]) -> f64 {
        LOG.log_partition(lambda)
    }

    fn mean_stats(&self, mean: &mut [f64], lambda: &[f64]) {
        LOG.mean_stats(mean, lambda);
    }

    fn fisher(&self, cov: &mut [f64], lambda: &[f64]) {
        LOG.fisher(cov, lambda);
    }

    /// The entropy of the Gaussian plus E[log z] for the change of variable.
    fn entropy(&self, lambda: &[f64]) -> f64 {
        let mut mean = [0.0; 2];
        LOG.mean_stats(&mut mean, lambda);
        LOG.entropy(lambda) + mean[0]
    }

    fn kl(&self, lambda: &[f64], to: &[f64]) -> f64 {
        LOG.kl(lambda, to)
    }

    fn natural(&self, lambda: &mut [f64], eta: &[f64]) {
        LOG.natural(lambda, eta);
    }

    fn natural_backward(&self, d_eta: &mut [f64], eta: &[f64], d_lambda: &[f64]) {
        LOG.natural_backward(d_eta, eta, d_lambda);
    }

    fn statistics_properties(&self) -> Option<StatisticsProperties> {
        Some(StatisticsProperties::analytic(2, 0))
    }

    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        LOG.draw(lambda, rng).exp()
    }
}

/// z → −½ (e² + log σ² + log 2π) − log z, e = (log z − μ) / σ.
#[derive(Clone, Copy)]
struct LogProb<F>(Scale<F>, F);

impl<F: Scalar> Formula<F, 1, 2> for LogProb<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [z]: [F; 1], [mean, log_var]: [F; 2]) -> [F; 1] {
        let ln_z = M::ln(z);
        let e = (ln_z - mean) * self.0.at::<M>(log_var);
        [-(F::of(0.5) * (e * e + (log_var + self.1)) + ln_z)]
    }
}

/// (z, μ, log σ²) → d times the derivatives in each: (−(e / σ + 1) / z, e / σ, ½ (e² − 1)).
#[derive(Clone, Copy)]
struct Derivatives<F>(Scale<F>);

impl<F: Scalar> Formula<F, 3, 1> for Derivatives<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [z, mean, log_var]: [F; 3], [d]: [F; 1]) -> [F; 3] {
        let inverse = self.0.at::<M>(log_var);
        let e = (M::ln(z) - mean) * inverse;
        let slope = e * inverse;
        [-d * (slope + F::one()) / z, d * slope, F::of(0.5) * d * (e * e - F::one())]
    }
}

impl Elementary for LogNormal {
    fn log_probs<F: Scalar>(&self, rows: LogProbRows<'_, F>) {
        rows.apply(LogProb(Scale::new(-0.5), F::TAU().ln()));
    }

    fn derivatives<F: Scalar>(&self, rows: GradientRows<'_, F>) {
        rows.apply(Derivatives(Scale::new(-0.5)));
    }
}

impl_elementary!(LogNormal);

impl<F: Scalar> Reparam<F> for LogNormal {
    /// z = exp(μ + σ · noise).
    fn sample(&self, mut z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, noise: ArrayView2<'_, F>) {
        LOG.sample(z.view_mut(), theta, noise);
        z.mapv_inplace(|z| z.exp());
    }

    /// Adds to `d_theta` the gradient of the Gaussian for the cotangents z · dz of log z.
    fn sample_backward(
        &self,
        d_theta: ArrayViewMut2<'_, F>,
        theta: ArrayView2<'_, F>,
        noise: ArrayView2<'_, F>,
        dz: ArrayView2<'_, F>,
    ) {
        let mut z = dz.to_owned();
        self.sample(z.view_mut(), theta, noise);
        z *= &dz;
        LOG.sample_backward(d_theta, theta, noise, z.view());
    }

    /// exp(μ + σ²/2).
    fn mean(&self, z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
        let (mean, log_var) = theta.split_at(Axis(1), z.ncols());
        Zip::from(z)
            .and(mean)
            .and(log_var)
            .for_each(|z, &mean, &log_var| *z = (mean + F::of(0.5) * log_var.exp()).exp());
    }
}
