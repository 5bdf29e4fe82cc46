//! [`Posterior`]: how sure the latents of every row are.

use ndarray::{Array2, Array3};

/// A Gaussian for every row.
#[derive(Debug, Clone)]
pub struct Posterior<F> {
    /// Means, `[N, n]`.
    pub mean: Array2<F>,
    /// Covariances, `[N, n, n]`.
    pub covariance: Array3<F>,
}
