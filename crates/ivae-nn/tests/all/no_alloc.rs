//! Nothing allocates in a training step once the workspace exists.

use ivae_nn::{
    Activation, Init, Input, Inputs, Layout, Mlp, MlpSpec, Optimiser, OptimiserSpec, Schedule, ScheduleSpec,
    Scratch, clip_norm,
};
use ivae_num::vecmath::VecMath;
use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{Array2, s};

/// Allocations in three steps, one with fewer rows, right after the workspace was made.
fn allocations<F: Scalar>(activation: Activation, skip: bool, spec: OptimiserSpec) -> u64 {
    let (batch, inputs, out) = (64, Inputs { dense: 30, levels: 7 }, 5);
    let mut layout = Layout::new();
    let mlp = Mlp::new(&mut layout, "net", inputs, &MlpSpec { hidden: vec![50, 80], activation, skip }, out);
    let mut params = vec![F::zero(); layout.len()];
    mlp.init(&mut params, Init::Xavier, &mut StreamKey::new(0, Purpose::Init).rng());
    let mut grad = vec![F::zero(); layout.len()];
    let mut optimiser = Optimiser::new(spec, layout.len());
    let mut schedule = Schedule::new(ScheduleSpec::Cosine { warmup: 0.1 });
    let x = Array2::from_shape_fn((batch, inputs.dense), |(i, j)| F::of((i * 7 + j) as f64 * 0.3).sin());
    let u: Vec<u32> = (0..batch as u32).map(|i| i % 7).collect();
    let mut y = Array2::zeros((batch, out));
    let mut dx = Array2::zeros((batch, inputs.dense));
    let (mut ws, mut scratch) = (mlp.workspace(batch), Scratch::new());
    mlp.reserve(&mut scratch, batch);
    // Once per process, the first vectorised function finds out which instructions the processor has.
    VecMath::exp(&mut [F::zero()]);

    let counted = allocation_counter::measure(|| {
        for (step, rows) in [batch, 13, batch].into_iter().enumerate() {
            let input = Input::both(x.slice(s![..rows, ..]), &u[..rows]);
            mlp.forward_value(y.slice_mut(s![..rows, ..]), &params, input, &mut ws, &mut scratch);
            mlp.forward(y.slice_mut(s![..rows, ..]), &params, input, &mut ws, &mut scratch);
            let dx = dx.slice_mut(s![..rows, ..]);
            mlp.backward(&mut grad, Some(dx), &params, input, y.slice(s![..rows, ..]), &mut ws, &mut scratch);
            clip_norm(&mut grad, 10.0);
            optimiser.step(&mut params, &grad, 0.01 * schedule.factor(step as u64, 3));
            schedule.observe(0.0);
        }
    });
    assert!(params.iter().all(|p| p.is_finite()));
    counted.count_total
}

#[test]
fn a_step_does_not_allocate() {
    let sgd = OptimiserSpec::Sgd { momentum: 0.9 };
    for skip in [false, true] {
        assert_eq!(allocations::<f64>(Activation::Xtanh { slope: 0.1 }, skip, OptimiserSpec::default()), 0);
        assert_eq!(allocations::<f32>(Activation::Silu, skip, sgd), 0);
        assert_eq!(allocations::<f32>(Activation::Softplus, skip, OptimiserSpec::default()), 0);
    }
}

#[test]
fn the_counter_counts() {
    assert!(allocation_counter::measure(|| drop(std::hint::black_box(vec![0u8; 100]))).count_total > 0);
}
