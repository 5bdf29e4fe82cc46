//! [`Block`]: how a group of distribution parameters θ comes about, and [`Theta`], blocks side by side.

use ivae_nn::{Init, Input, Inputs, Layout, Mlp, MlpSpec, MlpWorkspace, Scratch, Slot};
use ivae_num::{Scalar, rows};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::levels::DistinctLevels;
use crate::slices::{columns, top_mut};

/// Where the columns of a block come from, as written in a spec.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlockSpec {
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

/// A group of columns of θ, `[B, width]`.
#[derive(Debug, Clone)]
pub struct Block {
    /// Number of columns.
    pub width: usize,
    /// Where they come from.
    pub source: Source,
}

/// The source of a [`Block`], with its place among the parameters.
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
pub struct BlockWorkspace<F> {
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

impl Block {
    /// Reserve the parameters of a block of `width` columns in `layout`, under `name`.
    pub fn new(layout: &mut Layout, name: &str, inputs: Inputs, spec: &BlockSpec, width: usize) -> Self {
        let source = match spec {
            BlockSpec::Fixed(value) => Source::Fixed(*value),
            BlockSpec::Shared(start) => Source::Free { slot: layout.push(name, 1, 1), start: *start },
            BlockSpec::Free(start) => Source::Free { slot: layout.push(name, 1, width), start: *start },
            BlockSpec::Table => Source::Table(layout.push(name, inputs.levels, width)),
            BlockSpec::Net(mlp) => Source::Net(Mlp::new(layout, name, inputs, mlp, width)),
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
    pub fn workspace<F: Scalar>(&self, inputs: Inputs, batch: usize) -> BlockWorkspace<F> {
        let Source::Net(mlp) = &self.source else { return BlockWorkspace { net: None, once: None } };
        if inputs.dense > 0 || inputs.levels == 0 {
            return BlockWorkspace { net: Some(mlp.workspace(batch)), once: None };
        }
        let most = inputs.levels.min(batch);
        let once = OncePerLevel {
            distinct: DistinctLevels::new(inputs.levels, batch),
            theta: Array2::zeros((most, self.width)),
            d_theta: Array2::zeros((most, self.width)),
        };
        BlockWorkspace { net: Some(mlp.workspace(most)), once: Some(once) }
    }

    /// Overwrite `theta` `[B, width]`.
    pub fn forward<F: Scalar>(
        &self,
        mut theta: ArrayViewMut2<'_, F>,
        params: &[F],
        input: Input<'_, F>,
        ws: &mut BlockWorkspace<F>,
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
                        let mut own = top_mut(&mut once.theta, distinct);
                        mlp.forward(
                            own.view_mut(),
                            params,
                            Input::levels(once.distinct.levels()),
                            net,
                            scratch,
                        );
                        look_up(theta, own.view(), once.distinct.position());
                    }
                    _ => mlp.forward(theta, params, input, net, scratch),
                }
            }
        }
    }

    /// After [`forward`](Self::forward) on the same input: overwrite this block's part of `grad` with the gradient
    /// of its parameters and, for networks of a dense input, add that of the input to `d_input` `[B, c]`.
    pub fn backward<F: Scalar>(
        &self,
        grad: &mut [F],
        d_input: Option<ArrayViewMut2<'_, F>>,
        params: &[F],
        input: Input<'_, F>,
        d_theta: ArrayView2<'_, F>,
        ws: &mut BlockWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        match &self.source {
            Source::Fixed(_) => {}
            Source::Free { slot, .. } => {
                let mut g = slot.view_mut(grad);
                g.fill(F::zero());
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
                let mut g = slot.view_mut(grad);
                g.fill(F::zero());
                add_rows(g, d_theta, input.levels.unwrap_or(&[]));
            }
            Source::Net(mlp) => {
                let Some(net) = &mut ws.net else { return };
                match &mut ws.once {
                    Some(once) => {
                        let distinct = once.distinct.levels().len();
                        let mut own = top_mut(&mut once.d_theta, distinct);
                        own.fill(F::zero());
                        add_rows(own.view_mut(), d_theta, once.distinct.position());
                        mlp.backward(
                            grad,
                            None,
                            params,
                            Input::levels(once.distinct.levels()),
                            own.view(),
                            net,
                            scratch,
                        );
                    }
                    None => mlp.backward(grad, d_input, params, input, d_theta, net, scratch),
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

/// Blocks side by side: the parameters θ `[B, p]` of one distribution, all of the same input.
#[derive(Debug, Clone)]
pub struct Theta {
    /// What every block sees.
    pub inputs: Inputs,
    /// The blocks, from the first column to the last.
    pub blocks: Vec<Block>,
}

/// Scratch of a [`Theta`].
#[derive(Debug, Clone)]
pub struct ThetaWorkspace<F> {
    blocks: Vec<BlockWorkspace<F>>,
}

impl Theta {
    /// Number of columns p.
    pub fn width(&self) -> usize {
        self.blocks.iter().map(|b| b.width).sum()
    }

    /// Fill the parameters of all blocks with their starting values.
    pub fn init<F: Scalar>(&self, params: &mut [F], rng: &mut impl Rng) {
        for block in &self.blocks {
            block.init(params, rng);
        }
    }

    /// Scratch for batches of up to `batch` rows.
    pub fn workspace<F: Scalar>(&self, batch: usize) -> ThetaWorkspace<F> {
        ThetaWorkspace { blocks: self.blocks.iter().map(|b| b.workspace(self.inputs, batch)).collect() }
    }

    /// Grow `scratch` for batches of up to `batch` rows.
    pub fn reserve<F: Scalar>(&self, scratch: &mut Scratch<F>, batch: usize) {
        for block in &self.blocks {
            if let Source::Net(mlp) = &block.source {
                mlp.reserve(scratch, batch);
            }
        }
    }

    /// Overwrite `theta` `[B, p]`.
    pub fn forward<F: Scalar>(
        &self,
        theta: ArrayViewMut2<'_, F>,
        params: &[F],
        input: Input<'_, F>,
        ws: &mut ThetaWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        let mut rest = theta;
        for (block, ws) in self.blocks.iter().zip(&mut ws.blocks) {
            let (head, tail) = rest.split_at(Axis(1), block.width);
            block.forward(head, params, input, ws, scratch);
            rest = tail;
        }
    }

    /// Overwrite this theta's part of `grad` with the gradient of its parameters, and add that of a dense input to `d_input`.
    pub fn backward<F: Scalar>(
        &self,
        grad: &mut [F],
        mut d_input: Option<ArrayViewMut2<'_, F>>,
        params: &[F],
        input: Input<'_, F>,
        d_theta: ArrayView2<'_, F>,
        ws: &mut ThetaWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        // The last block's memory is the nearest.
        let mut end = self.width();
        for (block, ws) in self.blocks.iter().zip(&mut ws.blocks).rev() {
            let d_theta = columns(d_theta, end - block.width..end);
            let d_input = d_input.as_mut().map(|d| d.view_mut());
            block.backward(grad, d_input, params, input, d_theta, ws, scratch);
            end -= block.width;
        }
    }
}
