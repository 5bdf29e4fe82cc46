//! [`Stepper`]: a training step and everything it needs, so that a step allocates nothing.

use ivae_num::{Aligned, Scalar, StreamKey};

use super::estimator::Estimator;
use super::spec::StepSpec;
use super::sums::Sums;
use crate::{Batch, BatchBuffer, Optimiser, clip_norm};

/// Everything a training step needs, so that a step allocates nothing.
#[derive(Debug)]
pub struct Stepper<'e, 'a, F: Scalar, E: Estimator<F>> {
    estimator: &'e E,
    data: Batch<'a, F>,
    buffer: BatchBuffer<F>,
    optimiser: Optimiser<F>,
    clip: Option<f64>,
    /// The parameters.
    pub params: Aligned<F>,
    grad: Aligned<F>,
    ws: E::Workspace,
}

impl<'e, 'a, F: Scalar, E: Estimator<F>> Stepper<'e, 'a, F, E> {
    /// Start at `params`, with batches of up to `batch` rows of `data`.
    pub fn new(estimator: &'e E, data: Batch<'a, F>, spec: &StepSpec, batch: usize, params: &[F]) -> Self {
        Self {
            estimator,
            data,
            buffer: BatchBuffer::new(&data, batch),
            optimiser: Optimiser::new(spec.optimiser, params.len()),
            clip: spec.clip_norm,
            grad: Aligned::filled(params.len(), F::zero()),
            params: Aligned::from(params),
            ws: estimator.workspace(batch),
        }
    }

    /// One step on `rows` of the data; returns the sums before the step and the gradient's norm. If one of them is not finite,
    /// the parameters may not be, either.
    pub fn step(&mut self, rows: &[u32], learning_rate: f64, key: StreamKey) -> (Sums, f64) {
        let batch = self.buffer.gather(&self.data, rows);
        let sums = self.estimator.step(&mut self.grad, &self.params, batch, key, &mut self.ws);
        let clipped = self.clip.map(|max| clip_norm(&mut self.grad, max));
        let norm = self.optimiser.step(&mut self.params, &self.grad, learning_rate);
        self.estimator.project(&mut self.params);
        (sums, clipped.unwrap_or(norm))
    }

    /// The sums over `data` with the present parameters, in batches of up to `batch` rows.
    pub fn evaluate(&mut self, data: &Batch<'_, F>, batch: usize, key: StreamKey) -> Sums {
        let mut sums = Sums::default();
        for (i, start) in (0..data.rows()).step_by(batch).enumerate() {
            let rows = data.slice(start, (start + batch).min(data.rows()));
            sums += self.estimator.evaluate(&self.params, rows, key.step(i as u64), &mut self.ws);
        }
        sums
    }
}
