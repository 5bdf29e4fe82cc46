//! The relaxed binary variable, by its logit.

use ivae_num::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2, Zip};
use serde::{Deserialize, Serialize};

use crate::density::shape::{assert_gradients, assert_rows, assert_shape};
use crate::density::{Density, Reparam};
use crate::special::{logistic, softplus};

/// Independent relaxed binary components z in (0, 1), θ = logits l `[B, n]`, values y = logit z `[B, n]`
/// (Maddison et al. 2016, appendices B and C): T y − l is logistic, and so with x = l − T y
///
/// ```text
/// log p(y) = log T + x − 2 log(1 + exp x).
/// ```
///
/// The density of z = sigmoid(y) itself is p(y) / (z (1 − z)). For T → 0, z becomes 1 with probability sigmoid(l), else 0;
/// at any T, z > ½ has that probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BinaryConcrete {
    /// T > 0.
    pub temperature: f64,
}

impl<F: Scalar> Density<F> for BinaryConcrete {
    fn width(&self, n: usize) -> usize {
        n
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, n, "out", out);
        let log_temperature = self.temperature.ln();
        for ((out, l), y) in out.iter_mut().zip(theta.outer_iter()).zip(v.outer_iter()) {
            let term = |(l, y): (&F, &F)| {
                // x − 2 log(1 + exp x) is even in x.
                let size = (l.f64() - self.temperature * y.f64()).abs();
                log_temperature + size - 2.0 * softplus(size)
            };
            *out = F::of(l.iter().zip(y).map(term).sum::<f64>());
        }
    }

    /// Adds to both gradients: ∂l = 1 − 2 sigmoid(x) = −tanh(x/2), ∂y = T tanh(x/2).
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
        for ((b, i), &l) in theta.indexed_iter() {
            let slope = d_out[b].f64() * (0.5 * (l.f64() - self.temperature * v[[b, i]].f64())).tanh();
            if let Some(d_theta) = &mut d_theta {
                d_theta[[b, i]] -= F::of(slope);
            }
            if let Some(d_v) = &mut d_v {
                d_v[[b, i]] += F::of(self.temperature * slope);
            }
        }
    }
}

impl<F: Scalar> Reparam<F> for BinaryConcrete {
    /// y = (l + logistic noise) / T.
    fn sample(&self, z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, noise: ArrayView2<'_, F>) {
        let (rows, n) = z.dim();
        assert_shape("theta", &theta, rows, n);
        assert_shape("noise", &noise, rows, n);
        Zip::from(z).and(theta).and(noise).for_each(|z, &l, &noise| {
            *z = F::of((l.f64() + logistic(noise.f64())) / self.temperature);
        });
    }

    /// Adds to `d_theta`: ∂l = dy / T.
    fn sample_backward(
        &self,
        mut d_theta: ArrayViewMut2<'_, F>,
        theta: ArrayView2<'_, F>,
        noise: ArrayView2<'_, F>,
        dz: ArrayView2<'_, F>,
    ) {
        let (rows, n) = dz.dim();
        assert_shape("theta", &theta, rows, n);
        assert_shape("d_theta", &d_theta.view(), rows, n);
        assert_shape("noise", &noise, rows, n);
        d_theta.scaled_add(F::of(1.0 / self.temperature), &dz);
    }

    /// l / T.
    fn mean(&self, z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
        let (rows, n) = z.dim();
        assert_shape("theta", &theta, rows, n);
        Zip::from(z).and(theta).for_each(|z, &l| *z = F::of(l.f64() / self.temperature));
    }
}
