//! Dense linear algebra on `ndarray`: eigenvalues, singular values, pivoted QR, solve, inverse, log|det|.
//!
//! The work is done by faer, or with feature `lapack` by LAPACK (pivoted QR excepted: ndarray-linalg has none, so
//! faer's is used there too). Inputs may have any strides and may be empty. Signs of eigenvectors and singular vectors
//! are whatever the back end gives: a caller who needs a convention applies it.

mod backend;
mod faer;
#[cfg(feature = "lapack")]
mod lapack;

use ndarray::{Array1, Array2, ArrayView2};

use crate::Scalar;
pub use backend::{Backend, Eigh, Lu, PivotedQr, Svd};

/// Why a decomposition could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LinalgError {
    /// The matrix must be square.
    #[error("matrix must be square, but is {rows} × {cols}")]
    NotSquare {
        /// Rows of the matrix given.
        rows: usize,
        /// Columns of the matrix given.
        cols: usize,
    },
    /// An entry is NaN or infinite.
    #[error("matrix entry ({row}, {col}) is not finite: {value}")]
    NotFinite {
        /// Its row.
        row: usize,
        /// Its column.
        col: usize,
        /// The value.
        value: f64,
    },
    /// Shapes of two operands do not fit.
    #[error("expected {expected} rows, found {found}")]
    Shape {
        /// Rows the first operand asks for.
        expected: usize,
        /// Rows the second has.
        found: usize,
    },
    /// The matrix is singular to working precision.
    #[error("matrix is singular to working precision (reciprocal pivot ratio {rcond:e})")]
    Singular {
        /// Smallest over largest pivot.
        rcond: f64,
    },
    /// The iteration of the decomposition did not converge.
    #[error("{what} did not converge on a {rows} × {cols} matrix")]
    NoConvergence {
        /// Which decomposition.
        what: &'static str,
        /// Rows of the matrix given.
        rows: usize,
        /// Columns of the matrix given.
        cols: usize,
    },
}

/// Eigendecomposition of a symmetric matrix `[n, n]` (the lower triangle is read, and all of it must be finite).
///
/// # Errors
/// Not square, not finite, or no convergence.
pub fn eigh<F: Scalar>(a: ArrayView2<'_, F>) -> Result<Eigh<F>, LinalgError> {
    check_square(a)?;
    check_finite(a)?;
    let Some((scaled, scale)) = scaled(a) else {
        return Ok(Eigh { values: Array1::zeros(a.nrows()), vectors: Array2::eye(a.nrows()) });
    };
    let mut eigh = F::eigh(scaled.view()).ok_or_else(|| no_convergence("eigh", a))?;
    eigh.values *= scale;
    Ok(eigh)
}

/// Thin singular value decomposition of `[m, n]`.
///
/// # Errors
/// Not finite, or no convergence.
pub fn svd<F: Scalar>(a: ArrayView2<'_, F>) -> Result<Svd<F>, LinalgError> {
    check_finite(a)?;
    let Some((scaled, scale)) = scaled(a) else {
        let ((m, n), r) = (a.dim(), a.nrows().min(a.ncols()));
        return Ok(Svd { u: identity(m, r), s: Array1::zeros(r), vt: identity(r, n) });
    };
    let mut svd = F::svd(scaled.view()).ok_or_else(|| no_convergence("svd", a))?;
    svd.s *= scale;
    Ok(svd)
}

/// QR of `[m, n]` with column pivoting.
///
/// # Errors
/// Not finite.
pub fn qr<F: Scalar>(a: ArrayView2<'_, F>) -> Result<PivotedQr<F>, LinalgError> {
    check_finite(a)?;
    let Some((scaled, scale)) = scaled(a) else {
        let ((m, n), r) = (a.dim(), a.nrows().min(a.ncols()));
        return Ok(PivotedQr { q: identity(m, r), r: Array2::zeros((r, n)), pivots: (0..n).collect() });
    };
    let mut qr = F::qr(scaled.view());
    qr.r *= scale;
    Ok(qr)
}

/// X with `a X = b`, a `[n, n]`, b `[n, m]`, by LU with partial pivoting.
///
/// # Errors
/// Not square, shapes that do not fit, not finite, or singular: smallest over largest pivot below machine epsilon.
pub fn solve<F: Scalar>(a: ArrayView2<'_, F>, b: ArrayView2<'_, F>) -> Result<Array2<F>, LinalgError> {
    check_square(a)?;
    if b.nrows() != a.nrows() {
        return Err(LinalgError::Shape { expected: a.nrows(), found: b.nrows() });
    }
    check_finite(a)?;
    check_finite(b)?;
    if a.is_empty() {
        return Ok(Array2::zeros(b.dim()));
    }
    let lu = F::lu(a, b);
    let size = |pick: fn(F, F) -> F, from: F| lu.pivots.iter().fold(from, |acc, p| pick(acc, p.abs()));
    let (smallest, largest) = (size(F::min, F::infinity()).f64(), size(F::max, F::zero()).f64());
    let rcond = if largest > 0.0 { smallest / largest } else { 0.0 };
    if rcond < F::epsilon().f64() {
        return Err(LinalgError::Singular { rcond });
    }
    Ok(lu.x)
}

/// Inverse of `[n, n]`.
///
/// # Errors
/// Not square, not finite, or singular (as [`solve`] says).
pub fn inverse<F: Scalar>(a: ArrayView2<'_, F>) -> Result<Array2<F>, LinalgError> {
    solve(a, Array2::eye(a.nrows()).view())
}

/// Sign and log of |det a|, a `[n, n]`; `(0, −∞)` if a pivot of the LU decomposition is exactly zero.
///
/// # Errors
/// Not square or not finite.
pub fn slogdet<F: Scalar>(a: ArrayView2<'_, F>) -> Result<(F, F), LinalgError> {
    check_square(a)?;
    check_finite(a)?;
    if a.is_empty() {
        return Ok((F::one(), F::zero()));
    }
    let lu = F::lu(a, Array2::zeros((a.nrows(), 0)).view());
    if lu.pivots.iter().any(|p| p.is_zero()) {
        return Ok((F::zero(), F::neg_infinity()));
    }
    let minus = lu.pivots.iter().filter(|p| p.is_sign_negative()).count() + usize::from(lu.odd);
    let sign = if minus % 2 == 0 { F::one() } else { -F::one() };
    Ok((sign, lu.pivots.iter().map(|p| p.abs().ln()).sum()))
}

fn check_square<F: Scalar>(a: ArrayView2<'_, F>) -> Result<(), LinalgError> {
    let (rows, cols) = a.dim();
    if rows == cols { Ok(()) } else { Err(LinalgError::NotSquare { rows, cols }) }
}

fn check_finite<F: Scalar>(a: ArrayView2<'_, F>) -> Result<(), LinalgError> {
    match a.indexed_iter().find(|(_, v)| !v.is_finite()) {
        None => Ok(()),
        Some(((row, col), v)) => Err(LinalgError::NotFinite { row, col, value: v.f64() }),
    }
}

/// `a` divided by a power of two near its largest entry, and that power; `None` if `a` is empty or all zero.
///
/// Back ends square entries, which loses matrices near the ends of the exponent range; here they never see one.
fn scaled<F: Scalar>(a: ArrayView2<'_, F>) -> Option<(Array2<F>, F)> {
    let largest = a.iter().fold(F::zero(), |acc, v| acc.max(v.abs()));
    if largest.is_zero() {
        return None;
    }
    let exponent = largest.max(F::min_positive_value()).f64().log2().floor();
    let scale = F::of(exponent.exp2());
    Some((a.mapv(|v| v / scale), scale))
}

/// `[rows, cols]` with ones on the diagonal.
fn identity<F: Scalar>(rows: usize, cols: usize) -> Array2<F> {
    Array2::from_shape_fn((rows, cols), |(i, j)| if i == j { F::one() } else { F::zero() })
}

fn no_convergence<F>(what: &'static str, a: ArrayView2<'_, F>) -> LinalgError {
    LinalgError::NoConvergence { what, rows: a.nrows(), cols: a.ncols() }
}
