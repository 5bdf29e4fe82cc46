//! The order of a search: all classes side by side, then the better half refined while it still rises.

use ivae_core::model::flow::FlowClasses;
use ivae_core::spec::ModelKind;
use ivae_core::train::Ending;
use ivae_core::{DecoderKind, FitSpec};
use ivae_data::Simulation;

use super::common::flow_mut;

#[test]
fn halves_are_refined_while_they_rise() {
    let simulation =
        Simulation { segments: 8, per_segment: 100, latents: 2, observed: 2, ..Simulation::default() };
    let data = simulation.generate::<f32>().unwrap().data;
    let decoder = DecoderKind::Flow(FlowClasses::All);
    let mut spec = FitSpec::for_data(&ModelKind::Ivae, Some(decoder), 2, &data);
    let flow = flow_mut(&mut spec);
    flow.classes.iter_mut().for_each(|class| (class.restarts, class.epochs) = (2, 2));
    // One epoch shows no end of the rise.
    (flow.survivors, flow.refine_epochs) = (3, 1);
    let fitted = spec.fit(&data).unwrap();
    let restarts = &fitted.report.restarts;
    let searched: Vec<&str> = restarts.iter().filter(|r| !r.refined).map(|r| r.class.as_str()).collect();
    let all = ["square-tanh", "square-spline", "coupling"];
    assert_eq!(searched, all.map(|class| [class; 2]).concat());
    let refined: Vec<_> = restarts.iter().filter(|r| r.refined).collect();
    assert!(refined.iter().all(|r| r.ending == Ending::StillRising));
    // Three, the better two of them, the best of these.
    assert_eq!(refined.len(), 3 + 2 + 1);
    let best = refined[..3].iter().filter_map(|r| r.objective).fold(f64::NEG_INFINITY, f64::max);
    let first = refined[..3].iter().find(|r| r.objective == Some(best)).unwrap();
    assert_eq!(refined[3].class, first.class);
}
