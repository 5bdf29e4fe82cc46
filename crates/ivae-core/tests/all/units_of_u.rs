//! Neither unit nor offset of a continuous u changes a fit.

use ivae_core::model::flow::FlowClasses;
use ivae_core::{FitSpec, Ivae, ModelSpec};
use ivae_data::{Aux, Continuous, Dataset};
use ndarray::Array2;

use super::fit::simulated;

/// Data of two latents whose u is an angle of sixteenths.
fn data(of_angle: impl Fn(f64) -> f64) -> Dataset<f64> {
    let simulated = simulated(2, 6, 60);
    let segment = simulated.u.levels.as_ref().unwrap().index.clone();
    let u = Array2::from_shape_fn((simulated.rows(), 1), |(i, _)| {
        of_angle((f64::from(segment[i]) * 16.0 + (i % 16) as f64) / 16.0)
    });
    Dataset { u: Continuous::new(u).into(), s: None, ..simulated }
}

#[test]
fn latents_do_not_depend_on_the_unit_and_the_offset_of_u() {
    let flow = Ivae::new(2).flow(FlowClasses::Square).epochs(3).restarts(1);
    let mut conditional = Ivae::new(2).mlp([8]).epochs(3).restarts(1).spec(&data(|u| u)).unwrap();
    if let ModelSpec::Vae(vae) = &mut conditional.model {
        vae.posterior.conditional_encoder = true;
    }
    let specs: [FitSpec; 2] = [flow.spec(&data(|u| u)).unwrap(), conditional];
    for spec in specs {
        let reference = spec.fit(&data(|u| u)).unwrap();
        let z = reference.transform(&data(|u| u)).unwrap();
        let units: [fn(f64) -> f64; 5] =
            [f64::to_degrees, |u| u * 1e3, |u| 2014.0 + u, |u| 50.0 + u, |u| 1e6 + u];
        for (number, unit) in units.into_iter().enumerate() {
            let moved = data(unit);
            let fitted = spec.fit(&moved).unwrap();
            let found = fitted.transform(&moved).unwrap();
            let apart = (&found - &z).iter().fold(0.0f64, |most, e| most.max(e.abs()));
            assert!(apart < 1e-5, "unit {number}: {apart}");
            let drawn = |data: &Dataset<f64>, fitted: &ivae_core::Fitted<f64>| {
                fitted.sample(&Aux { levels: None, values: data.u.values.clone() }, 0, 1).unwrap().z
            };
            let apart = (drawn(&moved, &fitted) - drawn(&data(|u| u), &reference)).mapv(f64::abs);
            assert!(apart.iter().all(|&e| e < 1e-5), "unit {number}");
        }
    }
}
