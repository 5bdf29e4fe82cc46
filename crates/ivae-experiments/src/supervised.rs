//! How well the sources can be told from x and u by a regression that is shown them: about what noise leaves to be found.

mod lines;

use ivae::data::{Dataset, Split, Standardiser, Whitener};
use ivae::metrics::pearson;
use ivae::nn::{
    Activation, Init, Input, Inputs, Layout, Mlp, MlpSpec, Optimiser, OptimiserSpec, Schedule, ScheduleSpec,
    Scratch,
};
use ivae::num::stream::fill_normal;
use ivae::num::{Purpose, StreamKey};
use ndarray::{Array2, Axis};

use self::lines::Lines;
use crate::context::Result;

const BATCH: usize = 256;
const LEARNING_RATE: f64 = 4e-3;
/// Looks at the held-out rows during the training.
const LOOKS: u64 = 40;

/// Rows of one side of the split.
struct Part {
    x: Array2<f32>,
    targets: Array2<f32>,
    levels: Option<Vec<u32>>,
}

/// Mean correlation of the sources and their prediction on held-out rows, by a perceptron of x and a line for
/// each level of u, both fitted to the others.
///
/// The best of several moments of the training: where x is noisy the last is one of overfitting, and a bound may err upwards.
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
    let mut ws = net.workspace(batch.max(split.train.len()).max(split.held_out.len()));
    let mut scratch = Scratch::new();
    let mut optimiser = Optimiser::new(OptimiserSpec::default(), layout.len());
    let schedule = Schedule::new(ScheduleSpec::Cosine { warmup: 0.05 });

    let levels =
        |rows: &[usize]| data.u.levels.as_ref().map(|l| rows.iter().map(|&i| l.index[i]).collect::<Vec<_>>());
    let part = |rows: &[usize]| Part {
        x: x.select(Axis(0), rows),
        targets: targets.select(Axis(0), rows),
        levels: levels(rows),
    };
    let (train, held_out) = (part(&split.train), part(&split.held_out));
    let (mut epoch, mut best) = (0, f64::NAN);
    while optimiser.steps < steps {
        epoch += 1;
        for rows in shuffled(&split.train, key.step(epoch)).chunks_exact(batch) {
            let (x, targets) = (x.select(Axis(0), rows), targets.select(Axis(0), rows));
            let mut error = Array2::zeros(targets.dim());
            net.forward(error.view_mut(), &params, Input::dense(x.view()), &mut ws, &mut scratch);
            error -= &targets;
            error /= batch as f32;
            net.backward_overwrite(
                &mut grad,
                None,
                &params,
                Input::dense(x.view()),
                error.view(),
                &mut ws,
                &mut scratch,
            );
            let factor = schedule.factor(optimiser.steps, steps);
            optimiser.step(&mut params, &grad, LEARNING_RATE * factor);
            if optimiser.steps.is_multiple_of((steps / LOOKS).max(1)) {
                let mut predict = |part: &Part| {
                    let mut out = Array2::zeros(part.targets.dim());
                    net.forward_value(
                        out.view_mut(),
                        &params,
                        Input::dense(part.x.view()),
                        &mut ws,
                        &mut scratch,
                    );
                    out
                };
                let mut predicted = predict(&held_out);
                if let (Some(seen), Some(levels)) = (&train.levels, &held_out.levels) {
                    Lines::fit(&predict(&train), &train.targets, seen).apply(&mut predicted, levels);
                }
                let found = pearson(held_out.targets.view(), predicted.view())?;
                best = found.diag().mean().unwrap_or(f64::NAN).max(best);
            }
        }
    }
    Ok(best)
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
