//! Every rule against its paper, number by number, and what a step returns.

use super::*;

const RATE: f64 = 0.05;

/// A gradient that depends on parameter, place and step, and starts at 0 in some places.
fn gradient(p: &[f64], step: usize) -> Vec<f64> {
    p.iter()
        .enumerate()
        .map(|(i, p)| (2.0 * p - 1.0) * (1 + (i + step) % 5) as f64 - (i % 3) as f64)
        .collect()
}

fn start() -> Vec<f64> {
    (0..37).map(|i| 0.1 * f64::from(i % 11) - 0.5).collect()
}

fn run(spec: OptimiserSpec, steps: usize) -> Vec<f64> {
    let mut p = start();
    let mut optimiser = Optimiser::new(spec, p.len());
    for t in 0..steps {
        let g = gradient(&p, t);
        optimiser.step(&mut p, &g, RATE);
    }
    assert_eq!(optimiser.steps, steps as u64);
    p
}

fn assert_close(given: &[f64], truth: &[f64]) {
    for (i, (a, b)) in given.iter().zip(truth).enumerate() {
        assert!((a - b).abs() <= 1e-13 * b.abs().max(1.0), "entry {i}: {a}, not {b}");
    }
}

/// Kingma & Ba (2015), algorithm 1, line by line; with `decay`, line 12 of Loshchilov & Hutter (2019).
fn adam_by_the_book(beta1: f64, beta2: f64, epsilon: f64, decay: f64, steps: usize) -> Vec<f64> {
    let mut p = start();
    let (mut m, mut v) = (vec![0.0; p.len()], vec![0.0; p.len()]);
    for t in 1..=steps {
        let g = gradient(&p, t - 1);
        for i in 0..p.len() {
            m[i] = beta1 * m[i] + (1.0 - beta1) * g[i];
            v[i] = beta2 * v[i] + (1.0 - beta2) * g[i].powi(2);
            let m_hat = m[i] / (1.0 - beta1.powi(t as i32));
            let v_hat = v[i] / (1.0 - beta2.powi(t as i32));
            p[i] -= RATE * (m_hat / (v_hat.sqrt() + epsilon) + decay * p[i]);
        }
    }
    p
}

#[test]
fn adam_follows_its_paper() {
    assert_close(&run(OptimiserSpec::default(), 200), &adam_by_the_book(0.9, 0.999, 1e-8, 0.0, 200));
    let spec = OptimiserSpec::Adam { beta1: 0.5, beta2: 0.9, epsilon: 0.1 };
    assert_close(&run(spec, 200), &adam_by_the_book(0.5, 0.9, 0.1, 0.0, 200));
}

/// One step of Adam on `len` numbers from moments that earlier steps could have left, by the divider or without it.
fn adam_by<F: Scalar>(divide: bool, len: usize) -> [Vec<F>; 3] {
    let number = |i: usize, by: usize| F::of((i * by % 101) as f64 * 0.02 - 1.0);
    let of = |by: usize| (0..len).map(|i| number(i, by)).collect::<Vec<F>>();
    let (mut params, mut first, grad) = (of(7), of(13), of(31));
    let mut second: Vec<F> = of(17).iter().map(|&x| x * x).collect();
    let of = F::of;
    let (rate, root, epsilon, beta) = (of(1e-3), of(0.3), of(1e-8), [of(0.9), of(0.999)]);
    let rule = Adam { keep: of(0.99), rate, root, epsilon, beta, divide };
    let slices = [&mut params[..], &mut first, &mut second];
    run_formulas(OverSlices { rule, slices, grad: &grad });
    [params, first, second]
}

#[test]
fn adam_is_the_same_with_the_divider_and_without() {
    for len in [1, 31, 32, 1000] {
        let (divided, multiplied) = (adam_by::<f32>(true, len), adam_by::<f32>(false, len));
        assert_eq!(divided[1..], multiplied[1..], "moments");
        for (i, (a, b)) in divided[0].iter().zip(&multiplied[0]).enumerate() {
            // Steps of up to some thousandths, and parameters up to 1.
            assert!((a - b).abs() <= f32::EPSILON, "entry {i} of {len}: {a}, {b}");
        }
        let (divided, multiplied) = (adam_by::<f64>(true, len), adam_by::<f64>(false, len));
        let near = |(a, b): (&f64, &f64)| (a - b).abs() <= f64::EPSILON;
        assert!(divided[0].iter().zip(&multiplied[0]).all(near), "{len} in f64");
    }
}

#[test]
fn adamw_follows_its_paper() {
    let spec = OptimiserSpec::AdamW { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.3 };
    assert_close(&run(spec, 200), &adam_by_the_book(0.9, 0.99, 1e-8, 0.3, 200));
    assert!(run(spec, 200) != run(OptimiserSpec::Adam { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 }, 200));
}

#[test]
fn sgd_has_its_velocity() {
    for momentum in [0.0, 0.9] {
        let (mut p, mut v) = (start(), vec![0.0; start().len()]);
        for t in 0..20 {
            let g = gradient(&p, t);
            for i in 0..p.len() {
                v[i] = momentum * v[i] + g[i];
                p[i] -= RATE * v[i];
            }
        }
        assert_close(&run(OptimiserSpec::Sgd { momentum }, 20), &p);
    }
}

#[test]
fn a_step_returns_the_norm_that_clipping_does_and_moves_every_parameter_alike() {
    let adam = OptimiserSpec::default();
    for spec in [adam, OptimiserSpec::Sgd { momentum: 0.9 }] {
        for len in [0, 1, 31, 32, 33, 100, 65_535, 65_537, 300_001] {
            let mut grad: Vec<f32> = (0..len).map(|i| (i % 97) as f32 * 0.1 - 3.0).collect();
            let (mut params, mut optimiser) = (vec![0.5; len], Optimiser::new(spec, len));
            let norm = optimiser.step(&mut params, &grad, 0.1);
            assert_eq!(norm, crate::clip_norm(&mut grad, f64::INFINITY), "{spec:?} of {len}");
            for (i, p) in params.iter().enumerate() {
                let mut alone = [0.5];
                Optimiser::new(spec, 1).step(&mut alone, &grad[i..=i], 0.1);
                assert_eq!(*p, alone[0], "{spec:?}, {i} of {len}");
            }
        }
    }
}

#[test]
fn the_first_adam_step_is_the_learning_rate() {
    for g in [1e-3, -1e4f64] {
        let mut p = [0.0f64];
        Optimiser::new(OptimiserSpec::default(), 1).step(&mut p, &[g], 0.01);
        assert!((p[0] + 0.01 * g.signum()).abs() < 1e-6, "step {} for gradient {g}", p[0]);
    }
}

#[test]
fn every_rule_finds_the_bottom_of_a_bowl() {
    let adam_w = OptimiserSpec::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
    for spec in [OptimiserSpec::default(), adam_w, OptimiserSpec::Sgd { momentum: 0.5 }] {
        let (mut p, goal) = ([5.0f32, -3.0, 0.0], [1.0f32, 2.0, -4.0]);
        let mut optimiser = Optimiser::new(spec, 3);
        for t in 0..2000 {
            let g = [0, 1, 2].map(|i| p[i] - goal[i]);
            optimiser.step(&mut p, &g, 0.1 * (1.0 - f64::from(t) / 2000.0));
        }
        assert!(p.iter().zip(goal).all(|(p, goal)| (p - goal).abs() < 1e-3), "{spec:?} ended at {p:?}");
    }
}

#[test]
#[should_panic(expected = "optimiser of 3")]
fn another_length_is_refused() {
    Optimiser::new(OptimiserSpec::default(), 3).step(&mut [0.0; 3], &[0.0; 2], 0.1);
}

#[test]
fn constants_outside_their_range_are_named() {
    let adam = |beta1, beta2, epsilon| OptimiserSpec::Adam { beta1, beta2, epsilon }.check();
    assert!(adam(0.0, 0.999, 1e-8).is_ok());
    assert_eq!(
        adam(1.0, 0.9, 1e-8).unwrap_err().to_string(),
        "beta1 is 1, but must be at least 0 and below 1"
    );
    assert!(adam(0.9, f64::NAN, 1e-8).is_err());
    assert!(adam(0.9, 0.9, 0.0).is_err() && adam(0.9, 0.9, f64::INFINITY).is_err());
    assert!(OptimiserSpec::Sgd { momentum: -0.1 }.check().is_err());
    let spec = OptimiserSpec::AdamW { beta1: 0.9, beta2: 0.9, epsilon: 1e-8, weight_decay: -1.0 };
    assert!(spec.check().is_err());
}
