//! The randomised dependence coefficient between columns.

use ivae_num::{GemmScratch, Purpose, Scalar, StreamKey, gemm, linalg, stream::fill_normal};
use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};

use crate::moments::{Columns, constant_columns};
use crate::rank::rank_columns;
use crate::{MetricError, Warning};

/// Random features of a column: k of Lopez-Paz et al. (2013).
const FEATURES: usize = 20;

/// Standard deviation of their weights: s / 2 of the authors' code, with s = 1/6.
const SCALE: f64 = 1.0 / 12.0;

/// A direction of the features counts if its variance is above this part of the largest.
const FLOOR: f64 = 1e-10;

/// Rows whose features are made at a time.
const BLOCK: usize = 512;

/// Randomised dependence coefficients of every column of s `[N, a]` with every column of z `[N, b]`: `[a, b]` in
/// \[0, 1\] (Lopez-Paz, Hennig & Schölkopf 2013, section 2 and appendix A).
///
/// A column is replaced by r = rank / N, average ranks for ties, and r by the features sin(w_k r + b_k), w and b normal
/// with standard deviation 1/12, the same for every column; the coefficient is the largest canonical correlation of the
/// features of the two columns. Directions of the features below 1e-10 of the largest variance are dropped.
pub(crate) fn randomised_dependence<F: Scalar>(
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
    seed: u64,
) -> Result<(Array2<f64>, Vec<Warning>), MetricError> {
    let (at_s, at_z) = (Columns::of(s), Columns::of(z));
    let waves = Waves::new(seed);
    let (mut left, mut right) = (Features::new(s.ncols()), Features::new(z.ncols()));
    let mut cross = Array2::<f64>::zeros((s.ncols() * FEATURES, z.ncols() * FEATURES));
    let (s, z) = (rank_columns(s), rank_columns(z));
    let (rows, mut scratch) = (s.nrows() as f64, GemmScratch::new());
    for (s, z) in s.axis_chunks_iter(Axis(0), BLOCK).zip(z.axis_chunks_iter(Axis(0), BLOCK)) {
        let (s, z) = (waves.of(s, rows), waves.of(z, rows));
        left.add(s.view(), &mut scratch);
        right.add(z.view(), &mut scratch);
        gemm(cross.view_mut(), 1.0, 1.0, s.t(), z.view(), &mut scratch);
    }
    let (left_maps, right_maps) =
        (left.whitenings(rows, &at_s.constant)?, right.whitenings(rows, &at_z.constant)?);
    let mut matrix = Array2::<f64>::zeros((left_maps.len(), right_maps.len()));
    for ((i, j), out) in matrix.indexed_iter_mut() {
        let (left_mean, right_mean) = (block(&left.sums, i) / rows, block(&right.sums, j) / rows);
        let covariance = Array2::from_shape_fn((FEATURES, FEATURES), |(p, q)| {
            cross[[i * FEATURES + p, j * FEATURES + q]] / rows - left_mean[p] * right_mean[q]
        });
        let product = left_maps[i].t().dot(&covariance).dot(&right_maps[j]);
        if !product.is_empty() {
            *out = linalg::svd(product.view())?.s[0].clamp(0.0, 1.0);
        }
    }
    Ok((matrix, constant_columns(&at_s, &at_z)))
}

/// Weights and phases of the features.
struct Waves {
    weight: Vec<f64>,
    phase: Vec<f64>,
}

impl Waves {
    fn new(seed: u64) -> Self {
        let mut normals = [0.0; 2 * FEATURES];
        fill_normal(&mut normals, 2, StreamKey::new(seed, Purpose::Control));
        let (pairs, _) = normals.as_chunks::<2>();
        Self {
            weight: pairs.iter().map(|p| SCALE * p[0]).collect(),
            phase: pairs.iter().map(|p| SCALE * p[1]).collect(),
        }
    }

    /// Features `[B, c k]` of ranks `[B, c]`, less their values at the middle rank.
    fn of(&self, ranks: ArrayView2<'_, f64>, rows: f64) -> Array2<f64> {
        Array2::from_shape_fn((ranks.nrows(), ranks.ncols() * FEATURES), |(i, j)| {
            let (r, k) = (ranks[[i, j / FEATURES]] / rows, j % FEATURES);
            let (weight, phase) = (self.weight[k], self.phase[k]);
            (weight * r + phase).sin() - (weight * 0.5 + phase).sin()
        })
    }
}

/// Sums over rows of the features of each column.
struct Features {
    /// `[c k]`.
    sums: Array1<f64>,
    /// One `[k, k]` for each column.
    products: Vec<Array2<f64>>,
}

impl Features {
    fn new(columns: usize) -> Self {
        let products = vec![Array2::zeros((FEATURES, FEATURES)); columns];
        Self { sums: Array1::zeros(columns * FEATURES), products }
    }

    fn add(&mut self, features: ArrayView2<'_, f64>, scratch: &mut GemmScratch<f64>) {
        self.sums += &features.sum_axis(Axis(0));
        for (own, sum) in features.axis_chunks_iter(Axis(1), FEATURES).zip(&mut self.products) {
            gemm(sum.view_mut(), 1.0, 1.0, own.t(), own, scratch);
        }
    }

    /// V Λ^(−½) `[k, r]` of each column's covariance V Λ Vᵀ; r = 0 for a constant column.
    fn whitenings(&self, rows: f64, constant: &[bool]) -> Result<Vec<Array2<f64>>, MetricError> {
        let whitening = |(j, products): (usize, &Array2<f64>)| {
            if constant[j] {
                return Ok(Array2::zeros((FEATURES, 0)));
            }
            let mean = block(&self.sums, j) / rows;
            let covariance =
                Array2::from_shape_fn(products.dim(), |(p, q)| products[[p, q]] / rows - mean[p] * mean[q]);
            let eigen = linalg::eigh(covariance.view())?;
            let floor = FLOOR * eigen.values.iter().copied().fold(0.0, f64::max);
            let kept: Vec<usize> = (0..FEATURES).filter(|&i| eigen.values[i] > floor).collect();
            let roots = eigen.values.select(Axis(0), &kept).mapv(f64::sqrt);
            Ok(eigen.vectors.select(Axis(1), &kept) / roots)
        };
        self.products.iter().enumerate().map(whitening).collect()
    }
}

/// The entries `[k]` of column j.
fn block(sums: &Array1<f64>, j: usize) -> Array1<f64> {
    sums.slice_axis(Axis(0), Slice::from(j * FEATURES..(j + 1) * FEATURES)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut out = vec![0.0; rows * columns];
        fill_normal(&mut out, columns, StreamKey::new(seed, Purpose::Generate));
        Array2::from_shape_fn((rows, columns), |(i, j)| out[i * columns + j])
    }

    #[test]
    fn functions_of_a_column_are_seen_and_unrelated_columns_are_not() {
        let s = normals(3000, 2, 1);
        let z = Array2::from_shape_fn((3000, 3), |(i, j)| match j {
            0 => s[[i, 0]].powi(2),
            1 => s[[i, 1]].exp(),
            _ => 4.0,
        });
        for seed in 0..5 {
            let (found, warnings) = randomised_dependence(s.view(), z.view(), seed).unwrap();
            assert!(found[[0, 0]] > 0.98 && found[[1, 1]] > 1.0 - 1e-6, "{found}");
            // The largest of about 4 × 4 chance correlations.
            assert!(found[[0, 1]] < 0.1 && found[[1, 0]] < 0.1, "{found}");
            assert_eq!(found[[0, 2]], 0.0);
            assert_eq!(warnings, [Warning::ConstantLatent { column: 2 }]);
        }
    }
}
