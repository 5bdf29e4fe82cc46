//! The training section: the curves of every restart, and how each ended.

use ivae_core::report::{FitReport, RestartReport};
use ivae_core::train::{Ending, Stage};
use ivae_core::{EpochRecord, Fitted};
use ivae_num::Scalar;
use ivae_report::figure::{Curve, CurvesOptions, curves as draw_curves};
use ivae_report::{Figure, Section, Table};

use super::{ObjectiveKind, number};

/// The training curves of every restart of `fitted`, the kept one in colour.
pub fn training_curves<F: Scalar>(fitted: &Fitted<F>) -> Figure {
    let report = &fitted.report;
    // The epochs of a bottleneck have another objective.
    let history: Vec<&EpochRecord> = fitted.history.iter().filter(|e| e.stage != Stage::Bottleneck).collect();
    let curves: Vec<Curve> = report
        .restarts
        .iter()
        .map(|restart| {
            let epochs: Vec<&EpochRecord> =
                history.iter().filter(|e| e.restart == restart.restart).copied().collect();
            let chosen = restart.restart == report.chosen;
            Curve {
                train: epochs.iter().map(|e| e.train).collect(),
                held_out: epochs.iter().filter_map(|e| e.held_out).collect(),
                chosen,
                kept_epoch: chosen.then_some(restart.best_epoch),
            }
        })
        .collect();
    let refined = report.restarts.iter().filter(|r| r.refined).count();
    let count = match curves.len() - refined {
        1 => "One start".to_owned(),
        n => format!("{n} starts"),
    };
    let (title, refinement) = match refined {
        0 => (count, ""),
        n => (format!("{count}, {n} refined"), " Refinements begin where the best starts ended."),
    };
    let held_out = history.iter().any(|e| e.held_out.is_some());
    let compared_on = if held_out { "held-out rows" } else { "the training rows, as nothing was held out" };
    let y_label = ObjectiveKind::new(report).axis().to_owned();
    Figure {
        svg: draw_curves(&curves, &CurvesOptions { title, y_label, ..CurvesOptions::default() }),
        caption: format!(
            "The objective after each epoch. The restart with the highest objective on {compared_on} is kept, in \
             colour, at its best epoch (the dot).{refinement}"
        ),
        alt: "Curves that rise and level off, one for each restart.".into(),
    }
}

/// The curve of the bottleneck, which is trained before the restarts.
fn bottleneck_curve<F: Scalar>(fitted: &Fitted<F>) -> Option<Figure> {
    let epochs: Vec<&EpochRecord> = fitted.history.iter().filter(|e| e.stage == Stage::Bottleneck).collect();
    epochs.first()?;
    let curve = Curve {
        train: epochs.iter().map(|e| e.train).collect(),
        held_out: epochs.iter().filter_map(|e| e.held_out).collect(),
        chosen: true,
        kept_epoch: None,
    };
    let options = CurvesOptions {
        title: "The bottleneck".into(),
        y_label: "objective of the bottleneck".into(),
        ..CurvesOptions::default()
    };
    Some(Figure {
        svg: draw_curves(&[curve], &options),
        caption: "The bottleneck is trained first, by another objective, which cannot be compared with that of the \
                  restarts."
            .into(),
        alt: "A curve that rises and levels off.".into(),
    })
}

pub(super) fn section<F: Scalar>(fitted: &Fitted<F>) -> Section {
    let report = &fitted.report;
    let mut lead =
        "Training starts several times from different random parameters, because it can end in a local \
                    optimum that explains the data less well."
            .to_owned();
    match &report.search {
        Some(_) => {
            lead += " Here several classes of mixings were searched, and the best restarts of any class were refined: \
                     trained further at a lower rate.";
        }
        None => lead += &spread(report),
    }
    let mut figures = vec![training_curves(fitted)];
    figures.extend(bottleneck_curve(fitted));
    Section { title: "Training".into(), lead, figures, tables: vec![table(report)], ..Section::default() }
}

/// What the objectives of the starts of one class say.
fn spread(report: &FitReport) -> String {
    let objectives: Vec<f64> = report.restarts.iter().filter_map(|r| r.objective).collect();
    if objectives.len() < 2 {
        return String::new();
    }
    let best = objectives.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let spread = best - objectives.iter().copied().fold(f64::INFINITY, f64::min);
    format!(
        " Here the {} starts end within {} nats of each other: {}",
        objectives.len(),
        number(spread, 2),
        match spread {
            s if s < 0.05 => "they agree on how well the data can be explained.",
            s if s < 0.5 => "they differ a little; more restarts may find a better one.",
            _ => "they end in different optima, so ask for more restarts before trusting the best of these.",
        }
    )
}

fn table(report: &FitReport) -> Table {
    let line = |r: &RestartReport| {
        let ending = match r.ending {
            Ending::Converged => "converged",
            Ending::StillRising => "still rising",
            Ending::EarlyStopped => "stopped early",
            Ending::OutOfTime => "out of time",
            Ending::NotFinite => "not finite, dropped",
            Ending::Interrupted => "interrupted",
        };
        vec![
            (r.restart + 1).to_string(),
            r.class.clone(),
            if r.refined { "refine" } else { "search" }.into(),
            r.objective.map_or_else(|| "–".into(), |o| number(o, 3)),
            r.best_epoch.to_string(),
            ending.into(),
        ]
    };
    Table {
        head: ["restart", "class", "stage", "objective", "best epoch", "ended"].map(String::from).to_vec(),
        rows: report.restarts.iter().map(line).collect(),
        caption: format!(
            "Every restart; the one in bold is kept. The objective is {}.",
            ObjectiveKind::new(report).words()
        ),
        emphasis: report.restarts.iter().position(|r| r.restart == report.chosen),
    }
}
