//! What cannot be told apart, as code: maps of the latents that leave their law, and so p(x | u), as it is.
//!
//! - [`Orthogonal`]: the rotation z′ = U z of a standard normal prior.
//! - [`HyvarinenPajunen`]: the same for any other prior with independent components.
//! - [`Centres`]: what is left of both when u moves the mean of a Gaussian.
//! - [`same_law`]: a two-sample test, to see it.

mod centres;
mod hyvarinen_pajunen;
mod same_law;

use ivae_num::{LinalgError, linalg};
use ndarray::{Array2, ArrayView2};
use rand::{Rng, RngCore};
use rand_distr::StandardNormal;

pub use centres::Centres;
pub use hyvarinen_pajunen::HyvarinenPajunen;
pub use same_law::{SameLaw, same_law};

/// Why there is no such map, or no test.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AmbiguityError {
    /// U Uᵀ is not I.
    #[error("the matrix is not orthogonal: U Uᵀ differs from I by up to {worst:e}")]
    NotOrthogonal {
        /// Largest absolute entry of U Uᵀ − I.
        worst: f64,
    },
    /// Something has another number of dimensions, or of columns.
    #[error("expected {expected} dimensions, found {found}")]
    Dimensions {
        /// As the others have.
        expected: usize,
        /// As given.
        found: usize,
    },
    /// No centre, or no row, to speak of.
    #[error("{what} is empty")]
    Empty {
        /// What has no rows.
        what: &'static str,
    },
    /// An entry is NaN or infinite.
    #[error("{what} has {value} in row {row}, column {column}")]
    NotFinite {
        /// Of what.
        what: &'static str,
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A covariance has a direction without variance, or with less.
    #[error("the covariance is not positive definite: its smallest eigenvalue is {smallest:e}")]
    NotPositive {
        /// Smallest eigenvalue.
        smallest: f64,
    },
    /// A radial map turns a plane, and there is no such plane among the free directions.
    #[error("no plane of free directions {plane:?}: there are {free}")]
    NoPlane {
        /// The two directions asked for.
        plane: (usize, usize),
        /// Number of free directions.
        free: usize,
    },
    /// A decomposition failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

/// A matrix U with U Uᵀ = I: z′ = U z leaves N(0, I) as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Orthogonal(Array2<f64>);

impl Orthogonal {
    /// Check U `[n, n]`.
    ///
    /// # Errors
    /// If it is not square, or U Uᵀ differs from I by more than 1e-8.
    pub fn new(u: Array2<f64>) -> Result<Self, AmbiguityError> {
        if u.nrows() != u.ncols() {
            return Err(AmbiguityError::Dimensions { expected: u.nrows(), found: u.ncols() });
        }
        let gap = u.dot(&u.t()) - Array2::<f64>::eye(u.nrows());
        let worst = gap
            .iter()
            .fold(0.0, |worst: f64, gap| if gap.abs() > worst || gap.is_nan() { gap.abs() } else { worst });
        if worst <= 1e-8 { Ok(Self(u)) } else { Err(AmbiguityError::NotOrthogonal { worst }) }
    }

    /// The turn of coordinate i towards coordinate j by `angle`, of `n` coordinates.
    ///
    /// # Panics
    /// If i and j are not two different coordinates.
    pub fn turn(n: usize, (i, j): (usize, usize), angle: f64) -> Self {
        assert!(i != j && i < n && j < n, "no plane ({i}, {j}) in {n} dimensions");
        let mut u = Array2::eye(n);
        (u[[i, i]], u[[j, j]]) = (angle.cos(), angle.cos());
        (u[[j, i]], u[[i, j]]) = (angle.sin(), -angle.sin());
        Self(u)
    }

    /// Uniformly drawn: the Q of a normal matrix, with signs that make the diagonal of R positive (Mezzadri 2007).
    ///
    /// # Errors
    /// If the decomposition fails.
    pub fn random(n: usize, rng: &mut dyn RngCore) -> Result<Self, AmbiguityError> {
        let normal = Array2::from_shape_fn((n, n), |_| rng.sample::<f64, _>(StandardNormal));
        let qr = linalg::qr(normal.view())?;
        let signs = qr.r.diag().mapv(|d| 1f64.copysign(d));
        Ok(Self(qr.q * &signs))
    }

    /// U `[n, n]`.
    pub fn matrix(&self) -> ArrayView2<'_, f64> {
        self.0.view()
    }

    /// Number of dimensions.
    pub fn n(&self) -> usize {
        self.0.nrows()
    }

    /// Rows U z of the rows of `z` `[N, n]`.
    ///
    /// # Panics
    /// If the columns do not fit.
    pub fn apply(&self, z: ArrayView2<'_, f64>) -> Array2<f64> {
        z.dot(&self.0.t())
    }
}

/// The first entry that is not finite, as an error.
fn check_finite(what: &'static str, a: ArrayView2<'_, f64>) -> Result<(), AmbiguityError> {
    match a.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &value)) => Err(AmbiguityError::NotFinite { what, row, column, value }),
        None => Ok(()),
    }
}
