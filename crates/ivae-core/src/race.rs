//! The search for a bijection: classes raced by held-out exact likelihood, the best restarts polished, and how sure the
//! result is.
//!
//! Exact likelihood in the same coordinates ranks restarts and classes alike, so the class is found by the data. Local
//! optima differ in their latents too: restarts whose latents agree are in one basin. Of classes that held-out rows cannot
//! tell apart the simplest is kept.

use std::time::Instant;

use ivae_expfam::GaussianForm;
use ivae_metrics::{Correlation, Rows as ScoredRows, mcc, weak_mcc};
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
use crate::spec::{BijectiveSpec, FitSpec, TrainSpec};
use crate::trainer::{Ending, Observer, Restart, Stage, Staged, best, train, train_from};
use crate::vae::AuxShape;

/// Restarts that run before the next look at whether they agree: fixed, so that the result does not depend on the
/// number of threads.
const WAVE: usize = 4;
/// A class needs no more starts when so many are in its best basin.
const AGREE: usize = 3;
/// Latents of one basin correlate at least so, in the mean; see [`Start::agrees_with`].
const SAME_BASIN: f64 = 0.97;
/// Rows that latents are compared on.
const COMPARED_ROWS: usize = 2000;
/// Rows that the family is chosen on.
const FAMILY_ROWS: usize = 40_000;
/// Learning rate of the polish, as part of the class's.
const POLISH_RATE: f64 = 0.5;

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

struct Start<F> {
    class: usize,
    net: Exact,
    restart: Restart<F>,
    /// Latents of some held-out rows.
    z: Array2<F>,
    /// log p of the same rows.
    log_p: Vec<f64>,
}

impl<F: Scalar> Start<F> {
    /// Mean correlation of the latents: after matching, or, where the means alone depend on u, after the affine map that
    /// theorem 1 then leaves free whatever the data are.
    fn agrees_with(&self, other: &Self) -> f64 {
        let (ours, theirs) = (self.z.view(), other.z.view());
        let found = match self.net.prior_form {
            GaussianForm::Mean => weak_mcc(ours, theirs, ScoredRows::All, Correlation::Pearson),
            GaussianForm::MeanVar | GaussianForm::Var => mcc(ours, theirs, Correlation::Pearson),
        };
        found.map_or(0.0, |m| m.score)
    }
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
    deadline: Option<Instant>,
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
    let late = || deadline.is_some_and(|d| Instant::now() >= d);
    let start = |class, net: &Exact, restart: Restart<F>| {
        let (mut z, mut log_p) = (Array2::zeros((compared.rows(), net.latents)), Vec::new());
        in_parts(net, &restart.params, compared, |start, part, ws| {
            rows_mut(&mut z, start..start + part.rows()).assign(&top(&ws.z, part.rows()));
            log_p.extend(ws.log_det.iter().zip(&ws.log_pz).take(part.rows()).map(|(d, p)| d.f64() + p.f64()));
        });
        Start { class, net: net.clone(), restart, z, log_p }
    };

    let mut starts: Vec<Start<F>> = Vec::new();
    for (class, candidate) in bijective.classes.iter().enumerate() {
        let net = Exact::new(&candidate.flow, prior, first, spec.latents, aux)?;
        let training = TrainSpec {
            epochs: candidate.epochs,
            learning_rate: candidate.learning_rate,
            ..spec.training.clone()
        };
        let before = starts.len();
        while starts.len() - before < candidate.restarts && (starts.is_empty() || !late()) {
            let wave = WAVE.min(candidate.restarts - (starts.len() - before));
            let from = starts.len();
            let observer = Staged { observer, stage: Stage::Search };
            let ran: Vec<Restart<F>> = (from..from + wave)
                .into_par_iter()
                .map(|i| train(&net, rows.train, Some(rows.held_out), &training, key(i), &observer))
                .collect();
            interrupted(starts.iter().map(|s| &s.restart).chain(&ran))?;
            starts.extend(ran.into_iter().map(|restart| start(class, &net, restart)));
            let own: Vec<&Start<F>> = starts[before..].iter().collect();
            if best(own.iter().map(|s| &s.restart)).is_some_and(|b| basin(&own, b).len() >= AGREE) {
                break;
            }
        }
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

    let mut order: Vec<usize> = (0..starts.len()).filter(|&i| starts[i].restart.usable()).collect();
    order.sort_by(|&a, &b| starts[b].restart.objective.total_cmp(&starts[a].restart.objective));
    // The best of each class: what trains slowly is not judged by its first epochs alone.
    let mut seen = vec![false; bijective.classes.len()];
    order.retain(|&i| !std::mem::replace(&mut seen[starts[i].class], true));
    order.truncate(if late() { 0 } else { bijective.finalists });
    let observer = Staged { observer, stage: Stage::Polish };
    let first_polish = starts.len();
    let polished: Result<Vec<Start<F>>, FitError> = order
        .into_par_iter()
        .enumerate()
        .map(|(i, of)| {
            let Start { class, net, restart, .. } = &starts[of];
            let candidate = &bijective.classes[*class];
            let training = TrainSpec {
                epochs: bijective.polish_epochs,
                learning_rate: candidate.learning_rate * POLISH_RATE,
                ..spec.training.clone()
            };
            let (net, params) = if family == net.family {
                (net.clone(), restart.params.clone())
            } else {
                let simpler = Exact::new(&candidate.flow, prior, family, spec.latents, aux)?;
                let params = simpler.with_flow_of(net, &restart.params, rows.train);
                (simpler, params)
            };
            let key = key(first_polish + i);
            let ran = train_from(&net, params, rows.train, Some(rows.held_out), &training, key, &observer);
            Ok(start(*class, &net, Restart { stage: Stage::Polish, ..ran }))
        })
        .collect();
    let polished = polished?;
    interrupted(starts.iter().chain(&polished).map(|s| &s.restart))?;
    Ok(conclude(starts, polished, bijective))
}

/// The kept restart, and what the others say about it.
fn conclude<F: Scalar>(
    starts: Vec<Start<F>>,
    polished: Vec<Start<F>>,
    bijective: &BijectiveSpec,
) -> Found<F> {
    let classes = bijective.classes.iter().enumerate().map(|(class, candidate)| {
        let own = || starts.iter().filter(move |s| s.class == class);
        let best = own()
            .filter(|s| s.restart.usable())
            .map(|s| s.restart.objective)
            .fold(f64::NEG_INFINITY, f64::max);
        ClassResult {
            class: candidate.flow.name().into(),
            starts: own().count(),
            best: Some(best).filter(|b| b.is_finite()),
            seconds: own().filter_map(|s| s.restart.history.last()).map(|e| e.seconds).sum(),
        }
    });
    let classes = classes.collect();
    let raced = starts.len();
    let all: Vec<Start<F>> = starts.into_iter().chain(polished).collect();
    let chosen = best(all.iter().map(|s| &s.restart)).map_or(0, |best| simplest(&all, best));
    let kept = &all[chosen];
    let own: Vec<&Start<F>> =
        all[..raced].iter().filter(|s| s.class == kept.class && s.restart.usable()).collect();
    let (mut reached, mut agreement, mut inside, mut outside) = (0, Vec::new(), f64::NEG_INFINITY, None);
    for start in &own {
        let agrees = start.agrees_with(kept);
        let objective = start.restart.objective;
        if agrees >= SAME_BASIN {
            reached += 1;
            inside = objective.max(inside);
            // A start agrees with itself, which says nothing.
            agreement.extend(Some(agrees).filter(|_| start.restart.restart != kept.restart.restart));
        } else {
            outside = Some(objective.max(outside.unwrap_or(f64::NEG_INFINITY)));
        }
    }
    let search = Search {
        class: bijective.classes[kept.class].flow.name().into(),
        family: kept.net.family,
        shapes: kept.net.shapes(&kept.restart.params),
        classes,
        starts: all[..raced].iter().filter(|s| s.class == kept.class).count(),
        reached,
        agreement: (!agreement.is_empty()).then(|| agreement.iter().sum::<f64>() / agreement.len() as f64),
        gap: outside.map(|o| inside - o).filter(|g| g.is_finite()),
    };
    Found {
        net: kept.net.clone(),
        classes: all.iter().map(|s| bijective.classes[s.class].flow.name()).collect(),
        chosen,
        search,
        restarts: all.into_iter().map(|s| s.restart).collect(),
    }
}

/// The best of the first class (they stand from the simplest on) that is no more than one standard error of the paired
/// difference below start `of` (the rule of Breiman et al. 1984, section 3.4.3).
fn simplest<F: Scalar>(starts: &[Start<F>], of: usize) -> usize {
    let ties = |i: usize| {
        let pairs = starts[of].log_p.iter().zip(&starts[i].log_p);
        let difference: Vec<f64> = pairs.map(|(a, b)| a - b).collect();
        let rows = difference.len().max(1) as f64;
        let mean = difference.iter().sum::<f64>() / rows;
        let variance = difference.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / rows;
        starts[of].restart.objective - starts[i].restart.objective <= (variance / rows).sqrt()
    };
    (0..starts[of].class)
        .find_map(|class| {
            let own: Vec<usize> = (0..starts.len()).filter(|&i| starts[i].class == class).collect();
            let best = best(own.iter().map(|&i| &starts[i].restart))?;
            Some(own[best]).filter(|&i| ties(i))
        })
        .unwrap_or(of)
}

/// Those whose latents agree with the latents of start `of`.
fn basin<F: Scalar>(starts: &[&Start<F>], of: usize) -> Vec<usize> {
    let agrees = |i: &usize| starts[*i].restart.usable() && starts[*i].agrees_with(starts[of]) >= SAME_BASIN;
    (0..starts.len()).filter(agrees).collect()
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
