//! [`Estimator`]: what the trainer needs of a model.

use ivae_num::{Scalar, StreamKey};

use super::sums::Sums;
use crate::{Batch, Layout};

/// A model whose parameters are found by stochastic gradients.
///
/// The model is `&self` and never changes; parameters are one flat slice laid out by [`layout`](Self::layout).
pub trait Estimator<F: Scalar>: Sync {
    /// Scratch memory of a step.
    type Workspace: Send;

    /// The names and places of the parameters.
    fn layout(&self) -> &Layout;

    /// Overwrite `params` with starting values for `data` (the training rows), drawn from `key`.
    fn init(&self, params: &mut [F], data: Batch<'_, F>, key: StreamKey);

    /// Scratch for batches of up to `batch` rows; [`step`](Self::step) does not allocate beyond it.
    fn workspace(&self, batch: usize) -> Self::Workspace;

    /// Overwrite `grad` with the gradient of the mean loss (minus the objective per row); returns the sums.
    fn step(
        &self,
        grad: &mut [F],
        params: &[F],
        batch: Batch<'_, F>,
        key: StreamKey,
        ws: &mut Self::Workspace,
    ) -> Sums;

    /// The sums of [`step`](Self::step), without gradients.
    fn evaluate(&self, params: &[F], batch: Batch<'_, F>, key: StreamKey, ws: &mut Self::Workspace) -> Sums;

    /// What restarts are compared by on `held_out` rows, per row, where it is more than the objective that
    /// [`evaluate`](Self::evaluate) gives; the same `key` for all.
    fn score(&self, params: &[F], held_out: Batch<'_, F>, key: StreamKey) -> Option<f64> {
        let _ = (params, held_out, key);
        None
    }

    /// Put parameters back where they may lie (variance floors); called after every step.
    fn project(&self, params: &mut [F]);
}
