//! The page about a run, for every kind of model, with and without data.

use ivae::core::spec::DecoderSpec;
use ivae::core::{DecoderKind, ModelKind};
use ivae::page::run_page;
use ivae::prelude::*;

fn page(model: ModelKind, decoder: DecoderKind, observed: usize, with_data: bool) -> String {
    let simulation =
        Simulation { segments: 10, per_segment: 60, latents: 2, observed, ..Simulation::default() };
    let data = simulation.generate::<f32>().expect("a simulation").data;
    let mut spec = FitSpec::for_data(model, Some(decoder), 2, &data);
    (spec.training.epochs, spec.training.restarts) = (4, 2);
    if let DecoderSpec::Bijective(b) = &mut spec.decoder {
        b.classes.truncate(2);
        b.classes.iter_mut().for_each(|c| (c.restarts, c.epochs) = (2, 4));
        (b.finalists, b.polish_epochs, b.code.epochs) = (1, 4, 5);
    }
    let fitted = fit(&data, &spec, &Silent).expect("a fit");
    let page = run_page(&fitted, with_data.then_some(&data), "ivae report run").expect("a page");
    page.render().expect("html")
}

#[test]
fn it_warns_explains_and_draws() {
    let html = page(ModelKind::Ivae, DecoderKind::Mlp, 4, true);
    for part in [
        "2 starts",
        "rank of L",
        "What each latent carries",
        "MCC within levels of u",
        "ELBO per row (nats)",
        "still rising",
        "[training]",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.find("Warning.").unwrap() < html.find("<svg").unwrap(), "warnings come first");
}

#[test]
fn a_race_says_which_class_won_and_how_sure_that_is() {
    let html = page(ModelKind::Ivae, DecoderKind::Bijective, 2, true);
    for part in
        ["How sure is it?", "square-tanh", "square-spline", "4 starts, 1 polished", "log-likelihood per row"]
    {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("ELBO") && !html.contains("round trip") && !html.contains("The code"));
}

#[test]
fn a_code_is_measured_and_keeps_its_own_curve() {
    let html = page(ModelKind::Ivae, DecoderKind::Bijective, 4, true);
    for part in ["lost by the code", "round trip", "objective of the code", "white code"] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("ELBO") && !html.contains("u alone, held-out"));
}

#[test]
fn without_data_it_says_what_the_fit_alone_can_say() {
    let html = page(ModelKind::Ivae, DecoderKind::Mlp, 4, false);
    assert!(
        html.contains("Can the latents be identified?") && !html.contains("Recovery of the true sources")
    );
}

#[test]
fn every_model_has_a_page() {
    for model in [
        ModelKind::Vae,
        ModelKind::Ajd,
        ModelKind::Sobi,
        ModelKind::FastIca,
        ModelKind::Picard,
        ModelKind::Infomax,
        ModelKind::Pca,
    ] {
        let html = page(model, DecoderKind::Mlp, 4, true);
        assert!(
            html.contains("Recovery of the true sources") && html.contains("ivae report run"),
            "{model:?}"
        );
    }
}
