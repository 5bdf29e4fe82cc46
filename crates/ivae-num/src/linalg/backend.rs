//! [`Backend`]: what a back end of the linear algebra provides.

use ndarray::{Array1, Array2, ArrayView2};

use crate::sealed::Sealed;

/// Eigendecomposition of a symmetric matrix, `a = vectors · diag(values) · vectorsᵀ`.
#[derive(Debug, Clone)]
pub struct Eigh<F> {
    /// Eigenvalues, ascending, `[n]`.
    pub values: Array1<F>,
    /// Eigenvectors in columns, `[n, n]`.
    pub vectors: Array2<F>,
}

/// Thin singular value decomposition, `a = u · diag(s) · vt`.
#[derive(Debug, Clone)]
pub struct Svd<F> {
    /// Left singular vectors in columns, `[m, r]`, r = min(m, n).
    pub u: Array2<F>,
    /// Singular values, descending, `[r]`.
    pub s: Array1<F>,
    /// Right singular vectors in rows, `[r, n]`.
    pub vt: Array2<F>,
}

/// Column-pivoted QR, `a[:, pivots] = q · r`.
#[derive(Debug, Clone)]
pub struct PivotedQr<F> {
    /// Orthonormal columns, `[m, min(m, n)]`.
    pub q: Array2<F>,
    /// Upper triangular with |diagonal| descending, `[min(m, n), n]`.
    pub r: Array2<F>,
    /// Column i of q·r is column `pivots[i]` of a, `[n]`.
    pub pivots: Vec<usize>,
}

/// LU with partial pivoting of a square matrix, and what it solves.
#[doc(hidden)]
#[derive(Debug)]
pub struct Lu<F> {
    /// Diagonal of the upper factor.
    pub pivots: Vec<F>,
    /// Whether the row permutation is odd.
    pub odd: bool,
    /// Solution `[n, m]` of `a X = b`; meaningless if a pivot is zero.
    pub x: Array2<F>,
}

/// What a back end provides, for inputs that [`eigh`](super::eigh) and its siblings have checked and scaled (finite, largest entry
/// near 1, shapes fit, no dimension 0 except the columns of b). `None` is no convergence. Sealed: for [`Scalar`](crate::Scalar) only.
pub trait Backend: Sealed {
    #[doc(hidden)]
    fn eigh(a: ArrayView2<'_, Self>) -> Option<Eigh<Self>>;
    #[doc(hidden)]
    fn svd(a: ArrayView2<'_, Self>) -> Option<Svd<Self>>;
    #[doc(hidden)]
    fn qr(a: ArrayView2<'_, Self>) -> PivotedQr<Self>;
    #[doc(hidden)]
    fn lu(a: ArrayView2<'_, Self>, b: ArrayView2<'_, Self>) -> Lu<Self>;
}
