//! Methods beside each other where the sources are known: iVAE, VAE, linear ICA, PCA and what u alone gives, on the same data and rows.

use ivae::core::model::linear::LinearSpec;
use ivae::core::search::SearchReport;
use ivae::core::{ModelKind, ModelSpec};
use ivae::data::{Dataset, Split};
use ivae::metrics::{Correlation, Match, Rows, chance, mcc, mcc_on, u_only, within_u};
use ivae::prelude::{FitSpec, Fitted};
use ivae::report::figure::{Bar, BarsOptions, bars};
use ivae::report::{Figure, Record, Table};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::context::{Context, Result};
use crate::numbers::{mean_std, over_seeds};

/// Permutations behind the chance score.
const PERMUTATIONS: usize = 5;

/// How well a method recovers the sources (MCC, Pearson); NaN where that has no meaning.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scores {
    /// On all rows.
    pub(crate) all: f64,
    /// On held-out rows, matched on the training rows.
    pub(crate) held_out: f64,
    /// On held-out rows, with the mean of each level of u taken off: what is found beyond u.
    pub(crate) within_u: f64,
}

/// One model fitted to one data set.
#[derive(Debug)]
pub(crate) struct Run {
    /// The model.
    pub(crate) fitted: Fitted<f32>,
    /// Its latents, `[N, n]`.
    pub(crate) z: Array2<f32>,
    /// Which latent found which source, over all rows.
    pub(crate) matched: Vec<Match>,
    /// How well.
    pub(crate) scores: Scores,
}

/// All methods on one data set.
#[derive(Debug)]
pub(crate) struct Recovery {
    /// iVAE, VAE, joint diagonalisation, FastICA, PCA.
    pub(crate) runs: Vec<Run>,
    /// The best prediction from u alone.
    pub(crate) u_only: Scores,
    /// The latents of iVAE in random order of rows.
    pub(crate) chance: Scores,
}

/// Fit all methods, each with its default settings for them, to data with levels and true sources.
pub(crate) fn recover(context: &Context, data: &Dataset<f32>, seed: u64) -> Result<Recovery> {
    let (Some(s), Some(levels)) = (&data.s, data.u.levels.as_ref()) else {
        return Err("recovery needs true sources and levels of u".into());
    };
    let (s, u) = (s.view(), levels.index.as_slice());
    let mut runs = Vec::new();
    let linear = [LinearSpec::Ajd, LinearSpec::FastIca, LinearSpec::Pca].map(ModelKind::Linear);
    for model in [ModelKind::Ivae, ModelKind::Vae].into_iter().chain(linear) {
        let mut spec = FitSpec { seed, ..FitSpec::for_data(&model, None, s.ncols(), data) };
        context.hasten(&mut spec);
        let fitted = context.fit(data, None, &spec)?;
        let z = fitted.transform(data)?;
        let rows = scored(&fitted.split);
        let best = mcc(s, z.view(), Correlation::Pearson)?;
        let scores = Scores {
            all: best.score,
            held_out: mcc_on(s, z.view(), rows, Correlation::Pearson)?.score,
            within_u: within_u(s, z.view(), u, rows, Correlation::Pearson)?.score,
        };
        runs.push(Run { fitted, z, matched: best.matched, scores });
    }
    let (ours, rows) = (&runs[0], scored(&runs[0].fitted.split));
    let score = |rows| u_only(s, u, rows, Correlation::Pearson).map(|m| m.score);
    let u_only = Scores { all: score(Rows::All)?, held_out: score(rows)?, within_u: f64::NAN };
    let score = |rows| chance(s, ours.z.view(), rows, Correlation::Pearson, PERMUTATIONS, seed);
    let chance = Scores { all: score(Rows::All)?, held_out: score(rows)?, within_u: f64::NAN };
    Ok(Recovery { runs, u_only, chance })
}

fn scored(split: &Split) -> Rows<'_> {
    Rows::Split { fit: &split.train, score: &split.held_out }
}

/// A method, its name in files, and its scores over the seeds.
struct Method {
    label: &'static str,
    scores: Vec<Scores>,
}

fn methods(recoveries: &[Recovery]) -> Vec<Method> {
    let run =
        |label, i: usize| Method { label, scores: recoveries.iter().map(|r| r.runs[i].scores).collect() };
    vec![
        run("iVAE", 0),
        run("VAE", 1),
        run("linear ICA with u", 2),
        run("FastICA", 3),
        run("PCA", 4),
        Method { label: "u alone", scores: recoveries.iter().map(|r| r.u_only).collect() },
        Method { label: "chance", scores: recoveries.iter().map(|r| r.chance).collect() },
    ]
}

fn column(method: &Method, of: fn(&Scores) -> f64) -> Vec<f64> {
    method.scores.iter().map(of).collect()
}

/// MCC of every method, on all rows, on held-out rows and within levels of u.
pub(crate) fn table(recoveries: &[Recovery]) -> Table {
    let row = |method: &Method| {
        let columns =
            [column(method, |s| s.held_out), column(method, |s| s.all), column(method, |s| s.within_u)];
        std::iter::once(method.label.to_owned()).chain(columns.iter().map(|c| over_seeds(c, 3))).collect()
    };
    let seeds = match recoveries.len() {
        1 => String::new(),
        n => format!(" Mean ± standard deviation over {n} seeds, each with its own data."),
    };
    Table {
        head: ["method", "MCC, held-out rows", "MCC, all rows", "MCC within u, held-out"]
            .map(String::from)
            .to_vec(),
        rows: methods(recoveries).iter().map(row).collect(),
        caption: format!(
            "*Within u*: after the mean of each segment is taken off, so that knowing the segment earns nothing. \
             *u alone*: the best prediction from the segment. *Linear ICA with u*: joint diagonalisation of the segments' \
             covariances, which uses u but unmixes linearly. *FastICA*: Picard goes on where it has not converged. *chance*: latents of iVAE with their rows shuffled.{seeds}"
        ),
        emphasis: Some(0),
    }
}

/// MCC on held-out rows as bars.
pub(crate) fn bars_figure(recoveries: &[Recovery]) -> Figure {
    let bar = |method: &Method| {
        let (value, std) = mean_std(&column(method, |s| s.held_out));
        let error = (recoveries.len() > 1).then_some(std);
        Bar { label: method.label.into(), value, error, emphasis: method.label == "iVAE" }
    };
    let rows: Vec<Bar> = methods(recoveries).iter().map(bar).collect();
    let options = BarsOptions {
        title: "Recovery of the sources".into(),
        x_label: "MCC on held-out rows".into(),
        range: Some((0.0, 1.0)),
        digits: 3,
        ..BarsOptions::default()
    };
    Figure {
        svg: bars(&rows, &options),
        caption: "Methods that do not use u, or cannot undo a nonlinear mixing, stay behind.".into(),
        alt: "Bars of the mean correlation of seven methods; iVAE is the longest.".into(),
    }
}

/// One record for each fitted model; metrics are means over the seeds, with `_std` beside them if there are several.
pub(crate) fn records(context: &Context, title: &str, recoveries: &[Recovery]) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for (i, method) in methods(recoveries).iter().take(5).enumerate() {
        let fitted: Vec<&Fitted<f32>> = recoveries.iter().map(|r| &r.runs[i].fitted).collect();
        let model = &fitted[0].spec.model;
        let mut record = context.record(model.name(), &format!("{}: {title}", method.label), &fitted)?;
        let mut metric = |name: &str, values: Vec<f64>| {
            let (mean, std) = mean_std(&values);
            record.metric(name, mean);
            if values.len() > 1 {
                record.metric(format!("{name}_std"), std);
            }
        };
        metric("mcc", column(method, |s| s.all));
        metric("mcc_held_out", column(method, |s| s.held_out));
        metric("mcc_within_u", column(method, |s| s.within_u));
        metric("u_only_mcc", recoveries.iter().map(|r| r.u_only.held_out).collect());
        metric("chance_mcc", recoveries.iter().map(|r| r.chance.held_out).collect());
        if !matches!(model, ModelSpec::Linear(_)) {
            let objective = |of: fn(&Fitted<f32>) -> Option<f64>| {
                fitted.iter().map(|f| of(f).unwrap_or(f64::NAN)).collect::<Vec<f64>>()
            };
            metric("objective_train", objective(|f| f.report.objective.train));
            metric("objective_held_out", objective(|f| f.report.objective.held_out));
            metric("u_only_log_likelihood_held_out", objective(|f| f.report.objective.u_only));
        }
        record.metric("seeds", recoveries.len() as f64);
        records.push(record);
    }
    Ok(records)
}

/// Warnings of the iVAE fits; those of the baselines are in their records.
pub(crate) fn warnings(recoveries: &[Recovery]) -> Vec<String> {
    recoveries.iter().flat_map(|r| &r.runs[0].fitted.report.warnings).map(ToString::to_string).collect()
}

/// The class that a search kept, and how many of its starts agree with the one that was kept.
pub(crate) fn winner(search: &SearchReport) -> String {
    match search.starts {
        1 => format!("*{}*, from its only start", search.class),
        n => {
            format!("*{}*, whose best solution {} of {n} starts found", search.class, search.starts_in_basin)
        }
    }
}

/// Latents in the order, sign and scale of the sources they were matched to, `[N, n]`: for drawing only.
pub(crate) fn aligned(s: ArrayView2<'_, f32>, run: &Run) -> Array2<f64> {
    let mut out = Array2::zeros((s.nrows(), s.ncols()));
    for m in &run.matched {
        let latent = standardised(run.z.column(m.latent)) * m.correlation.signum();
        out.column_mut(m.source).assign(&latent);
    }
    out
}

/// At mean 0 and standard deviation 1; a constant stays at 0.
pub(crate) fn standardised(v: ArrayView1<'_, f32>) -> Array1<f64> {
    let v = v.mapv(f64::from);
    let (mean, std) = (v.mean().unwrap_or(0.0), v.std(0.0));
    v.mapv(|x| if std > 0.0 { (x - mean) / std } else { 0.0 })
}
