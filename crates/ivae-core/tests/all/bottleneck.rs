//! Which bottleneck of x a flow separates: an autoencoder's where there is little noise, an ELBO's where there is much.

use ivae_core::model::autoencoder::Autoencoder;
use ivae_core::model::flow::{FlowClasses, FlowModelSpec};
use ivae_core::objective::ObjectiveSpec;
use ivae_core::spec::ModelKind;
use ivae_core::train::TrainSpec;
use ivae_core::{Batch, DecoderKind, FitSpec, Fitted, ModelSpec, Silent, fit_split};
use ivae_data::Scaling;
use ivae_data::{Aux, Dataset, Simulation};
use ivae_expfam::ConditionId;
use ivae_nn::{Input, Inputs};
use ivae_num::{Purpose, StreamKey};
use ndarray::{Array1, Array2, Axis};

use super::common::flow_mut;

fn fitted(noise: f64, objective: Option<ObjectiveSpec>) -> (Fitted<f64>, Dataset<f64>) {
    fitted_for(noise, objective, 60, 10)
}

fn fitted_for(
    noise: f64,
    objective: Option<ObjectiveSpec>,
    per_segment: usize,
    epochs: usize,
) -> (Fitted<f64>, Dataset<f64>) {
    let simulation =
        Simulation { segments: 10, per_segment, latents: 2, observed: 5, noise, ..Simulation::default() };
    let data = simulation.generate::<f64>().unwrap().data;
    let decoder = DecoderKind::Flow(FlowClasses::Square);
    let mut spec = FitSpec::for_data(&ModelKind::Ivae, Some(decoder), 2, &data);
    let flow = flow_mut(&mut spec);
    assert_eq!(flow.bottleneck.objective, None);
    flow.bottleneck.objective = objective;
    flow.classes.truncate(1);
    (flow.classes[0].restarts, flow.classes[0].epochs) = (2, epochs);
    (flow.survivors, flow.refine_epochs) = (1, epochs);
    flow.bottleneck.epochs = 30;
    (spec.fit(&data).unwrap(), data)
}

#[test]
fn samples_have_the_variance_of_the_data_noise_included() {
    let (fitted, data) = fitted_for(0.6, Some(ObjectiveSpec::Reconstruction), 300, 40);
    let arrays = fitted.model.arrays();
    let noise = &arrays.iter().find(|array| array.name == "bottleneck.noise").unwrap().values;
    let noise = Array1::from(noise.clone());
    let drawn = fitted.sample(&data.u, 0, 1).unwrap();
    let apart = &drawn.x - &fitted.inverse_transform(drawn.z.view()).unwrap();
    let variances = |x: &Array2<f64>| x.var_axis(Axis(0), 0.0);
    // The columns share one scale, so that the noise is the bottleneck's times one number.
    let scale = variances(&apart) / &noise;
    let mean = scale.mean().unwrap();
    assert!(mean > 0.0 && scale.iter().all(|s| (s / mean - 1.0).abs() < 0.3), "{scale}");
    for (drawn, data) in variances(&drawn.x).iter().zip(&variances(&data.x)) {
        assert!((drawn / data - 1.0).abs() < 0.1, "{drawn} for {data}");
    }
    assert_eq!(fitted.sample(&data.u, 0, 1).unwrap().x, drawn.x);
}

/// Bottleneck, then flow, by hand: the same latents as of the fit that does both.
#[test]
fn the_stages_one_by_one_are_the_whole_fit() {
    let (fitted, data) = fitted(0.05, Some(ObjectiveSpec::Reconstruction));
    let ModelSpec::Flow(flow) = &fitted.spec.model else { panic!("not a flow") };
    let x = fitted.scaler.apply(data.x.view());
    let levels = &data.u.levels.as_ref().unwrap().index;
    let part =
        |rows: &[usize]| (x.select(Axis(0), rows), rows.iter().map(|&i| levels[i]).collect::<Vec<u32>>());
    let ((train_x, train_u), (held_out_x, held_out_u)) =
        (part(&fitted.split.train), part(&fitted.split.held_out));
    let train = Batch { x: train_x.view(), u: Input::levels(&train_u) };
    let held_out = Batch { x: held_out_x.view(), u: Input::levels(&held_out_u) };
    let training = TrainSpec {
        epochs: flow.bottleneck.epochs,
        learning_rate: flow.bottleneck.learning_rate,
        step: flow.step.clone(),
    };
    let (prior, sizes) =
        ((flow.prior.clone(), &flow.prior_parameters), (2, x.ncols(), Inputs { dense: 0, levels: 10 }));
    let net = flow
        .bottleneck
        .net(ObjectiveSpec::Reconstruction, (prior.0.as_ref(), prior.1), flow.scaling, sizes)
        .unwrap();
    let key = StreamKey::new(fitted.spec.seed, Purpose::Init);
    let (bottleneck, _) = Autoencoder::fit(net, train, Some(held_out), &training, key, &Silent).unwrap();

    let reduced = Dataset { u: data.u.clone(), ..Dataset::new(bottleneck.encode(x.view())) };
    let flow = FlowModelSpec { scaling: Scaling::None, ..flow.clone() };
    let spec = FitSpec { model: flow.into(), ..fitted.spec.clone() };
    let separated = fit_split(&reduced, &fitted.split, &spec, &Silent).unwrap();
    let without_u = Dataset { u: Aux::none(), ..data };
    assert_eq!(separated.transform(&reduced).unwrap(), fitted.transform(&without_u).unwrap());
}

#[test]
fn the_elbo_finds_the_bottleneck_where_noise_is_large() {
    let (quiet, data) = fitted(0.05, None);
    assert_eq!(quiet.report.bottleneck.unwrap().objective, ObjectiveSpec::Reconstruction);
    let check = quiet.report.identifiability.as_ref().unwrap().check.as_ref().unwrap();
    let noise = check.condition(ConditionId::Noise).unwrap();
    assert!(noise.reason.contains("normal") || noise.reason.contains("Gaussian"), "{}", noise.reason);
    let without_u = Dataset { u: Aux::none(), ..data.clone() };
    assert_ne!(quiet.transform(&data).unwrap(), quiet.transform(&without_u).unwrap());
    assert_eq!(
        fitted(0.05, Some(ObjectiveSpec::Reconstruction)).0.transform(&data).unwrap(),
        quiet.transform(&data).unwrap()
    );

    let (noisy, data) = fitted(0.6, None);
    assert_eq!(noisy.report.bottleneck.unwrap().objective, ObjectiveSpec::Elbo);
    let z = noisy.transform(&data).unwrap();
    // The encoder's means are posterior means already: nothing is asked of u.
    assert_eq!(z, noisy.transform(&Dataset { u: Aux::none(), ..data.clone() }).unwrap());
    assert_eq!(z, fitted(0.6, Some(ObjectiveSpec::Elbo)).0.transform(&data).unwrap());

    let folder = tempfile::tempdir().unwrap();
    noisy.save(folder.path()).unwrap();
    let loaded = Fitted::<f64>::load(folder.path()).unwrap();
    assert_eq!(loaded.transform(&data).unwrap(), z);
    assert_eq!(loaded.spec, noisy.spec);
}
