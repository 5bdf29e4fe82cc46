//! The order of a race: all classes side by side, then the better half on while it rises.

use ivae_core::spec::DecoderSpec;
use ivae_core::trainer::Ending;
use ivae_core::{DecoderKind, FitSpec, ModelKind};
use ivae_data::Simulation;

#[test]
fn halves_are_polished_while_they_rise() {
    let simulation =
        Simulation { segments: 8, per_segment: 100, latents: 2, observed: 2, ..Simulation::default() };
    let data = simulation.generate::<f32>().unwrap().data;
    let mut spec = FitSpec::for_data(ModelKind::Ivae, Some(DecoderKind::Bijective), 2, &data);
    let DecoderSpec::Bijective(race) = &mut spec.decoder else { panic!("not bijective") };
    race.classes.iter_mut().for_each(|class| (class.restarts, class.epochs) = (2, 2));
    // One epoch shows no end of the rise.
    (race.finalists, race.polish_epochs) = (3, 1);
    let fitted = spec.fit(&data).unwrap();
    let restarts = &fitted.report.restarts;
    let searched: Vec<&str> = restarts.iter().filter(|r| !r.polished).map(|r| r.class.as_str()).collect();
    let all = ["square-tanh", "square-spline", "coupling"];
    assert_eq!(searched, all.map(|class| [class; 2]).concat());
    let polished: Vec<_> = restarts.iter().filter(|r| r.polished).collect();
    assert!(polished.iter().all(|r| r.ending == Ending::StillRising));
    // Three, the better two of them, the best of these.
    assert_eq!(polished.len(), 3 + 2 + 1);
    let best = polished[..3].iter().filter_map(|r| r.objective).fold(f64::NEG_INFINITY, f64::max);
    let first = polished[..3].iter().find(|r| r.objective == Some(best)).unwrap();
    assert_eq!(polished[3].class, first.class);
}
