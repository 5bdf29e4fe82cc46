//! Row loops for families whose densities need special functions: a family computes whole tiles at once.
//!
//! The loops cut rows into tiles on the stack; a family sees contiguous columns and calls vectorised functions on all
//! of them. Special functions have no vector form and lose digits in single precision, so their families compute in
//! double precision throughout. Families of elementary functions use [`elementary`](super::elementary) instead.

use ivae_num::{Loop, Scalar, wide};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::expfam::ExpFam;
use super::shape::{assert_gradients, assert_rows};
use super::support::SupportBounds;
use super::tile::{TILE_LEN, Tile, tiles};

/// Log-density and gradient of a tile at once: `z` `[len]` and, column after column, `eta` `[k * len]`. The results
/// where z is outside the support or NaN do not matter.
///
/// The tile has rows of `cols` elements, which [`map_special`] uses.
pub(crate) trait TileDensity: ExpFam<f64> {
    /// Compute in double precision, whatever the scalar.
    const DOUBLE: bool;

    /// `z` ← log p(z | η). `eta` may serve as scratch.
    fn log_probs<F: Scalar>(&self, z: &mut [F], eta: &mut [F], cols: usize);

    /// `z` ← d · ∂ log p / ∂z, `eta` ← d · ∂ log p / ∂η.
    fn derivatives<F: Scalar>(&self, z: &mut [F], eta: &mut [F], d: &[F], cols: usize);
}

/// Implement `Density<f32>`, `Density<f64>` and `ExpFam<f32>` for a family that has [`TileDensity`] and `ExpFam<f64>`.
/// Its θ are the η of [`ExpFam::natural`](crate::ExpFam::natural).
macro_rules! impl_special_functions {
    ($family:ty) => {
        $crate::density::implement::density!([] $family, special_functions);
        $crate::density::implement::narrowed!([] $family);
    };
}
pub(crate) use impl_special_functions;

/// See [`Density::log_prob`](crate::Density::log_prob).
pub(crate) fn log_prob<F: Scalar, E: TileDensity>(
    family: &E,
    out: &mut [F],
    theta: ArrayView2<'_, F>,
    v: ArrayView2<'_, F>,
) {
    assert_rows(&theta, v.nrows(), family.k() * v.ncols(), "out", out);
    if E::DOUBLE { forward::<F, f64>(family, out, theta, v) } else { forward::<F, F>(family, out, theta, v) }
}

/// See [`Density::log_prob_backward`](crate::Density::log_prob_backward). Adds to both gradients; adds nothing where z
/// is outside the support.
pub(crate) fn log_prob_backward<F: Scalar, E: TileDensity>(
    family: &E,
    d_theta: Option<ArrayViewMut2<'_, F>>,
    d_v: Option<ArrayViewMut2<'_, F>>,
    theta: ArrayView2<'_, F>,
    v: ArrayView2<'_, F>,
    d_out: &[F],
) {
    let ((rows, n), k) = (v.dim(), family.k());
    assert_rows(&theta, rows, k * n, "d_out", d_out);
    assert_gradients(&d_theta, &d_v, (rows, n), k * n);
    if E::DOUBLE {
        backward::<F, f64>(family, d_theta, d_v, theta, v, d_out);
    } else {
        backward::<F, F>(family, d_theta, d_v, theta, v, d_out);
    }
}

/// Values of type F, computed in W.
fn forward<F: Scalar, W: Scalar>(
    family: &impl TileDensity,
    out: &mut [F],
    theta: ArrayView2<'_, F>,
    v: ArrayView2<'_, F>,
) {
    out.fill(F::zero());
    let (mut buffer, bounds) = (TileBuffer::<W>::new(family.k()), SupportBounds::<W>::new(family.support()));
    for tile in tiles(v.nrows(), v.ncols()) {
        let (z, eta) = buffer.fill(&tile, &theta, &v);
        let outside = elements_outside(bounds, z);
        family.log_probs(z, eta, tile.cols.len());
        if let Some(outside) = outside {
            outside.mask(z, W::neg_infinity());
        }
        tile.add_row_sums(out, 1.0, z);
    }
}

/// Adds to both gradients of type F, computed in W.
fn backward<F: Scalar, W: Scalar>(
    family: &impl TileDensity,
    mut d_theta: Option<ArrayViewMut2<'_, F>>,
    mut d_v: Option<ArrayViewMut2<'_, F>>,
    theta: ArrayView2<'_, F>,
    v: ArrayView2<'_, F>,
    d_out: &[F],
) {
    let n = v.ncols();
    let (mut buffer, bounds) = (TileBuffer::<W>::new(family.k()), SupportBounds::<W>::new(family.support()));
    let mut d = scratch::<W>();
    for tile in tiles(v.nrows(), n) {
        let len = tile.len();
        let (z, eta) = buffer.fill(&tile, &theta, &v);
        let outside = elements_outside(bounds, z);
        let d = &mut d[..len];
        tile.spread(d, d_out);
        family.derivatives(z, eta, d, tile.cols.len());
        if let Some(outside) = outside {
            std::iter::once(&mut *z)
                .chain(eta.chunks_exact_mut(len))
                .for_each(|x| outside.mask(x, W::zero()));
        }
        if let Some(d_v) = &mut d_v {
            tile.scatter_add(d_v, 0, 1.0, z);
        }
        if let Some(d_theta) = &mut d_theta {
            for (j, slope) in eta.chunks_exact(len).enumerate() {
                tile.scatter_add(d_theta, j * n, 1.0, slope);
            }
        }
    }
}

/// Most parameters of a component.
const MOST: usize = 3;

/// Buffers for one tile, on the stack: a step must not allocate.
struct TileBuffer<W> {
    z: [W; TILE_LEN],
    /// `[k * len]`.
    eta: [W; MOST * TILE_LEN],
    k: usize,
}

impl<W: Scalar> TileBuffer<W> {
    fn new(k: usize) -> Self {
        assert!(k <= MOST, "a family of {k} parameters, at most {MOST} fit");
        Self { z: [W::zero(); TILE_LEN], eta: [W::zero(); MOST * TILE_LEN], k }
    }

    /// Overwrites both buffers; returns (z, η).
    fn fill<F: Scalar>(
        &mut self,
        tile: &Tile,
        theta: &ArrayView2<'_, F>,
        v: &ArrayView2<'_, F>,
    ) -> (&mut [W], &mut [W]) {
        let (len, k) = (tile.len(), self.k);
        tile.gather(&mut self.z[..len], v, 0);
        for (j, eta) in self.eta[..k * len].chunks_exact_mut(len).enumerate() {
            tile.gather(eta, theta, j * v.ncols());
        }
        (&mut self.z[..len], &mut self.eta[..k * len])
    }
}

/// The elements of `z` outside the support; `None` if there are none.
fn elements_outside<F: Scalar>(bounds: SupportBounds<F>, z: &[F]) -> Option<Outside<F>> {
    if wide(AllInside(bounds, z)) {
        return None;
    }
    let mut at = scratch();
    at[..z.len()].copy_from_slice(z);
    Some(Outside { at, bounds })
}

/// Are all elements in the support?
struct AllInside<'a, F>(SupportBounds<F>, &'a [F]);

impl<F: Scalar> Loop for AllInside<'_, F> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.1.iter().map(|&z| u32::from(!self.0.contains(z))).sum::<u32>() == 0
    }
}

/// A tile with some elements outside the support.
struct Outside<F> {
    at: [F; TILE_LEN],
    bounds: SupportBounds<F>,
}

impl<F: Scalar> Outside<F> {
    /// `x` ← `otherwise` where z is outside the support, NaN where z is.
    fn mask(&self, x: &mut [F], otherwise: F) {
        for (x, &z) in x.iter_mut().zip(&self.at).filter(|(_, z)| !self.bounds.contains(**z)) {
            *x = if z.is_nan() { z } else { otherwise };
        }
    }
}

/// Scratch for one tile.
pub(crate) fn scratch<F: Scalar>() -> [F; TILE_LEN] {
    [F::zero(); TILE_LEN]
}

/// Overwrites the first elements of `out` with f(x), for one of the functions of
/// [`VecMath`](ivae_num::vecmath::VecMath).
pub(crate) fn map_vectorised<'a, F: Scalar>(
    out: &'a mut [F; TILE_LEN],
    x: &[F],
    f: fn(&mut [F]),
) -> &'a mut [F] {
    let out = &mut out[..x.len()];
    out.copy_from_slice(x);
    f(out);
    out
}

/// Overwrites the first elements of `out` with f(x), for a special function f: an argument that repeats the one in the
/// row above, `cols` elements earlier, is not computed again.
pub(crate) fn map_special<'a, F: Scalar>(
    out: &'a mut [F; TILE_LEN],
    x: &[F],
    cols: usize,
    f: impl Fn(f64) -> f64,
) -> &'a mut [F] {
    for (i, &at) in x.iter().enumerate() {
        out[i] = if i >= cols && x[i - cols] == at { out[i - cols] } else { F::of(f(at.f64())) };
    }
    &mut out[..x.len()]
}
