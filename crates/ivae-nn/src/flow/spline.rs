//! Monotone rational-quadratic splines (Gregory & Delbourgo 1982; Durkan et al. 2019, eq. 4–8) with linear tails.
//!
//! On \[−B, B\] the knots (X_k, Y_k) rise, with slopes δ_k > 0 at them; outside, the spline goes on as a line with the
//! slope of its last knot. With θ = (x − X_k) / w_k, s = h_k / w_k and t = θ (1 − θ) in bin k:
//!
//! ```text
//! y  = Y_k + h_k N / D,   N = s θ² + δ_k t,   D = s + (δ_{k+1} + δ_k − 2 s) t
//! y′ = s² M / D²,         M = δ_{k+1} θ² + 2 s t + δ_k (1 − θ)²
//! ```

use ivae_num::Scalar;
use ivae_num::vecmath::VecMath;

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

/// One piece of a spline, or the gradient of it.
#[derive(Debug, Clone, Copy)]
struct Bin<F> {
    x: F,
    w: F,
    y: F,
    h: F,
    d0: F,
    d1: F,
}

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

/// softplus⁻¹(1 − least): added to the raw slopes, so that 0 means slope 1.
fn slope_shift<F: Scalar>() -> F {
    F::of((1.0 - LEAST_SLOPE).exp_m1().ln())
}

fn slopes<F: Scalar>(out: &mut [F], raw: &[F]) {
    out.iter_mut().zip(raw).for_each(|(o, &r)| *o = r + slope_shift());
    VecMath::softplus(out);
    out.iter_mut().for_each(|o| *o += F::of(LEAST_SLOPE));
}

/// Add to `d_raw` the gradient of [`fill_knots`] for the cotangents `d_knots`, which are overwritten.
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
    let (d, raw) = (&d_knots[2 * (bins + 1)..], &raw[2 * bins..]);
    for ((out, &d), &raw) in d_raw[2 * bins..].iter_mut().zip(d).zip(raw) {
        let mut sigmoid = [raw + slope_shift()];
        VecMath::sigmoid(&mut sigmoid);
        *out += d * sigmoid[0];
    }
}

/// Which piece `v` lies in, by the knots `at`: 0 below them, k in bin k − 1, K + 1 above.
fn piece<F: Scalar>(at: &[F], v: F) -> usize {
    at.iter().map(|&a| usize::from(v >= a)).sum()
}

fn bin<F: Scalar>(knots: &[F], bins: usize, k: usize) -> Bin<F> {
    let (x, rest) = knots.split_at(bins + 1);
    let (y, d) = rest.split_at(bins + 1);
    Bin { x: x[k], w: x[k + 1] - x[k], y: y[k], h: y[k + 1] - y[k], d0: d[k], d1: d[k + 1] }
}

impl<F: Scalar> Bin<F> {
    /// (N, D, M).
    fn terms(&self, theta: F, s: F) -> (F, F, F) {
        let t = theta * (F::one() - theta);
        let rest = F::one() - theta;
        let n = s * theta * theta + self.d0 * t;
        let d = s + (self.d1 + self.d0 - s - s) * t;
        (n, d, self.d1 * theta * theta + (s + s) * t + self.d0 * rest * rest)
    }
}

/// y and y′ at `x`.
pub(super) fn value<F: Scalar>(knots: &[F], bins: usize, x: F) -> (F, F) {
    let last = bins;
    match piece(&knots[..=bins], x) {
        0 => (knots[bins + 1] + knots[2 * bins + 2] * (x - knots[0]), knots[2 * bins + 2]),
        p if p > last => {
            let slope = knots[3 * bins + 2];
            (knots[2 * bins + 1] + slope * (x - knots[bins]), slope)
        }
        p => {
            let b = bin(knots, bins, p - 1);
            let (theta, s) = ((x - b.x) / b.w, b.h / b.w);
            let (n, d, m) = b.terms(theta, s);
            let r = d.recip();
            (b.y + b.h * n * r, s * s * m * r * r)
        }
    }
}

/// The x at which the spline is `y` (Durkan et al. 2019, eq. 6–8).
pub(super) fn inverse<F: Scalar>(knots: &[F], bins: usize, y: F) -> F {
    match piece(&knots[bins + 1..2 * bins + 2], y) {
        0 => knots[0] + (y - knots[bins + 1]) / knots[2 * bins + 2],
        p if p > bins => knots[bins] + (y - knots[2 * bins + 1]) / knots[3 * bins + 2],
        p => {
            let b = bin(knots, bins, p - 1);
            let (s, up) = (b.h / b.w, y - b.y);
            let bend = b.d1 + b.d0 - s - s;
            let a2 = b.h * (s - b.d0) + up * bend;
            let a1 = b.h * b.d0 - up * bend;
            let a0 = -s * up;
            let root = (a1 * a1 - F::of(4.0) * a2 * a0).max(F::zero()).sqrt();
            b.x + b.w * F::of(2.0) * a0 / (-a1 - root)
        }
    }
}

/// Add to `d_knots` the gradient for the cotangents `dy` of y and `dl` of log y′ at `x`; returns that of `x`.
pub(super) fn backward<F: Scalar>(d_knots: &mut [F], knots: &[F], bins: usize, x: F, dy: F, dl: F) -> F {
    let (two, one) = (F::of(2.0), F::one());
    let mut tail = |slope_at: usize, x0: F| {
        let slope = knots[slope_at];
        d_knots[slope_at] += dy * (x - x0) + dl / slope;
        dy * slope
    };
    let p = match piece(&knots[..=bins], x) {
        0 => return tail(2 * bins + 2, knots[0]),
        p if p > bins => return tail(3 * bins + 2, knots[bins]),
        p => p - 1,
    };
    let b = bin(knots, bins, p);
    let inv_w = b.w.recip();
    let (theta, s) = ((x - b.x) * inv_w, b.h * inv_w);
    let (n, d, m) = b.terms(theta, s);
    let (t, flip, rest) = (theta * (one - theta), one - two * theta, one - theta);
    let (inv_d, inv_m) = (d.recip(), m.recip());
    let (r, scale) = (n * inv_d, dy * b.h * inv_d);
    let ld = two * dl * inv_d;
    let lm = dl * inv_m;
    // Each: scale (∂N − r ∂D) + lm ∂M − ld ∂D.
    let of = |dn: F, dd: F, dm: F| scale * (dn - r * dd) + lm * dm - ld * dd;
    let bend = b.d1 + b.d0 - two * s;
    let g_theta =
        of(two * s * theta + b.d0 * flip, bend * flip, two * (b.d1 * theta + s * flip - b.d0 * rest));
    let g_s = of(theta * theta, one - two * t, two * t) + two * dl / s;
    let g_d0 = of(t, t, rest * rest);
    let g_d1 = of(F::zero(), t, theta * theta);
    let dx = g_theta * inv_w;
    let d_w = -(g_theta * theta + g_s * s) * inv_w;
    let d_h = g_s * inv_w + dy * r;
    // w = X_{k+1} − X_k, h = Y_{k+1} − Y_k.
    d_knots[p] += -dx - d_w;
    d_knots[p + 1] += d_w;
    d_knots[bins + 1 + p] += dy - d_h;
    d_knots[bins + 2 + p] += d_h;
    d_knots[2 * bins + 2 + p] += g_d0;
    d_knots[2 * bins + 3 + p] += g_d1;
    dx
}
