//! [`Laplace`]: heavy tails, a kink at the location.

use ivae_num::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Zip};

use crate::block::blocks;
use crate::shape::{assert_gradients, assert_rows, assert_shape};
use crate::special::ln_tail;
use crate::terms::Terms;
use crate::{Density, Reparam};

/// Independent Laplace components, θ = \[location | log_scale\] `[B, 2n]`:
/// `log p(v) = −log 2b − |v − μ| / b`, b = exp(log_scale), a standard deviation of √2 b.
///
/// No exponential family, because of the location; at a fixed one it is
/// [`ExponentialPower`](crate::ExponentialPower) of shape 1. At the kink, v = μ, the derivative in v and μ is taken as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Laplace;

impl<F: Scalar> Density<F> for Laplace {
    fn width(&self, n: usize) -> usize {
        2 * n
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, 2 * n, "out", out);
        let (location, log_scale) = theta.split_at(Axis(1), n);
        let (location, log_scale, mut terms) = (Some(location), Some(log_scale), Terms::new(-1.0));

        out.fill(-F::of(n as f64) * F::LN_2());
        for block in blocks(rows, n) {
            let (residual, log_scale, inverse) = terms.fill(&block, &location, &log_scale, &v);
            for ((r, &log_scale), &s) in residual.iter_mut().zip(&*log_scale).zip(&*inverse) {
                *r = (*r * s).abs() + log_scale;
            }
            block.add_row_sums(out, -F::one(), residual);
        }
    }

    fn log_prob_backward(
        &self,
        d_theta: Option<ArrayViewMut2<'_, F>>,
        mut d_v: Option<ArrayViewMut2<'_, F>>,
        theta: ArrayView2<'_, F>,
        v: ArrayView2<'_, F>,
        d_out: &[F],
    ) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, 2 * n, "d_out", d_out);
        assert_gradients(&d_theta, &d_v, (rows, n), 2 * n);
        let (location, log_scale) = theta.split_at(Axis(1), n);
        let (location, log_scale, mut terms) = (Some(location), Some(log_scale), Terms::new(-1.0));
        let mut d_theta = d_theta.map(|d| d.split_at(Axis(1), n));

        // With e = (v − μ) / b: ∂μ = sign e / b, ∂v = −sign e / b, ∂log b = |e| − 1.
        for block in blocks(rows, n) {
            let cols = block.cols.len();
            let (g, h, inverse) = terms.fill(&block, &location, &log_scale, &v);
            let rows = g.chunks_exact_mut(cols).zip(h.chunks_exact_mut(cols)).zip(inverse.chunks_exact(cols));
            for (((g, h), inverse), &d) in rows.zip(&d_out[block.rows.clone()]) {
                for ((g, h), &s) in g.iter_mut().zip(h).zip(inverse) {
                    *h = d * ((*g * s).abs() - F::one());
                    *g = d * s * sign(*g);
                }
            }
            if let Some((d_location, d_log_scale)) = &mut d_theta {
                block.scatter_add(d_location, F::one(), g);
                block.scatter_add(d_log_scale, F::one(), h);
            }
            if let Some(d_v) = &mut d_v {
                block.scatter_add(d_v, -F::one(), g);
            }
        }
    }
}

impl<F: Scalar> Reparam<F> for Laplace {
    /// z = μ + b Q(noise), Q the quantile of Φ(noise) at μ = 0, b = 1.
    fn sample(&self, z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, noise: ArrayView2<'_, F>) {
        let (rows, n) = z.dim();
        assert_shape("theta", &theta, rows, 2 * n);
        assert_shape("noise", &noise, rows, n);
        let (location, log_scale) = theta.split_at(Axis(1), n);
        Zip::from(z).and(location).and(log_scale).and(noise).for_each(|z, &location, &log_scale, &noise| {
            *z = location + log_scale.exp() * quantile(noise);
        });
    }

    /// ∂μ = dz, ∂log b = b Q(noise) · dz.
    fn sample_backward(
        &self,
        d_theta: ArrayViewMut2<'_, F>,
        theta: ArrayView2<'_, F>,
        noise: ArrayView2<'_, F>,
        dz: ArrayView2<'_, F>,
    ) {
        let (rows, n) = dz.dim();
        assert_shape("theta", &theta, rows, 2 * n);
        assert_shape("d_theta", &d_theta.view(), rows, 2 * n);
        assert_shape("noise", &noise, rows, n);
        let (_, log_scale) = theta.split_at(Axis(1), n);
        let (mut d_location, d_log_scale) = d_theta.split_at(Axis(1), n);
        d_location += &dz;
        Zip::from(d_log_scale).and(log_scale).and(noise).and(dz).for_each(|d, &log_scale, &noise, &dz| {
            *d += dz * log_scale.exp() * quantile(noise);
        });
    }

    fn mean(&self, mut z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
        let (rows, n) = z.dim();
        assert_shape("theta", &theta, rows, 2 * n);
        z.assign(&theta.split_at(Axis(1), n).0);
    }
}

/// Standard Laplace noise of standard normal noise: ∓log 2Φ(−|noise|).
fn quantile<F: Scalar>(noise: F) -> F {
    let size = -(ln_tail(noise.f64().abs()) + std::f64::consts::LN_2);
    F::of(size) * sign(noise)
}

/// −1, 0 or 1; NaN for NaN.
fn sign<F: Scalar>(x: F) -> F {
    let positive = if x > F::zero() { F::one() } else { x };
    if x < F::zero() { -F::one() } else { positive }
}
