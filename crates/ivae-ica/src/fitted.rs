//! [`FittedIca`]: the affine unmixing that every method of this crate gives, and how the method ended.

use ivae_num::{Scalar, linalg};
use ndarray::{Array1, Array2, ArrayView2};

use crate::affine::{product_plus, project};
use crate::error::{IcaError, check_columns};
use crate::pca::Exact;

/// Which method found an unmixing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Method {
    /// [`FastIca`](crate::FastIca).
    FastIca,
    /// [`Picard`](crate::Picard).
    Picard,
    /// [`Infomax`](crate::Infomax).
    Infomax,
    /// [`Ajd`](crate::Ajd).
    Ajd,
    /// [`Sobi`](crate::Sobi).
    Sobi,
}

impl Method {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::FastIca => "fastica",
            Self::Picard => "picard",
            Self::Infomax => "infomax",
            Self::Ajd => "ajd",
            Self::Sobi => "sobi",
        }
    }
}

/// A fitted linear ICA: sources = (x − `mean`) `unmixing`ᵀ.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedIca<F> {
    /// The method that found it.
    pub method: Method,
    /// Mean of the data, `[d]`.
    pub mean: Array1<F>,
    /// Whitening K of centred x, `[n, d]`: (x − mean) Kᵀ has the identity as its covariance (ddof 0), or 1/N of it
    /// with [`Whitening::ArbitraryVariance`](crate::Whitening::ArbitraryVariance). In a [`StableIca`](crate::StableIca) it has all directions of x as rows, `[rank, d]`.
    pub whitening: Array2<F>,
    /// Unmixing of centred x, `[n, d]`: its outputs have variance 1 (or 1/N, as those of K) on the fitted data. A
    /// matrix W with rows of length 1 times K; W is orthogonal for FastICA, SOBI and orthogonal Picard, whose outputs are uncorrelated. A
    /// [`LinearStep`](crate::LinearStep) that is a rotation leaves the scale as it is.
    pub unmixing: Array2<F>,
    /// Mixing, the pseudo-inverse of `unmixing`, `[d, n]`.
    pub mixing: Array2<F>,
    /// Iterations or sweeps done; in deflation, the most that any component took.
    pub iterations: usize,
    /// Did `limit` fall below the tolerance, and with [`FastIca`](crate::FastIca), was the step after it no larger?
    pub converged: bool,
    /// The last value of what has to fall below the tolerance; in deflation, the worst component's.
    pub limit: f64,
    /// What it has to fall below.
    pub tolerance: f64,
    /// Starts or directions that came out degenerate (zero, singular or not finite) and were made again.
    pub redrawn: usize,
    /// Number of directions in which the data varies: n at most.
    pub rank: usize,
    /// The attempt that did not converge and that this one went on from ([`Auto`](crate::Auto)).
    pub before: Option<Attempt>,
}

/// How a search for the unmixing ended that another one went on from.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Attempt {
    /// Its method.
    pub method: Method,
    /// Iterations done.
    pub iterations: usize,
    /// The last value of what had to fall below the tolerance.
    pub limit: f64,
    /// The tolerance.
    pub tolerance: f64,
    /// Starts or directions that were made again.
    pub redrawn: usize,
}

/// How a method ended on whitened data.
pub(crate) struct Ended {
    pub(crate) method: Method,
    /// Sources = white bᵀ, `[n, r]` for r directions of white data, r ≥ n; rows of any length.
    pub(crate) b: Array2<f64>,
    pub(crate) iterations: usize,
    pub(crate) limit: f64,
    pub(crate) converged: bool,
    pub(crate) redrawn: usize,
}

impl<F: Scalar> FittedIca<F> {
    /// The map on x of the one on whitened x, scaled to outputs of unit variance, or what `pca` has instead.
    pub(crate) fn new(pca: &Exact, ended: Ended, tolerance: f64) -> Result<Self, IcaError> {
        let Ended { method, mut b, iterations, limit, converged, redrawn } = ended;
        // The whitened rows have the identity as covariance.
        for mut row in b.rows_mut() {
            let norm = row.dot(&row).sqrt();
            row /= norm;
        }
        let inverse = if b.is_square() {
            linalg::inverse(b.view())?
        } else {
            b.t().dot(&linalg::inverse(b.dot(&b.t()).view())?)
        };
        let whitening = pca.whitening() * pca.scale;
        let unmixing = b.dot(&whitening).mapv(F::of);
        let mixing = (pca.colouring().dot(&inverse) / pca.scale).mapv(F::of);
        let whitening = whitening.mapv(F::of);
        let outside = |j: usize| {
            let mut entries = unmixing.column(j).into_iter().chain(mixing.row(j)).chain(whitening.column(j));
            entries.any(|v| !v.is_finite())
        };
        if let Some(column) = (0..pca.mean.len()).find(|&j| outside(j)) {
            return Err(pca.overflow(column));
        }
        Ok(Self {
            method,
            mean: pca.mean.mapv(F::of),
            unmixing,
            mixing,
            whitening,
            iterations,
            converged,
            limit,
            tolerance,
            redrawn,
            rank: pca.rank,
            before: None,
        })
    }

    /// Sources `[N, n]` of x `[N, d]`.
    ///
    /// # Errors
    /// Another number of columns than d.
    pub fn transform(&self, x: ArrayView2<'_, F>) -> Result<Array2<F>, IcaError> {
        project(x, &self.mean, self.unmixing.view())
    }

    /// Data `[N, d]` with these sources `[N, n]`: undoes [`transform`](Self::transform) within the span of the
    /// components; what was dropped is at its mean.
    ///
    /// # Errors
    /// Another number of columns than n.
    pub fn inverse_transform(&self, sources: ArrayView2<'_, F>) -> Result<Array2<F>, IcaError> {
        check_columns(self.mixing.ncols(), sources.ncols())?;
        Ok(product_plus(sources, self.mixing.view(), &self.mean))
    }
}
