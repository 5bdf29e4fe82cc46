//! Gaussian log-densities and samples over rows, each forward next to its backward.

use ivae_num::{Formula, Functions, Scalar, each};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use super::form::{Gaussian, GaussianForm};
use crate::density::elementwise::{add_slopes, add_sums};
use crate::density::location_scale::{LocationScale, LocationScaleBuffer};
use crate::density::scale::Scale;
use crate::density::shape::{assert_gradients, assert_rows, assert_shape};
use crate::density::tile::tiles;
use crate::density::{Density, Reparam};

/// (v; μ, log σ²) → e² + log σ², e = (v − μ) / σ: −2 log N(v; μ, σ²) without log 2π.
#[derive(Clone, Copy)]
struct MinusTwice<F>(Scale<F>);

impl<F: Scalar> Formula<F, 1, 2> for MinusTwice<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [v]: [F; 1], [mean, log_var]: [F; 2]) -> [F; 1] {
        let e = (v - mean) * self.0.at::<M>(log_var);
        [e * e + log_var]
    }
}

/// (v, μ, log σ²) → d times the derivatives of log N(v; μ, σ²) in each: (−e / σ, e / σ, ½ (e² − 1)).
#[derive(Clone, Copy)]
struct Derivatives<F>(Scale<F>);

impl<F: Scalar> Formula<F, 3, 1> for Derivatives<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [v, mean, log_var]: [F; 3], [d]: [F; 1]) -> [F; 3] {
        let inverse = self.0.at::<M>(log_var);
        let e = (v - mean) * inverse;
        let slope = d * e * inverse;
        [-slope, slope, F::of(0.5) * d * (e * e - F::one())]
    }
}

/// A formula of (μ, log σ²) with one of them 0, for a θ that has only the mean or only the log-variance.
#[derive(Clone, Copy)]
struct Alone<M, const MEAN: bool>(M);

impl<M, const MEAN: bool> Alone<M, MEAN> {
    #[inline(always)]
    fn both<F: Scalar>(x: F) -> [F; 2] {
        if MEAN { [x, F::zero()] } else { [F::zero(), x] }
    }
}

impl<F: Scalar, const MEAN: bool> Formula<F, 1, 1> for Alone<MinusTwice<F>, MEAN> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, v: [F; 1], [x]: [F; 1]) -> [F; 1] {
        self.0.at::<M>(v, Self::both(x))
    }
}

impl<F: Scalar, const MEAN: bool> Formula<F, 2, 1> for Alone<Derivatives<F>, MEAN> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [v, x]: [F; 2], d: [F; 1]) -> [F; 2] {
        let [mean, log_var] = Self::both(x);
        let [d_v, d_mean, d_log_var] = self.0.at::<M>([v, mean, log_var], d);
        [d_v, if MEAN { d_mean } else { d_log_var }]
    }
}

impl<F: Scalar> Density<F> for Gaussian {
    fn width(&self, n: usize) -> usize {
        self.form.width(n)
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, self.form.width(n), "out", out);
        let formula = MinusTwice(Scale::new(-0.5));
        out.fill(F::of(-0.5 * n as f64) * F::TAU().ln());
        match self.form {
            GaussianForm::MeanVar => add_sums(out, -0.5, (theta, [0, n]), v, formula),
            GaussianForm::Mean => add_sums(out, -0.5, (theta, [0]), v, Alone::<_, true>(formula)),
            GaussianForm::Var => add_sums(out, -0.5, (theta, [0]), v, Alone::<_, false>(formula)),
        }
    }

    fn log_prob_backward(
        &self,
        d_theta: Option<ArrayViewMut2<'_, F>>,
        d_v: Option<ArrayViewMut2<'_, F>>,
        theta: ArrayView2<'_, F>,
        v: ArrayView2<'_, F>,
        d_out: &[F],
    ) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, self.form.width(n), "d_out", d_out);
        assert_gradients(&d_theta, &d_v, (rows, n), self.form.width(n));
        let formula = Derivatives(Scale::new(-0.5));
        match self.form {
            GaussianForm::MeanVar => add_slopes(d_theta, d_v, (theta, [0, 0, n]), v, d_out, formula),
            GaussianForm::Mean => {
                add_slopes(d_theta, d_v, (theta, [0, 0]), v, d_out, Alone::<_, true>(formula));
            }
            GaussianForm::Var => {
                add_slopes(d_theta, d_v, (theta, [0, 0]), v, d_out, Alone::<_, false>(formula));
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
        let (columns, mut buffer, sample) =
            (self.form.first_columns(n), LocationScaleBuffer::new(), Sample(Scale::new(0.5)));
        for tile in tiles(rows, n) {
            let LocationScale { v: noise, location: mean, log_scale: log_var, .. } =
                buffer.fill(&tile, columns, &theta, &noise);
            each([&mut *mean], [noise, log_var], sample);
            tile.scatter(&mut z, mean);
        }
    }

    /// Adds to `d_theta`: ∂μ = dz, ∂log σ² = ½ σ · noise · dz.
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
        let (mean, log_var) = self.form.first_columns(n);
        let (mut buffer, slope) = (LocationScaleBuffer::new(), SampleSlope(Scale::new(0.5)));
        for tile in tiles(rows, n) {
            let LocationScale { v: noise, log_scale: slopes, d, .. } =
                buffer.fill(&tile, (None, log_var), &theta, &noise);
            let dz = tile.read(d, &dz);
            if let Some(first) = mean {
                tile.scatter_add(&mut d_theta, first, 1.0, dz);
            }
            if let Some(first) = log_var {
                each([&mut *slopes], [noise, dz], slope);
                tile.scatter_add(&mut d_theta, first, 1.0, slopes);
            }
        }
    }

    fn mean(&self, mut z: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
        let (rows, n) = z.dim();
        assert_shape("theta", &theta, rows, self.form.width(n));
        match self.form.first_columns(n).0 {
            Some(_) => z.assign(&theta.split_at(Axis(1), n).0),
            None => z.fill(F::zero()),
        }
    }
}
