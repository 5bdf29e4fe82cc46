//! [`Vae`] as an [`Estimator`]: what the trainer asks of it.

use ivae_nn::Layout;
use ivae_num::{Scalar, StreamKey};

use super::{Vae, VaeWorkspace};
use crate::block::Source;
use crate::estimator::{Batch, BatchBuffer, Estimator, Terms, spread_rows};
use crate::spec::KlTerm;

/// Held-out rows and importance samples that restarts are compared by.
const SCORE_ROWS: usize = 4000;
const SCORE_SAMPLES: usize = 50;

impl<F: Scalar> Estimator<F> for Vae {
    type Workspace = VaeWorkspace<F>;

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn init(&self, params: &mut [F], data: Batch<'_, F>, key: StreamKey) {
        let mut rng = key.rng();
        self.posterior.init(params, &mut rng);
        self.likelihood.init(params, &mut rng);
        self.prior.init(params, &mut rng);
        crate::start::start(self, params, data, &mut rng);
        self.project(params);
    }

    fn workspace(&self, batch: usize) -> VaeWorkspace<F> {
        VaeWorkspace::new(self, batch)
    }

    fn step(
        &self,
        grad: &mut [F],
        params: &[F],
        batch: Batch<'_, F>,
        key: StreamKey,
        ws: &mut VaeWorkspace<F>,
    ) -> Terms {
        self.draw_noise(ws, batch.rows(), key);
        ws.kl_weight = ((key.step + 1) as f64 / self.kl_warmup.max(1) as f64).min(1.0);
        self.loss_and_grad(grad, params, batch, ws)
    }

    fn evaluate(&self, params: &[F], batch: Batch<'_, F>, key: StreamKey, ws: &mut VaeWorkspace<F>) -> Terms {
        self.draw_noise(ws, batch.rows(), key);
        let kl = if self.kl == KlTerm::None { KlTerm::None } else { KlTerm::Closed };
        self.forward(params, batch, kl, ws)
    }

    fn score(&self, params: &[F], held_out: Batch<'_, F>, key: StreamKey) -> Option<f64> {
        if self.kl == KlTerm::None {
            return None;
        }
        let rows = spread_rows(held_out.rows(), SCORE_ROWS);
        let mut buffer = BatchBuffer::new(&held_out, rows.len());
        let rows = buffer.gather(&held_out, &rows);
        Some(self.bounds(params, rows, SCORE_SAMPLES, key).iwae / rows.rows() as f64)
    }

    fn project(&self, params: &mut [F]) {
        let floor = F::of(self.log_var_floor);
        for block in &self.likelihood.blocks {
            if let Source::Free { slot, .. } = &block.source {
                slot.view_mut(params).mapv_inplace(|v| if v < floor { floor } else { v });
            }
        }
    }
}
