//! [`Laplace`]: heavy tails, a kink at the location.

use ivae_num::{Formula, Functions, Scalar};
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Zip};

use crate::density::elementwise::{add_slopes, add_sums};
use crate::density::scale::Scale;
use crate::density::shape::{assert_gradients, assert_rows, assert_shape};
use crate::density::{Density, Reparam};
use crate::special::ln_tail;

/// Independent Laplace components, θ = \[location | log_scale\] `[B, 2n]`:
/// `log p(v) = −log 2b − |v − μ| / b`, b = exp(log_scale), a standard deviation of √2 b.
///
/// Not an exponential family, because of the location; with a fixed location it is
/// [`ExponentialPower`](crate::ExponentialPower) of shape 1. At the kink, v = μ, the derivative in v and μ is taken as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Laplace;

/// (v; μ, log b) → |e| + log b, e = (v − μ) / b: −log p(v) without log 2.
#[derive(Clone, Copy)]
struct Minus<F>(Scale<F>);

impl<F: Scalar> Formula<F, 1, 2> for Minus<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [v]: [F; 1], [location, log_scale]: [F; 2]) -> [F; 1] {
        let e = (v - location) * self.0.at::<M>(log_scale);
        [e.abs() + log_scale]
    }
}

/// (v, μ, log b) → d times the derivatives of log p(v) in each: (−sign e / b, sign e / b, |e| − 1).
#[derive(Clone, Copy)]
struct Derivatives<F>(Scale<F>);

impl<F: Scalar> Formula<F, 3, 1> for Derivatives<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [v, location, log_scale]: [F; 3], [d]: [F; 1]) -> [F; 3] {
        let (r, inverse) = (v - location, self.0.at::<M>(log_scale));
        let slope = d * inverse * sign(r);
        [-slope, slope, d * ((r * inverse).abs() - F::one())]
    }
}

impl<F: Scalar> Density<F> for Laplace {
    fn width(&self, n: usize) -> usize {
        2 * n
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, 2 * n, "out", out);
        out.fill(-F::of(n as f64) * F::LN_2());
        add_sums(out, -1.0, (theta, [0, n]), v, Minus(Scale::new(-1.0)));
    }

    fn log_prob_backward(
        &self,
        d_theta: Option<ArrayViewMut2<'_, F>>,
        d_v: Option<ArrayViewMut2<'_, F>>,
        theta: ArrayView2<'_, F>,
        v: ArrayView2<'_, F>,
        d_out: &[F],
    ) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, 2 * n, "d_out", d_out);
        assert_gradients(&d_theta, &d_v, (rows, n), 2 * n);
        add_slopes(d_theta, d_v, (theta, [0, 0, n]), v, d_out, Derivatives(Scale::new(-1.0)));
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

    /// Adds to `d_theta`: ∂μ = dz, ∂log b = b Q(noise) · dz.
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
#[inline(always)]
fn sign<F: Scalar>(x: F) -> F {
    let positive = if x > F::zero() { F::one() } else { x };
    if x < F::zero() { -F::one() } else { positive }
}
