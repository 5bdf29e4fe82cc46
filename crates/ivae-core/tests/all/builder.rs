//! The builder [`Ivae`]: what is not set is chosen for the data, and what is set is what is fitted.

use ivae_core::error::Conflict;
use ivae_core::likelihood::VarianceSpec;
use ivae_core::model::flow::FlowClasses;
use ivae_core::objective::ObjectiveSpec;
use ivae_core::{Family, FitError, FitSpec, Ivae, LikelihoodFamily, ModelSpec, SpecError};
use ivae_expfam::{Bernoulli, Laplace};

use super::common::{flow_mut, vae_mut};
use super::fit::simulated;
use super::mixed_u;

#[test]
fn without_settings_the_builder_is_the_automatic_spec() {
    let (square, wide, mixed) = (simulated(2, 2, 40), simulated(2, 5, 40), mixed_u::data(40));
    for data in [&square, &wide, &mixed] {
        assert_eq!(Ivae::new(2).spec(data).unwrap(), FitSpec::auto(2, data));
    }
    assert!(matches!(FitSpec::auto(2, &square).model, ModelSpec::Flow(_)));
    assert!(matches!(FitSpec::auto(2, &mixed).model, ModelSpec::Flow(_)));
}

#[test]
fn the_builder_fits_its_spec() {
    let data = simulated(2, 3, 40);
    let builder = Ivae::new(2).mlp([8]).epochs(2).restarts(1).seed(5);
    let fitted = builder.fit(&data).unwrap();
    assert_eq!(fitted.spec, builder.spec(&data).unwrap());
    let again = fitted.spec.fit(&data).unwrap();
    assert_eq!(fitted.transform(&data).unwrap(), again.transform(&data).unwrap());
    assert_eq!(fitted.history.len(), 2);
}

#[test]
fn settings_of_a_perceptron_are_taken() {
    let data = simulated(2, 2, 40);
    let builder = Ivae::new(2).mlp([16, 16]).prior(Laplace).epochs(3).restarts(2);
    let mut spec = builder.held_out(0.25).seed(9).spec(&data).unwrap();
    assert_eq!((spec.latents, spec.seed, spec.split.held_out), (2, 9, 0.25));
    let vae = vae_mut(&mut spec);
    assert_eq!((&vae.posterior.net.hidden, &vae.likelihood.net.hidden), (&vec![16, 16], &vec![16, 16]));
    assert_eq!(
        (vae.prior.family.clone(), vae.objective),
        (Family::Laplace.into(), ObjectiveSpec::SampledElbo)
    );
    assert_eq!((vae.training.epochs, vae.restarts), (3, 2));
}

#[test]
fn settings_of_a_flow_are_taken_by_every_stage() {
    let data = simulated(2, 4, 40);
    let builder = Ivae::new(2).flow(FlowClasses::All).prior(Laplace).epochs(3).restarts(2);
    let mut spec = builder.spec(&data).unwrap();
    let flow = flow_mut(&mut spec);
    assert_eq!(flow.prior, Some(Family::Laplace.into()));
    assert_eq!(flow.classes.len(), 3);
    assert!(flow.classes.iter().all(|class| (class.epochs, class.restarts) == (3, 2)));
    assert_eq!((flow.refine_epochs, flow.bottleneck.epochs), (3, 3));
    // The last decoder named is the one that counts.
    let spec = Ivae::new(2).mlp([8]).flow(FlowClasses::Square).spec(&data).unwrap();
    assert_eq!(spec, Ivae::new(2).flow(FlowClasses::Square).spec(&data).unwrap());
}

#[test]
fn a_likelihood_brings_a_perceptron_and_what_suits_it() {
    let mut data = simulated(2, 2, 40);
    let mut spec = Ivae::new(2).likelihood(VarianceSpec::SHARED).spec(&data).unwrap();
    assert_eq!(vae_mut(&mut spec).likelihood.family, LikelihoodFamily::Gaussian(VarianceSpec::SHARED));
    data.x.mapv_inplace(|v| f64::from(u8::from(v > 0.0)));
    let mut spec = Ivae::new(2).likelihood(Bernoulli).spec(&data).unwrap();
    assert!(
        vae_mut(&mut spec).likelihood.family == LikelihoodFamily::Bernoulli
            && vae_mut(&mut spec).posterior.product_of_experts
    );
    assert_eq!(spec, FitSpec::auto(2, &data));
}

#[test]
fn settings_that_exclude_each_other_are_refused() {
    let data = simulated(2, 2, 40);
    let refused = |builder: Ivae| builder.spec(&data).unwrap_err();
    let flow = || Ivae::new(2).flow(FlowClasses::All);
    assert_eq!(refused(flow().held_out(0.0)), SpecError::Conflict(Conflict::FlowWithoutHeldOut));
    let two_restarts = Ivae::new(2).mlp([8]).restarts(2).held_out(0.0);
    assert_eq!(refused(two_restarts), SpecError::Conflict(Conflict::RestartsWithoutHeldOut));
    assert!(matches!(refused(flow().held_out(1.0)), SpecError::OutOfRange { name: "split.held_out", .. }));
    assert!(matches!(refused(flow().epochs(0)), SpecError::NotPositive { .. }));
    assert!(matches!(refused(Ivae::new(2).mlp([8, 0])), SpecError::Network(_)));
    let error = flow().held_out(0.0).fit(&data).unwrap_err();
    assert!(matches!(error, FitError::Spec(SpecError::Conflict(Conflict::FlowWithoutHeldOut))), "{error}");
}
