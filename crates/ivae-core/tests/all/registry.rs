//! The registries: names, and what every member says of itself.

use std::collections::BTreeSet;

use ivae_core::model::flow::FlowClasses;
use ivae_core::model::linear::LinearSpec;
use ivae_core::theory::Smoothness;
use ivae_core::{Families, Family, Fitted, Ivae, LikelihoodFamily, ModelKind};
use ivae_data::{Dataset, Simulation};
use ivae_nn::Activation;
use ivae_num::{Purpose, StreamKey};
use ndarray::{Array2, ArrayView2};

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
    use Family::{Gaussian, GaussianMean, GaussianVar, GeneralisedNormal, Laplace};
    for family in [Gaussian, GaussianVar, GaussianMean, Laplace, GeneralisedNormal] {
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

/// Draws, mapped to ℝ, have the moments that a family states; draws lie in its support, and their parameters of greatest
/// likelihood are near those they were drawn with.
#[test]
fn draws_have_the_moments_and_the_parameters_of_their_family() {
    for (family, name, _) in Family::ALL {
        let part = family.part::<f64>();
        let map = part.support_map();
        let mut theta = part.from_moments(0.4, 0.8);
        assert_eq!(theta.len(), part.conditional_parameters(), "{name}");
        theta.extend(part.free_parameter());
        let mut rng = StreamKey::new(3, Purpose::Sample).rng();
        let v: Vec<f64> = (0..20_000).map(|_| map.to_real(part.draw(&theta, &mut rng))).collect();
        let mean = v.iter().sum::<f64>() / 2e4;
        let variance = v.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 2e4;
        let stated = part.moments(&theta);
        assert!((mean - stated.0).abs() < 0.05 * stated.1.sqrt(), "{name}: mean {mean}, not {}", stated.0);
        assert!((variance / stated.1 - 1.0).abs() < 0.1, "{name}: variance {variance}, not {}", stated.1);

        let mut sums = vec![0.0; part.start_statistics(0.0).len()];
        for v in &v {
            sums.iter_mut().zip(part.start_statistics(*v)).for_each(|(sum, t)| *sum += t / 2e4);
        }
        let found = part.from_start_statistics(&sums);
        let log_p = |theta: &[f64]| {
            let rows = Array2::from_shape_fn((v.len(), theta.len()), |(_, c)| theta[c]);
            let mut log_p = vec![0.0; v.len()];
            part.log_prob(&mut log_p, rows.view(), ArrayView2::from_shape((v.len(), 1), &v).unwrap());
            log_p.iter().sum::<f64>() / 2e4
        };
        let (at_truth, free) = (log_p(&theta), part.free_parameter());
        let found: Vec<f64> = found.into_iter().chain(free).collect();
        // Of a Laplace distribution the moments give a little less than the greatest likelihood.
        assert!(log_p(&found) > at_truth - 2e-3, "{name}: {found:?} for {theta:?}");
    }
}

/// A prior of several families is the product of its latents' own densities.
#[test]
fn families_side_by_side_are_searched_and_saved() {
    let simulation =
        Simulation { segments: 8, per_segment: 60, latents: 3, observed: 3, ..Simulation::default() };
    let data: Dataset<f32> = simulation.generate().unwrap().data;
    for families in ["gamma,gauss,gauss", "gauss,beta,laplace"] {
        let families: Families = families.parse().unwrap();
        let fit = Ivae::new(3).flow(FlowClasses::Square).prior(families.clone()).epochs(2).restarts(1);
        let fitted = fit.fit(&data).unwrap();
        assert_eq!(fitted.report.search.as_ref().unwrap().family, families);
        let z = fitted.transform(&data).unwrap();
        for i in (0..3).filter(|&i| families.of(i) == Family::Gamma) {
            assert!(z.column(i).iter().all(|&z| z > 0.0));
        }
        let folder = tempfile::tempdir().unwrap();
        fitted.save(folder.path()).unwrap();
        assert_eq!(Fitted::<f32>::load(folder.path()).unwrap().transform(&data).unwrap(), z);
        let mlp = Ivae::new(3).mlp([8]).prior(families).epochs(1).restarts(1).fit(&data).unwrap();
        assert!(mlp.transform(&data).unwrap().iter().all(|z| z.is_finite()));
    }
    let wrong = Ivae::new(3).prior(vec![Family::Gamma; 2]).fit(&data);
    assert!(wrong.unwrap_err().to_string().contains("2 families"), "as many families as latents");
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
