//! A u of levels and continuous columns together: fitted, saved, loaded, asked, and refused where it does not fit.

use ivae_core::model::flow::FlowClasses;
use ivae_core::{FitSpec, Fitted, Ivae, ModelError, ModelSpec};
use ivae_data::{Aux, Continuous, Dataset, Levels};
use ivae_expfam::Laplace;
use ivae_num::{Purpose, StreamKey};
use ndarray::{Array2, Axis};

use super::common::{normals, score, vae_mut};
use super::fit::simulated;

/// Simulated data of two latents with `per_segment` rows in each segment, and a covariate beside the segments.
pub(crate) fn data(per_segment: usize) -> Dataset<f64> {
    with_covariate(&simulated(2, 3, per_segment))
}

fn with_covariate(simulated: &Dataset<f64>) -> Dataset<f64> {
    let segments = simulated.u.levels.as_ref().unwrap().labels();
    let time = normals(simulated.rows(), 1, StreamKey::new(4, Purpose::Generate));
    let data = Dataset::new(simulated.x.clone()).with_segments(&segments).unwrap();
    data.with_covariates(time).unwrap().with_sources(simulated.s.as_ref().unwrap()).unwrap()
}

/// Fits of the default variational model, of one with an encoder that reads u, of one with a product posterior, of one
/// with a Laplace prior, and of a flow.
fn fits(data: &Dataset<f64>) -> Vec<(&'static str, Fitted<f64>)> {
    let builder = || Ivae::new(2).mlp([8]).epochs(3).restarts(1);
    let mut conditional = builder().spec(data).unwrap();
    vae_mut(&mut conditional).posterior.conditional_encoder = true;
    let mut product = builder().spec(data).unwrap();
    vae_mut(&mut product).posterior.product_of_experts = true;
    let flow = Ivae::new(2).flow(FlowClasses::Square).epochs(2).restarts(1);
    let specs = [
        ("plain", builder().spec(data).unwrap()),
        ("conditional encoder", conditional),
        ("product posterior", product),
        ("Laplace", builder().prior(Laplace).spec(data).unwrap()),
        ("flow", flow.spec(data).unwrap()),
    ];
    specs.into_iter().map(|(name, spec)| (name, spec.fit(data).unwrap())).collect()
}

#[test]
fn every_model_of_a_mixed_u_is_saved_loaded_and_asked() {
    let data = data(40);
    for (name, fitted) in fits(&data) {
        assert_eq!(fitted.schema.u_in_words(), "a u of levels and 1 continuous column", "{name}");
        let dir = tempfile::tempdir().unwrap();
        fitted.save(dir.path()).unwrap();
        let loaded = Fitted::<f64>::load(dir.path()).unwrap();
        assert_eq!(
            (&loaded.spec, &loaded.schema, &loaded.report),
            (&fitted.spec, &fitted.schema, &fitted.report)
        );
        let z = fitted.transform(&data).unwrap();
        assert!(z.iter().all(|v| v.is_finite()), "{name}");
        assert_eq!(loaded.transform(&data).unwrap(), z, "{name}");
        let drawn = fitted.sample(&data.u, 0, 1).unwrap();
        assert_eq!((drawn.z.dim(), drawn.x.dim()), (z.dim(), data.x.dim()), "{name}");
        assert_eq!(loaded.sample(&data.u, 0, 1).unwrap().x, drawn.x, "{name}");
        let posterior = fitted.posterior(&data).unwrap();
        assert_eq!(posterior.mean, z, "{name}");
        if fitted.model.has_density() {
            let bound = fitted.log_likelihood(&data, 20, 1).unwrap();
            assert!(bound.elbo.is_finite() && bound.elbo < bound.iwae, "{name}: {bound:?}");
            assert_eq!(loaded.log_likelihood(&data, 20, 1).unwrap(), bound, "{name}");
        }
    }
}

#[test]
fn both_parts_of_a_mixed_u_move_the_prior() {
    let data = data(40);
    let fitted = Ivae::new(2).mlp([8]).epochs(10).restarts(1).fit(&data).unwrap();
    let ModelSpec::Vae(vae) = &fitted.spec.model else { panic!("not variational") };
    assert!(vae.prior.is_conditional() && !vae.prior.has_table());
    let likelihood = |data: &Dataset<f64>| fitted.log_likelihood(data, 1, 0).unwrap().elbo;
    let rolled: Vec<usize> = (0..data.rows()).map(|i| (i + 40) % data.rows()).collect();
    let u = data.u.select_rows(&rolled);
    let other_levels = Dataset { u: Aux { levels: u.levels, ..data.u.clone() }, ..data.clone() };
    let other_values = Dataset { u: Aux { values: u.values, ..data.u.clone() }, ..data.clone() };
    let (right, levels, values) = (likelihood(&data), likelihood(&other_levels), likelihood(&other_values));
    assert!(levels < right - 0.1, "{levels} of the levels of other rows, {right}");
    assert_ne!(values, right);
}

/// A covariate that says nothing of the sources costs nothing.
#[test]
fn sources_of_a_mixed_u_are_recovered() {
    let data = with_covariate(&simulated(2, 2, 400));
    let fitted = Ivae::new(2).mlp([32, 32]).restarts(2).fit(&data).unwrap();
    let mcc = score(&data, fitted.transform(&data).unwrap().view());
    assert!(mcc > 0.95, "MCC {mcc}");
    let id = fitted.report.identifiability.as_ref().unwrap();
    assert_eq!((id.k, id.needed), (2, 5));
    assert_eq!(id.distinct_u, 2000, "every row has its u, and this is the most that are looked at");
    assert_eq!(id.smallest, None, "a covariate has no counts, and so no interval");
}

#[test]
fn an_unseen_level_is_refused_by_its_name() {
    let data = data(40);
    let mut unseen = data.select_rows(&[0, 45, 90]);
    unseen.u.levels = Some(Levels::from_text(&["0", "1", "elsewhere"]));
    for (name, fitted) in fits(&data) {
        let errors = [
            (name == "conditional encoder" || name == "product posterior")
                .then(|| fitted.transform(&unseen).unwrap_err()),
            fitted.model.has_density().then(|| fitted.log_likelihood(&unseen, 1, 0).unwrap_err()),
            fitted.sample(&unseen.u, 0, 0).err(),
        ];
        assert!(errors[2].is_some(), "{name}");
        for error in errors.into_iter().flatten() {
            assert!(matches!(error, ModelError::UnknownLevel(_)), "{name}: {error}");
            let text = error.to_string();
            assert!(text.contains("`elsewhere`") && text.contains("row 2"), "{name}: {text}");
        }
    }
}

#[test]
fn a_u_of_another_kind_is_refused_with_both_kinds() {
    let mixed = data(40);
    let two_columns = Continuous::new(Array2::ones((mixed.rows(), 2)));
    let others = [
        (Aux { values: None, ..mixed.u.clone() }, "a categorical u"),
        (Aux { levels: None, ..mixed.u.clone() }, "a u of 1 continuous column"),
        (Aux { values: Some(two_columns), ..mixed.u.clone() }, "a u of levels and 2 continuous columns"),
    ];
    let of_mixed = Ivae::new(2).mlp([8]).epochs(2).restarts(1).fit(&mixed).unwrap();
    for (u, kind) in others {
        let error = of_mixed.sample(&u, 0, 0).unwrap_err();
        assert!(matches!(error, ModelError::KindOfU { .. }), "{error}");
        let expected =
            format!("the model was fitted on a u of levels and 1 continuous column, but got {kind}");
        assert_eq!(error.to_string(), expected);
        let data = Dataset { u, ..mixed.clone() };
        assert_eq!(of_mixed.log_likelihood(&data, 1, 0).unwrap_err().to_string(), expected);
    }
    let levels = Dataset { u: Aux { values: None, ..mixed.u.clone() }, ..mixed.clone() };
    let of_levels = Ivae::new(2).mlp([8]).epochs(2).restarts(1).fit(&levels).unwrap();
    let error = of_levels.sample(&mixed.u, 0, 0).unwrap_err().to_string();
    assert!(error.contains("a categorical u") && error.contains("levels and 1 continuous column"), "{error}");
}

#[test]
fn parts_of_u_of_different_lengths_are_refused() {
    let mixed = data(40);
    let fitted = Ivae::new(2).mlp([8]).epochs(2).restarts(1).fit(&mixed).unwrap();
    let mut u = mixed.u.clone();
    let values = u.values.as_mut().unwrap();
    values.values.remove_index(Axis(0), 0);
    let rows = mixed.rows();
    for error in [
        fitted.sample(&u, 0, 0).unwrap_err(),
        fitted.log_likelihood(&Dataset { u: u.clone(), ..mixed.clone() }, 1, 0).unwrap_err(),
    ] {
        assert!(matches!(error, ModelError::Rows { x, u } if (x, u) == (rows, rows - 1)), "{error}");
    }
    assert!(FitSpec::auto(2, &mixed).fit(&Dataset { u, ..mixed }).is_err());
}

#[test]
fn latents_of_a_product_posterior_are_those_of_the_encoder_where_a_mixed_u_is_not_given() {
    let data = data(40);
    let mut spec = Ivae::new(2).mlp([8]).epochs(3).restarts(1).spec(&data).unwrap();
    vae_mut(&mut spec).posterior.product_of_experts = true;
    let fitted = spec.fit(&data).unwrap();
    let x_alone = Dataset { u: Aux::none(), ..data.clone() };
    let z = fitted.transform(&x_alone).unwrap();
    assert_ne!(z, fitted.transform(&data).unwrap());
    // Continuous columns leave no mixture over levels, so the encoder's factor is the posterior.
    let posterior = fitted.posterior(&x_alone).unwrap();
    assert_eq!(posterior.mean, z);
    let given_u = fitted.posterior(&data).unwrap();
    let total = |p: &ivae_core::Posterior<f64>| p.covariance.iter().step_by(4).sum::<f64>();
    assert!(total(&posterior) > total(&given_u), "u narrows the posterior");
}
