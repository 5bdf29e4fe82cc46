//! Every row of the experiment on a tenth of its data, in a search of few and short starts: what is found stays found.

#![allow(clippy::unwrap_used)]

use ivae::core::ModelSpec;

use super::cases::all;
use super::*;

/// The MCC of each row's first seed as it was measured, to be missed by no more than [`MARGIN`].
const MEASURED: [(&str, f64); 27] = [
    ("gauss-5-5", 0.989),
    ("gauss-5-25", 0.969),
    ("noise-0.03", 0.969),
    ("noise-0.1", 0.952),
    ("noise-0.3", 0.903),
    ("laplace-5-5", 0.986),
    ("means-2-2", 0.999),
    ("means-2-4", 0.987),
    ("binary-10-100", 0.914),
    ("binary-10-100-deep", 0.698),
    ("swirl-5-5", 0.850),
    ("additive-coupling-5-5", 0.967),
    ("post-nonlinear-5-5", 0.995),
    ("leaky-relu-5-5", 0.979),
    ("residual-5-5", 0.976),
    ("mobius-5-5", 0.993),
    ("polynomial-5-5", 0.997),
    ("spline-5-5", 0.993),
    ("sines-5-5", 0.968),
    ("post-nonlinear-laplace-3-3", 0.989),
    ("swirl-4-10", 0.965),
    ("sines-4-10", 0.977),
    ("leaky-relu-10-10", 0.956),
    ("residual-5-20", 0.975),
    ("spline-laplace-5-20", 0.979),
    ("mlp-5-5", 0.845),
    ("mlp-5-25", 0.969),
];
/// For other processors, whose sums are rounded otherwise, and for changes that are no losses.
const MARGIN: f64 = 0.03;

#[test]
fn every_row_recovers_its_sources() {
    let cases = all();
    let names: Vec<&str> = MEASURED.iter().map(|m| m.0).collect();
    assert!(cases.iter().all(|c| names.contains(&c.name.as_str())) && cases.len() == names.len());
    let found = one_thread_each(&cases, |case| {
        let simulation = Simulation { segments: 22, per_segment: 200, ..case.simulation.clone() };
        let data = generate(&simulation, 1).unwrap();
        let spec = FitSpec::for_data(&ModelKind::Ivae, case.decoder, simulation.latents, &data);
        let fitted = short(FitSpec { seed: 1, ..spec }).fit(&data).unwrap();
        score(&data, &fitted.transform(&data).unwrap()).unwrap()
    });
    let misses: Vec<String> = cases
        .iter()
        .zip(found.unwrap())
        .filter_map(|(case, mcc)| {
            let measured = MEASURED.iter().find(|m| m.0 == case.name).unwrap().1;
            (mcc.is_nan() || mcc < measured - MARGIN)
                .then(|| format!("{}: {mcc:.4}, not {measured}", case.name))
        })
        .collect();
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

/// Few starts, and fewer steps than small data get by default.
fn short(mut spec: FitSpec) -> FitSpec {
    match &mut spec.model {
        ModelSpec::Vae(vae) => {
            vae.restarts = 1;
            vae.training.epochs = vae.training.epochs.min(100);
        }
        ModelSpec::Flow(flow) => {
            for (class, (restarts, epochs)) in flow.classes.iter_mut().zip([(4, 40), (2, 40), (1, 20)]) {
                (class.restarts, class.epochs) = (restarts, epochs);
            }
            (flow.survivors, flow.refine_epochs, flow.bottleneck.epochs) = (1, 40, 60);
        }
        _ => {}
    }
    spec
}
