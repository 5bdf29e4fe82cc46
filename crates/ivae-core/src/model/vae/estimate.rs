//! [`Vae`] as an [`Estimator`]: what the trainer asks of it.

use ivae_nn::Layout;
use ivae_num::{Scalar, StreamKey};

use super::net::Vae;
use super::warm_start::warm_start;
use super::workspace::VaeWorkspace;
use crate::batch::{Batch, BatchBuffer, spread_rows};
use crate::objective::Sums;
use crate::train::Estimator;

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
        self.encoder.init(params, &mut rng);
        self.decoder.init(params, &mut rng);
        self.prior.init(params, &mut rng);
        let mut ws = self.scratch(crate::batch::CHUNK.min(data.rows()));
        warm_start(self, params, data, &mut rng, &mut ws);
        self.decoder.project(params);
    }

    fn workspace(&self, batch: usize) -> VaeWorkspace<F> {
        self.step_scratch(batch)
    }

    fn step(
        &self,
        grad: &mut [F],
        params: &[F],
        batch: Batch<'_, F>,
        key: StreamKey,
        ws: &mut VaeWorkspace<F>,
    ) -> Sums {
        ws.on_copies(batch, |batch, ws| {
            self.draw_noise(ws, batch.rows(), key);
            self.loss_and_grad(grad, params, batch, key.step, ws)
        })
    }

    fn evaluate(&self, params: &[F], batch: Batch<'_, F>, key: StreamKey, ws: &mut VaeWorkspace<F>) -> Sums {
        ws.on_copies(batch, |batch, ws| {
            self.draw_noise(ws, batch.rows(), key);
            self.forward(params, batch, self.closed_objective(), ws)
        })
    }

    fn score(&self, params: &[F], held_out: Batch<'_, F>, key: StreamKey) -> Option<f64> {
        if !self.objective.spec.has_kl() {
            return None;
        }
        let rows = spread_rows(held_out.rows(), SCORE_ROWS);
        let mut buffer = BatchBuffer::new(&held_out, rows.len());
        let rows = buffer.gather(&held_out, &rows);
        Some(self.bounds(params, rows, SCORE_SAMPLES, key).iwae / rows.rows() as f64)
    }

    fn project(&self, params: &mut [F]) {
        self.decoder.project(params);
    }
}
