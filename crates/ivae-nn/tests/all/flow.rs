//! Flows: each a bijection, its log-determinant, its derivatives, and no allocation.

use ivae_nn::{
    Activation, CouplingSpec, Flow, FlowSpec, FlowWorkspace, Layout, MapSpec, SquareSpec, TransformSpec,
    UnitSpec,
};
use ivae_num::gradcheck::{GradCheck, check};
use ivae_num::{Purpose, StreamKey, linalg, stream};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use proptest::prelude::*;

/// How many there are.
const CLASSES: usize = 5;

fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut flat = vec![0.0; rows * columns];
    stream::fill_normal(&mut flat, columns, StreamKey::new(seed, Purpose::Generate));
    Array2::from_shape_vec((rows, columns), flat).unwrap()
}

/// One of every class.
fn classes(layers: usize) -> Vec<FlowSpec> {
    let coupling = |maps, activation, transform| {
        FlowSpec::Coupling(CouplingSpec { blocks: layers, hidden: vec![7, 6], activation, maps, transform })
    };
    vec![
        FlowSpec::Square(SquareSpec { layers, units: UnitSpec::Tanh { slope: 0.25 }, scale: 0.6 }),
        FlowSpec::Square(SquareSpec { layers, units: UnitSpec::Spline { bins: 4, bound: 2.0 }, scale: 0.9 }),
        coupling(MapSpec::Free, Activation::Silu, TransformSpec::Affine),
        coupling(MapSpec::Lu, Activation::Tanh, TransformSpec::Affine),
        coupling(MapSpec::Free, Activation::Tanh, TransformSpec::Spline { bins: 3, bound: 2.0 }),
    ]
}

/// A network with no parameter at a special value; of an even seed, its last layer has a bias.
fn network(class: usize, n: usize, layers: usize, seed: u64) -> (Flow, Vec<f64>) {
    let mut layout = Layout::new();
    let net = Flow::new(&mut layout, "g", &classes(layers)[class], n, seed.is_multiple_of(2));
    let mut params = vec![0.0; layout.len()];
    net.init(&mut params, &mut StreamKey::new(seed, Purpose::Init).rng());
    let jitter = normals(1, layout.len(), seed ^ 1);
    params.iter_mut().zip(&jitter).for_each(|(p, j)| *p += 0.1 * j);
    (net, params)
}

/// Which way a flow is gone, with its log|det| and derivatives.
#[derive(Debug, Clone, Copy)]
enum Way {
    ToLatents,
    ToData,
}

type Backward = fn(
    &Flow,
    &mut [f64],
    Option<ArrayViewMut2<'_, f64>>,
    &[f64],
    ArrayView2<'_, f64>,
    &[f64],
    &mut FlowWorkspace<f64>,
);

impl Way {
    fn backward(self) -> Backward {
        match self {
            Self::ToLatents => Flow::backward,
            Self::ToData => Flow::backward_inverse,
        }
    }
}

const WAYS: [Way; 2] = [Way::ToLatents, Way::ToData];

/// Gradients of Σ_rows (c · log|det| + Σ_i k_i y_i²), y the end of the way, with the result of `break_it`, against
/// differences.
fn gradients(
    way: Way,
    (class, n, layers, seed): (usize, usize, usize, u64),
    rows: usize,
    break_it: impl Fn(&mut [f64]),
) -> GradCheck {
    let (net, params) = network(class, n, layers, seed);
    let x = normals(rows, n, seed + 10) * 2.0;
    let mut ws = net.workspace(rows + 3);
    let (mut y, mut log_det) = (Array2::zeros((rows, n)), vec![0.0; rows]);
    let go = match way {
        Way::ToLatents => Flow::forward,
        Way::ToData => Flow::inverse_log_det,
    };
    go(&net, y.view_mut(), &mut log_det, &params, x.view(), &mut ws);
    let c: Vec<f64> = (0..rows).map(|i| 0.3 + i as f64).collect();
    let k = |i: usize| 0.5 + i as f64;
    let dy = Array2::from_shape_fn((rows, n), |(b, i)| 2.0 * k(i) * y[[b, i]]);
    // Parameters and inputs in one vector.
    let mut all = params.clone();
    all.extend(x.iter());
    let mut grad = vec![0.0; params.len()];
    let mut dx = Array2::zeros((rows, n));
    way.backward()(&net, &mut grad, Some(dx.view_mut()), &params, dy.view(), &c, &mut ws);
    grad.extend(dx.iter());
    break_it(&mut grad);
    check(&all, &grad, |all| {
        let (params, x) = all.split_at(params.len());
        let x = Array2::from_shape_vec((rows, n), x.to_vec()).unwrap();
        go(&net, y.view_mut(), &mut log_det, params, x.view(), &mut ws);
        let squares: f64 = y.indexed_iter().map(|((_, i), v)| k(i) * v * v).sum();
        squares + log_det.iter().zip(&c).map(|(l, c)| l * c).sum::<f64>()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, rng_seed: proptest::test_runner::RngSeed::Fixed(2), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn inverse_after_forward_is_the_identity(class in 0usize..CLASSES, n in 1usize..6, layers in 1usize..5, rows in 0usize..9, seed in 0u64..1000) {
        let (net, params) = network(class, n, layers, seed);
        let x = normals(rows, n, seed) * 3.0;
        let mut ws = net.workspace(rows + 1);
        let (mut z, mut log_det) = (Array2::zeros((rows, n)), vec![0.0; rows]);
        net.forward(z.view_mut(), &mut log_det, &params, x.view(), &mut ws);
        let mut back = Array2::zeros((rows, n));
        net.inverse(back.view_mut(), &params, z.view(), &mut ws);
        for (a, b) in back.iter().zip(&x) {
            prop_assert!((a - b).abs() < 1e-8 * (1.0 + b.abs()), "{a} {b}");
        }
        let mut other_way = vec![0.0; rows];
        net.inverse_log_det(back.view_mut(), &mut other_way, &params, z.view(), &mut ws);
        for (a, b) in other_way.iter().zip(&log_det) {
            prop_assert!((a + b).abs() < 1e-8 * (1.0 + b.abs()), "{a} {b}");
        }
    }

    #[test]
    fn log_det_is_that_of_the_jacobian(class in 0usize..CLASSES, n in 1usize..5, layers in 1usize..4, seed in 0u64..1000) {
        let (net, params) = network(class, n, layers, seed);
        let x = normals(1, n, seed);
        let mut ws = net.workspace(1);
        let (mut z, mut log_det) = (Array2::zeros((1, n)), vec![0.0]);
        net.forward(z.view_mut(), &mut log_det, &params, x.view(), &mut ws);
        let h = 1e-5;
        let jacobian = Array2::from_shape_fn((n, n), |(i, j)| {
            let mut at = |delta: f64| {
                let mut moved = x.clone();
                moved[[0, j]] += delta;
                let mut z = Array2::zeros((1, n));
                net.forward(z.view_mut(), &mut [0.0], &params, moved.view(), &mut ws);
                z[[0, i]]
            };
            (at(h) - at(-h)) / (2.0 * h)
        });
        let (_, expected) = linalg::slogdet(jacobian.view()).unwrap();
        prop_assert!((log_det[0] - expected).abs() < 1e-6, "{} {expected}", log_det[0]);
    }

    #[test]
    fn backward_is_the_derivative_both_ways(class in 0usize..CLASSES, n in 1usize..5, layers in 1usize..4, rows in 1usize..6, seed in 0u64..1000) {
        for way in WAYS {
            let found = gradients(way, (class, n, layers, seed), rows, |_| {});
            prop_assert!(found.worst < 1e-7, "{way:?} {found:?}");
        }
    }
}

/// Of one changed column to six: code for each number up to four, and for any.
#[test]
fn any_number_of_columns() {
    const SMOOTH: [usize; 3] = [0, 2, 3];
    for (class, n) in SMOOTH.into_iter().flat_map(|class| [2, 3, 5, 7, 8, 11].map(|n| (class, n))) {
        for way in WAYS {
            let found = gradients(way, (class, n, 2, 5), 3, |_| {});
            assert!(found.worst < 1e-7, "{way:?} of class {class}, {n} columns: {found:?}");
        }
    }
}

#[test]
fn a_broken_derivative_is_caught() {
    // Seeds for which no difference steps over a knot, where a spline's log-slope has a corner.
    let cases = (0..CLASSES).flat_map(|class| WAYS.map(|way| (class, way)));
    for ((class, way), seed) in cases.flat_map(|case| [7, 12].map(|seed| (case, seed))) {
        let flow = (class, 3, 2, seed);
        let found = gradients(way, flow, 4, |_| {});
        assert!(found.worst < 1e-7, "{way:?} of class {class}, seed {seed}: {found:?}");
        let total = network(class, 3, 2, seed).1.len() + 12;
        for i in (0..total).step_by(total.div_ceil(80)) {
            let found = gradients(way, flow, 4, |grad| grad[i] = 1.001 * grad[i] + 1e-5);
            assert!(found.worst > 1e-7, "{way:?} of class {class}: entry {i} was broken and nobody noticed");
        }
    }
}

#[test]
fn backward_adds_both_ways_and_overwrites_where_its_name_says_so() {
    let (x, c) = (normals(4, 3, 1), [0.5, -1.0, 2.0, 0.25]);
    for (class, way) in (0..CLASSES).flat_map(|class| WAYS.map(|way| (class, way))) {
        let (net, params) = network(class, 3, 2, 7);
        let mut ws = net.workspace(4);
        net.forward(Array2::zeros((4, 3)).view_mut(), &mut [0.0; 4], &params, x.view(), &mut ws);
        let mut gradients = |backward: Backward, start: f64, passes: usize| {
            let (mut grad, mut dx) = (vec![start; params.len()], Array2::from_elem((4, 3), 0.5));
            for _ in 0..passes {
                backward(&net, &mut grad, Some(dx.view_mut()), &params, x.view(), &c, &mut ws);
            }
            grad.extend(dx);
            grad
        };
        let once = gradients(way.backward(), 0.5, 1);
        let twice = gradients(way.backward(), 0.5, 2);
        for (i, (once, twice)) in once.iter().zip(&twice).enumerate() {
            let expected = 2.0 * once - 0.5;
            let error = (twice - expected).abs();
            assert!(error <= 1e-13 * expected.abs().max(1.0), "{way:?} of class {class}, entry {i}: {error}");
        }
        if let Way::ToLatents = way {
            let overwritten = gradients(Flow::backward_overwrite, f64::NAN, 2);
            let (of_params, of_x) = overwritten.split_at(params.len());
            for (i, (g, once)) in of_params.iter().zip(&once).enumerate() {
                assert!((g - (once - 0.5)).abs() <= 1e-13 * once.abs().max(1.0), "class {class}, entry {i}");
            }
            assert_eq!(of_x, &twice[params.len()..]);
        }
    }
}

#[test]
fn f32_agrees_with_f64_far_out_too() {
    for class in 0..CLASSES {
        precisions_agree(class);
    }
}

fn precisions_agree(class: usize) {
    let (net, params) = network(class, 4, 3, 9);
    let x = normals(6, 4, 3) * 20.0;
    let (mut z, mut log_det) = (Array2::zeros((6, 4)), vec![0.0; 6]);
    net.forward(z.view_mut(), &mut log_det, &params, x.view(), &mut net.workspace(6));
    let params: Vec<f32> = params.iter().map(|&p| p as f32).collect();
    let (mut small, mut small_det) = (Array2::zeros((6, 4)), vec![0.0f32; 6]);
    net.forward(
        small.view_mut(),
        &mut small_det,
        &params,
        x.mapv(|v| v as f32).view(),
        &mut net.workspace(6),
    );
    for (a, b) in z.iter().zip(&small).chain(log_det.iter().zip(&small_det)) {
        assert!((a - f64::from(*b)).abs() < 2e-4 * (1.0 + a.abs()), "{a} {b}");
    }
}

#[test]
fn nothing_allocates() {
    for class in 0..CLASSES {
        no_allocation(class);
    }
}

fn no_allocation(class: usize) {
    let (net, params) = network(class, 5, 3, 1);
    let x = normals(64, 5, 1);
    let mut ws = net.workspace(64);
    let (mut z, mut log_det, mut grad) = (Array2::zeros((64, 5)), vec![0.0; 64], vec![0.0; params.len()]);
    net.forward(z.view_mut(), &mut log_det, &params, x.view(), &mut ws);
    let counted = allocation_counter::measure(|| {
        net.forward(z.view_mut(), &mut log_det, &params, x.view(), &mut ws);
        net.backward(&mut grad, None, &params, x.view(), &log_det, &mut ws);
        net.inverse_log_det(z.view_mut(), &mut log_det, &params, x.view(), &mut ws);
        net.backward_inverse(&mut grad, None, &params, x.view(), &log_det, &mut ws);
    });
    assert_eq!(counted.count_total, 0, "class {class}");
}

#[test]
fn one_column_is_enough() {
    for class in 0..CLASSES {
        for way in WAYS {
            assert!(gradients(way, (class, 1, 2, 3), 4, |_| {}).worst < 1e-7);
        }
    }
    // Nothing to condition on: every row is changed in the same way.
    let (net, params) = network(2, 1, 2, 1);
    let (mut z, mut log_det) = (Array2::zeros((3, 1)), [0.0; 3]);
    let x = Array2::from_shape_fn((3, 1), |(i, _)| i as f64);
    net.forward(z.view_mut(), &mut log_det, &params, x.view(), &mut net.workspace(3));
    assert!((z[[2, 0]] - 2.0 * z[[1, 0]] + z[[0, 0]]).abs() < 1e-12);
    assert_eq!(log_det, [log_det[0]; 3]);
}

#[test]
fn what_makes_no_bijection_is_refused() {
    let square = |layers, units, scale| FlowSpec::Square(SquareSpec { layers, units, scale });
    let tanh = UnitSpec::Tanh { slope: 0.3 };
    let spline = |bins, bound| square(2, UnitSpec::Spline { bins, bound }, 1.0);
    let coupling = |blocks, hidden, transform| {
        FlowSpec::Coupling(CouplingSpec { blocks, hidden, transform, ..CouplingSpec::default() })
    };
    let row_spline = |bins, bound| coupling(2, vec![8], TransformSpec::Spline { bins, bound });
    let affine = |blocks, hidden| coupling(blocks, hidden, TransformSpec::Affine);
    for right in [square(1, tanh, 0.6), spline(1, 0.1), affine(1, vec![]), row_spline(100, 4.0)] {
        assert_eq!(right.check(), Ok(()), "{right:?}");
    }
    for (wrong, message) in [
        (square(0, tanh, 1.0), "square.layers is 0, but must be 1 or more"),
        (square(2, tanh, f64::NAN), "square.scale is NaN, but must be positive"),
        (square(2, UnitSpec::Tanh { slope: 0.0 }, 1.0), "square.units.slope is 0, but must be positive"),
        (spline(0, 4.0), "square.units.bins is 0, but must be from 1 to 100"),
        (spline(101, 4.0), "square.units.bins is 101, but must be from 1 to 100"),
        (spline(8, -1.0), "square.units.bound is -1, but must be positive"),
        (spline(8, f64::INFINITY), "square.units.bound is inf, but must be positive"),
        (affine(0, vec![8]), "coupling.blocks is 0, but must be 1 or more"),
        (affine(2, vec![8, 0]), "hidden is 0, but must be at least 1"),
        (row_spline(0, 4.0), "coupling.transform.bins is 0, but must be from 1 to 100"),
        (row_spline(8, 0.0), "coupling.transform.bound is 0, but must be positive"),
    ] {
        assert_eq!(wrong.check().unwrap_err().to_string(), message);
    }
}

#[test]
fn a_specification_is_read_and_comes_back() {
    let written = "[coupling]\nblocks = 3\nhidden = [8]\nactivation = 'silu'\n";
    let affine: FlowSpec = toml::from_str(written).unwrap();
    let expected = CouplingSpec { blocks: 3, hidden: vec![8], ..CouplingSpec::default() };
    assert_eq!((affine.name(), affine), ("coupling", FlowSpec::Coupling(expected)));
    let spline = format!("{written}maps = 'lu'\ntransform.spline = {{ bins = 5, bound = 3.0 }}\n");
    let spline: FlowSpec = toml::from_str(&spline).unwrap();
    assert_eq!(spline.name(), "coupling-spline");
    assert_eq!(toml::from_str::<FlowSpec>(&toml::to_string(&spline).unwrap()).unwrap(), spline);
}

/// Latents after an affine map of the last layer are the affine map of the latents.
#[test]
fn an_affine_map_after_the_flow_moves_its_latents() {
    let mut layout = Layout::new();
    let net = Flow::new(&mut layout, "g", &classes(2)[0], 3, true);
    let mut params = vec![0.0; layout.len()];
    net.init(&mut params, &mut StreamKey::new(5, Purpose::Init).rng());
    let x = normals(4, 3, 6);
    let mut ws = net.workspace(4);
    let mut latents = |params: &[f64]| {
        let (mut z, mut log_det) = (Array2::zeros((4, 3)), [0.0; 4]);
        net.forward(z.view_mut(), &mut log_det, params, x.view(), &mut ws);
        (z, log_det)
    };
    let (before, det_before) = latents(&params);
    let (order, scale, shift) = ([2, 0, 1], [2.0, -0.5, 3.0], [0.3, -1.0, 0.0]);
    net.then_affine(&mut params, &order, &scale, &shift);
    let (after, det_after) = latents(&params);
    for ((row, i), z) in after.indexed_iter() {
        assert!((z - (scale[i] * before[[row, order[i]]] + shift[i])).abs() < 1e-12);
    }
    for (a, b) in det_after.iter().zip(det_before) {
        assert!((a - b - 3f64.ln()).abs() < 1e-12);
    }
}
