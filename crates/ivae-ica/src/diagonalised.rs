//! [`Diagonalised`]: the linear map that joint diagonalisation finds, of either kind.

use ivae_num::{Scalar, linalg};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};

use crate::affine::{centred_product, product_plus};
use crate::error::{IcaError, check_columns};
use crate::pca::Exact;

/// A fitted [`Ajd`](crate::Ajd) or [`Sobi`](crate::Sobi): z = (x − mean) unmixingᵀ has unit variance over all rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagonalised<F> {
    /// Mean of x, `[d]`.
    pub mean: Array1<F>,
    /// `[n, d]`.
    pub unmixing: Array2<F>,
    /// `[d, n]`.
    pub mixing: Array2<F>,
    /// Sweeps taken.
    pub sweeps: usize,
    /// Whether the last sweep was below the tolerance.
    pub converged: bool,
    /// What has to fall below the tolerance, in the last sweep.
    pub limit: f64,
    /// Matrices diagonalised: the segments with at least two rows, or the lags.
    pub matrices: usize,
}

/// How a diagonalisation of whitened data ended.
pub(crate) struct Ended {
    /// z = white bᵀ, `[n, n]`.
    pub(crate) b: Array2<f64>,
    pub(crate) sweeps: usize,
    pub(crate) limit: f64,
    pub(crate) matrices: usize,
}

impl<F: Scalar> Diagonalised<F> {
    /// The map on x of the one on whitened x, scaled to outputs of unit variance.
    pub(crate) fn new(pca: &Exact, ended: Ended, tolerance: f64) -> Result<Self, IcaError> {
        let Ended { mut b, sweeps, limit, matrices } = ended;
        // The whitened rows have the identity as covariance.
        for mut row in b.rows_mut() {
            let norm = row.dot(&row).sqrt();
            row /= norm;
        }
        let inverse = linalg::inverse(b.view())?;
        Ok(Self {
            mean: pca.mean.mapv(F::of),
            unmixing: b.dot(&pca.whitening()).mapv(F::of),
            mixing: pca.colouring().dot(&inverse).mapv(F::of),
            sweeps,
            converged: limit < tolerance,
            limit,
            matrices,
        })
    }

    /// Sources `[N, n]` of x `[N, d]`.
    ///
    /// # Errors
    /// Another number of columns than d.
    pub fn transform(&self, x: ArrayView2<'_, F>) -> Result<Array2<F>, IcaError> {
        check_columns(self.mean.len(), x.ncols())?;
        let mut out = Array2::zeros((x.nrows(), self.unmixing.nrows()));
        centred_product(out.view_mut(), x, &self.mean.mapv(F::f64), self.unmixing.view());
        Ok(out)
    }

    /// x `[N, d]` of sources `[N, n]`; components that were dropped are at their mean.
    ///
    /// # Errors
    /// Another number of columns than n.
    pub fn inverse_transform(&self, sources: ArrayView2<'_, F>) -> Result<Array2<F>, IcaError> {
        check_columns(self.mixing.ncols(), sources.ncols())?;
        Ok(product_plus(sources, self.mixing.view(), &self.mean))
    }
}

/// Whitened x `[N, n]`, in `f64`.
pub(crate) fn whitened<F: Scalar>(pca: &Exact, x: ArrayView2<'_, F>) -> Array2<f64> {
    let mut white = Array2::<f64>::zeros((x.nrows(), pca.components.nrows()));
    centred_product(white.view_mut(), x.mapv(F::f64).view(), &pca.mean, pca.whitening().view());
    white
}

/// Rows i and j of `m` become `t` `[2, 2]` times themselves.
pub(crate) fn mix_rows(mut m: ArrayViewMut2<'_, f64>, i: usize, j: usize, t: [[f64; 2]; 2]) {
    for k in 0..m.ncols() {
        let (a, b) = (m[[i, k]], m[[j, k]]);
        m[[i, k]] = t[0][0] * a + t[0][1] * b;
        m[[j, k]] = t[1][0] * a + t[1][1] * b;
    }
}

/// The same of rows and columns: the covariance `m` of rows mixed by `t`.
pub(crate) fn mix_both(m: &mut Array2<f64>, i: usize, j: usize, t: [[f64; 2]; 2]) {
    mix_rows(m.view_mut(), i, j, t);
    mix_rows(m.view_mut().reversed_axes(), i, j, t);
}
