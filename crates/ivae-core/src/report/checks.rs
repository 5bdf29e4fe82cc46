//! What a report, and the data, say against a fit.

use ivae_data::{Dataset, discrete_columns, duplicate_rows};
use ivae_expfam::Answer;
use ivae_num::Scalar;

use super::fit_report::FitReport;
use super::warning::Warning;
use crate::prior::FEW_ROWS;
use crate::theory::StepReason;
use crate::train::Ending;

/// A bottleneck that loses more of the variance than this sets a low ceiling.
const LOSSY: f64 = 0.05;
/// Linear steps of the two halves of u that agree less than this are an accident of the values that u has.
const STEPS_AGREE: f64 = 0.95;

/// What in the data can weaken a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sensitivity {
    /// Discrete columns and copied rows: for a density of continuous x.
    pub to_discrete_x: bool,
    /// Levels of u with few rows: for a prior table, and whether it is shrunk there.
    pub to_small_levels: Option<bool>,
}

/// What in `data` weakens a model of this sensitivity.
pub fn data_warnings<F: Scalar>(data: &Dataset<F>, sensitivity: Sensitivity) -> Vec<Warning> {
    let mut out = Vec::new();
    if sensitivity.to_discrete_x {
        let discrete = discrete_columns(data.x.view(), &data.x_names);
        if let Some(first) = discrete.first() {
            let (discrete, columns) = (discrete.len(), data.x.ncols());
            out.push(Warning::DiscreteColumns {
                discrete,
                columns,
                first: first.name.clone(),
                values: first.values,
            });
        }
        let rows = if discrete.is_empty() { duplicate_rows(data.x.view()) } else { 0 };
        out.extend((rows > 0).then_some(Warning::CopiedRows { rows }));
    }
    if let (Some(is_shrunk), Some(levels)) = (sensitivity.to_small_levels, &data.u.levels) {
        let small = levels.counts().into_iter().filter(|c| (1..FEW_ROWS).contains(c)).count();
        let levels = levels.present();
        out.extend((small > 0).then_some(Warning::SmallLevels { small, levels, is_shrunk }));
    }
    out
}

/// What a report says against its fit; `is_identifiable` is whether the model claims identifiability.
pub fn warnings(report: &FitReport, is_identifiable: bool) -> Vec<Warning> {
    let mut out = Vec::new();
    if let Some(ica) = &report.ica {
        out.extend(ica.before.map(|first| Warning::FastIcaGaveWay { iterations: first.iterations }));
        if !ica.converged {
            let (method, iterations) = (ica.method, ica.iterations);
            let (limit, tolerance) = (ica.limit, ica.tolerance);
            out.push(Warning::IcaNotConverged { method, iterations, limit, tolerance });
        }
        return out;
    }
    let lost = report.restarts.iter().filter(|r| r.ending == Ending::NotFinite).count();
    if lost > 0 {
        out.push(Warning::RestartsLost { lost, restarts: report.restarts.len() });
    }
    if let Some(search) = report.search.as_ref().filter(|s| s.starts_in_basin < 2) {
        let (starts_in_basin, starts, class) = (search.starts_in_basin, search.starts, search.class.clone());
        out.push(Warning::StartsDisagree { starts_in_basin, starts, class });
    }
    if let Some(kept) = &report.bottleneck {
        if kept.lost_variance > LOSSY {
            let latents = kept.latents;
            out.push(Warning::LossyBottleneck { latents, lost_variance: kept.lost_variance });
        }
        if kept.dropped > 0 {
            out.push(Warning::BottleneckStartsLost { lost: kept.dropped });
        }
    }
    let bottleneck = report.bottleneck.as_ref().and_then(|c| c.ending);
    if report.restarts.iter().map(|r| r.ending).chain(bottleneck).any(|e| e == Ending::OutOfTime) {
        out.push(Warning::OutOfTime);
    } else if !report.converged && !report.restarts.is_empty() {
        out.push(Warning::StillRising { epochs: report.epochs });
    }
    if let Some(found) = report.identifiability.as_ref().filter(|_| is_identifiable)
        && let Some(condition) = found.variability()
        // Unknown without an interval, as for every continuous u, is no sign of anything.
        && match condition.answer {
            Answer::Holds => false,
            Answer::Unknown => found.smallest.is_some(),
            Answer::Fails => true,
        }
    {
        out.push(Warning::Variability { answer: condition.answer, reason: condition.reason.clone() });
    }
    if let Some(collapse) = report.collapse.as_ref().filter(|c| !c.collapsed.is_empty()) {
        out.push(Warning::Collapsed {
            latents: collapse.collapsed.clone(),
            threshold: collapse.threshold,
            retries: collapse.retries,
        });
    }
    // A VAE bounds log p(x), which cannot be compared with log p(x|u).
    if let (true, Some(held_out), Some(u_only)) =
        (is_identifiable, report.objective.held_out, report.objective.u_only)
        && held_out < u_only
    {
        out.push(Warning::WorseThanU { held_out, u_only });
    }
    if let Some(step) = &report.linear_step {
        match (&step.reason, step.converged, step.iterations) {
            (StepReason::Failed { error }, ..) => {
                out.push(Warning::LinearStepFailed { error: error.clone() });
            }
            (_, Some(false), Some(iterations)) => out.push(Warning::LinearStepNotConverged { iterations }),
            (_, Some(true), _) if step.agreement.is_none_or(|a| a < STEPS_AGREE) => {
                out.push(Warning::LinearStepUncertain { agreement: step.agreement });
            }
            _ => {}
        }
    }
    out
}
