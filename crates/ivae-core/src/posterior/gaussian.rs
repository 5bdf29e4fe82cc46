//! [`Posterior`]: how sure the latents of every row are.

use ivae_num::Scalar;
use ndarray::{Array2, Array3};

use crate::prior::Prior;

/// A Gaussian for every row.
#[derive(Debug, Clone)]
pub struct Posterior<F> {
    /// Means, `[N, n]`.
    pub mean: Array2<F>,
    /// Covariances, `[N, n, n]`.
    pub covariance: Array3<F>,
}

impl<F: Scalar> Posterior<F> {
    /// The posterior of the latents z = m(v) for this one of v: the image of the mean, and the covariance with the slopes
    /// of m there (the delta method).
    pub(crate) fn on_support(self, prior: &Prior) -> Self {
        let Self { mean, mut covariance } = self;
        if !prior.is_real() {
            covariance.indexed_iter_mut().for_each(|((row, i, j), c)| {
                *c *= prior.support_slope(i, mean[[row, i]]) * prior.support_slope(j, mean[[row, j]]);
            });
        }
        Self { mean: prior.to_support(mean), covariance }
    }
}
