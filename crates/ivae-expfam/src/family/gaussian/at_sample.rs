//! The marginal densities of a Gaussian posterior at its own sample.

use ivae_num::{Scalar, rows, vecmath::VecMath};
use ndarray::{ArrayView2, ArrayViewMut2};

/// log q(z) of independent latents at z = μ + ε σ itself: −½ Σ (ε² + log σ² + log 2π), for the ε of `noise` `[B, n]`.
/// Overwrites `out` `[B]` and `scratch` `[B n]`.
pub fn log_density<F: Scalar>(
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
pub fn log_density_backward<F: Scalar>(d_q: ArrayViewMut2<'_, F>, d_out: &[F], scratch: &mut [F]) {
    let width = d_q.ncols();
    let d_q = d_q.into_slice().expect("rows of a workspace are contiguous");
    rows::spread(scratch, width / 2, d_out);
    let log_vars = d_q.get_mut(width / 2..).unwrap_or(&mut []);
    rows::add_columns(log_vars, width, F::of(-0.5), scratch, width / 2);
}

/// Multiply `d_z` `[B, n]` by the standard deviations of `theta_q` `[B, 2n]`; `scratch` is `[B n]`.
pub fn multiply_by_std<F: Scalar>(
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
    use ndarray::{Array2, arr2};

    use super::*;

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
}
