//! `ivae fit`.

use std::path::Path;
use std::time::Instant;

use ivae::core::block::BlockSpec;
use ivae::core::fit::check_fit;
use ivae::core::spec::VarianceSpec;
use ivae::core::{FitError, SpecError};
use ivae::data::{Aux, Dataset};
use ivae::expfam::GaussianForm;
use ivae::nn::MlpSpec;
use ivae::prelude::{FitReport, FitSpec, ModelKind, fit};

use crate::args::{DecoderArg, FitArgs, LikelihoodArg, ModelArg, PriorArg};
use crate::exit::{Exit, print, print_json};
use crate::input;
use crate::progress::Watch;

pub(crate) fn run(args: &FitArgs) -> Result<(), Exit> {
    refuse_missing(args)?;
    let data = input::data(&args.data)?;
    let spec = spec(args, &data)?;
    check_fit(&data, &spec).map_err(exit)?;
    prepare_folder(&args.out, args.force)?;
    for warning in warnings_before(&spec, &data) {
        eprintln!("ivae: warning: {warning}");
    }
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads.unwrap_or(0))
        .build()
        .map_err(|e| Exit::failed(format!("cannot start threads: {e}")))?;

    let epochs = if spec.model.is_linear() { 0 } else { spec.training.epochs * spec.training.restarts };
    let watch = Watch::new(&args.out.join("history.jsonl"), epochs, args.quiet || args.json)?;
    let began = Instant::now();
    let fitted = pool.install(|| fit(&data, &spec, &watch));
    watch.clear();
    if watch.stopped() {
        return Err(Exit::interrupted(format!("interrupted; the history so far is in {}", args.out.display())));
    }
    let mut fitted = fitted.map_err(exit)?;
    fitted.report.seconds = began.elapsed().as_secs_f64();
    fitted.save(&args.out).map_err(Exit::failed)?;
    for warning in &fitted.report.warnings {
        eprintln!("ivae: warning: {warning}");
    }
    match args.json {
        true => print_json(&fitted.report),
        false => print(&summary(&fitted.report, &args.out)),
    }
}

/// What the contract names and is not built yet.
fn refuse_missing(args: &FitArgs) -> Result<(), Exit> {
    use ModelArg as M;
    if let Some(model @ (M::BetaVae | M::BetaTcVae | M::FactorVae | M::Tcl | M::Gcl | M::Ajd)) = args.model {
        return Err(Exit::input(format!("--model {} is not available yet; there are ivae, vae, fastica, pca", name(&model))));
    }
    if let DecoderArg::Square | DecoderArg::Coupling = args.decoder {
        return Err(Exit::input(format!("--decoder {} is not available yet; there is mlp", name(&args.decoder))));
    }
    if args.threads == Some(0) {
        return Err(Exit::input("--threads must be positive, but is 0"));
    }
    Ok(())
}

fn name(value: &impl clap::ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |v| v.get_name().to_string())
}

/// The settings: those of a preset, a file or the defaults, then the options given.
fn spec(args: &FitArgs, data: &Dataset<f32>) -> Result<FitSpec, Exit> {
    let latents = args.latents.unwrap_or(data.observed());
    let kind = match args.model {
        Some(ModelArg::Vae) => ModelKind::Vae,
        Some(ModelArg::Fastica) => ModelKind::FastIca,
        Some(ModelArg::Pca) => ModelKind::Pca,
        _ => ModelKind::Ivae,
    };
    let mut spec = match (&args.config, args.preset) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path).map_err(|e| Exit::input(format!("{}: {e}", path.display())))?;
            FitSpec::from_toml(&text).map_err(|e| Exit::input(format!("{}: {e}", path.display())))?
        }
        (None, Some(_)) => FitSpec::reference(latents, 100, 64),
        (None, None) => FitSpec::for_data(kind, latents, data),
    };
    if let (Some(_), true) = (args.model, args.config.is_some() || args.preset.is_some()) {
        spec.model = kind;
        if kind == ModelKind::Vae {
            spec.vae.prior = FitSpec::vae(latents).vae.prior;
        }
    }
    if args.latents.is_some() {
        spec.latents = latents;
    }
    if let Some(prior) = args.prior {
        if spec.model != ModelKind::Ivae {
            return Err(Exit::input(format!("--prior is for --model ivae, not {}", spec.model.name())));
        }
        spec.vae.prior.form = match prior {
            PriorArg::Gauss => GaussianForm::MeanVar,
            PriorArg::GaussVar => GaussianForm::Var,
            PriorArg::GaussMean => GaussianForm::Mean,
        };
    }
    if let Some(likelihood) = args.likelihood {
        let VarianceSpec::PerDimension { start, floor } = FitSpec::ivae(latents).vae.likelihood.variance else {
            return Err(Exit::failed("the default likelihood has no learned variance"));
        };
        spec.vae.likelihood.variance = match likelihood {
            LikelihoodArg::Gauss => VarianceSpec::PerDimension { start, floor },
            LikelihoodArg::GaussShared => VarianceSpec::Shared { start, floor },
            LikelihoodArg::GaussFixed => VarianceSpec::Fixed(0.01),
        };
    }
    if let Some(width) = args.hidden {
        let widen = |net: &mut MlpSpec| net.hidden.fill(width);
        widen(&mut spec.vae.posterior.net);
        widen(&mut spec.vae.likelihood.net);
        if let BlockSpec::Net(net) = &mut spec.vae.prior.parameters {
            widen(net);
        }
    }
    let t = &mut spec.training;
    t.epochs = args.epochs.unwrap_or(t.epochs);
    t.restarts = args.restarts.unwrap_or(t.restarts);
    t.batch = args.batch.unwrap_or(t.batch);
    t.learning_rate = args.lr.unwrap_or(t.learning_rate);
    t.held_out = args.held_out.unwrap_or(t.held_out);
    t.patience = args.patience.or(t.patience);
    t.held_out_block = args.held_out_block.or(t.held_out_block);
    spec.seed = args.seed.unwrap_or(spec.seed);
    Ok(spec)
}

/// Make the run folder, or refuse it; proves that it can be written to.
fn prepare_folder(dir: &Path, force: bool) -> Result<(), Exit> {
    let shown = dir.display();
    match std::fs::read_dir(dir) {
        Ok(mut entries) => {
            if entries.next().is_some() && !force {
                return Err(Exit::input(format!("{shown} exists; give --force to write into it, or another --out")));
            }
        }
        Err(_) if dir.exists() => return Err(Exit::input(format!("{shown} is not a folder"))),
        Err(_) => std::fs::create_dir_all(dir).map_err(|e| Exit::input(format!("{shown}: {e}")))?,
    }
    Ok(())
}

/// What can be said before any work: identifiability needs enough distinct u.
fn warnings_before(spec: &FitSpec, data: &Dataset<f32>) -> Vec<String> {
    let (Aux::Levels(levels), ModelKind::Ivae) = (&data.u, spec.model) else { return Vec::new() };
    let k = spec.vae.prior.form.k();
    let (distinct, needed) = (levels.present(), spec.latents * k + 1);
    match distinct < needed {
        true => vec![format!(
            "{} latents with k = {k} statistics need {needed} distinct u (nk + 1, Theorem 1), but there are {distinct}: \
             the latents will not be identifiable; give more segments, fewer --latents, or --prior gauss-var",
            spec.latents
        )],
        false => Vec::new(),
    }
}

fn exit(error: FitError) -> Exit {
    match error {
        FitError::Spec(SpecError::Write(_)) | FitError::NotFinite { .. } | FitError::Linalg(_) => Exit::failed(error),
        FitError::Interrupted { .. } => Exit::interrupted(error),
        FitError::Spec(_) | FitError::Data(_) | FitError::Ica(_) => Exit::input(error),
    }
}

fn summary(report: &FitReport, out: &Path) -> String {
    let mut lines = vec![format!(
        "{}: {} in {:.1} s, {}",
        out.display(),
        report.model,
        report.seconds,
        if report.converged { "converged" } else { "NOT converged" }
    )];
    if let Some(held_out) = report.objective.held_out {
        let u_only = report.objective.u_only.map_or(String::new(), |u| format!(" (u alone {u:.3})"));
        lines.push(format!("held-out ELBO     {held_out:.3} nats per row{u_only}"));
    }
    if let Some(id) = &report.identifiability {
        lines.push(format!("identifiability   {}", id.verdict));
    }
    let finished: Vec<String> =
        report.restarts.iter().map(|r| r.objective.map_or("lost".into(), |o| format!("{o:.3}"))).collect();
    if finished.len() > 1 {
        lines.push(format!("restarts          {} (kept number {})", finished.join(", "), report.chosen));
    }
    lines.join("\n")
}
