//! [`Centres`]: the maps that leave every p(z | u) = N(c_u, Σ) unchanged.

use ivae_num::linalg;
use ndarray::{Array1, Array2, ArrayView2, Axis, Slice, concatenate};

use super::error::{AmbiguityError, check_finite};
use super::orthogonal::Orthogonal;

/// The maps M of the latents that leave p(z | u) = N(c_u, Σ) unchanged for every u.
///
/// In units in which Σ = I, M must keep the coordinates of z within the affine span of the centres
/// ((c₁ − c_u) · M(z) = (c₁ − c_u) · z): these directions are *fixed*. The *free* ones, orthogonal to them, are standard
/// normal whatever u is, and may be moved by
/// - [`linear`](Self::linear) members: any orthogonal map of the free directions. With these, no other linear (or affine)
///   map is in the group;
/// - [`radial`](Self::radial) members: turns of a plane of free directions by an angle that varies with everything the
///   turn leaves alone.
///
/// One centre leaves all directions free, two or any number on a line leave n − 1, and so on: with n + 1 centres that
/// span the space none is left, and M is the identity.
///
/// ```
/// use ivae_expfam::theory::ambiguity::Centres;
/// use ndarray::{Array2, array};
///
/// let free = |centres: Array2<f64>| Centres::new(centres.view(), Array2::eye(2).view()).map(|c| c.free());
/// assert_eq!(free(array![[1.0, 2.0]])?, 2);
/// assert_eq!(free(array![[-1.0, 0.0], [1.0, 1.0]])?, 1);
/// assert_eq!(free(array![[-1.0, 0.0], [1.0, 1.0], [3.0, 2.0]])?, 1);
/// assert_eq!(free(array![[-1.0, 0.0], [1.0, 1.0], [0.0, 3.0]])?, 0);
/// # Ok::<(), ivae_expfam::theory::ambiguity::AmbiguityError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Centres {
    /// Centroid of the centres `[n]`.
    centroid: Array1<f64>,
    /// y = B (z − centroid) `[n, n]`: standard normal about its centre, fixed coordinates first.
    into: Array2<f64>,
    /// B⁻¹ `[n, n]`.
    back: Array2<f64>,
    fixed: usize,
}

impl Centres {
    /// From the centres c_u `[M, n]` and the covariance Σ `[n, n]` that they share.
    ///
    /// # Errors
    /// No centres, shapes that do not fit, entries that are not finite, Σ not positive definite.
    pub fn new(
        centres: ArrayView2<'_, f64>,
        covariance: ArrayView2<'_, f64>,
    ) -> Result<Self, AmbiguityError> {
        let n = centres.ncols();
        check_finite("centres", centres)?;
        let eigh = linalg::eigh(covariance)?;
        if eigh.values.len() != n {
            return Err(AmbiguityError::Dimensions { expected: n, found: eigh.values.len() });
        }
        let Some(centroid) = centres.mean_axis(Axis(0)) else {
            return Err(AmbiguityError::Empty { what: "centres" });
        };
        let precision = 16.0 * centres.nrows().max(n) as f64 * f64::EPSILON;
        if let (Some(&smallest), Some(&largest)) = (eigh.values.first(), eigh.values.last())
            && smallest <= precision * largest
        {
            return Err(AmbiguityError::NotPositive { smallest });
        }
        let std = eigh.values.mapv(f64::sqrt);
        // Σ^(-½) up to a rotation, and its inverse.
        let (whiten, colour) =
            (eigh.vectors.t().to_owned() / std.view().insert_axis(Axis(1)), &eigh.vectors * &std);
        let deviations = (&centres - &centroid).dot(&whiten.t());
        // With rows of zeros below there are right singular vectors for all of the space.
        let padded = concatenate![Axis(0), deviations, Array2::zeros((n, n))];
        let svd = linalg::svd(padded.view())?;
        let reach = centres.dot(&whiten.t()).iter().fold(0.0, |reach: f64, c| reach.max(c.abs()));
        let fixed = svd.s.iter().filter(|&&s| s > precision * reach).count();
        Ok(Self { centroid, into: svd.vt.dot(&whiten), back: colour.dot(&svd.vt.t()), fixed })
    }

    /// Number of directions that every map of the group leaves alone: the dimension of the centres' affine span.
    pub fn fixed(&self) -> usize {
        self.fixed
    }

    /// Number of directions that are left, n − [`fixed`](Self::fixed).
    pub fn free(&self) -> usize {
        self.centroid.len() - self.fixed
    }

    /// The free directions as rows `[free, n]`: where centroid + direction · t goes as t grows, Σ-orthogonal to the span
    /// of the centres and one standard deviation long.
    pub fn free_directions(&self) -> Array2<f64> {
        self.back.slice_axis(Axis(1), Slice::from(self.fixed..)).t().to_owned()
    }

    /// A linear member of the group: the orthogonal map `turn` `[free, free]` of the free directions. Rows M(z) of the rows
    /// of `z` `[N, n]`.
    ///
    /// # Errors
    /// Dimensions that do not fit.
    pub fn linear(&self, z: ArrayView2<'_, f64>, turn: &Orthogonal) -> Result<Array2<f64>, AmbiguityError> {
        if turn.n() != self.free() {
            return Err(AmbiguityError::Dimensions { expected: self.free(), found: turn.n() });
        }
        let mut y = self.coordinates(z)?;
        let turned = turn.apply(y.slice_axis(Axis(1), Slice::from(self.fixed..)));
        y.slice_axis_mut(Axis(1), Slice::from(self.fixed..)).assign(&turned);
        Ok(y.dot(&self.back.t()) + &self.centroid)
    }

    /// A radial member of the group: the turn of the plane of free directions i and j, from i towards j, by
    /// `angle(rest, radius)`. Rows M(z) of the rows of `z` `[N, n]`.
    ///
    /// `radius` is the distance from the plane's origin, `rest` `[n − 2]` are all other coordinates, the fixed ones first, all
    /// in standard deviations from the centroid. None of them is changed by the turn, so that M has the Jacobian
    /// determinant 1, and the standard normal law of the plane does not see it.
    ///
    /// # Errors
    /// Dimensions that do not fit, or no such plane.
    pub fn radial(
        &self,
        z: ArrayView2<'_, f64>,
        plane: (usize, usize),
        angle: impl Fn(&[f64], f64) -> f64,
    ) -> Result<Array2<f64>, AmbiguityError> {
        let free = self.free();
        if plane.0 == plane.1 || plane.0 >= free || plane.1 >= free {
            return Err(AmbiguityError::NoPlane { plane, free });
        }
        let mut y = self.coordinates(z)?;
        let (i, j) = (self.fixed + plane.0, self.fixed + plane.1);
        let mut rest = Vec::with_capacity(y.ncols());
        for mut y in y.rows_mut() {
            rest.clear();
            rest.extend(y.iter().enumerate().filter(|&(c, _)| c != i && c != j).map(|(_, &y)| y));
            let (sin, cos) = angle(&rest, y[i].hypot(y[j])).sin_cos();
            (y[i], y[j]) = (cos * y[i] - sin * y[j], sin * y[i] + cos * y[j]);
        }
        Ok(y.dot(&self.back.t()) + &self.centroid)
    }

    fn coordinates(&self, z: ArrayView2<'_, f64>) -> Result<Array2<f64>, AmbiguityError> {
        let n = self.centroid.len();
        if z.ncols() != n {
            return Err(AmbiguityError::Dimensions { expected: n, found: z.ncols() });
        }
        Ok((&z - &self.centroid).dot(&self.into.t()))
    }
}
