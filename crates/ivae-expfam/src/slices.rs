//! From formulas over slices to rows: [`by_slices`] completes a family that has [`Slices`] and `ExpFam<f64>`.
//!
//! Rows are cut into blocks on the stack; a family sees contiguous columns, and calls vectorised functions on all of
//! them. Special functions have no vector form and lose digits in single precision: a family of these is worked on in
//! double precision throughout.

use ivae_num::Scalar;
use ivae_num::wide::{Loop, wide};
use ndarray::{ArrayView2, ArrayViewMut2, Axis};

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

    /// `z` ← ∂ log p / ∂z, `eta` ← ∂ log p / ∂η.
    fn derivatives<F: Scalar>(&self, z: &mut [F], eta: &mut [F], cols: usize);
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
    let (mut columns, inside) = (Columns::<F, W>::new(family.k()), Inside::of(family.support()));
    for block in blocks(v.nrows(), v.ncols()) {
        let (len, cols) = (block.len(), block.cols.len());
        let (z, eta) = columns.fill(&block, &theta, &v);
        family.log_probs(z, eta, cols);
        inside.mask(&mut columns.z[..len], &columns.v[..len], W::neg_infinity());
        columns.narrow_z(len);
        block.add_row_sums(out, F::one(), &columns.v[..len]);
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
    let (k, n) = (family.k(), v.ncols());
    let (mut columns, inside) = (Columns::<F, W>::new(k), Inside::of(family.support()));
    let mut d = scratch::<W>();
    for block in blocks(v.nrows(), n) {
        let (len, cols) = (block.len(), block.cols.len());
        let (z, eta) = columns.fill(&block, &theta, &v);
        family.derivatives(z, eta, cols);
        let Columns { v, z, eta, raw } = &mut columns;
        let v = &v[..len];
        for (out, &d) in d[..len].chunks_exact_mut(cols).zip(&d_out[block.rows.clone()]) {
            out.fill(W::of(d.f64()));
        }
        let scaled = |raw: &mut [F], slope: &mut [W]| {
            inside.mask(slope, v, W::zero());
            each1(slope, &d[..len], |slope, d| d * slope);
            each1(raw, slope, |_, slope| F::of(slope.f64()));
        };
        if let Some(d_v) = &mut d_v {
            scaled(&mut raw[..len], &mut z[..len]);
            block.scatter_add(d_v, F::one(), &raw[..len]);
        }
        if let Some(d_theta) = &mut d_theta {
            for j in 0..k {
                scaled(&mut raw[..len], &mut eta[j * len..(j + 1) * len]);
                let (_, rest) = d_theta.view_mut().split_at(Axis(1), j * n);
                block.scatter_add(&mut rest.split_at(Axis(1), n).0, F::one(), &raw[..len]);
            }
        }
    }
}

/// The block at hand.
struct Columns<F, W> {
    /// z as given; then what is to be added up.
    v: [F; BLOCK],
    /// z in W.
    z: [W; BLOCK],
    /// η in W, `[k * len]`.
    eta: Vec<W>,
    /// On the way from θ, or to its gradient.
    raw: [F; BLOCK],
}

impl<F: Scalar, W: Scalar> Columns<F, W> {
    fn new(k: usize) -> Self {
        let zero = [F::zero(); BLOCK];
        Self { v: zero, z: [W::zero(); BLOCK], eta: vec![W::zero(); k * BLOCK], raw: zero }
    }

    /// Overwrites all; gives (z, η).
    fn fill(
        &mut self,
        block: &Block,
        theta: &ArrayView2<'_, F>,
        v: &ArrayView2<'_, F>,
    ) -> (&mut [W], &mut [W]) {
        let (len, n) = (block.len(), v.ncols());
        let convert = |to: &mut [W], from: &[F]| {
            each1(to, from, |_, from| W::of(from.f64()));
        };
        block.gather(&mut self.v[..len], v);
        convert(&mut self.z[..len], &self.v[..len]);
        let k = self.eta.len() / BLOCK;
        for j in 0..k {
            let column = theta.split_at(Axis(1), j * n).1.split_at(Axis(1), n).0;
            block.gather(&mut self.raw[..len], &column);
            convert(&mut self.eta[j * len..(j + 1) * len], &self.raw[..len]);
        }
        (&mut self.z[..len], &mut self.eta[..k * len])
    }

    /// v ← z.
    fn narrow_z(&mut self, len: usize) {
        each1(&mut self.v[..len], &self.z[..len], |_, z| F::of(z.f64()));
    }
}

/// The support, as what can be tested without branches.
#[derive(Debug, Clone, Copy)]
struct Inside {
    low: f64,
    high: f64,
    whole: bool,
}

impl Inside {
    fn of(support: Support) -> Self {
        let (low, high, whole) = match support {
            Support::Real => (f64::NEG_INFINITY, f64::INFINITY, false),
            Support::Positive => (0.0, f64::INFINITY, false),
            Support::Interval { low, high } => (low, high, false),
            Support::Naturals => (-1.0, f64::INFINITY, true),
            Support::Finite { count } => (-1.0, f64::from(count), true),
        };
        Self { low, high, whole }
    }

    /// `x` ← `outside` where `v` is outside the support; NaN where v is.
    fn mask<F: Scalar, W: Scalar>(self, x: &mut [W], v: &[F], outside: W) {
        let Self { low, high, whole } = self;
        each1(x, v, |x, v| {
            let at = v.f64();
            let inside = (low < at) & (at < high);
            let otherwise = if at.is_nan() { W::nan() } else { outside };
            if inside { x } else { otherwise }
        });
        if whole {
            let fraction = |v: F| v.is_finite() && v.trunc() != v;
            x.iter_mut().zip(v).filter(|(_, v)| fraction(**v)).for_each(|(x, _)| *x = outside);
        }
    }
}

/// `x` ← f(x, w), in wide vectors.
pub(crate) fn each1<X: Copy, W: Copy>(x: &mut [X], w: &[W], f: impl Fn(X, W) -> X) {
    wide(Each1(x, w, f));
}

struct Each1<'a, X, W, G>(&'a mut [X], &'a [W], G);

impl<X: Copy, W: Copy, G: Fn(X, W) -> X> Loop for Each1<'_, X, W, G> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self(x, w, f) = self;
        x.iter_mut().zip(w).for_each(|(x, &w)| *x = f(*x, w));
    }
}

/// `(x, y)` ← f(x, y, w), in wide vectors.
pub(crate) fn each2<F: Copy>(x: &mut [F], y: &mut [F], w: &[F], f: impl Fn(F, F, F) -> (F, F)) {
    wide(Each2(x, y, w, f));
}

struct Each2<'a, F, G>(&'a mut [F], &'a mut [F], &'a [F], G);

impl<F: Copy, G: Fn(F, F, F) -> (F, F)> Loop for Each2<'_, F, G> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self(x, y, w, f) = self;
        x.iter_mut().zip(y.iter_mut()).zip(w).for_each(|((x, y), &w)| (*x, *y) = f(*x, *y, w));
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
