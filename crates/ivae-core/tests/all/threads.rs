//! The same bytes on any number of threads: restarts side by side, and one restart whose products are shared out.

use ivae_core::{FitSpec, Fitted};
use ivae_data::{Dataset, Simulation};

use super::common::{networks, vae_mut};

fn simulated(per_segment: usize) -> Dataset<f64> {
    let simulation = Simulation {
        segments: 8,
        per_segment,
        latents: 2,
        observed: 4,
        layers: 2,
        centred: false,
        ..Simulation::default()
    };
    simulation.generate().unwrap().data
}

fn spec(restarts: usize, hidden: usize, batch: usize) -> FitSpec {
    let mut spec = FitSpec::ivae(2);
    let vae = vae_mut(&mut spec);
    vae.training.epochs = 3;
    vae.restarts = restarts;
    vae.training.step.batch = batch;
    vae.posterior.net.hidden = vec![hidden; 2];
    vae.likelihood.net.hidden = vec![hidden; 2];
    spec
}

fn run(data: &Dataset<f64>, spec: &FitSpec, threads: usize) -> Fitted<f64> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| spec.fit(data).unwrap())
}

fn params(fitted: &Fitted<f64>) -> Vec<f64> {
    networks(fitted).1
}

#[test]
fn restarts_side_by_side() {
    let data = simulated(60);
    let mut spec = spec(3, 16, 64);
    let (one, three) = (run(&data, &spec, 1), run(&data, &spec, 3));
    assert_eq!(params(&one), params(&three));
    assert_eq!(one.report.restarts, three.report.restarts);
    assert_eq!(one.report.chosen, three.report.chosen);
    spec.seed = 1;
    assert_ne!(params(&one), params(&run(&data, &spec, 1)), "another seed is another fit");
}

#[test]
fn one_restart_that_all_share() {
    // Hidden products of 150 · 150 · 128 multiplications are worth sharing.
    let (data, spec) = (simulated(64), spec(1, 150, 128));
    assert!(ivae_num::worth_sharing::<f64>(150 * 150 * 128 / 2));
    let one = run(&data, &spec, 1);
    for threads in [2, 3] {
        let shared = run(&data, &spec, threads);
        assert_eq!(params(&one), params(&shared), "{threads} threads");
        assert_eq!(one.report.objective, shared.report.objective);
    }
}
