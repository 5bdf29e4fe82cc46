//! [`LocationScaleBuffer`]: value, location, log scale and cotangent of one tile, for location–scale densities.

use ivae_num::Scalar;
use ndarray::ArrayView2;

use super::tile::{TILE_LEN, Tile};

/// First columns of the location and of the log scale in θ, where θ has them.
pub(crate) type FirstColumns = (Option<usize>, Option<usize>);

/// Buffers for one tile, on the stack.
pub(crate) struct LocationScaleBuffer<F> {
    v: [F; TILE_LEN],
    location: [F; TILE_LEN],
    log_scale: [F; TILE_LEN],
    d: [F; TILE_LEN],
}

/// The entries of one tile.
pub(crate) struct LocationScale<'a, F> {
    pub(crate) v: &'a [F],
    /// 0 where θ has none.
    pub(crate) location: &'a mut [F],
    /// 0 where θ has none.
    pub(crate) log_scale: &'a mut [F],
    /// Scratch for the cotangents of the rows.
    pub(crate) d: &'a mut [F],
}

impl<F: Scalar> LocationScaleBuffer<F> {
    pub(crate) fn new() -> Self {
        let zero = [F::zero(); TILE_LEN];
        Self { v: zero, location: zero, log_scale: zero, d: zero }
    }

    /// Overwrites v, location and log scale.
    pub(crate) fn fill<'a>(
        &'a mut self,
        tile: &Tile,
        (location, log_scale): FirstColumns,
        theta: &ArrayView2<'_, F>,
        v: &'a ArrayView2<'_, F>,
    ) -> LocationScale<'a, F> {
        let len = tile.len();
        gather_or_zero(&mut self.location[..len], tile, theta, location);
        gather_or_zero(&mut self.log_scale[..len], tile, theta, log_scale);
        LocationScale {
            v: tile.read(&mut self.v[..len], v),
            location: &mut self.location[..len],
            log_scale: &mut self.log_scale[..len],
            d: &mut self.d[..len],
        }
    }
}

/// Overwrites `buf` with a tile of the columns of θ from `first` on, or with 0 if θ has no such columns.
pub(crate) fn gather_or_zero<F: Scalar>(
    buf: &mut [F],
    tile: &Tile,
    theta: &ArrayView2<'_, F>,
    first: Option<usize>,
) {
    match first {
        Some(first) => tile.gather(buf, theta, first),
        None => buf.fill(F::zero()),
    }
}
