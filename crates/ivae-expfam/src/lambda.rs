//! The table of natural parameters λ(u) over distinct u, the matrix L that it spans, and whether that is enough.

use std::fmt;

use ivae_num::{LinalgError, Scalar, linalg};
use ndarray::{Array2, ArrayView2, Axis};
use serde::Serialize;

use crate::ExpFam;

/// [`Variability::rank`] counts singular values above this fraction of the largest (or of 1, if that is more):
/// half of the digits of `f32`, in which λ is fitted.
pub const RANK_TOLERANCE: f64 = 3.5e-4;

/// Why a table of natural parameters cannot be judged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LambdaError {
    /// Columns are not n components of k each.
    #[error("a table of {columns} columns cannot hold components of k = {k} parameters")]
    Columns {
        /// Columns of the table.
        columns: usize,
        /// Parameters per component.
        k: usize,
    },
    /// The table has no rows, or none of this number.
    #[error("there is no u number {u}: the table has {count} rows")]
    NoSuchU {
        /// The row asked for.
        u: usize,
        /// Rows of the table.
        count: usize,
    },
    /// λ(u) is outside the natural domain of the family (or not finite).
    #[error("λ of u number {u}, component {component}, is outside the natural domain: {lambda:?}")]
    OutsideDomain {
        /// Row of the table.
        u: usize,
        /// Component i.
        component: usize,
        /// The value, `[k]`.
        lambda: Vec<f64>,
    },
    /// A decomposition failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// λ(u) `[M, n * k]` of the rows θ(u) `[M, p]`; component i, statistic j stands in column `i * k + j`.
///
/// # Errors
/// If the columns of `theta` are not a multiple of k.
pub fn natural_table<F: Scalar>(
    family: &dyn ExpFam<F>,
    theta: ArrayView2<'_, F>,
) -> Result<Array2<F>, LambdaError> {
    let k = family.k();
    let n = components(theta.ncols(), k)?;
    let (mut table, mut eta, mut lambda) =
        (Array2::zeros(theta.raw_dim()), vec![F::zero(); k], vec![F::zero(); k]);
    for (theta, mut row) in theta.rows().into_iter().zip(table.rows_mut()) {
        for i in 0..n {
            (0..k).for_each(|j| eta[j] = theta[j * n + i]);
            family.natural(&mut lambda, &eta);
            (0..k).for_each(|j| row[i * k + j] = lambda[j]);
        }
    }
    Ok(table)
}

fn components(columns: usize, k: usize) -> Result<usize, LambdaError> {
    if columns == 0 || !columns.is_multiple_of(k) {
        return Err(LambdaError::Columns { columns, k });
    }
    Ok(columns / k)
}

/// L `[n * k, M − 1]`: the columns λ(u) − λ(`u0`) for every other u, in order (Khemakhem et al. 2020, equation 8,
/// which asks for n·k of them that make L invertible), of the table `lambda` `[M, n * k]`.
///
/// # Errors
/// If the table has no row `u0`.
pub fn l_matrix<F: Scalar>(lambda: ArrayView2<'_, F>, u0: usize) -> Result<Array2<F>, LambdaError> {
    let (count, columns) = lambda.dim();
    if u0 >= count {
        return Err(LambdaError::NoSuchU { u: u0, count });
    }
    let mut l = Array2::zeros((columns, count - 1));
    let others = lambda.rows().into_iter().enumerate().filter(|&(u, _)| u != u0);
    for (mut column, (_, row)) in l.axis_iter_mut(Axis(1)).zip(others) {
        column.assign(&row);
        column -= &lambda.row(u0);
    }
    Ok(l)
}

/// Singular values of a matrix whose rows are the n·k coordinates of λ, such as [`l_matrix`].
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

    fn above(&self, threshold: f64) -> usize {
        self.singular_values.iter().filter(|&&s| s > threshold).count()
    }
}

/// How far λ(u) varies over u, in units in which every family and every latent counts alike: see [`variability`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Variability {
    /// Statistics per latent.
    pub k: usize,
    /// Number of distinct u, M.
    pub distinct_u: usize,
    /// Distinct u that the theorem asks for, n·k + 1.
    pub needed: usize,
    /// Directions, of n·k, in which λ varies: singular values above [`RANK_TOLERANCE`] · max(1, largest).
    pub rank: usize,
    /// Largest over smallest singular value; infinite if the smallest is zero to working precision.
    pub condition: f64,
    /// Singular values, descending, `[n * k]`.
    pub singular_values: Vec<f64>,
}

impl Variability {
    /// Are there at least n·k + 1 distinct u?
    pub fn enough_u(&self) -> bool {
        self.distinct_u >= self.needed
    }

    /// Does λ vary in all n·k directions, so that some n·k + 1 of the u make L invertible?
    pub fn full_rank(&self) -> bool {
        self.rank + 1 == self.needed
    }
}

impl fmt::Display for Variability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rank, distinct_u, needed, condition, .. } = self;
        let directions = needed - 1;
        if !self.enough_u() {
            write!(f, "{distinct_u} distinct u, but n·k + 1 = {needed} are needed")
        } else if !self.full_rank() {
            write!(f, "λ(u) varies in only {rank} of n·k = {directions} directions")
        } else {
            write!(f, "λ(u) varies in all n·k = {directions} directions (condition {condition:.3})")
        }
    }
}

/// Judge the table `lambda` `[M, n * k]` of λ(u) over M distinct u.
///
/// The columns of L for any u⁰ span the same space as the deviations of λ(u) from its mean λ̄ over u, so no u⁰ is
/// chosen. Raw deviations would compare unlike units (λ of z² scales as z⁻²), so they are whitened by the Fisher
/// information at λ̄, which is in the natural domain because that is convex: with ∇²A(λ̄ᵢ) = CᵢCᵢᵀ, row block i of
/// the matrix decomposed is Cᵢᵀ (λᵢ(u) − λ̄ᵢ) / √M. Its singular values
/// - do not change when a latent is shifted or rescaled, or its statistics are replaced by any other basis of theirs;
/// - have an absolute meaning: ½ s² is, to second order, the mean over u of the Kullback–Leibler divergence in nats
///   that the variation along its direction makes. One far below 1/√(rows of data) is noise.
///
/// # Errors
/// A table without rows, of columns that are not a multiple of k, or with λ outside the natural domain.
pub fn variability<F: Scalar>(
    family: &dyn ExpFam<F>,
    lambda: ArrayView2<'_, F>,
) -> Result<Variability, LambdaError> {
    let k = family.k();
    let (count, columns) = lambda.dim();
    let n = components(columns, k)?;
    let Some(mean) = lambda.mapv(F::f64).mean_axis(Axis(0)) else {
        return Err(LambdaError::NoSuchU { u: 0, count });
    };
    for (u, row) in lambda.rows().into_iter().enumerate() {
        for i in 0..n {
            let at: Vec<F> = (0..k).map(|j| row[i * k + j]).collect();
            if !family.in_domain(&at) {
                let lambda = at.iter().map(|l| l.f64()).collect();
                return Err(LambdaError::OutsideDomain { u, component: i, lambda });
            }
        }
    }
    let mut whitened = Array2::zeros((columns, count));
    let mut fisher = vec![F::zero(); k * k];
    for i in 0..n {
        let centre: Vec<F> = (0..k).map(|j| F::of(mean[i * k + j])).collect();
        family.fisher(&mut fisher, &centre);
        let root = cholesky::<F>(&fisher, k);
        for (u, row) in lambda.rows().into_iter().enumerate() {
            for j in 0..k {
                let deviation = |l: usize| row[i * k + l].f64() - mean[i * k + l];
                let sum: f64 = (j..k).map(|l| root[l * k + j] * deviation(l)).sum();
                whitened[[i * k + j, u]] = sum / (count as f64).sqrt();
            }
        }
    }
    let precision = columns.max(count) as f64 * F::epsilon().f64();
    let spectrum = Spectrum { precision, ..Spectrum::of(whitened.view())? };
    Ok(Variability {
        k,
        distinct_u: count,
        needed: columns + 1,
        rank: spectrum.above(RANK_TOLERANCE * spectrum.largest().max(1.0)),
        condition: spectrum.condition(),
        singular_values: spectrum.singular_values,
    })
}

/// The lower triangle C of `a = C Cᵀ`, `a` `[k, k]` positive semi-definite as computed in F: a pivot that is lost in
/// rounding gives a zero column.
fn cholesky<F: Scalar>(a: &[F], k: usize) -> Vec<f64> {
    let mut c = vec![0.0; k * k];
    for j in 0..k {
        for i in j..k {
            let dot: f64 = (0..j).map(|l| c[i * k + l] * c[j * k + l]).sum();
            let rest = a[i * k + j].f64() - dot;
            c[i * k + j] = match c[j * k + j] {
                _ if i == j && rest <= 8.0 * F::epsilon().f64() * a[i * k + i].f64() => 0.0,
                _ if i == j => rest.sqrt(),
                pivot if pivot > 0.0 => rest / pivot,
                _ => 0.0,
            };
        }
    }
    c
}
