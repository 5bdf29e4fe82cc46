//! The remedy for posterior collapse: train again, with the KL term let in slowly.

use ivae_num::{Scalar, StreamKey};

use crate::diagnostics::collapse;
use crate::error::FitError;
use crate::estimator::Batch;
use crate::report::Collapse;
use crate::spec::TrainSpec;
use crate::trainer::{Ending, Observer, Restart, train_alone};
use crate::vae::Vae;

/// Most times that a collapsed fit is tried again: where there are more latents than sources, collapse is right.
const RETRIES: usize = 2;

/// The rows of a fit and how it is trained.
pub(crate) struct Rows<'a, F> {
    /// Rows that train.
    pub(crate) train: Batch<'a, F>,
    /// Rows that judge.
    pub(crate) held_out: Option<Batch<'a, F>>,
}

/// While the restart `chosen` of `restarts` has collapsed latents, train another with KL warm-up over half of its steps,
/// from a start of its own, and choose that if fewer latents collapse. Attempts join `restarts`. Returns what is left.
///
/// # Errors
/// The observer's stop.
pub(crate) fn retry_collapsed<F: Scalar>(
    vae: &Vae,
    rows: Rows<'_, F>,
    spec: &TrainSpec,
    key: impl Fn(u32) -> StreamKey,
    restarts: &mut Vec<Restart<F>>,
    chosen: &mut usize,
    observer: &dyn Observer,
) -> Result<Collapse, FitError> {
    let mut found = collapse(vae, &restarts[*chosen].params, rows.train);
    let steps_per_epoch = rows.train.rows() / spec.batch.min(rows.train.rows()).max(1);
    let warm = vae.with_kl_warmup((steps_per_epoch * spec.epochs / 2) as u64);
    while !found.collapsed.is_empty() && found.retries < RETRIES && !observer.late() {
        let restart =
            train_alone(&warm, rows.train, rows.held_out, spec, key(restarts.len() as u32), observer);
        if restart.ending == Ending::Interrupted {
            let epochs = restarts.iter().map(|r| r.history.len()).sum::<usize>() + restart.history.len();
            return Err(FitError::Interrupted { epochs });
        }
        let usable = restart.ending != Ending::NotFinite && restart.best_epoch > 0;
        let again = collapse(vae, &restart.params, rows.train);
        restarts.push(restart);
        let retries = found.retries + 1;
        if usable && again.collapsed.len() < found.collapsed.len() {
            *chosen = restarts.len() - 1;
            found = again;
        }
        found.retries = retries;
    }
    Ok(found)
}
