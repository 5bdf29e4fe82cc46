//! Proposition 1: the affine map between the statistics of two models' latents, fitted and composed.

use ivae_num::{LinalgError, Scalar, linalg};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use super::lambda::Spectrum;
use crate::density::ExpFam;

/// Why no equivalence can be fitted, or inverted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EquivalenceError {
    /// The two tables are not of one shape, or have no columns.
    #[error("statistics of shape {found:?} cannot be set against statistics of shape {expected:?}")]
    Shape {
        /// Rows and columns of T.
        expected: (usize, usize),
        /// Rows and columns of T′.
        found: (usize, usize),
    },
    /// A and c have more unknowns than there are equations.
    #[error("{rows} rows cannot determine A and c: at least {needed} are needed")]
    TooFewRows {
        /// Rows given.
        rows: usize,
        /// n·k + 2, so that at least one row is left to test the fit.
        needed: usize,
    },
    /// An entry is NaN or infinite.
    #[error("{table} has {value} in row {row}, column {column}")]
    NotFinite {
        /// `T` or `T′`.
        table: &'static str,
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
        /// The value.
        value: f64,
    },
    /// Some combination of the columns of T′ does not vary over the rows, so that A is not determined.
    #[error("the columns of T′ are linearly dependent: smallest over largest singular value {ratio:e}")]
    Dependent {
        /// Smallest over largest singular value of the standardised columns.
        ratio: f64,
    },
    /// A is not invertible to working precision: T does not determine T′.
    #[error("A is singular: its condition is {condition:e}")]
    Singular {
        /// Largest over smallest singular value of A; infinite if the smallest is 0.
        condition: f64,
    },
    /// A decomposition failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// T(z) `[N, n * k]` of rows of latents `z` `[N, n]`; statistic j of latent i stands in column `i * k + j`, as in
/// [`natural_table`](crate::natural_table).
pub fn statistics<F: Scalar>(family: &dyn ExpFam<F>, z: ArrayView2<'_, F>) -> Array2<F> {
    let ((rows, n), k) = (z.dim(), family.k());
    let (mut table, mut t) = (Array2::zeros((rows, n * k)), vec![F::zero(); k]);
    for ((b, i), &z) in z.indexed_iter() {
        family.stats(&mut t, z);
        (0..k).for_each(|j| table[[b, i * k + j]] = t[j]);
    }
    table
}

/// The map T = A T′ + c that makes two models equivalent (Khemakhem et al. 2020, definition 3): T are the statistics of
/// one model's latents, T′ those of the other's at the same x.
///
/// [`identity`](Self::identity), [`inverse`](Self::inverse) and [`then`](Self::then) are why that is an equivalence
/// relation: it is reflexive, symmetric and transitive.
#[derive(Debug, Clone, PartialEq)]
pub struct Equivalence {
    /// A `[n * k, n * k]`.
    pub a: Array2<f64>,
    /// c `[n * k]`.
    pub c: Array1<f64>,
}

/// An [`Equivalence`] by least squares, and how well it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedEquivalence {
    /// A and c.
    pub map: Equivalence,
    /// 1 − R² of each column of T `[n * k]`: the share of its variance that no affine map of T′ explains.
    pub residuals: Vec<f64>,
    /// Their mean.
    pub residual: f64,
    /// A in units in which every statistic, on both sides, has standard deviation 1 `[n * k, n * k]`.
    pub scaled: Array2<f64>,
    /// Largest over smallest singular value of [`scaled`](Self::scaled): 1 for a scaled permutation.
    pub condition: f64,
}

/// How near A is to one k × k block for each latent: see [`FittedEquivalence::blocks`].
#[derive(Debug, Clone, PartialEq)]
pub struct Blocks {
    /// For each latent of T, the latent of T′ that carries most of it `[n]`.
    pub partner: Vec<usize>,
    /// Share of the squared weight of A that stands outside the blocks of partners; 0 if A has nothing else.
    pub off: f64,
}

impl Equivalence {
    /// A = I and c = 0, of `size` = n·k statistics: every model is equivalent to itself.
    pub fn identity(size: usize) -> Self {
        Self { a: Array2::eye(size), c: Array1::zeros(size) }
    }

    /// From T′ to T: rows of `t` `[N, n * k]` to rows A t + c.
    ///
    /// # Panics
    /// If the columns do not fit.
    pub fn apply(&self, t: ArrayView2<'_, f64>) -> Array2<f64> {
        t.dot(&self.a.t()) + &self.c
    }

    /// From T to T′: A⁻¹ and −A⁻¹ c.
    ///
    /// # Errors
    /// If A is singular or not finite.
    pub fn inverse(&self) -> Result<Self, EquivalenceError> {
        let condition = Spectrum::of(self.a.view())?.condition();
        if singular(condition, self.a.nrows(), f64::EPSILON) {
            return Err(EquivalenceError::Singular { condition });
        }
        let a = linalg::inverse(self.a.view())?;
        let c = -a.dot(&self.c);
        Ok(Self { a, c })
    }

    /// If T = A T′ + c by `self` and T′ = A′ T″ + c′ by `next`, then T = A A′ T″ + (A c′ + c).
    ///
    /// # Panics
    /// If the sizes differ.
    pub fn then(&self, next: &Self) -> Self {
        Self { a: self.a.dot(&next.a), c: self.a.dot(&next.c) + &self.c }
    }

    /// Fit T = A T′ + c by least squares to the rows of `t` and `other` `[N, n * k]`, computed in `f64`.
    ///
    /// # Errors
    /// Shapes that do not fit, too few rows, entries that are not finite; columns of T′ that are linearly dependent,
    /// and a fitted A that is singular (each to the working precision of `F`).
    ///
    /// ```
    /// use ivae_expfam::theory::equivalence::{Equivalence, statistics};
    /// use ivae_expfam::{Gaussian, GaussianForm};
    /// use ndarray::array;
    ///
    /// // T = z² forgets signs: latents that were swapped, scaled and flipped are equivalent.
    /// let z = array![[0.5, 2.0], [-1.0, 0.3], [2.0, -1.0], [0.1, 1.0], [-0.7, 0.2]];
    /// let other = array![[4.0, -0.5], [0.6, 1.0], [-2.0, 2.0], [-2.0, -0.1], [0.4, 0.7]];
    /// let family = Gaussian { form: GaussianForm::Var };
    /// let (t, t_other) = (statistics(&family, z.view()), statistics(&family, other.view()));
    /// let fitted = Equivalence::fit(t.view(), t_other.view())?;
    /// assert!(fitted.residual < 1e-12 && fitted.condition < 1.0 + 1e-9);
    /// assert_eq!(fitted.blocks(1).partner, [1, 0]);
    /// # Ok::<(), ivae_expfam::theory::equivalence::EquivalenceError>(())
    /// ```
    pub fn fit<F: Scalar>(
        t: ArrayView2<'_, F>,
        other: ArrayView2<'_, F>,
    ) -> Result<FittedEquivalence, EquivalenceError> {
        let (rows, size) = t.dim();
        if t.dim() != other.dim() || size == 0 {
            return Err(EquivalenceError::Shape { expected: t.dim(), found: other.dim() });
        }
        if rows < size + 2 {
            return Err(EquivalenceError::TooFewRows { rows, needed: size + 2 });
        }
        let epsilon = F::epsilon().f64();
        let (to, from) = (Standard::of("T", t)?, Standard::of("T′", other)?);
        let svd = linalg::svd(from.table.view())?;
        let ratio = if svd.s[0] > 0.0 { svd.s[size - 1] / svd.s[0] } else { 0.0 };
        if singular(1.0 / ratio, size, epsilon) {
            return Err(EquivalenceError::Dependent { ratio });
        }
        // Standardised: T = T′ Wᵀ with Wᵀ = V S⁻¹ Uᵀ T.
        let coordinates = svd.u.t().dot(&to.table) / svd.s.view().insert_axis(Axis(1));
        let scaled = svd.vt.t().dot(&coordinates).reversed_axes();
        let condition = Spectrum::of(scaled.view())?.condition();
        if singular(condition, size, epsilon) {
            return Err(EquivalenceError::Singular { condition });
        }
        let left = &to.table - &from.table.dot(&scaled.t());
        let residuals: Vec<f64> =
            left.columns().into_iter().map(|column| column.dot(&column) / rows as f64).collect();
        let a = Array2::from_shape_fn((size, size), |(i, j)| scaled[[i, j]] * to.std[i] / from.std[j]);
        let c = &to.mean - &a.dot(&from.mean);
        Ok(FittedEquivalence {
            map: Self { a, c },
            residual: residuals.iter().sum::<f64>() / size as f64,
            residuals,
            scaled,
            condition,
        })
    }
}

impl FittedEquivalence {
    /// Which latent belongs to which, for `k` statistics a latent: where theorem 3 or the result for k ≥ 2 holds, A has
    /// one block for each latent and [`off`](Blocks::off) is near 0.
    pub fn blocks(&self, k: usize) -> Blocks {
        let n = self.scaled.nrows() / k.max(1);
        let weight = Array2::from_shape_fn((n, n), |(i, l)| {
            let entries = (0..k * k).map(|e| self.scaled[[i * k + e / k, l * k + e % k]]);
            entries.map(|entry| entry * entry).sum::<f64>()
        });
        let heaviest =
            |i: usize| (0..n).fold(0, |best, l| if weight[[i, l]] > weight[[i, best]] { l } else { best });
        let partner: Vec<usize> = (0..n).map(heaviest).collect();
        let inside: f64 = partner.iter().enumerate().map(|(i, &l)| weight[[i, l]]).sum();
        Blocks { partner, off: (1.0 - inside / weight.sum()).max(0.0) }
    }
}

impl Blocks {
    /// Is every latent of T′ the partner of exactly one of T?
    pub fn is_permutation(&self) -> bool {
        (0..self.partner.len()).all(|l| self.partner.contains(&l))
    }
}

/// A table with columns of mean 0 and standard deviation 1, or 0 where a column does not vary.
struct Standard {
    table: Array2<f64>,
    mean: Array1<f64>,
    std: Array1<f64>,
}

impl Standard {
    fn of<F: Scalar>(name: &'static str, raw: ArrayView2<'_, F>) -> Result<Self, EquivalenceError> {
        let mut table = raw.mapv(F::f64);
        if let Some(((row, column), &value)) = table.indexed_iter().find(|(_, v)| !v.is_finite()) {
            return Err(EquivalenceError::NotFinite { table: name, row, column, value });
        }
        let rows = table.nrows() as f64;
        let (mut mean, mut std) = (Array1::zeros(table.ncols()), Array1::zeros(table.ncols()));
        for (j, mut column) in table.columns_mut().into_iter().enumerate() {
            mean[j] = column.sum() / rows;
            column -= mean[j];
            std[j] = (column.dot(&column) / rows).sqrt();
            let varies = std[j] > 4.0 * F::epsilon().f64() * f64::abs(mean[j]);
            column.mapv_inplace(|v| if varies { v / std[j] } else { 0.0 });
        }
        Ok(Self { table, mean, std })
    }
}

/// Is a matrix of this size and condition singular to the precision `epsilon`?
fn singular(condition: f64, size: usize, epsilon: f64) -> bool {
    condition.is_nan() || condition * 16.0 * size as f64 * epsilon >= 1.0
}
