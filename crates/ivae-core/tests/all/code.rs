//! Which code of x a race separates: an autoencoder's where there is little noise, an ELBO's where there is much.

use ivae_core::code::code_net;
use ivae_core::spec::{CodeKind, DecoderSpec, Scaling, TrainSpec};
use ivae_core::vae::AuxShape;
use ivae_core::{AuxRows, Batch, Code, DecoderKind, FitSpec, Fitted, Model, ModelKind, Silent, fit_split};
use ivae_data::{Aux, Dataset, Simulation};
use ivae_num::{Purpose, StreamKey};
use ndarray::{Array2, Axis};

fn fitted(noise: f64, kind: Option<CodeKind>) -> (Fitted<f64>, Dataset<f64>) {
    fitted_for(noise, kind, 60, 10)
}

fn fitted_for(
    noise: f64,
    kind: Option<CodeKind>,
    per_segment: usize,
    epochs: usize,
) -> (Fitted<f64>, Dataset<f64>) {
    let simulation =
        Simulation { segments: 10, per_segment, latents: 2, observed: 5, noise, ..Simulation::default() };
    let data = simulation.generate::<f64>().unwrap().data;
    let mut spec = FitSpec::for_data(ModelKind::Ivae, Some(DecoderKind::Square), 2, &data);
    let DecoderSpec::Bijective(b) = &mut spec.decoder else { panic!("not bijective") };
    assert_eq!(b.code.kind, CodeKind::Auto);
    b.code.kind = kind.unwrap_or(b.code.kind);
    b.classes.truncate(1);
    (b.classes[0].restarts, b.classes[0].epochs, b.finalists, b.polish_epochs) = (2, epochs, 1, epochs);
    b.code.epochs = 30;
    (spec.fit(&data).unwrap(), data)
}

#[test]
fn samples_have_the_variance_of_the_data_noise_included() {
    let (fitted, data) = fitted_for(0.6, Some(CodeKind::Autoencoder), 300, 40);
    let Model::Exact { code: Some(code), .. } = &fitted.model else { panic!("no code") };
    let drawn = fitted.sample(&data.u, 0, 1).unwrap();
    let apart = &drawn.x - &fitted.inverse_transform(drawn.z.view()).unwrap();
    let variances = |x: &Array2<f64>| x.var_axis(Axis(0), 0.0);
    // The columns were scaled together, so that the noise is the code's times one number.
    let scale = variances(&apart) / &code.noise;
    let mean = scale.mean().unwrap();
    assert!(mean > 0.0 && scale.iter().all(|s| (s / mean - 1.0).abs() < 0.3), "{scale}");
    for (drawn, data) in variances(&drawn.x).iter().zip(&variances(&data.x)) {
        assert!((drawn / data - 1.0).abs() < 0.1, "{drawn} for {data}");
    }
    assert_eq!(fitted.sample(&data.u, 0, 1).unwrap().x, drawn.x);
}

/// Code, then race, by hand: the same latents as of the fit that does both.
#[test]
fn the_stages_are_pieces_of_their_own() {
    let (fitted, data) = fitted(0.05, Some(CodeKind::Autoencoder));
    let DecoderSpec::Bijective(race) = &fitted.spec.decoder else { panic!("not bijective") };
    let x = fitted.scaler.apply(data.x.view());
    let levels = &data.u.levels().unwrap().index;
    let part =
        |rows: &[usize]| (x.select(Axis(0), rows), rows.iter().map(|&i| levels[i]).collect::<Vec<u32>>());
    let ((train_x, train_u), (judge_x, judge_u)) = (part(&fitted.split.train), part(&fitted.split.held_out));
    let train = Batch { x: train_x.view(), u: AuxRows::Levels(&train_u) };
    let judge = Batch { x: judge_x.view(), u: AuxRows::Levels(&judge_u) };
    let training = TrainSpec {
        epochs: race.code.epochs,
        learning_rate: race.code.learning_rate,
        ..fitted.spec.training.clone()
    };
    let net =
        code_net(&fitted.spec, &race.code, CodeKind::Autoencoder, x.ncols(), AuxShape::Levels(10)).unwrap();
    let key = StreamKey::new(fitted.spec.seed, Purpose::Init);
    let (code, _) = Code::fit(net, train, Some(judge), &training, key, &Silent).unwrap();

    let coded = Dataset { u: data.u.clone(), ..Dataset::from_x(code.encode(x.view())) };
    let spec = FitSpec { scaling: Scaling::None, ..fitted.spec.clone() };
    let separated = fit_split(&coded, &fitted.split, &spec, &Silent).unwrap();
    let without_u = Dataset { u: Aux::None, ..data };
    assert_eq!(separated.transform(&coded).unwrap(), fitted.transform(&without_u).unwrap());
}

#[test]
fn noise_decides_between_the_codes() {
    let (quiet, data) = fitted(0.05, None);
    assert_eq!(quiet.report.code.unwrap().kind, CodeKind::Autoencoder);
    let check = quiet.report.identifiability.as_ref().unwrap().check.as_ref().unwrap();
    let noise = check.conditions.iter().find(|c| c.name.starts_with("(i)")).unwrap();
    assert!(noise.reason.contains("normal") || noise.reason.contains("Gaussian"), "{}", noise.reason);
    let without_u = Dataset { u: Aux::None, ..data.clone() };
    assert_ne!(quiet.transform(&data).unwrap(), quiet.transform(&without_u).unwrap());
    assert_eq!(
        fitted(0.05, Some(CodeKind::Autoencoder)).0.transform(&data).unwrap(),
        quiet.transform(&data).unwrap()
    );

    let (noisy, data) = fitted(0.6, None);
    assert_eq!(noisy.report.code.unwrap().kind, CodeKind::Elbo);
    let z = noisy.transform(&data).unwrap();
    // The encoder's means are posterior means already: nothing is asked of u.
    assert_eq!(z, noisy.transform(&Dataset { u: Aux::None, ..data.clone() }).unwrap());
    assert_eq!(z, fitted(0.6, Some(CodeKind::Elbo)).0.transform(&data).unwrap());

    let folder = tempfile::tempdir().unwrap();
    noisy.save(folder.path()).unwrap();
    let loaded = Fitted::<f64>::load(folder.path()).unwrap();
    assert_eq!(loaded.transform(&data).unwrap(), z);
    assert_eq!(loaded.spec, noisy.spec);
}
