//! Specs as text: they survive TOML, and other formats and unknown keys are refused.

use ivae_core::model::flow::{FlowClasses, FlowModelSpec};
use ivae_core::model::linear::LinearSpec;
use ivae_core::model::vae::VaeSpec;
use ivae_core::objective::ObjectiveSpec;
use ivae_core::spec::{ModelKind, SplitSpec};
use ivae_core::{DecoderKind, Family, FitSpec, LikelihoodFamily, SpecError};

use super::common::{flow_mut, vae_mut};
use super::fit::quick;
use super::mixed_u;

fn assert_survives(spec: &FitSpec) {
    let text = spec.to_toml().unwrap();
    assert_eq!(&FitSpec::from_toml(&text).unwrap(), spec, "{text}");
}

#[test]
fn variational_specs_survive_toml_and_reject_unknown_keys() {
    for spec in [FitSpec::ivae(3), FitSpec::new(2, VaeSpec::vae()), FitSpec::reference(5, 100, 64), quick(1)]
    {
        assert_survives(&spec);
    }
    for (likelihood, ..) in LikelihoodFamily::ALL {
        let mut spec = FitSpec::ivae(3);
        vae_mut(&mut spec).set_likelihood(likelihood);
        assert_survives(&spec);
    }
    for (family, ..) in Family::ALL {
        let mut spec = FitSpec { seed: 7, ..FitSpec::ivae(3) };
        spec.model.set_prior(family);
        let step = spec.model.step_mut().unwrap();
        (step.patience, step.time_budget) = (Some(3), Some(0.5));
        assert_survives(&spec);
    }
    let typo = FitSpec::ivae(3).to_toml().unwrap().replace("latents", "latent");
    assert!(FitSpec::from_toml(&typo).unwrap_err().to_string().contains("latent"));
}

#[test]
fn flow_specs_survive_toml() {
    for classes in [FlowClasses::Square, FlowClasses::Coupling, FlowClasses::All] {
        assert_survives(&FitSpec::new(2, FlowModelSpec::new(2, 5, classes)));
    }
    let mixed = mixed_u::data(20);
    let decoder = DecoderKind::Flow(FlowClasses::All);
    let mut spec = FitSpec::for_data(&ModelKind::Ivae, Some(decoder), 2, &mixed);
    for objective in [ObjectiveSpec::Reconstruction, ObjectiveSpec::Elbo] {
        let flow = flow_mut(&mut spec);
        (flow.prior, flow.bottleneck.objective) = (Some(Family::Laplace.into()), Some(objective));
        assert_survives(&spec);
    }
}

#[test]
fn linear_specs_survive_toml() {
    for (model, ..) in LinearSpec::ALL {
        assert_survives(&FitSpec::new(3, model));
    }
    let split = SplitSpec { held_out: 0.25, block: Some(50) };
    let sobi = LinearSpec::Sobi { lags: Some(vec![1, 5]) };
    assert_survives(&FitSpec { split, ..FitSpec::new(3, sobi) });
}

#[test]
fn the_spec_of_a_run_folder_is_read_from_its_table_fit() {
    let spec = quick(2);
    let folder = format!(
        "format = 4\nscaled = 4\n\n[fit]\n{}",
        spec.to_toml().unwrap().replace("\n[", "\n[fit.").replace("\n[fit.[", "\n[[fit.")
    );
    assert_eq!(FitSpec::from_toml(&folder).unwrap(), spec, "{folder}");
}

#[test]
fn a_spec_of_an_earlier_version_is_refused_as_such() {
    let old = "model = \"ivae\"\nlatents = 2\nscaling = \"whiten\"\nseed = 0\n";
    for table in ["vae", "decoder", "training"] {
        for text in [
            format!("{old}\n[{table}]\nkl = \"closed\"\n"),
            format!("format = 2\n[fit]\n{old}\n[fit.{table}]\nkl = \"closed\"\n"),
        ] {
            let error = FitSpec::from_toml(&text).unwrap_err();
            assert_eq!(error, SpecError::OldFormat, "{text}");
            assert!(error.to_string().contains("earlier version"), "{error}");
        }
    }
    // A decoder that is no table: an MLP was written as a word.
    let text = format!("{old}decoder = \"mlp\"\n");
    assert_eq!(FitSpec::from_toml(&text).unwrap_err(), SpecError::OldFormat);
    assert!(matches!(FitSpec::from_toml("latents = ").unwrap_err(), SpecError::Parse(_)));
}
