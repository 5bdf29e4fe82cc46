//! Metrics up to an affine map of the latents: weak MCC and linear R².

use ivae_num::{Scalar, linalg};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::error::{check_count, check_pair};
use crate::mcc::score;
use crate::moments::{Columns, Products};
use crate::{Correlation, Mcc, MetricError, Rows, Warning};

/// The affine map from latents to sources with the least squared error (Legendre 1805; Gauss 1809).
#[derive(Debug, Clone)]
pub struct AffineMap {
    /// Mean of the latents it was fitted on, `[b]`.
    pub z_mean: Array1<f64>,
    /// Mean of the sources it was fitted on, `[a]`.
    pub s_mean: Array1<f64>,
    /// Coefficients, `[b, a]`: s ≈ `s_mean` + (z − `z_mean`) · `coefficients`.
    pub coefficients: Array2<f64>,
}

impl AffineMap {
    /// Fit to s `[N, a]` and z `[N, b]`. Where latents are collinear or constant, the solution of least norm in
    /// standardised latents.
    ///
    /// # Errors
    /// Different numbers of rows, fewer than b + 2 rows (the map would be exact), no columns, an entry that is not
    /// finite.
    pub fn fit<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>) -> Result<Self, MetricError> {
        check_pair(s, z)?;
        check_count(s.nrows(), z.ncols() + 2)?;
        Self::fit_checked(s, z)
    }

    fn fit_checked<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>) -> Result<Self, MetricError> {
        let (at_s, at_z) = (Columns::of(s), Columns::of(z));
        let products = Products::of(z, &at_z, s, &at_s);
        let white = Whitener::of(z, &at_z)?;
        let mut coefficients = white.map.dot(&white.map.t()).dot(&products.correlations(&at_z, &at_s));
        for ((i, j), c) in coefficients.indexed_iter_mut() {
            *c *= (products.right[j].sqrt() * at_s.scale[j]) / (white.norm[i] * at_z.scale[i]);
        }
        let mean = |at: &Columns| at.mean.iter().zip(&at.scale).map(|(mean, scale)| mean * scale).collect();
        Ok(Self { z_mean: mean(&at_z), s_mean: mean(&at_s), coefficients })
    }

    /// The sources `[N, a]` predicted from z `[N, b]`.
    ///
    /// # Errors
    /// Another number of columns than b.
    pub fn predict<F: Scalar>(&self, z: ArrayView2<'_, F>) -> Result<Array2<f64>, MetricError> {
        let (expected, found) = ((z.nrows(), self.coefficients.nrows()), z.dim());
        if found != expected {
            return Err(MetricError::Shape { what: "the latents", expected, found });
        }
        let centred = z.mapv(F::f64) - &self.z_mean;
        Ok(centred.dot(&self.coefficients) + &self.s_mean)
    }
}

/// Decorrelates the columns of a matrix: its correlation matrix is R = V Λ Vᵀ and `map` = V Λ^(−½) over the
/// directions that carry more than rounding.
pub(crate) struct Whitener {
    /// `[c, r]`.
    pub(crate) map: Array2<f64>,
    /// Root of the centred sum of squares in the units of [`Columns`]; 1 where that is 0, `[c]`.
    norm: Vec<f64>,
}

impl Whitener {
    /// The map from columns centred in the units of [`Columns`], `[c, r]`.
    pub(crate) fn standardised(&self) -> Array2<f64> {
        let mut map = self.map.clone();
        map.rows_mut().into_iter().zip(&self.norm).for_each(|(mut row, norm)| row /= *norm);
        map
    }

    pub(crate) fn of<F: Scalar>(x: ArrayView2<'_, F>, at: &Columns) -> Result<Self, MetricError> {
        let products = Products::of(x, at, x, at);
        let correlations = products.correlations(at, at);
        let eigen = linalg::eigh(correlations.view())?;
        let largest = eigen.values.iter().copied().fold(0.0, f64::max);
        let floor = largest * F::epsilon().f64() * 16.0 * x.ncols() as f64;
        let kept: Vec<usize> =
            (0..x.ncols()).filter(|&i| eigen.values[i] > floor && eigen.values[i] > 0.0).collect();
        let mut map = eigen.vectors.select(Axis(1), &kept);
        map /= &eigen.values.select(Axis(0), &kept).mapv(f64::sqrt);
        let norm = products.left.iter().map(|&v| if v > 0.0 { v.sqrt() } else { 1.0 }).collect();
        Ok(Self { map, norm })
    }
}

/// MCC after the best affine map of the latents: recovery up to any invertible affine map (the ∼ of Khemakhem et al.
/// 2020, definition 2), where [`mcc`](crate::mcc) asks for recovery up to order, sign and scale.
///
/// The [`AffineMap`] from z `[N, b]` to s `[N, a]` and the assignment are fitted on the fitted rows, the rest is
/// scored. In \[0, 1\]. `Match::latent` counts columns of the mapped latents. Also the u-only baseline for a continuous u: pass u
/// in place of z.
///
/// # Errors
/// As [`mcc_on`](crate::mcc_on), and fewer than b + 2 fitted rows.
pub fn weak_mcc<F: Scalar>(
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
    rows: Rows<'_>,
    correlation: Correlation,
) -> Result<Mcc, MetricError> {
    let fit = Regression::of(s, z, rows)?;
    let fitted = fit.fitted.as_ref().map(|(s, prediction)| (s.view(), prediction.view()));
    let mut out = score(fitted, (fit.scored.0.view(), fit.scored.1.view()), correlation)?;
    // A constant prediction means that the latents say nothing about that source; the latents of the user's are z.
    out.warnings.retain(|w| !matches!(w, Warning::ConstantLatent { .. } | Warning::ConstantSource { .. }));
    out.warnings.extend(rows.constants(s, z)?);
    Ok(out)
}

/// How much of the variance of each source its predictions explain.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct R2 {
    /// R² of each source on the scored rows, `[a]`; negative where worse than the mean, 0 for a constant source.
    pub per_source: Vec<f64>,
    /// Their plain mean.
    pub mean: f64,
    /// Number of rows scored.
    pub rows: usize,
    /// What a reader of the numbers must know.
    pub warnings: Vec<Warning>,
}

impl R2 {
    /// R² = 1 − Σ(s − ŝ)² / Σ(s − s̄)² of predictions ŝ `[N, a]` of s `[N, a]`.
    ///
    /// `warnings` are of what the predictions were made of.
    pub(crate) fn of(
        s: ArrayView2<'_, f64>,
        prediction: ArrayView2<'_, f64>,
        warnings: Vec<Warning>,
    ) -> Self {
        let at = Columns::of(s);
        let per_source: Vec<f64> = (0..s.ncols())
            .map(|j| {
                if at.constant[j] {
                    return 0.0;
                }
                let (mut left, mut total) = (0.0, 0.0);
                for (&s, prediction) in s.column(j).iter().zip(prediction.column(j)) {
                    left += ((s - prediction) / at.scale[j]).powi(2);
                    total += at.centred(s, j).powi(2);
                }
                1.0 - left / total
            })
            .collect();
        let mean = per_source.iter().sum::<f64>() / per_source.len() as f64;
        Self { per_source, mean, rows: s.nrows(), warnings }
    }
}

/// R² = 1 − Σ(s − ŝ)² / Σ(s − s̄)², the coefficient of determination (Wright 1921), of the least-squares affine map ŝ from
/// z `[N, b]` to s `[N, a]`, fitted on the fitted rows and scored on the others: how much of each source the latents know
/// linearly. With the arguments exchanged, how much of each latent the sources explain. At most 1, in sample at least 0,
/// and negative on other rows where the map is worse than their mean. A constant source has R² 0, and a constant latent
/// says nothing, each with a warning.
///
/// # Errors
/// As [`weak_mcc`].
pub fn linear_r2<F: Scalar>(
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
    rows: Rows<'_>,
) -> Result<R2, MetricError> {
    let (scored, prediction) = Regression::of(s, z, rows)?.scored;
    Ok(R2::of(scored.view(), prediction.view(), rows.constants(s, z)?))
}

/// Sources and their predictions, in `f64`.
struct Regression {
    /// On the fitted rows, where those are not the scored ones.
    fitted: Option<(Array2<f64>, Array2<f64>)>,
    /// On the scored rows.
    scored: (Array2<f64>, Array2<f64>),
}

impl Regression {
    fn of<F: Scalar>(
        s: ArrayView2<'_, F>,
        z: ArrayView2<'_, F>,
        rows: Rows<'_>,
    ) -> Result<Self, MetricError> {
        check_pair(s, z)?;
        let ((fit_s, score_s), (fit_z, score_z)) = (rows.of(s)?, rows.of(z)?);
        check_count(fit_s.view().nrows(), z.ncols() + 2)?;
        let map = AffineMap::fit_checked(fit_s.view(), fit_z.view())?;
        let fitted = match rows {
            Rows::All => None,
            Rows::Split { .. } => Some((fit_s.view().mapv(F::f64), map.predict(fit_z.view())?)),
        };
        Ok(Self { fitted, scored: (score_s.view().mapv(F::f64), map.predict(score_z.view())?) })
    }
}
