//! The standard simulation: what it promises, checked on what it makes.

#![allow(clippy::unwrap_used)] // the helpers of tests are tests

use approx::assert_abs_diff_eq;
use ivae_data::{DataError, Simulated, Simulation, SourcePrior, check, check_conditional, mix};
use ivae_num::linalg;
use ndarray::{Array1, Array2, Axis};

/// Panic unless the values agree one by one.
#[track_caller]
fn assert_close<'a>(
    found: impl IntoIterator<Item = &'a f64>,
    expected: impl IntoIterator<Item = &'a f64>,
    tolerance: f64,
) {
    let (found, expected): (Vec<_>, Vec<_>) = (found.into_iter().collect(), expected.into_iter().collect());
    assert_eq!(found.len(), expected.len());
    for (i, (a, b)) in found.into_iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= tolerance, "value {i}: {a} is not {b}");
    }
}

fn small() -> Simulation {
    Simulation { segments: 6, per_segment: 500, latents: 3, observed: 3, ..Simulation::default() }
}

fn generate(simulation: &Simulation) -> Simulated<f64> {
    simulation.generate().unwrap()
}

fn sources(made: &Simulated<f64>) -> &Array2<f64> {
    made.data.s.as_ref().unwrap()
}

/// The h with tanh(h) + 0.1 h = y, by bisection.
fn invert_activation(y: f64) -> f64 {
    let (mut low, mut high) = (-1e3, 1e3);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if f64::tanh(middle) + 0.1 * middle < y { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[test]
fn the_default_is_the_standard_setting() {
    let made = Simulation::default().generate::<f32>().unwrap();
    assert_eq!(made.data.x.dim(), (40_000, 25));
    assert_eq!(made.data.s.as_ref().unwrap().dim(), (40_000, 5));
    assert_eq!(made.data.u.levels().unwrap().counts(), [1000; 40]);
    check(&made.data).unwrap();
    check_conditional(&made.data).unwrap();
    let shapes: Vec<_> = made.mixing.iter().map(Array2::dim).collect();
    assert_eq!(shapes, [(5, 25), (25, 25), (25, 25)]);
    assert_eq!(made.mixing[1], made.mixing[2], "the same square matrix in every layer after the first");
}

#[test]
fn a_square_mixing_can_be_solved_back() {
    for layers in [1, 2, 4] {
        let made = generate(&Simulation { layers, ..small() });
        assert!(made.mixing.iter().all(|w| w == made.mixing[0]));
        let mut h = made.data.x.clone();
        for layer in (0..layers).rev() {
            // x = h W, so Wᵀ hᵀ = xᵀ.
            h = linalg::solve(made.mixing[layer].t(), h.t()).unwrap().t().to_owned();
            if layer > 0 {
                h.mapv_inplace(invert_activation);
            }
        }
        assert_close(&h, sources(&made), 1e-6);
    }
}

#[test]
fn columns_have_unit_norm_and_conditions_are_in_the_best_quarter() {
    for (latents, observed) in [(3, 3), (2, 6)] {
        let made = generate(&Simulation { latents, observed, ..small() });
        for w in &made.mixing {
            for column in w.columns() {
                assert_abs_diff_eq!(column.dot(&column), 1.0, epsilon = 1e-12);
            }
        }
    }
    // Over many seeds, all conditions are below a bar that only a quarter of unconditioned draws reach.
    let condition = |w: &Array2<f64>| {
        let s = linalg::svd(w.view()).unwrap().s;
        s[0] / s[s.len() - 1]
    };
    let worst = (0..8)
        .map(|seed| condition(&generate(&Simulation { seed, per_segment: 1, ..small() }).mixing[0]))
        .fold(0.0, f64::max);
    let key = ivae_num::StreamKey::new(99, ivae_num::Purpose::Control);
    let mut draws = Array2::<f64>::zeros((3000, 9));
    let mut rng = key.rng();
    draws.mapv_inplace(|_| rand::Rng::random_range(&mut rng, -1.0..1.0));
    let better = draws.rows().into_iter().filter(|values| {
        let mut w = values.to_owned().into_shape_with_order((3, 3)).unwrap();
        w.columns_mut().into_iter().for_each(|mut c| {
            let norm: f64 = c.dot(&c);
            c /= norm.sqrt();
        });
        condition(&w) < worst
    });
    let share = better.count() as f64 / 3000.0;
    assert!((0.1..0.28).contains(&share), "{share}");
}

#[test]
fn segments_have_their_means_and_deviations() {
    for (prior, kurtosis) in [(SourcePrior::Gauss, 3.0), (SourcePrior::Laplace, 6.0)] {
        let made = generate(&Simulation { prior, centred: false, per_segment: 20_000, ..small() });
        assert!(made.stds.iter().all(|s| (0.5..3.0).contains(s)));
        assert!(made.means.iter().all(|m| (-5.0..5.0).contains(m)));
        assert!(made.means.iter().any(|m| *m > 1.0) && made.means.iter().any(|m| *m < -1.0));
        for (u, segment) in sources(&made).axis_chunks_iter(Axis(0), 20_000).enumerate() {
            let standard: Array2<f64> = (&segment - &made.means.row(u)) / made.stds.row(u);
            let moment = |p: i32| -> Array1<f64> { standard.mapv(|v| v.powi(p)).mean_axis(Axis(0)).unwrap() };
            assert_close(&moment(1), &Array1::zeros(3), 0.03);
            assert_close(&moment(2), &Array1::ones(3), 0.06);
            assert_close(&moment(4), &Array1::from_elem(3, kurtosis), 0.2 * kurtosis);
        }
    }
    assert!(generate(&small()).means.iter().all(|&m| m == 0.0));
}

#[test]
fn the_seed_decides_everything() {
    let made = generate(&small());
    assert_eq!(made, generate(&small()));
    let single = small().generate::<f32>().unwrap();
    assert_eq!(single.data.x, made.data.x.mapv(|v| v as f32));
    let other = generate(&Simulation { seed: 1, ..small() });
    assert_ne!(other.data.x, made.data.x);
    assert_ne!(other.mixing, made.mixing);
    assert_ne!(other.stds, made.stds);
}

#[test]
fn parts_draw_from_separate_streams() {
    let made = generate(&small());
    let wide = generate(&Simulation { observed: 4, layers: 2, noise: 0.1, ..small() });
    assert_eq!(sources(&wide), sources(&made));
    let noisy = generate(&Simulation { noise: 0.5, ..small() });
    assert_eq!(mix(sources(&noisy).view(), &noisy.mixing), made.data.x);
    let noise = &noisy.data.x - &made.data.x;
    assert_abs_diff_eq!(noise.std(0.0), 0.5, epsilon = 0.02);
}

#[test]
fn discrete_data_are_bernoulli() {
    let logits = generate(&small()).data.x;
    let made = generate(&Simulation { discrete: true, ..small() });
    assert!(made.data.x.iter().all(|&v| v == 0.0 || v == 1.0));
    let expected = logits.mapv(|v| 1.0 / (1.0 + (-v).exp())).mean().unwrap();
    assert_abs_diff_eq!(made.data.x.mean().unwrap(), expected, epsilon = 0.02);
    let agree = logits.iter().zip(&made.data.x).filter(|&(&l, &x)| (l > 0.0) == (x == 1.0)).count();
    assert!(agree * 2 > logits.len());
}

#[test]
fn impossible_options_are_refused() {
    for bad in [
        Simulation { segments: 0, ..small() },
        Simulation { per_segment: 0, ..small() },
        Simulation { latents: 0, ..small() },
        Simulation { layers: 0, ..small() },
        Simulation { noise: -1.0, ..small() },
        Simulation { noise: f64::NAN, ..small() },
        Simulation { segments: usize::MAX, ..small() },
    ] {
        assert!(matches!(bad.generate::<f64>(), Err(DataError::Option { .. })), "{bad:?}");
    }
    let wide = Simulation { latents: 4, ..small() };
    assert!(matches!(wide.generate::<f64>(), Err(DataError::Latents { latents: 4, observed: 3 })));
    let json = serde_json::to_string(&small()).unwrap();
    assert_eq!(serde_json::from_str::<Simulation>(&json).unwrap(), small());
    assert_eq!(serde_json::from_str::<Simulation>("{}").unwrap(), Simulation::default());
}
