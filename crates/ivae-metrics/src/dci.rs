//! Disentanglement and completeness from a matrix of importances.

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::error::{check_matrix, check_range};
use crate::{MetricError, Warning};

/// Disentanglement and completeness.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Dci {
    /// Mean of `per_latent`, each weighted by its share of all importance, in \[0, 1\].
    pub disentanglement: f64,
    /// Mean of `per_source`, each weighted by its share of all importance, in \[0, 1\].
    pub completeness: f64,
    /// 1 for a latent that matters to one source only, 0 for one that matters to all alike or to none, `[b]`.
    pub per_latent: Vec<f64>,
    /// 1 for a source that one latent alone predicts, 0 for one that all predict alike or none does, `[a]`.
    pub per_source: Vec<f64>,
    /// What a reader of the numbers must know.
    pub warnings: Vec<Warning>,
}

/// Disentanglement and completeness (Eastwood & Williams 2018, section 2) of `importance` `[b, a]`: how much latent i
/// matters in predicting source j, at least 0; from the lasso (`lasso_importance`), a random forest (`Forest`; both with
/// feature `importance`), or whatever tells.
///
/// 1 − H in base (number of sources) of each row as shares, and 1 − H in base (number of latents) of each column. With
/// a single source every latent counts as disentangled, with a single latent every source as complete. A row or a column of
/// zeros, as a constant latent or source has it, scores 0 and has no weight, with a warning; all zeros: 0.
/// The third of their three, informativeness, is the error of the predictions: [`linear_r2`](crate::linear_r2) or
/// [`kernel_r2`](crate::kernel_r2).
///
/// # Errors
/// No rows or columns, an entry that is not finite or negative.
pub fn dci<F: Scalar>(importance: ArrayView2<'_, F>) -> Result<Dci, MetricError> {
    check_matrix(importance, "the importances")?;
    if importance.nrows() == 0 {
        return Err(MetricError::TooFewRows { found: 0, needed: 1 });
    }
    if let Some(least) = importance.iter().find(|v| **v < F::zero()) {
        check_range(false, "an importance", "at least 0", least.f64())?;
    }
    let largest = importance.iter().fold(0.0, |a: f64, v| a.max(v.f64()));
    let shares: Array2<f64> = importance.mapv(|v| if largest > 0.0 { v.f64() / largest } else { 0.0 });
    let (disentanglement, per_latent) = concentration(shares.view());
    let (completeness, per_source) = concentration(shares.t());
    let zeros = |x: ArrayView2<'_, f64>| -> Vec<usize> {
        (0..x.nrows()).filter(|&i| x.row(i).iter().all(|&v| v <= 0.0)).collect()
    };
    let sources = zeros(shares.t()).into_iter().map(|column| Warning::UnpredictedSource { column });
    let latents = zeros(shares.view()).into_iter().map(|column| Warning::UnusedLatent { column });
    let warnings = sources.chain(latents).collect();
    Ok(Dci { disentanglement, completeness, per_latent, per_source, warnings })
}

/// 1 − H of every row, in base (number of columns), and their mean weighted by the sums of the rows.
fn concentration(shares: ArrayView2<'_, f64>) -> (f64, Vec<f64>) {
    let base = (shares.ncols() as f64).ln();
    let one = |row: ArrayView1<'_, f64>| {
        let sum = row.sum();
        if sum <= 0.0 {
            return 0.0;
        }
        let entropy: f64 = row.iter().map(|v| v / sum).filter(|&p| p > 0.0).map(|p| -p * p.ln()).sum();
        if base > 0.0 { (1.0 - entropy / base).clamp(0.0, 1.0) } else { 1.0 }
    };
    let each: Vec<f64> = shares.rows().into_iter().map(one).collect();
    let total = shares.sum();
    let weighted: f64 = shares.rows().into_iter().zip(&each).map(|(row, c)| row.sum() * c).sum();
    (if total > 0.0 { weighted / total } else { 0.0 }, each)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn odd_and_bad_input() {
        let nothing = dci(Array2::<f64>::zeros((2, 3)).view()).unwrap();
        assert_eq!((nothing.disentanglement, nothing.completeness), (0.0, 0.0));
        assert_eq!(nothing.warnings.len(), 5);
        let some = dci(array![[1.0, 0.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]].view()).unwrap();
        assert_eq!((some.disentanglement, some.completeness), (1.0, 1.0));
        assert_eq!(
            (&some.per_latent[..], &some.per_source[..]),
            (&[1.0, 1.0, 0.0][..], &[1.0, 0.0, 1.0][..])
        );
        let told = [Warning::UnpredictedSource { column: 1 }, Warning::UnusedLatent { column: 2 }];
        assert_eq!(some.warnings, told);
        let huge = dci(array![[f64::MAX, 0.0], [0.0, f64::MAX]].view()).unwrap();
        assert_eq!((huge.disentanglement, huge.completeness), (1.0, 1.0));
        let one = dci(array![[2.0f32], [1.0]].view()).unwrap();
        assert_eq!(one.disentanglement, 1.0);
        assert!(one.completeness < 0.1);
        let negative = dci(array![[1.0, -0.5]].view()).unwrap_err();
        assert_eq!(negative.to_string(), "an importance must be at least 0, but is -0.5");
        assert!(dci(Array2::<f64>::zeros((0, 2)).view()).is_err());
    }
}
