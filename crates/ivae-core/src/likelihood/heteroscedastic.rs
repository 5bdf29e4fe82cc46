//! The Gaussian likelihood whose variances depend on z: f(z) is the means and the log-variances, above a floor, of all
//! columns.

use ivae_data::Dataset;
use ivae_expfam::{Density, HeteroscedasticGaussian};
use ivae_metrics::u_only_gaussian;
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use super::gaussian::normals;
use super::member::{Likelihood, Noise, u_only};
use crate::error::{SpecError, positive};
use ivae_num::slices::columns_mut;

/// Where the variances start.
const START: f64 = 0.3;

impl<F: Scalar> Likelihood<F> for HeteroscedasticGaussian {
    fn density(&self) -> &dyn Density<F> {
        self
    }

    fn check(&self) -> Result<(), SpecError> {
        positive("the floor of the noise variance", self.floor)
    }

    fn outputs(&self, observed: usize) -> usize {
        2 * observed
    }

    /// x itself, and log-variances that do not depend on it.
    fn crude_outputs(&self, x: ArrayView2<'_, F>) -> Option<Array2<F>> {
        let mut outputs = Array2::from_elem((x.nrows(), 2 * x.ncols()), F::of(START.ln()));
        columns_mut(&mut outputs.view_mut(), 0..x.ncols()).assign(&x);
        Some(outputs)
    }

    fn sample(&self, mut x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, key: StreamKey) {
        let (d, noise) = (x.ncols(), normals(x.dim(), key));
        x.assign(&noise);
        for ((b, j), x) in x.indexed_iter_mut() {
            let std = self.variance(theta[[b, d + j]].f64()).sqrt();
            *x = theta[[b, j]] + F::of(std) * *x;
        }
    }

    fn u_only(&self, train: &Dataset<F>, test: &Dataset<F>) -> f64 {
        u_only(u_only_gaussian, train, test)
    }

    /// x = f(z) + ε with an ε that depends on z: not the model of the theorems.
    fn noise(&self) -> Noise {
        Noise::Other
    }
}
