//! Networks, gradients and Adam against PyTorch (see `golden/README.md`).

use std::fs::File;

use ivae_nn::{Activation, Input, Inputs, Layout, Mlp, MlpSpec, Optimiser, OptimiserSpec, Scratch};
use ndarray::{Array1, Array2, ArrayView2, Axis, concatenate};
use ndarray_npy::NpzReader;

const NETS: [&str; 4] = ["prior_logvar", "enc_mean", "enc_logvar", "dec"];
/// Variance of the Gaussian likelihood.
const NOISE: f64 = 0.01;

fn golden() -> NpzReader<File> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/ivae.npz");
    NpzReader::new(File::open(path).expect("the golden file is in the tree")).expect("it is an npz file")
}

fn matrix(npz: &mut NpzReader<File>, key: &str) -> Array2<f64> {
    npz.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"))
}

fn vector(npz: &mut NpzReader<File>, key: &str) -> Array1<f64> {
    npz.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"))
}

#[track_caller]
fn assert_close(given: ArrayView2<'_, f64>, truth: ArrayView2<'_, f64>, tolerance: f64, what: &str) {
    assert_eq!(given.dim(), truth.dim(), "{what}");
    for ((at, a), b) in given.indexed_iter().zip(truth) {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{what} at {at:?}: {a}, PyTorch has {b}");
    }
}

/// The four networks, with u as levels or as one-hot columns.
struct Model {
    layout: Layout,
    nets: [Mlp; 4],
    one_hot: bool,
}

impl Model {
    fn new(one_hot: bool) -> Self {
        let mut layout = Layout::new();
        let activation = Activation::Xtanh { slope: 0.1 };
        let spec = MlpSpec { hidden: vec![8, 8], activation, skip: false };
        let inputs = |dense, u: usize| match one_hot {
            true => Inputs { dense: dense + u, levels: 0 },
            false => Inputs { dense, levels: u },
        };
        let mut net = |name, inputs, out| Mlp::new(&mut layout, name, inputs, &spec, out);
        let nets = [
            net(NETS[0], inputs(0, 3), 2),
            net(NETS[1], inputs(4, 3), 2),
            net(NETS[2], inputs(4, 3), 2),
            net(NETS[3], inputs(2, 0), 4),
        ];
        Self { layout, nets, one_hot }
    }

    /// The flat slice that holds the arrays `{prefix}.NET.LAYER.{weight,bias}`.
    fn flat(&self, npz: &mut NpzReader<File>, prefix: &str) -> Vec<f64> {
        let mut flat = vec![f64::NAN; self.layout.len()];
        for (net, name) in self.nets.iter().zip(NETS) {
            for (i, layer) in net.layers.iter().enumerate() {
                let weight = matrix(npz, &format!("{prefix}.{name}.{i}.weight")).reversed_axes();
                let (dense, levels) = weight.view().split_at(Axis(0), layer.dense.rows);
                layer.dense.view_mut(&mut flat).assign(&dense);
                layer.levels.view_mut(&mut flat).assign(&levels);
                let bias = vector(npz, &format!("{prefix}.{name}.{i}.bias"));
                layer.bias.view_mut(&mut flat).assign(&bias.insert_axis(Axis(0)));
            }
        }
        assert!(flat.iter().all(|v| v.is_finite()));
        flat
    }

    fn assert_close(&self, given: &[f64], truth: &[f64], tolerance: f64) {
        for group in &self.layout.groups {
            assert_close(group.slot.view(given), group.slot.view(truth), tolerance, &group.name);
        }
    }
}

/// x `[6, 4]` alone and beside one-hot u `[6, 7]`, u `[6, 3]` and its levels `[6]`, noise `[6, 2]`.
struct Batch {
    x: Array2<f64>,
    xu: Array2<f64>,
    u: Array2<f64>,
    levels: Vec<u32>,
    eps: Array2<f64>,
}

impl Batch {
    fn read(npz: &mut NpzReader<File>) -> Self {
        let (x, u, eps) = (matrix(npz, "x"), matrix(npz, "u"), matrix(npz, "eps"));
        let level =
            |row: ndarray::ArrayView1<'_, f64>| row.iter().position(|v| *v == 1.0).expect("one-hot") as u32;
        let levels = u.rows().into_iter().map(level).collect();
        Self { xu: concatenate![Axis(1), x, u], x, u, levels, eps }
    }

    /// What the prior network and the encoder networks read.
    fn inputs(&self, one_hot: bool) -> [Input<'_, f64>; 3] {
        let (prior, encoder) = match one_hot {
            true => (Input::dense(self.u.view()), Input::dense(self.xu.view())),
            false => (Input::levels(&self.levels), Input::both(self.x.view(), &self.levels)),
        };
        [prior, encoder, encoder]
    }
}

/// Minus the mean over rows of log p(x|z) − KL(q ‖ p(z|u)); adds its gradient to `grad`.
fn loss(model: &Model, grad: &mut [f64], params: &[f64], batch: &Batch) -> f64 {
    let rows = batch.x.nrows();
    let inputs = batch.inputs(model.one_hot);
    let [prior_net, mean_net, log_var_net, decoder] = &model.nets;
    // One for networks of many widths.
    let mut scratch = Scratch::new();
    let mut ws = model.nets.each_ref().map(|net| net.workspace(rows));
    let [mut prior, mut mean, mut log_var] = [(); 3].map(|()| Array2::zeros((rows, 2)));
    prior_net.forward(prior.view_mut(), params, inputs[0], &mut ws[0], &mut scratch);
    mean_net.forward(mean.view_mut(), params, inputs[1], &mut ws[1], &mut scratch);
    log_var_net.forward(log_var.view_mut(), params, inputs[2], &mut ws[2], &mut scratch);
    let noise = &batch.eps * &log_var.mapv(|v| (0.5 * v).exp());
    let z = &mean + &noise;
    let mut decoded = Array2::zeros(batch.x.dim());
    decoder.forward(decoded.view_mut(), params, Input::dense(z.view()), &mut ws[3], &mut scratch);

    let residual = &decoded - &batch.x;
    let variance_ratio = (&log_var - &prior).mapv(f64::exp);
    let mean_ratio = &mean * &mean / prior.mapv(f64::exp);
    let log_density = residual.mapv(|r| -0.5 * (r * r / NOISE + (std::f64::consts::TAU * NOISE).ln()));
    let kl = 0.5 * (&prior - &log_var + &variance_ratio + &mean_ratio - 1.0);
    let per_row = 1.0 / rows as f64;

    let d_decoded = &residual * (per_row / NOISE);
    let mut dz = Array2::zeros(z.dim());
    decoder.backward(
        grad,
        Some(dz.view_mut()),
        params,
        Input::dense(z.view()),
        d_decoded.view(),
        &mut ws[3],
        &mut scratch,
    );
    let d_prior = (1.0 - &variance_ratio - &mean_ratio) * (0.5 * per_row);
    let d_mean = &dz + &(&mean / prior.mapv(f64::exp) * per_row);
    let d_log_var = &dz * &noise * 0.5 + (&variance_ratio - 1.0) * (0.5 * per_row);
    prior_net.backward(grad, None, params, inputs[0], d_prior.view(), &mut ws[0], &mut scratch);
    mean_net.backward(grad, None, params, inputs[1], d_mean.view(), &mut ws[1], &mut scratch);
    log_var_net.backward(grad, None, params, inputs[2], d_log_var.view(), &mut ws[2], &mut scratch);
    (kl.sum() - log_density.sum()) * per_row
}

#[test]
fn outputs_match_with_levels_and_with_one_hot_columns() {
    let npz = &mut golden();
    let batch = Batch::read(npz);
    for one_hot in [true, false] {
        let model = Model::new(one_hot);
        let params = model.flat(npz, "w");
        for ((net, name), input) in model.nets.iter().zip(NETS).zip(batch.inputs(one_hot)) {
            let mut out = Array2::from_elem((6, 2), f64::NAN);
            net.forward(out.view_mut(), &params, input, &mut net.workspace(6), &mut Scratch::new());
            assert_close(out.view(), matrix(npz, &format!("gauss.{name}")).view(), 1e-12, name);
        }
    }
}

#[test]
fn gradients_match_autograd() {
    let npz = &mut golden();
    let batch = Batch::read(npz);
    for one_hot in [true, false] {
        let model = Model::new(one_hot);
        let params = model.flat(npz, "w");
        let mut grad = vec![0.0; params.len()];
        let loss = loss(&model, &mut grad, &params, &batch);
        let truth = -vector(npz, "gauss.elbo_closed").mean().unwrap();
        assert!((loss - truth).abs() <= 1e-12 * truth.abs(), "loss {loss}, PyTorch has {truth}");
        model.assert_close(&grad, &model.flat(npz, "gauss.elbo_closed.grad"), 1e-11);
    }
}

#[test]
fn ten_adam_steps_match() {
    let npz = &mut golden();
    let batch = Batch::read(npz);
    let truth = vector(npz, "adam.closed.loss");
    for one_hot in [true, false] {
        let model = Model::new(one_hot);
        let mut params = model.flat(npz, "w");
        let mut optimiser = Optimiser::new(OptimiserSpec::default(), params.len());
        for (step, truth) in truth.iter().enumerate() {
            let mut grad = vec![0.0; params.len()];
            let loss = loss(&model, &mut grad, &params, &batch);
            assert!(
                (loss - truth).abs() <= 1e-11 * truth.abs(),
                "step {step}: loss {loss}, PyTorch has {truth}"
            );
            if step < 10 {
                optimiser.step(&mut params, &grad, 1e-2);
            }
        }
        model.assert_close(&params, &model.flat(npz, "adam.closed.w10"), 1e-11);
    }
}
