//! [`Sobi`]: second-order blind identification of time series, by joint diagonalisation of lagged covariances.

use ivae_num::{GemmScratch, Scalar, gemm};
use ndarray::{Array2, ArrayView2, Axis, Slice};

use crate::error::{IcaError, check_stop};
use crate::fitted::{Ended, FittedIca, Method};
use crate::mix::{mix_both, mix_rows};
use crate::pca::{Exact, whitened};

/// Lags by default: 1 to this, or to a quarter of the rows if that is less.
const LAGS: usize = 20;

/// Below this, relative to the size of a pair's entries or to 1, that of a correlation, it is rounding which angle
/// diagonalises the pair best.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

/// Second-order blind identification (Belouchrani, Abed-Meraim, Cardoso and Moulines 1997): no labels, but rows in the
/// order of time.
///
/// Sources that are uncorrelated at every lag, and whose autocorrelations differ, are found from the whitened data z:
/// their mixing is the rotation that makes all lagged covariances
///
/// ```text
/// R_τ = 1 / (N − τ) Σ_t z_t z_(t+τ)ᵀ, symmetrised,    τ in lags
/// ```
///
/// as diagonal as can be: the least sum of squares off the diagonals, by Jacobi rotations (Cardoso and Souloumiac
/// 1996). Two sources with the same autocorrelation at every lag given stay mixed; Gaussian ones need not.
#[derive(Debug, Clone, PartialEq)]
pub struct Sobi {
    /// Number of components n; all directions of x if [`None`].
    pub components: Option<usize>,
    /// The lags in rows, each at least 1; 1, 2, … up to 20 or a quarter of the rows if [`None`].
    pub lags: Option<Vec<usize>>,
    /// Converged once no rotation of a sweep has a larger sine.
    pub tolerance: f64,
    /// Most sweeps.
    pub max_sweeps: usize,
}

impl Default for Sobi {
    fn default() -> Self {
        Self { components: None, lags: None, tolerance: 1e-10, max_sweeps: 100 }
    }
}

impl Sobi {
    /// Separate x `[N, d]`, whose rows follow each other in time.
    ///
    /// # Errors
    /// A setting outside its range; fewer than 2 rows, or than 2 more than the largest lag; an entry that is not
    /// finite; an overflow; more components than x has directions.
    pub fn fit<F: Scalar>(&self, x: ArrayView2<'_, F>) -> Result<FittedIca<F>, IcaError> {
        check_stop(self.tolerance, "max_sweeps", self.max_sweeps)?;
        let lags = self.lags(x.nrows())?;
        let pca = Exact::fit(x, self.components)?;
        let white = whitened(&pca, x).reversed_axes();
        let mut covariances: Vec<_> = lags.iter().map(|&lag| lagged_covariance(white.view(), lag)).collect();

        let mut b = Array2::<f64>::eye(white.ncols());
        let (mut sweeps, mut limit) = (0, f64::INFINITY);
        while sweeps < self.max_sweeps && limit >= self.tolerance {
            limit = sweep(&mut b, &mut covariances);
            sweeps += 1;
        }
        let converged = limit < self.tolerance;
        let ended = Ended { method: Method::Sobi, b, iterations: sweeps, limit, converged, redrawn: 0 };
        FittedIca::new(&pca, ended, self.tolerance)
    }

    fn lags(&self, rows: usize) -> Result<Vec<usize>, IcaError> {
        let lags = match &self.lags {
            Some(lags) => lags.clone(),
            None => (1..=(rows / 4).clamp(1, LAGS)).collect(),
        };
        let (Some(&least), Some(&largest)) = (lags.iter().min(), lags.iter().max()) else {
            return Err(IcaError::Setting { name: "number of lags", range: "at least 1", value: 0.0 });
        };
        if least == 0 {
            return Err(IcaError::Setting { name: "lag", range: "at least 1", value: 0.0 });
        }
        if rows < 2 {
            return Err(IcaError::TooFewRows { found: rows });
        }
        if rows - 2 < largest {
            return Err(IcaError::Lag { rows, lag: largest });
        }
        Ok(lags)
    }
}

/// R_τ `[n, n]` of z `[N, n]`, symmetrised.
fn lagged_covariance(z: ArrayView2<'_, f64>, lag: usize) -> Array2<f64> {
    let (n, terms) = (z.ncols(), z.nrows() - lag);
    let earlier = z.slice_axis(Axis(0), Slice::from(..terms));
    let later = z.slice_axis(Axis(0), Slice::from(lag..));
    let mut product = Array2::zeros((n, n));
    gemm(product.view_mut(), 0.0, 0.5 / terms as f64, earlier.t(), later, &mut GemmScratch::new());
    &product + &product.t()
}

/// One rotation of every pair; returns the largest sine. Overwrites `b` `[n, n]` with rotation · b, and each of
/// `covariances` with rotation · R · rotationᵀ.
fn sweep(b: &mut Array2<f64>, covariances: &mut [Array2<f64>]) -> f64 {
    let (n, mut largest) = (b.nrows(), 0.0);
    for i in 1..n {
        for j in 0..i {
            // A rotation by θ turns h = (R_ii − R_jj, 2 R_ij) by −2θ; Σ h_2² is least where the principal axis of
            // Σ h hᵀ comes to lie on the first one (Cardoso and Souloumiac 1996, section 4, for real rotations).
            let (mut size, mut on, mut off) = (0.0, 0.0, 0.0);
            for r in covariances.iter() {
                let (difference, twice) = (r[[i, i]] - r[[j, j]], 2.0 * r[[i, j]]);
                size += difference * difference + twice * twice;
                on += difference * difference - twice * twice;
                off += 2.0 * difference * twice;
            }
            if f64::hypot(on, off) <= ROUNDING * (size + ROUNDING * covariances.len() as f64) {
                continue;
            }
            let (sin, cos) = (0.25 * f64::atan2(off, on)).sin_cos();
            let rotation = [[cos, sin], [-sin, cos]];
            mix_rows(b.view_mut(), i, j, rotation);
            covariances.iter_mut().for_each(|r| mix_both(r, i, j, rotation));
            largest = f64::max(largest, sin.abs());
        }
    }
    largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lags_by_default() {
        let lags = |rows| Sobi::default().lags(rows).unwrap();
        assert_eq!(lags(1000), (1..=20).collect::<Vec<_>>());
        assert_eq!((lags(40).len(), lags(5)), (10, vec![1]));
    }

    fn off_diagonal(covariances: &[Array2<f64>]) -> f64 {
        covariances.iter().map(|r| r.mapv(|v| v * v).sum() - r.diag().mapv(|v| v * v).sum()).sum()
    }

    #[test]
    fn sweeps_lower_the_criterion_by_rotations() {
        // Symmetric, but with no common axes.
        let n = 5;
        let mut covariances: Vec<_> = (0..6)
            .map(|k| Array2::from_shape_fn((n, n), |(i, j)| ((i * j + 3 * (i + j) + 7 * k) as f64).sin()))
            .collect();
        let given = covariances.clone();
        let mut b = Array2::<f64>::eye(n);
        let mut criterion = off_diagonal(&covariances);
        let mut limit = f64::INFINITY;
        for _ in 0..60 {
            limit = sweep(&mut b, &mut covariances);
            let next = off_diagonal(&covariances);
            assert!(next <= criterion * (1.0 + 1e-12), "{criterion} to {next}");
            criterion = next;
        }
        assert!(limit < 1e-10 && criterion < 0.9 * off_diagonal(&given), "limit {limit}");
        assert!((b.dot(&b.t()) - Array2::<f64>::eye(n)).iter().all(|v| v.abs() < 1e-12));
        for (r, given) in covariances.iter().zip(&given) {
            assert!((b.dot(given).dot(&b.t()) - r).iter().all(|v| v.abs() < 1e-12));
        }
    }
}
