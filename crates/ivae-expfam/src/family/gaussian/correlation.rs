//! Correlated latents of a full-covariance posterior: the Cholesky factor of a correlation matrix, and its total correlation.

use std::cmp::Ordering;

use ivae_num::Scalar;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2, Axis};

/// Number of correlation parameters of n latents.
pub fn parameters(n: usize) -> usize {
    n * n.saturating_sub(1) / 2
}

/// Where row i of a strictly lower triangle begins.
fn triangle(i: usize) -> usize {
    i * i.saturating_sub(1) / 2
}

/// cᵢ² = 1 + Σ_{j<i} uᵢⱼ², of a row `u` `[n (n − 1) / 2]`.
fn square_norm<F: Scalar>(u: ArrayView1<'_, F>, i: usize) -> F {
    (triangle(i)..triangle(i) + i).fold(F::one(), |sum, k| sum + u[k] * u[k])
}

/// Correlated standard normals aᵢ = (εᵢ + Σ_{j<i} uᵢⱼ εⱼ) / cᵢ with cᵢ² = 1 + Σⱼ uᵢⱼ², so that each has variance 1.
///
/// Every correlation matrix can be had so: (uᵢ, 1) / cᵢ are the rows of its Cholesky factor. Overwrites `out` `[B, n]`;
/// `u` `[B, n (n − 1) / 2]` has the strictly lower triangle row by row.
pub fn correlate<F: Scalar>(mut out: ArrayViewMut2<'_, F>, noise: ArrayView2<'_, F>, u: ArrayView2<'_, F>) {
    for ((mut out, noise), u) in out.rows_mut().into_iter().zip(noise.rows()).zip(u.rows()) {
        for i in 0..noise.len() {
            let sum = (0..i).fold(noise[i], |sum, j| sum + u[triangle(i) + j] * noise[j]);
            out[i] = sum / square_norm(u, i).sqrt();
        }
    }
}

/// The correlation matrix `[n, n]` of [`correlate`]'s result: A Aᵀ, A with the rows (uᵢ, 1) / cᵢ. Overwrites `out`.
pub fn correlation<F: Scalar>(mut out: ArrayViewMut2<'_, F>, u: ArrayView1<'_, F>) {
    let entry = |i: usize, k: usize| match i.cmp(&k) {
        Ordering::Less => F::zero(),
        Ordering::Equal => F::one(),
        Ordering::Greater => u[triangle(i) + k],
    };
    for ((i, j), v) in out.indexed_iter_mut() {
        let sum: F = (0..=i.min(j)).map(|k| entry(i, k) * entry(j, k)).sum();
        *v = sum / (square_norm(u, i) * square_norm(u, j)).sqrt();
    }
}

/// The Cholesky factor T of a covariance, T Tᵀ = diag σ · A Aᵀ · diag σ with the A of [`correlation`]. Overwrites the lower
/// triangle of `t` `[n, n]`; `theta` `[e]` has mean | log-variance | u.
pub(super) fn factor<F: Scalar>(t: &mut [F], theta: ArrayView1<'_, F>, n: usize) {
    let u = theta.split_at(Axis(0), 2 * n).1;
    for i in 0..n {
        let scale = (F::of(0.5) * theta[n + i]).exp() / square_norm(u, i).sqrt();
        (0..i).for_each(|j| t[i * n + j] = scale * u[triangle(i) + j]);
        t[i * n + i] = scale;
    }
}

/// Backward of [`factor`], whose result is `t`, for the cotangents in the lower triangle of `d_t`. Adds to `d_theta` `[e]`.
pub(super) fn factor_backward<F: Scalar>(
    mut d_theta: ArrayViewMut1<'_, F>,
    theta: ArrayView1<'_, F>,
    t: &[F],
    d_t: &[F],
    n: usize,
) {
    // Tᵢⱼ = σᵢ uᵢⱼ / cᵢ and Tᵢᵢ = σᵢ / cᵢ, with cᵢ² = 1 + Σⱼ uᵢⱼ².
    let u = theta.split_at(Axis(0), 2 * n).1;
    for i in 0..n {
        let along: F = (0..=i).map(|j| t[i * n + j] * d_t[i * n + j]).sum();
        d_theta[n + i] += F::of(0.5) * along;
        for j in 0..i {
            let k = triangle(i) + j;
            d_theta[2 * n + k] += t[i * n + i] * d_t[i * n + j] - along * u[k] / square_norm(u, i);
        }
    }
}

/// Backward of [`correlate`], whose result is `out`, for the cotangents `d_out` `[B, n]`. Adds to `d_u`.
pub fn correlate_backward<F: Scalar>(
    mut d_u: ArrayViewMut2<'_, F>,
    out: ArrayView2<'_, F>,
    noise: ArrayView2<'_, F>,
    u: ArrayView2<'_, F>,
    d_out: ArrayView2<'_, F>,
) {
    // ∂aᵢ/∂uᵢⱼ = (εⱼ − aᵢ uᵢⱼ/cᵢ) / cᵢ.
    for (row, u) in u.rows().into_iter().enumerate() {
        for i in 1..out.ncols() {
            let inv = square_norm(u, i).sqrt().recip();
            let (a, d) = (out[[row, i]], inv * d_out[[row, i]]);
            for j in 0..i {
                let k = triangle(i) + j;
                d_u[[row, k]] += d * (noise[[row, j]] - a * u[k] * inv);
            }
        }
    }
}

/// Add ½ Σᵢ log cᵢ² to every row of `out` `[B]`: minus half the log-determinant of the correlation matrix, by which
/// the KL to a prior of independent latents exceeds that of the marginals.
pub fn total_correlation<F: Scalar>(out: &mut [F], u: ArrayView2<'_, F>, n: usize) {
    for (out, u) in out.iter_mut().zip(u.rows()) {
        let sum = (1..n).fold(F::zero(), |sum, i| sum + square_norm(u, i).ln());
        *out += F::of(0.5) * sum;
    }
}

/// Backward of [`total_correlation`] for the cotangents `d_out` `[B]`. Adds to `d_u`.
pub fn total_correlation_backward<F: Scalar>(
    mut d_u: ArrayViewMut2<'_, F>,
    u: ArrayView2<'_, F>,
    n: usize,
    d_out: &[F],
) {
    for ((mut d_u, u), &d) in d_u.rows_mut().into_iter().zip(u.rows()).zip(d_out) {
        for i in 1..n {
            let scale = d / square_norm(u, i);
            for k in triangle(i)..triangle(i) + i {
                d_u[k] += scale * u[k];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ivae_num::linalg;
    use ndarray::{Array2, arr2};

    use super::*;

    /// The noise is A ε with A Aᵀ of unit diagonal, and the total correlation is −½ log |A Aᵀ|.
    #[test]
    fn correlated_noise_has_unit_variances_and_the_total_correlation_of_its_matrix() {
        let u = arr2(&[[0.7, -1.3, 0.4, 2.0, 0.1, -0.6]]);
        let mut a = Array2::<f64>::zeros((4, 4)); // row k is the image of the k-th unit vector
        correlate(a.view_mut(), Array2::eye(4).view(), u.broadcast((4, 6)).unwrap());
        let correlation = a.t().dot(&a);
        let mut expected = Array2::zeros((4, 4));
        super::correlation(expected.view_mut(), u.row(0));
        assert!((&expected - &correlation).iter().all(|d| d.abs() < 1e-14));
        for i in 0..4 {
            assert!((correlation[[i, i]] - 1.0).abs() < 1e-14);
        }
        let (_, log_det) = linalg::slogdet(correlation.view()).unwrap();
        let mut total = [0.0];
        total_correlation(&mut total, u.view(), 4);
        assert!((total[0] + 0.5 * log_det).abs() < 1e-14, "{} for {}", total[0], -0.5 * log_det);
    }
}
