//! Posterior collapse: latents that carry nothing of x beyond u, and the retries that it asks for.

use ivae_num::{Purpose, Scalar, StreamKey};

use super::net::Vae;
use crate::batch::{Batch, BatchBuffer, CHUNK, spread_rows};
use crate::error::FitError;
use crate::objective::Objective;
use crate::report::Collapse;
use crate::search::Rows;
use crate::train::{Ending, Observer, Restart, TrainSpec, train_alone};
use ivae_num::slices::top;

/// A latent whose mean KL lies below this many nats carries nothing of x beyond u.
pub const COLLAPSED: f64 = 0.02;
/// Rows that collapse is measured on.
const MOST_ROWS: usize = 20_000;
/// Most times that a collapsed fit is tried again: where there are more latents than sources, collapse is right.
const RETRIES: usize = 2;

/// KL(q(z_i|x,u) ‖ p(z_i|u)) per latent, over (at most 20,000 of) the rows.
pub fn collapse<F: Scalar>(vae: &Vae, params: &[F], data: Batch<'_, F>) -> Collapse {
    let index = spread_rows(data.rows(), MOST_ROWS);
    let (rows, mut buffer) = (index.len(), BatchBuffer::new(&data, index.len()));
    let data = buffer.gather(&data, &index);
    let mut ws = vae.scratch(CHUNK.min(rows));
    let (n, mut kl, mut sums) = (vae.latents, [F::zero(); CHUNK], vec![0.0; vae.latents]);
    for (start, part) in data.parts(CHUNK) {
        let b = part.rows();
        vae.infer(params, part, &mut ws);
        vae.encoder.draw_noise(&mut ws.q, b, StreamKey::new(0, Purpose::HeldOut).step(start as u64));
        for (i, sum) in sums.iter_mut().enumerate() {
            vae.encoder.kl_of(i, &mut kl[..b], &vae.prior, top(&ws.p.theta, b), &ws.q);
            *sum += kl[..b].iter().map(|v| v.f64()).sum::<f64>();
        }
    }
    let kl_per_latent: Vec<f64> = sums.iter().map(|sum| sum / rows.max(1) as f64).collect();
    let collapsed = (0..n).filter(|&i| kl_per_latent[i] < COLLAPSED).collect();
    Collapse { kl_per_latent, collapsed, threshold: COLLAPSED, retries: 0 }
}

/// While the restart `chosen` of `restarts` has collapsed latents, train another with KL warm-up over half of its steps,
/// from another start, and choose that if fewer latents collapse. Attempts join `restarts`. Returns what is left.
///
/// # Errors
/// The observer's stop.
pub(super) fn retry_collapsed<F: Scalar>(
    vae: &Vae,
    rows: Rows<'_, F>,
    spec: &TrainSpec,
    key: impl Fn(u32) -> StreamKey,
    restarts: &mut Vec<Restart<F>>,
    chosen: &mut usize,
    observer: &dyn Observer,
) -> Result<Collapse, FitError> {
    let mut found = collapse(vae, &restarts[*chosen].params, rows.train);
    let kl_warmup = (spec.step.of_epoch(rows.train.rows()).1 * spec.epochs / 2) as u64;
    let warm = Vae { objective: Objective { kl_warmup, ..vae.objective }, ..vae.clone() };
    while !found.collapsed.is_empty() && found.retries < RETRIES && !observer.late() {
        let key = key(restarts.len() as u32);
        let restart = train_alone(&warm, rows.train, rows.validation, spec, key, observer);
        if restart.ending == Ending::Interrupted {
            let epochs = restarts.iter().map(|r| r.history.len()).sum::<usize>() + restart.history.len();
            return Err(FitError::Interrupted { epochs });
        }
        let again = collapse(vae, &restart.params, rows.train);
        let is_better = restart.usable() && again.collapsed.len() < found.collapsed.len();
        restarts.push(restart);
        let retries = found.retries + 1;
        if is_better {
            *chosen = restarts.len() - 1;
            found = again;
        }
        found.retries = retries;
    }
    Ok(found)
}
