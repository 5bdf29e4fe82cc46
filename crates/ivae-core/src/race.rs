//! The search for a bijection: classes raced by held-out exact likelihood, the best restarts polished, and how sure the
//! result is.
//!
//! Exact likelihood in the same coordinates ranks restarts and classes alike, so the class is found by the data. Local
//! optima differ in their latents too: restarts whose latents agree are in one basin. Of classes that held-out rows cannot
//! tell apart the simplest is kept.
//!
//! The many short starts, the few that are trained on, and the one that is trained until it has converged, are the rungs
//! of successive halving (Jamieson & Talwalkar 2016): what a start costs grows as their number falls. All classes run
//! side by side, and one is given no more starts once enough of them agree.

mod verdict;

use ivae_expfam::GaussianForm;
use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::error::FitError;
use crate::estimator::{AuxRows, Batch, BatchBuffer, Estimator, Terms, spread_rows};
use crate::exact::{Exact, ExactWorkspace};
use crate::family::{Family, Latents, choose_family};
use crate::fitted::FLOW_CHUNK;
use crate::slices::{rows_mut, top};
use crate::spec::{BijectiveSpec, ClassSpec, FitSpec, TrainSpec};
use crate::trainer::{Ending, Observer, Restart, Stage, Staged, best, train, train_from};
use crate::vae::AuxShape;
use verdict::{basin, conclude};

/// Starts of a class that run before the next look at whether they agree: fixed, so that the result does not depend on
/// the number of threads.
const WAVE: usize = 4;
/// A class needs no more starts when so many are in its best basin.
const AGREE: usize = 3;
/// Rows that latents are compared on.
const COMPARED_ROWS: usize = 2000;
/// Rows that the family is chosen on.
const FAMILY_ROWS: usize = 40_000;
/// Learning rate of the polish, as part of the class's.
const POLISH_RATE: f64 = 0.5;
/// Most rounds of polish that a start gets while it still rises.
const POLISHES: usize = 3;

/// How the bijection was found, and how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// The class that won.
    pub class: String,
    /// Distribution of the latents given u.
    pub family: Family,
    /// Learned shape β of each latent, for the generalised normal: 2 is Gaussian, 1 Laplace.
    pub shapes: Option<Vec<f64>>,
    /// Every class that raced.
    pub classes: Vec<ClassResult>,
    /// Starts of the class that won.
    pub starts: usize,
    /// Those of them that reached its basin: whose latents agree.
    pub reached: usize,
    /// Mean correlation, after matching, of their latents with those that were kept (after an affine map, for a prior of
    /// which only the means depend on u: it leaves one free); `None` where no other start reached the basin.
    pub agreement: Option<f64>,
    /// From the best start of another basin up to the best of this one, in nats per row; `None` where all agree.
    pub gap: Option<f64>,
}

impl Search {
    /// The same of x in other units, in which its log-density is higher by `log_det`.
    pub(crate) fn in_units(mut self, log_det: f64) -> Self {
        self.classes.iter_mut().for_each(|c| c.best = c.best.map(|b| b + log_det));
        self
    }
}

/// One class in the race.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassResult {
    /// Its name.
    pub class: String,
    /// Starts it was given.
    pub starts: usize,
    /// Objective of its best start, before polishing; `None` if none stayed finite.
    pub best: Option<f64>,
    /// Seconds of training, over all its starts.
    pub seconds: f64,
}

/// What the search ends with.
pub(crate) struct Found<F> {
    pub(crate) net: Exact,
    pub(crate) restarts: Vec<Restart<F>>,
    pub(crate) classes: Vec<&'static str>,
    pub(crate) chosen: usize,
    pub(crate) search: Search,
}

#[derive(Debug, Clone)]
struct Start<F> {
    class: usize,
    /// Number of the restart that it began as.
    origin: u32,
    net: Exact,
    restart: Restart<F>,
    /// Latents of some held-out rows.
    z: Array2<F>,
    /// log p of the same rows.
    log_p: Vec<f64>,
}

/// The rows of a race.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a, F> {
    pub(crate) train: Batch<'a, F>,
    pub(crate) held_out: Batch<'a, F>,
}

/// Race the classes of `bijective` on white rows.
pub(crate) fn race<F: Scalar>(
    spec: &FitSpec,
    bijective: &BijectiveSpec,
    rows: Rows<'_, F>,
    aux: AuxShape,
    observer: &dyn Observer,
) -> Result<Found<F>, FitError> {
    let prior = &spec.vae.prior;
    let widest = match prior.form {
        GaussianForm::MeanVar => Family::GeneralisedNormal,
        GaussianForm::Var | GaussianForm::Mean => Family::Gaussian,
    };
    let first = bijective.family.unwrap_or(widest);
    let compared = spread_rows(rows.held_out.rows(), COMPARED_ROWS);
    let mut buffer = BatchBuffer::new(&rows.held_out, compared.len());
    let compared = buffer.gather(&rows.held_out, &compared);
    let key = |restart: usize| StreamKey::new(spec.seed, Purpose::Init).restart(restart as u32);
    let start = |class, origin, net: &Exact, restart: Restart<F>| {
        let (mut z, mut log_p) = (Array2::zeros((compared.rows(), net.latents)), Vec::new());
        in_parts(net, &restart.params, compared, |start, part, ws| {
            rows_mut(&mut z, start..start + part.rows()).assign(&top(&ws.z, part.rows()));
            log_p.extend(ws.log_det.iter().zip(&ws.log_pz).take(part.rows()).map(|(d, p)| d.f64() + p.f64()));
        });
        Start { class, origin, net: net.clone(), restart, z, log_p }
    };
    let training = |class: usize, epochs, rate| TrainSpec {
        epochs,
        learning_rate: bijective.classes[class].learning_rate * rate,
        ..spec.training.clone()
    };

    let nets: Vec<Exact> = (bijective.classes.iter())
        .map(|class| Ok(Exact::new(&class.flow, prior, first, spec.latents, aux)?.shrinking(&rows.train.u)))
        .collect::<Result<_, FitError>>()?;
    let mut starts: Vec<Start<F>> = Vec::new();
    let search = Staged { observer, stage: Stage::Search };
    loop {
        let wave = next_wave(&starts, bijective);
        if wave.is_empty() || (!starts.is_empty() && observer.late()) {
            break;
        }
        let from = starts.len();
        let ran: Vec<(usize, Restart<F>)> = wave
            .into_par_iter()
            .enumerate()
            .filter(|&(i, _)| from + i == 0 || !observer.late())
            .map(|(i, class)| {
                let training = training(class, bijective.classes[class].epochs, 1.0);
                let key = key(from + i);
                (class, train(&nets[class], rows.train, Some(rows.held_out), &training, key, &search))
            })
            .collect();
        interrupted(starts.iter().map(|s| &s.restart).chain(ran.iter().map(|(_, r)| r)))?;
        starts.extend(ran.into_iter().map(|(class, r)| start(class, r.restart, &nets[class], r)));
    }

    let Some(leader) = best(starts.iter().map(|s| &s.restart)) else {
        return Err(FitError::NotFinite {
            restarts: starts.len(),
            epoch: starts.iter().map(|s| s.restart.history.len() + 1).min().unwrap_or(1),
        });
    };
    let leader = &starts[leader];
    let family = match (bijective.family, rows.train.u, rows.held_out.u) {
        (None, AuxRows::Levels(_), AuxRows::Levels(_)) if first == Family::GeneralisedNormal => {
            simplest_family(leader, rows)
        }
        _ => first,
    };

    // The best of each class: what trains slowly is not judged by its first epochs alone.
    let mut finalists: Vec<Start<F>> = (0..bijective.classes.len())
        .filter_map(|class| {
            let own: Vec<&Start<F>> = starts.iter().filter(|s| s.class == class).collect();
            best(own.iter().map(|s| &s.restart)).map(|best| own[best].clone())
        })
        .collect();
    finalists.sort_by(|a, b| b.restart.objective.total_cmp(&a.restart.objective));
    finalists.truncate(bijective.finalists);
    let polish = Staged { observer, stage: Stage::Polish };
    let mut polished: Vec<Start<F>> = Vec::new();
    for _ in 0..POLISHES {
        let from = starts.len() + polished.len();
        let ran: Vec<Start<F>> = std::mem::take(&mut finalists)
            .into_par_iter()
            .enumerate()
            .filter(|_| !observer.late())
            .map(|(i, Start { class, origin, net, restart, .. })| {
                let training = training(class, bijective.polish_epochs, POLISH_RATE);
                let (net, params) = if family == net.family {
                    (net, restart.params)
                } else {
                    let flow = &bijective.classes[class].flow;
                    let simpler = Exact::new(flow, prior, family, spec.latents, aux)?;
                    let simpler = simpler.shrinking(&rows.train.u);
                    let params = simpler.with_flow_of(&net, &restart.params, rows.train);
                    (simpler, params)
                };
                let (held_out, key) = (Some(rows.held_out), key(from + i));
                let ran = train_from(&net, params, rows.train, held_out, &training, key, &polish);
                Ok(start(class, origin, &net, Restart { stage: Stage::Polish, ..ran }))
            })
            .collect::<Result<_, FitError>>()?;
        interrupted(starts.iter().chain(&polished).chain(&ran).map(|s| &s.restart))?;
        finalists.extend(ran.iter().filter(|s| s.restart.usable()).cloned());
        finalists.sort_by(|a, b| b.restart.objective.total_cmp(&a.restart.objective));
        finalists.truncate(ran.len().div_ceil(2));
        finalists.retain(|s| s.restart.ending == Ending::StillRising);
        polished.extend(ran);
    }
    Ok(conclude(starts, polished, bijective))
}

/// The classes of the starts that run next: of every class that may have more and whose starts do not agree yet.
fn next_wave<F: Scalar>(starts: &[Start<F>], bijective: &BijectiveSpec) -> Vec<usize> {
    let wave = |(class, candidate): (usize, &ClassSpec)| {
        let own: Vec<&Start<F>> = starts.iter().filter(|s| s.class == class).collect();
        let agree = best(own.iter().map(|s| &s.restart)).is_some_and(|b| basin(&own, b).len() >= AGREE);
        let left = if agree { 0 } else { candidate.restarts.saturating_sub(own.len()) };
        std::iter::repeat_n(class, WAVE.min(left))
    };
    bijective.classes.iter().enumerate().flat_map(wave).collect()
}

fn interrupted<'a, F: 'a>(restarts: impl Iterator<Item = &'a Restart<F>> + Clone) -> Result<(), FitError> {
    match restarts.clone().any(|r| r.ending == Ending::Interrupted) {
        true => Err(FitError::Interrupted { epochs: restarts.map(|r| r.history.len()).sum() }),
        false => Ok(()),
    }
}

/// The sums over all rows of `batch`, and `each` part of them with the row it starts at and what was computed of it.
fn in_parts<F: Scalar>(
    net: &Exact,
    params: &[F],
    batch: Batch<'_, F>,
    mut each: impl FnMut(usize, Batch<'_, F>, &ExactWorkspace<F>),
) -> Terms {
    let mut ws = Estimator::<F>::workspace(net, FLOW_CHUNK.min(batch.rows()));
    let mut terms = Terms::default();
    for (start, part) in batch.parts(FLOW_CHUNK) {
        terms += net.forward(params, part, &mut ws);
        each(start, part, &ws);
    }
    terms
}

/// The simplest family that explains the latents found as well as the widest does.
fn simplest_family<F: Scalar>(leader: &Start<F>, rows: Rows<'_, F>) -> Family {
    let (net, params) = (&leader.net, &leader.restart.params);
    let latents = |rows: &Batch<'_, F>| {
        let index = spread_rows(rows.rows(), FAMILY_ROWS);
        let mut buffer = BatchBuffer::new(rows, index.len());
        let batch = buffer.gather(rows, &index);
        let mut z = Array2::zeros((index.len(), net.latents));
        let terms = in_parts(net, params, batch, |start, part, ws| {
            rows_mut(&mut z, start..start + part.rows()).assign(&top(&ws.z, part.rows()));
        });
        let levels = match batch.u {
            AuxRows::Levels(levels) => levels.to_vec(),
            _ => Vec::new(),
        };
        (z, levels, -terms.kl / terms.rows.max(1) as f64)
    };
    let (z, levels, _) = latents(&rows.train);
    let (test, test_levels, learned) = latents(&rows.held_out);
    choose_family(
        Latents { z: z.view(), levels: &levels },
        Latents { z: test.view(), levels: &test_levels },
        learned,
    )
}
