//! What a prior table starts from: means of statistics in every level of u.

use ivae_expfam::prior::PriorFamily;
use ivae_num::Scalar;
use ndarray::ArrayView1;

/// Every level of u is taken to have so many rows of the pooled distribution beside its own.
pub const PSEUDO_ROWS: f64 = 2.0;

/// Means of the start statistics of v in each of `m` levels, shrunk towards the pooled ones as by [`PSEUDO_ROWS`] rows
/// of them.
pub(crate) fn level_means<F: Scalar>(
    part: &dyn PriorFamily<f64>,
    v: ArrayView1<'_, F>,
    levels: &[u32],
    m: usize,
) -> Vec<Vec<f64>> {
    let s = part.start_statistics(0.0).len();
    let (mut count, mut sums) = (vec![0.0; m], vec![vec![0.0; s]; m]);
    for (v, &level) in v.iter().zip(levels) {
        count[level as usize] += 1.0;
        let of_row = part.start_statistics(v.f64());
        sums[level as usize].iter_mut().zip(of_row).for_each(|(sum, t)| *sum += t);
    }
    let all = v.len().max(1) as f64;
    let pooled: Vec<f64> = (0..s).map(|j| sums.iter().map(|sum| sum[j]).sum::<f64>() / all).collect();
    for (sum, count) in sums.iter_mut().zip(count) {
        sum.iter_mut().zip(&pooled).for_each(|(v, p)| *v = (*v + PSEUDO_ROWS * p) / (count + PSEUDO_ROWS));
    }
    sums
}
