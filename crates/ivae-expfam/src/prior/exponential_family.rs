//! [`Unconstrained`]: an exponential family as a prior, on ℝ whatever its support.

use ivae_num::{Scalar, linalg};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};
use rand::RngCore;

use super::family::{Conditional, PriorFamily};
use super::support_map::SupportMap;
use crate::special::normal_quantile;
use crate::{Answer, Assumption, Density, ExpFam, LambdaError, natural_table};

/// Values that are mapped onto the support at a time, on the stack.
const TILE: usize = 512;
/// Steps of Newton's method at most.
const NEWTON: usize = 60;
/// It ends where the gradient is this small.
const GRADIENT: f64 = 1e-9;
/// Points that stand for a Gaussian of given moments.
const QUANTILES: usize = 200;

/// The exponential family `E` as a conditional prior. Its density is that of v, where z = m(v) has the law of the family
/// and m is the [`SupportMap`] onto its support: log p(v|u) = log p(z|u) + log m′(v).
#[derive(Debug, Clone, Copy)]
pub struct Unconstrained<E> {
    family: E,
    name: &'static str,
    map: SupportMap,
}

impl<E: ExpFam<f64>> Unconstrained<E> {
    /// `family`, called `name` in messages.
    ///
    /// # Panics
    /// A discrete family.
    pub fn new(family: E, name: &'static str) -> Self {
        let map = SupportMap::onto(family.support()).expect("a prior is continuous");
        Self { family, name, map }
    }

    /// The family itself.
    pub fn family(&self) -> &E {
        &self.family
    }

    /// λ `[k]` of η.
    fn natural(&self, eta: &[f64]) -> Vec<f64> {
        let mut lambda = vec![0.0; eta.len()];
        self.family.natural(&mut lambda, eta);
        lambda
    }

    /// The η of greatest likelihood where the mean of T is `t` `[k]`, by Newton's method with the Fisher information.
    fn maximum_likelihood(&self, t: &[f64]) -> Vec<f64> {
        let k = self.family.k();
        let log_likelihood = |eta: &[f64]| {
            let lambda = self.natural(eta);
            let value =
                lambda.iter().zip(t).map(|(l, t)| l * t).sum::<f64>() - self.family.log_partition(&lambda);
            if value.is_nan() { f64::NEG_INFINITY } else { value }
        };
        let (mut eta, mut mean, mut fisher) = (vec![0.0; k], vec![0.0; k], vec![0.0; k * k]);
        let mut value = log_likelihood(&eta);
        for _ in 0..NEWTON {
            let lambda = self.natural(&eta);
            self.family.mean_stats(&mut mean, &lambda);
            self.family.fisher(&mut fisher, &lambda);
            let jacobian = self.jacobian(&eta); // [k, k], ∂λ_j / ∂η_c in (c, j)
            let residual = Array2::from_shape_fn((k, 1), |(j, _)| t[j] - mean[j]);
            let gradient = jacobian.dot(&residual);
            let information = Array2::from_shape_fn((k, k), |(i, j)| fisher[i * k + j]);
            let mut information = jacobian.dot(&information).dot(&jacobian.t());
            if gradient.iter().all(|g| g.abs() < GRADIENT) {
                break;
            }
            let ridge = 1e-10 * information.diag().iter().fold(1e-300, |most: f64, v| most.max(*v));
            information.diag_mut().mapv_inplace(|v| v + ridge);
            let Ok(step) = linalg::solve(information.view(), gradient.view()) else { break };
            // η is a log scale in most families: no step of more than 2.
            let longest = step.iter().fold(0.0f64, |most, s| most.max(s.abs()));
            let mut length = if longest > 2.0 { 2.0 / longest } else { 1.0 };
            let moved = loop {
                let next: Vec<f64> = eta.iter().zip(&step).map(|(e, s)| e + length * s).collect();
                let there = log_likelihood(&next);
                if there > value {
                    break Some((next, there));
                }
                length /= 2.0;
                if length < 1e-6 {
                    break None;
                }
            };
            match moved {
                Some((next, there)) => (eta, value) = (next, there),
                None => break,
            }
        }
        eta
    }

    /// ∂λ_j / ∂η_c in (c, j), `[k, k]`.
    fn jacobian(&self, eta: &[f64]) -> Array2<f64> {
        let k = eta.len();
        let mut jacobian = Array2::zeros((k, k));
        for j in 0..k {
            let (mut unit, mut column) = (vec![0.0; k], vec![0.0; k]);
            unit[j] = 1.0;
            self.family.natural_backward(&mut column, eta, &unit);
            (0..k).for_each(|c| jacobian[[c, j]] = column[c]);
        }
        jacobian
    }

    /// Rows of `v` `[B, n]` mapped onto the support, some at a time, with the rows that they are.
    fn in_tiles<F: Scalar>(
        &self,
        v: ArrayView2<'_, F>,
        mut each: impl FnMut(std::ops::Range<usize>, ArrayView2<'_, F>, ArrayView2<'_, F>),
    ) {
        let (rows, n) = v.dim();
        let per_tile = (TILE / n.max(1)).max(1);
        let mut stack = [F::zero(); TILE];
        let mut heap = if n > TILE { vec![F::zero(); n] } else { Vec::new() };
        let buffer: &mut [F] = if n > TILE { &mut heap } else { &mut stack };
        for start in (0..rows).step_by(per_tile) {
            let range = start..(start + per_tile).min(rows);
            let part = v.slice_axis(Axis(0), Slice::from(range.clone()));
            let values = &mut buffer[..part.len()];
            values.iter_mut().zip(&part).for_each(|(z, &v)| *z = self.map.to_support(v));
            if let Ok(z) = ArrayView2::from_shape(part.dim(), &*values) {
                each(range, part, z);
            }
        }
    }
}

impl<F: Scalar, E: ExpFam<f64> + Density<F>> Density<F> for Unconstrained<E> {
    fn width(&self, n: usize) -> usize {
        Density::<F>::width(&self.family, n)
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        if self.map == SupportMap::Identity {
            return self.family.log_prob(out, theta, v);
        }
        self.in_tiles(v, |range, v, z| {
            let out = &mut out[range.clone()];
            self.family.log_prob(out, theta.slice_axis(Axis(0), Slice::from(range)), z);
            for (out, v) in out.iter_mut().zip(v.rows()) {
                *out += v.iter().map(|&v| self.map.log_slope(v)).sum::<F>();
            }
        });
    }

    fn log_prob_backward(
        &self,
        mut d_theta: Option<ArrayViewMut2<'_, F>>,
        mut d_v: Option<ArrayViewMut2<'_, F>>,
        theta: ArrayView2<'_, F>,
        v: ArrayView2<'_, F>,
        d_out: &[F],
    ) {
        if self.map == SupportMap::Identity {
            return self.family.log_prob_backward(d_theta, d_v, theta, v, d_out);
        }
        let n = v.ncols();
        let mut stack = [F::zero(); TILE];
        let mut heap = if n > TILE { vec![F::zero(); n] } else { Vec::new() };
        self.in_tiles(v, |range, v, z| {
            let part = Slice::from(range.clone());
            let d_theta = d_theta.as_mut().map(|d| d.slice_axis_mut(Axis(0), part));
            let (theta, d_out) = (theta.slice_axis(Axis(0), part), &d_out[range]);
            let Some(d_v) = &mut d_v else {
                return self.family.log_prob_backward(d_theta, None, theta, z, d_out);
            };
            let buffer: &mut [F] = if n > TILE { &mut heap } else { &mut stack };
            let buffer = &mut buffer[..v.len()];
            buffer.fill(F::zero());
            let Ok(mut d_z) = ArrayViewMut2::from_shape(v.dim(), buffer) else { return };
            self.family.log_prob_backward(d_theta, Some(d_z.view_mut()), theta, z, d_out);
            let mut d_v = d_v.slice_axis_mut(Axis(0), part);
            for (((mut d_v, d_z), v), &d) in
                d_v.rows_mut().into_iter().zip(d_z.rows()).zip(v.rows()).zip(d_out)
            {
                for ((d_v, &d_z), &v) in d_v.iter_mut().zip(d_z).zip(v) {
                    *d_v += d_z * self.map.slope(v) + d * self.map.log_slope_derivative(v);
                }
            }
        });
    }
}

impl<F: Scalar, E: ExpFam<f64> + Density<F> + Clone + 'static> PriorFamily<F> for Unconstrained<E> {
    fn support_map(&self) -> SupportMap {
        self.map
    }

    fn conditional_parameters(&self) -> usize {
        self.family.k()
    }

    fn statistics(&self) -> usize {
        self.family.k()
    }

    /// T(z).
    fn start_statistics(&self, v: f64) -> Vec<f64> {
        let mut t = vec![0.0; self.family.k()];
        self.family.stats(&mut t, self.map.to_support(v));
        t
    }

    fn from_start_statistics(&self, mean: &[f64]) -> Vec<f64> {
        self.maximum_likelihood(mean)
    }

    /// Those of the member of the family that is nearest, in the KL divergence, to a Gaussian v of these moments.
    fn from_moments(&self, mean: f64, variance: f64) -> Vec<f64> {
        let mut t = vec![0.0; self.family.k()];
        for q in 0..QUANTILES {
            let v = mean + variance.sqrt() * normal_quantile((q as f64 + 0.5) / QUANTILES as f64);
            let at = PriorFamily::<F>::start_statistics(self, v);
            t.iter_mut().zip(at).for_each(|(t, at)| *t += at / QUANTILES as f64);
        }
        self.maximum_likelihood(&t)
    }

    fn moments(&self, theta: &[f64]) -> (f64, f64) {
        let lambda = self.natural(theta);
        let a = self.family.log_partition(&lambda);
        moments_of(|v| {
            let z = self.map.to_support(v);
            let mut t = vec![0.0; lambda.len()];
            self.family.stats(&mut t, z);
            let exponent: f64 = lambda.iter().zip(&t).map(|(l, t)| l * t).sum();
            self.family.log_base(z) + exponent - a + self.map.log_slope(v)
        })
    }

    fn absorbs_affine(&self) -> bool {
        false
    }

    fn draw(&self, theta: &[f64], rng: &mut dyn RngCore) -> f64 {
        self.family.draw(&self.natural(theta), rng)
    }

    fn transformed(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        let (n, k) = (z.ncols(), self.family.k());
        let (mut out, mut t) = (Array2::zeros((z.nrows(), n * k)), vec![0.0; k]);
        for ((row, i), &z) in z.indexed_iter() {
            // True sources need not lie in the support of the family that was fitted.
            self.family.stats(&mut t, self.map.to_support(self.map.to_real(z.f64())));
            (0..k).for_each(|j| out[[row, j * n + i]] = F::of(t[j]));
        }
        out
    }

    fn conditional(&self, theta: ArrayView2<'_, f64>, _: usize) -> Result<Conditional, LambdaError> {
        let lambda = natural_table::<f64>(&self.family, theta)?;
        let reason = format!("{}, an exponential family, its components independent given u", self.name);
        let assumption = Assumption::new(Answer::Holds, reason);
        Ok(Conditional { family: Box::new(self.family.clone()), lambda, is_shared: true, assumption })
    }
}

/// Mean and variance of the density exp(`log_prob`) on ℝ, by the trapezoidal rule in s of v = sinh(s) / 2, which converges
/// exponentially for smooth densities.
fn moments_of(log_prob: impl Fn(f64) -> f64) -> (f64, f64) {
    const STEP: f64 = 0.005;
    let points = (-2000..=2000).map(|i| STEP * f64::from(i));
    let (mut mass, mut first, mut second) = (0.0, 0.0, 0.0);
    for s in points {
        let v = 0.5 * s.sinh();
        let weight = (log_prob(v) + (0.5 * s.cosh()).ln()).exp();
        if weight.is_finite() && weight > 0.0 {
            (mass, first, second) = (mass + weight, first + weight * v, second + weight * v * v);
        }
    }
    let mean = first / mass;
    (mean, second / mass - mean * mean)
}
