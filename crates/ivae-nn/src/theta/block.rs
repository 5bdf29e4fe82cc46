//! [`ThetaBlock`]: where a group of columns of θ comes from, with its backward pass.

use ivae_num::{Scalar, rows};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::distinct_levels::DistinctLevels;
use crate::accumulate::Accumulate;
use crate::{Init, Input, Inputs, Layout, Mlp, MlpSpec, MlpWorkspace, Scratch, Slot};
use ivae_num::slices::top_mut;

/// Where the columns of a block come from, as written in a spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThetaSpec {
    /// The same constant in every column and row; not learned.
    Fixed(f64),
    /// One learned number for all columns and rows, with its start.
    Shared(f64),
    /// One learned number per column, the same in every row, with its start.
    Free(f64),
    /// One learned row per level of a categorical u.
    Table,
    /// A network of the block's input.
    Net(MlpSpec),
}

impl ThetaSpec {
    /// Whether there is one learned row per level of u.
    pub fn is_table(&self) -> bool {
        *self == Self::Table
    }
}

/// A group of columns of θ, `[B, width]`.
#[derive(Debug, Clone)]
pub struct ThetaBlock {
    /// Number of columns.
    pub width: usize,
    /// Where they come from.
    pub source: Source,
}

/// The source of a [`ThetaBlock`], with its place among the parameters.
#[derive(Debug, Clone)]
pub enum Source {
    /// A constant.
    Fixed(f64),
    /// Learned, the same in every row: `[1, width]`, or `[1, 1]` if shared by the columns.
    Free {
        /// Its parameters.
        slot: Slot,
        /// Their starting value.
        start: f64,
    },
    /// Learned, one row per level: `[M, width]`.
    Table(Slot),
    /// A network.
    Net(Mlp),
}

/// Scratch of one block for batches of up to the rows it was made for.
#[derive(Debug, Clone)]
pub struct ThetaBlockWorkspace<F> {
    net: Option<MlpWorkspace<F>>,
    /// For networks of a categorical u alone: computed once per distinct level of the batch.
    once: Option<OncePerLevel<F>>,
}

#[derive(Debug, Clone)]
struct OncePerLevel<F> {
    distinct: DistinctLevels,
    theta: Array2<F>,   // [min(M, B), width]
    d_theta: Array2<F>, // [min(M, B), width]
}

impl ThetaBlock {
    /// Reserve the parameters of a block of `width` columns in `layout`, under `name`.
    pub fn new(layout: &mut Layout, name: &str, inputs: Inputs, spec: &ThetaSpec, width: usize) -> Self {
        let source = match spec {
            ThetaSpec::Fixed(value) => Source::Fixed(*value),
            ThetaSpec::Shared(start) => Source::Free { slot: layout.push(name, 1, 1), start: *start },
            ThetaSpec::Free(start) => Source::Free { slot: layout.push(name, 1, width), start: *start },
            ThetaSpec::Table => Source::Table(layout.push(name, inputs.levels, width)),
            ThetaSpec::Net(mlp) => Source::Net(Mlp::new(layout, name, inputs, mlp, width)),
        };
        Self { width, source }
    }

    /// Fill the block's parameters with their starting values; a table starts at zero.
    pub fn init<F: Scalar>(&self, params: &mut [F], rng: &mut impl Rng) {
        match &self.source {
            Source::Fixed(_) => {}
            Source::Free { slot, start } => slot.view_mut(params).fill(F::of(*start)),
            Source::Table(slot) => slot.view_mut(params).fill(F::zero()),
            Source::Net(mlp) => mlp.init(params, Init::Xavier, rng),
        }
    }

    /// Scratch for batches of up to `batch` rows of `inputs`.
    pub fn workspace<F: Scalar>(&self, inputs: Inputs, batch: usize) -> ThetaBlockWorkspace<F> {
        let Source::Net(mlp) = &self.source else { return ThetaBlockWorkspace { net: None, once: None } };
        if inputs.dense > 0 || inputs.levels == 0 {
            return ThetaBlockWorkspace { net: Some(mlp.workspace(batch)), once: None };
        }
        let most = inputs.levels.min(batch);
        let once = OncePerLevel {
            distinct: DistinctLevels::new(inputs.levels, batch),
            theta: Array2::zeros((most, self.width)),
            d_theta: Array2::zeros((most, self.width)),
        };
        ThetaBlockWorkspace { net: Some(mlp.workspace(most)), once: Some(once) }
    }

    /// Overwrite `theta` `[B, width]`.
    pub fn forward<F: Scalar>(
        &self,
        mut theta: ArrayViewMut2<'_, F>,
        params: &[F],
        input: Input<'_, F>,
        ws: &mut ThetaBlockWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        match &self.source {
            Source::Fixed(value) => theta.fill(F::of(*value)),
            Source::Free { slot, .. } => theta.assign(&slot.view(params)),
            Source::Table(slot) => look_up(theta, slot.view(params), input.levels.unwrap_or(&[])),
            Source::Net(mlp) => {
                let Some(net) = &mut ws.net else { return };
                match (&mut ws.once, input.levels) {
                    (Some(once), Some(levels)) => {
                        let distinct = once.distinct.find(levels);
                        let mut distinct_theta = top_mut(&mut once.theta, distinct);
                        mlp.forward(
                            distinct_theta.view_mut(),
                            params,
                            Input::levels(once.distinct.levels()),
                            net,
                            scratch,
                        );
                        look_up(theta, distinct_theta.view(), once.distinct.position());
                    }
                    _ => mlp.forward(theta, params, input, net, scratch),
                }
            }
        }
    }

    /// After [`forward`](Self::forward) on the same input: overwrite this block's part of `grad` with the gradient of its
    /// parameters and, for networks of a dense input, add that of the input to `d_input` `[B, c]`.
    pub fn backward_overwrite<F: Scalar>(
        &self,
        grad: &mut [F],
        d_input: Option<ArrayViewMut2<'_, F>>,
        params: &[F],
        input: Input<'_, F>,
        d_theta: ArrayView2<'_, F>,
        ws: &mut ThetaBlockWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        match &self.source {
            Source::Fixed(_) => {}
            Source::Free { slot, .. } => {
                Accumulate::Overwrite.start(grad, *slot);
                let mut g = slot.view_mut(grad);
                let shared = slot.cols == 1;
                for row in d_theta.rows() {
                    if shared {
                        g[[0, 0]] += row.sum();
                    } else {
                        g.row_mut(0).scaled_add(F::one(), &row);
                    }
                }
            }
            Source::Table(slot) => {
                Accumulate::Overwrite.start(grad, *slot);
                add_rows(slot.view_mut(grad), d_theta, input.levels.unwrap_or(&[]));
            }
            Source::Net(mlp) => {
                let Some(net) = &mut ws.net else { return };
                match &mut ws.once {
                    Some(once) => {
                        let distinct = once.distinct.levels().len();
                        let mut d_distinct = top_mut(&mut once.d_theta, distinct);
                        d_distinct.fill(F::zero());
                        add_rows(d_distinct.view_mut(), d_theta, once.distinct.position());
                        mlp.backward_overwrite(
                            grad,
                            None,
                            params,
                            Input::levels(once.distinct.levels()),
                            d_distinct.view(),
                            net,
                            scratch,
                        );
                    }
                    None => mlp.backward_overwrite(grad, d_input, params, input, d_theta, net, scratch),
                }
            }
        }
    }
}

/// `to[i] ← table[index[i]]`, row by row. Overwrites `to`.
fn look_up<F: Scalar>(mut to: ArrayViewMut2<'_, F>, table: ArrayView2<'_, F>, index: &[u32]) {
    let width = table.ncols();
    match (to.as_slice_mut(), table.as_slice()) {
        (Some(to), Some(table)) => rows::gather(to, table, width, index),
        _ => {
            for (mut to, &i) in to.rows_mut().into_iter().zip(index) {
                to.assign(&table.row(i as usize));
            }
        }
    }
}

/// `to[index[i]] ← to[index[i]] + from[i]`, row by row: the backward pass of [`look_up`].
fn add_rows<F: Scalar>(mut to: ArrayViewMut2<'_, F>, from: ArrayView2<'_, F>, index: &[u32]) {
    let width = to.ncols();
    match (to.as_slice_mut(), from.as_slice()) {
        (Some(to), Some(from)) => rows::scatter_add(to, from, width, index),
        _ => {
            for (from, &i) in from.rows().into_iter().zip(index) {
                to.row_mut(i as usize).scaled_add(F::one(), &from);
            }
        }
    }
}
