//! [`Mlp`]: linear layers with an activation between them, and optionally a linear map past them.

use ivae_num::{Aligned, GemmScratch, Scalar};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::accumulate::Accumulate;
use crate::error::require;
use crate::{Activation, Init, Input, Inputs, Layout, Linear, SpecError};

/// What an [`Mlp`] is made of, apart from its input and output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpSpec {
    /// Width of each hidden layer, from the input on; empty for a linear map.
    pub hidden: Vec<usize>,
    /// The function after each hidden layer; the output has none.
    pub activation: Activation,
    /// Add a linear map from input to output. Without hidden layers the network is that map already, and this
    /// changes nothing.
    #[serde(default)]
    pub skip: bool,
}

impl MlpSpec {
    /// Refuse a hidden layer without units, and what [`Activation::check`] refuses.
    pub fn check(&self) -> Result<(), SpecError> {
        self.hidden.iter().try_for_each(|&w| require(w > 0, "hidden", w as f64, "at least 1"))?;
        self.activation.check()
    }
}

/// A multi-layer perceptron: h₀ = input, hₗ₊₁ = f(Linearₗ(hₗ)), out = Linear_L(h_L) \[+ skip(input)\].
///
/// It holds no parameters, only where they lie. Make memory with [`Mlp::workspace`] and [`Mlp::reserve`].
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    /// The layers, the last one to the output.
    pub layers: Vec<Linear>,
    /// The map from input to output past the hidden layers; it has no bias, the last layer's does for both.
    pub skip: Option<Linear>,
    /// The function after each layer but the last.
    pub activation: Activation,
}

/// What the forward pass of an [`Mlp`] keeps for its backward pass.
#[derive(Debug, Clone)]
pub struct MlpWorkspace<F> {
    /// Most rows that fit.
    batch: usize,
    /// Rows of the last [`Mlp::forward`]; `None` if there is nothing to go back through.
    rows: Option<usize>,
    hidden: Vec<Hidden<F>>,
}

/// Memory that passes work in and leave nothing in: grows to the largest network it has seen, then never allocates again.
/// Networks that take turns should share one, which then stays in the processor's caches.
#[derive(Debug, Clone, Default)]
pub struct Scratch<F> {
    pub(crate) gemm: GemmScratch<F>,
    /// Gradients of the hidden layers above and below the current one, `[B, width]` with rows [`Aligned::apart`].
    delta: [Aligned<F>; 2],
}

impl<F: Scalar> Scratch<F> {
    /// Empty memory; the first network of each size grows it.
    pub fn new() -> Self {
        Self { gemm: GemmScratch::new(), delta: [Aligned::default(), Aligned::default()] }
    }
}

/// One hidden layer's memory.
#[derive(Debug, Clone)]
struct Hidden<F> {
    width: usize,
    /// f(pre-activation), `[batch, width]`.
    value: Aligned<F>,
    /// f′(pre-activation), `[batch, width]`.
    deriv: Aligned<F>,
}

impl<F: Scalar> Hidden<F> {
    fn input(&self, rows: usize) -> Input<'_, F> {
        Input::dense(matrix(&self.value, rows, self.width))
    }
}

impl Mlp {
    /// Append the layers `{name}.0`, `{name}.1`, …, `{name}.skip` to `layout`.
    pub fn new(layout: &mut Layout, name: &str, inputs: Inputs, spec: &MlpSpec, out: usize) -> Self {
        let mut below = inputs;
        let mut layers = Vec::with_capacity(spec.hidden.len() + 1);
        for (i, &width) in spec.hidden.iter().chain([&out]).enumerate() {
            layers.push(Linear::new(layout, &format!("{name}.{i}"), below, width));
            below = Inputs { dense: width, levels: 0 };
        }
        let skip = (spec.skip && layers.len() > 1)
            .then(|| Linear::without_bias(layout, &format!("{name}.skip"), inputs, out));
        Self { layers, skip, activation: spec.activation }
    }

    /// The shape of input this network reads.
    pub fn inputs(&self) -> Inputs {
        self.layers[0].inputs()
    }

    /// Number of outputs o.
    pub fn out(&self) -> usize {
        self.layers[self.layers.len() - 1].out()
    }

    /// Overwrite this network's weights in `params` by `init`, and its biases by 0.
    pub fn init<F: Scalar>(&self, params: &mut [F], init: Init, rng: &mut (impl Rng + ?Sized)) {
        self.layers.iter().chain(&self.skip).for_each(|layer| layer.init(params, init, rng));
    }

    /// Memory for up to `batch` rows.
    pub fn workspace<F: Scalar>(&self, batch: usize) -> MlpWorkspace<F> {
        let zeros = |width: usize| Aligned::filled(batch * width, F::zero());
        let hidden = self.widths().map(|w| Hidden { width: w, value: zeros(w), deriv: zeros(w) }).collect();
        MlpWorkspace { batch, rows: None, hidden }
    }

    /// Grow `scratch` for passes of up to `batch` rows. With it, and a [`workspace`](Self::workspace), none allocates.
    pub fn reserve<F: Scalar>(&self, scratch: &mut Scratch<F>, batch: usize) {
        self.layers.iter().chain(&self.skip).for_each(|layer| layer.reserve(&mut scratch.gemm, batch));
        self.reserve_delta(scratch, batch);
    }

    fn reserve_delta<F: Scalar>(&self, scratch: &mut Scratch<F>, rows: usize) {
        let len = rows * self.widths().map(Aligned::<F>::apart).max().unwrap_or(0);
        scratch.delta.iter_mut().for_each(|delta| delta.reserve(len, F::zero()));
    }

    /// Widths of the hidden layers.
    fn widths(&self) -> impl Iterator<Item = usize> {
        self.layers[..self.layers.len() - 1].iter().map(Linear::out)
    }

    /// Overwrite `out` `[B, o]`, any strides, and keep in `ws` what [`Mlp::backward`] needs.
    ///
    /// # Panics
    /// If shapes do not fit, B is above the workspace's batch, or a level is not below M.
    pub fn forward<F: Scalar>(
        &self,
        out: ArrayViewMut2<'_, F>,
        params: &[F],
        input: Input<'_, F>,
        ws: &mut MlpWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        let rows = out.nrows();
        self.run(out, params, input, ws, scratch, |f, value, deriv| f.forward(value, deriv));
        ws.rows = Some(rows);
    }

    /// Overwrite `out` `[B, o]`, any strides, without keeping what a backward pass would need.
    ///
    /// # Panics
    /// As [`Mlp::forward`].
    pub fn forward_value<F: Scalar>(
        &self,
        out: ArrayViewMut2<'_, F>,
        params: &[F],
        input: Input<'_, F>,
        ws: &mut MlpWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        self.run(out, params, input, ws, scratch, |f, value, _| f.value(value));
    }

    fn run<F: Scalar>(
        &self,
        mut out: ArrayViewMut2<'_, F>,
        params: &[F],
        input: Input<'_, F>,
        ws: &mut MlpWorkspace<F>,
        Scratch { gemm, .. }: &mut Scratch<F>,
        activate: impl Fn(&Activation, &mut [F], &mut [F]),
    ) {
        let rows = out.nrows();
        assert!(rows <= ws.batch, "{rows} rows in a workspace for {}", ws.batch);
        ws.rows = None;
        for (i, layer) in self.layers.iter().enumerate() {
            let (below, above) = ws.hidden.split_at_mut(i);
            let from = match below.last() {
                Some(hidden) => hidden.input(rows),
                None => input.reborrow(),
            };
            let Some(Hidden { width, value, deriv }) = above.first_mut() else {
                layer.forward(out.view_mut(), params, from, gemm);
                break;
            };
            layer.forward(matrix_mut(value, rows, *width), params, from, gemm);
            activate(&self.activation, &mut value[..rows * *width], &mut deriv[..rows * *width]);
        }
        if let Some(skip) = &self.skip {
            skip.forward_add(out, params, input, gemm);
        }
    }

    /// From `d_out` `[B, o]` add the gradient of this network's parameters to its part of `grad`, and that of the dense input
    /// to `dx` `[B, c]`. Call it after [`Mlp::forward`] with the same `params`, `input` and `ws`.
    ///
    /// # Panics
    /// If shapes do not fit, or `ws` does not hold a forward pass of as many rows.
    #[expect(clippy::too_many_arguments, reason = "what goes in, what comes out, and two kinds of memory")]
    pub fn backward<F: Scalar>(
        &self,
        grad: &mut [F],
        dx: Option<ArrayViewMut2<'_, F>>,
        params: &[F],
        input: Input<'_, F>,
        d_out: ArrayView2<'_, F>,
        ws: &mut MlpWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        self.accumulate(Accumulate::Add, grad, dx, params, input, d_out, ws, scratch);
    }

    /// As [`Mlp::backward`], but overwrite this network's part of `grad`, whatever it holds; `dx` is added to.
    ///
    /// # Panics
    /// As [`Mlp::backward`].
    #[expect(clippy::too_many_arguments, reason = "as `backward`")]
    pub fn backward_overwrite<F: Scalar>(
        &self,
        grad: &mut [F],
        dx: Option<ArrayViewMut2<'_, F>>,
        params: &[F],
        input: Input<'_, F>,
        d_out: ArrayView2<'_, F>,
        ws: &mut MlpWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        self.accumulate(Accumulate::Overwrite, grad, dx, params, input, d_out, ws, scratch);
    }

    #[expect(clippy::too_many_arguments, reason = "as `backward`, and what it does with `grad`")]
    pub(crate) fn accumulate<F: Scalar>(
        &self,
        accumulate: Accumulate,
        grad: &mut [F],
        mut dx: Option<ArrayViewMut2<'_, F>>,
        params: &[F],
        input: Input<'_, F>,
        d_out: ArrayView2<'_, F>,
        ws: &mut MlpWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        let rows = d_out.nrows();
        assert_eq!(ws.rows, Some(rows), "backward of {rows} rows, but the forward pass kept {:?}", ws.rows);
        self.reserve_delta(scratch, rows);
        let Scratch { gemm, delta: [above, below] } = scratch;
        if let Some(skip) = &self.skip {
            skip.backward_weights(accumulate, grad, input, d_out, gemm);
            if let Some(dx) = &mut dx {
                skip.backward_input(dx.view_mut(), params, d_out, gemm);
            }
        }
        let last = self.layers.len() - 1;
        self.layers[last].backward_bias(accumulate, grad, d_out);
        for (i, layer) in self.layers.iter().enumerate().rev() {
            let dy = if i == last {
                d_out
            } else {
                matrix(above, rows, Aligned::<F>::apart(layer.out())).split_at(Axis(1), layer.out()).0
            };
            let Some(i_below) = i.checked_sub(1) else {
                layer.backward_weights(accumulate, grad, input, dy, gemm);
                if let Some(dx) = dx {
                    layer.backward_input(dx, params, dy, gemm);
                }
                break;
            };
            let hidden = &ws.hidden[i_below];
            layer.backward_weights(accumulate, grad, hidden.input(rows), dy, gemm);
            let (delta, _) =
                matrix_mut(below, rows, Aligned::<F>::apart(hidden.width)).split_at(Axis(1), hidden.width);
            let deriv = matrix(&hidden.deriv, rows, hidden.width);
            let d_bias = accumulate.start(grad, self.layers[i_below].bias);
            layer.backward_activated_overwrite_d(delta, d_bias, deriv, params, dy, gemm);
            std::mem::swap(above, below);
        }
    }
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
