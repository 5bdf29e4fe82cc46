//! FastICA: linear independent components by fixed-point iteration on whitened data.

use ivae_num::{Purpose, Scalar, StreamKey, stream::fill_normal};
use ndarray::{Array1, Array2, ArrayView2};

use crate::affine::{centred_product, product_plus};
use crate::contrast::{Contrast, Nonlinearity};
use crate::error::{IcaError, check_columns, check_stop};
use crate::iterate::Iteration;
use crate::pca::Exact;

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
    /// Number of components n; as many as the data has directions if `None`.
    pub components: Option<usize>,
    /// Converged when no direction turns by more: max 1 − |cos| of the angle between steps is below this.
    pub tolerance: f64,
    /// At most this many iterations (of each component, in deflation).
    pub max_iterations: usize,
    /// Names the random start.
    pub seed: u64,
    /// Start `[n, n]` in whitened coordinates instead of a random one; rows need not be orthogonal.
    pub w_init: Option<Array2<f64>>,
}

impl Default for FastIca {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Parallel,
            contrast: Nonlinearity::default(),
            components: None,
            tolerance: 1e-4,
            max_iterations: 200,
            seed: 0,
            w_init: None,
        }
    }
}

/// A fitted linear ICA: sources = (x − `mean`) `unmixing`ᵀ.
#[derive(Debug, Clone)]
pub struct FittedIca<F> {
    /// Mean of the data, `[d]`.
    pub mean: Array1<F>,
    /// Whitening K of centred x, `[n, d]`: (x − mean) Kᵀ has the identity as its covariance (ddof 0).
    pub whitening: Array2<F>,
    /// Unmixing of centred x, `[n, d]`: its outputs have variance 1 on the fitted data. An orthogonal W times K.
    pub unmixing: Array2<F>,
    /// Mixing, the pseudo-inverse of `unmixing`, `[d, n]`.
    pub mixing: Array2<F>,
    /// Iterations done; in deflation, the most that any component took.
    pub iterations: usize,
    /// Did every direction settle to the tolerance?
    pub converged: bool,
    /// The last value of what has to fall below the tolerance; in deflation, the worst component's.
    pub limit: f64,
    /// Directions that came out degenerate (zero or not finite) and were drawn again.
    pub redrawn: usize,
    /// Number of directions in which the data varies: n at most.
    pub rank: usize,
}

impl<C> FastIca<C> {
    /// The same settings with another contrast.
    pub fn with_contrast<D: Contrast>(self, contrast: D) -> FastIca<D> {
        let Self { algorithm, contrast: _, components, tolerance, max_iterations, seed, w_init } = self;
        FastIca { algorithm, contrast, components, tolerance, max_iterations, seed, w_init }
    }
}

impl<C: Contrast> FastIca<C> {
    /// Fit to x `[N, d]`, any offset, any (even singular) covariance: null directions are dropped.
    ///
    /// That it did not converge is no error: see [`FittedIca::converged`].
    ///
    /// # Errors
    /// A setting outside its range; a start of the wrong shape or not finite; fewer than 2 rows; an entry that is not
    /// finite; an overflow; more components than x has directions; a contrast that gives nothing finite.
    pub fn fit<F: Scalar>(&self, x: ArrayView2<'_, F>) -> Result<FittedIca<F>, IcaError> {
        self.validate()?;
        let pca = Exact::fit(x, self.components)?;
        let n = pca.components.nrows();
        let start = self.start(n)?;
        let whitening = pca.whitening();

        let mut white = Array2::<F>::zeros((n, x.nrows()));
        centred_product(white.view_mut().reversed_axes(), x, &pca.mean, whitening.mapv(F::of).view());
        let mut iteration = Iteration::new(self, white.view());
        let found = match self.algorithm {
            Algorithm::Parallel => iteration.parallel(start)?,
            Algorithm::Deflation => iteration.deflation(start)?,
        };

        Ok(FittedIca {
            mean: pca.mean.mapv(F::of),
            unmixing: found.w.dot(&whitening).mapv(F::of),
            mixing: pca.colouring().dot(&found.w.t()).mapv(F::of),
            whitening: whitening.mapv(F::of),
            iterations: found.iterations,
            converged: found.limit < self.tolerance,
            limit: found.limit,
            redrawn: found.redrawn,
            rank: pca.rank,
        })
    }

    fn validate(&self) -> Result<(), IcaError> {
        self.contrast.validate()?;
        check_stop(self.tolerance, "max_iterations", self.max_iterations)
    }

    /// The start `[n, n]`: the user's or standard normals.
    fn start(&self, n: usize) -> Result<Array2<f64>, IcaError> {
        let Some(w) = &self.w_init else {
            let mut normals = vec![0.0; n * n];
            fill_normal(&mut normals, n, StreamKey::new(self.seed, Purpose::Init));
            return Ok(Array2::from_shape_fn((n, n), |(i, j)| normals[i * n + j]));
        };
        if w.dim() != (n, n) {
            return Err(IcaError::StartShape { expected: n, rows: w.nrows(), columns: w.ncols() });
        }
        if let Some((_, &value)) = w.indexed_iter().find(|(_, v)| !v.is_finite()) {
            return Err(IcaError::Setting { name: "w_init", range: "finite", value });
        }
        Ok(w.clone())
    }
}

impl<F: Scalar> FittedIca<F> {
    /// Sources `[N, n]` of x `[N, d]`.
    ///
    /// # Errors
    /// Another number of columns than d.
    pub fn transform(&self, x: ArrayView2<'_, F>) -> Result<Array2<F>, IcaError> {
        check_columns(self.mean.len(), x.ncols())?;
        let mut out = Array2::zeros((x.nrows(), self.unmixing.nrows()));
        centred_product(out.view_mut(), x, &self.mean.mapv(F::f64), self.unmixing.view());
        Ok(out)
    }

    /// Data `[N, d]` with these sources `[N, n]`: undoes [`transform`](Self::transform) within the span of the
    /// components.
    ///
    /// # Errors
    /// Another number of columns than n.
    pub fn inverse_transform(&self, sources: ArrayView2<'_, F>) -> Result<Array2<F>, IcaError> {
        check_columns(self.mixing.ncols(), sources.ncols())?;
        Ok(product_plus(sources, self.mixing.view(), &self.mean))
    }
}
