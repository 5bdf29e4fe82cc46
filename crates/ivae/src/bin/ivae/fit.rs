//! `ivae fit`.

use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

use ivae::core::block::BlockSpec;
use ivae::core::fit::check_fit;
use ivae::core::spec::{DecoderSpec, LikelihoodFamily, VarianceSpec};
use ivae::core::{DecoderKind, FitError, SpecError};
use ivae::data::{Aux, Dataset, dequantise, discrete_columns};
use ivae::expfam::GaussianForm;
use ivae::nn::MlpSpec;
use ivae::num::{Purpose, StreamKey};
use ivae::prelude::{FitReport, FitSpec, ModelKind, fit_owned};

use crate::args::{DecoderArg, FitArgs, LikelihoodArg, ModelArg, PriorArg};
use crate::exit::{Exit, print, print_json, warn};
use crate::input;
use crate::progress::Watch;

pub(crate) fn run(args: &FitArgs) -> Result<(), Exit> {
    refuse_missing(args)?;
    refuse_folder(&args.out, args.force)?;
    let path = &args.data.path;
    let mut data = input::data_to_fit(path, &args.data.columns)?;
    if args.dequantise {
        let columns = discrete_columns(data.x.view(), &data.x_names);
        let key = StreamKey::new(args.seed.unwrap_or(0), Purpose::Noise);
        dequantise(data.x.view_mut(), &columns, key);
    }
    let spec = spec(args, &data)?;
    check_fit(&data, &spec).map_err(|e| exit(e, path))?;
    let before = warning_before(&spec, &data);
    warn(&before);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.threads.unwrap_or(0).into())
        .build()
        .map_err(|e| Exit::failed(format!("cannot start threads: {e}")))?;

    let epochs = match spec.model.is_linear() {
        true => 0,
        false => spec.most_epochs(data.x.ncols()),
    };
    let watch = Watch::new(&args.out, epochs, args.quiet)?;
    let began = Instant::now();
    let mut fitted =
        pool.install(|| fit_owned(data, &spec, &watch)).map_err(|e| watch.give_up(exit(e, path)))?;
    fitted.report.seconds = began.elapsed().as_secs_f64();
    let _whole = watch.save(&fitted)?;
    // What was said before the fit need not be said twice.
    let check = fitted.report.identifiability.as_ref().and_then(|id| id.check.as_ref());
    let said = before.and(check).and_then(|check| check.condition("(iii) variability"));
    warn(fitted.report.warnings.iter().filter(|w| said.is_none_or(|said| !w.ends_with(&said.reason))));
    match args.json {
        true => print_json(&fitted.report),
        false => print(&summary(&fitted.report, &args.out)),
    }
}

/// What the contract names and is not built yet.
fn refuse_missing(args: &FitArgs) -> Result<(), Exit> {
    use ModelArg as M;
    if let Some(model @ (M::BetaVae | M::BetaTcVae | M::FactorVae | M::Tcl | M::Gcl)) = args.model {
        return Err(Exit::input(format!(
            "--model {} is not available yet; there are ivae, vae, fastica, picard, infomax, ajd, sobi, pca",
            name(&model)
        )));
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
        Some(ModelArg::Picard) => ModelKind::Picard,
        Some(ModelArg::Infomax) => ModelKind::Infomax,
        Some(ModelArg::Ajd) => ModelKind::Ajd,
        Some(ModelArg::Sobi) => ModelKind::Sobi,
        Some(ModelArg::Pca) => ModelKind::Pca,
        _ => ModelKind::Ivae,
    };
    let decoder = match args.decoder {
        DecoderArg::Auto if args.hidden.is_some() || args.likelihood.is_some() => Some(DecoderKind::Mlp),
        DecoderArg::Mlp => Some(DecoderKind::Mlp),
        DecoderArg::Square => Some(DecoderKind::Square),
        DecoderArg::Coupling => Some(DecoderKind::Coupling),
        DecoderArg::Auto => None,
    };
    let mut spec = match (&args.config, args.preset) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path).map_err(|e| Exit::file(path, e))?;
            FitSpec::from_toml(&text).map_err(|e| Exit::file(path, e))?
        }
        (None, Some(_)) => FitSpec::reference(latents, 100, 64),
        (None, None) => FitSpec::for_data(kind, decoder, latents, data),
    };
    if args.model.is_some() && spec.model != kind {
        // A file or a preset of another model: keep its settings, but for what the model decides.
        let own = FitSpec::for_data(kind, Some(DecoderKind::Mlp), latents, data);
        (spec.model, spec.decoder, spec.vae.prior) = (kind, own.decoder, own.vae.prior);
        spec.vae.posterior.sees_u &= kind == ModelKind::Ivae;
    }
    match args.decoder {
        DecoderArg::Square | DecoderArg::Coupling if spec.model != ModelKind::Ivae => {
            return Err(Exit::input(format!(
                "--decoder {} is for --model ivae, not {}",
                name(&args.decoder),
                spec.model.name()
            )));
        }
        DecoderArg::Square | DecoderArg::Coupling if spec.decoder == DecoderSpec::Mlp => {
            let own = FitSpec::for_data(kind, decoder, latents, data);
            (spec.decoder, spec.scaling) = (own.decoder, own.scaling);
        }
        DecoderArg::Mlp => spec.decoder = DecoderSpec::Mlp,
        _ => {}
    }
    for (given, option) in [(args.hidden.is_some(), "--hidden"), (args.likelihood.is_some(), "--likelihood")]
    {
        if given && spec.decoder != DecoderSpec::Mlp {
            return Err(Exit::input(format!("{option} is for --decoder mlp, not a bijective one")));
        }
    }
    if args.latents.is_some() {
        spec.latents = latents;
    }
    if let Some(lags) = &args.lags {
        if spec.model != ModelKind::Sobi {
            return Err(Exit::input(format!("--lags is for --model sobi, not {}", spec.model.name())));
        }
        spec.lags = Some(lags.clone());
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
        set_likelihood(&mut spec, likelihood)?;
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
    t.restarts = args.restarts.map_or(t.restarts, |r| r as usize);
    t.batch = args.batch.unwrap_or(t.batch);
    t.learning_rate = args.lr.unwrap_or(t.learning_rate);
    t.time_budget = args.time_budget.or(t.time_budget);
    if let DecoderSpec::Bijective(b) = &mut spec.decoder {
        for class in &mut b.classes {
            class.epochs = args.epochs.unwrap_or(class.epochs);
            class.restarts = args.restarts.map_or(class.restarts, |r| r as usize);
            class.learning_rate = args.lr.unwrap_or(class.learning_rate);
        }
        b.polish_epochs = args.epochs.unwrap_or(b.polish_epochs);
        b.code.epochs = args.epochs.unwrap_or(b.code.epochs);
    }
    t.held_out = args.held_out.unwrap_or(t.held_out);
    if args.held_out == Some(0.0) && args.restarts.is_none() {
        t.restarts = 1; // there is nothing to choose between starts by
    }
    t.patience = args.patience.or(t.patience);
    t.held_out_block = args.held_out_block.or(t.held_out_block);
    spec.seed = args.seed.unwrap_or(spec.seed);
    Ok(spec)
}

/// Change the likelihood, and with it what goes with binary x or not.
fn set_likelihood(spec: &mut FitSpec, likelihood: LikelihoodArg) -> Result<(), Exit> {
    let own = FitSpec::ivae(spec.latents);
    let LikelihoodFamily::Gaussian(VarianceSpec::PerDimension { start, floor }) = own.vae.likelihood.family
    else {
        return Err(Exit::failed("the default likelihood has no learned variance"));
    };
    let variance = match likelihood {
        LikelihoodArg::Gauss => VarianceSpec::PerDimension { start, floor },
        LikelihoodArg::GaussShared => VarianceSpec::Shared { start, floor },
        LikelihoodArg::GaussFixed => VarianceSpec::Fixed(0.01),
        LikelihoodArg::Bernoulli if spec.is_binary() => return Ok(()),
        LikelihoodArg::Bernoulli => {
            spec.set_bernoulli();
            return Ok(());
        }
    };
    if spec.is_binary() {
        spec.scaling = own.scaling;
        spec.training = own.training;
        (spec.vae.posterior, spec.vae.likelihood) = (own.vae.posterior, own.vae.likelihood);
    }
    spec.vae.likelihood.family = LikelihoodFamily::Gaussian(variance);
    Ok(())
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

/// What can be said before any work: identifiability needs enough distinct u.
fn warning_before(spec: &FitSpec, data: &Dataset<f32>) -> Option<String> {
    if spec.model != ModelKind::Ivae {
        return None;
    }
    let k = spec.vae.prior.form.k();
    let needed = spec.latents * k + 1;
    let distinct = match &data.u {
        Aux::None => return None,
        Aux::Levels(levels) => levels.present(),
        Aux::Continuous { values, .. } => {
            let mut seen = HashSet::new();
            for row in values.rows() {
                if seen.len() == needed {
                    break;
                }
                seen.insert(row.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
            }
            seen.len()
        }
    };
    let fewer_statistics = if k > 1 { ", or --prior gauss-var" } else { "" };
    let n = spec.latents;
    // Means that turn out not to vary are no statistics, and leave k = 1.
    let consequence = if k > 1 && distinct > n {
        format!(
            "the latents can be identifiable only if their means do not depend on u (k = 1, which needs {})",
            n + 1
        )
    } else {
        "the latents will not be identifiable".to_owned()
    };
    (distinct < needed).then(|| {
        format!(
            "{n} latents with k = {k} statistics each need {needed} distinct u (nk + 1, Theorem 1), but there are \
             {distinct}: {consequence}; give more segments, fewer --latents{fewer_statistics}"
        )
    })
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
        let what = match (&report.search, &report.code) {
            (None, _) => "held-out ELBO     ",
            (Some(_), None) => "held-out log p    ",
            (Some(_), Some(_)) => "held-out log p(c) ",
        };
        lines.push(format!("{what}{held_out:.3} nats per row{u_only}"));
    }
    if let Some(id) = &report.identifiability {
        lines.push(format!("identifiability   {}", id.verdict));
    }
    if let Some(step) = report.linear_step.as_ref().filter(|step| step.applied) {
        let sure = step.agreement.map_or(String::new(), |a| format!("; halves of u agree to {a:.3} (MCC)"));
        lines.push(format!("linear step       taken, since a linear map is free{sure}"));
    }
    if let Some(s) = &report.search {
        lines.push(format!(
            "decoder           {} with {} latents; {} of {} starts agree with it",
            s.class,
            s.family.name(),
            s.reached,
            s.starts
        ));
    }
    if let Some(code) = &report.code {
        lines.push(format!(
            "code              loses {:.2} % of the variance of x",
            100.0 * code.lost_variance
        ));
    }
    let finished: Vec<String> =
        report.restarts.iter().map(|r| r.objective.map_or("lost".into(), |o| format!("{o:.3}"))).collect();
    if finished.len() > 1 {
        lines.push(format!("restarts          {} (best kept)", finished.join(", ")));
    }
    lines.join("\n")
}
