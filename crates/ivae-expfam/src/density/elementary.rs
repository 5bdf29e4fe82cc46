//! [`Elementary`]: families whose log-density and gradient are elementary functions, evaluated element by element.

use ivae_num::{Formula, Functions, Scalar};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::elementwise::{add_slopes, add_sums};
use super::expfam::ExpFam;
use super::shape::{assert_gradients, assert_rows};
use super::support::SupportBounds;

/// A family whose density and gradient are elementary functions. The formulas of a discrete family give a density of 0
/// between its values themselves.
pub(crate) trait Elementary: ExpFam<f64> {
    /// Give `rows` the formula (z; η `[k]`) → log p(z | η).
    fn log_probs<F: Scalar>(&self, rows: LogProbRows<'_, F>);

    /// Give `rows` the formula (z, η `[k]`; d) → d times the derivatives of log p(z | η) in each.
    fn derivatives<F: Scalar>(&self, rows: GradientRows<'_, F>);
}

/// Implement `Density<f32>`, `Density<f64>` and `ExpFam<f32>` for a family that is [`Elementary`]. Its θ are the η of
/// [`ExpFam::natural`].
macro_rules! impl_elementary {
    ($family:ty) => {
        $crate::density::implement::density!([] $family, elementary);
        $crate::density::implement::narrowed!([] $family);
    };
}
pub(crate) use impl_elementary;

/// See [`Density::log_prob`](crate::Density::log_prob).
pub(crate) fn log_prob<F: Scalar>(
    family: &impl Elementary,
    out: &mut [F],
    theta: ArrayView2<'_, F>,
    v: ArrayView2<'_, F>,
) {
    assert_rows(&theta, v.nrows(), family.k() * v.ncols(), "out", out);
    out.fill(F::zero());
    family.log_probs(LogProbRows { out, theta, v, bounds: SupportBounds::new(family.support()) });
}

/// See [`Density::log_prob_backward`](crate::Density::log_prob_backward). Adds to both gradients; adds nothing where z
/// is outside the support.
pub(crate) fn log_prob_backward<F: Scalar>(
    family: &impl Elementary,
    d_theta: Option<ArrayViewMut2<'_, F>>,
    d_v: Option<ArrayViewMut2<'_, F>>,
    theta: ArrayView2<'_, F>,
    v: ArrayView2<'_, F>,
    d_out: &[F],
) {
    let width = family.k() * v.ncols();
    assert_rows(&theta, v.nrows(), width, "d_out", d_out);
    assert_gradients(&d_theta, &d_v, v.dim(), width);
    family.derivatives(GradientRows {
        d_theta,
        d_v,
        theta,
        v,
        d_out,
        bounds: SupportBounds::new(family.support()),
    });
}

/// Rows whose log-densities a family computes.
pub(crate) struct LogProbRows<'a, F> {
    out: &'a mut [F],
    theta: ArrayView2<'a, F>,
    v: ArrayView2<'a, F>,
    bounds: SupportBounds<F>,
}

impl<F: Scalar> LogProbRows<'_, F> {
    /// Give `add` the rows: out, to which it adds, θ and z.
    pub(crate) fn by(self, add: impl FnOnce(&mut [F], ArrayView2<'_, F>, ArrayView2<'_, F>)) {
        add(self.out, self.theta, self.v);
    }

    pub(crate) fn apply<const K: usize>(self, formula: impl Formula<F, 1, K>) {
        let (n, bounds) = (self.v.ncols(), self.bounds);
        let firsts = std::array::from_fn(|j| j * n);
        add_sums(self.out, 1.0, (self.theta, firsts), self.v, LogProbWithin { bounds, formula });
    }
}

/// Rows to whose gradients a family adds.
pub(crate) struct GradientRows<'a, F> {
    d_theta: Option<ArrayViewMut2<'a, F>>,
    d_v: Option<ArrayViewMut2<'a, F>>,
    theta: ArrayView2<'a, F>,
    v: ArrayView2<'a, F>,
    d_out: &'a [F],
    bounds: SupportBounds<F>,
}

impl<F: Scalar> GradientRows<'_, F> {
    /// Give `add` the rows of a family without a derivative in z: the gradient of θ, to which it adds, θ, z, and the
    /// cotangents.
    pub(crate) fn by(
        self,
        add: impl FnOnce(ArrayViewMut2<'_, F>, ArrayView2<'_, F>, ArrayView2<'_, F>, &[F]),
    ) {
        if let Some(d_theta) = self.d_theta {
            add(d_theta, self.theta, self.v, self.d_out);
        }
    }

    pub(crate) fn apply<const N: usize>(self, formula: impl Formula<F, N, 1>) {
        let Self { d_theta, d_v, theta, v, d_out, bounds } = self;
        let firsts = std::array::from_fn(|j| j.saturating_sub(1) * v.ncols());
        add_slopes(d_theta, d_v, (theta, firsts), v, d_out, SlopesWithin { bounds, formula });
    }
}

/// The density is 0 outside the support.
#[derive(Clone, Copy)]
struct LogProbWithin<F, M> {
    bounds: SupportBounds<F>,
    formula: M,
}

impl<F: Scalar, M: Formula<F, 1, K>, const K: usize> Formula<F, 1, K> for LogProbWithin<F, M> {
    #[inline(always)]
    fn at<Fs: Functions<F>>(&self, [z]: [F; 1], eta: [F; K]) -> [F; 1] {
        let [y] = self.formula.at::<Fs>([z], eta);
        [self.bounds.choose(z, y, F::neg_infinity())]
    }
}

/// The gradient is 0 outside the support.
#[derive(Clone, Copy)]
struct SlopesWithin<F, M> {
    bounds: SupportBounds<F>,
    formula: M,
}

impl<F: Scalar, M: Formula<F, N, 1>, const N: usize> Formula<F, N, 1> for SlopesWithin<F, M> {
    #[inline(always)]
    fn at<Fs: Functions<F>>(&self, x: [F; N], d: [F; 1]) -> [F; N] {
        let mut y = self.formula.at::<Fs>(x, d);
        for j in 0..N {
            y[j] = self.bounds.choose(x[0], y[j], F::zero());
        }
        y
    }
}
