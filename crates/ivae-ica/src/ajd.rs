//! [`Ajd`]: nonstationary linear ICA by approximate joint diagonalisation of the covariances of segments.
//!
//! Sources that are independent and Gaussian within each segment u, with variances that differ between segments, are
//! separated by maximum likelihood: find B that minimises (Pham & Cardoso 2001, eq. 6)
//!
//! ```text
//! Σ_u w_u [ log det diag(B C_u Bᵀ) − log det(B C_u Bᵀ) ],     w_u = N_u / N.
//! ```
//!
//! Each sweep visits every pair (i, j). With means weighted by w_u of the transformed covariances,
//! g_ij = ⟨C_ij / C_ii⟩ and ω_ij = ⟨C_jj / C_ii⟩, the pair's quasi-Newton step solves (Pham 2001, §3)
//!
//! ```text
//! ω_ij h_ij + h_ji = g_ij,   h_ij + ω_ji h_ji = g_ji,   B ← B − 2 / (1 + √(1 − 4 h_ij h_ji)) (h_ij e_i e_jᵀ + h_ji e_j e_iᵀ) B.
//! ```

use ivae_num::Scalar;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis};

use crate::affine::centred_product;
use crate::error::{IcaError, check_columns};
use crate::pca::Exact;

/// Added to the determinant of a pair's equations.
const RIDGE: f64 = 1e-6;

/// Joint diagonalisation of segment covariances.
#[derive(Debug, Clone, PartialEq)]
pub struct Ajd {
    /// Number of components n; all directions of x if [`None`].
    pub components: Option<usize>,
    /// Converged once a sweep is expected to lower the criterion by less than this, in nats per row.
    pub tolerance: f64,
    /// Most sweeps.
    pub max_sweeps: usize,
}

impl Default for Ajd {
    fn default() -> Self {
        Self { components: None, tolerance: 1e-10, max_sweeps: 200 }
    }
}

/// A fitted [`Ajd`]: z = (x − mean) unmixingᵀ has unit variance over all rows.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedAjd<F> {
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
    /// What the last sweep was expected to gain, in nats per row.
    pub limit: f64,
    /// Segments with at least two rows: those that say something.
    pub segments: usize,
}

impl Ajd {
    /// Separate x `[N, d]`, whose row i belongs to segment `segments[i]`.
    ///
    /// Covariances are about the segments' own means. Those of segments with few rows are shrunk towards the pooled
    /// one, as by n + 1 more rows of it.
    ///
    /// # Errors
    /// Fewer than 2 rows; `segments` of another length; fewer than 2 segments of at least 2 rows; an entry that is not
    /// finite; an overflow; more components than x has directions.
    pub fn fit<F: Scalar>(&self, x: ArrayView2<'_, F>, segments: &[u32]) -> Result<FittedAjd<F>, IcaError> {
        if segments.len() != x.nrows() {
            return Err(IcaError::Segments { rows: x.nrows(), segments: segments.len() });
        }
        let pca = Exact::fit(x, self.components)?;
        let (n, whitening) = (pca.components.nrows(), pca.whitening());
        let mut white = Array2::<f64>::zeros((x.nrows(), n));
        let x64 = x.mapv(F::f64);
        centred_product(white.view_mut(), x64.view(), &pca.mean, whitening.view());

        let mut covariances = segment_covariances(white.view(), segments);
        if covariances.len() < 2 {
            return Err(IcaError::OneSegment { found: covariances.len() });
        }
        let mut b = Array2::<f64>::eye(n);
        let (mut sweeps, mut limit) = (0, f64::INFINITY);
        while sweeps < self.max_sweeps && limit >= self.tolerance {
            limit = sweep(&mut b, &mut covariances);
            sweeps += 1;
        }

        // Unit variance over all rows: the whitened rows have the identity as covariance.
        for mut row in b.rows_mut() {
            let norm = row.dot(&row).sqrt();
            row /= norm;
        }
        let inverse = ivae_num::linalg::inverse(b.view())?;
        Ok(FittedAjd {
            mean: pca.mean.mapv(F::of),
            unmixing: b.dot(&whitening).mapv(F::of),
            mixing: pca.colouring().dot(&inverse).mapv(F::of),
            sweeps,
            converged: limit < self.tolerance,
            limit,
            segments: covariances.len(),
        })
    }
}

/// A segment's covariance `[n, n]`, with its weight.
struct Segment {
    weight: f64,
    covariance: Array2<f64>,
}

/// Covariances of the segments with at least two rows of `z` `[N, n]`, about their own means; weights sum to 1.
fn segment_covariances(z: ArrayView2<'_, f64>, segments: &[u32]) -> Vec<Segment> {
    let (n, count) = (z.ncols(), segments.iter().max().map_or(0, |&m| m as usize + 1));
    let mut rows = vec![0.0; count];
    let mut means = Array2::<f64>::zeros((count, n));
    for (row, &u) in z.rows().into_iter().zip(segments) {
        rows[u as usize] += 1.0;
        means.row_mut(u as usize).scaled_add(1.0, &row);
    }
    for (mut mean, &rows) in means.rows_mut().into_iter().zip(&rows) {
        mean /= f64::max(rows, 1.0);
    }
    let mut scatter = vec![Array2::<f64>::zeros((n, n)); count];
    for (row, &u) in z.rows().into_iter().zip(segments) {
        let centred = &row - &means.row(u as usize);
        let scatter = &mut scatter[u as usize];
        for i in 0..n {
            scatter.row_mut(i).scaled_add(centred[i], &centred);
        }
    }
    let total: f64 = rows.iter().filter(|&&r| r >= 2.0).sum();
    let mut pooled = Array2::<f64>::zeros((n, n));
    scatter.iter().for_each(|s| pooled += s);
    pooled /= f64::max(total, 1.0);
    let shrink = (n + 1) as f64;
    let kept = scatter.into_iter().zip(rows).filter(|(_, rows)| *rows >= 2.0);
    kept.map(|(scatter, rows)| Segment {
        weight: rows / total,
        covariance: (scatter + &pooled * shrink) / (rows + shrink),
    })
    .collect()
}

/// One sweep over all pairs; returns what it was expected to gain.
fn sweep(b: &mut Array2<f64>, segments: &mut [Segment]) -> f64 {
    let (n, mut gain) = (b.nrows(), 0.0);
    for i in 1..n {
        for j in 0..i {
            let (mut g_ij, mut g_ji, mut omega_ij, mut omega_ji) = (0.0, 0.0, 0.0, 0.0);
            for Segment { weight, covariance: c } in segments.iter() {
                g_ij += weight * c[[i, j]] / c[[i, i]];
                g_ji += weight * c[[i, j]] / c[[j, j]];
                omega_ij += weight * c[[j, j]] / c[[i, i]];
                omega_ji += weight * c[[i, i]] / c[[j, j]];
            }
            // ω_ij ω_ji ≥ 1 (Cauchy–Schwarz), with equality where the variances of i and j are proportional: such a
            // pair cannot be told apart, and the ridge keeps its steps small.
            let determinant = omega_ij * omega_ji - 1.0 + RIDGE;
            let h_ij = (omega_ji * g_ij - g_ji) / determinant;
            let h_ji = (omega_ij * g_ji - g_ij) / determinant;
            gain += 0.5 * (g_ij * h_ij + g_ji * h_ji).abs();
            let root = (1.0 - 4.0 * h_ij * h_ji).max(0.0).sqrt();
            let (t_ij, t_ji) = (-2.0 * h_ij / (1.0 + root), -2.0 * h_ji / (1.0 + root));
            rotate(b.view_mut(), i, j, t_ij, t_ji);
            for Segment { covariance, .. } in segments.iter_mut() {
                rotate(covariance.view_mut(), i, j, t_ij, t_ji);
                rotate(covariance.view_mut().reversed_axes(), i, j, t_ij, t_ji);
            }
        }
    }
    gain
}

/// Rows i and j of `m`: mᵢ + t_ij mⱼ and mⱼ + t_ji mᵢ.
fn rotate(mut m: ArrayViewMut2<'_, f64>, i: usize, j: usize, t_ij: f64, t_ji: f64) {
    for k in 0..m.ncols() {
        let (a, b) = (m[[i, k]], m[[j, k]]);
        m[[i, k]] = a + t_ij * b;
        m[[j, k]] = b + t_ji * a;
    }
}

impl<F: Scalar> FittedAjd<F> {
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
        Ok(sources.dot(&self.mixing.t()) + self.mean.view().insert_axis(Axis(0)))
    }
}
