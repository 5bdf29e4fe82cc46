//! The same bits on any number of threads.

use ivae_nn::{Input, Inputs, Layout, Linear, Optimiser, OptimiserSpec, clip_norm};
use ivae_num::{GemmScratch, Purpose, StreamKey, awake, stream};
use ndarray::{Array2, ArrayView2};

fn normals(len: usize, seed: u64) -> Vec<f32> {
    let mut out = vec![0.0; len];
    stream::fill_normal(&mut out, 1, StreamKey::new(seed, Purpose::Control));
    out
}

#[test]
fn looked_up_rows_and_sums_of_rows() {
    const ROWS: usize = 1000;
    const WIDTH: usize = 701;
    let mut layout = Layout::new();
    let linear = Linear::new(&mut layout, "layer", Inputs { dense: 3, levels: 7 }, WIDTH);
    let (params, x, dy) = (normals(layout.len(), 1), normals(3 * ROWS, 2), normals(ROWS * WIDTH, 3));
    let levels: Vec<u32> = (0..ROWS as u32).map(|i| i * i % 7).collect();
    let x = ArrayView2::from_shape((ROWS, 3), &x).unwrap();
    let dy = ArrayView2::from_shape((ROWS, WIDTH), &dy).unwrap();
    let passes = || {
        let (mut y, mut grad) = (Array2::zeros((ROWS, WIDTH)), vec![0.0; layout.len()]);
        let mut scratch = GemmScratch::new();
        linear.forward(y.view_mut(), &params, Input::both(x, &levels), &mut scratch);
        linear.backward(&mut grad, None, &params, Input::both(x, &levels), dy, &mut scratch);
        (y, grad)
    };
    same_on_all(&passes);
}

#[test]
fn the_norm_of_a_long_gradient() {
    let gradient = normals(300_001, 4);
    same_on_all(&|| {
        let mut gradient = gradient.clone();
        (clip_norm(&mut gradient, 10.0), gradient)
    });
}

#[test]
fn a_step_of_many_parameters() {
    let gradient = normals(300_001, 5);
    same_on_all(&|| {
        let (mut params, mut optimiser) =
            (normals(300_001, 6), Optimiser::new(OptimiserSpec::default(), 300_001));
        let norms = [1, 2].map(|_| optimiser.step(&mut params, &gradient, 0.1));
        (norms, params)
    });
}

fn same_on_all<T: PartialEq + Send>(work: &(impl Fn() -> T + Sync)) {
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| awake(work))
    };
    let alone = on(1);
    for threads in [2, 3, 5] {
        assert!(on(threads) == alone, "{threads} threads");
    }
}
