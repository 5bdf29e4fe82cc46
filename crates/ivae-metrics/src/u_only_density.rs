//! What u alone explains of x, as a density: independent columns given the level of u.

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2};

/// Rows of x `[N, d]` and their levels of u `[N]`, each below M; without levels, all rows are of level 0.
#[derive(Debug, Clone, Copy)]
pub struct LevelRows<'a, F> {
    /// Observations.
    pub x: ArrayView2<'a, F>,
    /// Levels.
    pub levels: Option<&'a [u32]>,
}

impl<F: Scalar> LevelRows<'_, F> {
    fn level(&self, row: usize) -> usize {
        self.levels.map_or(0, |levels| levels[row] as usize)
    }

    /// Count `[M]` and sums of x and x² `[M, d]` in each of `m` levels.
    fn sums(&self, m: usize) -> (Vec<f64>, Array2<f64>, Array2<f64>) {
        let shape = (m, self.x.ncols());
        let (mut count, mut sum, mut square) = (vec![0.0; m], Array2::zeros(shape), Array2::zeros(shape));
        for (i, row) in self.x.rows().into_iter().enumerate() {
            let u = self.level(i);
            count[u] += 1.0;
            for (j, v) in row.iter().enumerate() {
                sum[[u, j]] += v.f64();
                square[[u, j]] += v.f64() * v.f64();
            }
        }
        (count, sum, square)
    }

    /// The mean over rows of Σⱼ `log_density`(level, column, value).
    fn mean_of(&self, log_density: impl Fn(usize, usize, f64) -> f64) -> f64 {
        let terms = self.x.indexed_iter().map(|((i, j), v)| log_density(self.level(i), j, v.f64()));
        terms.sum::<f64>() / self.x.nrows().max(1) as f64
    }
}

/// Mean log-likelihood in nats per row of `test` under independent Gaussian columns in each of `m` levels of u, fitted to
/// `train`; the variance is shrunk towards the pooled one as by one extra row.
pub fn u_only_gaussian<F: Scalar>(train: LevelRows<'_, F>, test: LevelRows<'_, F>, m: usize) -> f64 {
    let (count, sum, square) = train.sums(m);
    let rows = train.x.nrows() as f64;
    let pooled_mean = sum.sum_axis(ndarray::Axis(0)) / rows;
    let pooled_square = square.sum_axis(ndarray::Axis(0)) / rows;
    let mean = |u: usize, j: usize| if count[u] > 0.0 { sum[[u, j]] / count[u] } else { pooled_mean[j] };
    let variance = Array2::from_shape_fn((m, train.x.ncols()), |(u, j)| {
        let pooled = (pooled_square[j] - pooled_mean[j] * pooled_mean[j]).max(f64::MIN_POSITIVE);
        let scatter = (square[[u, j]] - count[u] * mean(u, j) * mean(u, j)).max(0.0);
        (scatter + pooled) / (count[u] + 1.0)
    });
    test.mean_of(|u, j, v| {
        let variance = variance[[u, j]];
        -0.5 * ((v - mean(u, j)).powi(2) / variance + variance.ln() + std::f64::consts::TAU.ln())
    })
}

/// The same of x of 0 and 1 under independent Bernoulli columns; a frequency is shrunk towards the pooled one as by one
/// extra row, and that one from 0 and 1.
pub fn u_only_bernoulli<F: Scalar>(train: LevelRows<'_, F>, test: LevelRows<'_, F>, m: usize) -> f64 {
    let (count, ones, _) = train.sums(m);
    let rows = train.x.nrows() as f64;
    let pooled = ones.sum_axis(ndarray::Axis(0)).mapv(|ones| (ones + 1.0) / (rows + 2.0));
    test.mean_of(|u, j, v| {
        let p = (ones[[u, j]] + pooled[j]) / (count[u] + 1.0);
        v * p.ln() + (1.0 - v) * (1.0 - p).ln()
    })
}

/// Means of counts by level and column `[M, d]`, shrunk towards the pooled one as by one extra row, and that one from 0.
fn rates(count: &[f64], sum: &Array2<f64>, rows: f64) -> Array2<f64> {
    let pooled = sum.sum_axis(ndarray::Axis(0)).mapv(|sum| (sum + 0.5) / (rows + 1.0));
    Array2::from_shape_fn(sum.dim(), |(u, j)| (sum[[u, j]] + pooled[j]) / (count[u] + 1.0))
}

/// The same of counts under independent Poisson columns.
pub fn u_only_poisson<F: Scalar>(train: LevelRows<'_, F>, test: LevelRows<'_, F>, m: usize) -> f64 {
    let (count, sum, _) = train.sums(m);
    let rates = rates(&count, &sum, train.x.nrows() as f64);
    test.mean_of(|u, j, v| v * rates[[u, j]].ln() - rates[[u, j]] - libm::lgamma(v + 1.0))
}

/// The same of counts under independent negative binomial columns: of each column one inverse dispersion, by moments of
/// all levels.
pub fn u_only_negative_binomial<F: Scalar>(train: LevelRows<'_, F>, test: LevelRows<'_, F>, m: usize) -> f64 {
    /// More is Poisson.
    const MOST: f64 = 1e6;
    let (count, sum, square) = train.sums(m);
    let rates = rates(&count, &sum, train.x.nrows() as f64);
    // The variance is mean + mean² / r.
    let inverse_dispersion: Vec<f64> = (0..train.x.ncols())
        .map(|j| {
            let (mut squares, mut excess) = (0.0, 0.0);
            for u in (0..m).filter(|&u| count[u] > 0.0) {
                let mean = sum[[u, j]] / count[u];
                squares += count[u] * mean * mean;
                excess += square[[u, j]] - count[u] * mean * (mean + 1.0);
            }
            if excess * MOST > squares { squares / excess } else { MOST }.max(1e-3)
        })
        .collect();
    test.mean_of(|u, j, v| {
        let (rate, r) = (rates[[u, j]], inverse_dispersion[j]);
        let ways = libm::lgamma(v + r) - libm::lgamma(r) - libm::lgamma(v + 1.0);
        ways - r * (rate / r).ln_1p() - v * (r / rate).ln_1p()
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// Two levels of two rows, by hand: means 1 and 10, scatter 2 and 8, pooled variance 23.75 (one column).
    #[test]
    fn gaussian_columns_are_fitted_by_level() {
        let x = array![[0.0], [2.0], [8.0], [12.0]];
        let train = LevelRows { x: x.view(), levels: Some(&[0, 0, 1, 1]) };
        let point = array![[3.0]];
        let pooled = (0.0 + 4.0 + 64.0 + 144.0) / 4.0 - 5.5f64.powi(2);
        for (level, mean, scatter) in [(0u32, 1.0, 2.0), (1, 10.0, 8.0)] {
            let levels = [level];
            let test = LevelRows { x: point.view(), levels: Some(&levels) };
            let variance = (scatter + pooled) / 3.0;
            let expected = -0.5
                * ((3.0 - mean) * (3.0 - mean) / variance
                    + variance.ln()
                    + (2.0 * std::f64::consts::PI).ln());
            assert!((u_only_gaussian(train, test, 2) - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn bernoulli_columns_are_fitted_by_level() {
        let x = array![[1.0], [1.0], [0.0], [1.0]];
        let train = LevelRows { x: x.view(), levels: Some(&[0, 0, 1, 1]) };
        let one = array![[1.0]];
        let test = LevelRows { x: one.view(), levels: Some(&[1]) };
        let expected = ((1.0 + 4.0 / 6.0) / 3.0f64).ln();
        assert!((u_only_bernoulli(train, test, 2) - expected).abs() < 1e-12);
        // Without levels there is one.
        let all = LevelRows { levels: None, ..train };
        let test = LevelRows { x: one.view(), levels: None };
        assert!((u_only_bernoulli(all, test, 1) - ((3.0 + 4.0 / 6.0) / 5.0f64).ln()).abs() < 1e-12);
    }

    /// Two levels of two rows, by hand: rates (3 + 2.1) / 3 and (7 + 2.1) / 3, the pooled one 10.5 / 5.
    #[test]
    fn columns_of_counts_are_fitted_by_level() {
        let x = array![[1.0], [2.0], [3.0], [4.0]];
        let train = LevelRows { x: x.view(), levels: Some(&[0, 0, 1, 1]) };
        let three = array![[3.0]];
        let test = LevelRows { x: three.view(), levels: Some(&[1]) };
        let rate: f64 = (7.0 + 2.1) / 3.0;
        let expected = 3.0 * rate.ln() - rate - 6.0f64.ln();
        assert!((u_only_poisson(train, test, 2) - expected).abs() < 1e-12);
        // These vary less than Poisson counts, so that the dispersion is 0.
        assert!((u_only_negative_binomial(train, test, 2) - expected).abs() < 1e-5);
        // Of one level: mean 5, mean of squares 50, so the excess variance is 20, and r = 25 / 20.
        let x = array![[0.0], [0.0], [10.0], [10.0]];
        let train = LevelRows { x: x.view(), levels: None };
        let (rate, r): (f64, f64) = ((20.0 + 4.1) / 5.0, 1.25);
        let at = LevelRows { x: three.view(), levels: None };
        // Γ(4.25) / Γ(1.25) = 3.25 · 2.25 · 1.25.
        let p =
            (3.25 * 2.25 * 1.25 / 6.0f64).ln() + r * (r / (r + rate)).ln() + 3.0 * (rate / (r + rate)).ln();
        assert!((u_only_negative_binomial(train, at, 1) - p).abs() < 1e-9);
    }
}
