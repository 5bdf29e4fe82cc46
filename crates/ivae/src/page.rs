//! The page about one run: what was fitted, whether to believe it, and, with data, what the latents look like.

mod latents;
mod search;
mod training;

use ivae_core::model::linear::LinearSpec;
use ivae_core::report::{Collapse, FitReport};
use ivae_core::theory::{Identifiability, LinearStepReport};
use ivae_core::{Fitted, ModelKind, ModelSpec, Schema, SpecError};
use ivae_data::Dataset;
use ivae_num::Scalar;
use ivae_report::figure::{Bar, BarsOptions, LinesOptions, bars, spectrum};
use ivae_report::{Details, Figure, Page, Section, Stat, Table};

pub use self::training::training_curves;
use crate::evaluate::EvaluateError;

/// The page that `ivae report` writes about `fitted`; with `data` it also shows the latents and, where the data have
/// true sources, how well they were recovered. `command` is what the reader is told to repeat.
///
/// # Errors
/// Data that do not fit the model, or that cannot be scored.
pub fn run_page<F: Scalar>(
    fitted: &Fitted<F>,
    data: Option<&Dataset<F>>,
    command: &str,
) -> Result<Page, EvaluateError> {
    let mut sections = vec![overview(fitted, command)];
    if let Some(search) = &fitted.report.search {
        sections.push(search::section(search, fitted.report.bottleneck.as_ref()));
    }
    if !fitted.history.is_empty() {
        sections.push(training::section(fitted));
    }
    if let Some(id) = &fitted.report.identifiability {
        let mut section = identifiability(id, &fitted.spec.model);
        if let Some(step) = fitted.report.linear_step.as_ref().filter(|step| step.applied) {
            section.lead += &linear_step(step);
        }
        sections.push(section);
    }
    if let Some(collapse) = &fitted.report.collapse {
        sections.push(information(collapse));
    }
    if let Some(data) = data {
        sections.extend(latents::sections(fitted, data)?);
    }
    Ok(Page {
        title: format!("{} with {} latents", title(&fitted.spec.model), fitted.spec.latents),
        subtitle: subtitle(fitted),
        sections,
    })
}

/// What the objective is.
#[derive(Clone, Copy)]
enum ObjectiveKind {
    /// A bound on the likelihood of x.
    Elbo,
    /// The likelihood of x.
    Likelihood,
    /// The likelihood of a bottleneck of x.
    LikelihoodOfBottleneck,
}

impl ObjectiveKind {
    fn new(report: &FitReport) -> Self {
        match (&report.search, &report.bottleneck) {
            (None, _) => Self::Elbo,
            (Some(_), None) => Self::Likelihood,
            (Some(_), Some(_)) => Self::LikelihoodOfBottleneck,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Elbo => {
                "the ELBO, a lower bound on the log-likelihood of a row of x in nats, in x's own units"
            }
            Self::Likelihood => "the exact log-likelihood of a row of x given u in nats, in x's own units",
            Self::LikelihoodOfBottleneck => {
                "the exact log-likelihood, given u, of the white bottleneck of a row of x, in nats"
            }
        }
    }

    fn axis(self) -> &'static str {
        match self {
            Self::Elbo => "ELBO per row (nats)",
            Self::Likelihood => "log-likelihood per row (nats)",
            Self::LikelihoodOfBottleneck => "log-likelihood of the bottleneck (nats)",
        }
    }
}

fn title(model: &ModelSpec) -> String {
    match model {
        ModelSpec::Vae(_) | ModelSpec::Flow(_) if model.is_identifiable() => "Identifiable VAE".into(),
        ModelSpec::Vae(_) | ModelSpec::Flow(_) => "VAE".into(),
        _ => {
            let what = words(model);
            let end = what.find([':', ';', ',']).unwrap_or(what.len());
            format!("{} ({})", &what[..end], model.name())
        }
    }
}

/// What a model is, as the registry says.
fn words(model: &ModelSpec) -> &'static str {
    ModelKind::all().find(|(_, name, _)| *name == model.name()).map_or("", |(_, _, words)| words)
}

fn subtitle<F: Scalar>(fitted: &Fitted<F>) -> String {
    let Schema { x, levels, values, .. } = &fitted.schema;
    let levels = levels.as_ref().map(|names| format!("{} levels", names.len()));
    let values = values.as_ref().map(|names| match names.len() {
        1 => "1 continuous column".to_owned(),
        count => format!("{count} continuous columns"),
    });
    let parts: Vec<String> = levels.into_iter().chain(values).collect();
    let u = if parts.is_empty() {
        "no auxiliary variable".to_owned()
    } else {
        format!("an auxiliary variable u of {}", parts.join(" and "))
    };
    let rows = fitted.split.train.len() + fitted.split.held_out.len();
    format!("Fitted to {rows} rows of {} observed columns, with {u}.", x.len())
}

fn model_in_words(model: &ModelSpec) -> String {
    match model {
        ModelSpec::Vae(_) | ModelSpec::Flow(_) if model.is_identifiable() => {
            "The model explains each row of x by a few **latents** z that depend on u: x is a smooth function f of z, \
             with or without noise, and u sets the distribution of each latent. That dependence is what can make the \
             latents identifiable ([Khemakhem et al. 2020](https://arxiv.org/abs/1907.04809)): another fit to the same \
             data would find the same ones, up to order and rescaling."
                .into()
        }
        ModelSpec::Vae(_) | ModelSpec::Flow(_) => {
            "The model explains each row of x by a few **latents** z: x is a smooth function f of z plus noise, and \
             the latents are standard normal whatever u is. It is a baseline: many different sets of latents explain \
             the data equally well, so do not read meaning into any single one."
                .into()
        }
        ModelSpec::Linear(LinearSpec::Ajd) => {
            "The model unmixes x **linearly** into components that are uncorrelated in every segment at once: it uses \
             u through the variances, as iVAE does, but cannot undo a nonlinear mixing."
                .into()
        }
        ModelSpec::Linear(LinearSpec::Sobi { .. }) => {
            "The model unmixes x **linearly** into components that are uncorrelated at every lag at once: it uses the \
             order of the rows in time, and not u, and cannot undo a nonlinear mixing."
                .into()
        }
        ModelSpec::Linear(LinearSpec::Pca) => {
            "The model rotates x onto its directions of largest variance. It is a baseline: uncorrelated is less than \
             independent, and the mixing may not be linear."
                .into()
        }
        _ if matches!(model, ModelSpec::Linear(_)) => format!(
            "The model unmixes x **linearly**. {}. It is a baseline: it cannot undo a nonlinear mixing.",
            words(model)
        ),
        _ => format!("{}.", words(model)),
    }
}

fn overview<F: Scalar>(fitted: &Fitted<F>, command: &str) -> Section {
    let (report, spec) = (&fitted.report, &fitted.spec);
    let mut stats = Vec::new();
    let objective = &report.objective;
    for (value, label) in [
        (objective.held_out, "held-out objective"),
        (objective.train, "training objective"),
        (objective.u_only, "by u alone, held-out"),
    ] {
        stats.extend(value.map(|v| Stat { value: number(v, 2), label: label.into() }));
    }
    stats.push(Stat { value: if report.converged { "yes" } else { "no" }.into(), label: "converged".into() });
    stats.push(Stat { value: format!("{:.1} s", report.seconds), label: "fitted in".into() });
    let mut lead = model_in_words(&spec.model);
    if objective.held_out.is_some() {
        lead += &format!(
            "\n\nThe **objective** is {}; higher is better, and only differences mean something.",
            ObjectiveKind::new(report).words()
        );
    }
    if objective.u_only.is_some() {
        lead += " *u alone* is the log-likelihood of independent columns given the level of u, with no latents: an iVAE \
                 below it has learnt nothing from x.";
    }
    let settings = spec.to_toml().unwrap_or_else(|e: SpecError| e.to_string());
    Section {
        title: "What was fitted".into(),
        lead,
        stats,
        warnings: report.warnings.iter().map(ToString::to_string).collect(),
        details: Some(Details { command: command.into(), seed: Some(spec.seed), spec: settings }),
        ..Section::default()
    }
}

fn identifiability(id: &Identifiability, model: &ModelSpec) -> Section {
    let nk = id.needed - 1;
    let mut lead = format!("**{}**.", capital(&id.verdict));
    if model.is_identifiable() {
        lead += &format!(
            "\n\nTheorem 1 of Khemakhem et al. (2020) needs u to move the latents' distributions in enough independent \
             ways. Every latent has {}, so {nk} directions are needed, and at least {} different \
             values of u; the data have {}. The matrix L collects how the fitted distributions differ between values \
             of u, and its singular values say how far each direction is moved: the condition holds where none of \
             them is near zero.",
            if id.k == 1 { "1 statistic here".into() } else { format!("{} statistics here", id.k) },
            id.needed,
            id.distinct_u,
        );
    }
    let mut stats = vec![
        Stat { value: id.distinct_u.to_string(), label: "different values of u".into() },
        Stat { value: id.needed.to_string(), label: "needed (nk + 1)".into() },
    ];
    let mut figures = Vec::new();
    if !id.singular_values.is_empty() {
        stats.push(Stat { value: format!("{} of {nk}", id.rank), label: "rank of L".into() });
        stats.extend(
            id.condition.map(|c| Stat { value: number(c, 1), label: "condition number of L".into() }),
        );
        let options = LinesOptions {
            title: "Singular values of the fitted L".into(),
            x_label: "index".into(),
            y_label: "singular value".into(),
            ..LinesOptions::default()
        };
        figures.push(Figure {
            svg: spectrum(&[(String::new(), id.singular_values.clone())], &options),
            caption: "How strongly u moves the latents, direction by direction. A sudden drop by orders of magnitude \
                      means directions that u does not move."
                .into(),
            alt: "A line of falling singular values on a logarithmic axis.".into(),
        });
    }
    let conditions = id.check.iter().map(|check| Table {
        head: ["condition", "", "why"].map(String::from).to_vec(),
        rows: check
            .conditions
            .iter()
            .map(|c| vec![c.id.to_string(), c.answer.to_string(), c.reason.clone()])
            .collect(),
        caption:
            "What the theorems ask, for all latents and values of u. *unknown*: it cannot be seen from a fit."
                .into(),
        emphasis: None,
    });
    Section {
        title: "Can the latents be identified?".into(),
        lead,
        stats,
        figures,
        tables: conditions.collect(),
        notes: id
            .check
            .as_ref()
            .map_or_else(Vec::new, |check| check.advice.iter().map(|a| format!("Next: {a}.")).collect()),
        ..Section::default()
    }
}

fn linear_step(step: &LinearStepReport) -> String {
    let sure = step.agreement.map_or(String::new(), |agreement| {
        format!(
            " Steps found from either half of the values of u agree to {} (MCC); far below 1, the rotation is not to \
             be trusted.",
            number(agreement, 3)
        )
    });
    format!(
        "\n\nThe theorem leaves a rotation of the latents free, so a **linear step** was taken: they were rotated to be as \
         independent as can be over all u together.{sure}"
    )
}

fn information(collapse: &Collapse) -> Section {
    let rows: Vec<Bar> = collapse
        .kl_per_latent
        .iter()
        .enumerate()
        .map(|(i, &value)| Bar {
            label: format!("z{}", i + 1),
            value,
            error: None,
            emphasis: !collapse.collapsed.contains(&i),
        })
        .collect();
    let verdict = match collapse.collapsed.len() {
        0 => "All latents are in use.".to_owned(),
        n => format!("{n} of {} latents are not in use (grey).", rows.len()),
    };
    let options = BarsOptions {
        title: "What each latent says about x".into(),
        x_label: "KL from posterior to prior (nats per row)".into(),
        ..BarsOptions::default()
    };
    Section {
        title: "What each latent carries".into(),
        lead: format!(
            "How much a row of x tells about each latent beyond what u already tells. A latent below {} nats has \
             *collapsed*: it is noise, and fewer latents would do. {verdict}",
            collapse.threshold
        ),
        figures: vec![Figure {
            svg: bars(&rows, &options),
            caption: "Mean divergence of the posterior q(z|x) from the prior p(z|u), over training rows."
                .into(),
            alt: "One bar for each latent.".into(),
        }],
        ..Section::default()
    }
}

/// A number with a true minus sign.
fn number(value: f64, digits: usize) -> String {
    format!("{value:.digits$}").replace('-', "−")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().collect::<String>() + chars.as_str())
}
