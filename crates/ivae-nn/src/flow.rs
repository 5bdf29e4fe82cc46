//! [`Flow`]: a bijection of R^n made of invertible layers, from data to latents and back, with log|det|.
//!
//! The decoder f of the theory is bijective (Khemakhem et al. 2020, Definition 1). Here it is so by construction. What
//! is parametrised, and fast, is the direction that exact likelihood needs, g = f⁻¹ from data to latents:
//!
//! ```text
//! h₀ = x,   h_{l+1} = layer_l(h_l),   z = h_L,   log|det ∂z/∂x| = Σ_l log|det ∂h_{l+1}/∂h_l|
//! log p(x) = log p_z(z) + log|det ∂z/∂x|                          (Dinh et al. 2017, eq. 2–3)
//! ```
//!
//! | layer | h_{l+1} | log\|det\| | source |
//! |---|---|---|---|
//! | linear map | h W + b, W free or LU | log\|det W\| | Kingma & Dhariwal 2018, §3.2 |
//! | tanh unit | the root of tanh r + a r = h | −Σ log(1 − tanh² r + a) | |
//! | spline unit | a rational-quadratic spline of each column | Σ log y′ | Gregory & Delbourgo 1982; Durkan et al. 2019 |
//! | coupling | some columns, and a function of the others that a network of the first gives | Σ log y′ | Dinh et al. 2017; Durkan et al. 2019 |

mod coupling;
mod decode;
mod map;
mod narrow;
mod spline;
mod splines;
mod unit;

use ivae_num::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::accumulate::Accumulate;
use crate::{Layout, Scratch, SpecError};
use coupling::{Coupling, CouplingWorkspace};
pub use coupling::{CouplingSpec, TransformSpec};
pub use map::MapSpec;
use map::{Map, MapWorkspace};
use splines::{Splines, SplinesWorkspace};
pub use unit::{SquareSpec, UnitSpec};
use unit::{Tanh, TanhWorkspace};

/// Which bijection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowSpec {
    /// Square linear maps with monotone units between them.
    Square(SquareSpec),
    /// Coupling blocks with linear maps between them.
    Coupling(CouplingSpec),
}

impl FlowSpec {
    /// In words: `square-tanh`, `square-spline`, `coupling` or `coupling-spline`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Square(SquareSpec { units: UnitSpec::Tanh { .. }, .. }) => "square-tanh",
            Self::Square(SquareSpec { units: UnitSpec::Spline { .. }, .. }) => "square-spline",
            Self::Coupling(CouplingSpec { transform: TransformSpec::Affine, .. }) => "coupling",
            Self::Coupling(CouplingSpec { transform: TransformSpec::Spline { .. }, .. }) => "coupling-spline",
        }
    }

    /// Refuse what makes no bijection.
    pub fn check(&self) -> Result<(), SpecError> {
        match self {
            Self::Square(spec) => spec.check(),
            Self::Coupling(spec) => spec.check(),
        }
    }
}

/// A bijection of R^n, from data to latents and back.
///
/// It holds no parameters, only where they lie. Make scratch with [`Flow::workspace`].
#[derive(Debug, Clone)]
pub struct Flow {
    /// Dimension n.
    pub dim: usize,
    layers: Vec<Layer>,
}

#[derive(Debug, Clone)]
enum Layer {
    Map(Map),
    Tanh(Tanh),
    Spline(Splines),
    Coupling(Coupling),
}

/// Scratch of a [`Flow`] for batches of up to the rows it was made for.
#[derive(Debug, Clone)]
pub struct FlowWorkspace<F> {
    rows: usize,
    /// h_0 to h_L, `[B, n]` each.
    values: Vec<Vec<F>>,
    layers: Vec<LayerWorkspace<F>>,
    delta: [Vec<F>; 2],
    // Of the inverse's backward pass: what the layers' own gives back, and the cotangents of log|det|, negated.
    found: Vec<F>,
    d_log_det: Vec<F>,
    scratch: Scratch<F>,
}

#[derive(Debug, Clone)]
enum LayerWorkspace<F> {
    Map(MapWorkspace<F>),
    Tanh(TanhWorkspace<F>),
    Spline(SplinesWorkspace<F>),
    Coupling(Box<CouplingWorkspace<F>>),
}

impl Layer {
    /// After the layer's forward pass from x to y, the values `between`: add to its part of `grad` or
    /// overwrite it, and overwrite `dx`.
    #[expect(clippy::too_many_arguments, reason = "the signature of every layer, and the products' scratch")]
    fn backward_overwrite_dx<F: Scalar>(
        &self,
        accumulate: Accumulate,
        grad: &mut [F],
        dx: &mut [F],
        params: &[F],
        dy: &[F],
        d_log_det: &[F],
        (x, y): (&[F], &[F]),
        ws: &mut LayerWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        match (self, ws) {
            (Self::Map(map), LayerWorkspace::Map(own)) => {
                map.backward_overwrite_dx(
                    accumulate,
                    grad,
                    dx,
                    params,
                    dy,
                    d_log_det,
                    x,
                    own,
                    &mut scratch.gemm,
                );
            }
            (Self::Tanh(unit), LayerWorkspace::Tanh(own)) => {
                unit.backward_overwrite_dx(accumulate, grad, dx, params, dy, d_log_det, y, own);
            }
            (Self::Spline(unit), LayerWorkspace::Spline(own)) => {
                unit.backward_overwrite_dx(accumulate, grad, dx, params, dy, d_log_det, x, own);
            }
            (Self::Coupling(coupling), LayerWorkspace::Coupling(own)) => {
                coupling.backward_overwrite_dx(accumulate, grad, dx, params, dy, d_log_det, x, own, scratch);
            }
            _ => unreachable!("a workspace is made for its flow"),
        }
    }
}

impl Flow {
    /// Append the groups of every layer, `{name}.{l}.…`, to `layout`. With `shift`, the last map has a bias: for latents
    /// whose distribution has no location of its own.
    pub fn new(layout: &mut Layout, name: &str, spec: &FlowSpec, dim: usize, shift: bool) -> Self {
        let mut layers = Vec::new();
        match spec {
            FlowSpec::Square(spec) => unit::layers(&mut layers, layout, name, spec, (dim, shift)),
            FlowSpec::Coupling(spec) => coupling::layers(&mut layers, layout, name, spec, (dim, shift)),
        }
        Self { dim, layers }
    }

    /// Overwrite the parameters with the start that the spec asks for.
    pub fn init<F: Scalar>(&self, params: &mut [F], rng: &mut (impl Rng + ?Sized)) {
        for layer in &self.layers {
            match layer {
                Layer::Map(map) => map.init(params, rng),
                Layer::Tanh(unit) => unit.init(params),
                Layer::Spline(unit) => unit.init(params),
                Layer::Coupling(coupling) => coupling.init(params, rng),
            }
        }
    }

    /// Let the latents be `scale[i]` z\[`order[i]`\] + `shift[i]` in the place of z\[i\], where the last map is free and has a
    /// bias; otherwise nothing changes.
    ///
    /// # Panics
    /// Slices of other lengths than n.
    pub fn then_affine<F: Scalar>(&self, params: &mut [F], order: &[usize], scale: &[f64], shift: &[f64]) {
        if let Some(Layer::Map(map)) = self.layers.last() {
            map.then_affine(params, order, scale, shift);
        }
    }

    /// Scratch for up to `batch` rows. With it, no pass allocates.
    pub fn workspace<F: Scalar>(&self, batch: usize) -> FlowWorkspace<F> {
        let n = self.dim;
        let matrix = || vec![F::zero(); batch * n];
        let mut scratch = Scratch::new();
        scratch.gemm.reserve(batch, n, n);
        scratch.gemm.reserve(n, batch, n);
        for layer in &self.layers {
            if let Layer::Coupling(coupling) = layer {
                coupling.reserve(&mut scratch, batch);
            }
        }
        let layer = |layer: &Layer| match layer {
            Layer::Map(map) => LayerWorkspace::Map(map.workspace()),
            Layer::Tanh(_) => LayerWorkspace::Tanh(TanhWorkspace::new(batch * n)),
            Layer::Spline(unit) => LayerWorkspace::Spline(unit.workspace(batch)),
            Layer::Coupling(coupling) => LayerWorkspace::Coupling(Box::new(coupling.workspace(batch))),
        };
        FlowWorkspace {
            rows: 0,
            values: (0..=self.layers.len()).map(|_| matrix()).collect(),
            layers: self.layers.iter().map(layer).collect(),
            delta: [matrix(), matrix()],
            found: matrix(),
            d_log_det: vec![F::zero(); batch],
            scratch,
        }
    }

    /// z = g(x) and log|det ∂z/∂x| of every row. Overwrites `z` `[B, n]` and `log_det` `[B]`.
    ///
    /// # Panics
    /// If shapes do not fit, or B is above the workspace's batch.
    pub fn forward<F: Scalar>(
        &self,
        mut z: ArrayViewMut2<'_, F>,
        log_det: &mut [F],
        params: &[F],
        x: ArrayView2<'_, F>,
        ws: &mut FlowWorkspace<F>,
    ) {
        let (rows, n) = x.dim();
        matrix_mut(&mut ws.values[0], rows, n).assign(&x);
        self.pass(log_det, params, rows, ws);
        z.assign(&matrix(&ws.values[self.layers.len()], rows, n));
    }

    /// The values of all layers from those of the first, h_0.
    fn pass<F: Scalar>(&self, log_det: &mut [F], params: &[F], rows: usize, ws: &mut FlowWorkspace<F>) {
        let used = rows * self.dim;
        ws.rows = rows;
        log_det.fill(F::zero());
        for (l, (layer, own)) in self.layers.iter().zip(&mut ws.layers).enumerate() {
            let (below, above) = ws.values.split_at_mut(l + 1);
            let (x, y) = (&below[l][..used], &mut above[0][..used]);
            match (layer, own) {
                (Layer::Map(map), LayerWorkspace::Map(own)) => {
                    map.forward(y, log_det, params, x, own, &mut ws.scratch.gemm);
                }
                (Layer::Tanh(unit), LayerWorkspace::Tanh(own)) => unit.forward(y, log_det, params, x, own),
                (Layer::Spline(unit), LayerWorkspace::Spline(own)) => {
                    unit.forward(y, log_det, params, x, own);
                }
                (Layer::Coupling(coupling), LayerWorkspace::Coupling(own)) => {
                    coupling.forward(y, log_det, params, x, own, &mut ws.scratch);
                }
                _ => unreachable!("a workspace is made for its flow"),
            }
        }
    }

    /// After [`forward`](Self::forward): add to this flow's part of `grad` the gradient of a loss with cotangents `dz` `[B, n]`
    /// of z and `d_log_det` `[B]` of the log-determinants, and that of x to `dx` `[B, n]`.
    pub fn backward<F: Scalar>(
        &self,
        grad: &mut [F],
        dx: Option<ArrayViewMut2<'_, F>>,
        params: &[F],
        dz: ArrayView2<'_, F>,
        d_log_det: &[F],
        ws: &mut FlowWorkspace<F>,
    ) {
        self.accumulate(Accumulate::Add, grad, dx, params, dz, d_log_det, ws);
    }

    /// As [`backward`](Self::backward), but overwrite this flow's part of `grad`, whatever it holds; `dx` is added to.
    pub fn backward_overwrite<F: Scalar>(
        &self,
        grad: &mut [F],
        dx: Option<ArrayViewMut2<'_, F>>,
        params: &[F],
        dz: ArrayView2<'_, F>,
        d_log_det: &[F],
        ws: &mut FlowWorkspace<F>,
    ) {
        self.accumulate(Accumulate::Overwrite, grad, dx, params, dz, d_log_det, ws);
    }

    #[expect(clippy::too_many_arguments, reason = "as `backward`, and what it does with `grad`")]
    fn accumulate<F: Scalar>(
        &self,
        accumulate: Accumulate,
        grad: &mut [F],
        dx: Option<ArrayViewMut2<'_, F>>,
        params: &[F],
        dz: ArrayView2<'_, F>,
        d_log_det: &[F],
        ws: &mut FlowWorkspace<F>,
    ) {
        let (rows, n) = (ws.rows, self.dim);
        let used = rows * n;
        let [dy, next] = &mut ws.delta;
        matrix_mut(dy, rows, n).assign(&dz);
        for (l, (layer, own)) in self.layers.iter().zip(&mut ws.layers).enumerate().rev() {
            let between = (&ws.values[l][..used], &ws.values[l + 1][..used]);
            layer.backward_overwrite_dx(
                accumulate,
                grad,
                &mut next[..used],
                params,
                &dy[..used],
                d_log_det,
                between,
                own,
                &mut ws.scratch,
            );
            std::mem::swap(dy, next);
        }
        if let Some(mut dx) = dx {
            dx += &matrix(dy, rows, n);
        }
    }
}

/// eˣ of one number: by the same kernel as of many.
fn exp<F: Scalar>(x: F) -> F {
    let mut x = [x];
    <F as ivae_num::vecmath::VecMath>::exp(&mut x);
    x[0]
}

/// The first `rows` rows of `flat`, `[rows, width]`.
fn matrix<F>(flat: &[F], rows: usize, width: usize) -> ArrayView2<'_, F> {
    ArrayView2::from_shape((rows, width), &flat[..rows * width])
        .expect("rows × width scalars have this shape")
}

/// The first `rows` rows of `flat` for writing, `[rows, width]`.
fn matrix_mut<F>(flat: &mut [F], rows: usize, width: usize) -> ArrayViewMut2<'_, F> {
    ArrayViewMut2::from_shape((rows, width), &mut flat[..rows * width])
        .expect("rows × width scalars have this shape")
}
