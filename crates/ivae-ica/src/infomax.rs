//! [`Infomax`]: maximum-likelihood ICA by natural gradients.

use ivae_num::Scalar;
use ndarray::ArrayView2;

use crate::IcaError;
use crate::error::check_stop;
use crate::fitted::{Ended, FittedIca, Method};
use crate::likelihood::Likelihood;
use crate::pca::{Whitening, whitened};
use crate::start::{Start, orthogonalise};

/// Learning rate at the start.
const RATE: f64 = 0.5;

/// The learning rate changes by these factors after a step that lowers the loss, and after one that does not.
const CHANGE: (f64, f64) = (1.1, 0.5);

/// Below this learning rate no step lowers the loss any more but for rounding.
const LEAST: f64 = 1e-12;

/// Infomax (Bell & Sejnowski 1995), extended to sub-Gaussian sources (Lee, Girolami & Sejnowski 1999): the natural
/// gradient w ← w − η (E ψ(y) yᵀ − 1) w (Amari, Cichocki & Yang 1996) of the likelihood. The mean is over all rows, not
/// over blocks of them, so that it converges; η grows while the loss falls, and a step that does not lower it is
/// taken back (the bold driver, Battiti 1989).
///
/// Its limit, extended, is the maximum of the likelihood that [`Picard`](crate::Picard) finds without `orthogonal` in
/// far fewer passes over the data: choose Infomax to compare with studies that used it. Outputs may be correlated. Not
/// extended, the sources are taken as logistic. Computes in `f64`.
#[derive(Debug, Clone)]
pub struct Infomax {
    /// Sources may be sub- or super-Gaussian; otherwise all are taken as super-Gaussian.
    pub extended: bool,
    /// How x is whitened, or that it is white already; the scale of the outputs.
    pub whitening: Whitening,
    /// Number of components n; as many as the data has directions if `None`.
    pub components: Option<usize>,
    /// Converged when no entry of the relative gradient is larger in magnitude.
    pub tolerance: f64,
    /// At most this many iterations, each a pass over the data.
    pub max_iterations: usize,
    /// Names the random start.
    pub seed: u64,
    /// Where it starts; orthogonalised where it is random or singular.
    pub start: Start,
}

impl Default for Infomax {
    fn default() -> Self {
        Self {
            extended: true,
            whitening: Whitening::Pca,
            components: None,
            tolerance: 1e-6,
            max_iterations: 2000,
            seed: 0,
            start: Start::Random,
        }
    }
}

impl Infomax {
    /// Fit to x `[N, d]`, any offset, any (even singular) covariance: null directions are dropped.
    ///
    /// That it did not converge is no error: see [`FittedIca::converged`].
    ///
    /// # Errors
    /// As [`Picard::fit`](crate::Picard::fit).
    pub fn fit<F: Scalar>(&self, x: ArrayView2<'_, F>) -> Result<FittedIca<F>, IcaError> {
        check_stop(self.tolerance, "max_iterations", self.max_iterations)?;
        let pca = self.whitening.fit(x, self.components)?;
        let mut w = self.start.whitened(&pca, self.seed)?;
        let singular = !ivae_num::linalg::slogdet(w.view())?.1.is_finite();
        if singular || self.start == Start::Random {
            w = orthogonalise(w.view())?;
        }
        let white = whitened(&pca, x);
        let steepness = if self.extended { 1.0 } else { 0.5 };
        let likelihood =
            Likelihood { white: white.view(), steepness, extended: self.extended, orthogonal: false };

        let mut moments = likelihood.moments(w.view());
        let (mut rate, mut iterations) = (RATE, 0);
        let limit = loop {
            let signs = likelihood.signs(w.view(), &moments);
            let gradient = likelihood.gradient(w.view(), &moments, &signs);
            let limit = gradient.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
            if limit < self.tolerance || iterations >= self.max_iterations || rate < LEAST {
                break limit;
            }
            let loss = likelihood.loss(w.view(), &moments, &signs)?;
            while iterations < self.max_iterations && rate >= LEAST {
                iterations += 1;
                let moved = &w - &(gradient.dot(&w) * rate);
                let there = likelihood.moments(moved.view());
                if likelihood.loss(moved.view(), &there, &signs)? <= loss {
                    (w, moments) = (moved, there);
                    rate *= CHANGE.0;
                    break;
                }
                rate *= CHANGE.1;
            }
        };
        let (converged, redrawn) = (limit < self.tolerance, usize::from(singular));
        let ended = Ended { method: Method::Infomax, b: w, iterations, limit, converged, redrawn };
        FittedIca::new(&pca, ended, self.tolerance)
    }
}
