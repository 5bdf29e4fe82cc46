//! Checks of the shapes that every density expects.

use ndarray::{ArrayView2, ArrayViewMut2};

#[track_caller]
pub(crate) fn assert_shape<F>(what: &str, view: &ArrayView2<'_, F>, rows: usize, cols: usize) {
    assert_eq!(view.dim(), (rows, cols), "{what} has shape {:?}, expected {:?}", view.dim(), (rows, cols));
}

/// Checks θ `[B, width]` and one entry of `per_row` (named `what`) for each of the B `rows`.
#[track_caller]
pub(crate) fn assert_rows<F>(
    theta: &ArrayView2<'_, F>,
    rows: usize,
    width: usize,
    what: &str,
    per_row: &[F],
) {
    assert_shape("theta", theta, rows, width);
    assert_eq!(per_row.len(), rows, "{what} has {} entries, v {rows} rows", per_row.len());
}

/// Checks the gradients `[B, width]` of θ and `[B, n]` of v, if they are given.
#[track_caller]
pub(crate) fn assert_gradients<F>(
    d_theta: &Option<ArrayViewMut2<'_, F>>,
    d_v: &Option<ArrayViewMut2<'_, F>>,
    (rows, n): (usize, usize),
    width: usize,
) {
    if let Some(d_v) = d_v {
        assert_shape("d_v", &d_v.view(), rows, n);
    }
    if let Some(d_theta) = d_theta {
        assert_shape("d_theta", &d_theta.view(), rows, width);
    }
}
