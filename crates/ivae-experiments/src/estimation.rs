//! Estimation (theorem 2): recovery and likelihood against the rows of data, for a posterior that can be right and one that
//! cannot.

use std::f64::consts::TAU;
use std::time::Instant;

use ivae::core::likelihood::{LikelihoodFamily, VarianceSpec};
use ivae::core::model::vae::{VaeSpec, WarmStart};
use ivae::core::objective::ObjectiveSpec;
use ivae::core::prior::{Family, PriorSpec};
use ivae::core::theta::ThetaSpec;
use ivae::data::Scaling;
use ivae::data::{Aux, Dataset, Levels, Split};
use ivae::num::stream::fill_normal;
use ivae::num::{Purpose, StreamKey};
use ivae::prelude::{Correlation, FitSpec, Silent, fit_split, mcc};
use ivae::report::figure::{LinesOptions, Series, lines};
use ivae::report::{Figure, Record, Section, Stat, Table};
use ndarray::{Array2, ArrayView2, Axis};

use crate::context::{Context, Outcome, Result, one_thread_each};
use crate::numbers::number;

/// Rows to train on.
const ROWS: [usize; 5] = [400, 1600, 6400, 25_600, 102_400];
/// Rows to judge on, the same for all; and other rows that choose the epoch.
const JUDGES: usize = 8000;
const HELD_OUT: usize = 800;
/// Log standard deviations of the two latents in each segment.
const LOG_STDS: [[f64; 2]; 8] =
    [[-0.8, 0.6], [0.7, -0.5], [0.2, 0.9], [-0.4, -0.9], [0.9, 0.1], [-0.1, -0.3], [0.5, 0.5], [-0.6, -0.1]];
/// x = A z + ε: two columns that are far from orthogonal.
const MIXING: [[f64; 2]; 3] = [[1.0, 0.8], [0.5, 0.9], [-0.3, 0.2]];
/// Variance of ε in every column.
const NOISE: f64 = 0.25;

/// What the family of q(z|x, u) can be.
const POSTERIORS: [(&str, &str, bool); 2] =
    [("full covariance", "full", true), ("diagonal covariance", "diagonal", false)];

struct Fit {
    mcc: f64,
    elbo: f64,
    seconds: f64,
}

/// The true posterior mean, and log p(x|u).
struct Truth {
    mcc: f64,
    log_likelihood: f64,
}

pub(crate) fn run(context: &Context) -> Result<Outcome> {
    let sizes = if context.quick { &ROWS[..2] } else { &ROWS[..] };
    let most = sizes.last().copied().unwrap_or(0);
    let (data, z) = draw(most + HELD_OUT + JUDGES, context.seed)?;
    let first = most + HELD_OUT;
    let judges: Vec<usize> = (first..data.rows()).collect();
    let (judge, sources) = (data.select_rows(&judges), z.select(Axis(0), &judges));
    let truth = truth(&judge, sources.view())?;
    let jobs: Vec<(bool, usize)> =
        POSTERIORS.iter().flat_map(|p| sizes.iter().map(move |&rows| (p.2, rows))).collect();
    let fits = one_thread_each(&jobs, |&(full, rows)| {
        let began = Instant::now();
        let split = Split { train: (0..rows).collect(), held_out: (most..first).collect() };
        let fitted = fit_split(&data, &split, &spec(full, rows, context), &Silent)?;
        let latents = fitted.transform(&judge)?.mapv(f64::from);
        Result::Ok(Fit {
            mcc: mcc(sources.view(), latents.view(), Correlation::Pearson)?.score,
            elbo: fitted.log_likelihood(&judge, 1, 0)?.elbo,
            seconds: began.elapsed().as_secs_f64(),
        })
    })?
    .into_iter()
    .collect::<Result<Vec<_>>>()?;
    let of = |p: usize| &fits[p * sizes.len()..(p + 1) * sizes.len()];
    let records = (0..POSTERIORS.len()).map(|p| record(context, p, sizes, of(p), &truth)).collect();
    Ok(Outcome { section: section(context, sizes, [of(0), of(1)], &truth)?, records })
}

fn draw(rows: usize, seed: u64) -> Result<(Dataset<f32>, Array2<f64>)> {
    let mut noise = vec![0.0f64; 5 * rows];
    fill_normal(&mut noise, 5, StreamKey::new(seed, Purpose::Generate));
    let segment = |i: usize| i % LOG_STDS.len();
    let z = Array2::from_shape_fn((rows, 2), |(i, j)| LOG_STDS[segment(i)][j].exp() * noise[5 * i + j]);
    let x = Array2::from_shape_fn((rows, 3), |(i, c)| {
        MIXING[c][0] * z[[i, 0]] + MIXING[c][1] * z[[i, 1]] + NOISE.sqrt() * noise[5 * i + 2 + c]
    });
    let data = Dataset {
        x: x.mapv(|v| v as f32),
        x_names: (1..=3).map(|c| format!("x{c}")).collect(),
        u: Aux::from(Levels {
            index: (0..rows).map(|i| segment(i) as u32).collect(),
            names: (1..=LOG_STDS.len()).map(|u| u.to_string()).collect(),
        }),
        s: None,
    };
    Ok((data, z))
}

/// Linear decoder, learned noise, and an encoder that sees u, on which the true posterior depends.
fn spec(full: bool, rows: usize, context: &Context) -> FitSpec {
    let mut vae = VaeSpec {
        scaling: Scaling::None,
        prior: PriorSpec { family: Family::GaussianVar.into(), parameters: ThetaSpec::Table },
        objective: ObjectiveSpec::Elbo,
        start: WarmStart::Pca,
        restarts: 1,
        ..VaeSpec::ivae()
    };
    vae.posterior.net.hidden = vec![64];
    vae.posterior.conditional_encoder = true;
    vae.posterior.full_covariance = full;
    vae.likelihood.net.hidden = vec![];
    vae.likelihood.family = LikelihoodFamily::Gaussian(VarianceSpec::Shared { start: 0.5, floor: 1e-3 });
    let steps = if context.quick { 200 } else { 2000 };
    vae.training.epochs = (steps * vae.training.step.batch).div_ceil(rows);
    FitSpec { seed: context.seed, ..FitSpec::new(2, vae) }
}

/// Of x given u: a Gaussian of covariance A S Aᵀ + σ² I, S the variances in the segment.
fn truth(data: &Dataset<f32>, sources: ArrayView2<'_, f64>) -> Result<Truth> {
    let levels = data.u.levels.as_ref().ok_or("no segments")?;
    let (mut means, mut sum) = (Array2::zeros(sources.raw_dim()), 0.0);
    for ((x, mut mean), &u) in data.x.rows().into_iter().zip(means.rows_mut()).zip(&levels.index) {
        let variance = LOG_STDS[u as usize].map(|s| (2.0 * s).exp());
        let dot = |of: &dyn Fn(usize) -> f64| (0..3).map(of).sum::<f64>();
        // P = Aᵀ A / σ² + S⁻¹ and h = Aᵀ x / σ²: the posterior is N(P⁻¹ h, P⁻¹).
        let gram = |i: usize, j: usize| dot(&|c| MIXING[c][i] * MIXING[c][j]) / NOISE;
        let (a, b, c) = (gram(0, 0) + 1.0 / variance[0], gram(0, 1), gram(1, 1) + 1.0 / variance[1]);
        let h = [0, 1].map(|i| dot(&|c| MIXING[c][i] * f64::from(x[c])) / NOISE);
        let det = a * c - b * b;
        (mean[0], mean[1]) = ((c * h[0] - b * h[1]) / det, (a * h[1] - b * h[0]) / det);
        let square = dot(&|c| f64::from(x[c]).powi(2)) / NOISE - h[0] * mean[0] - h[1] * mean[1];
        let log_det = 3.0 * NOISE.ln() + (det * variance[0] * variance[1]).ln();
        sum -= 0.5 * (square + log_det + 3.0 * TAU.ln());
    }
    let mcc = mcc(sources, means.view(), Correlation::Pearson)?.score;
    Ok(Truth { mcc, log_likelihood: sum / data.rows() as f64 })
}

fn record(context: &Context, p: usize, sizes: &[usize], fits: &[Fit], truth: &Truth) -> Record {
    let seconds = fits.iter().map(|fit| fit.seconds).sum();
    let mut record = context.plain_record(POSTERIORS[p].1, POSTERIORS[p].0, seconds);
    record.metric("truth_mcc", truth.mcc);
    record.metric("truth_log_likelihood", truth.log_likelihood);
    for (rows, fit) in sizes.iter().zip(fits) {
        record.metric(format!("rows_{rows}_mcc"), fit.mcc);
        record.metric(format!("rows_{rows}_elbo"), fit.elbo);
    }
    record
}

fn picture(sizes: &[usize], fits: [&[Fit]; 2], truth: &Truth) -> String {
    let x = || sizes.iter().map(|&rows| rows as f64).collect::<Vec<_>>();
    let mut series: Vec<Series> = POSTERIORS
        .iter()
        .zip(fits)
        .map(|(posterior, fits)| Series {
            label: posterior.0.into(),
            x: x(),
            y: fits.iter().map(|fit| fit.mcc).collect(),
            ..Series::default()
        })
        .collect();
    series.push(Series {
        label: "the true posterior's mean".into(),
        x: x(),
        y: vec![truth.mcc; sizes.len()],
        dashed: true,
        ..Series::default()
    });
    let options = LinesOptions {
        width: 640.0,
        x_label: "rows to train on".into(),
        y_label: "MCC".into(),
        x_log: true,
        ..LinesOptions::default()
    };
    lines(&series, &options)
}

fn section(context: &Context, sizes: &[usize], fits: [&[Fit]; 2], truth: &Truth) -> Result<Section> {
    let picture = picture(sizes, fits, truth);
    context.picture_of_docs("estimation.svg", &picture)?;
    let row = |(i, &rows): (usize, &usize)| {
        let of = |fits: &[Fit]| [number(fits[i].mcc, 4), number(truth.log_likelihood - fits[i].elbo, 4)];
        std::iter::once(rows.to_string()).chain(of(fits[0])).chain(of(fits[1])).collect()
    };
    let last = |fits: &[Fit]| fits.last().map_or(f64::NAN, |fit| truth.mcc - fit.mcc);
    let table = Table {
        head: ["rows", "MCC, full", "ELBO short by", "MCC, diagonal", "ELBO short by"]
            .map(String::from)
            .to_vec(),
        rows: sizes.iter().enumerate().map(row).collect(),
        caption: format!(
            "Held-out rows. *Short by*: below the true log-likelihood, {} nats a row. The MCC of the true posterior's mean \
             is {}.",
            number(truth.log_likelihood, 4),
            number(truth.mcc, 4)
        ),
        emphasis: None,
    };
    context.table_of_chapter("theorem-2.md", "estimation", &table)?;
    Ok(Section {
        id: "estimation".into(),
        title: "Estimation: a posterior that can be right".into(),
        lead: "Theorem 2: if the family of q(z|x, u) holds the true posterior, the ELBO is maximised by the truth and its \
               equivalents, and a VAE is consistent. In a linear model with Gaussian noise the true posterior is known: a \
               Gaussian with a full covariance, where the columns of the mixing are not orthogonal. With such a q the latents \
               come ever closer to the best there are as data grow. With a diagonal q the ELBO stays below the likelihood, and \
               pulls the columns towards right angles, however many rows there are."
            .into(),
        stats: vec![
            Stat { value: number(last(fits[0]), 4), label: "MCC short of the true posterior's, full covariance".into() },
            Stat { value: number(last(fits[1]), 4), label: "the same, diagonal".into() },
        ],
        figures: vec![Figure {
            svg: picture,
            caption: format!(
                "MCC of posterior means on {JUDGES} held-out rows. Noise limits it: the dashed line is the mean of the true \
                 posterior."
            ),
            alt: "MCC against rows: with a full covariance it rises to the dashed line, with a diagonal one it stays below.".into(),
        }],
        tables: vec![table],
        details: Some(context.plain_details()),
        ..Section::default()
    })
}
