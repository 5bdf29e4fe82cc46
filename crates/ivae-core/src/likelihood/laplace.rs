//! The Laplace likelihood: f(z) is the median, each column has a learned scale.

use ivae_data::Dataset;
use ivae_expfam::{Density, Laplace, Reparam};
use ivae_metrics::u_only_laplace;
use ivae_num::{Scalar, StreamKey};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::gaussian::{normals, start_and_floor};
use super::member::{FreeParameter, Likelihood, Noise, u_only};
use crate::theta::ThetaSpec;

impl<F: Scalar> Likelihood<F> for Laplace {
    fn density(&self) -> &dyn Density<F> {
        self
    }

    /// The scale has the start and the floor of the default Gaussian's variance, which is twice its square.
    fn free_parameters(&self, observed: usize, latents: usize) -> Vec<FreeParameter> {
        let (start, floor) = start_and_floor(observed, latents);
        let of_variance = |variance: f64| 0.5 * (0.5 * variance).ln();
        vec![FreeParameter {
            name: "noise.log_scale".into(),
            columns: observed,
            source: ThetaSpec::Free(of_variance(start)),
            floor: of_variance(floor),
        }]
    }

    fn sample(&self, x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, key: StreamKey) {
        let noise = normals(x.dim(), key);
        Reparam::sample(self, x, theta, noise.view());
    }

    /// Independent Laplace columns per level of u.
    fn u_only(&self, train: &Dataset<F>, test: &Dataset<F>) -> f64 {
        u_only(u_only_laplace, train, test)
    }

    fn noise(&self) -> Noise {
        Noise::Laplace
    }
}
