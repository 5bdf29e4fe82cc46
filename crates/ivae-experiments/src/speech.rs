//! Japanese vowels by nine speakers: real data, so there is no truth to compare with. Shown are held-out likelihoods
//! and whether independent fits find the same latents.

mod page;

use ivae::core::likelihood::u_only;
use ivae::core::model::vae::{VaeSpec, WarmStart};
use ivae::data::{Scaling, Whitener, read_array};
use ivae::metrics::{Correlation, MetricError, Rows, mcc, u_only_gaussian, weak_mcc, within_u};
use ivae::num::{Purpose, StreamKey};
use ivae::prelude::{Dataset, FitSpec, Fitted, LogLikelihood, ReadOptions, Split, read};
use ivae::report::Record;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::context::{Context, Outcome, Result};

/// Nine speakers allow for at most (9 − 1) / 2 latents with two statistics each.
const LATENTS: usize = 4;
/// Importance samples of the likelihood.
const IMPORTANCE: usize = 50;
/// Part of the training utterances that chooses the best epoch.
const CHOOSING: f64 = 0.2;

/// The data: all frames, and which of them are for what.
struct Speech {
    /// Frames of the 270 training utterances.
    train: Dataset<f32>,
    /// Frames of the 370 test utterances: for scores only.
    test: Dataset<f32>,
    /// Utterance of each test frame.
    test_utterance: Vec<u32>,
    /// Split of `train`: frames that train, and frames that choose the epoch.
    split: Split,
}

/// Independent fits of one model.
struct Fits {
    label: &'static str,
    /// One per seed.
    fitted: Vec<Fitted<f32>>,
    /// Latents of the test frames, one per seed, `[N, n]`.
    z: Vec<Array2<f32>>,
    /// The fit with the best objective on the rows that choose.
    best: usize,
    train: LogLikelihood,
    test: LogLikelihood,
    agreement: Agreement,
}

/// How alike the latents of two independent fits are, on test frames.
struct Agreement {
    /// MCC of ranks for each pair of fits, `[K, K]`.
    matrix: Array2<f64>,
    /// Its mean over pairs of different fits.
    mean: f64,
    /// The same with Pearson correlation within speakers.
    within: f64,
    /// The same after the best affine map from one to the other.
    affine: f64,
}

pub(crate) fn run(context: &Context) -> Result<Outcome> {
    let speech = load(context)?;
    let ivae = fits(context, &speech, "iVAE", &spec(context, VaeSpec::ivae()))?;
    let vae = fits(context, &speech, "VAE", &spec(context, VaeSpec::vae()))?;
    let train = speech.train.select_rows(&speech.split.train);
    let baselines = [
        ("u alone: a Gaussian per speaker, columns independent", diagonal(&train, &speech.test)),
        ("a Gaussian per speaker, full covariance", full_covariance(&train, &speech.test)?),
    ];
    let records = vec![record(context, &ivae, &baselines)?, record(context, &vae, &baselines)?];
    Ok(Outcome { section: page::section(context, &speech, &[ivae, vae], &baselines)?, records })
}

/// The default model with one start per fit; the starts are made here, so that their latents can be compared, and
/// at random: fits that all start at one and the same linear solution would agree whatever the data say. Columns
/// are scaled one by one: whitened, all twelve directions would count alike, and four latents could explain any four.
fn spec(context: &Context, model: VaeSpec) -> FitSpec {
    let mut vae = VaeSpec { scaling: Scaling::Standardise, start: WarmStart::Pca, restarts: 1, ..model };
    vae.training.epochs = if context.quick { 10 } else { 100 };
    FitSpec::new(LATENTS, vae)
}

fn load(context: &Context) -> Result<Speech> {
    let path = context.data_dir.join("japanese_vowels.npz");
    let data: Dataset<f32> = read(&path, &ReadOptions::default())?;
    let column = |key| -> Result<Vec<u32>> {
        Ok(read_array::<f64>(&path, Some(key))?.iter().map(|&v| v as u32).collect())
    };
    let (utterance, part) = (column("utterance")?, column("split")?);
    let rows = |of: u32| -> Vec<usize> { (0..part.len()).filter(|&i| part[i] == of).collect() };
    let (train_rows, test_rows) = (rows(0), rows(1));
    let pick = |rows: &[usize]| -> Vec<u32> { rows.iter().map(|&i| utterance[i]).collect() };
    let train = data.select_rows(&train_rows);
    let levels = train.u.levels.as_ref().map(|l| l.index.as_slice());
    let key = StreamKey::new(context.seed, Purpose::Split);
    let split = Split::by_groups(&pick(&train_rows), CHOOSING, levels, key)?;
    Ok(Speech { test: data.select_rows(&test_rows), test_utterance: pick(&test_rows), train, split })
}

fn fits(context: &Context, speech: &Speech, label: &'static str, spec: &FitSpec) -> Result<Fits> {
    let count = if context.quick { 3 } else { 6 };
    let fitted = (context.seed..context.seed + count)
        .into_par_iter()
        .map(|seed| context.fit(&speech.train, Some(&speech.split), &FitSpec { seed, ..spec.clone() }))
        .collect::<Result<Vec<_>>>()?;
    let objective = |i: usize| fitted[i].report.objective.held_out.unwrap_or(f64::NEG_INFINITY);
    let best = (0..fitted.len()).max_by(|&a, &b| objective(a).total_cmp(&objective(b))).unwrap_or(0);
    let z = fitted.iter().map(|f| f.transform(&speech.test)).collect::<std::result::Result<Vec<_>, _>>()?;
    let train_rows = speech.train.select_rows(&speech.split.train);
    let samples = if context.quick { 5 } else { IMPORTANCE };
    let likelihood = |data| fitted[best].log_likelihood(data, samples, context.seed);
    let (train, test) = (likelihood(&train_rows)?, likelihood(&speech.test)?);
    let speakers = speech.test.u.levels.as_ref().map(|l| l.index.as_slice()).unwrap_or_default();
    let agreement = Agreement::of(&z, speakers)?;
    Ok(Fits { label, z, best, train, test, agreement, fitted })
}

impl Agreement {
    fn of(z: &[Array2<f32>], speakers: &[u32]) -> Result<Self> {
        type View<'a> = ArrayView2<'a, f32>;
        let over_pairs =
            |score: &dyn Fn(View<'_>, View<'_>) -> std::result::Result<f64, MetricError>| -> Result<_> {
                let mut matrix = Array2::eye(z.len());
                for i in 0..z.len() {
                    for j in 0..i {
                        let value = score(z[i].view(), z[j].view())?;
                        (matrix[[i, j]], matrix[[j, i]]) = (value, value);
                    }
                }
                Ok(matrix)
            };
        let matrix = over_pairs(&|a, b| Ok(mcc(a, b, Correlation::Spearman)?.score))?;
        let within =
            over_pairs(&|a, b| Ok(within_u(a, b, speakers, Rows::All, Correlation::Pearson)?.score))?;
        let affine = over_pairs(&|a, b| {
            let score = |a, b| weak_mcc(a, b, Rows::All, Correlation::Pearson).map(|m| m.score);
            Ok((score(a, b)? + score(b, a)?) / 2.0)
        })?;
        Ok(Self {
            mean: mean_of_pairs(&matrix),
            within: mean_of_pairs(&within),
            affine: mean_of_pairs(&affine),
            matrix,
        })
    }
}

/// Mean of the entries off the diagonal.
fn mean_of_pairs(matrix: &Array2<f64>) -> f64 {
    let n = matrix.nrows() as f64;
    (matrix.sum() - matrix.diag().sum()) / (n * (n - 1.0))
}

/// Log-likelihood per frame on the training and the test frames.
type Likelihoods = (f64, f64);

fn diagonal(train: &Dataset<f32>, test: &Dataset<f32>) -> Likelihoods {
    (u_only(u_only_gaussian, train, train), u_only(u_only_gaussian, train, test))
}

/// A Gaussian with full covariance for each speaker, fitted to `train`: a whitened frame is standard normal.
fn full_covariance(train: &Dataset<f32>, test: &Dataset<f32>) -> Result<Likelihoods> {
    let rows = |data: &Dataset<f32>, speaker: u32| -> Array2<f64> {
        let index = data.u.levels.as_ref().map(|l| l.index.as_slice()).unwrap_or_default();
        let rows: Vec<usize> = (0..index.len()).filter(|&i| index[i] == speaker).collect();
        data.x.select(Axis(0), &rows).mapv(f64::from)
    };
    let speakers = train.u.levels.as_ref().map_or(0, |l| l.names.len());
    let (mut on_train, mut on_test) = (0.0, 0.0);
    for speaker in 0..speakers as u32 {
        let x = rows(train, speaker);
        let whitener = Whitener::fit(x.view(), None)?;
        let log_det = whitener.log_abs_det().ok_or("the covariance of a speaker is singular")?;
        let total = |x: Array2<f64>| {
            let (n, d) = (x.nrows() as f64, x.ncols() as f64);
            let squares = whitener.apply(x.view()).mapv(|v| v * v).sum();
            n * (log_det - 0.5 * d * std::f64::consts::TAU.ln()) - 0.5 * squares
        };
        on_train += total(x);
        on_test += total(rows(test, speaker));
    }
    Ok((on_train / train.rows() as f64, on_test / test.rows() as f64))
}

fn record(context: &Context, fits: &Fits, baselines: &[(&str, Likelihoods); 2]) -> Result<Record> {
    let best = &fits.fitted[fits.best];
    let title = format!("{}: Japanese vowels, u = speaker", fits.label);
    let mut record = context.record(best.spec.model.name(), &title, &[best])?;
    record.seconds = fits.fitted.iter().map(|f| f.report.seconds).sum();
    for (name, value) in [
        ("elbo_train", fits.train.elbo),
        ("elbo_test", fits.test.elbo),
        ("iwae_train", fits.train.iwae),
        ("iwae_test", fits.test.iwae),
        ("u_only_log_likelihood_test", baselines[0].1.1),
        ("full_gaussian_log_likelihood_test", baselines[1].1.1),
        ("fits", fits.fitted.len() as f64),
        ("agreement_spearman", fits.agreement.mean),
        ("agreement_within_u", fits.agreement.within),
        ("agreement_affine", fits.agreement.affine),
    ] {
        record.metric(name, value);
    }
    Ok(record)
}
