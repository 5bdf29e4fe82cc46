//! Macros that implement [`Density`](super::Density) from two row functions, and `ExpFam<f32>` from `ExpFam<f64>`.

use super::support::Support;

/// Implement `Density` with the functions `log_prob` and `log_prob_backward` of a module of [`density`](crate::density).
macro_rules! density {
    ([$($generics:tt)*] $family:ty, $rows:ident) => {
        impl<F: ivae_num::Scalar, $($generics)*> $crate::density::Density<F> for $family {
            fn width(&self, n: usize) -> usize {
                $crate::density::ExpFam::<f64>::k(self) * n
            }
            fn log_prob(
                &self,
                out: &mut [F],
                theta: ndarray::ArrayView2<'_, F>,
                v: ndarray::ArrayView2<'_, F>,
            ) {
                $crate::density::$rows::log_prob(self, out, theta, v);
            }
            fn log_prob_backward(
                &self,
                d_theta: Option<ndarray::ArrayViewMut2<'_, F>>,
                d_v: Option<ndarray::ArrayViewMut2<'_, F>>,
                theta: ndarray::ArrayView2<'_, F>,
                v: ndarray::ArrayView2<'_, F>,
                d_out: &[F],
            ) {
                $crate::density::$rows::log_prob_backward(self, d_theta, d_v, theta, v, d_out);
            }
        }
    };
}
pub(crate) use density;

/// Implement `ExpFam<f32>` by `ExpFam<f64>`.
macro_rules! narrowed {
    ([$($generics:tt)*] $family:ty) => {
        impl<$($generics)*> $crate::density::ExpFam<f32> for $family {
            fn k(&self) -> usize {
                $crate::density::ExpFam::<f64>::k(self)
            }
            fn support(&self) -> $crate::density::Support {
                $crate::density::ExpFam::<f64>::support(self)
            }
            fn stats(&self, t: &mut [f32], z: f32) {
                $crate::density::implement::narrow(t, |t| $crate::density::ExpFam::<f64>::stats(self, t, f64::from(z)));
            }
            fn dstats(&self, dt: &mut [f32], z: f32) {
                $crate::density::implement::narrow(dt, |dt| $crate::density::ExpFam::<f64>::dstats(self, dt, f64::from(z)));
            }
            fn log_base(&self, z: f32) -> f32 {
                $crate::density::ExpFam::<f64>::log_base(self, f64::from(z)) as f32
            }
            fn dlog_base(&self, z: f32) -> f32 {
                $crate::density::ExpFam::<f64>::dlog_base(self, f64::from(z)) as f32
            }
            fn in_domain(&self, lambda: &[f32]) -> bool {
                self.in_domain($crate::density::implement::wide(lambda).as_slice())
            }
            fn log_partition(&self, lambda: &[f32]) -> f32 {
                self.log_partition($crate::density::implement::wide(lambda).as_slice()) as f32
            }
            fn mean_stats(&self, mean: &mut [f32], lambda: &[f32]) {
                let lambda = $crate::density::implement::wide(lambda);
                $crate::density::implement::narrow(mean, |mean| self.mean_stats(mean, &lambda));
            }
            fn fisher(&self, cov: &mut [f32], lambda: &[f32]) {
                let lambda = $crate::density::implement::wide(lambda);
                $crate::density::implement::narrow(cov, |cov| self.fisher(cov, &lambda));
            }
            fn entropy(&self, lambda: &[f32]) -> f32 {
                self.entropy($crate::density::implement::wide(lambda).as_slice()) as f32
            }
            fn kl(&self, lambda: &[f32], to: &[f32]) -> f32 {
                let (lambda, to) = ($crate::density::implement::wide(lambda), $crate::density::implement::wide(to));
                self.kl(lambda.as_slice(), to.as_slice()) as f32
            }
            fn natural(&self, lambda: &mut [f32], eta: &[f32]) {
                let eta = $crate::density::implement::wide(eta);
                $crate::density::implement::narrow(lambda, |lambda| self.natural(lambda, &eta));
            }
            fn natural_backward(&self, d_eta: &mut [f32], eta: &[f32], d_lambda: &[f32]) {
                let (eta, d_lambda) = ($crate::density::implement::wide(eta), $crate::density::implement::wide(d_lambda));
                $crate::density::implement::narrow(d_eta, |d_eta| self.natural_backward(d_eta, &eta, &d_lambda));
            }
            fn draw(&self, lambda: &[f32], rng: &mut dyn rand::RngCore) -> f32 {
                let z = self.draw($crate::density::implement::wide(lambda).as_slice(), rng);
                $crate::density::implement::inside($crate::density::ExpFam::<f64>::support(self), z)
            }
        }
    };
}
pub(crate) use narrowed;

/// A copy in double precision.
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
