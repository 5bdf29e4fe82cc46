//! What a user should know of a fit before trusting it.

use crate::report::FitReport;
use crate::spec::{FitSpec, ModelKind};
use crate::trainer::Ending;

/// A code that loses more of the variance than this sets a low ceiling.
const LOSSY: f64 = 0.05;

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
    if !report.converged {
        out.push(format!(
            "the objective was still rising after {} epochs: give more epochs (training.epochs)",
            report.epochs
        ));
    }
    if let Some(id) =
        report.identifiability.as_ref().filter(|id| spec.model == ModelKind::Ivae && id.rank + 1 < id.needed)
    {
        out.push(id.verdict.clone());
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
