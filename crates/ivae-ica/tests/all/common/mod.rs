//! What the tests of both joint diagonalisations need.

use ivae_num::{StreamKey, stream};
use ndarray::Array2;

pub(crate) fn normals(rows: usize, columns: usize, key: StreamKey) -> Array2<f64> {
    let mut flat = vec![0.0; rows * columns];
    stream::fill_normal(&mut flat, columns, key);
    Array2::from_shape_vec((rows, columns), flat).unwrap()
}

/// |unmixing · mixing| with rows divided by their largest entry: how far from a scaled permutation.
pub(crate) fn cross_talk(unmixing: &Array2<f64>, mixing: &Array2<f64>) -> f64 {
    let p = unmixing.dot(mixing).mapv(f64::abs);
    let rest = |row: ndarray::ArrayView1<'_, f64>| {
        let top = row.iter().copied().fold(0.0, f64::max);
        (row.sum() - top) / top
    };
    p.rows().into_iter().map(rest).fold(0.0, f64::max)
}
