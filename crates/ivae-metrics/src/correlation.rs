//! Correlation matrices between the columns of two matrices: Pearson's and Spearman's.

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2};

use crate::error::check_pair;
use crate::moments::{Columns, Products};
use crate::rank::rank_columns;
use crate::{MetricError, Warning};

/// Which correlation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Correlation {
    /// Pearson's: linear.
    #[default]
    Pearson,
    /// Spearman's: Pearson's of average ranks, unchanged by increasing maps of any column.
    Spearman,
}

impl std::fmt::Display for Correlation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pearson => "Pearson",
            Self::Spearman => "Spearman",
        })
    }
}

/// Pearson's correlation of every column of s `[N, a]` with every column of z `[N, b]`: `[a, b]`, accumulated in
/// `f64` whatever the scalar. A constant column has correlation 0.
///
/// # Errors
/// Different numbers of rows, fewer than 3 rows, no columns, an entry that is not finite.
pub fn pearson<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>) -> Result<Array2<f64>, MetricError> {
    check_pair(s, z)?;
    Ok(Correlation::Pearson.matrix(s, z).0)
}

/// Spearman's rank correlation of every column of s `[N, a]` with every column of z `[N, b]`: `[a, b]`, ties getting
/// their average rank. A constant column has correlation 0.
///
/// # Errors
/// As [`pearson`].
pub fn spearman<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>) -> Result<Array2<f64>, MetricError> {
    check_pair(s, z)?;
    Ok(Correlation::Spearman.matrix(s, z).0)
}

impl Correlation {
    /// The correlation matrix `[a, b]` of checked input, and a warning for each constant column.
    pub(crate) fn matrix<F: Scalar>(
        self,
        s: ArrayView2<'_, F>,
        z: ArrayView2<'_, F>,
    ) -> (Array2<f64>, Vec<Warning>) {
        match self {
            Self::Pearson => centred_correlation(s, z),
            Self::Spearman => centred_correlation(rank_columns(s).view(), rank_columns(z).view()),
        }
    }
}

fn centred_correlation<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>) -> (Array2<f64>, Vec<Warning>) {
    let (at_s, at_z) = (Columns::of(s), Columns::of(z));
    let matrix = Products::of(s, &at_s, z, &at_z).correlations(&at_s, &at_z);
    let sources = at_s.constants().map(|column| Warning::ConstantSource { column });
    let latents = at_z.constants().map(|column| Warning::ConstantLatent { column });
    (matrix, sources.chain(latents).collect())
}
