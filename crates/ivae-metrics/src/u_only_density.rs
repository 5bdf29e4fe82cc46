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

    /// The values of column `j`: all of them, and those of each of `m` levels.
    fn values(&self, j: usize, m: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
        let all: Vec<f64> = self.x.column(j).iter().map(|v| v.f64()).collect();
        let mut of_levels = vec![Vec::new(); m];
        all.iter().enumerate().for_each(|(i, &v)| of_levels[self.level(i)].push(v));
        (all, of_levels)
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

/// The same of x of 0 to `categories` − 1 under independent columns of categories; frequencies are shrunk towards the
/// pooled ones as by one extra row, and those from 0.
pub fn u_only_categorical<F: Scalar>(
    train: LevelRows<'_, F>,
    test: LevelRows<'_, F>,
    m: usize,
    categories: usize,
) -> f64 {
    let (d, k) = (train.x.ncols(), categories.max(1));
    let place = |v: f64| (v as usize).min(k - 1);
    let (mut rows, mut seen) = (vec![0.0; m], vec![0.0; m * d * k]);
    let mut pooled = vec![1.0; d * k];
    for (i, row) in train.x.rows().into_iter().enumerate() {
        rows[train.level(i)] += 1.0;
        for (j, v) in row.iter().enumerate() {
            seen[(train.level(i) * d + j) * k + place(v.f64())] += 1.0;
            pooled[j * k + place(v.f64())] += 1.0;
        }
    }
    let total = train.x.nrows() as f64 + k as f64;
    test.mean_of(|u, j, v| {
        let (seen, pooled) = (seen[(u * d + j) * k + place(v)], pooled[j * k + place(v)] / total);
        ((seen + pooled) / (rows[u] + 1.0)).ln()
    })
}

/// Newton steps of a location that maximises a concave function.
const NEWTON_STEPS: usize = 20;

/// The same of x in (0, 1) under independent binary concrete columns of this temperature: of each level the most likely
/// logit, as if there were one more row at the pooled one.
pub fn u_only_binary_concrete<F: Scalar>(
    train: LevelRows<'_, F>,
    test: LevelRows<'_, F>,
    m: usize,
    temperature: f64,
) -> f64 {
    let scaled = |x: f64| temperature * (x / (1.0 - x)).ln();
    // T logit x is logistic around the logit, of scale 1: Σ tanh((y − l)/2) = 0.
    let locate = |values: &[f64], pooled: Option<f64>| {
        let y: Vec<f64> = values.iter().map(|&x| scaled(x)).chain(pooled).collect();
        let mut l = y.iter().sum::<f64>() / y.len().max(1) as f64;
        for _ in 0..NEWTON_STEPS {
            let t = y.iter().map(|y| (0.5 * (y - l)).tanh());
            let (slope, curvature) = t.fold((0.0, 1e-9), |(s, c), t| (s + t, c + 0.5 * (1.0 - t * t)));
            l += (slope / curvature).clamp(-2.0, 2.0);
        }
        l
    };
    let columns: Vec<Vec<f64>> = (0..train.x.ncols())
        .map(|j| {
            let (all, levels) = train.values(j, m);
            let pooled = locate(&all, None);
            levels.iter().map(|values| locate(values, Some(pooled))).collect()
        })
        .collect();
    test.mean_of(|u, j, v| {
        let size = (columns[j][u] - scaled(v)).abs();
        temperature.ln() - size - 2.0 * (-size).exp().ln_1p() - v.ln() - (1.0 - v).ln()
    })
}

/// The same of any x under independent Laplace columns: of each level the median and the mean distance from it, shrunk
/// towards the pooled one as by one extra row.
pub fn u_only_laplace<F: Scalar>(train: LevelRows<'_, F>, test: LevelRows<'_, F>, m: usize) -> f64 {
    let columns: Vec<Vec<[f64; 2]>> = (0..train.x.ncols())
        .map(|j| {
            let (pooled, levels) = train.values(j, m);
            let [pooled_median, pooled_scale] = laplace(&pooled);
            let of_level = |values: Vec<f64>| {
                let rows = values.len() as f64;
                let [median, scale] = if values.is_empty() { [pooled_median, 0.0] } else { laplace(&values) };
                [median, (rows * scale + pooled_scale.max(f64::MIN_POSITIVE)) / (rows + 1.0)]
            };
            levels.into_iter().map(of_level).collect()
        })
        .collect();
    test.mean_of(|u, j, v| {
        let [median, scale] = columns[j][u];
        -(v - median).abs() / scale - (2.0 * scale).ln()
    })
}

/// The median of values and their mean distance from it.
fn laplace(values: &[f64]) -> [f64; 2] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(&median) = sorted.get(sorted.len() / 2) else { return [0.0, 0.0] };
    [median, values.iter().map(|v| (v - median).abs()).sum::<f64>() / values.len() as f64]
}

/// Degrees of freedom that [`u_only_student_t`] chooses from.
const DEGREES: [f64; 6] = [2.1, 3.0, 5.0, 10.0, 30.0, 100.0];
/// Steps of expectation maximisation: the scale is then within a few per cent of where it would end.
const EM_STEPS: usize = 30;

/// The same of any x under independent Student t columns: of each column one number of degrees of freedom, and of each
/// level location and scale by expectation maximisation (Lange, Little and Taylor 1989), the squared scale shrunk towards
/// the pooled one as by one extra row.
pub fn u_only_student_t<F: Scalar>(train: LevelRows<'_, F>, test: LevelRows<'_, F>, m: usize) -> f64 {
    let columns: Vec<(f64, Vec<[f64; 2]>)> = (0..train.x.ncols())
        .map(|j| {
            let (pooled, levels) = train.values(j, m);
            let fit = |degrees: f64| {
                let all = student_t(&pooled, degrees, [laplace(&pooled)[0], f64::MIN_POSITIVE]);
                let of_levels: Vec<_> = levels.iter().map(|v| student_t(v, degrees, all)).collect();
                let terms = levels.iter().zip(&of_levels);
                let sum = |(v, at): (&Vec<f64>, &[f64; 2])| {
                    v.iter().map(|&v| student_t_density(v, degrees, *at)).sum::<f64>()
                };
                (terms.map(sum).sum::<f64>(), degrees, of_levels)
            };
            let best = DEGREES.into_iter().map(fit).max_by(|a, b| a.0.total_cmp(&b.0));
            best.map_or((1.0, Vec::new()), |(_, degrees, of_levels)| (degrees, of_levels))
        })
        .collect();
    test.mean_of(|u, j, v| student_t_density(v, columns[j].0, columns[j].1[u]))
}

/// Location and squared scale; `pooled` counts as one row of the scale.
fn student_t(values: &[f64], degrees: f64, pooled: [f64; 2]) -> [f64; 2] {
    if values.is_empty() {
        return pooled;
    }
    let [median, distance] = laplace(values);
    let mut at = [median, (distance * distance).max(f64::MIN_POSITIVE)];
    for _ in 0..EM_STEPS {
        let weight = |v: f64| (degrees + 1.0) / (degrees + (v - at[0]).powi(2) / at[1]);
        let total: f64 = values.iter().map(|&v| weight(v)).sum();
        let location = values.iter().map(|&v| weight(v) * v).sum::<f64>() / total;
        let square: f64 = values.iter().map(|&v| weight(v) * (v - location).powi(2)).sum();
        at = [location, ((square + pooled[1]) / (values.len() as f64 + 1.0)).max(f64::MIN_POSITIVE)];
    }
    at
}

fn student_t_density(v: f64, degrees: f64, [location, square]: [f64; 2]) -> f64 {
    let norm = libm::lgamma(0.5 * degrees + 0.5) - libm::lgamma(0.5 * degrees);
    let e = (v - location).powi(2) / (degrees * square);
    norm - 0.5 * ((std::f64::consts::PI * degrees * square).ln() + (degrees + 1.0) * e.ln_1p())
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

    /// One level: median 2, distances 1, 0 and 5, so the scale is 2, and the pooled one counts as another row.
    #[test]
    fn laplace_columns_have_the_median_and_the_mean_distance() {
        let x = array![[1.0], [2.0], [7.0]];
        let (train, point) = (LevelRows { x: x.view(), levels: None }, array![[4.0]]);
        let test = LevelRows { x: point.view(), levels: None };
        assert!((u_only_laplace(train, test, 1) - (-1.0 - 4.0f64.ln())).abs() < 1e-12);
    }

    /// Outliers cost a t distribution less than a Gaussian; of normal values it is the Gaussian.
    #[test]
    fn student_t_columns_bear_outliers() {
        let quantiles = |tail: f64| {
            ndarray::Array2::from_shape_fn((400, 1), |(i, _)| {
                let p = (f64::from(i as u32) + 0.5) / 400.0;
                let logit = (p / (1.0 - p)).ln();
                logit + tail * logit.powi(5)
            })
        };
        for (tail, is_heavy) in [(0.0, false), (0.01, true)] {
            let x = quantiles(tail);
            let rows = LevelRows { x: x.view(), levels: None };
            let (t, gaussian) = (u_only_student_t(rows, rows, 1), u_only_gaussian(rows, rows, 1));
            assert!(t > gaussian - 0.01, "{t}, Gaussian {gaussian}");
            assert_eq!(t > gaussian + 0.1, is_heavy, "{t}, Gaussian {gaussian}");
        }
    }

    /// One level, values 0 0 1 of three categories: pooled (3, 2, 1) / 6.
    #[test]
    fn categories_have_their_frequencies() {
        let (x, two) = (array![[0.0], [0.0], [1.0]], array![[0.0], [2.0]]);
        let train = LevelRows { x: x.view(), levels: None };
        let test = LevelRows { x: two.view(), levels: None };
        let expected = 0.5 * (((2.0 + 0.5) / 4.0f64).ln() + ((1.0 / 6.0) / 4.0f64).ln());
        assert!((u_only_categorical(train, test, 1, 3) - expected).abs() < 1e-12);
    }

    /// Logits symmetric about 1 at temperature 1: the logit is 1.
    #[test]
    fn binary_concrete_columns_have_the_likeliest_logit() {
        let at = |y: f64| 1.0 / (1.0 + (-y).exp());
        let (x, point) = (array![[at(-1.0)], [at(1.0)], [at(3.0)]], array![[at(1.0)]]);
        let train = LevelRows { x: x.view(), levels: None };
        let test = LevelRows { x: point.view(), levels: None };
        // log p = log T − 2 log 2 − log x (1 − x).
        let expected = 0.25f64.ln() - (at(1.0) * (1.0 - at(1.0))).ln();
        assert!((u_only_binary_concrete(train, test, 1, 1.0) - expected).abs() < 1e-9);
    }
}
