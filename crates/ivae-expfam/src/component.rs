//! From one component in double precision to rows of any scalar: [`by_component`] completes a family of which only
//! `ExpFam<f64>` is written.
//!
//! Special functions lose digits in single precision, and cost more than the conversion.

use ivae_num::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::shape::{assert_gradients, assert_rows};
use crate::{ExpFam, Support};

/// Implement `Density<f32>`, `Density<f64>` and `ExpFam<f32>` for a family that has `ExpFam<f64>`. Its θ are the η of
/// [`ExpFam::natural`](crate::ExpFam::natural).
macro_rules! by_component {
    ([$($generics:tt)*] $family:ty) => {
        $crate::component::density!([$($generics)*] $family, component);
        $crate::component::narrowed!([$($generics)*] $family);
    };
}
pub(crate) use by_component;

/// Implement `Density` by the functions `log_prob` and `log_prob_backward` of a module of this crate.
macro_rules! density {
    ([$($generics:tt)*] $family:ty, $rows:ident) => {
        impl<F: ivae_num::Scalar, $($generics)*> $crate::Density<F> for $family {
            fn width(&self, n: usize) -> usize {
                $crate::ExpFam::<f64>::k(self) * n
            }
            fn log_prob(
                &self,
                out: &mut [F],
                theta: ndarray::ArrayView2<'_, F>,
                v: ndarray::ArrayView2<'_, F>,
            ) {
                $crate::$rows::log_prob(self, out, theta, v);
            }
            fn log_prob_backward(
                &self,
                d_theta: Option<ndarray::ArrayViewMut2<'_, F>>,
                d_v: Option<ndarray::ArrayViewMut2<'_, F>>,
                theta: ndarray::ArrayView2<'_, F>,
                v: ndarray::ArrayView2<'_, F>,
                d_out: &[F],
            ) {
                $crate::$rows::log_prob_backward(self, d_theta, d_v, theta, v, d_out);
            }
        }
    };
}
pub(crate) use density;

/// Implement `ExpFam<f32>` by `ExpFam<f64>`.
macro_rules! narrowed {
    ([$($generics:tt)*] $family:ty) => {
        impl<$($generics)*> $crate::ExpFam<f32> for $family {
            fn k(&self) -> usize {
                $crate::ExpFam::<f64>::k(self)
            }
            fn support(&self) -> $crate::Support {
                $crate::ExpFam::<f64>::support(self)
            }
            fn stats(&self, t: &mut [f32], z: f32) {
                $crate::component::narrow(t, |t| $crate::ExpFam::<f64>::stats(self, t, f64::from(z)));
            }
            fn dstats(&self, dt: &mut [f32], z: f32) {
                $crate::component::narrow(dt, |dt| $crate::ExpFam::<f64>::dstats(self, dt, f64::from(z)));
            }
            fn log_base(&self, z: f32) -> f32 {
                $crate::ExpFam::<f64>::log_base(self, f64::from(z)) as f32
            }
            fn dlog_base(&self, z: f32) -> f32 {
                $crate::ExpFam::<f64>::dlog_base(self, f64::from(z)) as f32
            }
            fn in_domain(&self, lambda: &[f32]) -> bool {
                self.in_domain($crate::component::wide(lambda).as_slice())
            }
            fn log_partition(&self, lambda: &[f32]) -> f32 {
                self.log_partition($crate::component::wide(lambda).as_slice()) as f32
            }
            fn mean_stats(&self, mean: &mut [f32], lambda: &[f32]) {
                let lambda = $crate::component::wide(lambda);
                $crate::component::narrow(mean, |mean| self.mean_stats(mean, &lambda));
            }
            fn fisher(&self, cov: &mut [f32], lambda: &[f32]) {
                let lambda = $crate::component::wide(lambda);
                $crate::component::narrow(cov, |cov| self.fisher(cov, &lambda));
            }
            fn entropy(&self, lambda: &[f32]) -> f32 {
                self.entropy($crate::component::wide(lambda).as_slice()) as f32
            }
            fn kl(&self, lambda: &[f32], to: &[f32]) -> f32 {
                let (lambda, to) = ($crate::component::wide(lambda), $crate::component::wide(to));
                self.kl(lambda.as_slice(), to.as_slice()) as f32
            }
            fn natural(&self, lambda: &mut [f32], eta: &[f32]) {
                let eta = $crate::component::wide(eta);
                $crate::component::narrow(lambda, |lambda| self.natural(lambda, &eta));
            }
            fn natural_backward(&self, d_eta: &mut [f32], eta: &[f32], d_lambda: &[f32]) {
                let (eta, d_lambda) = ($crate::component::wide(eta), $crate::component::wide(d_lambda));
                $crate::component::narrow(d_eta, |d_eta| self.natural_backward(d_eta, &eta, &d_lambda));
            }
            fn draw(&self, lambda: &[f32], rng: &mut dyn rand::RngCore) -> f32 {
                let z = self.draw($crate::component::wide(lambda).as_slice(), rng);
                $crate::component::inside($crate::ExpFam::<f64>::support(self), z)
            }
        }
    };
}
pub(crate) use narrowed;

/// In double precision.
pub(crate) fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().copied().map(f64::from).collect()
}

/// Let `f` write to, or add to, a double-precision copy of `out`, and round it back.
pub(crate) fn narrow(out: &mut [f32], f: impl FnOnce(&mut [f64])) {
    let mut copy = wide(out);
    f(&mut copy);
    out.iter_mut().zip(copy).for_each(|(out, x)| *out = x as f32);
}

/// The nearest single-precision value inside the support.
pub(crate) fn inside(support: Support, z: f64) -> f32 {
    let near = z as f32;
    match support {
        Support::Positive => near.clamp(f32::MIN_POSITIVE, f32::MAX),
        Support::Interval { low, .. } if f64::from(near) <= low => near.next_up(),
        Support::Interval { high, .. } if f64::from(near) >= high => near.next_down(),
        _ => near,
    }
}

/// The parameters of one component, kept from row to row while they stay the same.
struct Parameters<'a, E> {
    family: &'a E,
    eta: Vec<f64>,
    lambda: Vec<f64>,
    /// A, if asked for.
    log_partition: Option<f64>,
    /// ∇A, if asked for.
    mean: Option<Vec<f64>>,
    /// Scratch for T or T′.
    t: Vec<f64>,
}

impl<'a, E: ExpFam<f64>> Parameters<'a, E> {
    fn new(family: &'a E, with_log_partition: bool, with_mean: bool) -> Self {
        let nan = vec![f64::NAN; family.k()];
        Self {
            family,
            // NaN equals nothing: computed before use.
            eta: nan.clone(),
            lambda: nan.clone(),
            log_partition: with_log_partition.then_some(f64::NAN),
            mean: with_mean.then(|| nan.clone()),
            t: nan,
        }
    }

    /// Make all hold for component `i` of `n` in row `b` of `theta`.
    fn fill<F: Scalar>(&mut self, theta: &ArrayView2<'_, F>, b: usize, i: usize, n: usize) {
        let mut same = !self.eta.is_empty();
        for (j, eta) in self.eta.iter_mut().enumerate() {
            let found = theta[[b, j * n + i]].f64();
            same &= *eta == found;
            *eta = found;
        }
        if !same {
            self.family.natural(&mut self.lambda, &self.eta);
            if let Some(log_partition) = &mut self.log_partition {
                *log_partition = self.family.log_partition(&self.lambda);
            }
            if let Some(mean) = &mut self.mean {
                self.family.mean_stats(mean, &self.lambda);
            }
        }
    }

    /// log h(z) + λ · T(z).
    fn log_density(&mut self, z: f64) -> f64 {
        if z.is_nan() {
            return z;
        }
        if !self.family.support().contains(z) {
            return f64::NEG_INFINITY;
        }
        self.family.stats(&mut self.t, z);
        self.family.log_base(z) + dot(&self.lambda, &self.t)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// See [`Density::log_prob`](crate::Density::log_prob).
pub(crate) fn log_prob<F: Scalar>(
    family: &impl ExpFam<f64>,
    out: &mut [F],
    theta: ArrayView2<'_, F>,
    v: ArrayView2<'_, F>,
) {
    let (rows, n) = v.dim();
    assert_rows(&theta, rows, family.k() * n, "out", out);
    out.fill(F::zero());
    let mut at = Parameters::new(family, true, false);
    for i in 0..n {
        for b in 0..rows {
            at.fill(&theta, b, i, n);
            let log_density = at.log_density(v[[b, i]].f64());
            out[b] += F::of(log_density - at.log_partition.unwrap_or(0.0));
        }
    }
}

/// See [`Density::log_prob_backward`](crate::Density::log_prob_backward): ∂λ = T(z) − ∇A(λ), then back to η;
/// ∂z = λ · T′(z) + d log h / dz. Nothing where z is outside the support.
pub(crate) fn log_prob_backward<F: Scalar>(
    family: &impl ExpFam<f64>,
    mut d_theta: Option<ArrayViewMut2<'_, F>>,
    mut d_v: Option<ArrayViewMut2<'_, F>>,
    theta: ArrayView2<'_, F>,
    v: ArrayView2<'_, F>,
    d_out: &[F],
) {
    let ((rows, n), k) = (v.dim(), family.k());
    assert_rows(&theta, rows, k * n, "d_out", d_out);
    assert_gradients(&d_theta, &d_v, (rows, n), k * n);
    let mut at = Parameters::new(family, false, d_theta.is_some());
    let mut d_eta = vec![0.0; k];
    for i in 0..n {
        for b in 0..rows {
            let (z, d) = (v[[b, i]].f64(), d_out[b].f64());
            if !z.is_nan() && !family.support().contains(z) {
                continue;
            }
            at.fill(&theta, b, i, n);
            if let Some(d_v) = &mut d_v {
                family.dstats(&mut at.t, z);
                d_v[[b, i]] += F::of(d * (dot(&at.lambda, &at.t) + family.dlog_base(z)));
            }
            if let (Some(d_theta), Some(mean)) = (&mut d_theta, &at.mean) {
                family.stats(&mut at.t, z);
                at.t.iter_mut().zip(mean).for_each(|(t, mean)| *t = d * (*t - mean));
                d_eta.fill(0.0);
                family.natural_backward(&mut d_eta, &at.eta, &at.t);
                for (j, &d_eta) in d_eta.iter().enumerate() {
                    d_theta[[b, j * n + i]] += F::of(d_eta);
                }
            }
        }
    }
}
