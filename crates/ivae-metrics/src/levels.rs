//! Means within the levels of a categorical u, and what is left after subtracting them.

use std::collections::BTreeMap;

use ivae_num::Scalar;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

/// Mean of every column within every level of u.
pub(crate) struct LevelMeans {
    /// Level → its row in `means`.
    index: BTreeMap<u32, usize>,
    /// Mean within each level, `[M, c]`.
    means: Array2<f64>,
    /// Rows of each level, `[M]`.
    counts: Vec<usize>,
    /// Mean over all rows, `[c]`: what a level without rows gets.
    overall: Array1<f64>,
}

impl LevelMeans {
    /// Of x `[N, c]` with `levels` `[N]`, N > 0.
    pub(crate) fn fit<F: Scalar>(x: ArrayView2<'_, F>, levels: &[u32]) -> Self {
        let mut index = BTreeMap::new();
        let mut first = Vec::new();
        for (row, &level) in levels.iter().enumerate() {
            index.entry(level).or_insert_with(|| {
                first.push(row);
                first.len() - 1
            });
        }
        // Deviations from the first row of the level: identical values have exactly that value as their mean.
        let mut sums = Array2::<f64>::zeros((first.len(), x.ncols()));
        let mut counts = vec![0usize; first.len()];
        for (row, level) in x.rows().into_iter().zip(levels) {
            let m = index[level];
            counts[m] += 1;
            let origin = x.row(first[m]);
            for ((sum, v), origin) in sums.row_mut(m).iter_mut().zip(row).zip(origin) {
                *sum += v.f64() - origin.f64();
            }
        }
        let mut means = sums;
        let mut overall = Array1::zeros(x.ncols());
        for (m, mut mean) in means.rows_mut().into_iter().enumerate() {
            for (j, mean) in mean.iter_mut().enumerate() {
                *mean = x[[first[m], j]].f64() + *mean / counts[m] as f64;
                overall[j] += *mean * (counts[m] as f64 / x.nrows() as f64);
            }
        }
        Self { index, means, counts, overall }
    }

    /// The means `[c]` of a level, or the overall ones where it had no rows.
    pub(crate) fn of(&self, level: u32) -> ArrayView1<'_, f64> {
        self.index.get(&level).map_or(self.overall.view(), |&m| self.means.row(m))
    }

    /// Did the level have rows?
    pub(crate) fn knows(&self, level: u32) -> bool {
        self.index.contains_key(&level)
    }

    /// Number of levels with a single row.
    pub(crate) fn singletons(&self) -> usize {
        self.counts.iter().filter(|&&n| n == 1).count()
    }

    /// x `[N, c]` less the means of each row's level; a column in which nothing but rounding is left becomes 0.
    pub(crate) fn residuals<F: Scalar>(&self, x: ArrayView2<'_, F>, levels: &[u32]) -> Array2<f64> {
        let mut out = x.mapv(F::f64);
        for (mut row, &level) in out.rows_mut().into_iter().zip(levels) {
            row -= &self.of(level);
        }
        for (x, mut out) in x.columns().into_iter().zip(out.columns_mut()) {
            let largest = x.fold(0.0, |a: f64, v| a.max(v.f64().abs()));
            let left = out.fold(0.0, |a: f64, v| a.max(v.abs()));
            if left <= 4.0 * F::epsilon().f64() * largest {
                out.fill(0.0);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn means_residuals_and_levels_without_rows() {
        let x = array![[1.0, 0.1], [3.0, 0.7], [5.0, 0.1]];
        let means = LevelMeans::fit(x.view(), &[9, 2, 9]);
        assert_eq!(means.of(9), array![3.0, 0.1]);
        assert_eq!(means.of(2), array![3.0, 0.7]);
        assert!((means.of(0)[0] - 3.0).abs() < 1e-15 && !means.knows(0));
        assert_eq!(means.singletons(), 1);
        assert_eq!(means.residuals(x.view(), &[9, 2, 9]), array![[-2.0, 0.0], [0.0, 0.0], [2.0, 0.0]]);
    }
}
