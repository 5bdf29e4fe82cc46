//! A training step allocates nothing.

use ivae_core::model::flow::{FlowClasses, FlowModel, FlowModelSpec};
use ivae_core::model::vae::{Vae, VaeSpec};
use ivae_core::objective::ObjectiveSpec;
use ivae_core::theta::ThetaSpec;
use ivae_core::train::{StepSpec, Stepper};
use ivae_core::{Estimator, Family};
use ivae_data::{Aux, Dataset, Simulation};
use ivae_nn::{Activation, Inputs, MlpSpec};
use ivae_num::{Purpose, StreamKey};

use super::common;

const SEGMENTS: Inputs = Inputs { dense: 0, levels: 7 };

fn data() -> Dataset<f32> {
    let simulation =
        Simulation { segments: 7, per_segment: 50, latents: 3, observed: 6, ..Simulation::default() };
    simulation.generate().unwrap().data
}

/// The same with three continuous columns of u beside its levels.
fn data_of_mixed_u() -> Dataset<f32> {
    let data = data();
    let sources = data.s.clone().unwrap();
    data.with_covariates(sources).unwrap()
}

fn allocations_in_steps(spec: &VaeSpec, data: &Dataset<f32>, u: Inputs) -> u64 {
    spec.check(0.1).unwrap();
    allocations_of(&Vae::new(spec, 3, data.observed(), u).unwrap(), &spec.training.step, data)
}

fn allocations_of<E: Estimator<f32>>(net: &E, spec: &StepSpec, data: &Dataset<f32>) -> u64 {
    let all = ivae_core::all_rows(data);
    let mut params = vec![0.0; net.layout().len()];
    let key = StreamKey::new(0, Purpose::Init);
    net.init(&mut params, all, key);
    let mut stepper = Stepper::new(net, all, spec, 64, &params);
    let rows: Vec<u32> = (0..64u32).map(|i| i * 5 % 350).collect();
    let counted = allocation_counter::measure(|| {
        for step in 0..4 {
            let (sums, norm) = stepper.step(&rows, 1e-3, key.purpose(Purpose::Noise).step(step));
            assert!(sums.objective.is_finite() && norm.is_finite());
        }
        // A smaller batch fits the same scratch.
        stepper.step(&rows[..31], 1e-3, key.purpose(Purpose::Noise).step(9));
    });
    counted.count_total
}

#[test]
fn table_prior_and_linear_start() {
    assert_eq!(allocations_in_steps(&VaeSpec::ivae(), &data(), SEGMENTS), 0);
}

/// Every class of a search, and every family of latents.
#[test]
fn flows() {
    let mut data = data();
    data.x = data.s.clone().unwrap();
    let spec = FlowModelSpec::new(3, 3, FlowClasses::All);
    for class in &spec.classes {
        for family in Family::ALL.into_iter().map(|(family, ..)| family) {
            let net =
                FlowModel::new(&class.flow, &family.into(), &spec.prior_parameters, 3, SEGMENTS).unwrap();
            assert_eq!(allocations_of(&net, &spec.step, &data), 0, "{} {family:?}", class.flow.name());
        }
    }
}

/// With a product posterior where x is discrete.
#[test]
fn every_likelihood() {
    for (likelihood, name) in common::likelihoods(6) {
        let mut data = data();
        common::suit(&mut data.x, &likelihood);
        let mut spec = VaeSpec::ivae();
        spec.set_likelihood(likelihood);
        for full_covariance in [false, true] {
            spec.posterior.full_covariance = full_covariance;
            assert_eq!(allocations_in_steps(&spec, &data, SEGMENTS), 0, "{name}");
        }
    }
}

#[test]
fn the_reference_preset_with_network_prior_once_per_level() {
    assert_eq!(allocations_in_steps(&VaeSpec::reference(100, 64), &data(), SEGMENTS), 0);
}

#[test]
fn continuous_u_read_by_encoder_and_prior() {
    let mut data = data_of_mixed_u();
    data.u = Aux { levels: None, ..data.u };
    let mut spec = VaeSpec::reference(20, 64);
    spec.training.step.clip_norm = Some(1.0);
    assert_eq!(allocations_in_steps(&spec, &data, Inputs { dense: 3, levels: 0 }), 0);
}

#[test]
fn mixed_u_read_by_encoder_and_prior() {
    let (data, mixed) = (data_of_mixed_u(), Inputs { dense: 3, levels: 7 });
    assert_eq!(allocations_in_steps(&VaeSpec::reference(20, 64), &data, mixed), 0);
    // A network prior beside an encoder that reads x alone.
    let mut spec = VaeSpec::ivae();
    spec.prior.parameters =
        ThetaSpec::Net(MlpSpec { hidden: vec![16], activation: Activation::Silu, skip: true });
    assert_eq!(allocations_in_steps(&spec, &data, mixed), 0);
}

#[test]
fn priors_that_are_not_gaussian() {
    for family in Family::ALL
        .into_iter()
        .map(|(family, ..)| family)
        .filter(|f| f.part::<f32>().gaussian_form().is_none())
    {
        let mut spec = VaeSpec::ivae();
        spec.set_prior(family);
        assert_eq!(spec.objective, ObjectiveSpec::SampledElbo);
        assert_eq!(allocations_in_steps(&spec, &data(), SEGMENTS), 0, "{family:?}");
    }
}
