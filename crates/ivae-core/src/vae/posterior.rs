//! The parts of the posterior: the encoder's Gaussian factor times the prior, and the correlation between latents.

use std::cmp::Ordering;

use ivae_expfam::GaussianForm;
use ivae_num::{Scalar, rows, vecmath::VecMath};
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

/// Columns of θ_p where the mean and the log-variance of the n latents begin.
pub(crate) fn moment_columns(form: GaussianForm, n: usize) -> (Option<usize>, Option<usize>) {
    match form {
        GaussianForm::MeanVar => (Some(0), Some(n)),
        GaussianForm::Var => (None, Some(0)),
        GaussianForm::Mean => (Some(0), None),
    }
}

/// N(μ_q, σ_q²) ∝ N(μ_e, σ_e²) N(μ_p, σ_p²): precisions add, and the mean is weighted by them.
///
/// Overwrites `theta_q` `[B, 2n]` (mean | log-variance), and `weight` `[B n]` with the encoder's share of the
/// precision, w = σ_q²/σ_e². `theta_e` has mean | log-variance of the encoder's factor in its first 2n columns,
/// `theta_p` the prior's parameters; `scratch` is `[B n]`.
pub(crate) fn product<F: Scalar>(
    mut theta_q: ArrayViewMut2<'_, F>,
    weight: &mut [F],
    theta_e: ArrayView2<'_, F>,
    form: GaussianForm,
    theta_p: ArrayView2<'_, F>,
    scratch: &mut [F],
) {
    let n = theta_q.ncols() / 2;
    let (mean, log_var) = moment_columns(form, n);
    let at =
        |row: usize, column: Option<usize>, i: usize| column.map_or(F::zero(), |c| theta_p[[row, c + i]]);
    for (row, weight) in weight.chunks_exact_mut(n).enumerate() {
        for (i, w) in weight.iter_mut().enumerate() {
            *w = at(row, log_var, i) - theta_e[[row, n + i]];
        }
    }
    // w = σ(log σ_p² − log σ_e²), log σ_q² = log σ_e² − log(1 + σ_e²/σ_p²).
    scratch.iter_mut().zip(&*weight).for_each(|(s, &w)| *s = -w);
    <F as VecMath>::softplus(scratch);
    <F as VecMath>::sigmoid(weight);
    for (row, (weight, excess)) in weight.chunks_exact(n).zip(scratch.chunks_exact(n)).enumerate() {
        for i in 0..n {
            let prior = at(row, mean, i);
            theta_q[[row, i]] = prior + weight[i] * (theta_e[[row, i]] - prior);
            theta_q[[row, n + i]] = theta_e[[row, n + i]] - excess[i];
        }
    }
}

/// Backward of [`product`] for the cotangents `d_q` `[B, 2n]`. Overwrites the first 2n columns of `d_e`, adds to `d_p`.
pub(crate) fn product_backward<F: Scalar>(
    mut d_e: ArrayViewMut2<'_, F>,
    mut d_p: ArrayViewMut2<'_, F>,
    weight: &[F],
    theta_e: ArrayView2<'_, F>,
    form: GaussianForm,
    theta_p: ArrayView2<'_, F>,
    d_q: ArrayView2<'_, F>,
) {
    let n = d_q.ncols() / 2;
    let (mean, log_var) = moment_columns(form, n);
    for (row, weight) in weight.chunks_exact(n).enumerate() {
        for (i, &w) in weight.iter().enumerate() {
            let (d_mean, d_log_var) = (d_q[[row, i]], d_q[[row, n + i]]);
            let prior = mean.map_or(F::zero(), |c| theta_p[[row, c + i]]);
            let rest = F::one() - w;
            // What moves weight from the prior to the encoder moves the mean.
            let d_shift = w * rest * (theta_e[[row, i]] - prior) * d_mean;
            d_e[[row, i]] = w * d_mean;
            d_e[[row, n + i]] = w * d_log_var - d_shift;
            if let Some(c) = mean {
                d_p[[row, c + i]] += rest * d_mean;
            }
            if let Some(c) = log_var {
                d_p[[row, c + i]] += rest * d_log_var + d_shift;
            }
        }
    }
}

/// Number of correlation parameters of n latents.
pub(crate) fn correlations(n: usize) -> usize {
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
pub(crate) fn correlate<F: Scalar>(
    mut out: ArrayViewMut2<'_, F>,
    noise: ArrayView2<'_, F>,
    u: ArrayView2<'_, F>,
) {
    for ((mut out, noise), u) in out.rows_mut().into_iter().zip(noise.rows()).zip(u.rows()) {
        for i in 0..noise.len() {
            let sum = (0..i).fold(noise[i], |sum, j| sum + u[triangle(i) + j] * noise[j]);
            out[i] = sum / square_norm(u, i).sqrt();
        }
    }
}

/// The correlation matrix `[n, n]` of [`correlate`]'s result: A Aᵀ, A with the rows (uᵢ, 1) / cᵢ. Overwrites `out`.
pub(crate) fn correlation<F: Scalar>(mut out: ArrayViewMut2<'_, F>, u: ArrayView1<'_, F>) {
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

/// Backward of [`correlate`], whose result is `out`, for the cotangents `d_out` `[B, n]`. Adds to `d_u`.
pub(crate) fn correlate_backward<F: Scalar>(
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

/// Add ½ Σᵢ log cᵢ² to every row of `out` `[B]`: minus half the log-determinant of the correlation matrix. By so much
/// the KL to a prior of independent latents exceeds that of the marginals.
pub(crate) fn total_correlation<F: Scalar>(out: &mut [F], u: ArrayView2<'_, F>, n: usize) {
    for (out, u) in out.iter_mut().zip(u.rows()) {
        let sum = (1..n).fold(F::zero(), |sum, i| sum + square_norm(u, i).ln());
        *out += F::of(0.5) * sum;
    }
}

/// Backward of [`total_correlation`] for the cotangents `d_out` `[B]`. Adds to `d_u`.
pub(crate) fn total_correlation_backward<F: Scalar>(
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

/// log q(z) of independent latents at z = μ + ε σ itself: −½ Σ (ε² + log σ² + log 2π), for the ε of `noise` `[B, n]`.
/// Overwrites `out` `[B]` and `scratch` `[B n]`.
pub(crate) fn log_density<F: Scalar>(
    out: &mut [F],
    theta_q: ArrayView2<'_, F>,
    noise: ArrayView2<'_, F>,
    scratch: &mut [F],
) {
    let width = theta_q.ncols();
    let [theta_q, noise] =
        [theta_q, noise].map(|x| x.to_slice().expect("rows of a workspace are contiguous"));
    // No rows have no second half.
    rows::read_columns(scratch, width / 2, theta_q.get(width / 2..).unwrap_or(&[]), width);
    scratch.iter_mut().zip(noise).for_each(|(term, &noise)| *term = noise * noise + *term + F::TAU().ln());
    out.fill(F::zero());
    rows::add_row_sums(out, F::of(-0.5), scratch, width / 2);
}

/// Backward of [`log_density`] for the cotangents `d_out` `[B]`. Adds to `d_q` `[B, 2n]`: z moves with θ_q, so that
/// log σ² alone matters. Overwrites `scratch` `[B n]`.
pub(crate) fn log_density_backward<F: Scalar>(d_q: ArrayViewMut2<'_, F>, d_out: &[F], scratch: &mut [F]) {
    let width = d_q.ncols();
    let d_q = d_q.into_slice().expect("rows of a workspace are contiguous");
    rows::spread(scratch, width / 2, d_out);
    let log_vars = d_q.get_mut(width / 2..).unwrap_or(&mut []);
    rows::add_columns(log_vars, width, F::of(-0.5), scratch, width / 2);
}

/// Multiply `d_z` `[B, n]` by the standard deviations of `theta_q` `[B, 2n]`; `scratch` is `[B n]`.
pub(crate) fn times_std<F: Scalar>(
    mut d_z: ArrayViewMut2<'_, F>,
    theta_q: ArrayView2<'_, F>,
    scratch: &mut [F],
) {
    let n = d_z.ncols();
    let halves = theta_q.rows().into_iter().flat_map(|row| (n..2 * n).map(move |c| F::of(0.5) * row[c]));
    scratch.iter_mut().zip(halves).for_each(|(s, half)| *s = half);
    <F as VecMath>::exp(scratch);
    d_z.iter_mut().zip(&*scratch).for_each(|(d, &std)| *d *= std);
}

#[cfg(test)]
mod tests {
    use ivae_num::linalg;
    use ndarray::{Array2, arr2};

    use super::*;

    /// N(1, 4) · N(−2, 0.5), against precisions added by hand.
    #[test]
    fn precisions_add() {
        let theta_e = arr2(&[[1.0, 4.0f64.ln()]]);
        let theta_p = arr2(&[[-2.0, 0.5f64.ln()]]);
        let (mut theta_q, mut weight, mut scratch) = (Array2::zeros((1, 2)), [0.0], [0.0]);
        let mut of = |form, theta_p: ArrayView2<'_, f64>| {
            product(theta_q.view_mut(), &mut weight, theta_e.view(), form, theta_p, &mut scratch);
            (theta_q[[0, 0]], theta_q[[0, 1]].exp())
        };
        let cases = [
            (of(GaussianForm::MeanVar, theta_p.view()), (-2.0, 0.5)),
            (of(GaussianForm::Var, theta_p.view().split_at(ndarray::Axis(1), 1).1), (0.0, 0.5)),
            (of(GaussianForm::Mean, theta_p.view().split_at(ndarray::Axis(1), 1).0), (-2.0, 1.0)),
        ];
        for ((mean, variance), (prior_mean, prior_variance)) in cases {
            let precision = 0.25 + 1.0 / prior_variance;
            assert!((variance - 1.0 / precision).abs() < 1e-14);
            assert!((mean - (0.25 + prior_mean / prior_variance) / precision).abs() < 1e-14);
        }
    }

    /// Against N(z; μ, σ²) itself, and its derivative in log σ² by hand; of no rows, too.
    #[test]
    fn the_density_at_a_sample_is_that_of_its_noise() {
        let theta_q = arr2(&[[1.0, -2.0, 4.0f64.ln(), 0.25f64.ln()], [0.5, 0.0, 0.3, -0.7]]);
        let noise = arr2(&[[0.3, -1.2], [2.0, 0.1]]);
        let (mut out, mut d_q, mut scratch) = ([f64::NAN; 2], Array2::zeros((2, 4)), [f64::NAN; 4]);
        log_density(&mut out, theta_q.view(), noise.view(), &mut scratch);
        log_density_backward(d_q.view_mut(), &[2.0, -1.0], &mut scratch);
        for (row, out) in out.into_iter().enumerate() {
            let of = |i: usize| {
                let sd = (0.5 * theta_q[[row, 2 + i]]).exp();
                let z = theta_q[[row, i]] + sd * noise[[row, i]];
                let e = (z - theta_q[[row, i]]) / sd;
                -0.5 * e * e - (sd * std::f64::consts::TAU.sqrt()).ln()
            };
            assert!((out - of(0) - of(1)).abs() < 1e-14);
        }
        assert_eq!(d_q, arr2(&[[0.0, 0.0, -1.0, -1.0], [0.0, 0.0, 0.5, 0.5]]));
        log_density(&mut [], Array2::<f64>::zeros((0, 4)).view(), Array2::zeros((0, 2)).view(), &mut []);
        log_density_backward(Array2::<f64>::zeros((0, 4)).view_mut(), &[], &mut []);
    }

    /// The noise is A ε with A Aᵀ of unit diagonal, and the total correlation is −½ log |A Aᵀ|.
    #[test]
    fn correlated_noise_has_unit_variances_and_the_total_correlation_of_its_matrix() {
        let u = arr2(&[[0.7, -1.3, 0.4, 2.0, 0.1, -0.6]]);
        let mut a = Array2::<f64>::zeros((4, 4)); // row k is the image of the k-th unit vector
        correlate(a.view_mut(), Array2::eye(4).view(), u.broadcast((4, 6)).unwrap());
        let correlation = a.t().dot(&a);
        let mut told = Array2::zeros((4, 4));
        super::correlation(told.view_mut(), u.row(0));
        assert!((&told - &correlation).iter().all(|d| d.abs() < 1e-14));
        for i in 0..4 {
            assert!((correlation[[i, i]] - 1.0).abs() < 1e-14);
        }
        let (_, log_det) = linalg::slogdet(correlation.view()).unwrap();
        let mut total = [0.0];
        total_correlation(&mut total, u.view(), 4);
        assert!((total[0] + 0.5 * log_det).abs() < 1e-14, "{} for {}", total[0], -0.5 * log_det);
    }
}
