//! Row loops in double precision, whatever the scalar: for formulas whose terms are large where they cancel.
//!
//! Tiles are widened into buffers on the stack, so that a training step allocates nothing.

use ivae_num::{Formula, Scalar, each};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::tile::{TILE_LEN, Tile, tiles};

/// Adds to sums: `out[b] ← out[b] + Σᵢ formula(v[b][i]; θ[b][first + i] for each of K first columns)`.
pub(crate) fn add_sums<F: Scalar, const K: usize>(
    out: &mut [F],
    (theta, firsts): (ArrayView2<'_, F>, [usize; K]),
    v: ArrayView2<'_, F>,
    formula: impl Formula<f64, 1, K>,
) {
    let (mut z, mut eta) = ([0.0; TILE_LEN], [[0.0; TILE_LEN]; K]);
    for tile in tiles(v.nrows(), v.ncols()) {
        let len = tile.len();
        tile.gather(&mut z[..len], &v, 0);
        gather(&tile, &mut eta, &theta, firsts);
        each([&mut z[..len]], eta.each_ref().map(|eta| &eta[..len]), formula);
        tile.add_row_sums(out, 1.0, &z[..len]);
    }
}

/// Adds to gradients: `d_θ[b][first + i] ← d_θ[b][first + i] + d_out[b] yⱼ` for each of K first columns, with y the value
/// of `formula` at (θ; v).
pub(crate) fn add_theta_slopes<F: Scalar, const K: usize>(
    mut d_theta: ArrayViewMut2<'_, F>,
    (theta, firsts): (ArrayView2<'_, F>, [usize; K]),
    v: ArrayView2<'_, F>,
    d_out: &[F],
    formula: impl Formula<f64, K, 1>,
) {
    let (mut z, mut eta) = ([0.0; TILE_LEN], [[0.0; TILE_LEN]; K]);
    for tile in tiles(v.nrows(), v.ncols()) {
        let len = tile.len();
        tile.gather(&mut z[..len], &v, 0);
        gather(&tile, &mut eta, &theta, firsts);
        each(eta.each_mut().map(|eta| &mut eta[..len]), [&z[..len]], formula);
        tile.spread(&mut z[..len], d_out);
        for (eta, first) in eta.iter_mut().zip(firsts) {
            eta[..len].iter_mut().zip(&z).for_each(|(slope, d)| *slope *= d);
            tile.scatter_add(&mut d_theta, first, 1.0, &eta[..len]);
        }
    }
}

/// Adds to `d_v` `[B, n]`: d_out times the value of `formula` at (v; θ).
pub(crate) fn add_v_slopes<F: Scalar, const K: usize>(
    mut d_v: ArrayViewMut2<'_, F>,
    (theta, firsts): (ArrayView2<'_, F>, [usize; K]),
    v: ArrayView2<'_, F>,
    d_out: &[F],
    formula: impl Formula<f64, 1, K>,
) {
    let (mut z, mut d, mut eta) = ([0.0; TILE_LEN], [0.0; TILE_LEN], [[0.0; TILE_LEN]; K]);
    for tile in tiles(v.nrows(), v.ncols()) {
        let len = tile.len();
        tile.gather(&mut z[..len], &v, 0);
        gather(&tile, &mut eta, &theta, firsts);
        each([&mut z[..len]], eta.each_ref().map(|eta| &eta[..len]), formula);
        tile.spread(&mut d[..len], d_out);
        z[..len].iter_mut().zip(&d).for_each(|(slope, d)| *slope *= d);
        tile.scatter_add(&mut d_v, 0, 1.0, &z[..len]);
    }
}

fn gather<F: Scalar, const K: usize>(
    tile: &Tile,
    eta: &mut [[f64; TILE_LEN]; K],
    theta: &ArrayView2<'_, F>,
    firsts: [usize; K],
) {
    for (eta, first) in eta.iter_mut().zip(firsts) {
        tile.gather(&mut eta[..tile.len()], theta, first);
    }
}

/// Implement `Density` of k parameters a component by three formulas of the family `this`: `LogProb` (v; θ), `ThetaSlopes`
/// (θ; v) and `VSlope` (v; θ).
macro_rules! density {
    ($family:ty, $k:literal, |$this:pat_param| $log_prob:expr, $theta_slopes:expr, $v_slope:expr) => {
        impl<F: ivae_num::Scalar> $crate::density::Density<F> for $family {
            fn width(&self, n: usize) -> usize {
                $k * n
            }

            fn log_prob(
                &self,
                out: &mut [F],
                theta: ndarray::ArrayView2<'_, F>,
                v: ndarray::ArrayView2<'_, F>,
            ) {
                let ($this, (rows, n)) = (self, v.dim());
                $crate::density::shape::assert_rows(&theta, rows, $k * n, "out", out);
                out.fill(F::zero());
                let firsts: [usize; $k] = std::array::from_fn(|j| j * n);
                $crate::density::double::add_sums(out, (theta, firsts), v, $log_prob);
            }

            fn log_prob_backward(
                &self,
                d_theta: Option<ndarray::ArrayViewMut2<'_, F>>,
                d_v: Option<ndarray::ArrayViewMut2<'_, F>>,
                theta: ndarray::ArrayView2<'_, F>,
                v: ndarray::ArrayView2<'_, F>,
                d_out: &[F],
            ) {
                let ($this, (rows, n)) = (self, v.dim());
                $crate::density::shape::assert_rows(&theta, rows, $k * n, "d_out", d_out);
                $crate::density::shape::assert_gradients(&d_theta, &d_v, (rows, n), $k * n);
                let at: (_, [usize; $k]) = (theta, std::array::from_fn(|j| j * n));
                if let Some(d_theta) = d_theta {
                    $crate::density::double::add_theta_slopes(d_theta, at, v, d_out, $theta_slopes);
                }
                if let Some(d_v) = d_v {
                    $crate::density::double::add_v_slopes(d_v, at, v, d_out, $v_slope);
                }
            }
        }
    };
}
pub(crate) use density;
