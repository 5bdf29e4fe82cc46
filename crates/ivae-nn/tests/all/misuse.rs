//! Calls that do not fit are refused at once, with what was found.

use ivae_nn::{Activation, Input, Inputs, Layout, Linear, Mlp, MlpSpec, Scratch};
use ivae_num::GemmScratch;
use ndarray::Array2;

fn net() -> (Mlp, Vec<f64>) {
    let mut layout = Layout::new();
    let spec = MlpSpec { hidden: vec![4], activation: Activation::Tanh, skip: true };
    let mlp = Mlp::new(&mut layout, "net", Inputs { dense: 3, levels: 2 }, &spec, 1);
    (mlp, vec![0.1; layout.len()])
}

/// One forward pass, then one backward pass of `backward` rows.
fn pass(rows: usize, columns: usize, levels: &[u32], out: usize, backward: usize) {
    let (mlp, params) = net();
    let (mut ws, mut scratch) = (mlp.workspace(5), Scratch::new());
    let x = Array2::zeros((rows, columns));
    let input = Input::both(x.view(), levels);
    mlp.forward(Array2::zeros((rows, out)).view_mut(), &params, input, &mut ws, &mut scratch);
    let d_out = Array2::zeros((backward, out));
    mlp.backward(&mut params.clone(), None, &params, input, d_out.view(), &mut ws, &mut scratch);
}

#[test]
fn a_fitting_call_passes() {
    pass(2, 3, &[0, 1], 1, 2);
}

#[test]
#[should_panic(expected = "6 rows in a workspace for 5")]
fn more_rows_than_the_workspace_holds() {
    pass(6, 3, &[0; 6], 1, 6);
}

#[test]
#[should_panic(expected = "dense input is [2, 4], expected [2, 3]")]
fn other_columns() {
    pass(2, 4, &[0, 1], 1, 2);
}

#[test]
#[should_panic(expected = "the output has 2 columns, the layer 1")]
fn other_outputs() {
    pass(2, 3, &[0, 1], 2, 2);
}

#[test]
#[should_panic]
fn a_level_beyond_the_last() {
    pass(2, 3, &[0, 2], 1, 2);
}

#[test]
#[should_panic(expected = "backward of 3 rows, but the forward pass kept Some(2)")]
fn backward_of_other_rows() {
    pass(2, 3, &[0, 1], 1, 3);
}

#[test]
#[should_panic(expected = "the forward pass kept None")]
fn backward_after_values_alone() {
    let (mlp, params) = net();
    let (mut ws, mut scratch) = (mlp.workspace(2), Scratch::new());
    let x = Array2::zeros((2, 3));
    let (input, mut out) = (Input::both(x.view(), &[0, 1]), Array2::zeros((2, 1)));
    mlp.forward(out.view_mut(), &params, input, &mut ws, &mut scratch);
    mlp.forward_value(out.view_mut(), &params, input, &mut ws, &mut scratch);
    mlp.backward(&mut params.clone(), None, &params, input, out.view(), &mut ws, &mut scratch);
}

#[test]
#[should_panic(expected = "built without")]
fn levels_for_a_layer_without() {
    let mut layout = Layout::new();
    let linear = Linear::new(&mut layout, "l", Inputs { dense: 1, levels: 0 }, 1);
    let (x, params) = (Array2::zeros((1, 1)), vec![0.0; layout.len()]);
    let mut y = Array2::zeros((1, 1));
    linear.forward(y.view_mut(), &params, Input::both(x.view(), &[0]), &mut GemmScratch::new());
}
