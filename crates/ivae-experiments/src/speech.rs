//! Japanese vowels by nine speakers: real data, so there is no truth to compare with. Shown are held-out likelihoods
//! and whether independent fits find the same latents.

use std::collections::BTreeMap;

use ivae::core::diagnostics::u_only_log_likelihood;
use ivae::core::spec::Scaling;
use ivae::data::{Whitener, read_array};
use ivae::metrics::{Correlation, MetricError, Rows, mcc, weak_mcc, within_u};
use ivae::num::{Purpose, StreamKey};
use ivae::page::training_curves;
use ivae::prelude::{Dataset, FitSpec, Fitted, LogLikelihood, ReadOptions, Split, read};
use ivae::report::figure::{HeatmapOptions, ScatterOptions, ScatterPanel, heatmap, scatter_panels};
use ivae::report::{Figure, Record, Section, Stat, Table};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::context::{Context, Outcome, Result};
use crate::numbers::number;

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
    let ivae = fits(context, &speech, "iVAE", &spec(context, FitSpec::ivae(LATENTS)))?;
    let vae = fits(context, &speech, "VAE", &spec(context, FitSpec::vae(LATENTS)))?;
    let train = speech.train.select_rows(&speech.split.train);
    let baselines = [
        ("u alone: a Gaussian per speaker, columns independent", diagonal(&train, &speech.test)),
        ("a Gaussian per speaker, full covariance", full_covariance(&train, &speech.test)?),
    ];
    let records = vec![record(context, &ivae, &baselines)?, record(context, &vae, &baselines)?];
    Ok(Outcome { section: section(context, &speech, &[ivae, vae], &baselines)?, records })
}

/// The default model with one start per fit; the starts are made here, so that their latents can be compared. Columns
/// are scaled one by one: whitened, all twelve directions would count alike, and four latents could explain any four.
fn spec(context: &Context, mut spec: FitSpec) -> FitSpec {
    spec.scaling = Scaling::Standardise;
    spec.training.restarts = 1;
    spec.training.epochs = if context.quick { 10 } else { 100 };
    spec
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
    let levels = train.u.levels().map(|l| l.index.as_slice());
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
    let speakers = speech.test.u.levels().map(|l| l.index.as_slice()).unwrap_or_default();
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
    (u_only_log_likelihood(train, train), u_only_log_likelihood(train, test))
}

/// A Gaussian with full covariance for each speaker, fitted to `train`: a whitened frame is standard normal.
fn full_covariance(train: &Dataset<f32>, test: &Dataset<f32>) -> Result<Likelihoods> {
    let rows = |data: &Dataset<f32>, speaker: u32| -> Array2<f64> {
        let index = data.u.levels().map(|l| l.index.as_slice()).unwrap_or_default();
        let rows: Vec<usize> = (0..index.len()).filter(|&i| index[i] == speaker).collect();
        data.x.select(Axis(0), &rows).mapv(f64::from)
    };
    let speakers = train.u.levels().map_or(0, |l| l.names.len());
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

fn section(
    context: &Context,
    speech: &Speech,
    models: &[Fits; 2],
    baselines: &[(&str, Likelihoods); 2],
) -> Result<Section> {
    let [ivae, vae] = models;
    let fitted = &ivae.fitted[ivae.best];
    let two = |value: f64| number(value, 2);
    let stats = vec![
        Stat { value: two(ivae.test.iwae), label: "nats per test frame, iVAE".into() },
        Stat { value: two(vae.test.iwae), label: "VAE".into() },
        Stat { value: two(baselines[0].1.1), label: "u alone".into() },
        Stat { value: two(ivae.agreement.mean), label: "agreement of iVAE fits".into() },
        Stat { value: two(vae.agreement.mean), label: "agreement of VAE fits".into() },
    ];
    let mut warnings = Vec::new();
    for fits in models {
        let fitted = &fits.fitted[fits.best];
        warnings.extend(fitted.report.warnings.iter().map(|w| format!("{}: {w}", fits.label)));
    }
    Ok(Section {
        id: "speech".into(),
        title: "Speech: nine speakers, no known truth".into(),
        lead: lead(speech),
        stats,
        figures: vec![
            latents_figure(speech, models),
            agreement_figure(ivae),
            agreement_figure(vae),
            training_curves(fitted),
        ],
        tables: vec![likelihood_table(models, baselines), agreement_table(models)],
        notes: notes(models, baselines),
        warnings,
        details: context.details(&fitted.spec)?,
    })
}

fn lead(speech: &Speech) -> String {
    format!(
        "Nine men say the Japanese vowels /ae/; x are the twelve cepstrum coefficients of each frame of {} ms, and u is \
         the speaker ([the data](https://doi.org/10.24432/C5NS47)). {LATENTS} latents, which is the most that nine \
         speakers can identify by the theorem when mean and variance of each latent depend on the speaker. Fitted to \
         {} frames of 270 utterances, a fifth of which chose the epoch; scored on {} frames of 370 other utterances of \
         the same speakers.\n\n\
         There are no true sources here. What can be checked is whether the model predicts unseen speech, and whether \
         fits that start from different random numbers find **the same** latents, as they should if these are \
         identified.",
        25.6,
        speech.train.rows(),
        speech.test.rows()
    )
}

/// Latents of the test utterances (means over their frames), the most informative latents first.
fn latents_figure(speech: &Speech, models: &[Fits; 2]) -> Figure {
    let mut utterances: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (row, &utterance) in speech.test_utterance.iter().enumerate() {
        utterances.entry(utterance).or_default().push(row);
    }
    let index = speech.test.u.levels().map(|l| l.index.as_slice()).unwrap_or_default();
    let speakers: Vec<u32> = utterances.values().map(|rows| index[rows[0]]).collect();
    let mut drawn = Vec::new();
    for fits in models {
        let fitted = &fits.fitted[fits.best];
        let kl = fitted.report.collapse.as_ref().map_or_else(Vec::new, |c| c.kl_per_latent.clone());
        let mut order: Vec<usize> = (0..LATENTS).collect();
        order.sort_by(|&a, &b| kl.get(b).unwrap_or(&0.0).total_cmp(kl.get(a).unwrap_or(&0.0)));
        let z = &fits.z[fits.best];
        for pair in order.chunks_exact(2) {
            let mean = |rows: &Vec<usize>, j: usize| {
                rows.iter().map(|&i| f64::from(z[[i, pair[j]]])).sum::<f64>() / rows.len() as f64
            };
            let flat: Vec<f64> =
                utterances.values().flat_map(|rows| [mean(rows, 0), mean(rows, 1)]).collect();
            let points = Array2::from_shape_vec((utterances.len(), 2), flat).unwrap_or_default();
            drawn.push((format!("{}: z{} and z{}", fits.label, pair[0] + 1, pair[1] + 1), points));
        }
    }
    let panels: Vec<ScatterPanel<'_>> = drawn
        .iter()
        .map(|(title, points)| ScatterPanel {
            title: title.clone(),
            subtitle: format!("{} test utterances", points.nrows()),
            points: points.view(),
            classes: Some(&speakers),
        })
        .collect();
    let options = ScatterOptions { class_label: "speaker".into(), ..ScatterOptions::default() };
    Figure {
        svg: scatter_panels(&panels, &options),
        caption:
            "Each point is one utterance of the test set: the mean of its frames' latents, coloured by its \
                  speaker. Neither encoder is told the speaker; iVAE was in training."
                .into(),
        alt: "Four scatter plots of latents coloured by speaker.".into(),
    }
}

fn agreement_figure(fits: &Fits) -> Figure {
    let options = HeatmapOptions {
        title: format!("Agreement of {} fits", fits.label),
        row_label: "fit".into(),
        column_label: "fit".into(),
        width: 250.0,
        ..HeatmapOptions::default()
    };
    Figure {
        svg: heatmap(fits.agreement.matrix.view(), &options),
        caption: "MCC (of ranks) between the latents of two fits on test frames: 1 means the same latents up to order \
                  and monotone rescaling."
            .into(),
        alt: format!("A matrix of how much pairs of {} fits agree.", fits.label),
    }
}

fn likelihood_table(models: &[Fits; 2], baselines: &[(&str, Likelihoods); 2]) -> Table {
    let two = |value: f64| number(value, 2);
    let model = |fits: &Fits| {
        let told = if fits.label == "iVAE" { "yes" } else { "no" };
        vec![
            fits.label.to_owned(),
            told.to_owned(),
            two(fits.train.elbo),
            two(fits.train.iwae),
            two(fits.test.elbo),
            two(fits.test.iwae),
        ]
    };
    let baseline = |(label, (train, test)): &(&str, Likelihoods)| {
        vec![(*label).to_owned(), "yes".into(), "–".into(), two(*train), "–".into(), two(*test)]
    };
    Table {
        head: ["model", "told the speaker", "train ELBO", "train log p", "test ELBO", "test log p"]
            .map(String::from)
            .to_vec(),
        rows: models.iter().map(model).chain(baselines.iter().map(baseline)).collect(),
        caption: format!(
            "Nats per frame, higher is better. *log p* is the importance-weighted bound with {IMPORTANCE} samples for \
             the two models, and exact for the Gaussians."
        ),
        emphasis: None,
    }
}

fn agreement_table(models: &[Fits; 2]) -> Table {
    let row = |fits: &Fits| {
        let a = &fits.agreement;
        vec![
            fits.label.to_owned(),
            fits.fitted.len().to_string(),
            number(a.mean, 3),
            number(a.within, 3),
            number(a.affine, 3),
        ]
    };
    Table {
        head: ["model", "fits", "agreement", "within speakers", "after an affine map"].map(String::from).to_vec(),
        rows: models.iter().map(row).collect(),
        caption: "Mean over pairs of fits, on test frames. *Agreement*: MCC of ranks. *Within speakers*: MCC after each \
                  speaker's mean is taken off. *After an affine map*: MCC once one fit may be rotated onto the other; \
                  where this is high and agreement is not, the fits found the same space but not the same axes."
            .into(),
        emphasis: Some(0),
    }
}

/// What the numbers do and do not show, from the numbers.
fn notes(models: &[Fits; 2], baselines: &[(&str, Likelihoods); 2]) -> Vec<String> {
    let [ivae, vae] = models;
    vec![
        format!(
            "iVAE is told the speaker and VAE is not, so their likelihoods answer different questions: log p(x|u) and \
             log p(x). Knowing which of nine speakers it is can be worth up to ln 9 = 2.20 nats per frame (were they \
             equally frequent); the difference here is {}.",
            number(ivae.test.iwae - vae.test.iwae, 2)
        ),
        gaussian_in_words(ivae.test.iwae, baselines[1].1.1),
        agreement_in_words(ivae, vae),
        "Agreement is not truth: fits could agree on latents that mean nothing. It is necessary for identified latents, \
         not sufficient."
            .into(),
    ]
}

/// What the agreement of the fits says, with the variability condition of the fitted prior beside it.
fn agreement_in_words(ivae: &Fits, vae: &Fits) -> String {
    let (a, b) = (ivae.agreement.mean, vae.agreement.mean);
    let compared = match a - b {
        d if d > 0.05 => "more than fits of VAE do",
        d if d < -0.05 => "less than fits of VAE do",
        _ => "about as much as fits of VAE do, which start from the same principal components",
    };
    let mut text =
        format!("Independent fits of iVAE agree to {}, {compared} ({}).", number(a, 2), number(b, 2));
    let ranks = ivae.fitted.iter().filter_map(|f| f.report.identifiability.as_ref());
    let short = ranks.clone().filter(|id| id.rank + 1 < id.needed).count();
    text += &match short {
        0 => format!(" All {} fitted priors meet the condition of the theorem.", ivae.fitted.len()),
        n => format!(
            " In {n} of {} fits the speakers do not move the latents in all {} directions that the theorem needs, so \
             it promises no agreement: nine speakers are just enough for {LATENTS} latents, with none to spare.",
            ivae.fitted.len(),
            2 * LATENTS
        ),
    };
    text
}

/// The nonlinear model beside a plain Gaussian per speaker.
fn gaussian_in_words(ours: f64, gaussian: f64) -> String {
    let (a, b) = (number(ours, 2), number(gaussian, 2));
    if ours > gaussian {
        return format!(
            "iVAE predicts unseen frames better ({a}) than a Gaussian of full covariance per speaker ({b})."
        );
    }
    format!(
        "A plain Gaussian of full covariance per speaker predicts unseen frames better ({b}) than iVAE ({a}). It has 90 \
         parameters for each speaker; iVAE has one decoder for all of them, and {LATENTS} latents and independent noise \
         for the correlations of twelve coefficients. What iVAE gains over *u alone* comes from these few latents."
    )
}
