//! [`Lambda`]: the table of natural parameters λ(u) over distinct u, and the matrix L of its differences.

use ivae_num::Scalar;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::cholesky::cholesky;
use super::error::LambdaError;
use crate::density::ExpFam;

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
    if columns == 0 || k == 0 || !columns.is_multiple_of(k) {
        return Err(LambdaError::Columns { columns, k });
    }
    Ok(columns / k)
}

/// λ(u) over M distinct u, every one of them in the natural domain of one family, and what they say about condition
/// (iii) of the theorem: that some n·k + 1 of the u make the matrix L invertible (Khemakhem et al. 2020, theorem 1).
///
/// ```
/// use ivae_expfam::{Gaussian, GaussianForm, Lambda};
/// use ndarray::array;
///
/// // Two latents of which only the variance depends on u: λ = −1 / (2 σ²), three segments.
/// let family = Gaussian { form: GaussianForm::Var };
/// let lambda = Lambda::new(&family, array![[-0.5, -0.5], [-0.1, -0.5], [-0.5, -2.0]].view())?;
/// assert!(lambda.variability()?.full_rank());
/// let points = lambda.best_points()?;
/// assert_eq!(lambda.l_matrix(points.u0, &points.others)?.dim(), (2, 2));
/// # Ok::<(), ivae_expfam::LambdaError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lambda<'a> {
    pub(super) family: &'a dyn ExpFam<f64>,
    pub(super) table: Array2<f64>,
    /// Mean over u, `[n * k]`: in the domain too, because that is convex.
    mean: Array1<f64>,
    /// Rounding error of the scalar type of the table.
    pub(super) epsilon: f64,
}

impl<'a> Lambda<'a> {
    /// Of the rows λ(u) `[M, n * k]`: component i, statistic j in column `i * k + j`, as [`natural_table`] makes them.
    ///
    /// # Errors
    /// A table without rows, of columns that are not a multiple of k, or with λ outside the natural domain.
    pub fn new<F: Scalar>(
        family: &'a dyn ExpFam<f64>,
        table: ArrayView2<'_, F>,
    ) -> Result<Self, LambdaError> {
        let (count, k) = (table.nrows(), family.k());
        let n = components(table.ncols(), k)?;
        let table = table.mapv(F::f64);
        let Some(mean) = table.mean_axis(Axis(0)) else {
            return Err(LambdaError::NoSuchU { u: 0, count });
        };
        for (u, row) in table.rows().into_iter().enumerate() {
            for i in 0..n {
                let lambda: Vec<f64> = (0..k).map(|j| row[i * k + j]).collect();
                if !family.in_domain(&lambda) {
                    return Err(LambdaError::OutsideDomain { u, component: i, lambda });
                }
            }
        }
        Ok(Self { family, table, mean, epsilon: F::epsilon().f64() })
    }

    /// λ(u), `[M, n * k]`.
    pub fn table(&self) -> ArrayView2<'_, f64> {
        self.table.view()
    }

    /// The family of every component.
    pub fn family(&self) -> &'a dyn ExpFam<f64> {
        self.family
    }

    /// Number of components n.
    pub fn n(&self) -> usize {
        self.table.ncols() / self.k()
    }

    /// Statistics per component.
    pub fn k(&self) -> usize {
        self.family.k()
    }

    /// Number of distinct u, M.
    pub fn distinct_u(&self) -> usize {
        self.table.nrows()
    }

    /// Distinct u that the theorem asks for, n·k + 1.
    pub fn needed(&self) -> usize {
        self.table.ncols() + 1
    }

    /// L `[n * k, points]`: the columns λ(u) − λ(`u0`) for the u of `points`, in order (Khemakhem et al. 2020, equation 8,
    /// which asks for n·k of them that make L invertible).
    ///
    /// # Errors
    /// If the table has no such row.
    pub fn l_matrix(&self, u0: usize, points: &[usize]) -> Result<Array2<f64>, LambdaError> {
        let count = self.distinct_u();
        if let Some(&u) = points.iter().chain([&u0]).find(|&&u| u >= count) {
            return Err(LambdaError::NoSuchU { u, count });
        }
        let entry = |(c, l): (usize, usize)| self.table[[points[l], c]] - self.table[[u0, c]];
        Ok(Array2::from_shape_fn((self.table.ncols(), points.len()), entry))
    }

    /// The deviations of λ(u) from their mean in units of information, `[n * k, M]`, and the triangles that make them.
    ///
    /// Raw deviations would compare unlike units (λ of z² scales as z⁻²), so they are whitened by the Fisher
    /// information at the mean: with ∇²A(λ̄ᵢ) = CᵢCᵢᵀ, row block i is Cᵢᵀ (λᵢ(u) − λ̄ᵢ) / √M.
    pub(crate) fn whitened(&self) -> (Array2<f64>, Vec<Vec<f64>>) {
        let roots: Vec<Vec<f64>> = (0..self.n()).map(|i| self.fisher_root(self.mean.view(), i)).collect();
        (self.in_units(&self.table, &roots), roots)
    }

    /// The deviations of `table` `[M, n * k]` from its own mean over u, whitened by the triangles `roots`: `[n * k, M]`.
    pub(super) fn in_units(&self, table: &Array2<f64>, roots: &[Vec<f64>]) -> Array2<f64> {
        let (count, columns) = table.dim();
        let k = self.k();
        let mean = table.mean_axis(Axis(0)).unwrap_or_default();
        let mut whitened = Array2::zeros((columns, count));
        for (u, row) in table.rows().into_iter().enumerate() {
            for (i, root) in roots.iter().enumerate() {
                let deviation = |l: usize| row[i * k + l] - mean[i * k + l];
                for j in 0..k {
                    let sum: f64 = (j..k).map(|l| root[l * k + j] * deviation(l)).sum();
                    whitened[[i * k + j, u]] = sum / (count as f64).sqrt();
                }
            }
        }
        whitened
    }

    /// C `[k, k]` of component `i` of the row `lambda` `[n * k]`: the Fisher information is C Cᵀ.
    pub(super) fn fisher_root(&self, lambda: ArrayView1<'_, f64>, i: usize) -> Vec<f64> {
        let k = self.k();
        let at: Vec<f64> = (0..k).map(|j| lambda[i * k + j]).collect();
        let mut fisher = vec![0.0; k * k];
        self.family.fisher(&mut fisher, &at);
        cholesky(&fisher, k, 8.0 * self.epsilon)
    }
}
