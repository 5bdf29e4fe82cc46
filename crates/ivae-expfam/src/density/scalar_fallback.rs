//! Row loops for families of which only `ExpFam<f64>` is written: one component at a time, in double precision.
//!
//! Special functions lose digits in single precision, and they cost more than the conversion.

use std::ops::{Deref, DerefMut};

use ivae_num::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::expfam::ExpFam;
use super::shape::{assert_gradients, assert_rows};

/// Implement `Density<f32>`, `Density<f64>` and `ExpFam<f32>` for a family that has `ExpFam<f64>`. Its θ are the η of
/// [`ExpFam::natural`](crate::ExpFam::natural).
macro_rules! impl_scalar_fallback {
    ([$($generics:tt)*] $family:ty) => {
        $crate::density::implement::density!([$($generics)*] $family, scalar_fallback);
        $crate::density::implement::narrowed!([$($generics)*] $family);
    };
}
pub(crate) use impl_scalar_fallback;

/// So many statistics need no memory of their own.
const FEW: usize = 16;

/// k numbers, on the stack where they are few.
struct Numbers {
    stack: [f64; FEW],
    heap: Vec<f64>,
    k: usize,
}

impl Numbers {
    fn new(value: f64, k: usize) -> Self {
        let heap = if k > FEW { vec![value; k] } else { Vec::new() };
        Self { stack: [value; FEW], heap, k }
    }
}

impl Deref for Numbers {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        if self.k > FEW { &self.heap } else { &self.stack[..self.k] }
    }
}

impl DerefMut for Numbers {
    fn deref_mut(&mut self) -> &mut [f64] {
        if self.k > FEW { &mut self.heap } else { &mut self.stack[..self.k] }
    }
}

/// The parameters of one component, reused from row to row while they stay the same.
struct Parameters<'a, E> {
    family: &'a E,
    eta: Numbers,
    lambda: Numbers,
    /// A, if it is needed.
    log_partition: Option<f64>,
    /// ∇A, if it is needed.
    mean: Option<Numbers>,
    /// Scratch for T or T′.
    t: Numbers,
}

impl<'a, E: ExpFam<f64>> Parameters<'a, E> {
    fn new(family: &'a E, with_log_partition: bool, with_mean: bool) -> Self {
        let nan = || Numbers::new(f64::NAN, family.k());
        Self {
            family,
            // NaN equals nothing: computed before use.
            eta: nan(),
            lambda: nan(),
            log_partition: with_log_partition.then_some(f64::NAN),
            mean: with_mean.then(nan),
            t: nan(),
        }
    }

    /// Update everything for component `i` of `n` in row `b` of `theta`.
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
/// ∂z = λ · T′(z) + d log h / dz. Adds to both gradients; adds nothing where z is outside the support.
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
    let mut d_eta = Numbers::new(0.0, k);
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
                at.t.iter_mut().zip(mean.iter()).for_each(|(t, mean)| *t = d * (*t - mean));
                d_eta.fill(0.0);
                family.natural_backward(&mut d_eta, &at.eta, &at.t);
                for (j, &d_eta) in d_eta.iter().enumerate() {
                    d_theta[[b, j * n + i]] += F::of(d_eta);
                }
            }
        }
    }
}
