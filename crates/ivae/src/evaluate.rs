//! Scores of a fitted model against the true sources, beside the baselines that give them meaning.

use ivae_core::{Fitted, LogLikelihood};
use ivae_data::{Dataset, check_values};
use ivae_ica::FastIca;
use ivae_metrics::{Correlation, Rows, chance, linear_r2, mcc_on, u_only, weak_mcc, within_u};
use ivae_num::Scalar;
use ndarray::ArrayView2;
use serde::{Serialize, Serializer, ser::SerializeTuple};

use crate::baselines;
pub use crate::error::EvaluateError;

/// Importance samples of the likelihood.
pub const IMPORTANCE: usize = 50;
/// Permutations behind the chance score.
const PERMUTATIONS: usize = 5;

/// Which rows are scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scored {
    /// All rows.
    #[default]
    All,
    /// The rows that trained.
    Train,
    /// The rows held out; everything that is fitted (assignment, affine map, baselines) is fitted on training rows.
    HeldOut,
}

/// Every score of a fitted model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// How many rows are scored.
    pub rows: usize,
    /// Which rows those are.
    pub scored: Scored,
    /// Mean correlation coefficients; `None` without true sources.
    pub mcc: Option<MccScores>,
    /// R² of the best affine map from latents to sources, mean over sources; `None` without true sources.
    pub r2: Option<f64>,
    /// Matched pairs `[source, latent, correlation]` of the Pearson assignment; none (JSON: null) without true sources.
    #[serde(serialize_with = "null_if_empty")]
    pub matched: Vec<Pair>,
    /// What other methods score (MCC, Pearson) on the same rows; `None` without true sources.
    pub baselines: Option<Baselines>,
    /// Log-likelihood in nats per row; `None` for models without a density of x.
    pub log_likelihood: Option<LogLikelihood>,
    /// What the reader must know.
    pub warnings: Vec<String>,
}

/// Mean correlation coefficients of latents (posterior means) and sources.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MccScores {
    /// Pearson.
    pub pearson: f64,
    /// Spearman.
    pub spearman: f64,
    /// Pearson, of residuals within levels of u; `None` without levels.
    pub within_u: Option<f64>,
    /// Pearson, after the best affine map: what ~-identifiability promises.
    pub weak: f64,
    /// Pearson, of the sufficient statistics T(z) of the prior: of squares where T is z².
    pub statistics: f64,
}

/// A source, its latent and their correlation; written as an array.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Column of the source.
    pub source: usize,
    /// Column of the latent.
    pub latent: usize,
    /// Pearson correlation, signed.
    pub correlation: f64,
}

impl Serialize for Pair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(3)?;
        tuple.serialize_element(&self.source)?;
        tuple.serialize_element(&self.latent)?;
        tuple.serialize_element(&self.correlation)?;
        tuple.end()
    }
}

fn null_if_empty<S: Serializer>(matched: &[Pair], serializer: S) -> Result<S::Ok, S::Error> {
    (!matched.is_empty()).then_some(matched).serialize(serializer)
}

/// What other methods score.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Baselines {
    /// The latents in random order of rows.
    pub chance: f64,
    /// The best prediction from u alone; `None` without levels.
    pub u_only: Option<f64>,
    /// Principal components of x; `None` if x varies in fewer directions than the model has latents.
    pub pca: Option<f64>,
    /// FastICA of x; `None` as for the principal components.
    pub fastica: Option<f64>,
}

/// Score `fitted` on `data`.
///
/// # Errors
/// Data that do not fit the model or its split, or that cannot be scored.
pub fn evaluate<F: Scalar>(
    fitted: &Fitted<F>,
    data: &Dataset<F>,
    which: Scored,
) -> Result<Evaluation, EvaluateError> {
    check_values(data)?;
    let split = &fitted.split;
    if which != Scored::All {
        let expected = split.train.len() + split.held_out.len();
        if expected != data.rows() {
            return Err(EvaluateError::OtherData { expected, found: data.rows() });
        }
        if which == Scored::HeldOut && split.held_out.is_empty() {
            return Err(EvaluateError::NothingHeldOut);
        }
    }
    let part;
    let (data, rows) = match which {
        Scored::All => (data, Rows::All),
        Scored::Train => {
            part = data.select_rows(&split.train);
            (&part, Rows::All)
        }
        Scored::HeldOut => (data, Rows::Split { fit: &split.train, score: &split.held_out }),
    };
    let count = if which == Scored::HeldOut { split.held_out.len() } else { data.rows() };
    let z = fitted.transform(data)?;
    let mut warnings = Vec::new();
    let log_likelihood = if fitted.model.has_density() {
        let held_out = (which == Scored::HeldOut).then(|| data.select_rows(&split.held_out));
        let scored = held_out.as_ref().unwrap_or(data);
        Some(fitted.log_likelihood(scored, IMPORTANCE, fitted.spec.seed)?)
    } else {
        None
    };
    let mut out = Evaluation {
        rows: count,
        scored: which,
        mcc: None,
        r2: None,
        matched: Vec::new(),
        baselines: None,
        log_likelihood,
        warnings: Vec::new(),
    };
    let Some(s) = &data.s else {
        out.warnings
            .push("the data have no true sources (key or columns s): only likelihoods are given".into());
        return Ok(out);
    };
    let (s, z) = (s.view(), z.view());
    let pearson = mcc_on(s, z, rows, Correlation::Pearson)?;
    warnings.extend(pearson.warnings.iter().map(ToString::to_string));
    let levels = data.u.levels.as_ref().map(|l| l.index.as_slice());
    let statistics = |v: ArrayView2<'_, F>| fitted.model.statistics(v);
    out.mcc = Some(MccScores {
        pearson: pearson.score,
        spearman: mcc_on(s, z, rows, Correlation::Spearman)?.score,
        within_u: levels.map(|u| within_u(s, z, u, rows, Correlation::Pearson)).transpose()?.map(|m| m.score),
        weak: weak_mcc(s, z, rows, Correlation::Pearson)?.score,
        statistics: mcc_on(statistics(s).view(), statistics(z).view(), rows, Correlation::Pearson)?.score,
    });
    out.r2 = Some(linear_r2(s, z, rows)?.mean);
    out.matched = pearson
        .matched
        .iter()
        .map(|m| Pair { source: m.source, latent: m.latent, correlation: m.correlation })
        .collect();
    out.baselines = Some(scored_baselines(fitted, data, s, z, levels, rows, &mut warnings)?);
    out.warnings = warnings;
    Ok(out)
}

fn scored_baselines<F: Scalar>(
    fitted: &Fitted<F>,
    data: &Dataset<F>,
    s: ArrayView2<'_, F>,
    z: ArrayView2<'_, F>,
    levels: Option<&[u32]>,
    rows: Rows<'_>,
    warnings: &mut Vec<String>,
) -> Result<Baselines, EvaluateError> {
    let (n, seed, x) = (fitted.spec.latents, fitted.spec.seed, data.x.view());
    let pca = or_warning(baselines::pca(s, x, Some(n), rows, Correlation::Pearson), "PCA", warnings)?;
    let ica = FastIca { components: Some(n), seed, ..FastIca::default() };
    let ica = or_warning(baselines::fast_ica(s, x, &ica, rows, Correlation::Pearson), "FastICA", warnings)?;
    if let Some((_, ica)) = ica.as_ref().filter(|(_, ica)| !ica.converged) {
        warnings.push(format!("the baseline FastICA did not converge in {} iterations", ica.iterations));
    }
    Ok(Baselines {
        chance: chance(s, z, rows, Correlation::Pearson, PERMUTATIONS, seed)?,
        u_only: levels.map(|u| u_only(s, u, rows, Correlation::Pearson)).transpose()?.map(|m| m.score),
        pca: pca.map(|mcc| mcc.score),
        fastica: ica.map(|(mcc, _)| mcc.score),
    })
}

/// What could be computed; a warning where x does not allow the baseline.
fn or_warning<T>(
    scored: Result<T, EvaluateError>,
    name: &str,
    warnings: &mut Vec<String>,
) -> Result<Option<T>, EvaluateError> {
    match scored {
        Err(EvaluateError::Ica(error)) => {
            warnings.push(format!("no baseline {name}: {error}"));
            Ok(None)
        }
        scored => scored.map(Some),
    }
}
