//! Forward and backward passes of an `Mlp`, and the Adam step over its parameters, on one thread.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ivae_nn::{Activation, Init, Input, Inputs, Layout, Mlp, MlpSpec, Optimiser, OptimiserSpec, Scratch};
use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::Array2;

/// Width of the hidden layers, and rows of a batch.
const SIZES: [(usize, usize); 3] = [(100, 64), (200, 256), (1000, 1024)];
/// An encoder: 25 observed columns and 40 levels to the mean and log-variance of 5 latents.
const INPUTS: Inputs = Inputs { dense: 25, levels: 40 };
const OUT: usize = 10;

/// A network of two hidden layers, and its starting parameters.
fn network<F: Scalar>(hidden: usize, activation: Activation) -> (Mlp, Vec<F>) {
    let mut layout = Layout::new();
    let spec = MlpSpec { hidden: vec![hidden; 2], activation, skip: false };
    let mlp = Mlp::new(&mut layout, "encoder", INPUTS, &spec, OUT);
    let mut params = vec![F::zero(); layout.len()];
    mlp.init(&mut params, Init::Xavier, &mut StreamKey::new(0, Purpose::Init).rng());
    (mlp, params)
}

fn passes<F: Scalar>(c: &mut Criterion, scalar: &str) {
    let mut group = c.benchmark_group(format!("mlp_forward_backward_{scalar}"));
    group.sample_size(20);
    for (hidden, batch) in SIZES {
        let (mlp, params) = network::<F>(hidden, Activation::Xtanh { slope: 0.1 });
        let x = Array2::from_shape_fn((batch, INPUTS.dense), |(i, j)| F::of(((i * 31 + j) as f64).sin()));
        let u: Vec<u32> = (0..batch as u32).map(|i| i % INPUTS.levels as u32).collect();
        let input = Input::both(x.view(), &u);
        let (mut ws, mut scratch) = (mlp.workspace(batch), Scratch::new());
        let mut out = Array2::zeros((batch, OUT));
        let d_out = Array2::from_elem((batch, OUT), F::of(1.0 / batch as f64));
        let mut grad = vec![F::zero(); params.len()];
        group.throughput(Throughput::Elements(batch as u64));
        group.bench_function(BenchmarkId::new(format!("hidden_{hidden}"), format!("batch_{batch}")), |b| {
            b.iter(|| {
                mlp.forward(out.view_mut(), &params, input, &mut ws, &mut scratch);
                mlp.backward_overwrite(&mut grad, None, &params, input, d_out.view(), &mut ws, &mut scratch);
            });
        });
    }
    group.finish();
}

fn adam<F: Scalar>(c: &mut Criterion, scalar: &str) {
    let mut group = c.benchmark_group(format!("adam_{scalar}"));
    for (hidden, _) in SIZES {
        let (_, mut params) = network::<F>(hidden, Activation::Tanh);
        let grad: Vec<F> = (0..params.len()).map(|i| F::of((i as f64).sin())).collect();
        let mut optimiser = Optimiser::new(OptimiserSpec::default(), params.len());
        group.throughput(Throughput::Elements(params.len() as u64));
        group.bench_function(format!("hidden_{hidden}"), |b| {
            b.iter(|| optimiser.step(&mut params, &grad, 1e-6));
        });
    }
    group.finish();
}

fn all(c: &mut Criterion) {
    passes::<f32>(c, "f32");
    passes::<f64>(c, "f64");
    adam::<f32>(c, "f32");
    adam::<f64>(c, "f64");
}

criterion_group!(benches, all);
criterion_main!(benches);
