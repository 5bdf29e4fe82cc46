//! Principal components and whitening.

use ivae_num::{Scalar, linalg};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::affine::{Moments, centred_product, product_plus, project};
use crate::error::{IcaError, check_columns, check_finite};

/// Principal component analysis; see [`Pca::fit`].
#[derive(Debug, Clone, Copy)]
pub struct Pca;

/// A fitted PCA. Variances divide by N (ddof 0), so that whitened data has unit variance in NumPy's default sense.
#[derive(Debug, Clone)]
pub struct FittedPca<F> {
    /// Mean of the data, `[d]`.
    pub mean: Array1<F>,
    /// Orthonormal directions, by falling variance, the largest entry of each positive, `[n, d]`.
    pub components: Array2<F>,
    /// Variance of the data along each, all above rounding, `[n]`.
    pub variances: Array1<F>,
    /// Sum of the variances of all d columns: `variances / total_variance` is the ratio explained.
    pub total_variance: F,
    /// Number of directions in which the data varies.
    pub rank: usize,
}

impl Pca {
    /// The first `components` principal directions of x `[N, d]`, or all in which the data varies.
    ///
    /// A direction counts as null if its variance is within the rounding of the covariance, 64 d ε₆₄ of the largest
    /// variance, or within the rounding of the data itself, 4 d ε² of the largest mean square of a column. Null
    /// directions are dropped; `rank` says how many are left. Columns of very different scale (10⁶ and more) should
    /// be standardised first. The eigenvalues are those of the covariance, accumulated in `f64` whatever F is.
    ///
    /// # Errors
    /// Fewer than 2 rows, an entry that is not finite, an overflow, more components than `rank` or 0.
    pub fn fit<F: Scalar>(x: ArrayView2<'_, F>, components: Option<usize>) -> Result<FittedPca<F>, IcaError> {
        Exact::fit(x, components)?.fitted()
    }
}

/// How a method gets white data, and with it the scale of its outputs.
///
/// Any other whitening than that of principal components (a symmetric one, one that is known from elsewhere) is for
/// the caller to apply, and then [`Given`](Self::Given): white data stays white under any rotation, and the sources found
/// are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whitening {
    /// By [`Pca`], null directions being dropped; outputs of variance 1.
    #[default]
    Pca,
    /// The same, and outputs of variance 1/N for the N rows fitted to, so of length 1 rather than variance 1 (what
    /// scikit-learn calls arbitrary variance): `whitening` and `unmixing` are divided by √N, `mixing` is multiplied by
    /// it, and a [`Start::Unmixing`](crate::Start::Unmixing) is read as one of that scale. Iterations, and the sources
    /// but for their scale, are those of [`Pca`](Self::Pca).
    ArbitraryVariance,
    /// x is white already, and is only centred; an error if it is not, entries of its covariance being more than 0.01
    /// away from those of the identity.
    Given,
}

/// How far the covariance of data given as white may be from the identity.
const NOT_WHITE: f64 = 0.01;

impl Whitening {
    pub(crate) fn fit<F: Scalar>(
        self,
        x: ArrayView2<'_, F>,
        components: Option<usize>,
    ) -> Result<Exact, IcaError> {
        check_data(x)?;
        self.of::<F>(Moments::of(x), components)
    }

    /// Of rows with these moments, in the scalar `F`.
    pub(crate) fn of<F: Scalar>(
        self,
        moments: Moments,
        components: Option<usize>,
    ) -> Result<Exact, IcaError> {
        let scale = match self {
            Self::Pca => 1.0,
            Self::ArbitraryVariance => (moments.rows as f64).sqrt().recip(),
            Self::Given => return Exact::given(moments, components),
        };
        Ok(Exact { scale, ..Exact::of::<F>(moments, components)? })
    }
}

/// At least two rows, all finite.
fn check_data<F: Scalar>(x: ArrayView2<'_, F>) -> Result<(), IcaError> {
    if x.nrows() < 2 {
        return Err(IcaError::TooFewRows { found: x.nrows() });
    }
    check_finite(x)
}

/// A PCA in `f64`.
pub(crate) struct Exact {
    pub(crate) mean: Array1<f64>,
    pub(crate) components: Array2<f64>,
    pub(crate) variances: Array1<f64>,
    total_variance: f64,
    pub(crate) rank: usize,
    /// Outputs of a method are to have this standard deviation.
    pub(crate) scale: f64,
}

impl Exact {
    pub(crate) fn fit<F: Scalar>(x: ArrayView2<'_, F>, components: Option<usize>) -> Result<Self, IcaError> {
        check_data(x)?;
        Self::of::<F>(Moments::of(x), components)
    }

    /// Of rows with these moments, in the scalar `F`.
    pub(crate) fn of<F: Scalar>(moments: Moments, components: Option<usize>) -> Result<Self, IcaError> {
        let Moments { rows, mean, covariance } = moments;
        let columns = mean.len();
        let mean_square = |j: usize| covariance[[j, j]] + mean[j] * mean[j];
        // No |x − mean| is larger than the root of their sum of squares.
        let inside = |j: usize| {
            mean_square(j).is_finite()
                && F::of((covariance[[j, j]].max(0.0) * rows as f64).sqrt()).is_finite()
        };
        if let Some(column) = (0..columns).find(|&j| !inside(j)) {
            let (mean, variance) = (mean[column], covariance[[column, column]]);
            return Err(IcaError::Overflow { column, mean, variance });
        }
        let eigen = linalg::eigh(covariance.view())?;
        let largest = eigen.values.iter().copied().fold(0.0, f64::max);
        let size = (0..columns).map(mean_square).fold(0.0, f64::max);
        let rounding = (64.0 * f64::EPSILON * largest).max(4.0 * F::epsilon().f64().powi(2) * size);
        let rank = eigen.values.iter().filter(|&&v| v > columns as f64 * rounding).count();
        let requested = components.unwrap_or(rank);
        if requested == 0 || requested > rank {
            return Err(IcaError::Components { requested, rank, columns });
        }
        let order: Vec<usize> = (0..columns).rev().take(requested).collect();
        let mut components = eigen.vectors.select(Axis(1), &order).reversed_axes();
        for mut row in components.rows_mut() {
            // The first of the largest entries: never 0, whatever the data (a sign taken from entry 0 can be).
            let pivot = row.iter().fold(0.0, |a: f64, &v| if v.abs() > a.abs() { v } else { a });
            row *= pivot.signum();
        }
        let variances = eigen.values.select(Axis(0), &order);
        let total_variance = covariance.diag().sum();
        let found = Self { mean, components, variances, total_variance, rank, scale: 1.0 };
        let whitening = found.whitening();
        match (0..columns).find(|&j| whitening.column(j).iter().any(|&v| !F::of(v).is_finite())) {
            Some(column) => Err(found.overflow(column)),
            None => Ok(found),
        }
    }

    /// Of white rows with these moments.
    fn given(moments: Moments, components: Option<usize>) -> Result<Self, IcaError> {
        let Moments { mean, covariance, .. } = moments;
        let columns = mean.len();
        if components.is_some_and(|n| n != columns) || columns == 0 {
            let requested = components.unwrap_or(0);
            return Err(IcaError::Components { requested, rank: columns, columns });
        }
        for ((row, column), &value) in covariance.indexed_iter() {
            let expected = if row == column { 1.0 } else { 0.0 };
            if value.is_nan() || (value - expected).abs() > NOT_WHITE {
                return Err(IcaError::NotWhite { row, column, value });
            }
        }
        let (components, variances) = (Array2::eye(columns), Array1::ones(columns));
        let total_variance = covariance.diag().sum();
        Ok(Self { mean, components, variances, total_variance, rank: columns, scale: 1.0 })
    }

    /// In the scalar `F`.
    pub(crate) fn fitted<F: Scalar>(&self) -> Result<FittedPca<F>, IcaError> {
        let (variances, total_variance) = (self.variances.mapv(F::of), F::of(self.total_variance));
        let inside = |v: F| v.is_normal() && total_variance.is_finite();
        if let Some(k) = variances.iter().position(|&v| !inside(v)) {
            let loads = |j: usize| self.components[[k, j]].abs();
            let column =
                (0..self.mean.len()).fold(0, |best, j| if loads(j) > loads(best) { j } else { best });
            return Err(self.overflow(column));
        }
        Ok(FittedPca {
            mean: self.mean.mapv(F::of),
            components: self.components.mapv(F::of),
            variances,
            total_variance,
            rank: self.rank,
        })
    }

    /// That a column is beyond the scalar's range.
    pub(crate) fn overflow(&self, column: usize) -> IcaError {
        let loads = self.components.column(column);
        let variance = loads.iter().zip(&self.variances).map(|(load, v)| load * load * v).sum();
        IcaError::Overflow { column, mean: self.mean[column], variance }
    }

    /// The whitening K = Λ^(−½) Uᵀ `[n, d]`: (x − mean) Kᵀ has the identity as its covariance.
    pub(crate) fn whitening(&self) -> Array2<f64> {
        &self.components / &self.variances.mapv(f64::sqrt).insert_axis(Axis(1))
    }

    /// Its pseudo-inverse U Λ^½ `[d, n]`.
    pub(crate) fn colouring(&self) -> Array2<f64> {
        &self.components.t() * &self.variances.mapv(f64::sqrt)
    }
}

impl<F: Scalar> FittedPca<F> {
    /// Scores `[N, n]` of x `[N, d]`: uncorrelated, with `variances`.
    ///
    /// # Errors
    /// Another number of columns than d.
    pub fn transform(&self, x: ArrayView2<'_, F>) -> Result<Array2<F>, IcaError> {
        project(x, &self.mean, self.components.view())
    }

    /// Whitened scores `[N, n]` of x `[N, d]`: on the fitted data, uncorrelated with variance 1.
    ///
    /// # Errors
    /// Another number of columns than d.
    pub fn whiten(&self, x: ArrayView2<'_, F>) -> Result<Array2<F>, IcaError> {
        project(x, &self.mean, self.whitening().view())
    }

    /// The whitening K = Λ^(−½) Uᵀ, `[n, d]`.
    pub fn whitening(&self) -> Array2<F> {
        &self.components / &self.variances.mapv(F::sqrt).insert_axis(Axis(1))
    }

    /// The data `[N, d]` with these scores `[N, n]`: undoes [`transform`](Self::transform) within the span of the
    /// components.
    ///
    /// # Errors
    /// Another number of columns than n.
    pub fn inverse_transform(&self, scores: ArrayView2<'_, F>) -> Result<Array2<F>, IcaError> {
        check_columns(self.components.nrows(), scores.ncols())?;
        Ok(product_plus(scores, self.components.t(), &self.mean))
    }

    /// The data `[N, d]` with these whitened scores `[N, n]`: undoes [`whiten`](Self::whiten) within the span of the
    /// components.
    ///
    /// # Errors
    /// Another number of columns than n.
    pub fn inverse_whiten(&self, white: ArrayView2<'_, F>) -> Result<Array2<F>, IcaError> {
        check_columns(self.components.nrows(), white.ncols())?;
        let colouring = &self.components.t() * &self.variances.mapv(F::sqrt);
        Ok(product_plus(white, colouring.view(), &self.mean))
    }
}

/// Whitened x, one row per direction, `[n, N]`.
pub(crate) fn whitened<F: Scalar, T: Scalar>(pca: &Exact, x: ArrayView2<'_, F>) -> Array2<T> {
    let mut white = Array2::<T>::zeros((pca.components.nrows(), x.nrows()));
    let whitening = pca.whitening().mapv(T::of);
    centred_product(white.view_mut().reversed_axes(), x, &pca.mean, whitening.view());
    white
}
