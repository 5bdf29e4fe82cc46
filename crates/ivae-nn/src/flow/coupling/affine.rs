//! Scale and shift (Dinh et al. 2017, eq. 7–8), with a bounded scale.
//!
//! ```text
//! (s̃, t) = out,   s = S tanh(s̃ / S),   y = x · exp s + t,   log|det| = Σ s
//! ```

use ivae_num::Scalar;
use ivae_num::vecmath::VecMath;

use super::Changed;

/// S: a block scales a column by at most e^±S.
const LARGEST: f64 = 2.0;

/// Numbers that the network gives for each changed column.
pub(super) const PER_COLUMN: usize = 2;

/// `$work`, compiled for each of the first values of `$m` as well: what a row has to do is less than a loop of unknown length.
macro_rules! known {
    ($m:ident => $work:expr) => {
        match $m {
            0 => {}
            1 => known!(@ $m = 1, $work),
            2 => known!(@ $m = 2, $work),
            3 => known!(@ $m = 3, $work),
            4 => known!(@ $m = 4, $work),
            _ => $work,
        }
    };
    (@ $m:ident = $value:literal, $work:expr) => {{
        let $m = $value;
        $work
    }};
}

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
        let inner = F::of(LARGEST.recip());
        known!(m => for (tanh, out) in tanh.chunks_exact_mut(m).zip(out.chunks_exact(2 * m)) {
            tanh.iter_mut().zip(out).for_each(|(t, &s)| *t = s * inner);
        });
        VecMath::tanh(tanh);
        scale.iter_mut().zip(&*tanh).for_each(|(s, &t)| *s = t * F::of(LARGEST));
        <F as VecMath>::exp(scale);
    }

    /// `y` holds x.
    pub(super) fn forward(&mut self, y: &mut [F], log_det: &mut [F], out: &[F], changed: Changed) {
        let m = changed.m;
        self.fill(out, m);
        known!(m => {
            let parts = self.scale.chunks_exact(m).zip(self.tanh.chunks_exact(m)).zip(out.chunks_exact(2 * m));
            for ((y, log_det), ((scale, tanh), out)) in changed.rows_mut(y).zip(log_det).zip(parts) {
                for j in 0..m {
                    y[j] = y[j] * scale[j] + out[m + j];
                }
                *log_det += F::of(LARGEST) * tanh.iter().copied().sum();
            }
        });
    }

    /// Overwrite `dx`, which holds ∂y, with ∂x, and `d_out` with ∂out.
    pub(super) fn backward_overwrite(
        &self,
        dx: &mut [F],
        d_out: &mut [F],
        d_log_det: &[F],
        x: &[F],
        changed: Changed,
    ) {
        let m = changed.m;
        known!(m => {
            let parts = self.scale.chunks_exact(m).zip(self.tanh.chunks_exact(m)).zip(d_out.chunks_exact_mut(2 * m));
            let rows = changed.rows_mut(dx).zip(changed.rows(x)).zip(d_log_det);
            for (((dx, x), &dl), ((scale, tanh), d_out)) in rows.zip(parts) {
                for j in 0..m {
                    // ds/ds̃ = 1 − tanh².
                    d_out[m + j] = dx[j];
                    dx[j] *= scale[j];
                    d_out[j] = (dx[j] * x[j] + dl) * (F::one() - tanh[j] * tanh[j]);
                }
            }
        });
    }

    /// `dy` holds ∂x, and then the ∂y for which [`backward_overwrite`](Self::backward_overwrite) gives it.
    pub(super) fn solve(&self, dy: &mut [F], changed: Changed) {
        let m = changed.m;
        for (b, dy) in changed.rows_mut(dy).enumerate() {
            dy.iter_mut().zip(&self.scale[b * m..]).for_each(|(d, &s)| *d /= s);
        }
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
