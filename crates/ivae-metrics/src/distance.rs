//! Distance correlation between columns, in O(N log N) time and linear memory.

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, Axis};

use crate::Warning;
use crate::moments::{Columns, constant_columns};

/// Distance correlations of every column of s `[N, a]` with every column of z `[N, b]`: `[a, b]` in \[0, 1\].
///
/// With a_ij = |s_i − s_j|, b_ij = |z_i − z_j| and bars for means over the indices left out (Székely, Rizzo & Bakirov
/// 2007, definitions 4 and 5, expanded as in their theorem 1),
///
/// ```text
/// dCov² = mean(a_ij b_ij) + ā b̄ − 2 mean(ā_i b̄_i),     dCor = √(dCov²(s, z) / √(dCov²(s, s) dCov²(z, z))).
/// ```
pub(crate) fn distance_correlation<F: Scalar>(
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
) -> (Array2<f64>, Vec<Warning>) {
    let (at_s, at_z) = (Columns::of(s), Columns::of(z));
    let (left, right) = (Distances::of_columns(s, &at_s), Distances::of_columns(z, &at_z));
    let mut scratch = (Vec::new(), Vec::new());
    let matrix = Array2::from_shape_fn((s.ncols(), z.ncols()), |(i, j)| {
        let norm = left[i].variance.sqrt() * right[j].variance.sqrt();
        if at_s.constant[i] || at_z.constant[j] || norm <= 0.0 {
            return 0.0;
        }
        (left[i].covariance(&right[j], &mut scratch) / norm).clamp(0.0, 1.0).sqrt()
    });
    (matrix, constant_columns(&at_s, &at_z))
}

/// What a distance covariance needs of one column.
struct Distances {
    /// The column, scaled and centred, `[N]`.
    values: Vec<f64>,
    /// Rows in increasing order of it, `[N]`.
    order: Vec<usize>,
    /// ā_i − ā, `[N]`.
    row_means: Vec<f64>,
    /// ā.
    mean: f64,
    /// dCov² with itself.
    variance: f64,
}

impl Distances {
    fn of_columns<F: Scalar>(x: ArrayView2<'_, F>, at: &Columns) -> Vec<Self> {
        let centred = |(j, column): (usize, ndarray::ArrayView1<'_, F>)| {
            Self::of(column.iter().map(|&v| at.centred(v, j)).collect())
        };
        x.axis_iter(Axis(1)).enumerate().map(centred).collect()
    }

    fn of(values: Vec<f64>) -> Self {
        let n = values.len() as f64;
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
        // Σ_j |x_i − x_j| = x_i (lower − higher) + Σ higher − Σ lower, over the values on either side.
        let total: f64 = values.iter().sum();
        let (mut row_means, mut lower) = (vec![0.0; values.len()], 0.0);
        for (below, &row) in order.iter().enumerate() {
            let x = values[row];
            let above = n - 1.0 - below as f64;
            row_means[row] = (x * (below as f64 - above) + (total - lower - x) - lower) / n;
            lower += x;
        }
        let mean = row_means.iter().sum::<f64>() / n;
        row_means.iter_mut().for_each(|m| *m -= mean);
        // mean(a_ij²) = 2 Var(x), and x has mean 0.
        let squares = 2.0 * values.iter().map(|v| v * v).sum::<f64>() / n;
        let variance = squares - mean * mean - 2.0 * row_means.iter().map(|m| m * m).sum::<f64>() / n;
        Self { values, order, row_means, mean, variance: variance.max(0.0) }
    }

    /// dCov² with another column.
    fn covariance(&self, other: &Self, (points, spare): &mut (Vec<[f64; 2]>, Vec<[f64; 2]>)) -> f64 {
        let n = self.values.len() as f64;
        points.clear();
        points.extend(self.order.iter().map(|&row| [self.values[row], other.values[row]]));
        spare.clone_from(points);
        let products = 2.0 * sum_over_pairs(points, spare) / (n * n);
        let means: f64 = self.row_means.iter().zip(&other.row_means).map(|(a, b)| a * b).sum::<f64>() / n;
        products - self.mean * other.mean - 2.0 * means
    }
}

/// Σ over pairs i < j of (x_j − x_i) |y_j − y_i|, of points (x, y) in increasing order of x, which it leaves in
/// increasing order of y: a merge sort that adds, for each point of the later half, all pairs with the earlier half
/// from four running sums (Huo & Székely 2016, section 3, with merging in place of their tree).
fn sum_over_pairs(points: &mut [[f64; 2]], spare: &mut [[f64; 2]]) -> f64 {
    let half = points.len() / 2;
    if half == 0 {
        return 0.0;
    }
    let (earlier, later) = points.split_at_mut(half);
    let (spare_earlier, spare_later) = spare.split_at_mut(half);
    let within = sum_over_pairs(earlier, spare_earlier) + sum_over_pairs(later, spare_later);

    let (mut all, mut below) = (Sums::default(), Sums::default());
    earlier.iter().for_each(|p| all.add(p));
    let (mut taken, mut between) = (0, 0.0);
    for (j, point) in later.iter().enumerate() {
        while taken < half && earlier[taken][1] <= point[1] {
            below.add(&earlier[taken]);
            spare[taken + j] = earlier[taken];
            taken += 1;
        }
        spare[taken + j] = *point;
        between += 2.0 * below.products(point) - all.products(point);
    }
    let rest = later.len() + taken;
    spare[rest..].copy_from_slice(&earlier[taken..]);
    points.copy_from_slice(spare);
    within + between
}

/// Sums over a set of points.
#[derive(Default)]
struct Sums {
    count: f64,
    x: f64,
    y: f64,
    xy: f64,
}

impl Sums {
    fn add(&mut self, [x, y]: &[f64; 2]) {
        self.count += 1.0;
        self.x += x;
        self.y += y;
        self.xy += x * y;
    }

    /// Σ over the set of (x − x_i)(y − y_i).
    fn products(&self, [x, y]: &[f64; 2]) -> f64 {
        (self.count * x - self.x) * y - self.y * x + self.xy
    }
}

#[cfg(test)]
mod tests {
    use ivae_num::{Purpose, StreamKey, stream::fill_normal};

    use super::*;

    fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut out = vec![0.0; rows * columns];
        fill_normal(&mut out, columns, StreamKey::new(seed, Purpose::Generate));
        Array2::from_shape_fn((rows, columns), |(i, j)| out[i * columns + j])
    }

    /// From the doubly centred distance matrices: Székely, Rizzo & Bakirov 2007, definition 4.
    fn by_definition(x: &[f64], y: &[f64]) -> f64 {
        let centred = |x: &[f64]| {
            let d = Array2::from_shape_fn((x.len(), x.len()), |(i, j)| (x[i] - x[j]).abs());
            let (rows, all) = (d.sum_axis(Axis(0)) / x.len() as f64, d.sum() / (x.len() * x.len()) as f64);
            Array2::from_shape_fn(d.dim(), |(i, j)| d[[i, j]] - rows[i] - rows[j] + all)
        };
        let (a, b) = (centred(x), centred(y));
        let dot = |a: &Array2<f64>, b: &Array2<f64>| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        (dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()).sqrt()
    }

    #[test]
    fn equals_the_definition_with_and_without_ties() {
        for (rows, step) in [(3, 0.0), (4, 0.0), (37, 0.0), (100, 0.0), (64, 1.0), (101, 0.5)] {
            let round = |v: f64| if step > 0.0 { (v / step).round() * step } else { v };
            let s = normals(rows, 2, 1).mapv(round);
            let z = (&s * &s + normals(rows, 2, 2)).mapv(round);
            let (found, _) = distance_correlation(s.view(), (&z * 1e150 + 1e151).view());
            for ((i, j), &found) in found.indexed_iter() {
                let expected = by_definition(&s.column(i).to_vec(), &z.column(j).to_vec());
                assert!((found - expected).abs() < 1e-12, "{rows} rows: {found} instead of {expected}");
            }
        }
    }

    #[test]
    fn bivariate_normals_have_their_known_value() {
        let g = normals(40_000, 2, 3);
        for rho in [0.0f64, 0.5, -0.9] {
            let z = Array2::from_shape_fn((g.nrows(), 1), |(i, _)| {
                rho * g[[i, 0]] + (1.0 - rho * rho).sqrt() * g[[i, 1]]
            });
            // Székely, Rizzo & Bakirov 2007, theorem 7.
            let ratio = (rho * rho.asin() + (1.0 - rho * rho).sqrt()
                - rho * (rho / 2.0).asin()
                - (4.0 - rho * rho).sqrt()
                + 1.0)
                / (1.0 + std::f64::consts::FRAC_PI_3 - 3f64.sqrt());
            let found = distance_correlation(g.view(), z.view()).0[[0, 0]];
            assert!((found - ratio.max(0.0).sqrt()).abs() < 0.02, "{found} instead of √{ratio}");
        }
    }

    #[test]
    fn a_square_is_seen_and_a_constant_is_nothing() {
        let s = normals(500, 1, 4);
        let z = Array2::from_shape_fn((500, 2), |(i, j)| if j == 0 { s[[i, 0]].powi(2) } else { 0.1 });
        let (found, warnings) = distance_correlation(s.view(), z.view());
        assert!(found[[0, 0]] > 0.4, "{found}");
        assert_eq!((found[[0, 1]], warnings), (0.0, vec![Warning::ConstantLatent { column: 1 }]));
    }
}
