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

use ivae_num::{Scalar, linalg};
use ndarray::{Array2, ArrayView2};

use crate::error::{IcaError, check_stop};
use crate::fitted::{Ended, FittedIca, Method};
use crate::mix::{mix_both, mix_rows};
use crate::pca::{Exact, whitened};

/// Added to the determinant of a pair's equations.
const RIDGE: f64 = 1e-6;

/// A direction whose variance within segments is less than this part of its whole is constant within them.
const CONSTANT: f64 = 1e-12;

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

impl Ajd {
    /// Separate x `[N, d]`, whose row i belongs to segment `segments[i]`.
    ///
    /// Covariances are about the segments' own means, and shrunk towards the pooled one as by n + 1 more rows of it,
    ///
    /// ```text
    /// C_u = (S_u + (n + 1) C) / (N_u + n + 1),     S_u = Σ_(rows of u) (z − z̄_u)(z − z̄_u)ᵀ,     C = Σ_u S_u / Σ_u N_u,
    /// ```
    ///
    /// so that a segment of few rows, or of equal ones, is no more than evidence for the pooled moments; a segment of
    /// one row has no part in it. A direction in which x does not vary at all (a constant column, one of two equal
    /// columns) is dropped, and is an error only if [`components`](Ajd::components) asks for it.
    ///
    /// # Errors
    /// A setting outside its range; fewer than 2 rows; `segments` of another length; fewer than 2 segments of at least
    /// 2 rows; an entry that is not finite; an overflow; more components than x has directions, or than it has within
    /// segments.
    pub fn fit<F: Scalar>(&self, x: ArrayView2<'_, F>, segments: &[u32]) -> Result<FittedIca<F>, IcaError> {
        check_stop(self.tolerance, "max_sweeps", self.max_sweeps)?;
        if segments.len() != x.nrows() {
            return Err(IcaError::Segments { rows: x.nrows(), segments: segments.len() });
        }
        let pca = Exact::fit(x, self.components)?;
        let mut covariances = segment_covariances(whitened(&pca, x).t(), segments)?;

        let mut b = Array2::<f64>::eye(pca.components.nrows());
        let (mut sweeps, mut limit) = (0, f64::INFINITY);
        while sweeps < self.max_sweeps && limit >= self.tolerance {
            limit = sweep(&mut b, &mut covariances);
            sweeps += 1;
        }
        let converged = limit < self.tolerance;
        let ended = Ended { method: Method::Ajd, b, iterations: sweeps, limit, converged, redrawn: 0 };
        FittedIca::new(&pca, ended, self.tolerance)
    }
}

/// A segment's covariance `[n, n]`, with its weight.
struct Segment {
    weight: f64,
    covariance: Array2<f64>,
}

/// Covariances of the segments with at least two rows of `z` `[N, n]`, white, about their own means; weights sum to 1.
fn segment_covariances(z: ArrayView2<'_, f64>, segments: &[u32]) -> Result<Vec<Segment>, IcaError> {
    let n = z.ncols();
    // Labels may be any numbers: a segment is the place of its label among those there are.
    let mut labels = segments.to_vec();
    labels.sort_unstable();
    labels.dedup();
    let place = |label: &u32| labels.partition_point(|known| known < label);

    let mut rows = vec![0.0; labels.len()];
    let mut means = Array2::<f64>::zeros((labels.len(), n));
    for (row, u) in z.rows().into_iter().zip(segments.iter().map(place)) {
        rows[u] += 1.0;
        means.row_mut(u).scaled_add(1.0, &row);
    }
    for (mut mean, &rows) in means.rows_mut().into_iter().zip(&rows) {
        mean /= rows;
    }
    let mut scatter = vec![Array2::<f64>::zeros((n, n)); labels.len()];
    for (row, u) in z.rows().into_iter().zip(segments.iter().map(place)) {
        let centred = &row - &means.row(u);
        for i in 0..n {
            scatter[u].row_mut(i).scaled_add(centred[i], &centred);
        }
    }
    let found = rows.iter().filter(|&&rows| rows >= 2.0).count();
    if found < 2 {
        return Err(IcaError::OneSegment { found });
    }
    let total: f64 = rows.iter().filter(|&&rows| rows >= 2.0).sum();
    let pooled = scatter.iter().fold(Array2::<f64>::zeros((n, n)), |sum, s| sum + s) / total;
    let rank = linalg::eigh(pooled.view())?.values.iter().filter(|&&v| v > CONSTANT).count();
    if rank < n {
        return Err(IcaError::WithinSegments { components: n, rank });
    }

    let shrink = (n + 1) as f64;
    let kept = scatter.into_iter().zip(rows).filter(|(_, rows)| *rows >= 2.0);
    Ok(kept
        .map(|(scatter, rows)| Segment {
            weight: rows / total,
            covariance: (scatter + &pooled * shrink) / (rows + shrink),
        })
        .collect())
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
            let step = [[1.0, t_ij], [t_ji, 1.0]];
            mix_rows(b.view_mut(), i, j, step);
            segments.iter_mut().for_each(|segment| mix_both(&mut segment.covariance, i, j, step));
        }
    }
    gain
}
