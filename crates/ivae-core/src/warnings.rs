//! What a user should know of a fit before trusting it.

use ivae_data::{Dataset, discrete_columns, duplicate_rows};
use ivae_expfam::Answer;
use ivae_num::Scalar;

use crate::block::BlockSpec;
use crate::exact::FEW_ROWS;
use crate::report::FitReport;
use crate::spec::{DecoderSpec, FitSpec, LikelihoodFamily, ModelKind};
use crate::trainer::Ending;

/// A code that loses more of the variance than this sets a low ceiling.
const LOSSY: f64 = 0.05;

/// What in the data weakens a density fitted to them.
pub(crate) fn data_warnings<F: Scalar>(data: &Dataset<F>, spec: &FitSpec) -> Vec<String> {
    let mut out = Vec::new();
    let binary = matches!(spec.vae.likelihood.family, LikelihoodFamily::Bernoulli);
    if spec.model.is_linear() || (binary && spec.decoder == DecoderSpec::Mlp) {
        return out;
    }
    let discrete = discrete_columns(data.x.view(), &data.x_names);
    if let Some(first) = discrete.first() {
        out.push(format!(
            "{} of {} columns of x are discrete ({} holds {} values): a density may grow on them without bound; \
             dequantise them, or leave them out",
            discrete.len(),
            data.x.ncols(),
            first.name,
            first.values
        ));
    }
    let twice = if discrete.is_empty() { duplicate_rows(data.x.view()) } else { 0 };
    if twice > 0 {
        out.push(format!("{twice} rows of x are copies of others: held-out rows may not judge fairly"));
    }
    if let (Some(levels), BlockSpec::Table) = (data.u.levels(), &spec.vae.prior.parameters) {
        let mut count = vec![0usize; levels.names.len()];
        levels.index.iter().for_each(|&u| count[u as usize] += 1);
        let few = count.iter().filter(|&&c| c > 0 && c < FEW_ROWS).count();
        if few > 0 {
            let shrunk = match spec.decoder {
                DecoderSpec::Bijective(_) => ", and shrunk towards the pooled one",
                DecoderSpec::Mlp => "",
            };
            out.push(format!(
                "{few} of {} levels of u have fewer than {FEW_ROWS} rows: their part of the prior is poorly known{shrunk}",
                levels.present()
            ));
        }
    }
    out
}

pub(crate) fn warnings(report: &FitReport, spec: &FitSpec) -> Vec<String> {
    let mut out = Vec::new();
    let lost = report.restarts.iter().filter(|r| r.ending == Ending::NotFinite).count();
    if lost > 0 {
        out.push(format!("{lost} of {} restarts became non-finite and were dropped", report.restarts.len()));
    }
    if let Some(search) = report.search.as_ref().filter(|s| s.reached < 2) {
        out.push(format!(
            "{} of {} starts of the class kept ({}) reached the latents kept, so better ones may exist: give more \
             restarts or epochs",
            search.reached, search.starts, search.class
        ));
    }
    if let Some(code) = report.code.as_ref().filter(|c| c.lost_variance > LOSSY) {
        out.push(format!(
            "the code of x loses {:.1} % of the variance: noise, or more latents than were asked for",
            100.0 * code.lost_variance
        ));
    }
    if let Some(code) = report.code.as_ref().filter(|c| c.dropped > 0) {
        out.push(format!("{} starts of the code of x became non-finite and were dropped", code.dropped));
    }
    let code = report.code.as_ref().and_then(|c| c.ending);
    if report.restarts.iter().map(|r| r.ending).chain(code).any(|e| e == Ending::OutOfTime) {
        out.push("the time was over before all training had ended: give more (--time-budget)".into());
    } else if !report.converged {
        out.push(format!(
            "the objective was still rising after {} epochs: give more epochs (training.epochs)",
            report.epochs
        ));
    }
    let identifiability = report.identifiability.as_ref().filter(|_| spec.model == ModelKind::Ivae);
    if let Some(condition) = identifiability
        .and_then(|found| found.check.as_ref()?.condition("(iii) variability"))
        // Unknown for want of an interval, as for every continuous u, is no sign of anything.
        .filter(|condition| match condition.answer {
            Answer::Holds => false,
            Answer::Unknown => identifiability.is_some_and(|found| found.smallest.is_some()),
            Answer::Fails => true,
        })
    {
        out.push(format!("the latents may not be identifiable (theorem 1): {}", condition.reason));
    }
    if let Some(collapse) = report.collapse.as_ref().filter(|c| !c.collapsed.is_empty()) {
        let list: Vec<String> = collapse.collapsed.iter().map(|i| format!("z{}", i + 1)).collect();
        out.push(format!(
            "latents {} collapsed onto the prior (KL below {} nats), in {} more attempts too: they say nothing \
             about x beyond u; ask for fewer latents, or more restarts",
            list.join(", "),
            collapse.threshold,
            collapse.retries
        ));
    }
    // A VAE bounds log p(x), which is no rival of log p(x|u).
    if let (ModelKind::Ivae, Some(ours), Some(u_only)) =
        (spec.model, report.objective.held_out, report.objective.u_only)
        && ours < u_only
    {
        out.push(format!(
            "the held-out bound ({ours:.3} nats per row) is below what u alone gives ({u_only:.3}): do not trust the latents"
        ));
    }
    out
}
