//! Does held-out likelihood know the good starts? Single starts of each class, all validated on the same rows.

use ivae::core::model::flow::{FlowClasses, FlowModelSpec};
use ivae::core::{DecoderKind, ModelKind, ModelSpec};
use ivae::data::Split;
use ivae::metrics::spearman;
use ivae::num::{Purpose, StreamKey};
use ivae::prelude::{FitSpec, Simulation};
use ivae::report::figure::{ScatterOptions, ScatterPanel, scatter_panels};
use ivae::report::{Figure, Record};
use ndarray::{Array2, ArrayView2, Axis};

use super::{generate, score};
use crate::context::{Context, Result, one_thread_each};
use crate::numbers::number;

/// Most data sets drawn.
const MOST_SETS: u64 = 3;

/// The starts on one data set.
pub(super) struct Basins {
    /// Seed of the data.
    pub(super) seed: u64,
    /// Held-out log-likelihood and MCC of each start, `[K, 2]`.
    pub(super) points: Array2<f64>,
    /// The class of each, `[K]`.
    classes: Vec<u32>,
    /// Their names.
    names: Vec<String>,
}

impl Basins {
    /// Rank correlation of likelihood and MCC over the starts.
    pub(super) fn spearman(&self) -> Result<f64> {
        let column = |j| -> ArrayView2<'_, f64> { self.points.column(j).insert_axis(Axis(1)) };
        Ok(spearman(column(0), column(1))?[[0, 0]])
    }
}

/// Five Gaussian sources in five variables, mixed by the network.
pub(super) fn basins(context: &Context) -> Result<Vec<Basins>> {
    (context.seed..context.seed + context.seeds.min(MOST_SETS)).map(|seed| of_seed(context, seed)).collect()
}

fn of_seed(context: &Context, seed: u64) -> Result<Basins> {
    let simulation = match context.quick {
        true => {
            Simulation { latents: 3, observed: 3, segments: 20, per_segment: 200, ..Simulation::default() }
        }
        false => Simulation { latents: 5, observed: 5, ..Simulation::default() },
    };
    let data = generate(&simulation, seed)?;
    let levels = data.u.levels.as_ref().map(|l| l.index.as_slice());
    let split = Split::by_rows(data.rows(), 0.1, levels, StreamKey::new(seed, Purpose::Split))?;
    let decoder = Some(DecoderKind::Flow(FlowClasses::All));
    let usual = FitSpec::for_data(&ModelKind::Ivae, decoder, simulation.latents, &data);
    let ModelSpec::Flow(flow) = &usual.model else { return Err("the model is not a flow".into()) };
    let classes = &flow.classes[..if context.quick { 1 } else { flow.classes.len() }];
    let jobs: Vec<(u32, u64)> = classes
        .iter()
        .enumerate()
        .flat_map(|(class, c)| (0..starts(context, c.restarts)).map(move |start| (class as u32, start)))
        .collect();
    let points = one_thread_each(&jobs, |&(class, start)| -> Result<[f64; 2]> {
        let mut class = classes[class as usize].clone();
        class.restarts = 1;
        let model = FlowModelSpec { survivors: 1, refine_epochs: 1, classes: vec![class], ..flow.clone() };
        let mut spec = FitSpec { seed: 1000 * seed + start, model: model.into(), ..usual.clone() };
        context.hasten(&mut spec);
        let fitted = context.fit(&data, Some(&split), &spec)?;
        let likelihood = fitted.report.objective.held_out.unwrap_or(f64::NAN);
        Ok([likelihood, score(&data, &fitted.transform(&data)?)?])
    })?;
    let points = points.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(Basins {
        seed,
        points: Array2::from(points),
        classes: jobs.iter().map(|j| j.0).collect(),
        names: classes.iter().map(|c| c.flow.name().to_owned()).collect(),
    })
}

/// Starts of a class that the search gives `most`.
fn starts(context: &Context, most: usize) -> u64 {
    match context {
        Context { quick: true, .. } => 3,
        Context { seeds: 2.., .. } => most.max(4) as u64,
        _ => most as u64,
    }
}

/// Likelihood against MCC.
pub(super) fn figure(basins: &[Basins]) -> Figure {
    let panels: Vec<ScatterPanel<'_>> = basins
        .iter()
        .map(|b| ScatterPanel {
            title: format!("5 → 5, Gaussian, seed {}", b.seed),
            subtitle: format!("rank correlation {}", b.spearman().map_or("–".into(), |r| number(r, 2))),
            points: b.points.view(),
            classes: Some(&b.classes),
        })
        .collect();
    let names = basins.first().map_or_else(Vec::new, |b| b.names.clone());
    let options = ScatterOptions {
        class_names: names,
        class_label: "class".into(),
        side: if panels.len() == 1 { 300.0 } else { 208.0 },
        ..ScatterOptions::default()
    };
    Figure {
        svg: scatter_panels(&panels, &options),
        caption: "Single starts, each from other random parameters: to the right the held-out log-likelihood of a row \
                  of x in nats, upwards the MCC, which no fit can see. If the right-most point is also the highest, \
                  likelihood finds the sources."
            .into(),
        alt: "Scatter plot of likelihood and MCC of single starts; the likeliest recover the sources best.".into(),
    }
}

pub(super) fn record(context: &Context, basins: &[Basins]) -> Result<Record> {
    let mut record = context.record("starts", "Recovery: likelihood against MCC over starts", &[])?;
    for b in basins {
        record.metric(format!("spearman_seed_{}", b.seed), b.spearman()?);
        for (i, (point, &class)) in b.points.rows().into_iter().zip(&b.classes).enumerate() {
            let name = format!("seed_{}_{}_{i:02}", b.seed, b.names[class as usize].replace(' ', "_"));
            record.metric(format!("{name}_likelihood"), point[0]);
            record.metric(format!("{name}_mcc"), point[1]);
        }
    }
    Ok(record)
}
