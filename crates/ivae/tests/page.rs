//! The page about a run, for every kind of model, with and without data.

use ivae::core::ModelKind;
use ivae::page::run_page;
use ivae::prelude::*;

fn page(model: ModelKind, with_data: bool) -> String {
    let simulation =
        Simulation { segments: 10, per_segment: 60, latents: 2, observed: 4, ..Simulation::default() };
    let data = simulation.generate::<f32>().expect("a simulation").data;
    let mut spec = FitSpec::for_data(model, None, 2, &data);
    (spec.training.epochs, spec.training.restarts) = (4, 2);
    let fitted = fit(&data, &spec, &Silent).expect("a fit");
    let page = run_page(&fitted, with_data.then_some(&data), "ivae report run").expect("a page");
    page.render().expect("html")
}

#[test]
fn it_warns_explains_and_draws() {
    let html = page(ModelKind::Ivae, true);
    for part in [
        "still rising",
        "2 starts",
        "rank of L",
        "What each latent carries",
        "MCC within levels of u",
        "[training]",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.find("Warning.").unwrap() < html.find("<svg").unwrap(), "warnings come first");
}

#[test]
fn without_data_it_says_what_the_fit_alone_can_say() {
    let html = page(ModelKind::Ivae, false);
    assert!(
        html.contains("Can the latents be identified?") && !html.contains("Recovery of the true sources")
    );
}

#[test]
fn every_model_has_a_page() {
    for model in [ModelKind::Vae, ModelKind::Ajd, ModelKind::FastIca, ModelKind::Pca] {
        let html = page(model, true);
        assert!(
            html.contains("Recovery of the true sources") && html.contains("ivae report run"),
            "{model:?}"
        );
    }
}
