//! What each piece of the defaults is worth: the same data fitted again with one piece changed at a time.

use ivae::core::likelihood::{LikelihoodFamily, VarianceSpec};
use ivae::core::model::flow::FlowModelSpec;
use ivae::core::model::vae::{VaeSpec, WarmStart};
use ivae::core::objective::ObjectiveSpec;
use ivae::core::prior::Family;
use ivae::core::{DecoderKind, ModelKind, ModelSpec};
use ivae::data::Scaling;
use ivae::data::{Aux, Dataset, Mixing, SourcePrior};
use ivae::metrics::{Correlation, mcc};
use ivae::nn::ScheduleSpec;
use ivae::prelude::{FitSpec, Simulation};
use ivae::report::{Record, Section, Table};

use crate::context::{Context, Outcome, Result, one_thread_each};
use crate::numbers::{mean_std, number};

/// Data, but for their seed.
struct Set {
    title: &'static str,
    simulation: Simulation,
}

/// A change of the defaults.
struct Piece {
    title: &'static str,
    /// The sets that it says something about; all if none is named.
    on: &'static [&'static str],
    change: fn(&mut FitSpec),
}

/// The defaults of one decoder, the sets they are tried on, and their changes; the first changes nothing.
struct Study {
    name: &'static str,
    decoder: Option<DecoderKind>,
    sets: Vec<Set>,
    pieces: Vec<Piece>,
    caption: &'static str,
}

/// One fit.
struct Trial {
    mcc: f64,
    /// Of the latents inferred without u.
    without_u: f64,
    seconds: f64,
}

/// The trials of a piece on each set, none where it was not run.
struct Line {
    title: &'static str,
    cells: Vec<Vec<Trial>>,
}

pub(crate) fn run(context: &Context) -> Result<Outcome> {
    let mut section = Section {
        id: "ablations".into(),
        title: "Ablations: what each piece is worth".into(),
        lead: "The default fit is made of many pieces. Here each is changed alone, on data that have something to say \
               about it: what the MCC falls to is what the piece is worth. Where it does not fall, the piece pays on \
               other data, or not at all."
            .into(),
        notes: vec![
            "MCC by Pearson correlation on all rows, with the seconds of the fit on one thread of this machine. \
             Differences below about .003 are those of seeds."
                .into(),
        ],
        ..Section::default()
    };
    let mut records = Vec::new();
    for study in [search(), perceptron()] {
        let lines = study.run(context)?;
        let table = table(&study, &lines);
        context.table_of_docs(study.name, &table)?;
        section.tables.push(table);
        records.push(record(context, &study, &lines)?);
    }
    Ok(Outcome { section, records })
}

impl Study {
    fn run(&self, context: &Context) -> Result<Vec<Line>> {
        let sets = if context.quick { &self.sets[..1] } else { &self.sets[..] };
        let seeds = context.seed..context.seed + context.seeds;
        let mut jobs = Vec::new();
        for (p, piece) in self.pieces.iter().enumerate() {
            for (s, set) in sets.iter().enumerate().filter(|(_, set)| piece.concerns(set)) {
                jobs.extend(seeds.clone().map(|seed| (p, piece, s, set, seed)));
            }
        }
        let trials = one_thread_each(&jobs, |&(_, piece, _, set, seed)| {
            trial(context, self.decoder, set, piece, seed)
        })?;
        let line =
            |piece: &Piece| Line { title: piece.title, cells: sets.iter().map(|_| Vec::new()).collect() };
        let mut lines: Vec<Line> = self.pieces.iter().map(line).collect();
        for (&(p, _, s, _, _), trial) in jobs.iter().zip(trials) {
            lines[p].cells[s].push(trial?);
        }
        Ok(lines)
    }
}

fn trial(
    context: &Context,
    decoder: Option<DecoderKind>,
    set: &Set,
    piece: &Piece,
    seed: u64,
) -> Result<Trial> {
    let mut simulation = Simulation { seed, ..set.simulation.clone() };
    if context.quick {
        (simulation.segments, simulation.per_segment) = (20, 50);
    }
    let data = simulation.generate::<f32>()?.data;
    let latents = simulation.latents;
    let mut spec = FitSpec { seed, ..FitSpec::for_data(&ModelKind::Ivae, decoder, latents, &data) };
    (piece.change)(&mut spec);
    context.hasten(&mut spec);
    let fitted = context.fit(&data, None, &spec)?;
    let score = |data: &Dataset<f32>| -> Result<f64> {
        let Some(s) = &data.s else { return Err("no sources".into()) };
        Ok(mcc(s.view(), fitted.transform(data)?.view(), Correlation::Pearson)?.score)
    };
    let needs_u = matches!(&spec.model, ModelSpec::Vae(vae) if vae.posterior.conditional_encoder);
    let without_u = if needs_u { f64::NAN } else { score(&Dataset { u: Aux::none(), ..data.clone() })? };
    let trial = Trial { mcc: score(&data)?, without_u, seconds: fitted.report.seconds };
    eprintln!("{}: {}, {}, seed {seed}: MCC {:.4}", context.name, set.title, piece.title, trial.mcc);
    Ok(trial)
}

impl Piece {
    fn concerns(&self, set: &Set) -> bool {
        self.on.is_empty() || self.on.contains(&set.title)
    }
}

fn has_bottleneck(set: &Set) -> bool {
    set.simulation.observed > set.simulation.latents
}

fn flow(spec: &mut FitSpec, change: impl FnOnce(&mut FlowModelSpec)) {
    if let Some(flow) = spec.model.as_flow_mut() {
        change(flow);
    }
}

fn vae(spec: &mut FitSpec, change: impl FnOnce(&mut VaeSpec)) {
    if let Some(vae) = spec.model.as_vae_mut() {
        change(vae);
    }
}

fn only(spec: &mut FitSpec, class: &str) {
    flow(spec, |f| f.classes.retain(|c| c.flow.name() == class));
}

fn five(observed: usize) -> Simulation {
    Simulation { latents: 5, observed, ..Simulation::default() }
}

fn search() -> Study {
    const MOST: &[&str] = &["5 → 5", "5 → 5, residual", "5 → 25", "5 → 25, noise sd 0.1"];
    const REDUCED: &[&str] = &["5 → 25", "5 → 25, noise sd 0.1"];
    let piece = |title, on, change| Piece { title, on, change };
    let set = |title, simulation| Set { title, simulation };
    Study {
        name: "ablations-search",
        decoder: None,
        sets: vec![
            set("5 → 5", five(5)),
            set("5 → 5, Laplace", Simulation { prior: SourcePrior::Laplace, ..five(5) }),
            set("5 → 5, residual", Simulation { mixing: Mixing::Residual, ..five(5) }),
            set("2 → 2, means vary", Simulation { latents: 2, observed: 2, centred: false, ..five(2) }),
            set("5 → 25", five(25)),
            set("5 → 25, noise sd 0.1", Simulation { noise: 0.1, ..five(25) }),
        ],
        pieces: vec![
            piece("the default", &[], |_| {}),
            piece("one start of each class", MOST, |s| {
                flow(s, |f| f.classes.iter_mut().for_each(|c| c.restarts = 1));
            }),
            piece("square-tanh alone", MOST, |s| only(s, "square-tanh")),
            piece("square-spline alone", MOST, |s| only(s, "square-spline")),
            piece("coupling alone", MOST, |s| only(s, "coupling")),
            piece("no refinement", MOST, |s| flow(s, |f| f.refine_epochs = 1)),
            piece("Gaussian family", &["5 → 5, Laplace"], |s| s.model.set_prior(Family::Gaussian)),
            piece("prior of mean 0", &["2 → 2, means vary"], |s| s.model.set_prior(Family::GaussianVar)),
            piece("x not whitened", &["5 → 5", "5 → 5, residual"], |s| {
                flow(s, |f| f.scaling = Scaling::Standardise);
            }),
            piece("bottleneck of 30 epochs", REDUCED, |s| flow(s, |f| f.bottleneck.epochs = 30)),
            piece("bottleneck by the ELBO", REDUCED, |s| {
                flow(s, |f| f.bottleneck.objective = Some(ObjectiveSpec::Elbo));
            }),
        ],
        caption: "MCC and seconds of the default fit, a search over flows, with one piece changed at a time. *No \
                  refinement*: one epoch of it. *Without the local posterior*: the latents of x alone, z = g(x).",
    }
}

fn perceptron() -> Study {
    let piece = |title, change| Piece { title, on: &[], change };
    let once = |title, change| Piece { title, on: &["5 → 5"], change };
    Study {
        name: "ablations-mlp",
        decoder: Some(DecoderKind::Mlp),
        sets: vec![
            Set { title: "5 → 5", simulation: five(5) },
            Set { title: "5 → 25", simulation: five(25) },
        ],
        pieces: vec![
            piece("the default", |_| {}),
            piece("diagonal posterior", |s| vae(s, |v| v.posterior.full_covariance = false)),
            piece("product posterior", |s| vae(s, |v| v.posterior.product_of_experts = true)),
            once("encoder sees u", |s| vae(s, |v| v.posterior.conditional_encoder = true)),
            once("one start", |s| s.model.set_restarts(1)),
            once("start at PCA", |s| vae(s, |v| v.start = WarmStart::Pca)),
            piece("random start", |s| vae(s, |v| v.start = WarmStart::Random)),
            once("two layers of 128", |s| {
                vae(s, |v| {
                    v.posterior.net.hidden.truncate(2);
                    v.likelihood.net.hidden.truncate(2);
                });
            }),
            piece("25 epochs", |s| s.model.set_epochs(25)),
            once("constant learning rate", |s| {
                vae(s, |v| v.training.step.schedule = ScheduleSpec::Constant);
            }),
            piece("noise variance fixed at 0.1", |s| {
                vae(s, |v| v.likelihood.family = LikelihoodFamily::Gaussian(VarianceSpec::Fixed(0.1)));
            }),
            once("KL by samples", |s| vae(s, |v| v.objective = ObjectiveSpec::SampledElbo)),
        ],
        caption: "The same of `--decoder mlp`, the classical iVAE with noise.",
    }
}

fn table(study: &Study, lines: &[Line]) -> Table {
    let mut rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            let mut cells = vec![line.title.to_owned()];
            cells.extend(line.cells.iter().map(|trials| match trials.is_empty() {
                true => "–".to_owned(),
                false => format!(
                    "{} ({} s)",
                    number(mean(trials, |t| t.mcc), 4),
                    number(mean(trials, |t| t.seconds), 0)
                ),
            }));
            cells
        })
        .collect();
    let sets = || study.sets.iter().zip(&lines[0].cells);
    if study.decoder.is_none() {
        // No fit of its own: the latents of the default, inferred without u.
        let mut cells = vec!["without the local posterior".to_owned()];
        cells.extend(sets().map(|(set, trials)| match has_bottleneck(set) {
            true => number(mean(trials, |t| t.without_u), 4),
            false => "–".to_owned(),
        }));
        rows.push(cells);
    }
    Table {
        head: std::iter::once("changed".to_owned())
            .chain(sets().map(|(set, _)| set.title.to_owned()))
            .collect(),
        rows,
        caption: study.caption.into(),
        emphasis: Some(0),
    }
}

fn mean(trials: &[Trial], of: fn(&Trial) -> f64) -> f64 {
    mean_std(&trials.iter().map(of).collect::<Vec<_>>()).0
}

fn record(context: &Context, study: &Study, lines: &[Line]) -> Result<Record> {
    let mut record = context.record(study.name, "Ablations", &[])?;
    record.name = study.name.into();
    let word = |title: &str| title.to_lowercase().replace(" → ", "_").replace(", ", "_").replace(' ', "_");
    for line in lines {
        for (set, trials) in study.sets.iter().zip(&line.cells).filter(|(_, t)| !t.is_empty()) {
            let name = format!("{}_{}", word(line.title), word(set.title));
            record.metric(format!("{name}_mcc"), mean(trials, |t| t.mcc));
            record.metric(format!("{name}_mcc_without_u"), mean(trials, |t| t.without_u));
            record.metric(format!("{name}_seconds"), mean(trials, |t| t.seconds));
        }
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ivae::core::fit::check_fit;

    use super::*;

    #[test]
    fn every_piece_changes_the_settings_to_some_that_can_be_fitted() {
        for study in [search(), perceptron()] {
            assert_eq!(study.pieces[0].title, "the default");
            for set in &study.sets {
                let small = Simulation { segments: 12, per_segment: 20, ..set.simulation.clone() };
                let data = small.generate::<f32>().unwrap().data;
                let usual = FitSpec::for_data(&ModelKind::Ivae, study.decoder, small.latents, &data);
                for piece in study.pieces.iter().filter(|p| p.concerns(set)) {
                    let mut spec = usual.clone();
                    (piece.change)(&mut spec);
                    assert_eq!(spec == usual, piece.title == "the default", "{}", piece.title);
                    check_fit(&data, &spec).unwrap_or_else(|e| panic!("{}: {e}", piece.title));
                }
            }
        }
    }
}
