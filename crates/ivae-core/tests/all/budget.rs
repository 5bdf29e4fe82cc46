//! A time budget bounds every stage of a fit: what is late ends with its first epoch, and is reported.

use ivae_core::spec::DecoderSpec;
use ivae_core::trainer::{Ending, Stage};
use ivae_core::{DecoderKind, FitSpec, ModelKind};
use ivae_data::{Dataset, Simulation};

fn data(observed: usize) -> Dataset<f32> {
    let simulation =
        Simulation { segments: 8, per_segment: 100, latents: 2, observed, ..Simulation::default() };
    simulation.generate::<f32>().unwrap().data
}

fn late(kind: DecoderKind, data: &Dataset<f32>) -> FitSpec {
    let mut spec = FitSpec::for_data(ModelKind::Ivae, Some(kind), 2, data);
    spec.training.time_budget = Some(1e-9);
    spec
}

#[test]
fn one_epoch_of_one_start_is_what_is_left_of_a_race() {
    let data = data(2);
    let fitted = late(DecoderKind::Bijective, &data).fit(&data).unwrap();
    let report = &fitted.report;
    assert_eq!((report.restarts.len(), report.epochs), (1, 1));
    assert_eq!(report.restarts[0].ending, Ending::OutOfTime);
    assert!(!report.converged);
    assert!(report.warnings.iter().any(|w| w.contains("time was over")), "{:?}", report.warnings);
    assert!(fitted.transform(&data).unwrap().iter().all(|z| z.is_finite()));
}

#[test]
fn one_epoch_of_a_code_and_one_of_a_start() {
    let data = data(5);
    let fitted = late(DecoderKind::Square, &data).fit(&data).unwrap();
    let of = |stage| fitted.history.iter().filter(|e| e.stage == stage).count();
    assert_eq!((of(Stage::Code), of(Stage::Search), of(Stage::Polish)), (1, 1, 0));
    assert_eq!(fitted.report.code.unwrap().ending, Some(Ending::OutOfTime));
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

/// Time that does not end changes nothing.
#[test]
fn a_long_budget_is_none() {
    let data = data(2);
    let mut spec = late(DecoderKind::Square, &data);
    let DecoderSpec::Bijective(race) = &mut spec.decoder else { panic!("not bijective") };
    race.classes.truncate(1);
    (race.classes[0].restarts, race.classes[0].epochs, race.polish_epochs) = (2, 3, 2);
    let fitted = |budget| {
        let spec = FitSpec {
            training: ivae_core::spec::TrainSpec { time_budget: budget, ..spec.training.clone() },
            ..spec.clone()
        };
        spec.fit(&data).unwrap().transform(&data).unwrap()
    };
    let unbounded = fitted(None);
    for budget in [1e4, f64::MAX] {
        assert_eq!(fitted(Some(budget)), unbounded);
    }
}
