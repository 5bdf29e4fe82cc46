//! [`Spectrum`]: singular values, rank, condition and determinant of a matrix such as L.

use ivae_num::{LinalgError, Scalar, linalg};
use ndarray::ArrayView2;

/// Singular values of a matrix whose rows are the n·k coordinates of λ, such as [`Lambda::l_matrix`].
///
/// [`Lambda::l_matrix`]: crate::Lambda::l_matrix
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    /// One per row, descending; those that a matrix of fewer columns does not have are 0.
    pub singular_values: Vec<f64>,
    /// Relative size below which a singular value is rounding error: max(rows, columns) · ε of the scalar type.
    pub precision: f64,
}

impl Spectrum {
    /// The spectrum of `matrix`, computed in `f64`.
    ///
    /// # Errors
    /// If an entry is not finite, or the decomposition does not converge.
    pub fn of<F: Scalar>(matrix: ArrayView2<'_, F>) -> Result<Self, LinalgError> {
        let (rows, cols) = matrix.dim();
        let mut singular_values =
            if matrix.is_empty() { vec![] } else { linalg::svd(matrix.mapv(F::f64).view())?.s.to_vec() };
        singular_values.resize(rows, 0.0);
        Ok(Self { singular_values, precision: rows.max(cols) as f64 * F::epsilon().f64() })
    }

    /// The largest, 0 if there is none.
    pub fn largest(&self) -> f64 {
        self.singular_values.first().copied().unwrap_or(0.0)
    }

    /// How many exceed `tolerance` times the largest.
    pub fn rank(&self, tolerance: f64) -> usize {
        self.above(tolerance * self.largest())
    }

    /// Largest over smallest; infinite if the smallest is zero to working precision.
    pub fn condition(&self) -> f64 {
        match self.singular_values.last() {
            Some(&smallest) if smallest > self.precision * self.largest() => self.largest() / smallest,
            _ => f64::INFINITY,
        }
    }

    /// log|det| of a square matrix, ½ log det(M Mᵀ) of a wide one; −∞ if a singular value is 0.
    pub fn log_abs_det(&self) -> f64 {
        self.singular_values.iter().map(|s| s.ln()).sum()
    }

    pub(super) fn above(&self, threshold: f64) -> usize {
        self.singular_values.iter().filter(|&&s| s > threshold).count()
    }
}
