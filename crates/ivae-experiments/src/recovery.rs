//! Data of many kinds whose sources are known: what the default fit recovers, how it came to it, and what other methods
//! and a supervised bound make of the same rows.

mod basins;
mod cases;
mod page;
#[cfg(test)]
mod quick;

use ivae::core::ModelKind;
use ivae::core::model::linear::LinearSpec;
use ivae::data::Dataset;
use ivae::metrics::{Correlation, Rows, chance, mcc, u_only};
use ivae::prelude::{FitSpec, Fitted, Simulation};
use ivae::report::Record;
use ndarray::Array2;

use self::cases::{Case, Group, cases};
use crate::context::{Context, Outcome, Result, one_thread_each};
use crate::numbers::mean_std;
use crate::supervised::supervised;

/// Steps of the supervised regression.
const SUPERVISED_STEPS: u64 = 10_000;
/// Permutations behind the chance score.
const PERMUTATIONS: usize = 5;

/// One fit to one data set.
struct Trial {
    fitted: Fitted<f32>,
    /// Of its latents, on all rows.
    mcc: f64,
    others: Others,
}

/// MCC of other methods on the same data, on all rows; NaN where they were not run.
#[derive(Debug, Clone, Copy)]
struct Others {
    /// Joint diagonalisation.
    ajd: f64,
    fastica: f64,
    pca: f64,
    u_only: f64,
    /// The latents of the fit, in random order of rows.
    chance: f64,
    /// On held-out rows, by a regression that was shown the sources of the others.
    supervised: f64,
}

/// A row and its trials, one for each seed that did not fail.
struct Row {
    case: Case,
    trials: Vec<Trial>,
    failures: Vec<String>,
}

pub(crate) fn run(context: &Context) -> Result<Outcome> {
    let cases = cases(context)?;
    let seeds = context.seed..context.seed + context.seeds;
    let jobs: Vec<(usize, u64)> =
        seeds.flat_map(|seed| (0..cases.len()).map(move |case| (case, seed))).collect();
    let trials = one_thread_each(&jobs, |&(case, seed)| trial(context, &cases[case], seed))?;
    let mut rows: Vec<Row> =
        cases.into_iter().map(|case| Row { case, trials: Vec::new(), failures: Vec::new() }).collect();
    for (&(case, seed), trial) in jobs.iter().zip(trials) {
        let row = &mut rows[case];
        match trial {
            Ok(trial) => row.trials.push(trial),
            Err(error) => row.failures.push(format!("{}, seed {seed}: {error}", row.case.title)),
        }
    }
    let basins = basins::basins(context)?;
    let mut records = rows.iter().map(|row| record(context, row)).collect::<Result<Vec<Record>>>()?;
    records.push(basins::record(context, &basins)?);
    Ok(Outcome { section: page::section(context, &rows, &basins)?, records })
}

fn trial(context: &Context, case: &Case, seed: u64) -> Result<Trial> {
    let data = generate(&case.simulation, seed)?;
    let latents = case.simulation.latents;
    let mut spec = FitSpec { seed, ..FitSpec::for_data(&ModelKind::Ivae, case.decoder, latents, &data) };
    context.hasten(&mut spec);
    let fitted = context.fit(&data, None, &spec)?;
    let z = fitted.transform(&data)?;
    let mcc = score(&data, &z)?;
    eprintln!("{}: {} of seed {seed}: MCC {mcc:.4}", context.name, case.title);
    let others = match case.group {
        // The same data have a row of their own.
        Group::Perceptron => Others::NONE,
        _ => Others::of(context, &data, &fitted, &z)?,
    };
    Ok(Trial { fitted, mcc, others })
}

fn generate(simulation: &Simulation, seed: u64) -> Result<Dataset<f32>> {
    Ok(Simulation { seed, ..simulation.clone() }.generate::<f32>()?.data)
}

/// MCC (Pearson) on all rows.
fn score(data: &Dataset<f32>, z: &Array2<f32>) -> Result<f64> {
    let Some(s) = &data.s else { return Err("no sources".into()) };
    Ok(mcc(s.view(), z.view(), Correlation::Pearson)?.score)
}

impl Others {
    const NONE: Self = Self {
        ajd: f64::NAN,
        fastica: f64::NAN,
        pca: f64::NAN,
        u_only: f64::NAN,
        chance: f64::NAN,
        supervised: f64::NAN,
    };

    fn of(context: &Context, data: &Dataset<f32>, fitted: &Fitted<f32>, z: &Array2<f32>) -> Result<Self> {
        let (Some(s), Some(levels)) = (&data.s, data.u.levels.as_ref()) else {
            return Err("no sources, or no levels of u".into());
        };
        let seed = fitted.spec.seed;
        let linear = |model| -> Result<f64> {
            let kind = ModelKind::Linear(model);
            let spec = FitSpec { seed, ..FitSpec::for_data(&kind, None, s.ncols(), data) };
            score(data, &spec.fit(data)?.transform(data)?)
        };
        let (all, pearson) = (Rows::All, Correlation::Pearson);
        let steps = if context.quick { SUPERVISED_STEPS / 20 } else { SUPERVISED_STEPS };
        Ok(Self {
            ajd: linear(LinearSpec::Ajd)?,
            fastica: linear(LinearSpec::FastIca)?,
            pca: linear(LinearSpec::Pca)?,
            u_only: u_only(s.view(), &levels.index, all, pearson)?.score,
            chance: chance(s.view(), z.view(), all, pearson, PERMUTATIONS, seed)?,
            supervised: supervised(data, &fitted.split, steps, seed)?,
        })
    }
}

impl Row {
    /// A number of each trial.
    fn each(&self, of: impl Fn(&Trial) -> f64) -> Vec<f64> {
        self.trials.iter().map(of).collect()
    }

    fn mean(&self, of: impl Fn(&Trial) -> f64) -> f64 {
        mean_std(&self.each(of)).0
    }

    /// The lowest MCC; NaN where nothing was fitted.
    fn worst(&self) -> f64 {
        self.trials.iter().map(|t| t.mcc).fold(f64::NAN, f64::min)
    }
}

impl Trial {
    fn class(&self) -> &str {
        self.fitted.report.search.as_ref().map_or("perceptron", |s| &s.class)
    }
}

fn record(context: &Context, row: &Row) -> Result<Record> {
    let fitted: Vec<&Fitted<f32>> = row.trials.iter().map(|t| &t.fitted).collect();
    let mut record = context.record(&row.case.name, &format!("Recovery: {}", row.case.title), &fitted)?;
    record.settings = serde_json::json!({ "simulation": row.case.simulation, "fit": record.settings });
    record.warnings.extend(row.failures.iter().cloned());
    for trial in &row.trials {
        record.metric(format!("mcc_seed_{}", trial.fitted.spec.seed), trial.mcc);
    }
    record.metric("mcc", row.mean(|t| t.mcc));
    record.metric("mcc_worst", row.worst());
    record.metric("mcc_std", mean_std(&row.each(|t| t.mcc)).1);
    record.metric("seconds", row.mean(|t| t.fitted.report.seconds));
    record.metric("supervised_bound", row.mean(|t| t.others.supervised));
    record.metric("ajd_mcc", row.mean(|t| t.others.ajd));
    record.metric("fastica_mcc", row.mean(|t| t.others.fastica));
    record.metric("pca_mcc", row.mean(|t| t.others.pca));
    record.metric("u_only_mcc", row.mean(|t| t.others.u_only));
    record.metric("chance_mcc", row.mean(|t| t.others.chance));
    record.metric("seeds", row.trials.len() as f64);
    record.metric("failed", row.failures.len() as f64);
    for (name, of) in page::SEARCHED {
        record.metric(name, row.mean(of));
    }
    for trial in &row.trials {
        let name = format!("won_by_{}", trial.class().replace(' ', "_"));
        record.metric(name.clone(), record.metrics.get(&name).copied().flatten().unwrap_or(0.0) + 1.0);
    }
    Ok(record)
}
