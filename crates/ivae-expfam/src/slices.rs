//! From functions over slices to rows: [`by_slices`] completes a family that has [`Slices`] and `ExpFam<f64>`, those of
//! elementary functions excepted, for which there is [`fused`](crate::fused).
//!
//! Rows are cut into blocks on the stack; a family sees contiguous columns, and calls vectorised functions on all of
//! them. Special functions have no vector form and lose digits in single precision: a family of these is worked on in
//! double precision throughout.

use ivae_num::{Loop, Scalar, wide};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::block::{BLOCK, Block, blocks};
use crate::shape::{assert_gradients, assert_rows};
use crate::{ExpFam, Support};

/// Density and gradient of many elements at once: `z` `[len]` and, column after column, `eta` `[k * len]`. What comes out
/// where z is outside the support, or not a number, does not matter.
///
/// Elements stand in rows of `cols`, for [`special`].
pub(crate) trait Slices: ExpFam<f64> {
    /// Work in double precision, whatever the scalar.
    const DOUBLE: bool;

    /// `z` ← log p(z | η). `eta` may serve as scratch.
    fn log_probs<F: Scalar>(&self, z: &mut [F], eta: &mut [F], cols: usize);

    /// `z` ← d · ∂ log p / ∂z, `eta` ← d · ∂ log p / ∂η.
    fn derivatives<F: Scalar>(&self, z: &mut [F], eta: &mut [F], d: &[F], cols: usize);
}

/// Implement `Density<f32>`, `Density<f64>` and `ExpFam<f32>` for a family that has `Slices` and `ExpFam<f64>`. Its θ are
/// the η of [`ExpFam::natural`](crate::ExpFam::natural).
macro_rules! by_slices {
    ($family:ty) => {
        $crate::component::density!([] $family, slices);
        $crate::component::narrowed!([] $family);
    };
}
pub(crate) use by_slices;

/// See [`Density::log_prob`](crate::Density::log_prob).
pub(crate) fn log_prob<F: Scalar, E: Slices>(
    family: &E,
    out: &mut [F],
    theta: ArrayView2<'_, F>,
    v: ArrayView2<'_, F>,
) {
    assert_rows(&theta, v.nrows(), family.k() * v.ncols(), "out", out);
    if E::DOUBLE { forward::<F, f64>(family, out, theta, v) } else { forward::<F, F>(family, out, theta, v) }
}

/// See [`Density::log_prob_backward`](crate::Density::log_prob_backward). Adds nothing where z is outside the support.
pub(crate) fn log_prob_backward<F: Scalar, E: Slices>(
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

/// Values of F, worked on in W.
fn forward<F: Scalar, W: Scalar>(
    family: &impl Slices,
    out: &mut [F],
    theta: ArrayView2<'_, F>,
    v: ArrayView2<'_, F>,
) {
    out.fill(F::zero());
    let (mut columns, inside) = (Columns::<W>::new(family.k()), Inside::<W>::of(family.support()));
    for block in blocks(v.nrows(), v.ncols()) {
        let (z, eta) = columns.fill(&block, &theta, &v);
        let outside = inside.others(z);
        family.log_probs(z, eta, block.cols.len());
        if let Some(outside) = outside {
            outside.mask(z, W::neg_infinity());
        }
        block.add_row_sums(out, 1.0, z);
    }
}

fn backward<F: Scalar, W: Scalar>(
    family: &impl Slices,
    mut d_theta: Option<ArrayViewMut2<'_, F>>,
    mut d_v: Option<ArrayViewMut2<'_, F>>,
    theta: ArrayView2<'_, F>,
    v: ArrayView2<'_, F>,
    d_out: &[F],
) {
    let n = v.ncols();
    let (mut columns, inside) = (Columns::<W>::new(family.k()), Inside::<W>::of(family.support()));
    let mut d = scratch::<W>();
    for block in blocks(v.nrows(), n) {
        let len = block.len();
        let (z, eta) = columns.fill(&block, &theta, &v);
        let outside = inside.others(z);
        let d = &mut d[..len];
        block.spread(d, d_out);
        family.derivatives(z, eta, d, block.cols.len());
        if let Some(outside) = outside {
            std::iter::once(&mut *z)
                .chain(eta.chunks_exact_mut(len))
                .for_each(|x| outside.mask(x, W::zero()));
        }
        if let Some(d_v) = &mut d_v {
            block.scatter_add(d_v, 0, 1.0, z);
        }
        if let Some(d_theta) = &mut d_theta {
            for (j, slope) in eta.chunks_exact(len).enumerate() {
                block.scatter_add(d_theta, j * n, 1.0, slope);
            }
        }
    }
}

/// The block at hand.
struct Columns<W> {
    z: [W; BLOCK],
    /// `[k * len]`.
    eta: Vec<W>,
}

impl<W: Scalar> Columns<W> {
    fn new(k: usize) -> Self {
        Self { z: [W::zero(); BLOCK], eta: vec![W::zero(); k * BLOCK] }
    }

    /// Overwrites all; gives (z, η).
    fn fill<F: Scalar>(
        &mut self,
        block: &Block,
        theta: &ArrayView2<'_, F>,
        v: &ArrayView2<'_, F>,
    ) -> (&mut [W], &mut [W]) {
        let (len, k) = (block.len(), self.eta.len() / BLOCK);
        block.gather(&mut self.z[..len], v, 0);
        for (j, eta) in self.eta[..k * len].chunks_exact_mut(len).enumerate() {
            block.gather(eta, theta, j * v.ncols());
        }
        (&mut self.z[..len], &mut self.eta[..k * len])
    }
}

/// The support, as what can be tested without branches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inside<F> {
    low: F,
    high: F,
    whole: bool,
}

impl<F: Scalar> Inside<F> {
    pub(crate) fn of(support: Support) -> Self {
        let (low, high, whole) = match support {
            Support::Real => (f64::NEG_INFINITY, f64::INFINITY, false),
            Support::Positive => (0.0, f64::INFINITY, false),
            Support::Interval { low, high } => (low, high, false),
            Support::Naturals => (-1.0, f64::INFINITY, true),
            Support::Finite { count } => (-1.0, f64::from(count), true),
        };
        Self { low: F::of(low), high: F::of(high), whole }
    }

    #[inline(always)]
    fn contains(self, z: F) -> bool {
        self.between(z) & (!self.whole | (z.trunc() == z))
    }

    /// [`contains`](Self::contains) where z is continuous.
    #[inline(always)]
    fn between(self, z: F) -> bool {
        (self.low < z) & (z < self.high)
    }

    /// `y`, but outside a continuous support `otherwise`, and NaN where z is.
    #[inline(always)]
    pub(crate) fn choose(self, z: F, y: F, otherwise: F) -> F {
        let other = if z.is_nan() { z } else { otherwise };
        if self.between(z) { y } else { other }
    }

    /// What of `z` is outside; `None` if nothing is.
    fn others(self, z: &[F]) -> Option<Outside<F>> {
        if wide(All(self, z)) {
            return None;
        }
        let mut at = scratch();
        at[..z.len()].copy_from_slice(z);
        Some(Outside { at, inside: self })
    }
}

struct All<'a, F>(Inside<F>, &'a [F]);

impl<F: Scalar> Loop for All<'_, F> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.1.iter().map(|&z| u32::from(!self.0.contains(z))).sum::<u32>() == 0
    }
}

/// A block some of which is outside the support.
struct Outside<F> {
    at: [F; BLOCK],
    inside: Inside<F>,
}

impl<F: Scalar> Outside<F> {
    /// `x` ← `otherwise` where z is outside the support, NaN where z is.
    fn mask(&self, x: &mut [F], otherwise: F) {
        for (x, &z) in x.iter_mut().zip(&self.at).filter(|(_, z)| !self.inside.contains(**z)) {
            *x = if z.is_nan() { z } else { otherwise };
        }
    }
}

/// A block's worth of scratch.
pub(crate) fn scratch<F: Scalar>() -> [F; BLOCK] {
    [F::zero(); BLOCK]
}

/// f(x) in the first places of `out`, for one of the functions of [`VecMath`](ivae_num::vecmath::VecMath).
pub(crate) fn applied<'a, F: Scalar>(out: &'a mut [F; BLOCK], x: &[F], f: fn(&mut [F])) -> &'a mut [F] {
    let out = &mut out[..x.len()];
    out.copy_from_slice(x);
    f(out);
    out
}

/// f(x) in the first places of `out`, for a special function f: computed once where the rows of `cols` repeat an argument.
pub(crate) fn special<'a, F: Scalar>(
    out: &'a mut [F; BLOCK],
    x: &[F],
    cols: usize,
    f: impl Fn(f64) -> f64,
) -> &'a mut [F] {
    for (i, &at) in x.iter().enumerate() {
        out[i] = if i >= cols && x[i - cols] == at { out[i - cols] } else { F::of(f(at.f64())) };
    }
    &mut out[..x.len()]
}
