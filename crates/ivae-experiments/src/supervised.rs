//! How well the sources can be told from x by a regression that is shown them: about what noise leaves to be found.

use ivae::data::{Dataset, Split, Standardiser, Whitener};
use ivae::metrics::pearson;
use ivae::nn::{
    Activation, Init, Input, Inputs, Layout, Mlp, MlpSpec, Optimiser, OptimiserSpec, Schedule, ScheduleSpec,
};
use ivae::num::stream::fill_normal;
use ivae::num::{Purpose, StreamKey};
use ndarray::{Array2, Axis};

use crate::context::Result;

const BATCH: usize = 256;
const LEARNING_RATE: f64 = 4e-3;

/// Mean correlation of the sources and their prediction on held-out rows, by a perceptron trained on the others.
pub(crate) fn supervised(data: &Dataset<f32>, split: &Split, steps: u64, seed: u64) -> Result<f64> {
    let Some(s) = &data.s else { return Err("a supervised bound needs true sources".into()) };
    let training = |v: &Array2<f32>| v.select(Axis(0), &split.train);
    let x = Whitener::fit(training(&data.x).view(), None)?.apply(data.x.view());
    let targets = Standardiser::fit(training(s).view())?.apply(s.view());

    let mut layout = Layout::new();
    let spec = MlpSpec { hidden: vec![128, 128], activation: Activation::Silu, skip: true };
    let net = Mlp::new(&mut layout, "f", Inputs { dense: x.ncols(), levels: 0 }, &spec, s.ncols());
    let key = StreamKey::new(seed, Purpose::Control);
    let (mut params, mut grad) = (vec![0.0f32; layout.len()], vec![0.0f32; layout.len()]);
    net.init(&mut params, Init::Xavier, &mut key.rng());
    let batch = BATCH.min(split.train.len());
    let mut ws = net.workspace(batch.max(split.held_out.len()));
    let mut optimiser = Optimiser::new(OptimiserSpec::default(), layout.len());
    let schedule = Schedule::new(ScheduleSpec::Cosine { warmup: 0.05 });

    let mut epoch = 0;
    while optimiser.steps < steps {
        epoch += 1;
        for rows in shuffled(&split.train, key.step(epoch)).chunks_exact(batch) {
            let (x, targets) = (x.select(Axis(0), rows), targets.select(Axis(0), rows));
            let mut error = Array2::zeros(targets.dim());
            net.forward(error.view_mut(), &params, Input::dense(x.view()), &mut ws);
            error -= &targets;
            error /= batch as f32;
            grad.fill(0.0);
            net.backward(&mut grad, None, &params, Input::dense(x.view()), error.view(), &mut ws);
            let factor = schedule.factor(optimiser.steps, steps);
            optimiser.step(&mut params, &grad, LEARNING_RATE * factor);
        }
    }

    let mut predicted = Array2::zeros((split.held_out.len(), s.ncols()));
    let x = x.select(Axis(0), &split.held_out);
    net.forward_value(predicted.view_mut(), &params, Input::dense(x.view()), &mut ws);
    let correlation = pearson(targets.select(Axis(0), &split.held_out).view(), predicted.view())?;
    Ok(correlation.diag().mean().unwrap_or(f64::NAN))
}

fn shuffled(rows: &[usize], key: StreamKey) -> Vec<usize> {
    let mut order = vec![0.0f32; rows.len()];
    fill_normal(&mut order, 1, key);
    let mut shuffled: Vec<(f32, usize)> = order.into_iter().zip(rows.iter().copied()).collect();
    shuffled.sort_by(|a, b| a.0.total_cmp(&b.0));
    shuffled.into_iter().map(|(_, row)| row).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use ivae::data::{Mixing, Simulation};

    use super::*;

    #[test]
    fn it_learns_a_map_that_can_be_undone_and_nothing_from_noise() {
        let simulation = Simulation {
            segments: 10,
            per_segment: 300,
            latents: 2,
            observed: 3,
            mixing: Mixing::Residual,
            ..Simulation::default()
        };
        let mut data = simulation.generate::<f32>().unwrap().data;
        let split = Split::by_rows(data.rows(), 0.1, None, StreamKey::new(1, Purpose::Split)).unwrap();
        let mut rows = shuffled(&split.train, StreamKey::new(1, Purpose::Control));
        assert_ne!(rows, split.train);
        rows.sort_unstable();
        assert_eq!(rows, split.train);
        let bound = supervised(&data, &split, 500, 1).unwrap();
        assert!(bound > 0.95, "{bound}");
        fill_normal(data.x.as_slice_mut().unwrap(), 3, StreamKey::new(9, Purpose::Noise));
        let bound = supervised(&data, &split, 100, 1).unwrap();
        assert!(bound.abs() < 0.2, "{bound}");
    }
}
