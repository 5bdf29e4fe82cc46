//! How many values of u a linear step needs: Gaussian sources whose means alone depend on u, rotated at random, and
//! rotated back by several methods. The table of the book's page on linear ICA.
//!
//! ```text
//! cargo run --release --package ivae-ica --example linear_step
//! ```

use ivae_ica::{FastIca, IcaError, LinearStep};
use ivae_num::{Purpose, StreamKey, linalg, stream::fill_normal};
use ndarray::{Array2, Axis};

const SOURCES: usize = 5;
const ROWS: usize = 20_000;
const DRAWS: u64 = 6;

fn normals(rows: usize, columns: usize, key: StreamKey) -> Array2<f64> {
    let mut flat = vec![0.0; rows * columns];
    fill_normal(&mut flat, columns, key);
    Array2::from_shape_fn((rows, columns), |(i, j)| flat[i * columns + j])
}

/// The mean of the correlation of each column of s with the column of z that is most like it.
fn matched(s: &Array2<f64>, z: &Array2<f64>) -> f64 {
    let unit = |x: &Array2<f64>| {
        let centred = x - &x.sum_axis(Axis(0)) / x.nrows() as f64;
        let lengths = centred.map_axis(Axis(0), |c| c.dot(&c).sqrt());
        centred / lengths
    };
    let correlations = unit(s).t().dot(&unit(z)).mapv(f64::abs);
    correlations.rows().into_iter().map(|row| row.iter().copied().fold(0.0, f64::max)).sum::<f64>()
        / s.ncols() as f64
}

fn main() -> Result<(), IcaError> {
    println!("values of u   before   FastICA   Picard   nearest rotation");
    for levels in [20, 40, 200] {
        let mut scores = [0.0; 4];
        for draw in 0..DRAWS {
            let key = |part| StreamKey::new(draw, Purpose::Generate).step(part);
            let angles = normals(levels, 2 * SOURCES, key(1));
            let noise = normals(ROWS, SOURCES, key(2));
            // Means are uniform in ±5, variances 1.
            let s = Array2::from_shape_fn((ROWS, SOURCES), |(i, j)| {
                let u = i * levels / ROWS;
                let angle = angles[[u, j]].atan2(angles[[u, SOURCES + j]]);
                5.0 * angle / std::f64::consts::PI + noise[[i, j]]
            });
            let svd = linalg::svd(normals(SOURCES, SOURCES, key(3)).view())?;
            let x = s.dot(&svd.u.dot(&svd.vt));
            let step = |rotation| LinearStep { rotation, seed: draw }.fit(x.view())?.transform(x.view());
            let fast = FastIca { max_iterations: 1000, seed: draw, ..FastIca::default() }.fit(x.view())?;
            let found = [x.clone(), fast.transform(x.view())?, step(false)?, step(true)?];
            for (score, z) in scores.iter_mut().zip(&found) {
                *score += matched(&s, z) / DRAWS as f64;
            }
        }
        let [before, fast, picard, rotation] = scores;
        println!("{levels:>11}   {before:>6.3}   {fast:>7.3}   {picard:>6.3}   {rotation:>16.3}");
    }
    Ok(())
}
