//! [`Bernoulli`]: the likelihood of binary data, and the family of a binary latent.

mod natural;

use ivae_num::{Scalar, vecmath::VecMath};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::Density;
use crate::block::{BLOCK, Block, blocks};
use crate::shape::{assert_gradients, assert_rows};

/// Independent Bernoulli components, θ = logits l `[B, d]`: `log p(v) = v l − log(1 + eˡ)`.
///
/// v is 0 or 1. A v between them is a soft label, and the value minus the cross-entropy; outside \[0, 1\] it is −∞.
/// As an exponential family: k = 1, T = v, h = 1, λ = l, A = log(1 + eˡ), the natural domain is ℝ.
///
/// Neither a large logit nor a nearly certain one costs digits. The derivative in v is l.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bernoulli;

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
            // v l − log(1 + eˡ) = (v − [l > 0]) l − log(1 + e^−|l|).
            let (logit, v, tail) = terms.fill(&block, &theta, &v);
            <F as VecMath>::softplus(tail);
            for ((tail, &l), &v) in tail.iter_mut().zip(&*logit).zip(&*v) {
                let inside = (v - step(l)) * l - *tail;
                let outside = v < F::zero() || v > F::one();
                *tail = if outside { F::neg_infinity() } else { inside };
            }
            block.add_row_sums(out, F::one(), tail);
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
            // ∂l = v − σ(l) = (v − [l > 0]) ± σ(−|l|), with the sign of l; ∂v = l.
            let cols = block.cols.len();
            let (g, h, tail) = terms.fill(&block, &theta, &v);
            <F as VecMath>::sigmoid(tail);
            let rows = g.chunks_exact_mut(cols).zip(h.chunks_exact_mut(cols)).zip(tail.chunks_exact(cols));
            for (((g, h), tail), &d) in rows.zip(&d_out[block.rows.clone()]) {
                for ((g, h), &tail) in g.iter_mut().zip(h).zip(tail) {
                    let one = step(*g);
                    *h = d * ((*h - one) + if one > F::zero() { tail } else { -tail });
                    *g = d * *g;
                }
            }
            if let Some(d_theta) = &mut d_theta {
                block.scatter_add(d_theta, F::one(), h);
            }
            if let Some(d_v) = &mut d_v {
                block.scatter_add(d_v, F::one(), g);
            }
        }
    }
}

/// [l > 0].
fn step<F: Scalar>(l: F) -> F {
    if l > F::zero() { F::one() } else { F::zero() }
}

/// A block of l, v and −|l|.
struct Terms<F> {
    logit: [F; BLOCK],
    v: [F; BLOCK],
    tail: [F; BLOCK],
}

impl<F: Scalar> Terms<F> {
    fn new() -> Self {
        let zero = [F::zero(); BLOCK];
        Self { logit: zero, v: zero, tail: zero }
    }

    /// The first `block.len()` entries of (l, v, −|l|), overwritten.
    fn fill(
        &mut self,
        block: &Block,
        theta: &ArrayView2<'_, F>,
        v: &ArrayView2<'_, F>,
    ) -> (&mut [F], &mut [F], &mut [F]) {
        let len = block.len();
        let (logit, out, tail) = (&mut self.logit[..len], &mut self.v[..len], &mut self.tail[..len]);
        block.gather(logit, theta);
        block.gather(out, v);
        tail.iter_mut().zip(&*logit).for_each(|(tail, l)| *tail = -l.abs());
        (logit, out, tail)
    }
}
