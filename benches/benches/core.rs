//! One training step: the original architecture at three sizes, the default perceptron, and the bijective decoder; and an
//! epoch.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ivae_core::defaults::DecoderKind;
use ivae_core::spec::{DecoderSpec, TrainSpec};
use ivae_core::trainer::{Stepper, train_from};
use ivae_core::vae::AuxShape;
use ivae_core::{Batch, Estimator, Exact, Family, FitSpec, ModelKind, Silent, Vae};
use ivae_data::{Dataset, Simulation};
use ivae_num::{Purpose, StreamKey};

fn data() -> Dataset<f32> {
    let simulation = Simulation { observed: 5, ..Simulation::default() };
    simulation.generate().map(|made| made.data).unwrap_or_else(|e| panic!("the standard simulation: {e}"))
}

fn step<E: Estimator<f32>>(c: &mut Criterion, name: &str, net: &E, spec: &FitSpec, data: &Dataset<f32>) {
    let (rows, key) = (Batch::all(data), StreamKey::new(0, Purpose::Init));
    let mut params = vec![0.0; net.layout().len()];
    net.init(&mut params, rows, key);
    let batch = spec.training.batch;
    let mut stepper = Stepper::new(net, rows, &spec.training, batch, &params);
    let index: Vec<u32> = (0..batch as u32).map(|i| (i * 7919) % 40_000).collect();
    let mut at = 0;
    c.bench_function(name, |b| {
        b.iter(|| {
            at += 1;
            black_box(stepper.step(&index, 1e-4, key.purpose(Purpose::Noise).step(at)))
        });
    });
}

/// All rows shuffled, gathered and stepped on.
fn epoch<E: Estimator<f32>>(c: &mut Criterion, name: &str, net: &E, spec: &FitSpec, data: &Dataset<f32>) {
    let (rows, key) = (Batch::all(data), StreamKey::new(0, Purpose::Init));
    let training = TrainSpec { epochs: 1, ..spec.training.clone() };
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
        let spec = FitSpec::reference(5, hidden, batch);
        if let Ok(net) = Vae::new(&spec.vae, 5, 5, AuxShape::Levels(40)) {
            let name = format!("reference/{hidden}x{batch}");
            step(c, &format!("step/{name}"), &net, &spec, &data);
            // Seconds at the largest, and no more than its steps.
            if hidden < 1000 {
                epoch(c, &name, &net, &spec, &data);
            }
        }
    }
    let spec = FitSpec::for_data(ModelKind::Ivae, Some(DecoderKind::Mlp), 5, &data);
    if let Ok(net) = Vae::new(&spec.vae, 5, 5, AuxShape::Levels(40)) {
        step(c, "step/mlp", &net, &spec, &data);
    }
    let spec = FitSpec::bijective(5, 5, DecoderKind::Bijective);
    if let DecoderSpec::Bijective(race) = &spec.decoder {
        for class in &race.classes {
            let (flow, prior) = (&class.flow, &spec.vae.prior);
            if let Ok(net) = Exact::new(flow, prior, Family::GeneralisedNormal, 5, AuxShape::Levels(40)) {
                step(c, &format!("step/{}", flow.name()), &net, &spec, &data);
            }
        }
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
