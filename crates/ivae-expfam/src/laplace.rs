//! [`Laplace`]: heavy tails, a kink at the location.

use ivae_num::{Formula, Functions, Scalar, each};
use ndarray::{ArrayView2, ArrayViewMut2, Axis, Zip};

use crate::block::{Scale, blocks};
use crate::shape::{assert_gradients, assert_rows, assert_shape};
use crate::special::ln_tail;
use crate::terms::{Filled, Places, Terms};
use crate::{Density, Reparam};

/// Independent Laplace components, θ = \[location | log_scale\] `[B, 2n]`:
/// `log p(v) = −log 2b − |v − μ| / b`, b = exp(log_scale), a standard deviation of √2 b.
///
/// No exponential family, because of the location; at a fixed one it is
/// [`ExponentialPower`](crate::ExponentialPower) of shape 1. At the kink, v = μ, the derivative in v and μ is taken as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Laplace;

/// First columns of the location and of the log scale.
fn places(n: usize) -> Places {
    (Some(0), Some(n))
}

/// μ → |e| + log b, e = (v − μ) / b: −log p(v) but for log 2.
#[derive(Clone, Copy)]
struct Minus<F>(Scale<F>);

impl<F: Scalar> Formula<F, 1, 2> for Minus<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [location]: [F; 1], [v, log_scale]: [F; 2]) -> [F; 1] {
        let e = (v - location) * self.0.at::<M>(log_scale);
        [e.abs() + log_scale]
    }
}

/// (μ, log b) → d times the derivatives of log p(v) in each, (sign e / b, |e| − 1); that in v is −sign e / b.
#[derive(Clone, Copy)]
struct Derivatives<F>(Scale<F>);

impl<F: Scalar> Formula<F, 2, 2> for Derivatives<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [location, log_scale]: [F; 2], [v, d]: [F; 2]) -> [F; 2] {
        let (r, inverse) = (v - location, self.0.at::<M>(log_scale));
        [d * inverse * sign(r), d * ((r * inverse).abs() - F::one())]
    }
}

impl<F: Scalar> Density<F> for Laplace {
    fn width(&self, n: usize) -> usize {
        2 * n
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, 2 * n, "out", out);
        let (mut terms, minus) = (Terms::new(), Minus(Scale::new(-1.0)));
        out.fill(-F::of(n as f64) * F::LN_2());
        for block in blocks(rows, n) {
            let Filled { v, location, log_scale, .. } = terms.fill(&block, places(n), &theta, &v);
            each([&mut *location], [v, log_scale], minus);
            block.add_row_sums(out, -1.0, location);
        }
    }

    fn log_prob_backward(
        &self,
        mut d_theta: Option<ArrayViewMut2<'_, F>>,
        mut d_v: Option<ArrayViewMut2<'_, F>>,
        theta: ArrayView2<'_, F>,
        v: ArrayView2<'_, F>,
        d_out: &[F],
    ) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, 2 * n, "d_out", d_out);
        assert_gradients(&d_theta, &d_v, (rows, n), 2 * n);
        let (mut terms, derivatives) = (Terms::new(), Derivatives(Scale::new(-1.0)));
        for block in blocks(rows, n) {
            let Filled { v, location, log_scale, d } = terms.fill(&block, places(n), &theta, &v);
            block.spread(d, d_out);
            each([&mut *location, &mut *log_scale], [v, d], derivatives);
            if let Some(d_v) = &mut d_v {
                block.scatter_add(d_v, 0, -1.0, location);
            }
            if let Some(d_theta) = &mut d_theta {
                block.scatter_add(d_theta, 0, 1.0, location);
                block.scatter_add(d_theta, n, 1.0, log_scale);
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
#[inline(always)]
fn sign<F: Scalar>(x: F) -> F {
    let positive = if x > F::zero() { F::one() } else { x };
    if x < F::zero() { -F::one() } else { positive }
}
