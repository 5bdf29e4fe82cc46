//! Correlation matrices between the columns of two matrices: Pearson's, Spearman's, and two that see any dependence.

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2};

use crate::distance::distance_correlation;
use crate::error::check_pair;
use crate::moments::{Columns, Products, constant_columns};
use crate::rank::rank_columns;
use crate::rdc::randomised_dependence;
use crate::{MetricError, Warning};

/// Which correlation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Correlation {
    /// Pearson's: linear, in \[−1, 1\] (Pearson 1895).
    #[default]
    Pearson,
    /// Spearman's: Pearson's of average ranks, in \[−1, 1\], unchanged by increasing maps of any column (Spearman 1904).
    Spearman,
    /// Distance correlation, in \[0, 1\], 0 in the limit of many rows only for independent columns (Székely, Rizzo &
    /// Bakirov 2007, definition 5: the biased statistic, which is about N^(−½) for N independent rows). Unchanged by
    /// shifts, scales and signs. O(N log N) a pair (Huo & Székely 2016).
    Distance,
    /// Randomised dependence coefficient, in \[0, 1\]: the largest canonical correlation of 20 random features of the
    /// ranks of either column (Lopez-Paz, Hennig & Schölkopf 2013, with their k = 20 and s = 1/6). Unchanged by
    /// increasing maps. A largest of several, it is above 0 for independent columns, by a few N^(−½).
    Rdc {
        /// Names the random features, which are the same for every column.
        seed: u64,
    },
}

impl std::fmt::Display for Correlation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pearson => "Pearson",
            Self::Spearman => "Spearman",
            Self::Distance => "distance",
            Self::Rdc { .. } => "randomised dependence",
        })
    }
}

/// Pearson's correlation Σ (s − s̄)(z − z̄) / √(Σ (s − s̄)² Σ (z − z̄)²) (Pearson 1895) of every column of s `[N, a]` with
/// every column of z `[N, b]`: `[a, b]`, in \[−1, 1\], accumulated in `f64` whatever the scalar. A constant column has
/// correlation 0.
///
/// # Errors
/// Different numbers of rows, fewer than 3 rows, no columns, an entry that is not finite.
pub fn pearson<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>) -> Result<Array2<f64>, MetricError> {
    check_pair(s, z)?;
    Ok(Correlation::Pearson.matrix(s, z)?.0)
}

/// Spearman's rank correlation (Spearman 1904), Pearson's of the ranks, of every column of s `[N, a]` with every column of
/// z `[N, b]`: `[a, b]`, in \[−1, 1\], ties getting their average rank. A constant column has correlation 0.
///
/// # Errors
/// As [`pearson`].
pub fn spearman<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>) -> Result<Array2<f64>, MetricError> {
    check_pair(s, z)?;
    Ok(Correlation::Spearman.matrix(s, z)?.0)
}

impl Correlation {
    /// The correlation of every column of s `[N, a]` with every column of z `[N, b]`: `[a, b]`, each kind in its range. A
    /// constant column has correlation 0.
    ///
    /// # Errors
    /// As [`pearson`].
    pub fn between<F: Scalar>(
        self,
        s: ArrayView2<'_, F>,
        z: ArrayView2<'_, F>,
    ) -> Result<Array2<f64>, MetricError> {
        check_pair(s, z)?;
        Ok(self.matrix(s, z)?.0)
    }

    /// The correlation matrix `[a, b]` of checked input, and a warning for each constant column.
    pub(crate) fn matrix<F: Scalar>(
        self,
        s: ArrayView2<'_, F>,
        z: ArrayView2<'_, F>,
    ) -> Result<(Array2<f64>, Vec<Warning>), MetricError> {
        match self {
            Self::Pearson => Ok(centred_correlation(s, z)),
            Self::Spearman => Ok(centred_correlation(rank_columns(s).view(), rank_columns(z).view())),
            Self::Distance => Ok(distance_correlation(s, z)),
            Self::Rdc { seed } => randomised_dependence(s, z, seed),
        }
    }
}

fn centred_correlation<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>) -> (Array2<f64>, Vec<Warning>) {
    let (at_s, at_z) = (Columns::of(s), Columns::of(z));
    let matrix = Products::of(s, &at_s, z, &at_z).correlations(&at_s, &at_z);
    (matrix, constant_columns(&at_s, &at_z))
}
