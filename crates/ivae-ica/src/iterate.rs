//! The fixed-point iterations of FastICA on whitened data.

use ivae_num::{GemmScratch, Purpose, Scalar, StreamKey, gemm, stream::fill_normal};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, Slice};

use crate::affine::BLOCK;
use crate::contrast::Contrast;
use crate::error::IcaError;
use crate::start::orthogonalise;
use crate::white::White;

/// Starts that are tried per component before a contrast is given up.
const STARTS: usize = 10;

/// What an iteration reads of the settings of [`FastIca`](crate::FastIca).
pub(crate) struct Settings<'a, C> {
    pub(crate) contrast: &'a C,
    pub(crate) tolerance: f64,
    pub(crate) max_iterations: usize,
    pub(crate) seed: u64,
}

/// What an iteration ended with.
pub(crate) struct Found {
    /// Orthogonal, `[n, n]`.
    pub(crate) w: Array2<f64>,
    pub(crate) iterations: usize,
    pub(crate) limit: f64,
    pub(crate) converged: bool,
    pub(crate) redrawn: usize,
}

/// An iteration on one data set, with its scratch memory.
pub(crate) struct Iteration<'a, F, C, W> {
    settings: Settings<'a, C>,
    white: W,
    /// One block of w · white, `[n · BLOCK]`.
    y: Vec<F>,
    scratch: GemmScratch<F>,
    redrawn: usize,
}

impl<'a, F: Scalar, C: Contrast, W: White<F>> Iteration<'a, F, C, W> {
    pub(crate) fn new(settings: Settings<'a, C>, white: W) -> Self {
        let (directions, samples) = white.dim();
        let y = vec![F::zero(); directions * BLOCK.min(samples)];
        Self { settings, white, y, scratch: GemmScratch::new(), redrawn: 0 }
    }

    /// One fixed-point step of every row of w `[k, n]` (Hyvärinen 1999, eq. 20): E[g(w·x) x] − E[g'(w·x)] w, in one
    /// pass over the data. Sums of a block are in F, sums of blocks in `f64`.
    fn step(&mut self, w: ArrayView2<'_, f64>) -> Result<Array2<f64>, W::Error> {
        let (k, n) = w.dim();
        let w_f = w.mapv(F::of);
        let mut next = Array2::<f64>::zeros((k, n));
        let mut slopes = Array1::<f64>::zeros(k);
        let mut product = Array2::<F>::zeros((k, n));
        let Self { settings, white, y: buffer, scratch, .. } = self;
        white.each(&mut |x| {
            let len = x.ncols();
            let y = &mut buffer[..k * len];
            let mut view =
                ArrayViewMut2::from_shape((k, len), &mut *y).expect("y was cut to k · len entries");
            gemm(view.view_mut(), F::zero(), F::one(), w_f.view(), x, scratch);
            for (y, slope) in y.chunks_mut(len).zip(&mut slopes) {
                *slope += settings.contrast.apply(y);
            }
            let y = ArrayView2::from_shape((k, len), &*y).expect("y was cut to k · len entries");
            gemm(product.view_mut(), F::zero(), F::one(), y, x.t(), scratch);
            next.zip_mut_with(&product, |next, product| *next += product.f64());
        })?;
        let samples = white.dim().1 as f64;
        next /= samples;
        slopes /= samples;
        Ok(next - &w * &slopes.insert_axis(Axis(1)))
    }

    /// All rows together, from any start `[n, n]`.
    pub(crate) fn parallel(&mut self, mut start: Array2<f64>) -> Result<Found, W::Error> {
        self.redraw_degenerate(&mut start)?;
        let mut w = orthogonalise(start.view())?;
        let (mut limit, mut iterations, mut converged) = (f64::INFINITY, 0, false);
        while self.goes_on(iterations, limit) {
            let mut next = self.step(w.view())?;
            self.redraw_degenerate(&mut next)?;
            let next = orthogonalise(next.view())?;
            let turned = w.rows().into_iter().zip(next.rows()).map(|(a, b)| turn(a, b)).fold(0.0, f64::max);
            converged = self.confirms(limit, turned);
            if converged || iterations == self.settings.max_iterations {
                break;
            }
            (w, limit) = (next, turned);
            iterations += 1;
        }
        Ok(Found { w, iterations, limit, converged, redrawn: self.redrawn })
    }

    /// Whether there is another step to make: one that is taken, or, where the last of all was small, one that tells
    /// whether that was convergence.
    fn goes_on(&self, iterations: usize, limit: f64) -> bool {
        iterations < self.settings.max_iterations || limit < self.settings.tolerance
    }

    /// Whether a step of size `limit` was the last that is needed, by the step after it. Between sources there are saddles
    /// at which steps are small too, but grow: only small steps that shrink are convergence.
    fn confirms(&self, limit: f64, next: f64) -> bool {
        limit < self.settings.tolerance && next <= limit.max(8.0 * F::epsilon().f64())
    }

    /// One row after the other, from the rows of a start `[n, n]`.
    pub(crate) fn deflation(&mut self, mut start: Array2<f64>) -> Result<Found, W::Error> {
        self.redraw_degenerate(&mut start)?;
        let n = start.nrows();
        let mut found =
            Found { w: Array2::zeros((n, n)), iterations: 0, limit: 0.0, converged: true, redrawn: 0 };
        for i in 0..n {
            let earlier = found.w.slice_axis(Axis(0), Slice::from(..i));
            let mut w = start.row(i).to_owned();
            w /= norm(w.view());
            let (mut iterations, mut limit, mut converged) = (0, f64::INFINITY, false);
            while self.goes_on(iterations, limit) {
                let mut next = self.step(w.view().insert_axis(Axis(0)))?.remove_axis(Axis(0));
                while !remove_span_and_normalise(&mut next, earlier) {
                    next = self.redraw(n)?;
                }
                let turned = turn(w.view(), next.view());
                converged = self.confirms(limit, turned);
                if converged || iterations == self.settings.max_iterations {
                    break;
                }
                (w, limit) = (next, turned);
                iterations += 1;
            }
            found.w.row_mut(i).assign(&w);
            found.iterations = found.iterations.max(iterations);
            found.limit = found.limit.max(limit);
            found.converged &= converged;
        }
        found.redrawn = self.redrawn;
        Ok(found)
    }

    /// Replaces each row that is zero or not finite.
    fn redraw_degenerate(&mut self, w: &mut Array2<f64>) -> Result<(), IcaError> {
        let n = w.ncols();
        for mut row in w.rows_mut() {
            let length = norm(row.view());
            if !(length > 0.0 && length.is_finite()) {
                row.assign(&self.redraw(n)?);
            }
        }
        Ok(())
    }

    /// A new random direction `[n]`.
    fn redraw(&mut self, n: usize) -> Result<Array1<f64>, IcaError> {
        self.redrawn += 1;
        if self.redrawn > STARTS * n {
            return Err(IcaError::Contrast { starts: self.redrawn });
        }
        let mut w = Array1::zeros(n);
        let key = StreamKey::new(self.settings.seed, Purpose::Init).step(self.redrawn as u64);
        fill_normal(w.as_slice_mut().expect("a new vector is contiguous"), n, key);
        Ok(w)
    }
}

/// 1 − |cos| of the angle between two unit vectors.
fn turn(a: ArrayView1<'_, f64>, b: ArrayView1<'_, f64>) -> f64 {
    (a.dot(&b).abs() - 1.0).abs()
}

fn norm(w: ArrayView1<'_, f64>) -> f64 {
    w.dot(&w).sqrt()
}

/// Makes w `[n]` a unit vector orthogonal to the orthonormal rows of `earlier` `[i, n]` (Gram–Schmidt, twice); false
/// if nothing is left of it.
fn remove_span_and_normalise(w: &mut Array1<f64>, earlier: ArrayView2<'_, f64>) -> bool {
    let length = norm(w.view());
    for _ in 0..2 {
        let inside = earlier.dot(w).dot(&earlier);
        *w -= &inside;
    }
    let left = norm(w.view());
    *w /= left;
    length.is_finite() && left > 1e-12 * length
}
