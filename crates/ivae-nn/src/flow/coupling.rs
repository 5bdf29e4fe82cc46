//! Coupling blocks (Dinh et al. 2015, 2017): some columns stay, and a network of them says how the others change.
//!
//! ```text
//! out = net(kept),   changed ← transform(changed; out)
//! ```
//!
//! The Jacobian is triangular, so log|det| is the sum of the logarithms of the changed columns' own derivatives.
//! Linear maps stand between the blocks, so that every column is changed by every other (Kingma & Dhariwal 2018, §3.2).

mod affine;
mod splines;

use ivae_num::Scalar;
use ndarray::{ArrayView2, Axis};
use rand::Rng;
use serde::{Deserialize, Serialize};

use self::affine::Affine;
use self::splines::RowSplines;
use super::map::{Map, MapSpec, MapStart};
use super::spline::{self, raw_len};
use super::{Layer, matrix, matrix_mut};
use crate::accumulate::Accumulate;
use crate::error::require;
use crate::{Activation, Init, Input, Inputs, Layout, Mlp, MlpSpec, MlpWorkspace, Scratch, SpecError};

/// The first layer of a block's network starts this much larger: for inputs of about unit variance its units then bend
/// within the data. Started smaller they are almost straight lines there, and what turns or waves is learned slowly.
const FIRST: f64 = 3.0;
/// The last layer of a block's network starts this much smaller: the block starts near the identity.
const LAST: f64 = 0.01;

/// Shape of a coupling flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CouplingSpec {
    /// Blocks, a linear map before each and one after the last.
    pub blocks: usize,
    /// Hidden widths of the network in every block.
    pub hidden: Vec<usize>,
    /// What stands between its layers.
    pub activation: Activation,
    /// How the linear maps are parametrised.
    #[serde(default)]
    pub maps: MapSpec,
    /// What a block does to the columns that it changes.
    #[serde(default)]
    pub transform: TransformSpec,
}

/// An increasing function of one number, its parameters from a block's network.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum TransformSpec {
    /// x ↦ x exp s + t, |s| below 2 (Dinh et al. 2017, eq. 7–8).
    #[default]
    Affine,
    /// A rational-quadratic spline (Durkan et al. 2019).
    Spline {
        /// Pieces K: the network gives 3K + 1 numbers for each changed column.
        bins: usize,
        /// Beyond ± this, a line.
        bound: f64,
    },
}

impl Default for CouplingSpec {
    fn default() -> Self {
        Self {
            blocks: 24,
            hidden: vec![32, 32],
            activation: Activation::Silu,
            maps: MapSpec::Free,
            transform: TransformSpec::Affine,
        }
    }
}

impl CouplingSpec {
    pub(super) fn check(&self) -> Result<(), SpecError> {
        require(self.blocks > 0, "coupling.blocks", self.blocks as f64, "1 or more")?;
        if let TransformSpec::Spline { bins, bound } = self.transform {
            spline::check("coupling.transform.bins", bins, "coupling.transform.bound", bound)?;
        }
        self.net().check()
    }

    fn net(&self) -> MlpSpec {
        MlpSpec { hidden: self.hidden.clone(), activation: self.activation, skip: false }
    }
}

/// Append the layers of a coupling flow to `layers`, and their parameters to `layout`.
pub(super) fn layers(
    layers: &mut Vec<Layer>,
    layout: &mut Layout,
    name: &str,
    spec: &CouplingSpec,
    (dim, shift): (usize, bool),
) {
    let map = |layout: &mut Layout, name: String, start, bias| {
        Layer::Map(Map::new(layout, &name, dim, spec.maps, start, bias))
    };
    for l in 0..spec.blocks {
        layers.push(map(layout, format!("{name}.{l}"), MapStart::Orthogonal(1.0), false));
        layers.push(Layer::Coupling(Coupling::new(layout, &format!("{name}.{l}.net"), spec, dim, l)));
    }
    layers.push(map(layout, format!("{name}.out"), MapStart::Identity, shift));
}

/// One block.
#[derive(Debug, Clone)]
pub(super) struct Coupling {
    dim: usize,
    split: usize,
    /// Whether the columns before `split` stay, or those from it on.
    keeps_first: bool,
    transform: TransformSpec,
    net: Mlp,
}

#[derive(Debug, Clone)]
pub(super) struct CouplingWorkspace<F> {
    out: Vec<F>,   // what the network gives, [B, o]
    d_out: Vec<F>, // its gradient
    transform: TransformWorkspace<F>,
    net: MlpWorkspace<F>,
}

#[derive(Debug, Clone)]
enum TransformWorkspace<F> {
    Affine(Affine<F>),
    Spline(RowSplines<F>),
}

/// The columns `at..at + m` of rows of n: those that a block changes.
#[derive(Debug, Clone, Copy)]
struct Changed {
    n: usize,
    at: usize,
    m: usize,
}

impl Changed {
    fn rows<F>(self, h: &[F]) -> impl Iterator<Item = &[F]> {
        h.chunks_exact(self.n).map(move |row| &row[self.at..self.at + self.m])
    }

    fn rows_mut<F>(self, h: &mut [F]) -> impl Iterator<Item = &mut [F]> {
        h.chunks_exact_mut(self.n).map(move |row| &mut row[self.at..self.at + self.m])
    }
}

impl Coupling {
    /// Even blocks keep the first n/2 columns and change the others, odd blocks the reverse. Of a single column, even
    /// blocks keep nothing and change it by their biases alone, odd blocks change nothing.
    fn new(layout: &mut Layout, name: &str, spec: &CouplingSpec, dim: usize, block: usize) -> Self {
        let (split, keeps_first) = (dim / 2, block.is_multiple_of(2));
        let kept = if keeps_first { split } else { dim - split };
        let per_column = match spec.transform {
            TransformSpec::Affine => affine::PER_COLUMN,
            TransformSpec::Spline { bins, .. } => raw_len(bins),
        };
        let inputs = Inputs { dense: kept, levels: 0 };
        let net = Mlp::new(layout, name, inputs, &spec.net(), per_column * (dim - kept));
        Self { dim, split, keeps_first, transform: spec.transform, net }
    }

    pub(super) fn init<F: Scalar>(&self, params: &mut [F], rng: &mut (impl Rng + ?Sized)) {
        self.net.init(params, Init::Xavier, rng);
        for (layer, scale) in [(self.net.layers.first(), FIRST), (self.net.layers.last(), LAST)] {
            if let Some(layer) = layer {
                layer.dense.view_mut(params).mapv_inplace(|w| w * F::of(scale));
            }
        }
    }

    pub(super) fn workspace<F: Scalar>(&self, batch: usize) -> CouplingWorkspace<F> {
        let m = self.changed().m;
        CouplingWorkspace {
            out: vec![F::zero(); batch * self.net.out()],
            d_out: vec![F::zero(); batch * self.net.out()],
            transform: match self.transform {
                TransformSpec::Affine => TransformWorkspace::Affine(Affine::new(batch, m)),
                TransformSpec::Spline { bins, bound } => {
                    TransformWorkspace::Spline(RowSplines::new(batch, m, bins, bound))
                }
            },
            net: self.net.workspace(batch),
        }
    }

    pub(super) fn reserve<F: Scalar>(&self, scratch: &mut Scratch<F>, batch: usize) {
        self.net.reserve(scratch, batch);
    }

    fn changed(&self) -> Changed {
        let (n, split) = (self.dim, self.split);
        match self.keeps_first {
            true => Changed { n, at: split, m: n - split },
            false => Changed { n, at: 0, m: split },
        }
    }

    fn kept<'a, F>(&self, h: &'a [F], rows: usize) -> ArrayView2<'a, F> {
        let (first, second) = matrix(h, rows, self.dim).split_at(Axis(1), self.split);
        if self.keeps_first { first } else { second }
    }

    pub(super) fn forward<F: Scalar>(
        &self,
        y: &mut [F],
        log_det: &mut [F],
        params: &[F],
        x: &[F],
        ws: &mut CouplingWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        let (rows, o) = (log_det.len(), self.net.out());
        let kept = Input::dense(self.kept(x, rows));
        self.net.forward(matrix_mut(&mut ws.out, rows, o), params, kept, &mut ws.net, scratch);
        y.copy_from_slice(x);
        let out = &ws.out[..rows * o];
        match &mut ws.transform {
            TransformWorkspace::Affine(affine) => affine.forward(y, log_det, out, self.changed()),
            TransformWorkspace::Spline(splines) => splines.forward(y, log_det, out, self.changed()),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the signature of every layer")]
    pub(super) fn backward_overwrite_dx<F: Scalar>(
        &self,
        accumulate: Accumulate,
        grad: &mut [F],
        dx: &mut [F],
        params: &[F],
        dy: &[F],
        d_log_det: &[F],
        x: &[F],
        ws: &mut CouplingWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        let (rows, n, o) = (d_log_det.len(), self.dim, self.net.out());
        dx.copy_from_slice(dy);
        let (out, d_out) = (&ws.out[..rows * o], &mut ws.d_out[..rows * o]);
        let changed = self.changed();
        match &mut ws.transform {
            TransformWorkspace::Affine(affine) => affine.backward_overwrite(dx, d_out, d_log_det, x, changed),
            TransformWorkspace::Spline(splines) => {
                splines.backward_overwrite(dx, d_out, d_log_det, x, out, changed)
            }
        }
        let (first, second) = matrix_mut(dx, rows, n).split_at(Axis(1), self.split);
        let d_kept = if self.keeps_first { first } else { second };
        let kept = Input::dense(self.kept(x, rows));
        let d_out = matrix(d_out, rows, o);
        self.net.accumulate(accumulate, grad, Some(d_kept), params, kept, d_out, &mut ws.net, scratch);
    }

    /// The changed columns of ∂y for which [`backward_overwrite_dx`](Self::backward_overwrite_dx) gives those of ∂x; the kept ones 0.
    pub(super) fn solve_changed<F: Scalar>(
        &self,
        dy: &mut [F],
        dx: &[F],
        d_log_det: &[F],
        x: &[F],
        ws: &CouplingWorkspace<F>,
    ) {
        dy.copy_from_slice(dx);
        let changed = self.changed();
        match &ws.transform {
            TransformWorkspace::Affine(affine) => affine.solve(dy, changed),
            TransformWorkspace::Spline(splines) => splines.solve(dy, d_log_det, x, changed),
        }
        let (first, second) = matrix_mut(dy, d_log_det.len(), self.dim).split_at(Axis(1), self.split);
        let mut kept = if self.keeps_first { first } else { second };
        kept.fill(F::zero());
    }

    /// The kept columns of ∂y: what ∂x has beyond `found`, which the backward pass gave without them.
    pub(super) fn solve_kept<F: Scalar>(&self, dy: &mut [F], dx: &[F], found: &[F]) {
        let rows = dy.len() / self.dim.max(1);
        let (first, second) = matrix_mut(dy, rows, self.dim).split_at(Axis(1), self.split);
        let mut d_kept = if self.keeps_first { first } else { second };
        d_kept.assign(&self.kept(dx, rows));
        d_kept -= &self.kept(found, rows);
    }

    pub(super) fn inverse<F: Scalar>(
        &self,
        x: &mut [F],
        params: &[F],
        y: &[F],
        ws: &mut CouplingWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        let (rows, o) = (y.len() / self.dim.max(1), self.net.out());
        let kept = Input::dense(self.kept(y, rows));
        self.net.forward_value(matrix_mut(&mut ws.out, rows, o), params, kept, &mut ws.net, scratch);
        x.copy_from_slice(y);
        let out = &ws.out[..rows * o];
        match &mut ws.transform {
            TransformWorkspace::Affine(affine) => affine.inverse(x, out, self.changed()),
            TransformWorkspace::Spline(splines) => splines.inverse(x, out, self.changed()),
        }
    }
}
