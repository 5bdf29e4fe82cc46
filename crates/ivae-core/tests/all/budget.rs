//! A time budget bounds every stage of a fit: what is late ends with its first epoch, and is reported.

use ivae_core::model::flow::FlowClasses;
use ivae_core::spec::ModelKind;
use ivae_core::train::{Ending, Stage};
use ivae_core::{DecoderKind, FitSpec};
use ivae_data::{Dataset, Simulation};

use super::common::flow_mut;

fn data(observed: usize) -> Dataset<f32> {
    let simulation =
        Simulation { segments: 8, per_segment: 100, latents: 2, observed, ..Simulation::default() };
    simulation.generate::<f32>().unwrap().data
}

fn late(decoder: DecoderKind, data: &Dataset<f32>) -> FitSpec {
    let mut spec = FitSpec::for_data(&ModelKind::Ivae, Some(decoder), 2, data);
    spec.model.step_mut().unwrap().time_budget = Some(1e-9);
    spec
}

#[test]
fn one_epoch_of_one_start_is_what_is_left_of_a_search() {
    let data = data(2);
    let fitted = late(DecoderKind::Flow(FlowClasses::All), &data).fit(&data).unwrap();
    let report = &fitted.report;
    assert_eq!((report.restarts.len(), report.epochs), (1, 1));
    assert_eq!(report.restarts[0].ending, Ending::OutOfTime);
    assert!(!report.converged);
    assert!(
        report.warnings.iter().any(|w| w.to_string().contains("time budget ran out")),
        "{:?}",
        report.warnings
    );
    assert!(fitted.transform(&data).unwrap().iter().all(|z| z.is_finite()));
}

#[test]
fn one_epoch_of_a_bottleneck_and_one_of_a_start() {
    let data = data(5);
    let fitted = late(DecoderKind::Flow(FlowClasses::Square), &data).fit(&data).unwrap();
    let epochs = |stage| fitted.history.iter().filter(|e| e.stage == stage).count();
    assert_eq!((epochs(Stage::Bottleneck), epochs(Stage::Search), epochs(Stage::Refine)), (1, 1, 0));
    assert_eq!(fitted.report.bottleneck.unwrap().ending, Some(Ending::OutOfTime));
}

#[test]
fn one_epoch_of_one_perceptron() {
    let data = data(5);
    let fitted = late(DecoderKind::Mlp, &data).fit(&data).unwrap();
    let report = &fitted.report;
    assert_eq!((report.restarts.len(), report.epochs), (1, 1));
    assert_eq!(report.restarts[0].ending, Ending::OutOfTime);
    assert_eq!(report.collapse.as_ref().unwrap().retries, 0);
}

/// A budget that does not run out changes nothing.
#[test]
fn a_long_budget_is_none() {
    let data = data(2);
    let mut spec = late(DecoderKind::Flow(FlowClasses::Square), &data);
    let flow = flow_mut(&mut spec);
    flow.classes.truncate(1);
    (flow.classes[0].restarts, flow.classes[0].epochs, flow.refine_epochs) = (2, 3, 2);
    let mut fitted = |budget| {
        flow_mut(&mut spec).step.time_budget = budget;
        spec.fit(&data).unwrap().transform(&data).unwrap()
    };
    let unbounded = fitted(None);
    for budget in [1e4, f64::MAX] {
        assert_eq!(fitted(Some(budget)), unbounded);
    }
}
