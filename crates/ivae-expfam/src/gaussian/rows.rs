//! Gaussian log-densities and samples over rows, each forward next to its backward.

use ivae_num::{Formula, Functions, Scalar, each};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use super::Gaussian;
use crate::block::{Scale, blocks};
use crate::shape::{assert_gradients, assert_rows, assert_shape};
use crate::terms::{Filled, Terms};
use crate::{Density, Reparam};

/// μ → e² + log σ², e = (v − μ) / σ: −2 log N(v; μ, σ²) but for log 2π.
#[derive(Clone, Copy)]
struct MinusTwice<F>(Scale<F>);

impl<F: Scalar> Formula<F, 1, 2> for MinusTwice<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [mean]: [F; 1], [v, log_var]: [F; 2]) -> [F; 1] {
        let e = (v - mean) * self.0.at::<M>(log_var);
        [e * e + log_var]
    }
}

/// (μ, log σ²) → d times the derivatives of log N(v; μ, σ²) in each, (e / σ, ½ (e² − 1)); that in v is −e / σ.
#[derive(Clone, Copy)]
struct Derivatives<F>(Scale<F>);

impl<F: Scalar> Formula<F, 2, 2> for Derivatives<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [mean, log_var]: [F; 2], [v, d]: [F; 2]) -> [F; 2] {
        let inverse = self.0.at::<M>(log_var);
        let e = (v - mean) * inverse;
        [d * e * inverse, F::of(0.5) * d * (e * e - F::one())]
    }
}

impl<F: Scalar> Density<F> for Gaussian {
    fn width(&self, n: usize) -> usize {
        self.form.width(n)
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, self.form.width(n), "out", out);
        let (places, mut terms) = (self.form.places(n), Terms::new());
        let minus_twice = MinusTwice(Scale::new(-0.5));
        out.fill(F::of(-0.5 * n as f64) * F::TAU().ln());
        for block in blocks(rows, n) {
            let Filled { v, location: mean, log_scale: log_var, .. } = terms.fill(&block, places, &theta, &v);
            each([&mut *mean], [v, log_var], minus_twice);
            block.add_row_sums(out, -0.5, mean);
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
        assert_rows(&theta, rows, self.form.width(n), "d_out", d_out);
        assert_gradients(&d_theta, &d_v, (rows, n), self.form.width(n));
        let (places, mut terms) = (self.form.places(n), Terms::new());
        let derivatives = Derivatives(Scale::new(-0.5));
        for block in blocks(rows, n) {
            let Filled { v, location: mean, log_scale: log_var, d } = terms.fill(&block, places, &theta, &v);
            block.spread(d, d_out);
            each([&mut *mean, &mut *log_var], [v, d], derivatives);
            if let Some(d_v) = &mut d_v {
                block.scatter_add(d_v, 0, -1.0, mean);
            }
            if let Some(d_theta) = &mut d_theta {
                for (first, slope) in [(places.0, mean), (places.1, log_var)] {
                    if let Some(first) = first {
                        block.scatter_add(d_theta, first, 1.0, slope);
                    }
                }
            }
        }
    }
}

/// μ → μ + σ · noise.
#[derive(Clone, Copy)]
struct Sample<F>(Scale<F>);

impl<F: Scalar> Formula<F, 1, 2> for Sample<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [mean]: [F; 1], [noise, log_var]: [F; 2]) -> [F; 1] {
        [self.0.at::<M>(log_var) * noise + mean]
    }
}

/// log σ² → dz times the derivative of the sample in it, ½ σ · noise.
#[derive(Clone, Copy)]
struct SampleSlope<F>(Scale<F>);

impl<F: Scalar> Formula<F, 1, 2> for SampleSlope<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [log_var]: [F; 1], [noise, dz]: [F; 2]) -> [F; 1] {
        [F::of(0.5) * (self.0.at::<M>(log_var) * noise * dz)]
    }
}

impl<F: Scalar> Reparam<F> for Gaussian {
    /// z = μ + σ · noise.
    fn sample(&self, mut z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, noise: ArrayView2<'_, F>) {
        let (rows, n) = z.dim();
        assert_shape("theta", &theta, rows, self.form.width(n));
        assert_shape("noise", &noise, rows, n);
        let (places, mut terms, sample) = (self.form.places(n), Terms::new(), Sample(Scale::new(0.5)));
        for block in blocks(rows, n) {
            let Filled { v: noise, location: mean, log_scale: log_var, .. } =
                terms.fill(&block, places, &theta, &noise);
            each([&mut *mean], [noise, log_var], sample);
            block.scatter(&mut z, mean);
        }
    }

    /// ∂μ = dz, ∂log σ² = ½ σ · noise · dz.
    fn sample_backward(
        &self,
        mut d_theta: ArrayViewMut2<'_, F>,
        theta: ArrayView2<'_, F>,
        noise: ArrayView2<'_, F>,
        dz: ArrayView2<'_, F>,
    ) {
        let (rows, n) = dz.dim();
        assert_shape("theta", &theta, rows, self.form.width(n));
        assert_shape("d_theta", &d_theta.view(), rows, self.form.width(n));
        assert_shape("noise", &noise, rows, n);
        let (mean, log_var) = self.form.places(n);
        if mean.is_some() {
            let mut d_mean = d_theta.view_mut().split_at(Axis(1), n).0;
            d_mean += &dz;
        }
        let Some(first) = log_var else { return };
        let (mut terms, slope) = (Terms::new(), SampleSlope(Scale::new(0.5)));
        for block in blocks(rows, n) {
            let Filled { v: noise, log_scale: log_var, d, .. } =
                terms.fill(&block, (None, log_var), &theta, &noise);
            each([&mut *log_var], [noise, block.read(d, &dz)], slope);
            block.scatter_add(&mut d_theta, first, 1.0, log_var);
        }
    }

    fn mean(&self, mut z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
        let (rows, n) = z.dim();
        assert_shape("theta", &theta, rows, self.form.width(n));
        match self.form.places(n).0 {
            Some(_) => z.assign(&theta.split_at(Axis(1), n).0),
            None => z.fill(F::zero()),
        }
    }
}
