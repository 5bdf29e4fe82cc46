//! Average ranks, the order statistics behind Spearman's correlation.

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

/// Ranks of a column `[N]` from 1, equal values (0 and −0 too) sharing their average rank; O(N log N).
///
/// NaN is ranked beyond the infinities, by its sign.
pub fn average_ranks<F: Scalar>(column: ArrayView1<'_, F>) -> Vec<f64> {
    let key = |row: usize| order_key(column[row].f64());
    // One word per row, its index in the low bits and as much of its key as fits above: these sort fast. Rows whose
    // keys differ only below that are put in order afterwards.
    let index_bits = usize::BITS - column.len().saturating_sub(1).leading_zeros();
    let index_mask = (1u64 << index_bits) - 1;
    let mut order: Vec<u64> =
        column.iter().enumerate().map(|(row, v)| (order_key(v.f64()) & !index_mask) | row as u64).collect();
    order.sort_unstable();
    let row_of = |word: u64| (word & index_mask) as usize;

    let mut ranks = vec![0.0; order.len()];
    let mut start = 0;
    for close in order.chunk_by_mut(|a, b| a & !index_mask == b & !index_mask) {
        if close.len() > 1 {
            close.sort_unstable_by_key(|&word| key(row_of(word)));
        }
        for ties in close.chunk_by(|&a, &b| key(row_of(a)) == key(row_of(b))) {
            // Ranks start + 1 ..= start + len have this mean, exact in f64.
            let rank = start as f64 + (ties.len() as f64 + 1.0) / 2.0;
            ties.iter().for_each(|&word| ranks[row_of(word)] = rank);
            start += ties.len();
        }
    }
    ranks
}

/// Unsigned integers in the order of the numbers: negative ones have all bits flipped, others the sign bit.
fn order_key(x: f64) -> u64 {
    let bits = (x + 0.0).to_bits(); // −0 + 0 = +0
    let flip = ((bits as i64) >> 63) as u64 | (1 << 63);
    bits ^ flip
}

/// The average ranks of every column of x `[N, c]`, as `[N, c]` with contiguous columns.
pub(crate) fn rank_columns<F: Scalar>(x: ArrayView2<'_, F>) -> Array2<f64> {
    let mut ranks = Array2::zeros((x.ncols(), x.nrows()));
    for (mut out, column) in ranks.rows_mut().into_iter().zip(x.axis_iter(Axis(1))) {
        out.iter_mut().zip(average_ranks(column)).for_each(|(out, rank)| *out = rank);
    }
    ranks.reversed_axes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::ArrayView1;

    #[test]
    fn ties_and_signs() {
        let x = [2.0, -1.0, 0.0, 2.0, -0.0, f64::NEG_INFINITY, 2.0, f64::MIN_POSITIVE / 4.0];
        let ranks = average_ranks(ArrayView1::from(&x));
        assert_eq!(ranks, [7.0, 2.0, 3.5, 7.0, 3.5, 1.0, 7.0, 5.0]);
        assert!(average_ranks(ArrayView1::<f32>::from(&[])).is_empty());
        assert_eq!(average_ranks(ArrayView1::from(&[3.0f32])), [1.0]);
    }

    #[test]
    fn neighbours_in_the_last_place_are_told_apart() {
        // 1000 consecutive floats, each twice, in scrambled order.
        let next = |i: usize| f64::from_bits(1f64.to_bits() + i as u64);
        let x: Vec<f64> = (0..2000).map(|i| next(i * 7 % 1000)).collect();
        for (i, rank) in average_ranks(ArrayView1::from(&x)).into_iter().enumerate() {
            assert_eq!(rank, 2.0 * (i * 7 % 1000) as f64 + 1.5);
        }
    }
}
