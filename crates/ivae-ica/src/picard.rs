//! [`Picard`]: maximum-likelihood ICA by preconditioned L-BFGS.

use ivae_num::Scalar;
use ndarray::{Array1, Array2, ArrayView2};

use crate::IcaError;
use crate::error::check_stop;
use crate::fitted::{Ended, FittedIca, Method};
use crate::lbfgs::{Memory, dot};
use crate::likelihood::{Likelihood, Moments};
use crate::pca::{Whitening, whitened};
use crate::start::{Start, orthogonalise};

/// Smallest eigenvalue that the approximate Hessian may have.
const LEAST_CURVATURE: f64 = 0.01;

/// Halvings of a step, at most.
const HALVINGS: usize = 10;

/// Losses that differ by less, relative to their size or 1, differ by rounding.
const ROUNDING: f64 = 1e-13;

/// Picard (Ablin, Cardoso & Gramfort 2018, IEEE Trans. Signal Processing 66:4040): the likelihood of x = A s, s
/// independent, maximised by L-BFGS whose preconditioner is the Hessian that independent sources would have. Where
/// FastICA circles, on sources that are not quite independent, it still converges.
///
/// Orthogonal, it keeps outputs uncorrelated (Picard-O: Ablin, Cardoso & Gramfort 2018, ICASSP) and has the fixed points
/// of [`FastIca`](crate::FastIca) with the logcosh contrast. Otherwise it is the maximum of the likelihood, that of
/// [`Infomax`](crate::Infomax), whose outputs may be correlated. Computes in `f64`.
#[derive(Debug, Clone)]
pub struct Picard {
    /// Outputs are uncorrelated.
    pub orthogonal: bool,
    /// Sources may be sub- or super-Gaussian, told apart as it goes (Lee, Girolami & Sejnowski 1999); otherwise all are
    /// taken as super-Gaussian, and sub-Gaussian ones stay mixed.
    pub extended: bool,
    /// How x is whitened, or that it is white already; the scale of the outputs.
    pub whitening: Whitening,
    /// Number of components n; as many as the data has directions if `None`.
    pub components: Option<usize>,
    /// Converged when no entry of the relative gradient is larger in magnitude.
    pub tolerance: f64,
    /// At most this many iterations.
    pub max_iterations: usize,
    /// Steps that L-BFGS remembers.
    pub memory: usize,
    /// Names the random start.
    pub seed: u64,
    /// Where it starts; orthogonalised for orthogonal outputs, and where it is singular.
    pub start: Start,
}

impl Default for Picard {
    fn default() -> Self {
        Self {
            orthogonal: true,
            extended: true,
            whitening: Whitening::Pca,
            components: None,
            tolerance: 1e-7,
            max_iterations: 500,
            memory: 7,
            seed: 0,
            start: Start::Random,
        }
    }
}

impl Picard {
    /// Fit to x `[N, d]`, any offset, any (even singular) covariance: null directions are dropped.
    ///
    /// That it did not converge is no error: see [`FittedIca::converged`].
    ///
    /// # Errors
    /// A setting outside its range; a start of the wrong shape or not finite; fewer than 2 rows; an entry that is not
    /// finite; an overflow; more components than x has directions; x that is not white though [`Whitening::Given`] says
    /// so.
    pub fn fit<F: Scalar>(&self, x: ArrayView2<'_, F>) -> Result<FittedIca<F>, IcaError> {
        check_stop(self.tolerance, "max_iterations", self.max_iterations)?;
        let pca = self.whitening.fit(x, self.components)?;
        let mut w = self.start.whitened(&pca, self.seed)?;
        let white = whitened(&pca, x);
        let Self { orthogonal, extended, .. } = *self;
        let likelihood = Likelihood { white: white.view(), steepness: 1.0, extended, orthogonal };
        let singular = !ivae_num::linalg::slogdet(w.view())?.1.is_finite();
        if orthogonal || singular || self.start == Start::Random {
            w = orthogonalise(w.view())?;
        }

        let mut at = Point::new(&likelihood, w);
        let mut signs = likelihood.signs(at.w.view(), &at.moments);
        let mut memory = Memory::new(self.memory);
        let mut last: Option<(Array2<f64>, Array2<f64>)> = None;
        let mut iterations = 0;
        let limit = loop {
            let now = likelihood.signs(at.w.view(), &at.moments);
            let g = likelihood.gradient(at.w.view(), &at.moments, &now);
            let limit = g.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
            if limit < self.tolerance || iterations == self.max_iterations {
                break limit;
            }
            if now != signs {
                // Another objective: what was learnt of the old one does not hold.
                memory.clear();
                signs = now;
            } else if let Some((step, before)) = last.take() {
                memory.push(step, &g - &before);
            }
            let Some((step, next)) = self.step(&likelihood, &at, &g, &signs, &mut memory)? else {
                break limit;
            };
            at = next;
            last = Some((step, g));
            iterations += 1;
        };
        let (converged, redrawn) = (limit < self.tolerance, usize::from(singular));
        let ended = Ended { method: Method::Picard, b: at.w, iterations, limit, converged, redrawn };
        FittedIca::new(&pca, ended, self.tolerance)
    }

    /// The step along the L-BFGS direction, or along the preconditioned gradient where that does not lower the loss,
    /// and the point it leads to; none if neither does.
    fn step(
        &self,
        likelihood: &Likelihood<'_>,
        at: &Point,
        g: &Array2<f64>,
        signs: &Array1<f64>,
        memory: &mut Memory,
    ) -> Result<Option<(Array2<f64>, Point)>, IcaError> {
        let loss = likelihood.loss(at.w.view(), &at.moments, signs)?;
        let curvature = self.curvature(at, signs);
        loop {
            let direction = memory.direction(g, |q| self.precondition(q, &curvature));
            if dot(&direction, g) < 0.0 {
                let mut step = direction;
                for _ in 0..=HALVINGS {
                    let moved = &at.w + &step.dot(&at.w);
                    let w = if self.orthogonal { orthogonalise(moved.view())? } else { moved };
                    let next = Point::new(likelihood, w);
                    let found = likelihood.loss(next.w.view(), &next.moments, signs)?;
                    if found <= loss + ROUNDING * loss.abs().max(1.0) {
                        return Ok(Some((step, next)));
                    }
                    step /= 2.0;
                }
            }
            if memory.is_empty() {
                return Ok(None);
            }
            memory.clear();
        }
    }

    /// Curvatures h_ij of the loss along the entries of the relative step, as if sources were independent, E ψ'(y_i) E y_j²
    /// (H̃¹ of Ablin, Cardoso & Gramfort 2018), `[n, n]`.
    fn curvature(&self, at: &Point, signs: &Array1<f64>) -> Array2<f64> {
        let (m, n) = (&at.moments, signs.len());
        if self.orthogonal {
            let excess = |i: usize| signs[i] * (m.slope[i] - m.cross[[i, i]]);
            return Array2::from_shape_fn((n, n), |(i, j)| {
                (0.5 * (excess(i) + excess(j))).max(LEAST_CURVATURE)
            });
        }
        let gaussian = if self.extended { 1.0 } else { 0.0 };
        let variance = |j: usize| at.w.row(j).dot(&at.w.row(j));
        let mut h = Array2::from_shape_fn((n, n), |(i, j)| {
            if i == j {
                let diagonal = signs[i] * m.curvature[i] + gaussian * variance(i) + 1.0;
                diagonal.max(LEAST_CURVATURE)
            } else {
                (signs[i] * m.slope[i] + gaussian) * variance(j)
            }
        });
        // Each pair is a matrix [[h_ij, 1], [1, h_ji]]: lift its smaller eigenvalue.
        for i in 0..n {
            for j in 0..i {
                let (a, b) = (h[[i, j]], h[[j, i]]);
                let least = 0.5 * (a + b - f64::hypot(a - b, 2.0));
                let lift = (LEAST_CURVATURE - least).max(0.0);
                (h[[i, j]], h[[j, i]]) = (a + lift, b + lift);
            }
        }
        h
    }

    /// The inverse of that Hessian times q `[n, n]`.
    fn precondition(&self, q: &Array2<f64>, h: &Array2<f64>) -> Array2<f64> {
        if self.orthogonal {
            return q / h;
        }
        Array2::from_shape_fn(q.dim(), |(i, j)| {
            if i == j {
                return q[[i, i]] / h[[i, i]];
            }
            let determinant = h[[i, j]] * h[[j, i]] - 1.0;
            (h[[j, i]] * q[[i, j]] - q[[j, i]]) / determinant
        })
    }
}

/// An unmixing of white data and its averages.
struct Point {
    w: Array2<f64>,
    moments: Moments,
}

impl Point {
    fn new(likelihood: &Likelihood<'_>, w: Array2<f64>) -> Self {
        Self { moments: likelihood.moments(w.view()), w }
    }
}
