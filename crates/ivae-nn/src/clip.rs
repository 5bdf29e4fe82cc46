//! [`clip_norm`]: bound the length of a gradient.

use ivae_num::{Loop, Scalar, summed, wide};

/// Scale `grad` to Euclidean norm `max` if it is longer (Pascanu, Mikolov & Bengio 2013, algorithm 1), and return
/// the norm it had.
///
/// The squares are summed in `f64` in an order that depends on their number alone. A gradient whose norm is not finite is
/// left as it is, and the caller sees that from the returned norm.
pub fn clip_norm<F: Scalar>(grad: &mut [F], max: f64) -> f64 {
    let norm = squares(grad).sqrt();
    if norm > max && norm.is_finite() {
        let scale = F::of(max / norm);
        grad.iter_mut().for_each(|g| *g *= scale);
    }
    norm
}

/// Work of one number in multiplications.
const SQUARE: usize = 8;

/// The sum of squares.
fn squares<F: Scalar>(x: &[F]) -> f64 {
    summed([], [x], SQUARE, &|[], [x]| wide(Squares(x)))
}

/// Squares that are added up side by side, so that the sum is vectorised and yet always taken in the same order.
pub(crate) const LANES: usize = 32;

/// Add the square of each number to a sum of its own.
#[inline(always)]
pub(crate) fn add_squares<F: Scalar>(sums: &mut [f64; LANES], x: &[F]) {
    for (sum, x) in sums.iter_mut().zip(x) {
        *sum += x.f64() * x.f64();
    }
}

/// The sum of squares.
pub(crate) struct Squares<'a, F>(pub(crate) &'a [F]);

impl<F: Scalar> Loop for Squares<'_, F> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut sums = [0.0; LANES];
        let (chunks, rest) = self.0.as_chunks::<LANES>();
        chunks.iter().for_each(|chunk| add_squares(&mut sums, chunk));
        add_squares(&mut sums, rest);
        sums.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_gradient_is_scaled_and_a_short_one_kept() {
        let mut g = vec![3.0f64, 4.0];
        assert_eq!(clip_norm(&mut g, 1.0), 5.0);
        assert!((g[0] - 0.6).abs() < 1e-15 && (g[1] - 0.8).abs() < 1e-15);
        let mut g = vec![3.0f32, 4.0];
        assert_eq!(clip_norm(&mut g, 5.0), 5.0);
        assert_eq!(g, [3.0, 4.0]);
        assert_eq!(clip_norm::<f64>(&mut [], 1.0), 0.0);
        assert_eq!(clip_norm(&mut [0.0], 0.0), 0.0);
    }

    #[test]
    fn the_tail_beyond_whole_lanes_counts() {
        for n in (0..100).chain([65_535, 65_537, 5 * 65_536 + 77]) {
            let g: Vec<f64> = (0..n).map(|i| f64::from(i % 100) - 7.5).collect();
            let plain = g.iter().map(|v| v * v).sum::<f64>();
            assert!((squares(&g) - plain).abs() <= 1e-13 * plain, "{n} entries");
        }
    }

    #[test]
    fn squares_do_not_overflow_in_f32() {
        let mut g = vec![1e30f32; 4];
        assert!((clip_norm(&mut g, 2.0) / 2e30 - 1.0).abs() < 1e-6);
        assert!(g.iter().all(|v| (v - 1.0).abs() < 1e-6));
    }

    #[test]
    fn a_gradient_that_is_not_finite_is_left_alone() {
        let mut g = [1.0, f64::NAN];
        assert!(clip_norm(&mut g, 0.5).is_nan());
        assert_eq!(g[0], 1.0);
        let mut g = [1.0, f64::INFINITY];
        assert_eq!(clip_norm(&mut g, 0.5), f64::INFINITY);
        assert_eq!(g, [1.0, f64::INFINITY]);
    }
}
