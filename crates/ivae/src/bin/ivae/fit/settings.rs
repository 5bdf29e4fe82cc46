//! The settings of a fit: those of a preset, a file or the defaults, then the options given.

use ivae::core::model::linear::LinearSpec;
use ivae::core::model::vae::WarmStart;
use ivae::core::theta::ThetaSpec;
use ivae::core::{DecoderKind, ModelKind};
use ivae::nn::{FlowSpec, MlpSpec};
use ivae::prelude::{Dataset, FitSpec, FlowClasses, LikelihoodFamily, ModelSpec};

use crate::args::{DecoderArg, FitArgs, PresetArg};
use crate::exit::Exit;

/// The settings, and what the user must know of them.
pub(super) fn spec(args: &FitArgs, data: &Dataset<f32>) -> Result<(FitSpec, Option<String>), Exit> {
    let (source, loaded) = match (&args.config, args.preset) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(path).map_err(|e| Exit::file(path, e))?;
            let spec = FitSpec::from_toml(&text).map_err(|e| Exit::file(path, e))?;
            (format!("--config {}", path.display()), Some(spec))
        }
        (None, Some(PresetArg::Reference)) => {
            let latents = args.latents.unwrap_or(data.observed());
            ("--preset reference".into(), Some(FitSpec::reference(latents, 100, 64)))
        }
        (None, None) => (String::new(), None),
    };
    let of_file = loaded.as_ref().map(|spec| spec.model.kind());
    let kind = args.model.clone().or(of_file).unwrap_or(ModelKind::Ivae);
    refuse_decoder(args.decoder, &kind)?;
    let (mut spec, note) = match loaded {
        Some(spec) => adapt(spec, &source, &kind, args, data),
        None => {
            let is_mlp = args.hidden.is_some() || args.likelihood.is_some();
            let decoder = decoder_kind(args.decoder).or(is_mlp.then_some(DecoderKind::Mlp));
            let latents = args.latents.unwrap_or(data.observed());
            (FitSpec::for_data(&kind, decoder, latents, data), None)
        }
    };
    refuse_unused(args, &spec.model)?;
    if let (Some(vae), Some(text)) = (spec.model.as_vae_mut(), &args.likelihood) {
        let likelihood = LikelihoodFamily::parse(text, &data.x_names).map_err(Exit::input)?;
        vae.set_likelihood(likelihood.for_x(data.x.view()));
    }
    apply(args, &mut spec);
    Ok((spec, note))
}

/// The decoder that was asked for, if one was.
fn decoder_kind(decoder: DecoderArg) -> Option<DecoderKind> {
    match decoder {
        DecoderArg::Auto => None,
        DecoderArg::Mlp => Some(DecoderKind::Mlp),
        DecoderArg::Square => Some(DecoderKind::Flow(FlowClasses::Square)),
        DecoderArg::Coupling => Some(DecoderKind::Flow(FlowClasses::Coupling)),
    }
}

/// `spec`, which `source` gave, for the model and the decoder that were asked for. What another model does not have is
/// replaced by its defaults, and a note says so.
fn adapt(
    mut spec: FitSpec,
    source: &str,
    kind: &ModelKind,
    args: &FitArgs,
    data: &Dataset<f32>,
) -> (FitSpec, Option<String>) {
    spec.latents = args.latents.unwrap_or(spec.latents);
    let asked = decoder_kind(args.decoder);
    let latents = spec.latents;
    let default = |decoder| FitSpec::for_data(kind, decoder, latents, data).model;
    let from = spec.model.kind();
    match (&mut spec.model, kind, asked) {
        (ModelSpec::Vae(vae), ModelKind::Ivae | ModelKind::Vae, None | Some(DecoderKind::Mlp)) => {
            // The two differ in what reads u.
            if from != *kind
                && let ModelSpec::Vae(other) = default(Some(DecoderKind::Mlp))
            {
                vae.prior = other.prior;
                vae.posterior.conditional_encoder &= *kind == ModelKind::Ivae;
                if vae.start != WarmStart::Random {
                    vae.start = other.start;
                }
            }
            (spec, None)
        }
        (ModelSpec::Flow(flow), ModelKind::Ivae, None | Some(DecoderKind::Flow(_))) => {
            flow.classes.retain(|class| match asked {
                Some(DecoderKind::Flow(FlowClasses::Square)) => matches!(class.flow, FlowSpec::Square(_)),
                Some(DecoderKind::Flow(FlowClasses::Coupling)) => matches!(class.flow, FlowSpec::Coupling(_)),
                _ => true,
            });
            if flow.classes.is_empty()
                && let ModelSpec::Flow(other) = default(asked)
            {
                flow.classes = other.classes;
            }
            (spec, None)
        }
        (ModelSpec::Linear(linear), ModelKind::Linear(other), _) if linear.name() == other.name() => {
            (spec, None)
        }
        (model, ..) => {
            let before = in_words(model);
            *model = default(asked);
            let note = format!(
                "{source} is of {before}, and {} was asked for: latents, seed and split are kept, all other settings \
                 are the defaults",
                in_words(model)
            );
            (spec, Some(note))
        }
    }
}

/// A model in words, with its decoder.
fn in_words(model: &ModelSpec) -> String {
    match model {
        ModelSpec::Vae(_) => format!("{} with an mlp", model.name()),
        ModelSpec::Flow(_) => format!("{} with a flow", model.name()),
        _ => model.name().into(),
    }
}

/// Refuse a decoder that the model does not have.
fn refuse_decoder(decoder: DecoderArg, kind: &ModelKind) -> Result<(), Exit> {
    let models = match (decoder, kind) {
        (DecoderArg::Square | DecoderArg::Coupling, kind) if *kind != ModelKind::Ivae => "ivae",
        (DecoderArg::Mlp, kind) if !matches!(kind, ModelKind::Ivae | ModelKind::Vae) => "ivae or vae",
        _ => return Ok(()),
    };
    let given = clap::ValueEnum::to_possible_value(&decoder);
    let given = given.as_ref().map_or("", clap::builder::PossibleValue::get_name);
    Err(Exit::input(format!("--decoder {given} is for --model {models}, not {}", kind.name())))
}

/// Refuse options that the model cannot use.
fn refuse_unused(args: &FitArgs, model: &ModelSpec) -> Result<(), Exit> {
    let is_given =
        |options: &[(bool, &'static str)]| options.iter().find(|(given, _)| *given).map(|(_, o)| *o);
    let of_mlp = [(args.hidden.is_some(), "--hidden"), (args.likelihood.is_some(), "--likelihood")];
    let of_training = [
        (args.epochs.is_some(), "--epochs"),
        (args.restarts.is_some(), "--restarts"),
        (args.batch.is_some(), "--batch"),
        (args.lr.is_some(), "--lr"),
        (args.time_budget.is_some(), "--time-budget"),
        (args.patience.is_some(), "--patience"),
    ];
    let name = model.name();
    let is_vae = matches!(model, ModelSpec::Vae(_));
    let of_mlp = is_given(&of_mlp).filter(|_| !is_vae);
    if let (Some(option), ModelSpec::Flow(_)) = (of_mlp, model) {
        return Err(Exit::input(format!("{option} is for --decoder mlp, not for a flow")));
    }
    let of_training = is_given(&of_training).filter(|_| model.most_epochs(1, 1) == 0);
    if let Some(option) = of_mlp.or(of_training) {
        return Err(Exit::input(format!("{option} is for --model ivae or vae, not {name}")));
    }
    if args.lags.is_some() && !matches!(model, ModelSpec::Linear(LinearSpec::Sobi { .. })) {
        return Err(Exit::input(format!("--lags is for --model sobi, not {name}")));
    }
    if args.prior.is_some() && !model.is_identifiable() {
        return Err(Exit::input(format!("--prior is for --model ivae, not {name}")));
    }
    Ok(())
}

/// Apply the options given, all of which the model has.
fn apply(args: &FitArgs, spec: &mut FitSpec) {
    let model = &mut spec.model;
    if let Some(prior) = &args.prior {
        model.set_prior(prior.clone());
    }
    if let (ModelSpec::Linear(LinearSpec::Sobi { lags }), Some(given)) = (&mut *model, &args.lags) {
        *lags = Some(given.clone());
    }
    if let (Some(vae), Some(width)) = (model.as_vae_mut(), args.hidden) {
        let widen = |net: &mut MlpSpec| net.hidden.fill(width);
        widen(&mut vae.posterior.net);
        widen(&mut vae.likelihood.net);
        if let ThetaSpec::Net(net) = &mut vae.prior.parameters {
            widen(net);
        }
    }
    if let Some(epochs) = args.epochs {
        model.set_epochs(epochs);
    }
    // Where nothing is held out, there is nothing to choose between starts of the mlp by.
    let is_vae = matches!(model, ModelSpec::Vae(_));
    let one_start = (is_vae && args.held_out == Some(0.0)).then_some(1);
    if let Some(restarts) = args.restarts.or(one_start) {
        model.set_restarts(restarts as usize);
    }
    if let Some(rate) = args.lr {
        model.set_learning_rate(rate);
    }
    if let Some(step) = model.step_mut() {
        step.batch = args.batch.unwrap_or(step.batch);
        step.time_budget = args.time_budget.or(step.time_budget);
        step.patience = args.patience.or(step.patience);
    }
    spec.split.held_out = args.held_out.unwrap_or(spec.split.held_out);
    spec.split.block = args.held_out_block.or(spec.split.block);
    spec.seed = args.seed.unwrap_or(spec.seed);
}
