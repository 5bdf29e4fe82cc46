//! Square networks: linear maps with monotone units between them, and the unit that inverts φ(h) = tanh h + a h, a > 0.
//!
//! ```text
//! h₁ = x W₀ + b₀,   h_{l+1} = φ_l⁻¹(h_l) W_l + b_l,   z = h_L W_out
//! log|det ∂z/∂x| = Σ_l log|det W_l| + log|det W_out| − Σ_l Σ_i log φ_l′(φ_l⁻¹(h_l)_i)
//! ```
//!
//! Its inverse, z to x, is then a network with the activation φ: an ordinary square multi-layer perceptron.

use ivae_num::vecmath::VecMath;
use ivae_num::{Formula, Functions, Loop, Scalar, each, rows, shared, wide};
use serde::{Deserialize, Serialize};

use super::map::{Map, MapSpec, MapStart};
use super::spline;
use super::splines::Splines;
use super::{Layer, exp};
use crate::accumulate::Accumulate;
use crate::error::require;
use crate::{Layout, Slot, SpecError};

/// Entries that are worked on side by side.
const LANES: usize = 16;

/// Shape and start of a square network.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SquareSpec {
    /// Square linear maps, with units between them.
    pub layers: usize,
    /// What stands between the maps.
    pub units: UnitSpec,
    /// Singular values that the linear maps start with.
    pub scale: f64,
}

/// Monotone functions of one number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum UnitSpec {
    /// The inverse of tanh h + a h, a one learned for each layer.
    Tanh {
        /// Where a starts.
        slope: f64,
    },
    /// A rational-quadratic spline for each coordinate, from the identity.
    Spline {
        /// Pieces.
        bins: usize,
        /// Beyond ± this, a line.
        bound: f64,
    },
}

impl UnitSpec {
    fn check(self) -> Result<(), SpecError> {
        match self {
            Self::Tanh { slope } => {
                require(slope > 0.0 && slope.is_finite(), "square.units.slope", slope, "positive")
            }
            Self::Spline { bins, bound } => {
                spline::check("square.units.bins", bins, "square.units.bound", bound)
            }
        }
    }
}

impl Default for SquareSpec {
    fn default() -> Self {
        Self { layers: 3, units: UnitSpec::Tanh { slope: 0.3 }, scale: 0.6 }
    }
}

impl SquareSpec {
    pub(super) fn check(&self) -> Result<(), SpecError> {
        require(self.layers > 0, "square.layers", self.layers as f64, "1 or more")?;
        self.units.check()?;
        require(self.scale > 0.0 && self.scale.is_finite(), "square.scale", self.scale, "positive")
    }
}

/// Append the layers of a square network to `layers`, and their parameters to `layout`.
pub(super) fn layers(
    layers: &mut Vec<Layer>,
    layout: &mut Layout,
    name: &str,
    spec: &SquareSpec,
    (dim, shift): (usize, bool),
) {
    for l in 0..spec.layers {
        if l > 0 {
            layers.push(match spec.units {
                UnitSpec::Tanh { slope } => {
                    let log_slope = layout.push(format!("{name}.{}.log_slope", l - 1), 1, 1);
                    Layer::Tanh(Tanh { dim, slope, log_slope })
                }
                UnitSpec::Spline { bins, bound } => {
                    Layer::Spline(Splines::new(layout, &format!("{name}.{}", l - 1), dim, bins, bound))
                }
            });
        }
        let start = MapStart::Orthogonal(spec.scale);
        layers.push(Layer::Map(Map::new(layout, &format!("{name}.{l}"), dim, MapSpec::Free, start, true)));
    }
    let out = format!("{name}.out");
    layers.push(Layer::Map(Map::new(layout, &out, dim, MapSpec::Free, MapStart::Identity, shift)));
}

/// h ↦ φ⁻¹(h), entry by entry.
#[derive(Debug, Clone)]
pub(super) struct Tanh {
    dim: usize,
    slope: f64,
    log_slope: Slot, // log a [1, 1]
}

#[derive(Debug, Clone)]
pub(super) struct TanhWorkspace<F> {
    tanh: Vec<F>,  // tanh of the outputs, [B, n]
    slope: Vec<F>, // φ′ of the outputs, then its logarithm
}

impl<F: Scalar> TanhWorkspace<F> {
    pub(super) fn new(len: usize) -> Self {
        Self { tanh: vec![F::zero(); len], slope: vec![F::zero(); len] }
    }
}

/// ln φ′ of the tanh: ln(1 − t² + a).
#[derive(Clone, Copy)]
struct LogSlope<F> {
    a: F,
}

impl<F: Scalar> Formula<F, 1, 1> for LogSlope<F> {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, _: [F; 1], [t]: [F; 1]) -> [F; 1] {
        [M::ln(F::one() - t * t + self.a)]
    }
}

impl Tanh {
    pub(super) fn init<F: Scalar>(&self, params: &mut [F]) {
        params[self.log_slope.range()].fill(F::of(self.slope.ln()));
    }

    fn a<F: Scalar>(&self, params: &[F]) -> F {
        exp(params[self.log_slope.start])
    }

    pub(super) fn forward<F: Scalar>(
        &self,
        y: &mut [F],
        log_det: &mut [F],
        params: &[F],
        x: &[F],
        ws: &mut TanhWorkspace<F>,
    ) {
        let a = self.a(params);
        let (t, slope) = (&mut ws.tanh[..x.len()], &mut ws.slope[..x.len()]);
        y.copy_from_slice(x);
        VecMath::xtanh_inverse(y, t, a);
        shared([slope], [t], &|[slope], [t]| each([slope], [t], LogSlope { a }));
        rows::add_row_sums(log_det, -F::one(), slope, self.dim);
    }

    /// h = φ⁻¹(y): dh/dy = 1/φ′, dh/da = −h/φ′; −log φ′(h) with φ″ = −2 t φ_t, t = tanh h, φ_t = 1 − t².
    #[expect(clippy::too_many_arguments, reason = "the signature of every layer")]
    pub(super) fn backward_overwrite_dx<F: Scalar>(
        &self,
        accumulate: Accumulate,
        grad: &mut [F],
        dx: &mut [F],
        params: &[F],
        dy: &[F],
        d_log_det: &[F],
        y: &[F],
        ws: &mut TanhWorkspace<F>,
    ) {
        let a = self.a(params);
        // What the forward pass left there is not needed any more.
        let c = &mut ws.slope[..y.len()];
        rows::spread(c, self.dim, d_log_det);
        let da = wide(Backward { dx, dy, c, h: y, t: &ws.tanh[..y.len()], a });
        accumulate.start(grad, self.log_slope)[0] += da * a;
    }

    /// ∂y for which [`backward_overwrite_dx`](Self::backward_overwrite_dx) gives ∂x: it is affine in ∂y, with slope 1/φ′.
    pub(super) fn solve<F: Scalar>(
        &self,
        dy: &mut [F],
        dx: &[F],
        d_log_det: &[F],
        params: &[F],
        ws: &TanhWorkspace<F>,
    ) {
        let (a, one, two) = (self.a(params), F::one(), F::of(2.0));
        rows::spread(dy, self.dim, d_log_det);
        for ((dy, &dx), &t) in dy.iter_mut().zip(dx).zip(&ws.tanh) {
            let squash = one - t * t;
            let slope = squash + a;
            *dy = dx * slope - *dy * two * t * squash / slope;
        }
    }

    pub(super) fn inverse<F: Scalar>(&self, x: &mut [F], params: &[F], y: &[F]) {
        let a = self.a(params);
        x.copy_from_slice(y);
        VecMath::tanh(x);
        x.iter_mut().zip(y).for_each(|(x, &y)| *x += a * y);
    }
}

/// The loop of [`Tanh::backward_overwrite_dx`]: overwrites `dx`, and returns the gradient of a.
struct Backward<'a, F> {
    dx: &'a mut [F],
    dy: &'a [F],
    /// Cotangent of the log-determinant of each entry's row.
    c: &'a [F],
    h: &'a [F],
    t: &'a [F],
    a: F,
}

impl<F: Scalar> Backward<'_, F> {
    /// The derivatives by an entry and, through it, by a.
    #[inline(always)]
    fn entry(a: F, dy: F, c: F, h: F, t: F) -> (F, F) {
        let (one, two) = (F::one(), F::of(2.0));
        let squash = one - t * t;
        let scale = (squash + a).recip();
        let total = dy + c * two * t * squash * scale;
        (total * scale, -(total * h + c) * scale)
    }
}

impl<F: Scalar> Loop for Backward<'_, F> {
    type Output = F;

    #[inline(always)]
    fn run(self) -> F {
        let a = self.a;
        let (dx, dx_rest) = self.dx.as_chunks_mut::<LANES>();
        let (dy, dy_rest) = self.dy.as_chunks::<LANES>();
        let (c, c_rest) = self.c.as_chunks::<LANES>();
        let (h, h_rest) = self.h.as_chunks::<LANES>();
        let (t, t_rest) = self.t.as_chunks::<LANES>();
        let mut sums = [F::zero(); LANES];
        for ((((dx, dy), c), h), t) in dx.iter_mut().zip(dy).zip(c).zip(h).zip(t) {
            for i in 0..LANES {
                let (d, da) = Self::entry(a, dy[i], c[i], h[i], t[i]);
                dx[i] = d;
                sums[i] += da;
            }
        }
        for ((((dx, &dy), &c), &h), (&t, sum)) in
            dx_rest.iter_mut().zip(dy_rest).zip(c_rest).zip(h_rest).zip(t_rest.iter().zip(&mut sums))
        {
            let (d, da) = Self::entry(a, dy, c, h, t);
            *dx = d;
            *sum += da;
        }
        sums.into_iter().sum()
    }
}
