//! Mean correlation coefficient: how well latents match sources one to one.

use std::borrow::Cow;

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, Axis};

use crate::error::{check_count, check_pair};
use crate::moments::Columns;
use crate::{Correlation, MetricError, Warning, assignment};

/// Which rows the fitted part of a metric (assignment, linear map, level means) sees, and which rows are scored.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// All rows for both: an in-sample score.
    All,
    /// Fitted on some rows and scored on others, so that nothing is scored on what it was fitted to.
    Split {
        /// Rows (from 0) of the fitted part: the training rows.
        fit: &'a [usize],
        /// Rows (from 0) that are scored: the held-out rows.
        score: &'a [usize],
    },
}

impl Rows<'_> {
    /// The fitted and the scored rows of x `[N, c]`.
    pub(crate) fn of<'x, F: Scalar>(
        &self,
        x: ArrayView2<'x, F>,
    ) -> Result<(Selected<'x, F>, Selected<'x, F>), MetricError> {
        match *self {
            Self::All => Ok((Selected::All(x), Selected::All(x))),
            Self::Split { fit, score } => Ok((Selected::some(x, fit)?, Selected::some(x, score)?)),
        }
    }

    /// A warning for each column of sources s `[N, a]` and of latents z `[N, b]` that is constant on the fitted or on the
    /// scored rows.
    pub(crate) fn constants<F: Scalar>(
        &self,
        s: ArrayView2<'_, F>,
        z: ArrayView2<'_, F>,
    ) -> Result<Vec<Warning>, MetricError> {
        let of = |x| -> Result<Vec<usize>, MetricError> {
            let (fitted, scored) = self.of(x)?;
            let scored = Columns::of(scored.view()).constant;
            let fitted = match self {
                Self::All => scored.clone(),
                Self::Split { .. } => Columns::of(fitted.view()).constant,
            };
            Ok((0..scored.len()).filter(|&j| fitted[j] || scored[j]).collect())
        };
        let sources = of(s)?.into_iter().map(|column| Warning::ConstantSource { column });
        Ok(sources.chain(of(z)?.into_iter().map(|column| Warning::ConstantLatent { column })).collect())
    }

    /// The levels of the fitted and of the scored rows.
    pub(crate) fn levels<'l>(&self, levels: &'l [u32]) -> (Cow<'l, [u32]>, Cow<'l, [u32]>) {
        match *self {
            Self::All => (levels.into(), levels.into()),
            Self::Split { fit, score } => {
                (fit.iter().map(|&i| levels[i]).collect(), score.iter().map(|&i| levels[i]).collect())
            }
        }
    }
}

/// Some or all rows of a matrix.
pub(crate) enum Selected<'x, F> {
    All(ArrayView2<'x, F>),
    Some(Array2<F>),
}

impl<'x, F: Scalar> Selected<'x, F> {
    fn some(x: ArrayView2<'x, F>, rows: &[usize]) -> Result<Self, MetricError> {
        check_count(rows.len(), 3)?;
        match rows.iter().find(|&&i| i >= x.nrows()) {
            Some(&index) => Err(MetricError::RowIndex { index, rows: x.nrows() }),
            None => Ok(Self::Some(x.select(Axis(0), rows))),
        }
    }

    pub(crate) fn view(&self) -> ArrayView2<'_, F> {
        match self {
            Self::All(x) => x.view(),
            Self::Some(x) => x.view(),
        }
    }
}

/// A source and the latent that was assigned to it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Match {
    /// Column of the source, from 0.
    pub source: usize,
    /// Column of the latent, from 0.
    pub latent: usize,
    /// Their correlation on the scored rows, with its sign; distance correlation and the randomised dependence
    /// coefficient have none, and are at least 0.
    pub correlation: f64,
}

/// A mean correlation coefficient and what it is made of.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Mcc {
    /// Mean absolute correlation over the matched pairs, in [0, 1].
    pub score: f64,
    /// Which correlation.
    pub correlation: Correlation,
    /// Number of rows scored.
    pub rows: usize,
    /// The min(a, b) matched pairs, by source.
    pub matched: Vec<Match>,
    /// What a reader of the score must know.
    pub warnings: Vec<Warning>,
}

impl Mcc {
    /// Mean of |correlation| over the matched pairs, added up in their order.
    pub(crate) fn of(
        matched: Vec<Match>,
        correlation: Correlation,
        rows: usize,
        warnings: Vec<Warning>,
    ) -> Self {
        let score = matched.iter().map(|m| m.correlation.abs()).sum::<f64>() / matched.len() as f64;
        Self { score, correlation, rows, matched, warnings }
    }
}

/// Mean correlation coefficient of sources s `[N, a]` and latents z `[N, b]`, assignment and score on all rows.
///
/// C = |corr(s_i, z_j)|, the one-to-one assignment with the largest sum of C, and the mean of C over its min(a, b)
/// pairs (Hyvärinen & Morioka 2016, §5). In \[0, 1\]. Invariant to order, sign and scale of the latents, and with
/// [`Correlation::Spearman`] to monotone maps of each. A constant column has correlation 0, with a warning.
///
/// The theory identifies statistics T(z) of the latents: the MCC of those is the MCC of the matrices T(s) and T(z), passed
/// here in place of s and z.
///
/// ```
/// use ivae_metrics::{Correlation, mcc};
/// use ndarray::Array2;
///
/// // Latents known up to order and the sign of each row: for T = z², they are known.
/// let s = Array2::from_shape_fn((400, 2), |(i, j)| ([0.7, 1.9][j] * i as f64).sin());
/// let z = Array2::from_shape_fn((400, 2), |(i, j)| s[[i, 1 - j]] * if i % 2 == 0 { 1.0 } else { -1.0 });
/// let statistics = |x: &Array2<f64>| x.mapv(|v| v * v);
/// assert!(mcc(s.view(), z.view(), Correlation::Pearson)?.score < 0.2);
/// assert!(mcc(statistics(&s).view(), statistics(&z).view(), Correlation::Pearson)?.score > 0.999);
/// # Ok::<(), ivae_metrics::MetricError>(())
/// ```
///
/// # Errors
/// Different numbers of rows, fewer than 3 rows, no columns, an entry that is not finite.
pub fn mcc<F: Scalar>(
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
    correlation: Correlation,
) -> Result<Mcc, MetricError> {
    mcc_on(s, z, Rows::All, correlation)
}

/// [`mcc`] with the assignment fitted on some rows and scored on others.
///
/// # Errors
/// As [`mcc`]; a row index outside the data; fewer than 3 rows to fit or to score.
pub fn mcc_on<F: Scalar>(
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
    rows: Rows<'_>,
    correlation: Correlation,
) -> Result<Mcc, MetricError> {
    check_pair(s, z)?;
    match rows {
        Rows::All => score(None, (s, z), correlation),
        Rows::Split { .. } => {
            let ((fit_s, score_s), (fit_z, score_z)) = (rows.of(s)?, rows.of(z)?);
            score(Some((fit_s.view(), fit_z.view())), (score_s.view(), score_z.view()), correlation)
        }
    }
}

/// The MCC of checked (s, z) with the assignment fitted on `fit`, or on (s, z) itself.
pub(crate) fn score<F: Scalar>(
    fit: Option<(ArrayView2<'_, F>, ArrayView2<'_, F>)>,
    (s, z): (ArrayView2<'_, F>, ArrayView2<'_, F>),
    correlation: Correlation,
) -> Result<Mcc, MetricError> {
    let (scored, mut warnings) = correlation.matrix(s, z)?;
    let pairs = match fit {
        None => assignment(&scored.mapv(f64::abs)),
        Some((s, z)) => {
            let (fitted, more) = correlation.matrix(s, z)?;
            warnings.extend(more.into_iter().filter(|w| !warnings.contains(w)).collect::<Vec<_>>());
            assignment(&fitted.mapv(f64::abs))
        }
    };
    let (sources, latents) = scored.dim();
    if latents < sources {
        warnings.push(Warning::UnmatchedSources { sources, latents });
    }
    let matched = pairs
        .into_iter()
        .map(|(source, latent)| Match { source, latent, correlation: scored[[source, latent]] })
        .collect();
    Ok(Mcc::of(matched, correlation, s.nrows(), warnings))
}
