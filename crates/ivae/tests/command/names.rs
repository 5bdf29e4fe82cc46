//! Every prior and every likelihood of the registries can be named, and fits.

use ivae::data::{Mixing, write};
use ivae::prelude::{Family, Fitted, LikelihoodFamily, ModelSpec, Simulation};

use crate::harness::{Place, QUICK};

fn spec(place: &Place, run: &str) -> ModelSpec {
    Fitted::<f32>::load(place.path(run)).unwrap().spec.model
}

#[test]
fn every_prior_fits_by_its_name() {
    let place = Place::with_data();
    for (family, name, _) in Family::ALL {
        let line = format!("fit d.npz --latents 2 --prior {name} --force");
        place.done(&format!("{line} --out run {QUICK}"));
        let ModelSpec::Vae(vae) = spec(&place, "run") else { panic!("--hidden is of an mlp") };
        assert_eq!(vae.prior.family, family.into());
        place.done(&format!("transform run d.npz --out {name}.npz --std {name}-std.npz"));
        place.done(&format!("sample run --u 3 --out {name}-x.npz"));

        let fit = place.json(&format!("{line} --decoder coupling --epochs 1 --restarts 1 --out flow"));
        let ModelSpec::Flow(flow) = spec(&place, "flow") else { panic!("a coupling flow is one") };
        assert_eq!(flow.prior, Some(family.into()));
        assert_eq!(fit["search"]["family"], serde_json::to_value(family).unwrap());
    }
}

#[test]
fn every_likelihood_fits_by_its_name() {
    let place = Place::with_data();
    let simulation = Simulation {
        segments: 6,
        per_segment: 30,
        latents: 2,
        observed: 8,
        mixing: Mixing::Network,
        discrete: true,
        ..Simulation::default()
    };
    let mut data = simulation.generate::<f32>().unwrap().data;
    write(place.path("binary.npz"), &data).unwrap();
    data.x.mapv_inplace(|v| 0.1 + 0.8 * v);
    write(place.path("unit.npz"), &data).unwrap();
    for (likelihood, name, _) in LikelihoodFamily::ALL {
        let data = match &likelihood {
            LikelihoodFamily::BinaryConcrete(_) => "unit",
            other if other.part::<f32>().suited().is_some() => "binary",
            _ => "d",
        };
        place.done(&format!("fit {data}.npz --latents 2 --likelihood {name} --force --out run {QUICK}"));
        let ModelSpec::Vae(vae) = spec(&place, "run") else { panic!("likelihoods are of an mlp") };
        // Of binary x, two categories.
        let binary = ndarray::array![[0.0f32, 1.0]];
        assert_eq!(vae.likelihood.family, likelihood.for_x(binary.view()));
    }
    place.done(&format!(
        "fit binary.npz --latents 2 --likelihood x1..x3=poisson,x4=gauss --force --out run {QUICK}"
    ));
    let ModelSpec::Vae(vae) = spec(&place, "run") else { panic!("likelihoods are of an mlp") };
    let LikelihoodFamily::Mixed(mixed) = vae.likelihood.family else { panic!("a list is mixed") };
    assert_eq!(mixed.parts[0].columns, [0, 1, 2]);
    // Binary x has a product posterior by default, which a prior that is not Gaussian does not have.
    place.done(&format!("fit binary.npz --latents 2 --prior laplace --out laplace {QUICK}"));
}
