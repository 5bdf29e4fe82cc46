//! Levels of u with one row, or two, or six: no variance goes to 0, and the sources are found all the same.

use ivae_core::model::flow::FlowClasses;
use ivae_core::spec::ModelKind;
use ivae_core::train::Ending;
use ivae_core::{DecoderKind, FitSpec, Fitted};
use ivae_data::{Dataset, Levels, Simulation};

use super::common::{self, flow_mut};

fn fitted(data: &Dataset<f64>) -> Fitted<f64> {
    let decoder = DecoderKind::Flow(FlowClasses::Square);
    let mut spec = FitSpec::for_data(&ModelKind::Ivae, Some(decoder), 3, data);
    flow_mut(&mut spec).classes.truncate(1);
    spec.seed = 1;
    spec.fit(data).unwrap()
}

fn score(data: &Dataset<f64>, fitted: &Fitted<f64>) -> f64 {
    common::score(data, fitted.transform(data).unwrap().view())
}

fn simulated(segments: usize, per_segment: usize) -> Dataset<f64> {
    let simulation =
        Simulation { segments, per_segment, latents: 3, observed: 3, layers: 2, ..Simulation::default() };
    simulation.generate().unwrap().data
}

#[test]
fn levels_of_one_row_or_two_beside_large_ones() {
    let mut data = simulated(12, 200);
    let plain = score(&data, &fitted(&data));
    let Levels { mut index, mut names } = data.u.levels.unwrap();
    // Twenty levels of a row, and twenty of two.
    for level in 0..40 {
        let rows = if level < 20 { level..level + 1 } else { 2 * level..2 * level + 2 };
        rows.for_each(|row| index[row * 30] = 12 + level as u32);
        names.push(format!("rare {level}"));
    }
    data.u.levels = Some(Levels { index, names });
    let fitted = fitted(&data);
    let found = score(&data, &fitted);
    assert!(found > plain - 0.005, "{found} for {plain}");
    assert!(fitted.report.restarts.iter().all(|r| r.ending != Ending::NotFinite));
    let texts: Vec<String> = fitted.report.warnings.iter().map(ToString::to_string).collect();
    assert!(texts.iter().any(|w| w.starts_with("40 of 52 levels of u have fewer than 20")), "{texts:?}");
}

#[test]
fn six_rows_in_every_level() {
    let data = simulated(40, 6);
    let fitted = fitted(&data);
    assert!(fitted.report.restarts.iter().all(|r| r.ending != Ending::NotFinite));
    let found = score(&data, &fitted);
    assert!(found > 0.9, "{found}");
}
