//! The binary concrete likelihood, for x between 0 and 1: x = sigmoid((f(z) + ε) / T) with logistic ε and a temperature T.

use ivae_data::{Dataset, Scaling};
use ivae_expfam::{Density, UnitConcrete};
use ivae_metrics::u_only_binary_concrete;
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Zip};
use rand::Rng;
use rand_distr::Open01;

use super::counts;
use super::member::{Likelihood, Noise, Suited, check_support, u_only};
use crate::error::{SpecError, positive};
use ivae_num::slices::columns;

/// Quantiles of the noise that the mean of x is computed from.
const QUANTILES: u32 = 64;

fn logit(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

fn sigmoid(x: f64) -> f64 {
    (1.0 + (-x).exp()).recip()
}

impl<F: Scalar> Likelihood<F> for UnitConcrete {
    fn density(&self) -> &dyn Density<F> {
        self
    }

    fn check(&self) -> Result<(), SpecError> {
        positive("the temperature", self.0.temperature)
    }

    fn check_x(&self, x: ArrayView2<'_, F>) -> Result<(), SpecError> {
        check_support("binary concrete", "values between 0 and 1, without both", x, |v| v > 0.0 && v < 1.0)
    }

    fn allows(&self, scaling: Scaling) -> bool {
        scaling == Scaling::None
    }

    fn suited(&self) -> Option<Suited> {
        Some(counts::SUITED)
    }

    fn features(&self, observed: usize) -> Option<usize> {
        Some(observed)
    }

    /// f(z) + ε.
    fn write_features(&self, features: ArrayViewMut2<'_, F>, x: ArrayView2<'_, F>) {
        let temperature = self.0.temperature;
        Zip::from(features).and(x).for_each(|to, &x| *to = F::of(temperature * logit(x.f64())));
    }

    fn crude_outputs(&self, x: ArrayView2<'_, F>) -> Option<Array2<F>> {
        let mut outputs = Array2::zeros(x.dim());
        Likelihood::<F>::write_features(self, outputs.view_mut(), x);
        Some(outputs)
    }

    fn mean(&self, mut x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
        let d = x.ncols();
        let quantile = |i: u32| logit((f64::from(i) + 0.5) / f64::from(QUANTILES));
        x.zip_mut_with(&columns(theta, 0..d), |x, l| {
            let at = |i: u32| sigmoid((l.f64() + quantile(i)) / self.0.temperature);
            *x = F::of((0..QUANTILES).map(at).sum::<f64>() / f64::from(QUANTILES));
        });
    }

    fn sample(&self, mut x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, key: StreamKey) {
        let (d, mut rng) = (x.ncols(), key.rng());
        // Not rounded to the ends, which have no density.
        let (least, most) = (F::min_positive_value(), F::one() - F::epsilon());
        x.zip_mut_with(&columns(theta, 0..d), |x, l| {
            let noise = logit(rng.sample(Open01));
            *x = F::of(sigmoid((l.f64() + noise) / self.0.temperature)).max(least).min(most);
        });
    }

    /// Independent columns per level of u, of this temperature.
    fn u_only(&self, train: &Dataset<F>, test: &Dataset<F>) -> f64 {
        let density =
            |train: ivae_metrics::LevelRows<'_, F>, test: ivae_metrics::LevelRows<'_, F>, levels| {
                u_only_binary_concrete(train, test, levels, self.0.temperature)
            };
        u_only(density, train, test)
    }

    /// x is a bijection of f(z) + ε.
    fn noise(&self) -> Noise {
        Noise::Logistic
    }
}
