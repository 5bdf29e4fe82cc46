//! `ivae fit`.

mod settings;
mod variability;

use std::path::Path;
use std::time::Instant;

use ivae::core::fit::check_fit;
use ivae::data::{dequantise, discrete_columns};
use ivae::num::{Purpose, StreamKey};
use ivae::prelude::{FitError, FitReport, LikelihoodFamily, ModelSpec, SpecError, Warning, fit_owned};

use crate::args::FitArgs;
use crate::exit::{Exit, print, print_json, warn};
use crate::input;
use crate::progress::Watch;

pub(crate) fn run(args: &FitArgs) -> Result<(), Exit> {
    refuse_folder(&args.out, args.force)?;
    let path = &args.data.path;
    let mut data = input::data_to_fit(path, &args.data.columns)?;
    if args.dequantise {
        let columns = discrete_columns(data.x.view(), &data.x_names);
        let key = StreamKey::new(args.seed.unwrap_or(0), Purpose::Noise);
        dequantise(data.x.view_mut(), &columns, key);
    }
    let (spec, note) = settings::spec(args, &data)?;
    check_fit(&data, &spec).map_err(|e| exit(e, path))?;
    let too_few_u = variability::too_few_u(&spec, &data.u);
    warn(note.iter().chain(&too_few_u));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads.unwrap_or(0).into())
        .build()
        .map_err(|e| Exit::failed(format!("cannot start threads: {e}")))?;

    let epochs = spec.model.most_epochs(data.x.ncols(), spec.latents);
    let watch = Watch::new(&args.out, epochs, args.quiet)?;
    let began = Instant::now();
    let mut fitted =
        pool.install(|| fit_owned(data, &spec, &watch)).map_err(|e| watch.give_up(exit(e, path)))?;
    fitted.report.seconds = began.elapsed().as_secs_f64();
    let _whole = watch.save(&fitted)?;
    let is_known = |w: &Warning| too_few_u.is_some() && matches!(w, Warning::Variability { .. });
    warn(fitted.report.warnings.iter().filter(|w| !is_known(w)));
    if args.json {
        return print_json(&fitted.report);
    }
    let likelihood = likelihood(&fitted.spec.model, args.likelihood.is_none());
    print(&summary(&fitted.report, &args.out, likelihood))
}

/// Refuse a run folder that holds anything, unless forced, and a path that is no folder.
fn refuse_folder(dir: &Path, force: bool) -> Result<(), Exit> {
    let shown = dir.display();
    match std::fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(empty) if empty || force => Ok(()),
        Ok(_) => Err(Exit::input(format!(
            "the folder {shown} exists; give --force to write into it, or another --out"
        ))),
        Err(e) if dir.is_dir() => Err(Exit::input(format!("cannot read the folder {shown}: {e}"))),
        Err(_) if dir.exists() => Err(Exit::input(format!("{shown} is a file; --out must be a folder"))),
        Err(_) => Ok(()),
    }
}

fn exit(error: FitError, data: &Path) -> Exit {
    match error {
        FitError::Spec(SpecError::Write(_)) | FitError::NotFinite { .. } | FitError::Linalg(_) => {
            Exit::failed(error)
        }
        FitError::Interrupted { .. } => Exit::interrupted(error),
        FitError::Spec(_) => Exit::input(error),
        FitError::Data(_) | FitError::Ica(_) => Exit::file(data, error),
    }
}

/// The likelihood of discrete x, and whether it was chosen for the data.
fn likelihood(model: &ModelSpec, was_chosen: bool) -> Option<String> {
    let ModelSpec::Vae(vae) = model else { return None };
    vae.likelihood.family.part::<f32>().suited()?;
    let found = LikelihoodFamily::ALL.into_iter().find(|(family, ..)| *family == vae.likelihood.family);
    let (_, name, words) = found.filter(|_| was_chosen)?;
    Some(format!("likelihood        {name} ({words}): chosen for x; --likelihood takes another"))
}

fn summary(report: &FitReport, out: &Path, likelihood: Option<String>) -> String {
    let mut lines = vec![format!(
        "{}: {} in {:.1} s, {}",
        out.display(),
        report.model,
        report.seconds,
        if report.converged { "converged" } else { "NOT converged" }
    )];
    lines.extend(likelihood);
    if let Some(held_out) = report.objective.held_out {
        let u_only = report.objective.u_only.map_or(String::new(), |u| format!(" (u alone {u:.3})"));
        let (what, unit) = match (&report.search, &report.bottleneck) {
            (None, _) => ("held-out ELBO     ", "row"),
            (Some(_), None) => ("held-out log p    ", "row"),
            (Some(_), Some(_)) => ("held-out log p    ", "row of the bottleneck"),
        };
        lines.push(format!("{what}{held_out:.3} nats per {unit}{u_only}"));
    }
    if let Some(id) = &report.identifiability {
        lines.push(format!("identifiability   {}", id.verdict));
    }
    if let Some(step) = report.linear_step.as_ref().filter(|step| step.applied) {
        let agreement =
            step.agreement.map_or(String::new(), |a| format!("; halves of u agree to {a:.3} (MCC)"));
        lines.push(format!("linear step       taken, since a linear map is free{agreement}"));
    }
    if let Some(search) = &report.search {
        let refined = report.restarts.iter().filter(|r| r.refined).count();
        lines.push(format!(
            "search            {} with {} latents; {} of {} starts agree with it",
            search.class,
            search.family.words(),
            search.starts_in_basin,
            search.starts
        ));
        let plural = if refined == 1 { "" } else { "s" };
        lines.push(format!("refine            {refined} run{plural} of survivors"));
    }
    if let Some(bottleneck) = &report.bottleneck {
        lines.push(format!(
            "bottleneck        loses {:.2} % of the variance of x",
            100.0 * bottleneck.lost_variance
        ));
    }
    let finished: Vec<String> =
        report.restarts.iter().map(|r| r.objective.map_or("lost".into(), |o| format!("{o:.3}"))).collect();
    if finished.len() > 1 {
        lines.push(format!("restarts          {} (best kept)", finished.join(", ")));
    }
    lines.join("\n")
}
