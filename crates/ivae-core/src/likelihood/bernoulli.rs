//! The Bernoulli likelihood, for x of 0 and 1: f(z) is the log-odds.

use ivae_data::{Dataset, Scaling};
use ivae_expfam::{Bernoulli, Density};
use ivae_metrics::u_only_bernoulli;
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array1, ArrayView2, ArrayViewMut2, Axis};
use rand::Rng;

use super::member::{Likelihood, Noise, Suited, check_support, u_only};
use crate::error::SpecError;

impl<F: Scalar> Likelihood<F> for Bernoulli {
    fn density(&self) -> &dyn Density<F> {
        self
    }

    fn check_x(&self, x: ArrayView2<'_, F>) -> Result<(), SpecError> {
        check_support("Bernoulli", "0 or 1", x, |v| v == 0.0 || v == 1.0)
    }

    fn allows(&self, scaling: Scaling) -> bool {
        scaling == Scaling::None
    }

    /// A linear decoder, and a high learning rate.
    fn suited(&self) -> Option<Suited> {
        Some(Suited { scaling: Scaling::None, encoder: &[64], decoder: &[], learning_rate: 0.02, epochs: 60 })
    }

    /// At z = 0 the log-odds are those of each column, and where the mean p moves by δ they move by δ / (p (1 − p)).
    fn start(&self, x: ArrayView2<'_, F>) -> Option<(Array1<F>, Array1<F>)> {
        let rows = x.nrows() as f64;
        let p = x.map_axis(Axis(0), |column| {
            let ones = column.iter().map(|v| v.f64()).sum::<f64>();
            (ones + 1.0) / (rows + 2.0) // never 0 or 1
        });
        Some((p.mapv(|p| F::of((p / (1.0 - p)).ln())), p.mapv(|p| F::of((p * (1.0 - p)).recip()))))
    }

    fn mean(&self, mut x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
        x.assign(&theta);
        x.mapv_inplace(|logit| F::of((1.0 + (-logit.f64()).exp()).recip()));
    }

    fn sample(&self, mut x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, key: StreamKey) {
        Likelihood::<F>::mean(self, x.view_mut(), theta);
        let mut rng = key.rng();
        x.mapv_inplace(|p| F::of(f64::from(u8::from(rng.random::<f64>() < p.f64()))));
    }

    /// Independent Bernoulli columns per level of u.
    fn u_only(&self, train: &Dataset<F>, test: &Dataset<F>) -> f64 {
        u_only(u_only_bernoulli, train, test)
    }

    fn noise(&self) -> Noise {
        Noise::Bernoulli
    }
}
