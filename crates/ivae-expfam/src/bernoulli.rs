//! [`Bernoulli`]: the likelihood of binary data, and the family of a binary latent.

mod natural;

use ivae_num::{Formula, Functions, Scalar, each};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::Density;
use crate::block::blocks;
use crate::shape::{assert_gradients, assert_rows};
use crate::terms::{Filled, Terms};

/// Independent Bernoulli components, θ = logits l `[B, d]`: `log p(v) = v l − log(1 + eˡ)`.
///
/// v is 0 or 1. A v between them is a soft label, and the value minus the cross-entropy; outside \[0, 1\] it is −∞.
/// As an exponential family: k = 1, T = v, h = 1, λ = l, A = log(1 + eˡ), the natural domain is ℝ.
///
/// Neither a large logit nor a nearly certain one costs digits. The derivative in v is l.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bernoulli;

/// [l > 0].
#[inline(always)]
fn step<F: Scalar>(l: F) -> F {
    if l > F::zero() { F::one() } else { F::zero() }
}

/// l → log p(v) as v l − log(1 + eˡ) = (v − [l > 0]) l − log(1 + e^−|l|).
#[derive(Clone, Copy)]
struct LogProb;

impl<F: Scalar> Formula<F, 1, 1> for LogProb {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [l]: [F; 1], [v]: [F; 1]) -> [F; 1] {
        let inside = (v - step(l)) * l - M::softplus(-l.abs());
        let outside = (v < F::zero()) | (v > F::one());
        [if outside { F::neg_infinity() } else { inside }]
    }
}

/// (l, d) → d times the derivatives of log p(v) in l and v: v − σ(l), as (v − [l > 0]) ± σ(−|l|) with the sign of l, and l.
#[derive(Clone, Copy)]
struct Derivatives;

impl<F: Scalar> Formula<F, 2, 1> for Derivatives {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [l, d]: [F; 2], [v]: [F; 1]) -> [F; 2] {
        let (one, tail) = (step(l), M::sigmoid(-l.abs()));
        [d * ((v - one) + if one > F::zero() { tail } else { -tail }), d * l]
    }
}

impl<F: Scalar> Density<F> for Bernoulli {
    fn width(&self, n: usize) -> usize {
        n
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, n, "out", out);
        let mut terms = Terms::new();
        out.fill(F::zero());
        for block in blocks(rows, n) {
            let Filled { v, location: logit, .. } = terms.fill(&block, (Some(0), None), &theta, &v);
            each([&mut *logit], [v], LogProb);
            block.add_row_sums(out, 1.0, logit);
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
        assert_rows(&theta, rows, n, "d_out", d_out);
        assert_gradients(&d_theta, &d_v, (rows, n), n);
        let mut terms = Terms::new();
        for block in blocks(rows, n) {
            let Filled { v, location: logit, d, .. } = terms.fill(&block, (Some(0), None), &theta, &v);
            block.spread(d, d_out);
            each([&mut *logit, &mut *d], [v], Derivatives);
            if let Some(d_v) = &mut d_v {
                block.scatter_add(d_v, 0, 1.0, d);
            }
            if let Some(d_theta) = &mut d_theta {
                block.scatter_add(d_theta, 0, 1.0, logit);
            }
        }
    }
}
