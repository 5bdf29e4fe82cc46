//! [`GeneralisedNormal`]: a learned shape sets the tails and the peak; Gaussian and Laplace are special cases.

use ivae_num::{Formula, Functions, Loop, Scalar, each, wide};
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::density::Density;
use crate::density::shape::{assert_gradients, assert_rows};
use crate::density::tile::{TILE_LEN, Tile, tiles};
use crate::special::ln_gamma_and_digamma;

/// Independent generalised normal components, θ = \[location | log_scale | log_shape\] `[B, 3n]`
/// (Subbotin 1923; Nadarajah 2005):
///
/// ```text
/// log p(v) = log β − log 2α − log Γ(1/β) − (|v − μ| / α)^β,     α = exp(log_scale), β = exp(log_shape).
/// ```
///
/// β = 2 is the Gaussian of variance α²/2, β = 1 the Laplace density, and β → ∞ the uniform one on [μ − α, μ + α].
/// At v = μ the derivative in v and μ is 0, by convention where there is a kink (β ≤ 1); near it, it has no bound
/// where β < 1. What depends on the shape alone is computed once for each run of equal shapes in a column, so that a
/// shape that all rows share costs next to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GeneralisedNormal;

impl GeneralisedNormal {
    /// Variance α² Γ(3/β) / Γ(1/β) (Nadarajah 2005, eq. 4) for α = exp(`log_scale`), β = exp(`log_shape`).
    pub fn variance(log_scale: f64, log_shape: f64) -> f64 {
        let inverse = (-log_shape).exp();
        // Γ(x) = Γ(1 + x) / x: as accurate for a large β.
        let ln_gamma = |x: f64| ln_gamma_and_digamma(1.0 + x).0 - x.ln();
        (2.0 * log_scale + ln_gamma(3.0 * inverse) - ln_gamma(inverse)).exp()
    }
}

impl<F: Scalar> Density<F> for GeneralisedNormal {
    fn width(&self, n: usize) -> usize {
        3 * n
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, 3 * n, "out", out);
        let mut buffer = TileBuffer::new();
        out.fill(-F::of(n as f64) * F::LN_2());
        for tile in tiles(rows, n) {
            let ([location, log_scale, _], shapes, v) = buffer.fill(&tile, &theta, &v);
            each([&mut *location], [v, log_scale, shapes.beta, shapes.log_norm], Minus);
            tile.add_row_sums(out, -1.0, location);
        }
    }

    fn log_prob_backward(
        &self,
        mut d_theta: Option<ArrayViewMut2<'_, F>>,
        mut d_v: Option<ArrayViewMut2<'_, F>>,
        theta: ArrayView2<'_, F>,
        v: ArrayView2<'_, F>,
        d_out: &[F],
    ) {
        let (rows, n) = v.dim();
        assert_rows(&theta, rows, 3 * n, "d_out", d_out);
        assert_gradients(&d_theta, &d_v, (rows, n), 3 * n);
        let (mut buffer, mut d) = (TileBuffer::new(), [F::zero(); TILE_LEN]);
        for tile in tiles(rows, n) {
            let ([location, log_scale, log_shape], shapes, v) = buffer.fill(&tile, &theta, &v);
            let d = &mut d[..tile.len()];
            tile.spread(d, d_out);
            let given = [v, shapes.beta, shapes.slope, d];
            each([&mut *location, &mut *log_scale, &mut *log_shape], given, Derivatives);
            if let Some(d_v) = &mut d_v {
                tile.scatter_add(d_v, 0, -1.0, location);
            }
            if let Some(d_theta) = &mut d_theta {
                tile.scatter_add(d_theta, 0, 1.0, location);
                tile.scatter_add(d_theta, n, 1.0, log_scale);
                tile.scatter_add(d_theta, 2 * n, 1.0, log_shape);
            }
        }
    }
}

/// (log t, t^β) of t = |v − μ| / α; −∞ and 0 at v = μ.
#[inline(always)]
fn power<F: Scalar, M: Functions<F>>(v: F, location: F, log_scale: F, beta: F) -> (F, F) {
    let log_t = M::ln((v - location).abs()) - log_scale;
    (log_t, M::exp(beta * log_t))
}

/// μ → t^β + log α + log Γ(1 + 1/β): −log p(v) without log 2.
#[derive(Clone, Copy)]
struct Minus;

impl<F: Scalar> Formula<F, 1, 4> for Minus {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [location]: [F; 1], given: [F; 4]) -> [F; 1] {
        let [v, log_scale, beta, log_norm] = given;
        let (_, power) = power::<F, M>(v, location, log_scale, beta);
        [power + (log_scale + log_norm)]
    }
}

/// (μ, log α, log β) → d times the derivatives of log p(v) in each: ∂μ = β t^β / (v − μ) = −∂v,
/// ∂log α = β t^β − 1, ∂log β = ψ(1 + 1/β) / β − β t^β log t.
#[derive(Clone, Copy)]
struct Derivatives;

impl<F: Scalar> Formula<F, 3, 4> for Derivatives {
    #[inline(always)]
    fn at<M: Functions<F>>(&self, [location, log_scale, _]: [F; 3], given: [F; 4]) -> [F; 3] {
        let [v, beta, slope, d] = given;
        let (log_t, power) = power::<F, M>(v, location, log_scale, beta);
        let scaled = beta * power;
        // 0 at v = μ, where the quotient and the logarithm are not defined.
        let at_zero = power == F::zero();
        let d_location = if at_zero { F::zero() } else { d * scaled / (v - location) };
        let d_log_shape = slope - if at_zero { F::zero() } else { scaled * log_t };
        [d_location, d * (scaled - F::one()), d * d_log_shape]
    }
}

/// Buffers for one tile, on the stack.
struct TileBuffer<F> {
    v: [F; TILE_LEN],
    location: [F; TILE_LEN],
    log_scale: [F; TILE_LEN],
    log_shape: [F; TILE_LEN],
    shapes: Shapes<F>,
}

/// The quantities of a tile that depend on the shapes.
struct OfShapes<'a, F> {
    beta: &'a [F],
    log_norm: &'a [F],
    slope: &'a [F],
}

impl<F: Scalar> TileBuffer<F> {
    fn new() -> Self {
        let zero = [F::zero(); TILE_LEN];
        Self { v: zero, location: zero, log_scale: zero, log_shape: zero, shapes: Shapes::new() }
    }

    /// Overwrites the buffers; returns (μ, log α, log β), the quantities of the shapes, and v.
    fn fill<'a>(
        &'a mut self,
        tile: &Tile,
        theta: &ArrayView2<'_, F>,
        v: &'a ArrayView2<'_, F>,
    ) -> ([&'a mut [F]; 3], OfShapes<'a, F>, &'a [F]) {
        let len = tile.len();
        let mut places =
            [&mut self.location, &mut self.log_scale, &mut self.log_shape].map(|x| &mut x[..len]);
        for (j, place) in places.iter_mut().enumerate() {
            tile.gather(place, theta, j * v.ncols());
        }
        self.shapes.fill(places[2], tile.cols.len());
        let Shapes { beta, log_norm, slope, .. } = &self.shapes;
        let shapes = OfShapes { beta: &beta[..len], log_norm: &log_norm[..len], slope: &slope[..len] };
        (places, shapes, tile.read(&mut self.v[..len], v))
    }
}

/// The quantities that depend on the shape alone, reused from tile to tile.
struct Shapes<F> {
    /// log β to which the other entries belong.
    log_shape: [F; TILE_LEN],
    beta: [F; TILE_LEN],
    /// log Γ(1 + 1/β) = log Γ(1/β) − log β.
    log_norm: [F; TILE_LEN],
    /// ψ(1 + 1/β) / β, the derivative of −log_norm in log β.
    slope: [F; TILE_LEN],
}

impl<F: Scalar> Shapes<F> {
    fn new() -> Self {
        // NaN equals nothing: every entry is computed before it is used.
        let nan = [F::nan(); TILE_LEN];
        Self { log_shape: nan, beta: nan, log_norm: nan, slope: nan }
    }

    /// Update everything for a tile of `log_shape` with `cols` columns. Entries whose shape is the same as before, or as in
    /// the row above, are not computed again.
    fn fill(&mut self, log_shape: &[F], cols: usize) {
        if wide(Differ(&self.log_shape, log_shape)) == 0 {
            return;
        }
        for (i, &log_shape) in log_shape.iter().enumerate() {
            if self.log_shape[i] == log_shape {
                continue;
            }
            self.log_shape[i] = log_shape;
            if i >= cols && self.log_shape[i - cols] == log_shape {
                self.beta[i] = self.beta[i - cols];
                self.log_norm[i] = self.log_norm[i - cols];
                self.slope[i] = self.slope[i - cols];
            } else {
                // In f64 whatever F is: 1/β must not lose digits on its way through Γ.
                let beta = log_shape.f64().exp();
                let (log_norm, digamma) = ln_gamma_and_digamma(1.0 + 1.0 / beta);
                self.beta[i] = F::of(beta);
                self.log_norm[i] = F::of(log_norm);
                self.slope[i] = F::of(digamma / beta);
            }
        }
    }
}

/// How many entries differ.
struct Differ<'a, F>(&'a [F], &'a [F]);

impl<F: Scalar> Loop for Differ<'_, F> {
    type Output = u32;

    #[inline(always)]
    fn run(self) -> u32 {
        self.0.iter().zip(self.1).map(|(a, b)| u32::from(a != b)).sum()
    }
}
