//! The likelihood of linear ICA on white data: all that it and its derivatives need, in one pass.

use ivae_num::vecmath::VecMath;
use ivae_num::{GemmScratch, gemm, linalg};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis};

use crate::IcaError;

/// Samples per block: what one block needs stays in the cache.
const BLOCK: usize = 512;

/// Averages over the rows of y = w x, with ψ(y) = tanh(a y).
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    /// E log cosh(a y_i) / a, whose derivative is ψ, `[n]`.
    pub(crate) potential: Array1<f64>,
    /// E ψ(y_i) y_j, `[n, n]`.
    pub(crate) cross: Array2<f64>,
    /// E ψ'(y_i), `[n]`.
    pub(crate) slope: Array1<f64>,
    /// E ψ'(y_i) y_i², `[n]`.
    pub(crate) curvature: Array1<f64>,
}

/// White data and the model of the sources.
pub(crate) struct Likelihood<'x> {
    /// `[n, N]`.
    pub(crate) white: ArrayView2<'x, f64>,
    /// a of tanh(a y).
    pub(crate) steepness: f64,
    /// Sources are sub- or super-Gaussian, whichever fits each, rather than all super-Gaussian.
    pub(crate) extended: bool,
    /// w is kept orthogonal.
    pub(crate) orthogonal: bool,
}

impl Likelihood<'_> {
    /// Averages at w `[n, n]`.
    pub(crate) fn moments(&self, w: ArrayView2<'_, f64>) -> Moments {
        let (n, samples) = self.white.dim();
        let mut out = Moments {
            potential: Array1::zeros(n),
            cross: Array2::zeros((n, n)),
            slope: Array1::zeros(n),
            curvature: Array1::zeros(n),
        };
        let mut scratch = GemmScratch::new();
        let mut buffers = [(); 3].map(|()| vec![0.0; n * BLOCK.min(samples)]);
        for x in self.white.axis_chunks_iter(Axis(1), BLOCK) {
            let len = x.ncols();
            let [y, t, logs] = buffers.each_mut().map(|buffer| &mut buffer[..n * len]);
            gemm(as_matrix_mut(y, n), 0.0, 1.0, w, x, &mut scratch);
            t.iter_mut().zip(&*y).for_each(|(t, &y)| *t = self.steepness * y);
            <f64 as VecMath>::tanh(t);
            // log cosh v = |v| − log(1 + tanh |v|).
            logs.iter_mut().zip(&*t).for_each(|(log, t)| *log = 1.0 + t.abs());
            <f64 as VecMath>::ln(logs);
            let rows = y.chunks(len).zip(t.chunks(len)).zip(logs.chunks(len));
            for (i, ((y, t), logs)) in rows.enumerate() {
                let (mut potential, mut slope, mut curvature) = (0.0, 0.0, 0.0);
                for ((&y, &t), &log) in y.iter().zip(t).zip(logs) {
                    let derivative = 1.0 - t * t;
                    potential += self.steepness * y.abs() - log;
                    slope += derivative;
                    curvature += derivative * y * y;
                }
                out.potential[i] += potential;
                out.slope[i] += slope;
                out.curvature[i] += curvature;
            }
            gemm(out.cross.view_mut(), 1.0, 1.0, as_matrix(t, n), as_matrix(y, n).t(), &mut scratch);
        }
        out.cross /= samples as f64;
        out.potential /= self.steepness * samples as f64;
        out.slope *= self.steepness / samples as f64;
        out.curvature *= self.steepness / samples as f64;
        out
    }

    /// +1 for a super-Gaussian source, −1 for a sub-Gaussian one, by the condition under which the point is stable:
    /// the sign of E ψ'(y) E y² − E ψ(y) y (Lee, Girolami & Sejnowski 1999), `[n]`.
    pub(crate) fn signs(&self, w: ArrayView2<'_, f64>, m: &Moments) -> Array1<f64> {
        Array1::from_shape_fn(w.nrows(), |i| {
            let stable = m.slope[i] * w.row(i).dot(&w.row(i)) - m.cross[[i, i]];
            if self.extended && stable < 0.0 { -1.0 } else { 1.0 }
        })
    }

    /// Minus the mean log-likelihood, but for a constant: Σ_i E log cosh(y_i) − log |det w|; extended, the density of
    /// y_i is proportional to exp(−y² / 2) cosh(y)^(∓1).
    pub(crate) fn loss(
        &self,
        w: ArrayView2<'_, f64>,
        m: &Moments,
        signs: &Array1<f64>,
    ) -> Result<f64, IcaError> {
        let sources = m.potential.dot(signs);
        if self.orthogonal {
            return Ok(sources);
        }
        let gaussian = if self.extended { 0.5 * w.iter().map(|v| v * v).sum::<f64>() } else { 0.0 };
        Ok(sources + gaussian - linalg::slogdet(w)?.1)
    }

    /// Its relative gradient, the derivative by e of w ← (1 + e) w: E ψ(y) yᵀ − 1 (Amari, Cichocki & Yang
    /// 1996), extended with the signs and + y yᵀ; among orthogonal w its antisymmetric part, `[n, n]`.
    pub(crate) fn gradient(&self, w: ArrayView2<'_, f64>, m: &Moments, signs: &Array1<f64>) -> Array2<f64> {
        let g = &m.cross * &signs.view().insert_axis(Axis(1));
        if self.orthogonal {
            return (&g - &g.t()) / 2.0;
        }
        let g = if self.extended { g + w.dot(&w.t()) } else { g };
        g - Array2::<f64>::eye(w.nrows())
    }
}

/// The columns `[n, len]` of a slice of n rows.
fn as_matrix(flat: &[f64], n: usize) -> ArrayView2<'_, f64> {
    ArrayView2::from_shape((n, flat.len() / n), flat).expect("the slice holds n rows")
}

fn as_matrix_mut(flat: &mut [f64], n: usize) -> ArrayViewMut2<'_, f64> {
    ArrayViewMut2::from_shape((n, flat.len() / n), flat).expect("the slice holds n rows")
}

#[cfg(test)]
mod tests {
    use ivae_num::gradcheck::check;
    use ivae_num::{Purpose, StreamKey, stream::fill_normal};

    use super::*;
    use crate::start::orthogonalise;

    fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut flat = vec![0.0; rows * columns];
        fill_normal(&mut flat, columns, StreamKey::new(seed, Purpose::Generate));
        Array2::from_shape_fn((rows, columns), |(i, j)| flat[i * columns + j])
    }

    #[test]
    fn gradients_match_differences() {
        let white = normals(3, 700, 1).mapv(|v| v * v.abs());
        for (extended, orthogonal, steepness) in [
            (false, false, 1.0),
            (false, false, 0.5),
            (true, false, 1.0),
            (true, true, 1.0),
            (false, true, 1.0),
        ] {
            let likelihood = Likelihood { white: white.view(), steepness, extended, orthogonal };
            let start = normals(3, 3, 2);
            let w = if orthogonal { orthogonalise(start.view()).unwrap() } else { start };
            let signs = if extended { ndarray::array![1.0, -1.0, 1.0] } else { Array1::ones(3) };
            let g = likelihood.gradient(w.view(), &likelihood.moments(w.view()), &signs);
            let loss = |e: &[f64]| {
                let e = Array2::from_shape_fn((3, 3), |(i, j)| e[3 * i + j]);
                let moved = if orthogonal {
                    // (1 + e − eᵀ) w, orthogonal to first order in e: its loss moves by twice the antisymmetric part.
                    orthogonalise((&w + &(&e - &e.t()).dot(&w)).view()).unwrap()
                } else {
                    &w + &e.dot(&w)
                };
                likelihood.loss(moved.view(), &likelihood.moments(moved.view()), &signs).unwrap()
            };
            let expected = if orthogonal { &g * 2.0 } else { g };
            let expected: Vec<f64> = expected.iter().copied().collect();
            check(&[0.0; 9], &expected, loss).assert_below(1e-7);
        }
    }
}
