//! The registries: names, and what every member says of itself.

use std::collections::BTreeSet;

use ivae_core::model::linear::LinearSpec;
use ivae_core::theory::Smoothness;
use ivae_core::{Family, LikelihoodFamily, ModelKind};
use ivae_nn::Activation;

#[test]
fn every_prior_family_is_found_by_its_unique_name() {
    let names: BTreeSet<&str> = Family::ALL.iter().map(|(_, name, _)| *name).collect();
    assert_eq!(names.len(), Family::ALL.len());
    for (family, name, _) in Family::ALL {
        assert_eq!(Family::from_name(name), Some(family));
    }
    assert_eq!(Family::from_name("gaus"), None);
}

#[test]
fn every_likelihood_is_found_by_its_unique_name() {
    let names: BTreeSet<&str> = LikelihoodFamily::ALL.iter().map(|(_, name, _)| *name).collect();
    assert_eq!(names.len(), LikelihoodFamily::ALL.len());
    for (likelihood, name, _) in LikelihoodFamily::ALL {
        assert_eq!(LikelihoodFamily::from_name(name), Some(likelihood.clone()));
        let x = ndarray::array![[0.0, 1.0, 2.0]];
        likelihood.for_x(x.view()).part::<f64>().check().unwrap();
    }
    assert_eq!(LikelihoodFamily::from_name("poison"), None);
}

#[test]
fn every_model_has_a_unique_name() {
    let names: BTreeSet<&str> = ModelKind::all().map(|(_, name, _)| name).collect();
    assert_eq!(names.len(), ModelKind::all().count());
    assert!(LinearSpec::ALL.iter().all(|(model, name, _)| model.name() == *name));
}

/// Families without a mean, or of variance 1, keep the moment that they have.
#[test]
fn moments_of_parameters_from_moments_are_the_same_moments() {
    for (family, ..) in Family::ALL {
        let part = family.part::<f64>();
        for (mean, variance) in [(0.0, 1.0), (-1.5, 0.2), (3.0, 40.0)] {
            let mut theta = part.from_moments(mean, variance);
            assert_eq!(theta.len(), part.conditional_parameters(), "{family:?}");
            theta.extend(part.free_parameter());
            let expected = match family {
                Family::GaussianVar => (0.0, variance),
                Family::GaussianMean => (mean, 1.0),
                _ => (mean, variance),
            };
            let found = part.moments(&theta);
            assert!((found.0 - expected.0).abs() < 1e-12, "{family:?}: {found:?} for {expected:?}");
            assert!((found.1 / expected.1 - 1.0).abs() < 1e-12, "{family:?}: {found:?} for {expected:?}");
        }
    }
}

/// T(z) = z alone depends on u where only the mean of a Gaussian does.
#[test]
fn only_a_gaussian_of_fixed_variance_leaves_a_rotation() {
    for (family, ..) in Family::ALL {
        assert_eq!(family.part::<f64>().leaves_rotation(), family == Family::GaussianMean, "{family:?}");
    }
}

#[test]
fn rectifiers_have_a_kink_and_other_activations_do_not() {
    for kinked in [Activation::Relu, Activation::LeakyRelu { slope: 0.2 }] {
        assert_eq!(Smoothness::of(kinked), Smoothness::Kink);
    }
    for smooth in [Activation::Silu, Activation::Softplus, Activation::Xtanh { slope: 0.1 }] {
        assert_eq!(Smoothness::of(smooth), Smoothness::Smooth);
    }
}
