//! Elementary steps of joint diagonalisation: mixing two rows and columns of a matrix.

use ndarray::{Array2, ArrayViewMut2};

/// Rows i and j of `m` become `t` `[2, 2]` times themselves.
pub(crate) fn mix_rows(mut m: ArrayViewMut2<'_, f64>, i: usize, j: usize, t: [[f64; 2]; 2]) {
    for k in 0..m.ncols() {
        let (a, b) = (m[[i, k]], m[[j, k]]);
        m[[i, k]] = t[0][0] * a + t[0][1] * b;
        m[[j, k]] = t[1][0] * a + t[1][1] * b;
    }
}

/// The same of rows and columns: the covariance `m` of rows mixed by `t`.
pub(crate) fn mix_both(m: &mut Array2<f64>, i: usize, j: usize, t: [[f64; 2]; 2]) {
    mix_rows(m.view_mut(), i, j, t);
    mix_rows(m.view_mut().reversed_axes(), i, j, t);
}
