//! [`Exponential`]: a positive latent of varying rate.

use ivae_num::{Formula, Functions, Scalar};
use ndarray::{ArrayView2, ArrayViewMut2, Zip};
use rand::{Rng, RngCore};
use rand_distr::Exp1;

use crate::density::elementary::{Elementary, GradientRows, LogProbRows, impl_elementary};
use crate::density::shape::assert_shape;
use crate::density::{ExpFam, Reparam, StatisticsProperties, Support};
use crate::special::ln_tail;

/// Components `p(z) = r e^(−rz)` on (0, ∞), θ = log rate.
///
/// k = 1, T = z, h = 1, λ = −r, A = −log r. T is monotonic, so the theory of Khemakhem et al. 2020 for k = 1
/// leaves the latents linearly ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exponential;

/// r; NaN outside the natural domain.
fn rate(lambda: &[f64]) -> f64 {
    if lambda[0] < 0.0 { -lambda[0] } else { f64::NAN }
}

impl ExpFam<f64> for Exponential {
    fn k(&self) -> usize {
        1
    }

    fn support(&self) -> Support {
        Support::Positive
    }

    fn stats(&self, t: &mut [f64], z: f64) {
        t[0] = z;
    }

    fn dstats(&self, dt: &mut [f64], _: f64) {
        dt[0] = 1.0;
    }

    fn log_base(&self, _: f64) -> f64 {
        0.0
    }

    fn dlog_base(&self, _: f64) -> f64 {
        0.0
    }

    fn in_domain(&self, lambda: &[f64]) -> bool {
        rate(lambda).is_finite()
    }

    fn log_partition(&self, lambda: &[f64]) -> f64 {
        -rate(lambda).ln()
    }

    fn mean_stats(&self, mean: &mut [f64], lambda: &[f64]) {
        mean[0] = 1.0 / rate(lambda);
    }

    fn fisher(&self, cov: &mut [f64], lambda: &[f64]) {
        cov[0] = rate(lambda).powi(-2);
    }

    fn entropy(&self, lambda: &[f64]) -> f64 {
        1.0 - rate(lambda).ln()
    }

    fn kl(&self, lambda: &[f64], to: &[f64]) -> f64 {
        let ratio = rate(to) / rate(lambda);
        ratio - 1.0 - ratio.ln()
    }

    /// λ = −exp(log rate).
    fn natural(&self, lambda: &mut [f64], eta: &[f64]) {
        lambda[0] = -eta[0].exp();
    }

    fn natural_backward(&self, d_eta: &mut [f64], eta: &[f64], d_lambda: &[f64]) {
        d_eta[0] -= d_lambda[0] * eta[0].exp();
    }

    fn statistics_properties(&self) -> Option<StatisticsProperties> {
        Some(StatisticsProperties::analytic(1, 0))
    }

    fn draw(&self, lambda: &[f64], rng: &mut dyn RngCore) -> f64 {
        let z = rng.sample::<f64, _>(Exp1) / rate(lambda);
        if z == 0.0 { f64::MIN_POSITIVE } else { z }
    }
}

/// z → log r − r z.
#[derive(Clone, Copy)]
struct LogProb;

impl<F: Scalar> Formula<F, 1, 1> for LogProb {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [z]: [F; 1], [log_rate]: [F; 1]) -> [F; 1] {
        [log_rate - M::exp(log_rate) * z]
    }
}

/// (z, log r) → d times the derivatives in each: (−r, 1 − r z).
#[derive(Clone, Copy)]
struct Derivatives;

impl<F: Scalar> Formula<F, 2, 1> for Derivatives {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [z, log_rate]: [F; 2], [d]: [F; 1]) -> [F; 2] {
        let rate = M::exp(log_rate);
        [-d * rate, d * (F::one() - rate * z)]
    }
}

impl Elementary for Exponential {
    fn log_probs<F: Scalar>(&self, rows: LogProbRows<'_, F>) {
        rows.apply(LogProb);
    }

    fn derivatives<F: Scalar>(&self, rows: GradientRows<'_, F>) {
        rows.apply(Derivatives);
    }
}

impl_elementary!(Exponential);

impl<F: Scalar> Reparam<F> for Exponential {
    /// z = −log Φ(−noise) / r: the quantile of Φ(noise).
    fn sample(&self, z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, noise: ArrayView2<'_, F>) {
        let (rows, n) = z.dim();
        assert_shape("theta", &theta, rows, n);
        assert_shape("noise", &noise, rows, n);
        Zip::from(z).and(theta).and(noise).for_each(|z, &log_rate, &noise| *z = quantile(log_rate, noise));
    }

    /// Adds to `d_theta`: ∂log r = −z · dz.
    fn sample_backward(
        &self,
        d_theta: ArrayViewMut2<'_, F>,
        theta: ArrayView2<'_, F>,
        noise: ArrayView2<'_, F>,
        dz: ArrayView2<'_, F>,
    ) {
        let (rows, n) = dz.dim();
        assert_shape("theta", &theta, rows, n);
        assert_shape("d_theta", &d_theta.view(), rows, n);
        assert_shape("noise", &noise, rows, n);
        Zip::from(d_theta)
            .and(theta)
            .and(noise)
            .and(dz)
            .for_each(|d, &log_rate, &noise, &dz| *d -= dz * quantile(log_rate, noise));
    }

    /// 1 / r.
    fn mean(&self, z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
        let (rows, n) = z.dim();
        assert_shape("theta", &theta, rows, n);
        Zip::from(z).and(theta).for_each(|z, &log_rate| *z = F::of((-log_rate.f64()).exp()));
    }
}

fn quantile<F: Scalar>(log_rate: F, noise: F) -> F {
    F::of(-ln_tail(noise.f64()) * (-log_rate.f64()).exp())
}
