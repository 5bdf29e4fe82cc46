//! The relaxed categorical variable, by the logarithms of its probabilities.

use ivae_num::Scalar;
use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, Axis};

use crate::density::Density;
use crate::density::shape::{assert_gradients, assert_rows, assert_shape};
use crate::special::{gumbel, ln_gamma, log_sum_exp};

/// One variable of n classes per row, θ = logits l `[B, n]`, values y = log z `[B, n]` with z in the simplex
/// (the ExpConcrete law of Maddison et al. 2016, appendix C): with x = l − T y,
///
/// ```text
/// log p(y) = log (n − 1)! + (n − 1) log T + Σ xₖ − n log Σ exp xₖ.
/// ```
///
/// That is the density of the n − 1 log-ratios yₖ − yₙ, and does not change if a constant is added to y or to l.
/// For T → 0, z becomes one-hot with the probabilities softmax(l); at any T its largest entry has them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Concrete {
    /// T > 0.
    pub temperature: f64,
}

impl Concrete {
    /// x = l − T y of a row. Overwrites `x` `[n]`.
    fn fill<F: Scalar>(self, x: &mut [f64], l: ArrayView1<'_, F>, y: ArrayView1<'_, F>) {
        for ((x, l), y) in x.iter_mut().zip(l).zip(y) {
            *x = l.f64() - self.temperature * y.f64();
        }
    }

    /// A sample per row, y = a − log Σ exp aₖ with a = (l + Gumbel noise) / T, from `theta` `[B, n]` and standard normal
    /// `noise` `[B, n]`. Overwrites `y` `[B, n]`.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn sample<F: Scalar>(
        &self,
        mut y: ArrayViewMut2<'_, F>,
        theta: ArrayView2<'_, F>,
        noise: ArrayView2<'_, F>,
    ) {
        let (rows, n) = y.dim();
        assert_shape("theta", &theta, rows, n);
        assert_shape("noise", &noise, rows, n);
        let mut a = vec![0.0; n];
        for ((mut y, l), noise) in y.outer_iter_mut().zip(theta.outer_iter()).zip(noise.outer_iter()) {
            let norm = self.perturbed(&mut a, l, noise);
            y.iter_mut().zip(&a).for_each(|(y, a)| *y = F::of(a - norm));
        }
    }

    /// Backward of [`sample`](Concrete::sample) for the cotangents `dy` `[B, n]`. Adds to `d_theta` `[B, n]`:
    /// ∂lₖ = (dyₖ − zₖ Σ dy) / T.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub fn sample_backward<F: Scalar>(
        &self,
        mut d_theta: ArrayViewMut2<'_, F>,
        theta: ArrayView2<'_, F>,
        noise: ArrayView2<'_, F>,
        dy: ArrayView2<'_, F>,
    ) {
        let (rows, n) = dy.dim();
        assert_shape("theta", &theta, rows, n);
        assert_shape("d_theta", &d_theta.view(), rows, n);
        assert_shape("noise", &noise, rows, n);
        let mut a = vec![0.0; n];
        let inputs = theta.outer_iter().zip(noise.outer_iter()).zip(dy.outer_iter());
        for (mut d, ((l, noise), dy)) in d_theta.outer_iter_mut().zip(inputs) {
            let norm = self.perturbed(&mut a, l, noise);
            let total: f64 = dy.iter().map(|dy| dy.f64()).sum();
            for ((d, dy), a) in d.iter_mut().zip(dy).zip(&a) {
                *d += F::of((dy.f64() - (a - norm).exp() * total) / self.temperature);
            }
        }
    }

    /// a of a row, and log Σ exp aₖ. Overwrites `a` `[n]`.
    fn perturbed<F: Scalar>(self, a: &mut [f64], l: ArrayView1<'_, F>, noise: ArrayView1<'_, F>) -> f64 {
        for ((a, l), noise) in a.iter_mut().zip(l).zip(noise) {
            *a = (l.f64() + gumbel(noise.f64())) / self.temperature;
        }
        log_sum_exp(a.iter().copied())
    }
}

impl<F: Scalar> Density<F> for Concrete {
    fn width(&self, n: usize) -> usize {
        n
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, n, "out", out);
        let (n, mut x) = (n as f64, vec![0.0; n]);
        let norm = ln_gamma(n.max(1.0)) + (n - 1.0) * self.temperature.ln();
        for ((out, l), y) in out.iter_mut().zip(theta.outer_iter()).zip(v.outer_iter()) {
            self.fill(&mut x, l, y);
            // Σ (xₖ − log Σ exp x): neither sum is large where their difference is not.
            let log_sum = log_sum_exp(x.iter().copied());
            *out = F::of(norm + x.iter().map(|x| x - log_sum).sum::<f64>());
        }
    }

    /// Adds to both gradients. With s = softmax(x): ∂lₖ = 1 − n sₖ, ∂yₖ = −T (1 − n sₖ).
    fn log_prob_backward(
        &self,
        mut d_theta: Option<ArrayViewMut2<'_, F>>,
        mut d_v: Option<ArrayViewMut2<'_, F>>,
        theta: ArrayView2<'_, F>,
        v: ArrayView2<'_, F>,
        d_out: &[F],
    ) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, n, "d_out", d_out);
        assert_gradients(&d_theta, &d_v, (rows, n), n);
        let mut x = vec![0.0; n];
        for (b, d) in d_out.iter().enumerate() {
            self.fill(&mut x, theta.index_axis(Axis(0), b), v.index_axis(Axis(0), b));
            let log_sum = log_sum_exp(x.iter().copied());
            for (k, x) in x.iter().enumerate() {
                let slope = d.f64() * (1.0 - n as f64 * (x - log_sum).exp());
                if let Some(d_theta) = &mut d_theta {
                    d_theta[[b, k]] += F::of(slope);
                }
                if let Some(d_v) = &mut d_v {
                    d_v[[b, k]] -= F::of(self.temperature * slope);
                }
            }
        }
    }
}
