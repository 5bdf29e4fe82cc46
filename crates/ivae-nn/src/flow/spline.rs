//! Monotone rational-quadratic splines (Gregory & Delbourgo 1982; Durkan et al. 2019, eq. 4–8) with linear tails.
//!
//! On \[−B, B\] the knots (X_k, Y_k), k = 0 … K, rise from (−B, −B) to (B, B), with slopes δ_k > 0 at them. With
//! θ = (x − X_k) / w_k, w_k = X_{k+1} − X_k, h_k = Y_{k+1} − Y_k, s = h_k / w_k and t = θ (1 − θ) in piece k:
//!
//! ```text
//! y  = Y_k + h_k N / D,   N = s θ² + δ_k t,   D = s + (δ_{k+1} + δ_k − 2 s) t
//! y′ = s² M / D²,         M = δ_{k+1} θ² + 2 s t + δ_k (1 − θ)²
//! ```
//!
//! Outside, the spline goes on as a line: y(±B) + y′(±B) (x ∓ B), with the slope δ_0 or δ_K, which is free. The knots
//! come from unbounded numbers: w / 2B and h / 2B by a softmax with a least share, δ by a softplus with a least slope.

#[cfg(test)]
mod tests;

use ivae_num::Scalar;
use ivae_num::vecmath::VecMath;

use crate::SpecError;
use crate::error::require;

/// Smallest share of a bin in the width and height of the spline.
const LEAST_SHARE: f64 = 1e-3;
/// Smallest slope at a knot.
const LEAST_SLOPE: f64 = 1e-3;

/// Numbers that describe a spline of K bins: K logits of widths, K of heights, K + 1 of slopes. All 0 is the identity.
pub(super) fn raw_len(bins: usize) -> usize {
    3 * bins + 1
}

/// A spline's knots, or the gradient of them: K + 1 each of X, Y and δ, one after another.
pub(super) fn knots_len(bins: usize) -> usize {
    3 * (bins + 1)
}

/// One piece of a spline: what a number in it needs, so that no division by the piece's own size is left.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Piece<F> {
    pub(super) x: F,     // X_k
    pub(super) inv_w: F, // 1 / w_k
    pub(super) y: F,     // Y_k
    pub(super) h: F,     // h_k
    pub(super) s: F,     // h_k / w_k
    pub(super) d0: F,    // δ_k
    pub(super) d1: F,    // δ_{k+1}
    pub(super) bend: F,  // δ_{k+1} + δ_k − 2 s
}

/// What the numbers in one piece add up to in a backward pass: the cotangents of θ, of θ times θ, of s (without that
/// of ln s²), δ_k, δ_{k+1}, Y_k, of h_k in h_k N / D, and of ln y′.
pub(super) type Sums<F> = [F; 8];

/// Overwrite `knots` with those of the spline `raw` on \[−bound, bound\].
pub(super) fn fill_knots<F: Scalar>(knots: &mut [F], raw: &[F], bins: usize, bound: F) {
    let (x, rest) = knots.split_at_mut(bins + 1);
    let (y, d) = rest.split_at_mut(bins + 1);
    for (at, raw) in [(x, &raw[..bins]), (y, &raw[bins..2 * bins])] {
        shares(&mut at[1..], raw);
        let mut sum = -bound;
        at[0] = sum;
        for v in &mut at[1..] {
            sum += *v * F::of(2.0) * bound;
            *v = sum;
        }
        at[bins] = bound;
    }
    slopes(d, &raw[2 * bins..]);
}

/// `out ← least + (1 − K least) softmax(raw)`.
fn shares<F: Scalar>(out: &mut [F], raw: &[F]) {
    let top = raw.iter().copied().fold(F::neg_infinity(), F::max);
    out.iter_mut().zip(raw).for_each(|(o, &r)| *o = r - top);
    <F as VecMath>::exp(out);
    let sum: F = out.iter().copied().sum();
    let (least, rest) = (F::of(LEAST_SHARE), F::one() - F::of(LEAST_SHARE * raw.len() as f64));
    out.iter_mut().for_each(|o| *o = least + rest * *o / sum);
}

/// softplus⁻¹(1 − [`LEAST_SLOPE`]) = ln(e^0.999 − 1): added to the raw slopes, so that 0 means slope 1.
const SLOPE_SHIFT: f64 = 0.539742417236952;

fn slopes<F: Scalar>(out: &mut [F], raw: &[F]) {
    out.iter_mut().zip(raw).for_each(|(o, &r)| *o = r + F::of(SLOPE_SHIFT));
    VecMath::softplus(out);
    out.iter_mut().for_each(|o| *o += F::of(LEAST_SLOPE));
}

/// Add to `d_raw` the gradient of [`fill_knots`] for the cotangents `d_knots`; the call works in the memory of `d_knots` and
/// leaves nothing of use there.
pub(super) fn fill_knots_backward<F: Scalar>(
    d_raw: &mut [F],
    d_knots: &mut [F],
    raw: &[F],
    knots: &[F],
    bins: usize,
    bound: F,
) {
    let width = F::of(2.0) * bound;
    let rest = F::one() - F::of(LEAST_SHARE * bins as f64);
    for part in 0..2 {
        let d = &mut d_knots[part * (bins + 1)..][..bins + 1];
        let at = &knots[part * (bins + 1)..][..bins + 1];
        // The last knot is fixed; knot k moves with every share before it.
        let mut sum = F::zero();
        d[bins] = F::zero();
        for k in (1..bins).rev() {
            sum += d[k];
            d[k] = sum * width;
        }
        // Cotangent of share k (0-based) is now d[k + 1].
        let soft = |k: usize| ((at[k + 1] - at[k]) / width - F::of(LEAST_SHARE)) / rest;
        let mean: F = (0..bins).map(|k| soft(k) * d[k + 1]).sum();
        for k in 0..bins {
            d_raw[part * bins + k] += rest * soft(k) * (d[k + 1] - mean);
        }
    }
    // The memory of ∂X is free by now, and as long as the slopes are many.
    let (sigmoid, rest) = d_knots.split_at_mut(bins + 1);
    sigmoid.iter_mut().zip(&raw[2 * bins..]).for_each(|(s, &r)| *s = r + F::of(SLOPE_SHIFT));
    VecMath::sigmoid(sigmoid);
    for ((out, &d), &s) in d_raw[2 * bins..].iter_mut().zip(&rest[bins + 1..]).zip(&*sigmoid) {
        *out += d * s;
    }
}

/// Refuse what makes no spline; the names are those of the numbers in a specification.
pub(super) fn check(
    bins_name: &'static str,
    bins: usize,
    bound_name: &'static str,
    bound: f64,
) -> Result<(), SpecError> {
    require((1..=100).contains(&bins), bins_name, bins as f64, "from 1 to 100")?;
    require(bound > 0.0 && bound.is_finite(), bound_name, bound, "positive")
}

/// Which piece `v` lies in, by the knots `[K + 1]` in its direction: the first below them, the last above.
pub(super) fn find<F: Scalar>(knots: &[F], v: F) -> usize {
    knots[1..knots.len() - 1].iter().map(|&knot| usize::from(v >= knot)).sum()
}

/// The nearest number to `v` in \[−bound, bound\]; NaN stays.
#[inline(always)]
fn clamp<F: Scalar>(v: F, bound: F) -> F {
    let v = if v < -bound { -bound } else { v };
    if v > bound { bound } else { v }
}

/// What value and derivatives of a spline have in common.
struct Terms<F> {
    inside: F, // x, or the end of the spline nearest to it
    theta: F,
    rest: F, // 1 − θ
    t: F,    // θ (1 − θ)
    n: F,
    m: F,
    inv_d: F,
    slope: F, // y′
}

impl<F: Scalar> Piece<F> {
    /// Piece `k` of the spline with these knots.
    pub(super) fn between(knots: &[F], bins: usize, k: usize) -> Self {
        let (x, rest) = knots.split_at(bins + 1);
        let (y, d) = rest.split_at(bins + 1);
        let (inv_w, h) = ((x[k + 1] - x[k]).recip(), y[k + 1] - y[k]);
        let (s, d0, d1) = (h * inv_w, d[k], d[k + 1]);
        Self { x: x[k], inv_w, y: y[k], h, s, d0, d1, bend: d1 + d0 - s - s }
    }

    /// Add to `d_knots` the gradient that the sums of this piece, the `k`-th, make.
    pub(super) fn add_to_knots(&self, d_knots: &mut [F], bins: usize, k: usize, sums: Sums<F>) {
        let (d_x, rest) = d_knots.split_at_mut(bins + 1);
        let (d_y, d_d) = rest.split_at_mut(bins + 1);
        let [theta, theta_theta, s, d0, d1, y, r, l] = sums;
        // s = h / w, θ = (x − X_k) / w; w = X_{k+1} − X_k, h = Y_{k+1} − Y_k.
        let d_s = s + (l + l) / self.s;
        let d_w = -(theta_theta + d_s * self.s) * self.inv_w;
        let d_h = d_s * self.inv_w + r;
        d_x[k] -= theta * self.inv_w + d_w;
        d_x[k + 1] += d_w;
        d_y[k] += y - d_h;
        d_y[k + 1] += d_h;
        d_d[k] += d0;
        d_d[k + 1] += d1;
    }

    #[inline(always)]
    fn terms(&self, x: F, bound: F) -> Terms<F> {
        let inside = clamp(x, bound);
        let theta = (inside - self.x) * self.inv_w;
        let rest = F::one() - theta;
        let t = theta * rest;
        let n = self.s * theta * theta + self.d0 * t;
        let m = self.d1 * theta * theta + (self.s + self.s) * t + self.d0 * rest * rest;
        let inv_d = (self.s + self.bend * t).recip();
        let ratio = self.s * inv_d;
        Terms { inside, theta, rest, t, n, m, inv_d, slope: ratio * ratio * m }
    }

    /// y and y′ at `x`.
    #[inline(always)]
    pub(super) fn value(&self, x: F, bound: F) -> (F, F) {
        let Terms { inside, n, inv_d, slope, .. } = self.terms(x, bound);
        (self.y + self.h * n * inv_d + slope * (x - inside), slope)
    }

    /// From the cotangents `dy` of y and `dl` of ln y′ at `x`: that of x, and what is added to the piece's sums.
    #[inline(always)]
    pub(super) fn backward(&self, x: F, bound: F, dy: F, dl: F) -> (F, Sums<F>) {
        let Terms { inside, theta, rest, t, n, m, inv_d, slope } = self.terms(x, bound);
        let dl = dl + dy * slope * (x - inside);
        let r = n * inv_d;
        // y = Y + h N / D, ln y′ = ln s² + ln M − 2 ln D.
        let d_n = dy * self.h * inv_d;
        let d_d = -(d_n * r + (dl + dl) * inv_d);
        let d_m = dl / m;
        let (d_2m, flip) = (d_m + d_m, rest - theta);
        let d_theta = d_n * ((self.s + self.s) * theta + self.d0 * flip)
            + d_d * self.bend * flip
            + d_2m * (self.d1 * theta + self.s * flip - self.d0 * rest);
        let d_s = d_n * theta * theta + d_d * (F::one() - t - t) + d_2m * t;
        let d_d0 = (d_n + d_d) * t + d_m * rest * rest;
        let d_d1 = d_d * t + d_m * theta * theta;
        let dx = if x == inside { d_theta * self.inv_w } else { dy * slope };
        (dx, [d_theta, d_theta * theta, d_s, d_d0, d_d1, dy, dy * r, dl])
    }

    /// The cotangent of y under which [`backward`](Self::backward) gives `dx`: it is affine in it.
    pub(super) fn solve(&self, x: F, bound: F, dx: F, dl: F) -> F {
        let at_zero = self.backward(x, bound, F::zero(), dl).0;
        let slope = self.backward(x, bound, F::one(), F::zero()).0;
        (dx - at_zero) / slope
    }

    /// The x at which the spline is `y` (Durkan et al. 2019, eq. 6–8), in the form that does not cancel.
    pub(super) fn inverse(&self, y: F, bound: F) -> F {
        let inside = clamp(y, bound);
        let up = inside - self.y;
        let a = self.h * (self.s - self.d0) + up * self.bend;
        let b = self.h * self.d0 - up * self.bend;
        let root = (b * b + F::of(4.0) * a * self.s * up).max(F::zero()).sqrt();
        let theta = match b < F::zero() {
            true => (root - b) / (a + a),
            false => F::of(2.0) * self.s * up / (b + root),
        };
        let slope = if y < inside { self.d0 } else { self.d1 };
        self.x + theta / self.inv_w + (y - inside) / slope
    }
}
