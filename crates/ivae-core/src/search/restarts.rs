//! Restarts of one network in parallel, and the best of them.

use ivae_num::{Purpose, Scalar, StreamKey};
use rayon::prelude::*;

use super::candidates::Rows;
use crate::error::FitError;
use crate::train::{Ending, Estimator, InDataUnits, Observer, Restart, TrainSpec, best, train, train_alone};

/// Train `restarts` starts of `net`, in parallel, and choose.
///
/// # Errors
/// All starts non-finite, or the observer's stop.
pub(crate) fn train_restarts<F: Scalar, E: Estimator<F>>(
    net: &E,
    rows: Rows<'_, F>,
    restarts: usize,
    spec: &TrainSpec,
    seed: u64,
    observer: &InDataUnits<'_>,
) -> Result<(Vec<Restart<F>>, usize), FitError> {
    let key = |restart| StreamKey::new(seed, Purpose::Init).restart(restart);
    let run = if restarts == 1 { train_alone } else { train };
    let restarts: Vec<Restart<F>> = (0..restarts as u32)
        .into_par_iter()
        .filter(|&restart| restart == 0 || !observer.late())
        .map(|restart| observer.restart(run(net, rows.train, rows.validation, spec, key(restart), observer)))
        .collect();
    let chosen = choose(&restarts)?;
    Ok((restarts, chosen))
}

/// The restart with the best objective among those that stayed finite; the earliest of equals.
///
/// # Errors
/// None stayed finite, or one was interrupted.
pub(crate) fn choose<F>(restarts: &[Restart<F>]) -> Result<usize, FitError> {
    check_interrupted(restarts.iter())?;
    best(restarts).ok_or_else(|| not_finite(restarts.iter()))
}

/// The error of an interrupted search, if one of `restarts` was interrupted.
pub(super) fn check_interrupted<'a, F: 'a>(
    restarts: impl Iterator<Item = &'a Restart<F>> + Clone,
) -> Result<(), FitError> {
    match restarts.clone().any(|r| r.ending == Ending::Interrupted) {
        true => Err(FitError::Interrupted { epochs: restarts.map(|r| r.history.len()).sum() }),
        false => Ok(()),
    }
}

/// The error of restarts none of which stayed finite.
pub(super) fn not_finite<'a, F: 'a>(restarts: impl Iterator<Item = &'a Restart<F>> + Clone) -> FitError {
    FitError::NotFinite {
        restarts: restarts.clone().count(),
        epoch: restarts.map(|r| r.history.len() + 1).min().unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Stage;

    #[test]
    fn the_best_finite_restart_is_chosen() {
        let restart = |objective, ending| Restart::<f32> {
            stage: Stage::Search,
            restart: 0,
            params: Vec::new(),
            best_epoch: 1,
            objective,
            ending,
            steps: 1,
            history: Vec::new(),
        };
        let (good, lost) = (Ending::Converged, Ending::NotFinite);
        let all = [restart(-1.0, good), restart(-1.3, good), restart(-0.99, lost)];
        assert_eq!(choose(&all).unwrap(), 0);
        assert!(matches!(choose(&all[2..]), Err(FitError::NotFinite { restarts: 1, .. })));
    }
}
