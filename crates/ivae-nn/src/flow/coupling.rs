//! Coupling blocks (Dinh et al. 2017, eq. 7–8): some columns stay, and a network of them scales and shifts the others.
//!
//! ```text
//! (s̃, t) = net(kept),   s = S tanh(s̃ / S),   changed ← changed · exp s + t,   log|det| = Σ s
//! ```

use ivae_num::Scalar;
use ivae_num::vecmath::VecMath;
use ndarray::{ArrayView2, Axis};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::map::{Map, MapSpec, MapStart};
use super::{Layer, matrix, matrix_mut};
use crate::error::require;
use crate::{Activation, Init, Input, Inputs, Layout, Mlp, MlpSpec, MlpWorkspace, SpecError};

/// S: a block scales a column by at most e^±S.
const LARGEST: f64 = 2.0;
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
}

impl Default for CouplingSpec {
    fn default() -> Self {
        Self { blocks: 16, hidden: vec![64, 64], activation: Activation::Silu, maps: MapSpec::Free }
    }
}

impl CouplingSpec {
    pub(super) fn check(&self) -> Result<(), SpecError> {
        require(self.blocks > 0, "coupling.blocks", self.blocks as f64, "1 or more")?;
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
    dim: usize,
) {
    let map = |layout: &mut Layout, name: String, start| {
        Layer::Map(Map::new(layout, &name, dim, spec.maps, start, false))
    };
    for l in 0..spec.blocks {
        layers.push(map(layout, format!("{name}.{l}"), MapStart::Orthogonal(1.0)));
        layers.push(Layer::Coupling(Coupling::new(layout, &format!("{name}.{l}.net"), &spec.net(), dim, l)));
    }
    layers.push(map(layout, format!("{name}.out"), MapStart::Identity));
}

/// One block.
#[derive(Debug, Clone)]
pub(super) struct Coupling {
    dim: usize,
    split: usize,
    /// Whether the columns before `split` stay, or those from it on.
    keeps_first: bool,
    net: Mlp,
}

#[derive(Debug, Clone)]
pub(super) struct CouplingWorkspace<F> {
    out: Vec<F>,   // (s̃, t) [B, 2m], then their gradient
    tanh: Vec<F>,  // tanh(s̃ / S) [B, m]
    scale: Vec<F>, // exp s [B, m]
    net: MlpWorkspace<F>,
}

impl Coupling {
    /// Even blocks keep the first n/2 columns and change the others, odd blocks the reverse.
    fn new(layout: &mut Layout, name: &str, spec: &MlpSpec, dim: usize, block: usize) -> Self {
        let (split, keeps_first) = (dim / 2, block.is_multiple_of(2));
        let kept = if keeps_first { split } else { dim - split };
        let net = Mlp::new(layout, name, Inputs { dense: kept, levels: 0 }, spec, 2 * (dim - kept));
        Self { dim, split, keeps_first, net }
    }

    pub(super) fn init<F: Scalar>(&self, params: &mut [F], rng: &mut (impl Rng + ?Sized)) {
        self.net.init(params, Init::Xavier, rng);
        if let Some(last) = self.net.layers.last() {
            last.dense.view_mut(params).mapv_inplace(|w| w * F::of(LAST));
        }
    }

    pub(super) fn workspace<F: Scalar>(&self, batch: usize) -> CouplingWorkspace<F> {
        let m = self.net.out() / 2;
        let zeros = |width| vec![F::zero(); batch * width];
        CouplingWorkspace {
            out: zeros(2 * m),
            tanh: zeros(m),
            scale: zeros(m),
            net: self.net.workspace(batch),
        }
    }

    /// (kept, first of the changed columns).
    fn kept<'a, F>(&self, h: &'a [F], rows: usize) -> (ArrayView2<'a, F>, usize) {
        let (first, second) = matrix(h, rows, self.dim).split_at(Axis(1), self.split);
        if self.keeps_first { (first, self.split) } else { (second, 0) }
    }

    /// Overwrite `ws` with the network's answer to the kept columns of `h`.
    fn run<F: Scalar>(&self, params: &[F], h: &[F], rows: usize, ws: &mut CouplingWorkspace<F>, keep: bool) {
        let m = self.net.out() / 2;
        let (kept, _) = self.kept(h, rows);
        let out = matrix_mut(&mut ws.out, rows, 2 * m);
        match keep {
            true => self.net.forward(out, params, Input::dense(kept), &mut ws.net),
            false => self.net.forward_value(out, params, Input::dense(kept), &mut ws.net),
        }
        let (tanh, scale) = (&mut ws.tanh[..rows * m], &mut ws.scale[..rows * m]);
        if m > 0 {
            let inner = F::of(LARGEST.recip());
            for (tanh, out) in tanh.chunks_exact_mut(m).zip(ws.out.chunks_exact(2 * m)) {
                tanh.iter_mut().zip(out).for_each(|(t, &s)| *t = s * inner);
            }
        }
        VecMath::tanh(tanh);
        scale.iter_mut().zip(&*tanh).for_each(|(s, &t)| *s = t * F::of(LARGEST));
        <F as VecMath>::exp(scale);
    }

    pub(super) fn forward<F: Scalar>(
        &self,
        y: &mut [F],
        log_det: &mut [F],
        params: &[F],
        x: &[F],
        ws: &mut CouplingWorkspace<F>,
    ) {
        let (rows, n, m) = (log_det.len(), self.dim, self.net.out() / 2);
        self.run(params, x, rows, ws, true);
        y.copy_from_slice(x);
        let (_, at) = self.kept(x, rows);
        for (b, (y, log_det)) in y.chunks_exact_mut(n).zip(log_det).enumerate() {
            let (scale, tanh) = (&ws.scale[b * m..][..m], &ws.tanh[b * m..][..m]);
            let shift = &ws.out[2 * b * m + m..][..m];
            for (j, y) in y[at..at + m].iter_mut().enumerate() {
                *y = *y * scale[j] + shift[j];
            }
            *log_det += F::of(LARGEST) * tanh.iter().copied().sum();
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the signature of every layer")]
    pub(super) fn backward<F: Scalar>(
        &self,
        grad: &mut [F],
        dx: &mut [F],
        params: &[F],
        dy: &[F],
        d_log_det: &[F],
        x: &[F],
        ws: &mut CouplingWorkspace<F>,
    ) {
        let (rows, n, m) = (d_log_det.len(), self.dim, self.net.out() / 2);
        let (kept, at) = self.kept(x, rows);
        dx.copy_from_slice(dy);
        for (b, dx) in dx.chunks_exact_mut(n).enumerate() {
            let (scale, tanh) = (&ws.scale[b * m..][..m], &ws.tanh[b * m..][..m]);
            let (d_s, d_t) = ws.out[2 * b * m..][..2 * m].split_at_mut(m);
            let (dx, x) = (&mut dx[at..at + m], &x[b * n + at..][..m]);
            for j in 0..m {
                // y = x eˢ + t, log|det| = Σ s; ds/ds̃ = 1 − tanh².
                d_t[j] = dx[j];
                dx[j] *= scale[j];
                d_s[j] = (dx[j] * x[j] + d_log_det[b]) * (F::one() - tanh[j] * tanh[j]);
            }
        }
        let (first, second) = matrix_mut(dx, rows, n).split_at(Axis(1), self.split);
        let d_kept = if self.keeps_first { first } else { second };
        let d_out = matrix(&ws.out, rows, 2 * m);
        self.net.backward(grad, Some(d_kept), params, Input::dense(kept), d_out, &mut ws.net);
    }

    pub(super) fn inverse<F: Scalar>(
        &self,
        x: &mut [F],
        params: &[F],
        y: &[F],
        ws: &mut CouplingWorkspace<F>,
    ) {
        let (n, m) = (self.dim, self.net.out() / 2);
        let rows = y.len() / n.max(1);
        self.run(params, y, rows, ws, false);
        x.copy_from_slice(y);
        let (_, at) = self.kept(y, rows);
        for (b, x) in x.chunks_exact_mut(n).enumerate() {
            let (scale, shift) = (&ws.scale[b * m..][..m], &ws.out[2 * b * m + m..][..m]);
            for (j, x) in x[at..at + m].iter_mut().enumerate() {
                *x = (*x - shift[j]) / scale[j];
            }
        }
    }
}
