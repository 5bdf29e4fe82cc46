//! The part of the page about speech.

use std::collections::BTreeMap;

use ivae::page::training_curves;
use ivae::report::figure::{HeatmapOptions, ScatterOptions, ScatterPanel, heatmap, scatter_panels};
use ivae::report::{Figure, Section, Stat, Table};
use ndarray::Array2;

use super::{Fits, IMPORTANCE, LATENTS, Likelihoods, Speech};
use crate::context::{Context, Result};
use crate::numbers::number;

pub(super) fn section(
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
    let index = speech.test.u.levels.as_ref().map(|l| l.index.as_slice()).unwrap_or_default();
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
        caption: "Mean over pairs of fits, on test frames; each fit starts at principal components turned at random. *Agreement*: MCC of ranks. *Within speakers*: MCC after each \
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
        _ => "about as much as fits of VAE do",
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
