//! Random networks with their inputs, and the networks' definition in plain loops.

use ivae_nn::{Activation, Init, Input, Inputs, Layout, Linear, Mlp, MlpSpec};
use ivae_num::{Purpose, StreamKey};
use ndarray::{Array2, Axis, concatenate};
use proptest::prelude::*;
use rand::Rng;

/// One network, its parameters, B rows of input, and the weights of its outputs in an objective.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) mlp: Mlp,
    pub(crate) params: Vec<f64>,
    /// `[B, c]`.
    pub(crate) x: Array2<f64>,
    /// `[B]`, each 0 without levels.
    pub(crate) u: Vec<u32>,
    /// `[B, o]`.
    pub(crate) weights: Array2<f64>,
    pub(crate) rows: usize,
}

impl Case {
    pub(crate) fn new(
        rows: usize,
        [dense, levels]: [usize; 2],
        hidden: Vec<usize>,
        activation: Activation,
        skip: bool,
        out: usize,
        seed: u64,
    ) -> Self {
        let mut layout = Layout::new();
        let spec = MlpSpec { hidden, activation, skip };
        let mlp = Mlp::new(&mut layout, "net", Inputs { dense, levels }, &spec, out);
        let mut rng = StreamKey::new(seed, Purpose::Generate).rng();
        let mut params = vec![0.0; layout.len()];
        mlp.init(&mut params, Init::Xavier, &mut rng);
        for layer in &mlp.layers {
            params[layer.bias.range()].iter_mut().for_each(|b| *b = rng.random_range(-0.5..0.5));
        }
        let mut uniform = |shape| Array2::from_shape_simple_fn(shape, || rng.random_range(-1.0..1.0));
        let (x, weights) = (uniform((rows, dense)), uniform((rows, out)));
        let u = (0..rows).map(|_| rng.random_range(0..levels.max(1)) as u32).collect();
        Self { mlp, params, x, u, weights, rows }
    }

    pub(crate) fn levels(&self) -> Option<&[u32]> {
        (self.mlp.inputs().levels > 0).then_some(&self.u)
    }

    pub(crate) fn input(&self) -> Input<'_, f64> {
        Input { dense: (self.x.ncols() > 0).then(|| self.x.view()), levels: self.levels() }
    }

    /// `[x | one_hot(u)]`, `[B, c + M]`.
    fn columns(&self, x: &Array2<f64>) -> Array2<f64> {
        let levels = self.mlp.inputs().levels;
        let one_hot = |(i, j)| f64::from(u8::from(self.u[i] as usize == j));
        concatenate![Axis(1), *x, Array2::from_shape_fn((self.rows, levels), one_hot)]
    }

    /// The same function and parameters, with the levels as dense columns.
    pub(crate) fn one_hot(&self) -> Self {
        let widen = |linear: &Linear| {
            let mut dense = linear.dense;
            assert_eq!(dense.range().end, linear.levels.start);
            dense.rows += linear.levels.rows;
            Linear { dense, levels: ivae_nn::Slot { rows: 0, ..linear.levels }, bias: linear.bias }
        };
        let mut case = self.clone();
        case.x = self.columns(&self.x);
        case.mlp.layers = self.mlp.layers.iter().map(widen).collect();
        case.mlp.skip = self.mlp.skip.as_ref().map(widen);
        case
    }

    /// The outputs, and the smallest absolute pre-activation (how far from a kink).
    pub(crate) fn definition(&self, params: &[f64], x: &Array2<f64>) -> (Array2<f64>, f64) {
        let columns = self.columns(x);
        let affine = |linear: &Linear, h: &Array2<f64>| {
            let weight = concatenate![Axis(0), linear.dense.view(params), linear.levels.view(params)];
            let bias = &params[linear.bias.range()];
            Array2::from_shape_fn((h.nrows(), weight.ncols()), |(i, o)| {
                let products = (0..h.ncols()).map(|c| h[[i, c]] * weight[[c, o]]);
                products.sum::<f64>() + bias.get(o).unwrap_or(&0.0)
            })
        };
        let (mut h, mut nearest) = (columns.clone(), f64::INFINITY);
        for (i, layer) in self.mlp.layers.iter().enumerate() {
            h = affine(layer, &h);
            if i + 1 < self.mlp.layers.len() {
                nearest = h.iter().fold(nearest, |near, v| near.min(v.abs()));
                h.mapv_inplace(|v| activation(self.mlp.activation, v));
            }
        }
        if let Some(skip) = &self.mlp.skip {
            h += &affine(skip, &columns);
        }
        (h, nearest)
    }
}

fn activation(f: Activation, x: f64) -> f64 {
    match f {
        Activation::Identity => x,
        Activation::Tanh => x.tanh(),
        Activation::Xtanh { slope } => x.tanh() + slope * x,
        Activation::LeakyRelu { slope } => x.max(0.0) + slope * x.min(0.0),
        Activation::Relu => x.max(0.0),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Softplus => x.exp().ln_1p(),
        Activation::Silu => x / (1.0 + (-x).exp()),
    }
}

/// Every activation, kind of input and depth from 0 to 3 hidden layers, with and without skip.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let activations = prop::sample::select(vec![
        Activation::Identity,
        Activation::Tanh,
        Activation::Xtanh { slope: 0.1 },
        Activation::LeakyRelu { slope: 0.2 },
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Softplus,
        Activation::Silu,
    ]);
    let hidden = prop::collection::vec(1usize..5, 0..=3);
    let rows = prop::sample::select(vec![0, 1, 2, 3, 5, 9]);
    (rows, [0usize..5, 0..4], hidden, activations, any::<bool>(), 1usize..4, any::<u64>()).prop_map(
        |(rows, inputs, hidden, f, skip, out, seed)| Case::new(rows, inputs, hidden, f, skip, out, seed),
    )
}
