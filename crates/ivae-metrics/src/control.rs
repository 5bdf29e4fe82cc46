//! Statistical controls: what a method scores when what it learns from has been broken.

use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{Array2, ArrayView2};
use rand::seq::SliceRandom;

use crate::error::check_range;
use crate::{Correlation, MetricError, Rows, Warning, mcc_on};

/// Scores of refits of shuffled data.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Control {
    /// One score for each refit.
    pub scores: Vec<f64>,
    /// Their mean.
    pub mean: f64,
    /// What a reader of the scores must know, of any refit.
    pub warnings: Vec<Warning>,
}

/// Scores of `repeats` refits after a shuffle: `refit(order)` fits anew with row `order[i]` of x, *or* of u, in the
/// place of row i, and returns the latents `[N, b]` of the N places, which are scored against s `[N, a]` as by
/// [`mcc_on`], in \[0, 1\] (Fisher 1935: what a permutation leaves is chance).
///
/// - **Shuffled u**: what does the method find when u says nothing? A score as high as the true one was not owed to u.
/// - **Shuffled x**: what does the method take from u alone? x of place i then belongs to other sources, so that a score
///   above [`chance`](crate::chance) has come through u. Compare with [`u_only`](crate::u_only).
///
/// Fitted rows are shuffled among themselves, and scored rows among themselves. The same seed gives the same orders.
///
/// ```
/// use ivae_metrics::{Correlation, MetricError, Rows, shuffled};
/// use ndarray::{Array2, Axis};
/// let s = Array2::from_shape_fn((500, 2), |(i, j)| ((0.7 + j as f64) * i as f64).sin());
/// let x = &s * 2.0;
/// // A "method" that returns x itself: with x shuffled, nothing is left.
/// let refit = |order: &[usize]| Ok::<_, MetricError>(x.select(Axis(0), order));
/// let control = shuffled(s.view(), Rows::All, Correlation::Pearson, 5, 0, refit)?;
/// assert!(control.mean < 0.1);
/// # Ok::<(), MetricError>(())
/// ```
///
/// # Errors
/// What `refit` returns; as [`mcc_on`]; no repeats.
pub fn shuffled<F: Scalar, E: From<MetricError>>(
    s: ArrayView2<'_, F>,
    rows: Rows<'_>,
    correlation: Correlation,
    repeats: usize,
    seed: u64,
    mut refit: impl FnMut(&[usize]) -> Result<Array2<F>, E>,
) -> Result<Control, E> {
    check_range(repeats > 0, "repeats", "at least 1", 0.0)?;
    rows.of(s)?;
    let (mut scores, mut warnings) = (Vec::with_capacity(repeats), Vec::new());
    for i in 0..repeats as u64 {
        let mut rng = StreamKey::new(seed, Purpose::Control).step(i).rng();
        let mut order: Vec<usize> = (0..s.nrows()).collect();
        match rows {
            Rows::All => order.shuffle(&mut rng),
            Rows::Split { fit, score } => {
                for part in [fit, score] {
                    let mut moved = part.to_vec();
                    moved.shuffle(&mut rng);
                    part.iter().zip(moved).for_each(|(&place, row)| order[place] = row);
                }
            }
        }
        let found = mcc_on(s, refit(&order)?.view(), rows, correlation)?;
        scores.push(found.score);
        warnings.extend(found.warnings.into_iter().filter(|w| !warnings.contains(w)).collect::<Vec<_>>());
    }
    let mean = scores.iter().sum::<f64>() / repeats as f64;
    Ok(Control { scores, mean, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Axis;

    #[test]
    fn parts_are_shuffled_within_themselves_and_errors_pass() {
        let s = Array2::from_shape_fn((60, 1), |(i, _)| (0.7 * i as f64).sin());
        let (fit, score): (Vec<_>, Vec<_>) = (0..60).partition(|&i| i < 40);
        let rows = Rows::Split { fit: &fit, score: &score };
        let mut orders = Vec::new();
        let refit = |order: &[usize]| {
            orders.push(order.to_vec());
            Ok::<_, MetricError>(s.select(Axis(0), order))
        };
        let found = shuffled(s.view(), rows, Correlation::Pearson, 3, 1, refit).unwrap();
        assert_eq!(found.scores.len(), 3);
        assert!(found.mean < 0.5);
        for order in &orders {
            assert!(order[..40].iter().all(|&i| i < 40) && order[40..].iter().all(|&i| i >= 40));
            assert_ne!(order[..40], fit[..]);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..60).collect::<Vec<_>>());
        }
        assert_ne!(orders[0], orders[1]);
        assert!(found.warnings.is_empty());

        // A fit that has collapsed is told once, however many did.
        let collapsed = |_: &[usize]| Ok::<_, MetricError>(Array2::ones((60, 1)));
        let found = shuffled(s.view(), rows, Correlation::Spearman, 3, 1, collapsed).unwrap();
        assert_eq!((found.mean, found.warnings), (0.0, vec![Warning::ConstantLatent { column: 0 }]));

        let fails = |_: &[usize]| Err::<Array2<f64>, _>(MetricError::TooFewRuns { found: 7 });
        let error = shuffled(s.view(), Rows::All, Correlation::Pearson, 3, 1, fails).unwrap_err();
        assert_eq!(error, MetricError::TooFewRuns { found: 7 });
        assert!(shuffled(s.view(), Rows::All, Correlation::Pearson, 0, 1, fails).is_err());
    }
}
