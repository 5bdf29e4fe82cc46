//! The Bernoulli family, and its log-density and gradient over rows.

use ivae_num::{Formula, Functions, Scalar};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::density::Density;
use crate::density::elementwise::{add_slopes, add_sums};
use crate::density::shape::{assert_gradients, assert_rows};

/// Independent Bernoulli components, θ = logits l `[B, d]`: `log p(v) = v l − log(1 + eˡ)`.
///
/// v is 0 or 1. A v between them is a soft label, and the log-density is then minus the cross-entropy; it is −∞ for v
/// outside \[0, 1\].
/// As an exponential family: k = 1, T = v, h = 1, λ = l, A = log(1 + eˡ), the natural domain is ℝ.
///
/// The log-density loses no digits for large logits. The derivative in v is l.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bernoulli;

/// [l > 0].
#[inline(always)]
fn step<F: Scalar>(l: F) -> F {
    if l > F::zero() { F::one() } else { F::zero() }
}

/// (v; l) → log p(v) as v l − log(1 + eˡ) = (v − [l > 0]) l − log(1 + e^−|l|).
#[derive(Clone, Copy)]
struct LogProb;

impl<F: Scalar> Formula<F, 1, 1> for LogProb {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [v]: [F; 1], [l]: [F; 1]) -> [F; 1] {
        let inside = (v - step(l)) * l - M::softplus(-l.abs());
        let outside = (v < F::zero()) | (v > F::one());
        [if outside { F::neg_infinity() } else { inside }]
    }
}

/// (v, l) → d times the derivatives of log p(v) in each: l, and v − σ(l), as (v − [l > 0]) ± σ(−|l|) with the sign of l.
#[derive(Clone, Copy)]
struct Derivatives;

impl<F: Scalar> Formula<F, 2, 1> for Derivatives {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [v, l]: [F; 2], [d]: [F; 1]) -> [F; 2] {
        let (one, tail) = (step(l), M::sigmoid(-l.abs()));
        [d * l, d * ((v - one) + if one > F::zero() { tail } else { -tail })]
    }
}

impl<F: Scalar> Density<F> for Bernoulli {
    fn width(&self, n: usize) -> usize {
        n
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, n, "out", out);
        out.fill(F::zero());
        add_sums(out, 1.0, (theta, [0]), v, LogProb);
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
        assert_rows(&theta, rows, n, "d_out", d_out);
        assert_gradients(&d_theta, &d_v, (rows, n), n);
        add_slopes(d_theta, d_v, (theta, [0, 0]), v, d_out, Derivatives);
    }
}
