//! Agreement of several fits of the same data, without the truth.

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::error::check_pair;
use crate::mcc::score;
use crate::moments::Columns;
use crate::{Correlation, MetricError, Warning};

/// How much fits agree.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Scores of every pair of fits, symmetric with ones on the diagonal, `[r, r]`.
    pub pairs: Array2<f64>,
    /// Score of each fit against the others, `[r]`.
    pub per_run: Vec<f64>,
    /// Mean score of the pairs.
    pub mean: f64,
    /// The fit with the largest score, the first of equals.
    pub medoid: usize,
    /// What a reader of the scores must know.
    pub warnings: Vec<Warning>,
}

/// Agreement of r fits, each the latents `[N, n_i]` of the same rows: the MCC of every pair (with its own assignment),
/// the mean of each fit's pairs, and the medoid, the fit closest to the others. In \[0, 1\].
///
/// Agreement is not recovery: fits can share an error. But fits that disagree cannot all be right.
///
/// # Errors
/// Fewer than 2 fits; as [`mcc`](crate::mcc).
pub fn agreement<F: Scalar>(
    runs: &[ArrayView2<'_, F>],
    correlation: Correlation,
) -> Result<Agreement, MetricError> {
    let pairs = over_pairs(runs, |a, b| Ok(score(None, (a, b), correlation)?.score))?;
    Ok(Agreement::of(pairs, runs, |scores| scores.iter().sum::<f64>() / scores.len() as f64))
}

/// Unsupervised disentanglement ranking (Duan et al. 2020) of r fits, each the *informative* latents
/// `[N, n_i]` of the same rows (in the paper those whose mean KL divergence from the prior is above 0.01 nats): with R the
/// absolute correlations between two fits, Spearman's in the paper, and r_i, r_j the largest of each row and column,
///
/// ```text
/// pair = (Σ_i r_i² / Σ_j R_ij + Σ_j r_j² / Σ_i R_ij) / (n + n'),
/// ```
///
/// 1 where each latent of one fit resembles exactly one of the other, and a fit's score the median over its pairs
/// (`per_run`). In \[0, 1\]. A latent without any correlation counts as 0.
///
/// # Errors
/// As [`agreement`].
pub fn udr<F: Scalar>(
    runs: &[ArrayView2<'_, F>],
    correlation: Correlation,
) -> Result<Agreement, MetricError> {
    let pairs = over_pairs(runs, |a, b| {
        let r = correlation.matrix(a, b)?.0.mapv(f64::abs);
        let relative = |row: ArrayView1<'_, f64>| {
            let (largest, sum) = (row.iter().copied().fold(0.0, f64::max), row.sum());
            if sum > 0.0 { largest * largest / sum } else { 0.0 }
        };
        let all: f64 = r.rows().into_iter().chain(r.columns()).map(relative).sum();
        Ok(all / (r.nrows() + r.ncols()) as f64)
    })?;
    Ok(Agreement::of(pairs, runs, median))
}

/// A symmetric score of every pair `[r, r]`, 1 on the diagonal.
fn over_pairs<F: Scalar>(
    runs: &[ArrayView2<'_, F>],
    score: impl Fn(ArrayView2<'_, F>, ArrayView2<'_, F>) -> Result<f64, MetricError>,
) -> Result<Array2<f64>, MetricError> {
    if runs.len() < 2 {
        return Err(MetricError::TooFewRuns { found: runs.len() });
    }
    let mut pairs = Array2::eye(runs.len());
    for i in 1..runs.len() {
        for j in 0..i {
            check_pair(runs[j], runs[i])?;
            let value = score(runs[j], runs[i])?;
            (pairs[[i, j]], pairs[[j, i]]) = (value, value);
        }
    }
    Ok(pairs)
}

impl Agreement {
    /// `center` makes one number of a fit's pairs with the others.
    fn of<F: Scalar>(
        pairs: Array2<f64>,
        runs: &[ArrayView2<'_, F>],
        center: impl Fn(Vec<f64>) -> f64,
    ) -> Self {
        let r = pairs.nrows();
        let of_run = |i: usize| center((0..r).filter(|&j| j != i).map(|j| pairs[[i, j]]).collect());
        let per_run: Vec<f64> = (0..r).map(of_run).collect();
        let mean = (pairs.sum() - pairs.diag().sum()) / (r * (r - 1)) as f64;
        let medoid = (0..r).fold(0, |best, i| if per_run[i] > per_run[best] { i } else { best });
        let constants = |(run, z): (usize, &ArrayView2<'_, F>)| {
            let at = Columns::of(z.view());
            at.constants().map(|column| Warning::ConstantInRun { run, column }).collect::<Vec<_>>()
        };
        let warnings = runs.iter().enumerate().flat_map(constants).collect();
        Self { pairs, per_run, mean, medoid, warnings }
    }
}

/// The middle value, or the mean of the two middle ones.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { 0.5 * (values[half - 1] + values[half]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Axis;

    fn waves() -> Array2<f64> {
        Array2::from_shape_fn((500, 3), |(i, j)| ([0.7, 1.3, 2.9][j] * i as f64).sin())
    }

    #[test]
    fn the_fit_that_differs_is_not_the_medoid() {
        let s = waves();
        let odd = Array2::from_shape_fn((500, 3), |(i, j)| ([0.4, 1.9, 2.2][j] * i as f64).sin());
        let permuted = s.select(Axis(1), &[2, 0, 1]) * -4.0;
        let noisy = &permuted + &(&odd * 0.5);
        let runs = [odd.view(), s.view(), noisy.view(), permuted.view()];
        for found in
            [agreement(&runs, Correlation::Pearson).unwrap(), udr(&runs, Correlation::Spearman).unwrap()]
        {
            assert!(found.pairs[[1, 3]] > 0.95 && found.pairs[[0, 1]] < 0.3, "{}", found.pairs);
            assert_eq!(found.pairs, found.pairs.t());
            assert!(found.medoid != 0 && found.per_run[0] < found.per_run[1]);
        }
        let found = agreement(&runs, Correlation::Pearson).unwrap();
        let mean = (found.pairs[[1, 0]] + found.pairs[[1, 2]] + found.pairs[[1, 3]]) / 3.0;
        assert!((found.per_run[1] - mean).abs() < 1e-15);
    }

    #[test]
    fn relative_strengths_by_hand() {
        // A rotation by 45° of two uncorrelated latents: all |correlations| are 1/√2, each term ½ / (2 / √2).
        let a = Array2::from_shape_fn((4, 2), |(i, j)| if (i >> j) & 1 == 1 { 1.0 } else { -1.0 });
        let b = a.dot(&ndarray::array![[1.0, 1.0], [1.0, -1.0]]);
        let found = udr(&[a.view(), b.view()], Correlation::Pearson).unwrap();
        assert!((found.mean - 0.5 / 2f64.sqrt()).abs() < 1e-15, "{found:?}");
        assert_eq!(udr(&[a.view(), a.view()], Correlation::Pearson).unwrap().mean, 1.0);
        let constant = Array2::from_elem((4, 2), 3.0);
        let found = udr(&[a.view(), constant.view()], Correlation::Pearson).unwrap();
        let told = [0, 1].map(|column| Warning::ConstantInRun { run: 1, column });
        assert_eq!((found.mean, found.warnings), (0.0, told.to_vec()));
        assert!(agreement(&[a.view(), a.view()], Correlation::Pearson).unwrap().warnings.is_empty());
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn bad_input_is_named() {
        let s = waves();
        let error = agreement(&[s.view()], Correlation::Pearson).unwrap_err();
        assert_eq!(error.to_string(), "1 fits cannot be compared: at least 2 are needed");
        let short = Array2::<f64>::zeros((9, 3));
        assert!(matches!(
            udr(&[s.view(), short.view()], Correlation::Pearson),
            Err(MetricError::Rows { .. })
        ));
    }
}
