//! What an MCC must be read against: the residuals within u, what u alone scores, what a blind method scores, and chance.

use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{Array2, ArrayView2, Axis};
use rand::seq::SliceRandom;

use crate::error::{check_pair, check_rows};
use crate::levels::LevelMeans;
use crate::mcc::score;
use crate::rank::rank_columns;
use crate::{Correlation, Match, Mcc, MetricError, Rows, Warning, mcc_on};

/// Within-u MCC: [`mcc_on`](crate::mcc_on), in \[0, 1\], of what is left of s `[N, a]` and z `[N, b]` after subtracting, from each column of each, its mean within
/// every level of u (`levels` `[N]`), the within-group deviations of the analysis of variance (Fisher 1925): the part of
/// the match that u alone cannot give.
///
/// With a split, the fitted and the scored rows are each centred by their own level means, so that the score is the
/// correlation *within* levels on the scored rows and nothing else. A level with a single row contributes zeros.
///
/// # Errors
/// As [`mcc_on`](crate::mcc_on), and `levels` of another length.
pub fn within_u<F: Scalar>(
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
    levels: &[u32],
    rows: Rows<'_>,
    correlation: Correlation,
) -> Result<Mcc, MetricError> {
    check_pair(s, z)?;
    check_rows("u", s.nrows(), levels.len())?;
    let ((fit_s, score_s), (fit_z, score_z)) = (rows.of(s)?, rows.of(z)?);
    let (fit_u, score_u) = rows.levels(levels);
    let means = LevelMeans::fit(score_s.view(), &score_u);
    let singletons = means.singletons();
    let score_s = means.residuals(score_s.view(), &score_u);
    let score_z = LevelMeans::fit(score_z.view(), &score_u).residuals(score_z.view(), &score_u);
    let scored = (score_s.view(), score_z.view());
    let mut out = match rows {
        Rows::All => score(None, scored, correlation)?,
        Rows::Split { .. } => {
            let fit_s = LevelMeans::fit(fit_s.view(), &fit_u).residuals(fit_s.view(), &fit_u);
            let fit_z = LevelMeans::fit(fit_z.view(), &fit_u).residuals(fit_z.view(), &fit_u);
            score(Some((fit_s.view(), fit_z.view())), scored, correlation)?
        }
    };
    if singletons > 0 {
        out.warnings.push(Warning::SingletonLevels { levels: singletons });
    }
    Ok(out)
}

/// What u alone scores: the MCC of each source of s `[N, a]` with its best prediction from the categorical u
/// (`levels` `[N]`), the mean of the source within the level, estimated on the fitted rows. In \[0, 1\].
///
/// The prediction is the least-squares regression of the source on one-hot u. In sample its Pearson correlation with
/// the source is the correlation ratio η = √(between-level variance / variance) (Pearson 1905), and no function of u
/// correlates more: a model whose score is not above it has shown nothing beyond u. A level mean needs the *true*
/// source, so this is a floor to compare with, not an estimator. Source i is matched with prediction i. With M levels
/// and N rows in sample, a source that does not depend on u still scores about √(M / N); use a split to be rid of it.
/// For a continuous u, use [`weak_mcc`](crate::weak_mcc) with u in place of z.
///
/// # Errors
/// `levels` of another length, fewer than 3 rows, no columns, an entry that is not finite, a row outside the data.
pub fn u_only<F: Scalar>(
    s: ArrayView2<'_, F>,
    levels: &[u32],
    rows: Rows<'_>,
    correlation: Correlation,
) -> Result<Mcc, MetricError> {
    check_pair(s, s)?;
    check_rows("u", s.nrows(), levels.len())?;
    let (fit_s, score_s) = rows.of(s)?;
    let (fit_u, score_u) = rows.levels(levels);
    let means = LevelMeans::fit(fit_s.view(), &fit_u);
    let score_s = score_s.view().mapv(F::f64);
    let prediction = Array2::from_shape_fn(score_s.dim(), |(i, j)| means.of(score_u[i])[j]);
    let (matrix, warnings) = correlation.matrix(score_s.view(), prediction.view())?;
    // A constant prediction is a source that does not depend on u: no warning, it scores 0 as it should.
    let mut warnings: Vec<_> =
        warnings.into_iter().filter(|w| !matches!(w, Warning::ConstantLatent { .. })).collect();
    let mut unseen: Vec<u32> = score_u.iter().copied().filter(|&u| !means.knows(u)).collect();
    unseen.sort_unstable();
    unseen.dedup();
    warnings.extend(unseen.into_iter().map(|level| Warning::UnseenLevel { level }));
    let matched =
        (0..s.ncols()).map(|i| Match { source: i, latent: i, correlation: matrix[[i, i]] }).collect();
    Ok(Mcc::of(matched, correlation, score_s.nrows(), warnings))
}

/// What a method scores that sees x `[N, d]` alone, neither s `[N, a]` nor u: principal components, linear ICA, or any
/// other blind separation. `fit` gets the fitted rows of x and gives a map from x to components `[N, b]`; with a split,
/// what is scored was not fitted. In \[0, 1\]. (Principal components: Pearson 1901; linear ICA: Comon 1994.)
///
/// Of `ivae-ica`, with an error that both crates' errors turn into (the chapter on metrics of ivae's book has it whole):
/// `|x| { let ica = FastIca::default().fit(x)?; Ok(move |x: ArrayView2<'_, f64>| Ok(ica.transform(x)?)) }`.
///
/// # Errors
/// Those of `fit` and of the map, and as [`mcc_on`](crate::mcc_on).
///
/// ```
/// use ivae_metrics::{Correlation, MetricError, Rows, blind};
/// use ndarray::{Array2, ArrayView2};
///
/// let s = Array2::from_shape_fn((200, 2), |(i, j)| (0.3 * (i * (j + 2)) as f64).sin());
/// let x = s.dot(&ndarray::array![[1.0, 0.4], [0.4, 1.0]]);
/// // x as it is, centred on the rows that were fitted.
/// let centred = |fitted: ArrayView2<'_, f64>| {
///     let mean = fitted.mean_axis(ndarray::Axis(0)).expect("there are rows");
///     Ok::<_, MetricError>(move |x: ArrayView2<'_, f64>| Ok(&x - &mean))
/// };
/// let found = blind(s.view(), x.view(), Rows::All, Correlation::Pearson, centred)?;
/// assert!(found.score > 0.9 && found.score < 0.95);
/// # Ok::<(), MetricError>(())
/// ```
pub fn blind<F: Scalar, M, E: From<MetricError>>(
    s: ArrayView2<'_, F>,
    x: ArrayView2<'_, F>,
    rows: Rows<'_>,
    correlation: Correlation,
    fit: impl FnOnce(ArrayView2<'_, F>) -> Result<M, E>,
) -> Result<Mcc, E>
where
    M: FnOnce(ArrayView2<'_, F>) -> Result<Array2<F>, E>,
{
    check_pair(s, x)?;
    let map = fit(rows.of(x)?.0.view())?;
    Ok(mcc_on(s, map(x)?.view(), rows, correlation)?)
}

/// The chance level of [`mcc_on`](crate::mcc_on) on these rows: the mean score over `permutations` random
/// permutations (Fisher 1935) of the rows of z `[N, b]` against s `[N, a]` (within the fitted and within the scored
/// rows), each with its own assignment. In \[0, 1\], about N^(−½). The same seed gives the same number. A constant column
/// counts as 0, as in the score itself, which tells it.
///
/// # Errors
/// As [`mcc_on`](crate::mcc_on), and no permutations.
pub fn chance<F: Scalar>(
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
    rows: Rows<'_>,
    correlation: Correlation,
    permutations: usize,
    seed: u64,
) -> Result<f64, MetricError> {
    check_pair(s, z)?;
    if permutations == 0 {
        return Err(MetricError::NoPermutations);
    }
    let ((fit_s, score_s), (fit_z, score_z)) = (rows.of(s)?, rows.of(z)?);
    let scored = Permutable::new(score_s.view(), score_z.view(), correlation);
    let fitted = match rows {
        Rows::All => None,
        Rows::Split { .. } => Some(Permutable::new(fit_s.view(), fit_z.view(), correlation)),
    };
    let permuted = if correlation == Correlation::Spearman { Correlation::Pearson } else { correlation };
    let mut sum = 0.0;
    for i in 0..permutations as u64 {
        let key = StreamKey::new(seed, Purpose::Control).step(i);
        let z = scored.permuted(key.block(0));
        let scored = (scored.s.view(), z.view());
        sum += match &fitted {
            None => score(None, scored, permuted)?.score,
            Some(fitted) => {
                let z = fitted.permuted(key.block(1));
                score(Some((fitted.s.view(), z.view())), scored, permuted)?.score
            }
        };
    }
    Ok(sum / permutations as f64)
}

/// Sources and latents, or their ranks (permuting rows permutes ranks), of which Spearman's is the Pearson correlation.
struct Permutable {
    s: Array2<f64>,
    z: Array2<f64>,
}

impl Permutable {
    fn new<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>, correlation: Correlation) -> Self {
        match correlation {
            Correlation::Spearman => Self { s: rank_columns(s), z: rank_columns(z) },
            _ => Self { s: s.mapv(F::f64), z: z.mapv(F::f64) },
        }
    }

    fn permuted(&self, key: StreamKey) -> Array2<f64> {
        let mut order: Vec<usize> = (0..self.z.nrows()).collect();
        order.shuffle(&mut key.rng());
        self.z.select(Axis(0), &order)
    }
}
