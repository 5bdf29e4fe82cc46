//! Reports as JSON: every kind of warning comes back as it was, and its text stands beside it.

use ivae_core::model::flow::FlowClasses;
use ivae_core::model::linear::LinearSpec;
use ivae_core::{FitReport, FitSpec, Ivae, Warning};
use ivae_expfam::Answer;
use ivae_ica::Method;

use super::fit::{quick, simulated};

/// One warning of every kind.
fn one_of_each() -> Vec<Warning> {
    let reason = "L cannot be told from a singular matrix".to_string();
    vec![
        Warning::FastIcaGaveWay { iterations: 200 },
        Warning::IcaNotConverged { method: Method::Picard, iterations: 7, limit: 0.1, tolerance: 1e-7 },
        Warning::RestartsLost { lost: 1, restarts: 4 },
        Warning::StartsDisagree { starts_in_basin: 0, starts: 4, class: "square-tanh".into() },
        Warning::LossyBottleneck { latents: 5, lost_variance: 1.0 / 3.0 },
        Warning::BottleneckStartsLost { lost: 2 },
        Warning::OutOfTime,
        Warning::StillRising { epochs: 90 },
        Warning::Variability { answer: Answer::Fails, reason },
        Warning::Collapsed { latents: vec![0, 3], threshold: 0.02, retries: 2 },
        Warning::WorseThanU { held_out: -3.25, u_only: -3.0 },
        Warning::LinearStepFailed { error: "not of full rank".into() },
        Warning::LinearStepNotConverged { iterations: 1000 },
        Warning::LinearStepUncertain { agreement: Some(0.5) },
        Warning::LinearStepUncertain { agreement: None },
        Warning::DiscreteColumns { discrete: 2, columns: 9, first: "age".into(), values: 40 },
        Warning::CopiedRows { rows: 12 },
        Warning::SmallLevels { small: 3, levels: 40, is_shrunk: true },
    ]
}

/// The name of a warning in JSON; a kind that is added must be named here, and made in [`one_of_each`].
fn kind(warning: &Warning) -> &'static str {
    match warning {
        Warning::FastIcaGaveWay { .. } => "fast-ica-gave-way",
        Warning::IcaNotConverged { .. } => "ica-not-converged",
        Warning::RestartsLost { .. } => "restarts-lost",
        Warning::StartsDisagree { .. } => "starts-disagree",
        Warning::LossyBottleneck { .. } => "lossy-bottleneck",
        Warning::BottleneckStartsLost { .. } => "bottleneck-starts-lost",
        Warning::OutOfTime => "out-of-time",
        Warning::StillRising { .. } => "still-rising",
        Warning::Variability { .. } => "variability",
        Warning::Collapsed { .. } => "collapsed",
        Warning::WorseThanU { .. } => "worse-than-u",
        Warning::LinearStepFailed { .. } => "linear-step-failed",
        Warning::LinearStepNotConverged { .. } => "linear-step-not-converged",
        Warning::LinearStepUncertain { .. } => "linear-step-uncertain",
        Warning::DiscreteColumns { .. } => "discrete-columns",
        Warning::CopiedRows { .. } => "copied-rows",
        Warning::SmallLevels { .. } => "small-levels",
    }
}

#[test]
fn every_warning_survives_json_with_its_text() {
    let report = FitReport { model: "ivae".into(), warnings: one_of_each(), ..FitReport::default() };
    let text = serde_json::to_string(&report).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let written = json["warnings"].as_array().unwrap();
    assert_eq!(written.len(), report.warnings.len());
    for (json, warning) in written.iter().zip(&report.warnings) {
        assert_eq!(json["kind"], kind(warning));
        assert_eq!(json["message"], warning.to_string());
        assert!(!warning.to_string().is_empty());
    }
    assert_eq!(serde_json::from_str::<FitReport>(&text).unwrap(), report);
    // A report in which a warning has no text beside it is read all the same.
    let text = text.replace("\"message\"", "\"text\"");
    assert_eq!(serde_json::from_str::<FitReport>(&text).unwrap(), report);
}

#[test]
fn the_report_of_every_model_survives_json() {
    let data = simulated(2, 3, 40);
    let flow = Ivae::new(2).flow(FlowClasses::Square).epochs(1).restarts(1).spec(&data).unwrap();
    let mut of_x = flow.clone();
    of_x.latents = 3;
    let linear = |model| FitSpec::new(2, model);
    for spec in [quick(2), flow, of_x, linear(LinearSpec::FastIca), linear(LinearSpec::Pca)] {
        let report = spec.fit(&data).unwrap().report;
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<FitReport>(&text).unwrap(), report, "{text}");
    }
}
