//! One training step: the original architecture at three sizes, the default perceptron, and every class of flow; and one
//! epoch.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ivae_core::model::flow::{FlowClasses, FlowModel, FlowModelSpec};
use ivae_core::model::vae::{Vae, VaeSpec};
use ivae_core::train::{StepSpec, Stepper, TrainSpec, train_from};
use ivae_core::{DecoderKind, Estimator, Family, FitSpec, ModelKind, ModelSpec, Silent};
use ivae_data::{Dataset, Simulation};
use ivae_nn::Inputs;
use ivae_num::{Purpose, StreamKey};

/// u of the standard simulation.
const U: Inputs = Inputs { dense: 0, levels: 40 };

fn data() -> Dataset<f32> {
    let simulation = Simulation { observed: 5, ..Simulation::default() };
    simulation.generate().map(|made| made.data).unwrap_or_else(|e| panic!("the standard simulation: {e}"))
}

fn step<E: Estimator<f32>>(c: &mut Criterion, name: &str, net: &E, spec: &StepSpec, data: &Dataset<f32>) {
    let (rows, key) = (ivae_core::all_rows(data), StreamKey::new(0, Purpose::Init));
    let mut params = vec![0.0; net.layout().len()];
    net.init(&mut params, rows, key);
    let mut stepper = Stepper::new(net, rows, spec, spec.batch, &params);
    let index: Vec<u32> = (0..spec.batch as u32).map(|i| (i * 7919) % 40_000).collect();
    let mut at = 0;
    c.bench_function(name, |b| {
        b.iter(|| {
            at += 1;
            black_box(stepper.step(&index, 1e-4, key.purpose(Purpose::Noise).step(at)))
        });
    });
}

/// All rows shuffled, gathered and stepped on.
fn epoch<E: Estimator<f32>>(c: &mut Criterion, name: &str, net: &E, spec: &TrainSpec, data: &Dataset<f32>) {
    let (rows, key) = (ivae_core::all_rows(data), StreamKey::new(0, Purpose::Init));
    let training = TrainSpec { epochs: 1, ..spec.clone() };
    let mut params = vec![0.0; net.layout().len()];
    net.init(&mut params, rows, key);
    let mut group = c.benchmark_group("epoch");
    group.sample_size(10).bench_function(name, |b| {
        b.iter(|| train_from(net, params.clone(), rows, None, &training, key, &Silent));
    });
}

fn steps(c: &mut Criterion) {
    let data = data();
    for (hidden, batch) in [(100, 64), (200, 256), (1000, 1024)] {
        let spec = VaeSpec::reference(hidden, batch);
        if let Ok(net) = Vae::new(&spec, 5, 5, U) {
            let name = format!("reference/{hidden}x{batch}");
            step(c, &format!("step/{name}"), &net, &spec.training.step, &data);
            // Seconds at the largest, and no more than its steps.
            if hidden < 1000 {
                epoch(c, &name, &net, &spec.training, &data);
            }
        }
    }
    let spec = FitSpec::for_data(&ModelKind::Ivae, Some(DecoderKind::Mlp), 5, &data);
    if let ModelSpec::Vae(spec) = &spec.model
        && let Ok(net) = Vae::new(spec, 5, 5, U)
    {
        step(c, "step/mlp", &net, &spec.training.step, &data);
    }
    let spec = FlowModelSpec::new(5, 5, FlowClasses::All);
    for class in &spec.classes {
        if let Ok(net) =
            FlowModel::new(&class.flow, &Family::GeneralisedNormal.into(), &spec.prior_parameters, 5, U)
        {
            step(c, &format!("step/{}", class.flow.name()), &net, &spec.step, &data);
        }
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
