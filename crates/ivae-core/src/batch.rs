//! Rows of a data set as the networks read them.

use ivae_data::{Aux, Dataset};
use ivae_nn::Input;
pub use ivae_nn::{Batch, BatchBuffer, spread_rows};
use ivae_num::Scalar;

/// Rows that inference works on at a time.
pub(crate) const CHUNK: usize = 1024;
/// Rows that starting values are computed from: enough for moments, cheap for any N.
pub(crate) const START_ROWS: usize = 20_000;

/// All rows of `data`.
pub fn all_rows<F: Scalar>(data: &Dataset<F>) -> Batch<'_, F> {
    Batch { x: data.x.view(), u: aux_input(&data.u) }
}

/// u as a network reads it.
pub fn aux_input<F: Scalar>(u: &Aux<F>) -> Input<'_, F> {
    Input {
        dense: u.values.as_ref().map(|c| c.values.view()),
        levels: u.levels.as_ref().map(|l| l.index.as_slice()),
    }
}
