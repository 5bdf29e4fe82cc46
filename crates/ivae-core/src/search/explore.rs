//! [`Search`]: classes explored side by side by held-out objective, and the best starts refined.
//!
//! Exact likelihood in the same coordinates ranks restarts and classes alike, so the data choose the class. Local optima
//! differ in their latents too: restarts whose latents agree are in one basin. Of classes that held-out rows cannot tell
//! apart the simplest is kept.
//!
//! The many short starts, the few that are trained further, and the one that is trained until it has converged, are the
//! rungs of successive halving (Jamieson & Talwalkar 2016): what a start costs grows as their number falls. All classes
//! run side by side, and one is given no more starts once enough of them agree.

use ivae_num::{Purpose, Scalar, StreamKey};
use rayon::prelude::*;

use super::basins::basin;
use super::candidates::{Agreement, Class, Probe, Rows, Start};
use super::restarts::{check_interrupted, not_finite};
use crate::error::FitError;
use crate::train::{
    Ending, EpochRecord, Estimator, Observer, Restart, Stage, Staged, TrainSpec, best, train, train_from,
};

/// Starts of a class that run before the next look at whether they agree: fixed, so that the result does not depend on
/// the number of threads.
const WAVE: usize = 4;
/// A class needs no more starts when so many are in its best basin.
const AGREE: usize = 3;
/// Learning rate of a refinement, as part of the class's.
const REFINE_RATE: f64 = 0.5;
/// Most rounds of refinement that a start gets while it still rises.
const ROUNDS: usize = 3;

/// A search over classes of networks.
pub(crate) struct Search<'a, F, N> {
    pub(crate) classes: &'a [Class<N>],
    pub(crate) rows: Rows<'a, F>,
    pub(crate) seed: u64,
    pub(crate) observer: &'a dyn Observer,
    pub(crate) agreement: Agreement,
    /// Latents and log-densities that a network with these parameters gives to the compared rows.
    pub(crate) probe: &'a (dyn Fn(&N, &[F]) -> Probe<F> + Sync),
}

impl<F: Scalar, N: Estimator<F> + Clone + Send> Search<'_, F, N> {
    fn key(&self, restart: usize) -> StreamKey {
        StreamKey::new(self.seed, Purpose::Init).restart(restart as u32)
    }

    /// Train starts of every class until enough of them agree, or all have had their share.
    ///
    /// # Errors
    /// All starts non-finite, or the observer's stop.
    pub(crate) fn explore(&self) -> Result<Vec<Start<F, N>>, FitError> {
        let mut starts: Vec<Start<F, N>> = Vec::new();
        let observer = Staged { observer: self.observer, stage: Stage::Search };
        loop {
            let wave = next_wave(&starts, self.classes, self.agreement);
            if wave.is_empty() || (!starts.is_empty() && observer.late()) {
                break;
            }
            let from = starts.len();
            let ran: Vec<(usize, Restart<F>)> = wave
                .into_par_iter()
                .enumerate()
                .filter(|&(i, _)| from + i == 0 || !observer.late())
                .map(|(i, class)| {
                    let Class { net, training, .. } = &self.classes[class];
                    let Rows { train: rows, validation } = self.rows;
                    (class, train(net, rows, validation, training, self.key(from + i), &observer))
                })
                .collect();
            check_interrupted(starts.iter().map(|s| &s.restart).chain(ran.iter().map(|(_, r)| r)))?;
            starts.extend(ran.into_iter().map(|(class, restart)| {
                let net = self.classes[class].net.clone();
                let probe = (self.probe)(&net, &restart.params);
                Start { class, origin: restart.restart, net, restart, probe }
            }));
        }
        match best(starts.iter().map(|s| &s.restart)) {
            Some(_) => Ok(starts),
            None => Err(not_finite(starts.iter().map(|s| &s.restart))),
        }
    }

    /// Train the best start of each class further for `epochs` epochs, at most `survivors` of them, then the better half
    /// while they still rise. `prepare` may change the network and the parameters before.
    ///
    /// # Errors
    /// What `prepare` returns, or the observer's stop.
    pub(crate) fn refine(
        &self,
        starts: &[Start<F, N>],
        survivors: usize,
        epochs: usize,
        prepare: impl Fn(usize, N, Vec<F>) -> Result<(N, Vec<F>), FitError> + Sync,
    ) -> Result<Vec<Start<F, N>>, FitError> {
        // The best of each class: what trains slowly is not judged by its first epochs alone.
        let mut surviving: Vec<Start<F, N>> = (0..self.classes.len())
            .filter_map(|class| {
                let of_class: Vec<&Start<F, N>> = starts.iter().filter(|s| s.class == class).collect();
                best(of_class.iter().map(|s| &s.restart)).map(|best| of_class[best].clone())
            })
            .collect();
        surviving.sort_by(|a, b| b.restart.objective.total_cmp(&a.restart.objective));
        surviving.truncate(survivors);
        let observer = Staged { observer: self.observer, stage: Stage::Refine };
        let mut refined: Vec<Start<F, N>> = Vec::new();
        for _ in 0..ROUNDS {
            let from = starts.len() + refined.len();
            let ran: Vec<Start<F, N>> = std::mem::take(&mut surviving)
                .into_par_iter()
                .enumerate()
                .filter(|_| !observer.late())
                .map(|(i, Start { class, origin, net, restart, .. })| {
                    let training = &self.classes[class].training;
                    let learning_rate = training.learning_rate * REFINE_RATE;
                    let training = TrainSpec { epochs, learning_rate, ..training.clone() };
                    let (net, params) = prepare(class, net, restart.params)?;
                    let Rows { train: rows, validation } = self.rows;
                    let key = self.key(from + i);
                    let restart = train_from(&net, params, rows, validation, &training, key, &observer);
                    let probe = (self.probe)(&net, &restart.params);
                    let staged = |e| EpochRecord { stage: Stage::Refine, ..e };
                    let history = restart.history.into_iter().map(staged).collect();
                    let restart = Restart { stage: Stage::Refine, history, ..restart };
                    Ok(Start { class, origin, net, restart, probe })
                })
                .collect::<Result<_, FitError>>()?;
            check_interrupted(starts.iter().chain(&refined).chain(&ran).map(|s| &s.restart))?;
            surviving.extend(ran.iter().filter(|s| s.restart.usable()).cloned());
            surviving.sort_by(|a, b| b.restart.objective.total_cmp(&a.restart.objective));
            surviving.truncate(ran.len().div_ceil(2));
            surviving.retain(|s| s.restart.ending == Ending::StillRising);
            refined.extend(ran);
        }
        Ok(refined)
    }
}

/// The classes of the starts that run next: of every class that may have more and whose starts do not agree yet.
pub(super) fn next_wave<F: Scalar, N>(
    starts: &[Start<F, N>],
    classes: &[Class<N>],
    agreement: Agreement,
) -> Vec<usize> {
    let wave = |(class, candidate): (usize, &Class<N>)| {
        let of_class: Vec<&Start<F, N>> = starts.iter().filter(|s| s.class == class).collect();
        let best = best(of_class.iter().map(|s| &s.restart));
        let agree = best.is_some_and(|best| basin(&of_class, best, agreement).len() >= AGREE);
        let left = if agree { 0 } else { candidate.restarts.saturating_sub(of_class.len()) };
        std::iter::repeat_n(class, WAVE.min(left))
    };
    classes.iter().enumerate().flat_map(wave).collect()
}
