//! FastICA: linear independent components by fixed-point iteration on whitened data.

use ivae_num::Scalar;
use ndarray::ArrayView2;

use crate::contrast::{Contrast, Nonlinearity};
use crate::error::{IcaError, check_stop};
use crate::fitted::{Ended, FittedIca, Method};
use crate::iterate::{Found, Iteration, Settings};
use crate::pca::{Exact, Whitening, whitened};
use crate::start::Start;
use crate::white::White;

/// In which order the components are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// All at once, kept orthogonal by symmetric decorrelation.
    #[default]
    Parallel,
    /// One after the other, each orthogonal to those before it.
    Deflation,
}

/// FastICA (Hyvärinen 1999, IEEE Trans. Neural Networks 10:626): finds the unmixing of x = A s, s independent and at
/// most one of them Gaussian, up to order and sign.
///
/// ```
/// use ivae_ica::{Algorithm, FastIca, Nonlinearity};
/// let ica = FastIca { algorithm: Algorithm::Deflation, contrast: Nonlinearity::Cube, ..FastIca::default() };
/// ```
#[derive(Debug, Clone)]
pub struct FastIca<C = Nonlinearity> {
    /// All components at once, or one after the other.
    pub algorithm: Algorithm,
    /// The nonlinearity: one of [`Nonlinearity`] or your own [`Contrast`].
    pub contrast: C,
    /// How x is whitened, or that it is white already; the scale of the outputs.
    pub whitening: Whitening,
    /// Number of components n; as many as the data has directions if `None`.
    pub components: Option<usize>,
    /// Converged when no direction turns by more: max 1 − |cos| of the angle between steps is below this, and the next
    /// step, which is made but not taken, is no larger. At a saddle between sources steps are small too, but grow.
    pub tolerance: f64,
    /// At most this many iterations (of each component, in deflation).
    pub max_iterations: usize,
    /// Names the random start.
    pub seed: u64,
    /// Where it starts.
    pub start: Start,
}

impl Default for FastIca {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Parallel,
            contrast: Nonlinearity::default(),
            whitening: Whitening::Pca,
            components: None,
            tolerance: 1e-4,
            max_iterations: 200,
            seed: 0,
            start: Start::Random,
        }
    }
}

impl<C> FastIca<C> {
    /// The same settings with another contrast.
    pub fn with_contrast<D: Contrast>(self, contrast: D) -> FastIca<D> {
        let Self { algorithm, contrast: _, whitening, components, tolerance, max_iterations, seed, start } =
            self;
        FastIca { algorithm, contrast, whitening, components, tolerance, max_iterations, seed, start }
    }
}

impl<C: Contrast> FastIca<C> {
    /// Fit to x `[N, d]`, any offset, any (even singular) covariance: null directions are dropped.
    ///
    /// That it did not converge is no error: see [`FittedIca::converged`].
    ///
    /// # Errors
    /// A setting outside its range; a start of the wrong shape or not finite; fewer than 2 rows; an entry that is not
    /// finite; an overflow; more components than x has directions; x that is not white though [`Whitening::Given`] says
    /// so; a contrast that gives nothing finite.
    pub fn fit<F: Scalar>(&self, x: ArrayView2<'_, F>) -> Result<FittedIca<F>, IcaError> {
        self.check()?;
        let pca = self.whitening.fit(x, self.components)?;
        let white = whitened::<F, F>(&pca, x);
        self.on(&pca, white)
    }

    pub(crate) fn check(&self) -> Result<(), IcaError> {
        self.contrast.validate()?;
        check_stop(self.tolerance, "max_iterations", self.max_iterations)
    }

    /// On white data, which `pca` has made or would make.
    pub(crate) fn on<F: Scalar, W: White<F>>(&self, pca: &Exact, white: W) -> Result<FittedIca<F>, W::Error> {
        let start = self.start.whitened(pca, self.seed)?;
        let &Self { ref contrast, tolerance, max_iterations, seed, .. } = self;
        let mut iteration = Iteration::new(Settings { contrast, tolerance, max_iterations, seed }, white);
        let found = match self.algorithm {
            Algorithm::Parallel => iteration.parallel(start)?,
            Algorithm::Deflation => iteration.deflation(start)?,
        };
        let Found { w, iterations, limit, converged, redrawn } = found;
        let ended = Ended { method: Method::FastIca, b: w, iterations, limit, converged, redrawn };
        Ok(FittedIca::new(pca, ended, self.tolerance)?)
    }
}
