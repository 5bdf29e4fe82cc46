//! Scale and shift (Dinh et al. 2017, eq. 7–8), with a bounded scale.
//!
//! ```text
//! (s̃, t) = out,   s = S tanh(s̃ / S),   y = x · exp s + t,   log|det| = Σ s
//! ```

use ivae_num::Scalar;
use ivae_num::vecmath::VecMath;

use super::super::narrow::by_width;
use super::Changed;

/// S: a block scales a column by at most e^±S.
const LARGEST: f64 = 2.0;

/// Numbers that the network gives for each changed column.
pub(super) const PER_COLUMN: usize = 2;

#[derive(Debug, Clone)]
pub(super) struct Affine<F> {
    tanh: Vec<F>,  // tanh(s̃ / S) [B, m]
    scale: Vec<F>, // exp s [B, m]
}

impl<F: Scalar> Affine<F> {
    pub(super) fn new(batch: usize, m: usize) -> Self {
        Self { tanh: vec![F::zero(); batch * m], scale: vec![F::zero(); batch * m] }
    }

    /// Read s̃ from `out` `[B, 2m]`.
    fn fill(&mut self, out: &[F], m: usize) {
        let used = out.len() / PER_COLUMN;
        let (tanh, scale) = (&mut self.tanh[..used], &mut self.scale[..used]);
        if m > 0 {
            let inner = F::of(LARGEST.recip());
            for (tanh, out) in tanh.chunks_exact_mut(m).zip(out.chunks_exact(2 * m)) {
                tanh.iter_mut().zip(out).for_each(|(t, &s)| *t = s * inner);
            }
        }
        VecMath::tanh(tanh);
        scale.iter_mut().zip(&*tanh).for_each(|(s, &t)| *s = t * F::of(LARGEST));
        <F as VecMath>::exp(scale);
    }

    /// `y` holds x.
    pub(super) fn forward(&mut self, y: &mut [F], log_det: &mut [F], out: &[F], changed: Changed) {
        let m = changed.m;
        self.fill(out, m);
        by_width!(
            m,
            forward_narrow(self, y, log_det, out, changed),
            forward_rows(m, self, y, log_det, out, changed)
        );
    }

    /// `dx` holds ∂y. Overwrites `d_out` with ∂out.
    pub(super) fn backward(&self, dx: &mut [F], d_out: &mut [F], d_log_det: &[F], x: &[F], changed: Changed) {
        let m = changed.m;
        by_width!(
            m,
            backward_narrow(self, dx, d_out, d_log_det, x, changed),
            backward_rows(m, self, dx, d_out, d_log_det, x, changed)
        );
    }

    /// `x` holds y.
    pub(super) fn inverse(&mut self, x: &mut [F], out: &[F], changed: Changed) {
        let m = changed.m;
        self.fill(out, m);
        for (b, x) in changed.rows_mut(x).enumerate() {
            let (scale, shift) = (&self.scale[b * m..][..m], &out[2 * b * m + m..][..m]);
            for (j, x) in x.iter_mut().enumerate() {
                *x = (*x - shift[j]) / scale[j];
            }
        }
    }
}

/// The loop of [`Affine::forward`] over m changed columns. Inlined, so that a narrow m is known to the compiler.
#[inline(always)]
fn forward_rows<F: Scalar>(
    m: usize,
    own: &Affine<F>,
    y: &mut [F],
    log_det: &mut [F],
    out: &[F],
    changed: Changed,
) {
    for (b, (y, log_det)) in changed.rows_mut(y).zip(log_det).enumerate() {
        let (scale, tanh) = (&own.scale[b * m..][..m], &own.tanh[b * m..][..m]);
        let (y, shift) = (&mut y[..m], &out[2 * b * m + m..][..m]);
        for j in 0..m {
            y[j] = y[j] * scale[j] + shift[j];
        }
        *log_det += F::of(LARGEST) * tanh.iter().copied().sum();
    }
}

fn forward_narrow<F: Scalar, const M: usize>(
    own: &Affine<F>,
    y: &mut [F],
    log_det: &mut [F],
    out: &[F],
    changed: Changed,
) {
    forward_rows(M, own, y, log_det, out, changed);
}

/// The loop of [`Affine::backward`].
#[inline(always)]
fn backward_rows<F: Scalar>(
    m: usize,
    own: &Affine<F>,
    dx: &mut [F],
    d_out: &mut [F],
    d_log_det: &[F],
    x: &[F],
    changed: Changed,
) {
    for (b, ((dx, x), &dl)) in changed.rows_mut(dx).zip(changed.rows(x)).zip(d_log_det).enumerate() {
        let (scale, tanh) = (&own.scale[b * m..][..m], &own.tanh[b * m..][..m]);
        let (dx, x) = (&mut dx[..m], &x[..m]);
        let (d_s, d_t) = d_out[2 * b * m..][..2 * m].split_at_mut(m);
        for j in 0..m {
            // ds/ds̃ = 1 − tanh².
            d_t[j] = dx[j];
            dx[j] *= scale[j];
            d_s[j] = (dx[j] * x[j] + dl) * (F::one() - tanh[j] * tanh[j]);
        }
    }
}

fn backward_narrow<F: Scalar, const M: usize>(
    own: &Affine<F>,
    dx: &mut [F],
    d_out: &mut [F],
    d_log_det: &[F],
    x: &[F],
    changed: Changed,
) {
    backward_rows(M, own, dx, d_out, d_log_det, x, changed);
}
