//! A line for each level of u: how far noise asks to shrink a prediction depends on the variances there.

use std::collections::BTreeMap;

use ndarray::Array2;

/// Rows on the line target = prediction that every level is given.
const PSEUDO_ROWS: f64 = 10.0;

/// Slope and intercept for each level and column.
pub(super) struct Lines(BTreeMap<(u32, usize), (f64, f64)>);

impl Lines {
    /// By least squares of the targets on the predictions, both `[N, n]`, in each level.
    pub(super) fn fit(predicted: &Array2<f32>, targets: &Array2<f32>, levels: &[u32]) -> Self {
        // Rows, and sums of p, s, p² and p s.
        let mut sums: BTreeMap<(u32, usize), [f64; 5]> = BTreeMap::new();
        for ((p, s), &level) in predicted.rows().into_iter().zip(targets.rows()).zip(levels) {
            for (j, (&p, &s)) in p.iter().zip(s).enumerate() {
                let (p, s) = (f64::from(p), f64::from(s));
                let start = [PSEUDO_ROWS, 0.0, 0.0, PSEUDO_ROWS, PSEUDO_ROWS];
                let sum = sums.entry((level, j)).or_insert(start);
                sum.iter_mut().zip([1.0, p, s, p * p, p * s]).for_each(|(sum, v)| *sum += v);
            }
        }
        let line = |[n, p, s, pp, ps]: [f64; 5]| {
            let slope = (ps - p * s / n) / (pp - p * p / n);
            (slope, (s - slope * p) / n)
        };
        Self(sums.into_iter().map(|(key, sums)| (key, line(sums))).collect())
    }

    /// Predictions of unknown levels stay as they are.
    pub(super) fn apply(&self, predicted: &mut Array2<f32>, levels: &[u32]) {
        for (mut row, &level) in predicted.rows_mut().into_iter().zip(levels) {
            for (j, p) in row.iter_mut().enumerate() {
                let (slope, intercept) = self.0.get(&(level, j)).copied().unwrap_or((1.0, 0.0));
                *p = (slope * f64::from(*p) + intercept) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_its_line() {
        let p = Array2::from_shape_fn((4000, 1), |(i, _)| (i as f32 * 0.7).sin());
        let levels: Vec<u32> = (0..4000).map(|i| i % 2).collect();
        let line = |i: usize| if i.is_multiple_of(2) { 0.5 * p[[i, 0]] } else { p[[i, 0]] + 2.0 };
        let s = Array2::from_shape_fn((4000, 1), |(i, _)| line(i));
        let mut out = p.clone();
        Lines::fit(&p, &s, &levels).apply(&mut out, &levels);
        assert!((&out - &s).iter().all(|v| v.abs() < 0.05), "up to the pull of the rows that are added");
        let mut unknown = p.clone();
        Lines::fit(&p, &s, &levels).apply(&mut unknown, &[7; 4000]);
        assert_eq!(unknown, p);
    }
}
