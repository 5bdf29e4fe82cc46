//! Inverse and log|det| of small square matrices in caller-owned memory, for maps that must stay invertible.

use ivae_num::Scalar;

/// Overwrite `inverse` `[n, n]` with the inverse of `a` `[n, n]` and return log|det a|, by Gauss–Jordan elimination
/// with row pivoting in `work` `[n, n]` (Golub & Van Loan 2013, §3.4). Row-major; allocates nothing.
///
/// A singular matrix gives −∞ and an inverse that is not finite, a matrix with NaN gives NaN: the loss shows it.
pub(crate) fn invert<F: Scalar>(inverse: &mut [F], work: &mut [F], a: &[F], n: usize) -> F {
    work.copy_from_slice(a);
    inverse.fill(F::zero());
    (0..n).for_each(|i| inverse[i * n + i] = F::one());
    let mut log_det = F::zero();
    for column in 0..n {
        let pivot = (column..n).fold(column, |best, row| {
            if work[row * n + column].abs() > work[best * n + column].abs() { row } else { best }
        });
        if pivot != column {
            for j in 0..n {
                work.swap(column * n + j, pivot * n + j);
                inverse.swap(column * n + j, pivot * n + j);
            }
        }
        let diagonal = work[column * n + column];
        log_det += diagonal.abs().ln();
        let scale = diagonal.recip();
        for j in 0..n {
            work[column * n + j] *= scale;
            inverse[column * n + j] *= scale;
        }
        for row in (0..n).filter(|&row| row != column) {
            let factor = work[row * n + column];
            for j in 0..n {
                let (w, v) = (work[column * n + j], inverse[column * n + j]);
                work[row * n + j] -= factor * w;
                inverse[row * n + j] -= factor * v;
            }
        }
    }
    log_det
}

#[cfg(test)]
mod tests {
    use super::*;
    use ivae_num::{Purpose, StreamKey, linalg, stream};
    use ndarray::Array2;

    #[test]
    fn agrees_with_the_decomposition_of_the_library() {
        for n in [1, 2, 5, 12] {
            let mut a = vec![0.0f64; n * n];
            stream::fill_normal(&mut a, n, StreamKey::new(n as u64, Purpose::Init));
            let (mut inverse, mut work) = (vec![0.0; n * n], vec![0.0; n * n]);
            let log_det = invert(&mut inverse, &mut work, &a, n);
            let a = Array2::from_shape_vec((n, n), a).unwrap();
            let (_, expected) = linalg::slogdet(a.view()).unwrap();
            assert!((log_det - expected).abs() < 1e-12 * (1.0 + expected.abs()), "{n}: {log_det} {expected}");
            let identity = a.dot(&Array2::from_shape_vec((n, n), inverse).unwrap());
            assert!((identity - Array2::<f64>::eye(n)).iter().all(|v| v.abs() < 1e-10));
        }
    }

    #[test]
    fn needs_pivoting_and_shows_singularity() {
        let (mut inverse, mut work) = ([0.0; 4], [0.0; 4]);
        assert_eq!(invert(&mut inverse, &mut work, &[0.0, 1.0, 1.0, 0.0], 2), 0.0);
        assert_eq!(inverse, [0.0, 1.0, 1.0, 0.0]);
        assert_eq!(invert(&mut inverse, &mut work, &[1.0, 2.0, 2.0, 4.0], 2), f64::NEG_INFINITY);
        assert!(invert(&mut inverse, &mut work, &[f64::NAN, 0.0, 0.0, 1.0], 2).is_nan());
    }
}
