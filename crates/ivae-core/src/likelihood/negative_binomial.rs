//! The negative binomial likelihood, for counts that vary more than Poisson ones: f(z) is the log mean.

use ivae_data::{Dataset, Scaling};
use ivae_expfam::{Density, NegativeBinomial};
use ivae_metrics::u_only_negative_binomial;
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use rand_distr::{Distribution, Gamma};

use super::member::{FreeParameter, Likelihood, Noise, Suited, u_only};
use super::{counts, poisson};
use crate::error::SpecError;
use crate::theta::ThetaSpec;

/// Where the inverse dispersion r starts, and its floor: below it the variance is so large that the mean says nothing.
const START: f64 = 10.0;
const FLOOR: f64 = 0.01;

impl<F: Scalar> Likelihood<F> for NegativeBinomial {
    fn density(&self) -> &dyn Density<F> {
        self
    }

    fn check_x(&self, x: ArrayView2<'_, F>) -> Result<(), SpecError> {
        counts::check("negative binomial", x)
    }

    fn allows(&self, scaling: Scaling) -> bool {
        scaling == Scaling::None
    }

    fn suited(&self) -> Option<Suited> {
        Some(counts::SUITED)
    }

    fn free_parameters(&self, observed: usize, _: usize) -> Vec<FreeParameter> {
        vec![FreeParameter {
            name: "noise.log_inverse_dispersion".into(),
            columns: observed,
            source: ThetaSpec::Free(START.ln()),
            floor: FLOOR.ln(),
        }]
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

    /// A Poisson count whose rate is drawn from the Gamma law of this mean and of shape r.
    fn sample(&self, mut x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, key: StreamKey) {
        let (d, mut rng) = (x.ncols(), key.rng());
        counts::rates(x.view_mut(), theta);
        for ((b, j), x) in x.indexed_iter_mut() {
            let most = NegativeBinomial::MOST_LOG_INVERSE_DISPERSION;
            let r = theta[[b, d + j]].f64().clamp(-most, most).exp();
            let rate = Gamma::new(r, x.f64() / r).map_or(0.0, |law| law.sample(&mut rng));
            *x = poisson::draw(rate, &mut rng);
        }
    }

    /// Independent negative binomial columns per level of u.
    fn u_only(&self, train: &Dataset<F>, test: &Dataset<F>) -> f64 {
        u_only(u_only_negative_binomial, train, test)
    }

    fn noise(&self) -> Noise {
        Noise::Counts
    }
}
