//! Forward and backward passes over random shapes: against definitions, differences, and each other.

use crate::common::{Case, cases};
use ivae_nn::{Activation, Input, Inputs, Layout, Linear, Mlp, MlpWorkspace, Scratch};
use ivae_num::{GemmScratch, Scalar, gradcheck};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};
use proptest::prelude::*;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 256,
        max_global_rejects: 4096,
        failure_persistence: None,
        rng_seed: prop::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

/// Outputs, gradient of the parameters and gradient of the dense input of Σ `case.weights` ∘ out, all in `F`.
fn run<F: Scalar>(mlp: &Mlp, case: &Case) -> (Array2<F>, Vec<F>, Array2<F>) {
    let params: Vec<F> = case.params.iter().map(|p| F::of(*p)).collect();
    let (x, weights) = (case.x.mapv(F::of), case.weights.mapv(F::of));
    let input = Input { dense: (x.ncols() > 0).then(|| x.view()), levels: case.levels() };
    let (mut ws, mut scratch) = (mlp.workspace(case.rows + 2), Scratch::new());
    let (mut out, mut grad) = (weights.mapv(|_| F::nan()), vec![F::zero(); params.len()]);
    let mut dx = Array2::zeros(x.dim());
    mlp.forward(out.view_mut(), &params, input, &mut ws, &mut scratch);
    let into = (x.ncols() > 0).then(|| dx.view_mut());
    mlp.backward(&mut grad, into, &params, input, weights.view(), &mut ws, &mut scratch);
    (out, grad, dx)
}

type Backward = fn(
    &Mlp,
    &mut [f64],
    Option<ArrayViewMut2<'_, f64>>,
    &[f64],
    Input<'_, f64>,
    ArrayView2<'_, f64>,
    &mut MlpWorkspace<f64>,
    &mut Scratch<f64>,
);

/// Gradients after two backward passes, where that of the parameters was `start` and that of the dense input 0.25.
fn run_twice(case: &Case, backward: Backward, start: f64) -> (Vec<f64>, Array2<f64>) {
    let input = case.input();
    let (mut ws, mut scratch) = (case.mlp.workspace(case.rows), Scratch::new());
    let mut out = Array2::zeros(case.weights.dim());
    case.mlp.forward(out.view_mut(), &case.params, input, &mut ws, &mut scratch);
    let (mut grad, mut dx) = (vec![start; case.params.len()], case.x.mapv(|_| 0.25));
    for _ in 0..2 {
        let into = input.dense.map(|_| dx.view_mut());
        backward(&case.mlp, &mut grad, into, &case.params, input, case.weights.view(), &mut ws, &mut scratch);
    }
    (grad, dx)
}

#[track_caller]
fn assert_same<'a, F: Scalar>(
    given: impl IntoIterator<Item = &'a F>,
    truth: impl IntoIterator<Item = &'a f64>,
    tolerance: f64,
) {
    let (given, truth): (Vec<_>, Vec<_>) = (given.into_iter().collect(), truth.into_iter().collect());
    assert_eq!(given.len(), truth.len());
    for (i, (a, b)) in given.iter().zip(truth).enumerate() {
        assert!((a.f64() - b).abs() <= tolerance * b.abs().max(1.0), "entry {i}: {a}, not {b}");
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn outputs_follow_the_definition(case in cases()) {
        let (out, _, _) = run::<f64>(&case.mlp, &case);
        assert_same(&out, &case.definition(&case.params, &case.x).0, 1e-13);
    }

    #[test]
    fn gradients_match_differences(case in cases()) {
        let kinked = matches!(case.mlp.activation, Activation::Relu | Activation::LeakyRelu { .. });
        prop_assume!(!kinked || case.definition(&case.params, &case.x).1 > 0.02);
        let objective = |params: &[f64], x: &Array2<f64>| (case.definition(params, x).0 * &case.weights).sum();
        let (_, grad, dx) = run::<f64>(&case.mlp, &case);
        gradcheck::check(&case.params, &grad, |p| objective(p, &case.x)).assert_below(1e-8);
        let at = |x: &[f64]| Array2::from_shape_vec(case.x.dim(), x.to_vec()).unwrap();
        let x = case.x.as_slice().unwrap();
        gradcheck::check(x, dx.as_slice().unwrap(), |x| objective(&case.params, &at(x))).assert_below(1e-8);
    }

    #[test]
    fn f32_agrees_with_f64(case in cases()) {
        let (out, grad, dx) = run::<f64>(&case.mlp, &case);
        let (out32, grad32, dx32) = run::<f32>(&case.mlp, &case);
        let kinked = matches!(case.mlp.activation, Activation::Relu | Activation::LeakyRelu { .. });
        prop_assume!(!kinked || case.definition(&case.params, &case.x).1 > 1e-4);
        assert_same(&out32, &out, 1e-5);
        assert_same(&grad32, &grad, 1e-4);
        assert_same(&dx32, &dx, 1e-4);
    }

    #[test]
    fn levels_are_one_hot_columns(case in cases()) {
        let (out, grad, dx) = run::<f64>(&case.mlp, &case);
        let (same, case) = (&case, case.one_hot());
        let (out1, grad1, dx1) = run::<f64>(&case.mlp, &case);
        assert_same(&out, &out1, 1e-13);
        assert_same(&grad, &grad1, 1e-12);
        assert_same(&dx, dx1.slice(s![.., ..same.x.ncols()]), 1e-12);
    }

    #[test]
    fn backward_adds_to_the_gradients_of_parameters_and_of_x(case in cases()) {
        let (_, grad, dx) = run::<f64>(&case.mlp, &case);
        let (grad_twice, dx_twice) = run_twice(&case, Mlp::backward, 0.5);
        assert_same(&grad_twice, &grad.iter().map(|g| 0.5 + 2.0 * g).collect::<Vec<_>>(), 1e-12);
        assert_same(&dx_twice, &dx.mapv(|g| 0.25 + 2.0 * g), 1e-12);
    }

    #[test]
    fn backward_overwrite_adds_to_the_gradient_of_x_alone(case in cases()) {
        let (_, grad, dx) = run::<f64>(&case.mlp, &case);
        let (grad_twice, dx_twice) = run_twice(&case, Mlp::backward_overwrite, f64::NAN);
        assert_same(&grad_twice, &grad, 1e-12);
        assert_same(&dx_twice, &dx.mapv(|g| 0.25 + 2.0 * g), 1e-12);
    }

    /// A workspace that has seen other rows, and strided outputs, inputs and gradients change nothing.
    #[test]
    fn strides_and_old_contents_do_not_matter(case in cases()) {
        let (out, grad, dx) = run::<f64>(&case.mlp, &case);
        let (rows, width) = (case.rows, case.weights.ncols());
        let (mut ws, mut scratch) = (case.mlp.workspace(rows + 3), Scratch::new());
        let mut other = case.clone();
        other.rows += 3;
        other.x = Array2::from_elem((rows + 3, case.x.ncols()), f64::NAN);
        other.u = vec![0; rows + 3];
        let mut ignored = Array2::zeros((rows + 3, width));
        case.mlp.forward(ignored.view_mut(), &case.params, other.input(), &mut ws, &mut scratch);

        let mut wide = Array2::from_elem((rows, 2 * width + 1), f64::NAN);
        let columns = Array2::from_shape_fn((case.x.ncols(), rows), |(j, i)| case.x[[i, j]]);
        let input = Input { dense: (case.x.ncols() > 0).then(|| columns.t()), levels: case.levels() };
        case.mlp.forward(wide.slice_mut(s![.., 1..;2]), &case.params, input, &mut ws, &mut scratch);
        assert_same(wide.slice(s![.., 1..;2]), &out, 1e-13);
        prop_assert!(wide.slice(s![.., ..;2]).iter().all(|v| v.is_nan()));

        wide.slice_mut(s![.., 1..;2]).assign(&case.weights);
        let mut grad2 = vec![0.0; grad.len()];
        let mut dx2 = Array2::zeros((case.x.ncols(), rows)).reversed_axes();
        let into = (case.x.ncols() > 0).then(|| dx2.view_mut());
        case.mlp.backward(&mut grad2, into, &case.params, input, wide.slice(s![.., 1..;2]), &mut ws, &mut scratch);
        assert_same(&grad2, &grad, 1e-12);
        assert_same(dx2.iter(), &dx, 1e-12);
    }

    #[test]
    fn values_alone_are_the_same(case in cases()) {
        let (out, _, _) = run::<f64>(&case.mlp, &case);
        let mut alone = Array2::from_elem(out.dim(), f64::NAN);
        let (mut ws, mut scratch) = (case.mlp.workspace(case.rows), Scratch::new());
        case.mlp.forward_value(alone.view_mut(), &case.params, case.input(), &mut ws, &mut scratch);
        assert_same(&alone, &out, 1e-14);
    }
}

#[test]
fn backward_of_a_layer_adds() {
    let matrix =
        |rows, columns| Array2::from_shape_fn((rows, columns), |(i, j)| ((5 * i + 3 * j) as f64).sin());
    let (x, dy, levels) = (matrix(6, 3), matrix(6, 4), [2, 0, 1, 2, 2, 0]);
    let mut layout = Layout::new();
    let layer = Linear::new(&mut layout, "layer", Inputs { dense: 3, levels: 3 }, 4);
    let params = matrix(1, layout.len()).row(0).to_vec();
    let gradients = |passes: usize| {
        let (mut grad, mut dx) = (vec![0.5; params.len()], Array2::from_elem(x.dim(), 0.5));
        for _ in 0..passes {
            let input = Input::both(x.view(), &levels);
            layer.backward(
                &mut grad,
                Some(dx.view_mut()),
                &params,
                input,
                dy.view(),
                &mut GemmScratch::new(),
            );
        }
        grad.extend(dx);
        grad
    };
    let (once, twice) = (gradients(1), gradients(2));
    assert!(once.iter().all(|&g| g != 0.5));
    assert_same(&twice, &once.iter().map(|g| 2.0 * g - 0.5).collect::<Vec<_>>(), 1e-14);
}

/// The gradient of a network whose activation is slightly another does not pass for this one's.
#[test]
fn a_broken_derivative_is_caught() {
    let case = Case::new(3, [2, 3], vec![4, 4], Activation::Xtanh { slope: 0.1 }, true, 2, 7);
    let objective = |p: &[f64]| (case.definition(p, &case.x).0 * &case.weights).sum();
    let mut broken = case.mlp.clone();
    broken.activation = Activation::Xtanh { slope: 0.11 };
    let (_, right, _) = run::<f64>(&case.mlp, &case);
    let (_, wrong, _) = run::<f64>(&broken, &case);
    gradcheck::check(&case.params, &right, objective).assert_below(1e-8);
    assert!(gradcheck::check(&case.params, &wrong, objective).worst > 1e-3);
}
