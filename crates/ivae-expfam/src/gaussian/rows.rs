//! Gaussian log-densities and samples over rows, each forward next to its backward.

use ivae_num::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::Gaussian;
use crate::block::{BLOCK, blocks, exp_scaled};
use crate::shape::{assert_gradients, assert_rows, assert_shape};
use crate::terms::{Terms, gather_scale};
use crate::{Density, Reparam};

impl<F: Scalar> Density<F> for Gaussian {
    fn width(&self, n: usize) -> usize {
        self.form.width(n)
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, self.form.width(n), "out", out);
        let (mean, log_var) = self.form.split(theta, n);
        let (mut terms, half) = (Terms::new(-0.5), F::of(0.5));

        // log N(v; μ, σ²) = −½ (e² + log σ² + log 2π), e = (v − μ) / σ.
        out.fill(-half * F::of(n as f64) * F::TAU().ln());
        for block in blocks(rows, n) {
            let (residual, log_var, inv_std) = terms.fill(&block, &mean, &log_var, &v);
            for ((r, &log_var), &s) in residual.iter_mut().zip(&*log_var).zip(&*inv_std) {
                let e = *r * s;
                *r = e * e + log_var;
            }
            block.add_row_sums(out, -half, residual);
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
        assert_rows(&theta, rows, self.form.width(n), "d_out", d_out);
        assert_gradients(&d_theta, &d_v, (rows, n), self.form.width(n));
        let (mean, log_var) = self.form.split(theta, n);
        let (mut d_mean, mut d_log_var) = d_theta.map_or((None, None), |d| self.form.split_mut(d, n));
        let mut terms = Terms::new(-0.5);

        // ∂μ = e / σ, ∂v = −e / σ, ∂log σ² = ½ (e² − 1).
        for block in blocks(rows, n) {
            let cols = block.cols.len();
            let (g, h, inv_std) = terms.fill(&block, &mean, &log_var, &v);
            let rows = g.chunks_exact_mut(cols).zip(h.chunks_exact_mut(cols)).zip(inv_std.chunks_exact(cols));
            for (((g, h), inv_std), &d) in rows.zip(&d_out[block.rows.clone()]) {
                let half_d = F::of(0.5) * d;
                for ((g, h), &s) in g.iter_mut().zip(h).zip(inv_std) {
                    let e = *g * s;
                    *g = d * e * s;
                    *h = half_d * (e * e - F::one());
                }
            }
            if let Some(d_mean) = &mut d_mean {
                block.scatter_add(d_mean, F::one(), g);
            }
            if let Some(d_v) = &mut d_v {
                block.scatter_add(d_v, -F::one(), g);
            }
            if let Some(d_log_var) = &mut d_log_var {
                block.scatter_add(d_log_var, F::one(), h);
            }
        }
    }
}

impl<F: Scalar> Reparam<F> for Gaussian {
    /// z = μ + σ · noise.
    fn sample(&self, mut z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, noise: ArrayView2<'_, F>) {
        let (rows, n) = z.dim();
        assert_shape("theta", &theta, rows, self.form.width(n));
        assert_shape("noise", &noise, rows, n);
        let (mean, log_var) = self.form.split(theta, n);
        let (mut out, mut scratch) = ([F::zero(); BLOCK], [F::zero(); BLOCK]);
        for block in blocks(rows, n) {
            let (out, scratch) = (&mut out[..block.len()], &mut scratch[..block.len()]);
            gather_scale(out, scratch, 0.5, &block, &log_var);
            block.gather(scratch, &noise);
            out.iter_mut().zip(&*scratch).for_each(|(out, &noise)| *out *= noise);
            if let Some(mean) = &mean {
                block.gather(scratch, mean);
                out.iter_mut().zip(&*scratch).for_each(|(out, &mean)| *out += mean);
            }
            block.scatter(&mut z, out);
        }
    }

    /// ∂μ = dz, ∂log σ² = ½ σ · noise · dz.
    fn sample_backward(
        &self,
        d_theta: ArrayViewMut2<'_, F>,
        theta: ArrayView2<'_, F>,
        noise: ArrayView2<'_, F>,
        dz: ArrayView2<'_, F>,
    ) {
        let (rows, n) = dz.dim();
        assert_shape("theta", &theta, rows, self.form.width(n));
        assert_shape("d_theta", &d_theta.view(), rows, self.form.width(n));
        assert_shape("noise", &noise, rows, n);
        let (_, log_var) = self.form.split(theta, n);
        let (d_mean, d_log_var) = self.form.split_mut(d_theta, n);
        if let Some(mut d_mean) = d_mean {
            d_mean += &dz;
        }
        let Some((log_var, mut d_log_var)) = log_var.zip(d_log_var) else { return };
        let (mut g, mut scratch) = ([F::zero(); BLOCK], [F::zero(); BLOCK]);
        for block in blocks(rows, n) {
            let (g, scratch) = (&mut g[..block.len()], &mut scratch[..block.len()]);
            block.gather(scratch, &log_var);
            exp_scaled(g, 0.5, scratch);
            for factor in [&noise, &dz] {
                block.gather(scratch, factor);
                g.iter_mut().zip(&*scratch).for_each(|(g, &x)| *g *= x);
            }
            block.scatter_add(&mut d_log_var, F::of(0.5), g);
        }
    }

    fn mean(&self, mut z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
        let (rows, n) = z.dim();
        assert_shape("theta", &theta, rows, self.form.width(n));
        match self.form.split(theta, n).0 {
            Some(mean) => z.assign(&mean),
            None => z.fill(F::zero()),
        }
    }
}
