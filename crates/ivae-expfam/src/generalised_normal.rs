//! [`GeneralisedNormal`]: tails and peak by a learned shape; Gaussian and Laplace are two of them.

use ivae_num::{Scalar, vecmath::VecMath};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use crate::Density;
use crate::block::{BLOCK, Block, blocks};
use crate::shape::{assert_gradients, assert_rows};
use crate::special::ln_gamma_and_digamma;
use crate::terms::gather_residual;

/// Independent generalised normal components, θ = \[location | log_scale | log_shape\] `[B, 3n]`
/// (Subbotin 1923; Nadarajah 2005):
///
/// ```text
/// log p(v) = log β − log 2α − log Γ(1/β) − (|v − μ| / α)^β,     α = exp(log_scale), β = exp(log_shape).
/// ```
///
/// β = 2 is the Gaussian of variance α²/2, β = 1 the Laplace density, and β → ∞ the uniform one on [μ − α, μ + α].
/// At v = μ the derivative in v and μ is 0, by convention where there is a kink (β ≤ 1); near it, it has no bound
/// where β < 1. What depends on the shape alone is computed once for each run of equal shapes in a column, so that a
/// shape that all rows share costs next to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GeneralisedNormal;

impl GeneralisedNormal {
    /// Variance α² Γ(3/β) / Γ(1/β) (Nadarajah 2005, eq. 4) for α = exp(`log_scale`), β = exp(`log_shape`).
    pub fn variance(log_scale: f64, log_shape: f64) -> f64 {
        let inverse = (-log_shape).exp();
        // Γ(x) = Γ(1 + x) / x: as accurate for a large β.
        let ln_gamma = |x: f64| ln_gamma_and_digamma(1.0 + x).0 - x.ln();
        (2.0 * log_scale + ln_gamma(3.0 * inverse) - ln_gamma(inverse)).exp()
    }
}

impl<F: Scalar> Density<F> for GeneralisedNormal {
    fn width(&self, n: usize) -> usize {
        3 * n
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, 3 * n, "out", out);
        let (theta, mut terms) = (Columns::split(theta, n), Terms::new());
        out.fill(-F::of(n as f64) * F::LN_2());
        for block in blocks(rows, n) {
            terms.fill(&block, &theta, &v);
            let (minus, len) = (&mut terms.log_t[..block.len()], block.len());
            let norm = terms.log_scale[..len].iter().zip(&terms.shapes.log_norm[..len]);
            for ((minus, &power), (&log_scale, &log_norm)) in
                minus.iter_mut().zip(&terms.power[..len]).zip(norm)
            {
                *minus = power + (log_scale + log_norm);
            }
            block.add_row_sums(out, -F::one(), minus);
        }
    }

    fn log_prob_backward(
        &self,
        d_theta: Option<ArrayViewMut2<'_, F>>,
        mut d_v: Option<ArrayViewMut2<'_, F>>,
        theta: ArrayView2<'_, F>,
        v: ArrayView2<'_, F>,
        d_out: &[F],
    ) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, 3 * n, "d_out", d_out);
        assert_gradients(&d_theta, &d_v, (rows, n), 3 * n);
        let (theta, mut terms) = (Columns::split(theta, n), Terms::new());
        let mut d_theta = d_theta.map(|d_theta| {
            let (d_location, rest) = d_theta.split_at(Axis(1), n);
            let (d_log_scale, d_log_shape) = rest.split_at(Axis(1), n);
            (d_location, d_log_scale, d_log_shape)
        });

        // With t = |v − μ| / α: ∂μ = β t^β / (v − μ) = −∂v, ∂log α = β t^β − 1,
        // ∂log β = ψ(1 + 1/β) / β − β t^β log t.
        for block in blocks(rows, n) {
            terms.fill(&block, &theta, &v);
            let (len, cols) = (block.len(), block.cols.len());
            let Terms { residual, log_t, power, shapes, .. } = &mut terms;
            let (g, h, k) = (&mut residual[..len], &mut power[..len], &mut log_t[..len]);
            let in_out = g.chunks_exact_mut(cols).zip(h.chunks_exact_mut(cols)).zip(k.chunks_exact_mut(cols));
            let shapes = shapes.beta[..len].chunks_exact(cols).zip(shapes.slope[..len].chunks_exact(cols));
            for ((((g, h), k), (beta, slope)), &d) in in_out.zip(shapes).zip(&d_out[block.rows.clone()]) {
                let shapes = beta.iter().zip(slope);
                for (((g, h), k), (&beta, &slope)) in g.iter_mut().zip(h).zip(k).zip(shapes) {
                    let power = beta * *h;
                    // 0 at v = μ, where the quotient and the logarithm are not defined.
                    let at_zero = *h == F::zero();
                    *g = if at_zero { F::zero() } else { d * (power / *g) };
                    *k = d * (slope - if at_zero { F::zero() } else { power * *k });
                    *h = d * (power - F::one());
                }
            }
            if let Some((d_location, d_log_scale, d_log_shape)) = &mut d_theta {
                block.scatter_add(d_location, F::one(), g);
                block.scatter_add(d_log_scale, F::one(), h);
                block.scatter_add(d_log_shape, F::one(), k);
            }
            if let Some(d_v) = &mut d_v {
                block.scatter_add(d_v, -F::one(), g);
            }
        }
    }
}

/// The column blocks of θ, `[B, n]` each.
struct Columns<'a, F> {
    location: Option<ArrayView2<'a, F>>,
    log_scale: ArrayView2<'a, F>,
    log_shape: ArrayView2<'a, F>,
}

impl<'a, F: Scalar> Columns<'a, F> {
    fn split(theta: ArrayView2<'a, F>, n: usize) -> Self {
        let (location, rest) = theta.split_at(Axis(1), n);
        let (log_scale, log_shape) = rest.split_at(Axis(1), n);
        Self { location: Some(location), log_scale, log_shape }
    }
}

/// What the log-density and its derivatives need of a block.
struct Terms<F> {
    /// v − μ.
    residual: [F; BLOCK],
    /// log α.
    log_scale: [F; BLOCK],
    /// log t, t = |v − μ| / α; −∞ at v = μ.
    log_t: [F; BLOCK],
    /// t^β.
    power: [F; BLOCK],
    shapes: Shapes<F>,
}

impl<F: Scalar> Terms<F> {
    fn new() -> Self {
        let zero = [F::zero(); BLOCK];
        Self { residual: zero, log_scale: zero, log_t: zero, power: zero, shapes: Shapes::new() }
    }

    /// Overwrites the first `block.len()` entries of all.
    fn fill(&mut self, block: &Block, theta: &Columns<'_, F>, v: &ArrayView2<'_, F>) {
        let len = block.len();
        let (residual, log_scale) = (&mut self.residual[..len], &mut self.log_scale[..len]);
        let (log_t, power) = (&mut self.log_t[..len], &mut self.power[..len]);
        // `log_t` and `power` serve as scratch.
        gather_residual(residual, log_t, block, &theta.location, v);
        block.gather(log_scale, &theta.log_scale);
        block.gather(power, &theta.log_shape);
        self.shapes.fill(power, block.cols.len());

        log_t.iter_mut().zip(&*residual).for_each(|(log_t, r)| *log_t = r.abs());
        <F as VecMath>::ln(log_t);
        for (((log_t, power), &log_scale), &beta) in
            log_t.iter_mut().zip(&mut *power).zip(&*log_scale).zip(&self.shapes.beta[..len])
        {
            *log_t -= log_scale;
            *power = beta * *log_t;
        }
        <F as VecMath>::exp(power);
    }
}

/// What depends on the shape alone, kept from block to block.
struct Shapes<F> {
    /// log β, for which the rest holds.
    log_shape: [F; BLOCK],
    beta: [F; BLOCK],
    /// log Γ(1 + 1/β) = log Γ(1/β) − log β.
    log_norm: [F; BLOCK],
    /// ψ(1 + 1/β) / β, the derivative of −log_norm in log β.
    slope: [F; BLOCK],
}

impl<F: Scalar> Shapes<F> {
    fn new() -> Self {
        // NaN equals nothing: every entry is computed before it is used.
        let nan = [F::nan(); BLOCK];
        Self { log_shape: nan, beta: nan, log_norm: nan, slope: nan }
    }

    /// Make all hold for a block of `log_shape` with `cols` columns: what stood there before is kept where the shape
    /// is the same, and so is the row above.
    fn fill(&mut self, log_shape: &[F], cols: usize) {
        if self.log_shape[..log_shape.len()] == *log_shape {
            return;
        }
        for (i, &log_shape) in log_shape.iter().enumerate() {
            if self.log_shape[i] == log_shape {
                continue;
            }
            self.log_shape[i] = log_shape;
            if i >= cols && self.log_shape[i - cols] == log_shape {
                self.beta[i] = self.beta[i - cols];
                self.log_norm[i] = self.log_norm[i - cols];
                self.slope[i] = self.slope[i - cols];
            } else {
                // In f64 whatever F is: 1/β must not lose digits on its way through Γ.
                let beta = log_shape.f64().exp();
                let (log_norm, digamma) = ln_gamma_and_digamma(1.0 + 1.0 / beta);
                self.beta[i] = F::of(beta);
                self.log_norm[i] = F::of(log_norm);
                self.slope[i] = F::of(digamma / beta);
            }
        }
    }
}
