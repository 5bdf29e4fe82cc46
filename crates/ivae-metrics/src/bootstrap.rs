//! How sure an MCC is: its interval over resampled rows.

use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{ArrayView2, Axis};
use rand::Rng;

use crate::error::{check_pair, check_range};
use crate::mcc::score;
use crate::{Correlation, MetricError, Rows, Warning};

/// An interval of a score.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Interval {
    /// The score on the rows as they are.
    pub score: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Part of the resampled scores between the ends.
    pub level: f64,
    /// Number of resamples.
    pub resamples: usize,
    /// What a reader of the score must know: of the rows as they are.
    pub warnings: Vec<Warning>,
}

/// Percentile bootstrap interval (Efron 1979; Efron & Tibshirani 1993, section 13.3) of [`mcc_on`](crate::mcc_on) of s
/// `[N, a]` and z `[N, b]`: rows of s and z are drawn together with replacement, fitted and scored rows each from their
/// own, the assignment is fitted anew each time, and the interval holds the middle part `level` of the scores. The
/// same seed gives the same interval.
///
/// Both ends are in \[0, 1\]. It says how much the score would vary with other *rows* of the same data, not with another
/// fit. Rows count as independent: for time series it is too narrow. Small samples flatter an MCC, and resamples of them more so: near the
/// chance level the interval lies too high.
///
/// # Errors
/// As [`mcc_on`](crate::mcc_on); no resamples; `level` outside (0, 1).
pub fn mcc_interval<F: Scalar>(
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
    rows: Rows<'_>,
    correlation: Correlation,
    level: f64,
    resamples: usize,
    seed: u64,
) -> Result<Interval, MetricError> {
    check_pair(s, z)?;
    check_range(level > 0.0 && level < 1.0, "level", "between 0 and 1", level)?;
    check_range(resamples > 0, "resamples", "at least 1", 0.0)?;
    let ((fit_s, score_s), (fit_z, score_z)) = (rows.of(s)?, rows.of(z)?);
    let fitted = matches!(rows, Rows::Split { .. }).then(|| (fit_s.view(), fit_z.view()));
    let scored = (score_s.view(), score_z.view());
    let whole = score(fitted, scored, correlation)?;
    let mut scores = Vec::with_capacity(resamples);
    for i in 0..resamples as u64 {
        let key = StreamKey::new(seed, Purpose::Control).step(i);
        let (s, z) = resampled(scored, key.block(0));
        let fitted = fitted.map(|fitted| resampled(fitted, key.block(1)));
        let fitted = fitted.as_ref().map(|(s, z)| (s.view(), z.view()));
        scores.push(score(fitted, (s.view(), z.view()), correlation)?.score);
    }
    scores.sort_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    Ok(Interval {
        score: whole.score,
        low: quantile(&scores, tail),
        high: quantile(&scores, 1.0 - tail),
        level,
        resamples,
        warnings: whole.warnings,
    })
}

type Pair<F> = (ndarray::Array2<F>, ndarray::Array2<F>);

fn resampled<F: Scalar>((s, z): (ArrayView2<'_, F>, ArrayView2<'_, F>), key: StreamKey) -> Pair<F> {
    let mut rng = key.rng();
    let rows: Vec<usize> = (0..s.nrows()).map(|_| rng.random_range(0..s.nrows())).collect();
    (s.select(Axis(0), &rows), z.select(Axis(0), &rows))
}

/// The p-quantile of sorted values, linear between them (Hyndman & Fan 1996, definition 7).
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let place = p * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use ivae_num::stream::fill_normal;
    use ndarray::Array2;

    use super::*;

    fn pair(rows: usize, seed: u64) -> Pair<f64> {
        let mut g = vec![0.0; 4 * rows];
        fill_normal(&mut g, 4, StreamKey::new(seed, Purpose::Generate));
        let s = Array2::from_shape_fn((rows, 2), |(i, j)| g[4 * i + j]);
        let z = Array2::from_shape_fn((rows, 2), |(i, j)| -g[4 * i + 1 - j] + 0.75 * g[4 * i + 2 + j]);
        (s, z)
    }

    #[test]
    fn it_covers_the_truth_about_as_often_as_it_says() {
        // Each matched correlation is 1 / √(1 + 0.75²) = 0.8.
        let covered = (0..200).filter(|&seed| {
            let (s, z) = pair(150, seed);
            let found =
                mcc_interval(s.view(), z.view(), Rows::All, Correlation::Pearson, 0.8, 100, seed).unwrap();
            assert!(found.low <= found.score && found.score <= found.high, "{found:?}");
            found.low <= 0.8 && 0.8 <= found.high
        });
        // 160 ± 6 if exact.
        let covered = covered.count();
        assert!((140..=180).contains(&covered), "{covered} of 200");
    }

    #[test]
    fn it_is_narrower_with_more_rows_and_the_same_for_the_same_seed() {
        let interval = |rows: usize, seed| {
            let (s, z) = pair(rows, 1);
            let (fit, held_out): (Vec<_>, Vec<_>) = (0..rows).partition(|i| i % 3 > 0);
            let split = Rows::Split { fit: &fit, score: &held_out };
            mcc_interval(s.view(), z.view(), split, Correlation::Spearman, 0.95, 50, seed).unwrap()
        };
        let (few, many) = (interval(300, 1), interval(4800, 1));
        assert!(few.high - few.low > 2.0 * (many.high - many.low), "{few:?} {many:?}");
        assert_eq!(few, interval(300, 1));
        assert_ne!(few, interval(300, 2));
    }

    #[test]
    fn bad_settings_are_named() {
        let (s, z) = pair(10, 1);
        let error = |level, resamples| {
            mcc_interval(s.view(), z.view(), Rows::All, Correlation::Pearson, level, resamples, 1)
                .unwrap_err()
        };
        assert_eq!(error(1.0, 10).to_string(), "level must be between 0 and 1, but is 1");
        assert_eq!(error(0.9, 0).to_string(), "resamples must be at least 1, but is 0");
    }
}
