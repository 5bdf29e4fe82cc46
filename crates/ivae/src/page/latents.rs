//! The sections that need data: the latents drawn, and their recovery where the true sources are known.

use ivae_core::Fitted;
use ivae_data::Dataset;
use ivae_metrics::pearson;
use ivae_num::Scalar;
use ivae_report::figure::{
    Bar, BarsOptions, HeatmapOptions, Pair as DrawnPair, PairsOptions, ScatterOptions, ScatterPanel, bars,
    heatmap, pairs, scatter_panels,
};
use ivae_report::{Figure, Section, Stat, Table};
use ndarray::{Array1, Array2, ArrayView1};

use super::{number, title};
use crate::evaluate::{EvaluateError, Evaluation, Pair, Scored, evaluate};

/// Samples drawn of each matched pair.
const WINDOW: usize = 200;
/// Most latents drawn as scatter panels of two, or as pairs.
const MOST_DRAWN: usize = 8;

pub(super) fn sections<F: Scalar>(
    fitted: &Fitted<F>,
    data: &Dataset<F>,
) -> Result<Vec<Section>, EvaluateError> {
    let z = fitted.transform(data)?.mapv(F::f64);
    let split = &fitted.split;
    let same_rows = split.train.len() + split.held_out.len() == data.rows();
    let which = if same_rows && !split.held_out.is_empty() { Scored::HeldOut } else { Scored::All };
    let scores = evaluate(fitted, data, which)?;
    let mut sections = vec![drawn(data, &z, &scores, fitted.report.search.is_some())];
    if let Some(s) = &data.s {
        sections.push(recovery(fitted, &scores, &s.mapv(F::f64), &z)?);
    }
    Ok(sections)
}

fn drawn<F: Scalar>(data: &Dataset<F>, z: &Array2<f64>, scores: &Evaluation, exact: bool) -> Section {
    let n = z.ncols();
    let columns: Vec<(usize, usize)> = match n {
        1 => Vec::new(),
        _ => (0..n.min(MOST_DRAWN))
            .step_by(2)
            .map(|i| (i, (i + 1).min(n - 1)))
            .filter(|(i, j)| i != j)
            .collect(),
    };
    let (classes, names) = match &data.u.levels {
        Some(levels) => (Some(levels.index.as_slice()), levels.names.clone()),
        None => (None, Vec::new()),
    };
    let points: Vec<Array2<f64>> =
        columns.iter().map(|&(i, j)| z.select(ndarray::Axis(1), &[i, j])).collect();
    let panels: Vec<ScatterPanel<'_>> = columns
        .iter()
        .zip(&points)
        .map(|((i, j), points)| ScatterPanel {
            title: format!("z{} and z{}", i + 1, j + 1),
            subtitle: String::new(),
            points: points.view(),
            classes,
        })
        .collect();
    let by = if classes.is_some() { ", coloured by the level of u" } else { "" };
    let mut figures = Vec::new();
    if !panels.is_empty() {
        let options =
            ScatterOptions { class_names: names, class_label: "level".into(), ..ScatterOptions::default() };
        figures.push(Figure {
            svg: scatter_panels(&panels, &options),
            caption: format!("Each point is a row of the data, at two of its latents{by}."),
            alt: format!("Scatter plots of pairs of latents{by}."),
        });
    }
    let mut stats = Vec::new();
    let mut lead = "For each row of x, the model's best guess of its latents".to_owned();
    lead += if exact { ": the inverse of the mixing." } else { ": the mean of the posterior." };
    if let Some(l) = scores.log_likelihood {
        lead += &format!(" Likelihoods are over {} rows ({}).", scores.rows, rows_in_words(scores.scored));
        let label = if exact { "log-likelihood, nats per row" } else { "ELBO, nats per row" };
        stats.push(Stat { value: number(l.elbo, 2), label: label.into() });
        if !exact {
            stats.push(Stat { value: number(l.iwae, 2), label: "importance-weighted bound".into() });
        }
    }
    Section { title: "The latents".into(), lead, stats, figures, ..Section::default() }
}

fn recovery<F: Scalar>(
    fitted: &Fitted<F>,
    scores: &Evaluation,
    s: &Array2<f64>,
    z: &Array2<f64>,
) -> Result<Section, EvaluateError> {
    let mut section = Section {
        title: "Recovery of the true sources".into(),
        lead: format!(
            "These data come with the sources they were made from, which the fit never saw. Each source is matched to \
             one latent, so that the absolute correlations add up to as much as possible; their mean is the **MCC**: 1 \
             is perfect recovery up to order, sign and scale. The other bars say what the number is worth: a score \
             near *u alone* or *PCA* would be no achievement. Scored on {}.",
            rows_in_words(scores.scored)
        ),
        warnings: scores.warnings.clone(),
        ..Section::default()
    };
    section.figures.push(pairs_figure(&scores.matched, s, z));
    if let (Some(mcc), Some(baselines)) = (scores.mcc, scores.baselines) {
        section.stats = [
            (Some(mcc.pearson), "MCC"),
            (mcc.within_u, "MCC within levels of u"),
            (Some(mcc.spearman), "MCC of ranks (Spearman)"),
            (Some(mcc.weak), "MCC after the best affine map"),
            (scores.r2, "R² of that map"),
        ]
        .into_iter()
        .filter_map(|(value, label)| Some(Stat { value: number(value?, 3), label: label.into() }))
        .collect();
        let bar = |label: &str, value, emphasis| Bar { label: label.into(), value, error: None, emphasis };
        let model = fitted.spec.model.name();
        let mut rows = vec![bar(&title(&fitted.spec.model), mcc.pearson, true)];
        for (label, value, name) in [
            ("FastICA", baselines.fastica, Some("fastica")),
            ("PCA", baselines.pca, Some("pca")),
            ("u alone", baselines.u_only, None),
            ("chance", Some(baselines.chance), None),
        ] {
            rows.extend(value.filter(|_| name != Some(model)).map(|v| bar(label, v, false)));
        }
        let options = BarsOptions {
            title: "Against simpler methods".into(),
            x_label: "MCC".into(),
            range: Some((0.0, 1.0)),
            ..BarsOptions::default()
        };
        section.figures.push(Figure {
            svg: bars(&rows, &options),
            caption: "The same score for methods that cannot undo the mixing.".into(),
            alt: "Bars of the mean correlation of each method.".into(),
        });
    }
    let matrix = pearson(s.view(), z.view())?.mapv(f64::abs);
    let options = HeatmapOptions {
        title: "|correlation| of sources and latents".into(),
        row_label: "true source".into(),
        column_label: "latent".into(),
        marked: scores.matched.iter().map(|m| (m.source, m.latent)).collect(),
        width: 300.0,
        ..HeatmapOptions::default()
    };
    section.figures.push(Figure {
        svg: heatmap(matrix.view(), &options),
        caption:
            "Over all rows; outlined is the matching. One dark cell per row and column is what one hopes for."
                .into(),
        alt: "A matrix of correlations of sources and latents.".into(),
    });
    section.tables.push(Table {
        head: ["source", "latent", "correlation"].map(String::from).to_vec(),
        rows: scores
            .matched
            .iter()
            .map(|m| {
                vec![format!("s{}", m.source + 1), format!("z{}", m.latent + 1), number(m.correlation, 3)]
            })
            .collect(),
        caption: "The matched pairs.".into(),
        emphasis: None,
    });
    Ok(section)
}

fn pairs_figure(matched: &[Pair], s: &Array2<f64>, z: &Array2<f64>) -> Figure {
    let series: Vec<(Array1<f64>, Array1<f64>)> = matched
        .iter()
        .take(MOST_DRAWN)
        .map(|m| {
            (standardised(s.column(m.source)), standardised(z.column(m.latent)) * m.correlation.signum())
        })
        .collect();
    let drawn: Vec<DrawnPair<'_>> = matched
        .iter()
        .zip(&series)
        .map(|(m, (source, latent))| DrawnPair {
            label: format!("s{}", m.source + 1),
            source: source.view(),
            latent: latent.view(),
            correlation: m.correlation.abs(),
        })
        .collect();
    Figure {
        svg: pairs(&drawn, &PairsOptions { window: WINDOW, ..PairsOptions::default() }),
        caption: format!(
            "The first {} rows: every true source (dashed) and the latent matched to it (solid), both at unit variance \
             and with the sign of the latent turned to fit. At the right, their correlation.",
            WINDOW.min(s.nrows())
        ),
        alt: "Panels of two lines each: a true source and its latent.".into(),
    }
}

/// At mean 0 and standard deviation 1; a constant stays at 0.
fn standardised(v: ArrayView1<'_, f64>) -> Array1<f64> {
    let (mean, std) = (v.mean().unwrap_or(0.0), v.std(0.0));
    v.mapv(|x| if std > 0.0 { (x - mean) / std } else { 0.0 })
}

fn rows_in_words(which: Scored) -> &'static str {
    match which {
        Scored::All => "all rows",
        Scored::Train => "the rows that trained",
        Scored::HeldOut => "the rows held out from training",
    }
}
