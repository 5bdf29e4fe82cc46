//! The page about a run, for every kind of model, with and without data.

use ivae::core::DecoderKind;
use ivae::core::model::linear::LinearSpec;
use ivae::page::run_page;
use ivae::prelude::*;

const FLOW: DecoderKind = DecoderKind::Flow(FlowClasses::All);

fn page(model: &ModelKind, decoder: DecoderKind, observed: usize, with_data: bool) -> String {
    let simulation =
        Simulation { segments: 10, per_segment: 60, latents: 2, observed, ..Simulation::default() };
    let data = simulation.generate::<f32>().expect("a simulation").data;
    let mut spec = FitSpec::for_data(model, Some(decoder), 2, &data);
    spec.model.set_epochs(4);
    spec.model.set_restarts(2);
    if let Some(flow) = spec.model.as_flow_mut() {
        flow.classes.truncate(2);
        (flow.survivors, flow.bottleneck.epochs) = (1, 5);
    }
    let fitted = fit(&data, &spec, &Silent).expect("a fit");
    let page = run_page(&fitted, with_data.then_some(&data), "ivae report run").expect("a page");
    page.render().expect("html")
}

#[test]
fn it_warns_explains_and_draws() {
    let html = page(&ModelKind::Ivae, DecoderKind::Mlp, 4, true);
    for part in [
        "2 starts",
        "rank of L",
        "What each latent carries",
        "MCC within levels of u",
        "ELBO per row (nats)",
        "still rising",
        "[model.vae.training]",
        "an auxiliary variable u of 10 levels",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.find("Warning.").unwrap() < html.find("<svg").unwrap(), "warnings come first");
}

#[test]
fn a_search_says_which_class_was_chosen_and_how_sure_that_is() {
    let html = page(&ModelKind::Ivae, FLOW, 2, true);
    for part in
        ["How sure is it?", "square-tanh", "square-spline", "4 starts, 1 refined", "log-likelihood per row"]
    {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("ELBO") && !html.contains("round trip") && !html.contains("The bottleneck"));
}

#[test]
fn a_bottleneck_is_measured_and_has_its_curve() {
    let html = page(&ModelKind::Ivae, FLOW, 4, true);
    for part in ["lost by the bottleneck", "round trip", "objective of the bottleneck", "white bottleneck"] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("ELBO") && !html.contains("u alone, held-out"));
}

#[test]
fn without_data_it_says_what_the_fit_alone_can_say() {
    let html = page(&ModelKind::Ivae, DecoderKind::Mlp, 4, false);
    assert!(
        html.contains("Can the latents be identified?") && !html.contains("Recovery of the true sources")
    );
}

#[test]
fn every_model_has_a_page() {
    let linear = LinearSpec::ALL.map(|(model, ..)| ModelKind::Linear(model));
    for model in linear.iter().chain([&ModelKind::Vae]) {
        let html = page(model, DecoderKind::Mlp, 4, true);
        assert!(
            html.contains("Recovery of the true sources") && html.contains("ivae report run"),
            "{model:?}"
        );
    }
}
