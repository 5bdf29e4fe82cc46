//! The Student t likelihood, for x with outliers: f(z) is the location, each column has a learned scale and learned degrees
//! of freedom.

use ivae_data::Dataset;
use ivae_expfam::{Density, StudentT};
use ivae_metrics::u_only_student_t;
use ivae_num::{Scalar, StreamKey};
use ndarray::{ArrayView2, ArrayViewMut2};
use rand_distr::Distribution;

use super::gaussian::start_and_floor;
use super::member::{FreeParameter, Likelihood, Noise, u_only};
use crate::theta::ThetaSpec;

/// Where the degrees of freedom start, and their floor: below it the variance is not finite.
const START: f64 = 5.0;
const FLOOR: f64 = 2.05;

impl<F: Scalar> Likelihood<F> for StudentT {
    fn density(&self) -> &dyn Density<F> {
        self
    }

    /// The squared scale has the start and the floor of the default Gaussian's variance.
    fn free_parameters(&self, observed: usize, latents: usize) -> Vec<FreeParameter> {
        let (start, floor) = start_and_floor(observed, latents);
        let parameter = |name: &str, start: f64, floor: f64| FreeParameter {
            name: name.into(),
            columns: observed,
            source: ThetaSpec::Free(start),
            floor,
        };
        vec![
            parameter("noise.log_scale", 0.5 * start.ln(), 0.5 * floor.ln()),
            parameter("noise.log_degrees", START.ln(), FLOOR.ln()),
        ]
    }

    fn sample(&self, mut x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, key: StreamKey) {
        let (d, mut rng) = (x.ncols(), key.rng());
        for ((b, j), x) in x.indexed_iter_mut() {
            let at = |k: usize| theta[[b, k * d + j]].f64();
            let degrees = at(2).min(StudentT::MOST_LOG_DEGREES).exp();
            let draw = rand_distr::StudentT::new(degrees).map_or(0.0, |law| law.sample(&mut rng));
            *x = F::of(at(0) + at(1).exp() * draw);
        }
    }

    /// Independent Student t columns per level of u.
    fn u_only(&self, train: &Dataset<F>, test: &Dataset<F>) -> f64 {
        u_only(u_only_student_t, train, test)
    }

    fn noise(&self) -> Noise {
        Noise::StudentT
    }
}
