//! [`Step`]: the simple injective maps that mixings are composed of, each with its inverse.

use ivae_num::{LinalgError, linalg};
use ndarray::{Array1, Array2, Axis};

use super::moebius::Moebius;
use super::monotone::Monotone;

/// Rounds of the fixed-point iteration that inverts a residual step: its error falls by the Lipschitz constant of the
/// added part in each, so that 0.9 leaves less than 1e-18 of it.
const ROUNDS: usize = 400;
/// The iteration ends when no value moves by more than this.
const STILL: f64 = 1e-14;

/// One part of a mixing, from rows h `[N, a]` to rows `[N, b]`, a ≤ b.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// h + b.
    Shift(Array1<f64>),
    /// h W, W `[a, b]` of rank a.
    Linear(Array2<f64>),
    /// An increasing function of each coordinate.
    Coordinates(Vec<Monotone>),
    /// See [`Swirl`].
    Swirl(Swirl),
    /// See [`Coupling`].
    Coupling(Coupling),
    /// See [`Residual`].
    Residual(Residual),
    /// See [`Moebius`].
    Moebius(Moebius),
}

/// Plane k, of coordinates 2k and 2k + 1, turned by `angles[k]` · r²/(1 + r²), r being the radius in that plane.
///
/// The Jacobian is a rotation times a shear of at most `angles[k]`/2; its determinant is 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Swirl {
    pub(super) angles: Vec<f64>,
}

/// The last coordinates shifted by `amplitude` · sin(W h₁ + φ) of the first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Coupling {
    pub(super) amplitude: f64,
    /// W, `[first, last]`.
    pub(super) weights: Array2<f64>,
    /// φ, `[last]`.
    pub(super) phase: Array1<f64>,
}

/// h S + σ(h W + φ) V, where the rows of S are orthonormal.
///
/// Injective if σ(h W + φ) V Sᵀ has a Lipschitz constant below 1 (Behrmann et al. 2019, theorem 1), whatever V does
/// across the range of S.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Residual {
    /// S, `[a, b]`.
    pub(super) skip: Array2<f64>,
    /// W, `[a, k]`.
    pub(super) inner: Array2<f64>,
    /// φ, `[k]`.
    pub(super) phase: Array1<f64>,
    /// V, `[k, b]`.
    pub(super) outer: Array2<f64>,
    /// σ.
    pub(super) wave: Wave,
}

/// A function with derivatives in [−1, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wave {
    Sin,
    Tanh,
}

impl Step {
    /// The map.
    pub(super) fn forward(&self, mut h: Array2<f64>) -> Array2<f64> {
        match self {
            Self::Shift(b) => h + b,
            Self::Linear(w) => h.dot(w),
            Self::Coordinates(functions) => {
                for (mut column, f) in h.columns_mut().into_iter().zip(functions) {
                    column.mapv_inplace(|v| f.value(v));
                }
                h
            }
            Self::Swirl(swirl) => swirl.turn(h, 1.0),
            Self::Coupling(coupling) => coupling.shift(h, 1.0),
            Self::Residual(residual) => h.dot(&residual.skip) + residual.added(&h),
            Self::Moebius(map) => {
                h.rows_mut().into_iter().for_each(|row| map.forward(row));
                h
            }
        }
    }

    /// Its inverse, of rows in its range.
    pub(super) fn inverse(&self, mut x: Array2<f64>) -> Result<Array2<f64>, LinalgError> {
        Ok(match self {
            Self::Shift(b) => x - b,
            Self::Linear(w) if w.is_square() => {
                linalg::solve(w.t(), x.t())?.reversed_axes() // Wᵀ hᵀ = xᵀ
            }
            Self::Linear(w) => {
                linalg::solve(w.dot(&w.t()).view(), w.dot(&x.t()).view())?.reversed_axes() // W Wᵀ hᵀ = W xᵀ
            }
            Self::Coordinates(functions) => {
                for (mut column, f) in x.columns_mut().into_iter().zip(functions) {
                    column.mapv_inplace(|v| f.inverse(v));
                }
                x
            }
            Self::Swirl(swirl) => swirl.turn(x, -1.0),
            Self::Coupling(coupling) => coupling.shift(x, -1.0),
            Self::Residual(residual) => residual.solve(&x),
            Self::Moebius(map) => {
                x.rows_mut().into_iter().for_each(|row| map.inverse(row));
                x
            }
        })
    }
}

impl Swirl {
    fn turn(&self, mut h: Array2<f64>, sign: f64) -> Array2<f64> {
        for mut row in h.rows_mut() {
            for (k, angle) in self.angles.iter().enumerate() {
                let (a, b) = (row[2 * k], row[2 * k + 1]);
                let r2 = a * a + b * b;
                let (sin, cos) = (sign * angle * r2 / (1.0 + r2)).sin_cos();
                (row[2 * k], row[2 * k + 1]) = (cos * a - sin * b, sin * a + cos * b);
            }
        }
        h
    }
}

impl Coupling {
    fn shift(&self, mut h: Array2<f64>, sign: f64) -> Array2<f64> {
        let (first, mut last) = h.view_mut().split_at(Axis(1), self.weights.nrows());
        let wave = (first.dot(&self.weights) + &self.phase).mapv_into(f64::sin);
        last.scaled_add(sign * self.amplitude, &wave);
        h
    }
}

impl Residual {
    fn added(&self, h: &Array2<f64>) -> Array2<f64> {
        let inside = h.dot(&self.inner) + &self.phase;
        let wave = match self.wave {
            Wave::Sin => inside.mapv_into(f64::sin),
            Wave::Tanh => inside.mapv_into(f64::tanh),
        };
        wave.dot(&self.outer)
    }

    /// The fixed point of h = (x − σ(h W + φ) V) Sᵀ.
    fn solve(&self, x: &Array2<f64>) -> Array2<f64> {
        let mut h = x.dot(&self.skip.t());
        for _ in 0..ROUNDS {
            let next = (x - self.added(&h)).dot(&self.skip.t());
            let still = h.iter().zip(&next).all(|(a, b)| (a - b).abs() <= STILL * b.abs().max(1.0));
            h = next;
            if still {
                break;
            }
        }
        h
    }
}
