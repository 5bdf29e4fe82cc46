//! A training step allocates nothing.

use ivae_core::spec::DecoderSpec;
use ivae_core::trainer::Stepper;
use ivae_core::vae::AuxShape;
use ivae_core::{Batch, DecoderKind, Estimator, Exact, Family, FitSpec, Vae};
use ivae_data::{Aux, Dataset, Simulation};
use ivae_num::{Purpose, StreamKey};

fn data() -> Dataset<f32> {
    let simulation =
        Simulation { segments: 7, per_segment: 50, latents: 3, observed: 6, ..Simulation::default() };
    simulation.generate().unwrap().data
}

fn allocations_in_steps(spec: &FitSpec, data: &Dataset<f32>, aux: AuxShape) -> u64 {
    allocations_of(&Vae::new(&spec.vae, spec.latents, data.x.ncols(), aux).unwrap(), spec, data)
}

fn allocations_of<E: Estimator<f32>>(net: &E, spec: &FitSpec, data: &Dataset<f32>) -> u64 {
    let all = Batch::all(data);
    let mut params = vec![0.0; net.layout().len()];
    let key = StreamKey::new(0, Purpose::Init);
    net.init(&mut params, all, key);
    let mut stepper = Stepper::new(net, all, &spec.training, 64, &params);
    let rows: Vec<u32> = (0..64u32).map(|i| i * 5 % 350).collect();
    let counted = allocation_counter::measure(|| {
        for step in 0..4 {
            let (terms, norm) = stepper.step(&rows, 1e-3, key.purpose(Purpose::Noise).step(step));
            assert!(terms.objective.is_finite() && norm.is_finite());
        }
        // A smaller batch fits the same scratch.
        stepper.step(&rows[..31], 1e-3, key.purpose(Purpose::Noise).step(9));
    });
    counted.count_total
}

#[test]
fn table_prior_and_linear_start() {
    assert_eq!(allocations_in_steps(&FitSpec::ivae(3), &data(), AuxShape::Levels(7)), 0);
}

/// Every class that races, and every family of latents.
#[test]
fn bijections() {
    let mut data = data();
    data.x = data.s.clone().unwrap();
    let spec = FitSpec::bijective(3, 3, DecoderKind::Bijective);
    let DecoderSpec::Bijective(race) = &spec.decoder else { panic!("not bijective") };
    for class in &race.classes {
        for family in [Family::Gaussian, Family::Laplace, Family::GeneralisedNormal] {
            let net = Exact::new(&class.flow, &spec.vae.prior, family, 3, AuxShape::Levels(7)).unwrap();
            assert_eq!(allocations_of(&net, &spec, &data), 0, "{} {family:?}", class.flow.name());
        }
    }
}

#[test]
fn product_posterior_and_bernoulli_likelihood() {
    let mut data = data();
    data.x.mapv_inplace(|v| f32::from(u8::from(v > 0.0)));
    let mut spec = FitSpec::ivae(3);
    spec.set_bernoulli();
    assert!(spec.vae.posterior.product && spec.vae.posterior.correlated);
    assert_eq!(allocations_in_steps(&spec, &data, AuxShape::Levels(7)), 0);
}

#[test]
fn the_reference_preset_with_network_prior_once_per_level() {
    assert_eq!(allocations_in_steps(&FitSpec::reference(3, 100, 64), &data(), AuxShape::Levels(7)), 0);
}

#[test]
fn continuous_u_seen_by_encoder_and_prior() {
    let mut data = data();
    let values = data.s.clone().unwrap();
    data.u = Aux::Continuous { values, names: vec!["a".into(), "b".into(), "c".into()] };
    let mut spec = FitSpec::reference(3, 20, 64);
    spec.training.clip_norm = Some(1.0);
    assert_eq!(allocations_in_steps(&spec, &data, AuxShape::Continuous(3)), 0);
}
