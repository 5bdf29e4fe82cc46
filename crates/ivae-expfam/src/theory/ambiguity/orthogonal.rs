//! [`Orthogonal`]: rotations and reflections, which leave a standard normal prior unchanged.

use ivae_num::linalg;
use ndarray::{Array2, ArrayView2};
use rand::{Rng, RngCore};
use rand_distr::StandardNormal;

use super::error::AmbiguityError;

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
