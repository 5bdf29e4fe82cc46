//! Formulas for up to five values, which keep all of λ in registers.

use ivae_num::{Formula, Functions, Scalar};

/// (z; λ `[K]`) → λ_z − log(1 + Σ exp λⱼ), the λ of the value K being 0; −∞ where z is no value.
#[derive(Clone, Copy)]
pub(super) struct LogProb;

impl<F: Scalar, const K: usize> Formula<F, 1, K> for LogProb {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [z]: [F; 1], lambda: [F; K]) -> [F; 1] {
        let (mut top, mut picked) = (F::zero(), F::neg_infinity());
        for j in 0..K {
            top = if (lambda[j] > top) | lambda[j].is_nan() { lambda[j] } else { top };
            picked = if z == F::of(j as f64) { lambda[j] } else { picked };
        }
        picked = if z == F::of(K as f64) { F::zero() } else { picked };
        let mut sum = M::exp(F::zero() - top);
        for j in 0..K {
            sum += M::exp(lambda[j] - top);
        }
        [(picked - top) - M::ln(sum)]
    }
}

/// (z, λ `[N − 1]`) → d times the derivatives in each: (0, \[z = j\] − pⱼ); 0 where z is no value.
#[derive(Clone, Copy)]
pub(super) struct Derivatives;

impl<F: Scalar, const N: usize> Formula<F, N, 1> for Derivatives {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, x: [F; N], [d]: [F; 1]) -> [F; N] {
        let (z, mut top) = (x[0], F::zero());
        let mut values = if z == F::of((N - 1) as f64) { d } else { F::zero() };
        for j in 1..N {
            top = if (x[j] > top) | x[j].is_nan() { x[j] } else { top };
            values = if z == F::of((j - 1) as f64) { d } else { values };
        }
        let (mut sum, mut odds) = (M::exp(F::zero() - top), x);
        for j in 1..N {
            odds[j] = M::exp(x[j] - top);
            sum += odds[j];
        }
        let inverse = sum.recip();
        odds[0] = F::zero();
        for j in 1..N {
            let is = if z == F::of((j - 1) as f64) { F::one() } else { F::zero() };
            odds[j] = values * (is - odds[j] * inverse);
        }
        odds
    }
}
