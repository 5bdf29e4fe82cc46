//! A coupling flow and its gradients against PyTorch (see `golden/README.md`).

use std::fs::File;

use ivae_nn::{Activation, CouplingSpec, Flow, FlowSpec, Layout, MapSpec, TransformSpec};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use ndarray_npy::NpzReader;

const TOLERANCE: f64 = 1e-10;

fn matrix(npz: &mut NpzReader<File>, key: &str) -> Array2<f64> {
    npz.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"))
}

fn vector(npz: &mut NpzReader<File>, key: &str) -> Array2<f64> {
    let vector: Array1<f64> = npz.by_name(key).unwrap_or_else(|e| panic!("{key}: {e}"));
    vector.insert_axis(Axis(0))
}

/// The array that stands for the group `name` of our layout, in our orientation; none for the last map.
fn theirs(npz: &mut NpzReader<File>, prefix: &str, name: &str) -> Option<Array2<f64>> {
    let key = match name.strip_prefix("g.").unwrap() {
        "out.weight" => return None,
        "0.weight" => "block0.linear".to_owned(),
        "1.weight" => "block1.linear".to_owned(),
        of_net => format!("block{of_net}"),
    };
    let key = format!("{prefix}.{key}");
    Some(match key.ends_with("bias") {
        true => vector(npz, &key),
        false => matrix(npz, &key).reversed_axes(),
    })
}

#[track_caller]
fn assert_close(given: ArrayView2<'_, f64>, truth: ArrayView2<'_, f64>, what: &str) {
    assert_eq!(given.dim(), truth.dim(), "{what}");
    for ((at, a), b) in given.indexed_iter().zip(truth) {
        assert!((a - b).abs() <= TOLERANCE * b.abs().max(1.0), "{what} at {at:?}: {a}, PyTorch has {b}");
    }
}

#[test]
fn coupling_agrees_with_pytorch() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/flow.npz");
    let npz = &mut NpzReader::new(File::open(path).unwrap()).unwrap();
    let (rows, n) = (7, 3);
    let spec = FlowSpec::Coupling(CouplingSpec {
        blocks: 2,
        hidden: vec![8],
        activation: Activation::Tanh,
        maps: MapSpec::Free,
        transform: TransformSpec::Affine,
    });
    let mut layout = Layout::new();
    let flow = Flow::new(&mut layout, "g", &spec, n, false);
    let mut params = vec![0.0; layout.len()];
    for group in &layout.groups {
        let value = theirs(npz, "w", &group.name).unwrap_or_else(|| Array2::eye(n));
        group.slot.view_mut(&mut params).assign(&value);
    }

    let x = matrix(npz, "x");
    let mut ws = flow.workspace(rows);
    let (mut z, mut log_det) = (Array2::zeros((rows, n)), vec![0.0; rows]);
    flow.forward(z.view_mut(), &mut log_det, &params, x.view(), &mut ws);
    assert_close(z.view(), matrix(npz, "z").view(), "z");
    let as_row = |v: &[f64]| Array2::from_shape_vec((1, rows), v.to_vec()).unwrap();
    assert_close(as_row(&log_det).view(), vector(npz, "logdet").view(), "log|det|");
    let constant = 0.5 * n as f64 * (2.0 * std::f64::consts::PI).ln();
    let half_squares = z.rows().into_iter().map(|z| 0.5 * z.dot(&z));
    let nll: Vec<f64> = half_squares.zip(&log_det).map(|(half, l)| half + constant - l).collect();
    assert_close(as_row(&nll).view(), vector(npz, "nll").view(), "negative log-likelihood");

    // Of its mean: ∂z = z / B, ∂log|det| = −1 / B.
    let mut grad = vec![0.0; params.len()];
    let share = 1.0 / rows as f64;
    flow.backward(&mut grad, None, &params, (&z * share).view(), &vec![-share; rows], &mut ws);
    for group in &layout.groups {
        if let Some(truth) = theirs(npz, "grad", &group.name) {
            assert_close(group.slot.view(&grad), truth.view(), &group.name);
        }
    }

    let mut back = Array2::zeros((rows, n));
    flow.inverse(back.view_mut(), &params, z.view(), &mut ws);
    assert_close(back.view(), x.view(), "x");
}
