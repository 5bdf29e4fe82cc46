//! Five sources in 40 segments, mixed by a random network into 25 observed variables: the standard simulation.

use ivae::page::training_curves;
use ivae::prelude::{Dataset, Fitted, Simulation};
use ivae::report::figure::{Pair, PairsOptions, pairs};
use ivae::report::{Figure, Section, Stat};
use ndarray::Array1;

use crate::baselines::{Recovery, Run, bars_figure, records, recover, standardised, table, warnings, winner};
use crate::context::{Context, Outcome, Result};
use crate::numbers::{number, over_seeds};

/// Rows drawn.
const WINDOW: usize = 200;

pub(crate) fn run(context: &Context) -> Result<Outcome> {
    let mut recoveries = Vec::new();
    let mut first = None;
    for seed in context.seed..context.seed + context.seeds {
        let simulation = match context.quick {
            true => Simulation { segments: 20, per_segment: 200, seed, ..Simulation::default() },
            false => Simulation { seed, ..Simulation::default() },
        };
        let data = simulation.generate::<f32>()?.data;
        recoveries.push(recover(context, &data, seed)?);
        first.get_or_insert(data);
    }
    let Some(data) = first else { return Err("no seeds".into()) };
    let picture = picture(&data, &recoveries[0].runs[0])?;
    context.picture_of_docs("example-2.svg", &picture)?;
    let section = section(context, &data, &recoveries, picture)?;
    let records = records(context, "five sources behind 25 signals", &recoveries)?;
    Ok(Outcome { section, records })
}

fn section(
    context: &Context,
    data: &Dataset<f32>,
    recoveries: &[Recovery],
    picture: String,
) -> Result<Section> {
    let ours = &recoveries[0].runs[0];
    let id = ours.fitted.report.identifiability.as_ref();
    let held_out = |i: usize| -> Vec<f64> { recoveries.iter().map(|r| r.runs[i].scores.held_out).collect() };
    let levels = data.u.levels.as_ref().map_or(0, |l| l.names.len());
    let mut stats = vec![
        Stat { value: over_seeds(&held_out(0), 3), label: "MCC of iVAE, held-out rows".into() },
        Stat { value: over_seeds(&held_out(1), 3), label: "MCC of VAE".into() },
        Stat { value: over_seeds(&held_out(2), 3), label: "MCC of linear ICA with u".into() },
        Stat { value: data.rows().to_string(), label: format!("rows in {levels} segments") },
    ];
    stats.extend(id.map(|id| Stat {
        value: format!("{} of {}", id.rank, id.needed - 1),
        label: "rank of the fitted L".into(),
    }));
    let pairs = Figure {
        svg: picture,
        caption: format!(
            "The first {WINDOW} held-out rows, in the order of time: each true source (dashed) and the latent matched \
             to it (solid), both at unit variance, with sign and order taken from the match. At the right, their \
             correlation over all rows."
        ),
        alt: "Five panels of two lines each, a true source and its latent, nearly on top of each other."
            .into(),
    };
    Ok(Section {
        id: "example-2".into(),
        title: "Example 2: five sources behind 25 signals".into(),
        lead: "The standard test of nonlinear ICA. Five independent sources keep their mean but change their variance \
               from segment to segment, and a random three-layer network mixes them into 25 signals. Nothing but the \
               signals and the segment of each row is given to the fit. Because the means never change, knowing the \
               segment tells nothing about the sign or the size of any single value: *u alone* scores near zero, and \
               all that iVAE finds it finds in x."
            .into(),
        stats,
        figures: vec![pairs, bars_figure(recoveries), training_curves(&ours.fitted)],
        tables: vec![table(recoveries)],
        notes: bottleneck_note(&ours.fitted).into_iter().chain([
            "The **rank of the fitted L** checks the condition of the theorem without looking at the true sources: full \
             rank means that the segments change the latents in enough different ways for these to be identifiable. A \
             fit may still end in a local optimum, which is why it starts several times."
                .into(),
        ]).collect(),
        warnings: warnings(recoveries),
        details: context.details(&ours.fitted.spec)?,
    })
}

fn bottleneck_note(fitted: &Fitted<f32>) -> Option<String> {
    let report = &fitted.report;
    let (Some(search), Some(bottleneck)) = (&report.search, &report.bottleneck) else { return None };
    Some(format!(
        "An autoencoder first reduces the 25 signals to a **bottleneck** of five numbers and loses {} % of their \
         variance; then classes of bijections between latents and bottleneck are compared by exact likelihood. Kept was \
         {}. The curves on this page show that likelihood, which is one of the bottleneck.",
        number(100.0 * bottleneck.lost_variance, 2),
        winner(search)
    ))
}

/// Sources over matched latents, on held-out rows.
fn picture(data: &Dataset<f32>, run: &Run) -> Result<String> {
    let Some(s) = &data.s else { return Err("no sources".into()) };
    let rows = &run.fitted.split.held_out;
    let held_out = |v: Array1<f64>| -> Array1<f64> { rows.iter().map(|&i| v[i]).collect() };
    let series: Vec<(Array1<f64>, Array1<f64>)> = run
        .matched
        .iter()
        .map(|m| {
            let latent = standardised(run.z.column(m.latent)) * m.correlation.signum();
            (held_out(standardised(s.column(m.source))), held_out(latent))
        })
        .collect();
    let drawn: Vec<Pair<'_>> = run
        .matched
        .iter()
        .zip(&series)
        .map(|(m, (source, latent))| Pair {
            label: format!("s{}", subscript(m.source + 1)),
            source: source.view(),
            latent: latent.view(),
            correlation: m.correlation.abs(),
        })
        .collect();
    Ok(pairs(&drawn, &PairsOptions { window: WINDOW, ..PairsOptions::default() }))
}

fn subscript(number: usize) -> String {
    let digit = |c: char| c.to_digit(10).and_then(|d| char::from_u32(0x2080 + d)).unwrap_or(c);
    number.to_string().chars().map(digit).collect()
}
