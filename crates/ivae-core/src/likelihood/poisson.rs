//! The Poisson likelihood, for counts: f(z) is the log rate.

use ivae_data::{Dataset, Scaling};
use ivae_expfam::{Density, Poisson};
use ivae_metrics::u_only_poisson;
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use rand_distr::Distribution;

use super::counts;
use super::member::{Likelihood, Noise, Suited, u_only};
use crate::error::SpecError;

impl<F: Scalar> Likelihood<F> for Poisson {
    fn density(&self) -> &dyn Density<F> {
        self
    }

    fn check_x(&self, x: ArrayView2<'_, F>) -> Result<(), SpecError> {
        counts::check("Poisson", x)
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

    fn write_features(&self, features: ArrayViewMut2<'_, F>, x: ArrayView2<'_, F>) {
        counts::write_features(features, x);
    }

    fn crude_outputs(&self, x: ArrayView2<'_, F>) -> Option<Array2<F>> {
        Some(counts::crude_log_rates(x))
    }

    fn mean(&self, x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
        counts::rates(x, theta);
    }

    fn sample(&self, mut x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, key: StreamKey) {
        counts::rates(x.view_mut(), theta);
        let mut rng = key.rng();
        x.mapv_inplace(|rate| draw(rate.f64(), &mut rng));
    }

    /// Independent Poisson columns per level of u.
    fn u_only(&self, train: &Dataset<F>, test: &Dataset<F>) -> f64 {
        u_only(u_only_poisson, train, test)
    }

    fn noise(&self) -> Noise {
        Noise::Counts
    }
}

/// A Poisson count of this rate; 0 for a rate that is none.
pub(super) fn draw<F: Scalar>(rate: f64, rng: &mut impl rand::Rng) -> F {
    F::of(rand_distr::Poisson::new(rate).map_or(0.0, |law| law.sample(rng)))
}
