//! [`Square`]: a bijective network of square linear maps and monotone units, with its inverse and log|det|.
//!
//! The decoder f of the theory is bijective (Khemakhem et al. 2020, Definition 1). Here it is so by construction:
//! f = W_out⁻¹, then for every layer from the last to the first, φ(h) = tanh h + a h (a > 0) between linear maps. What
//! is parametrised, and fast, is the direction that exact likelihood needs, g = f⁻¹ from data to latents:
//!
//! ```text
//! h₀ = x W₀ + b₀,   h_{l} = φ_l⁻¹(h_{l−1}) W_l + b_l,   z = h_{L−1} W_out
//! log|det ∂z/∂x| = Σ_l log|det W_l| + log|det W_out| − Σ_l Σ_i log φ_l′(φ_l⁻¹(h_l)_i)
//! ```

use ivae_num::vecmath::VecMath;
use ivae_num::{GemmScratch, Scalar, gemm, linalg};
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use rand::Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use crate::inverse::invert;
use crate::{Layout, Slot, SpecError, error::require};

/// Newton steps of φ⁻¹: from its bound, convergence is monotone, and quadratic in the end.
const NEWTON: usize = 7;

/// Shape and start of a [`Square`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SquareSpec {
    /// Square linear maps, with units between them.
    pub layers: usize,
    /// Where the slope a of the units starts; learned, one for each layer.
    pub slope: f64,
    /// Singular values that the linear maps start with.
    pub scale: f64,
}

impl Default for SquareSpec {
    fn default() -> Self {
        Self { layers: 3, slope: 0.3, scale: 0.6 }
    }
}

impl SquareSpec {
    /// Refuse what makes no bijection.
    pub fn check(&self) -> Result<(), SpecError> {
        require(self.layers > 0, "square.layers", self.layers as f64, "1 or more")?;
        require(self.slope > 0.0 && self.slope.is_finite(), "square.slope", self.slope, "positive")?;
        require(self.scale > 0.0 && self.scale.is_finite(), "square.scale", self.scale, "positive")
    }
}

/// A bijection of R^n, from data to latents and back.
#[derive(Debug, Clone)]
pub struct Square {
    /// Dimension n.
    pub dim: usize,
    spec: SquareSpec,
    weights: Vec<Slot>,   // W_l [n, n], the last one W_out
    biases: Vec<Slot>,    // b_l [1, n]
    log_slope: Vec<Slot>, // log a_l [1, 1]
}

/// Scratch of a [`Square`] for batches of up to the rows it was made for.
#[derive(Debug, Clone)]
pub struct SquareWorkspace<F> {
    rows: usize,
    /// Input of linear map l, `[B, n]`: x, then φ_l⁻¹ of what the map before gave.
    inputs: Vec<Array2<F>>,
    /// tanh of the inputs from the second on, `[B, n]`.
    tanh: Vec<Vec<F>>,
    /// Inverses of the linear maps, `[n, n]` each.
    inverses: Vec<Vec<F>>,
    work: Vec<F>,
    /// Σ log|det W|.
    log_det_maps: F,
    delta: [Array2<F>; 2],
    scratch: GemmScratch<F>,
}

impl Square {
    /// Append the groups `{name}.{l}.weight`, `.bias`, `.log_slope` and `{name}.out.weight` to `layout`.
    pub fn new(layout: &mut Layout, name: &str, spec: &SquareSpec, dim: usize) -> Self {
        let mut out =
            Self { dim, spec: *spec, weights: Vec::new(), biases: Vec::new(), log_slope: Vec::new() };
        for l in 0..spec.layers {
            out.weights.push(layout.push(format!("{name}.{l}.weight"), dim, dim));
            out.biases.push(layout.push(format!("{name}.{l}.bias"), 1, dim));
            if l + 1 < spec.layers {
                out.log_slope.push(layout.push(format!("{name}.{l}.log_slope"), 1, 1));
            }
        }
        out.weights.push(layout.push(format!("{name}.out.weight"), dim, dim));
        out
    }

    /// Overwrite the parameters: random orthogonal maps times `scale`, no bias, the identity as last map.
    pub fn init<F: Scalar>(&self, params: &mut [F], rng: &mut (impl Rng + ?Sized)) {
        for (l, slot) in self.weights.iter().enumerate() {
            let identity = Array2::<f64>::eye(self.dim);
            let last = l + 1 == self.weights.len();
            let start =
                if last { identity } else { self.orthogonal(rng).unwrap_or(identity) * self.spec.scale };
            slot.view_mut(params).assign(&start.mapv(F::of));
        }
        self.biases.iter().for_each(|slot| slot.view_mut(params).fill(F::zero()));
        self.log_slope.iter().for_each(|slot| slot.view_mut(params).fill(F::of(self.spec.slope.ln())));
    }

    /// A random orthogonal matrix `[n, n]`.
    fn orthogonal(&self, rng: &mut (impl Rng + ?Sized)) -> Option<Array2<f64>> {
        let n = self.dim;
        let normal = Array2::from_shape_simple_fn((n, n), || rng.sample::<f64, _>(StandardNormal));
        linalg::qr(normal.view()).ok().map(|qr| qr.q)
    }

    /// Scratch for up to `batch` rows. With it, no pass allocates.
    pub fn workspace<F: Scalar>(&self, batch: usize) -> SquareWorkspace<F> {
        let n = self.dim;
        let matrix = || Array2::zeros((batch, n));
        let mut scratch = GemmScratch::new();
        scratch.reserve(batch, n, n);
        scratch.reserve(n, batch, n);
        SquareWorkspace {
            rows: 0,
            inputs: self.weights.iter().map(|_| matrix()).collect(),
            tanh: self.log_slope.iter().map(|_| vec![F::zero(); batch * n]).collect(),
            inverses: self.weights.iter().map(|_| vec![F::zero(); n * n]).collect(),
            work: vec![F::zero(); n * n],
            log_det_maps: F::zero(),
            delta: [matrix(), matrix()],
            scratch,
        }
    }

    /// z = g(x) and log|det ∂z/∂x| of every row. Overwrites `z` `[B, n]` and `log_det` `[B]`.
    ///
    /// # Panics
    /// If shapes do not fit, or B is above the workspace's batch.
    pub fn forward<F: Scalar>(
        &self,
        mut z: ArrayViewMut2<'_, F>,
        log_det: &mut [F],
        params: &[F],
        x: ArrayView2<'_, F>,
        ws: &mut SquareWorkspace<F>,
    ) {
        let (rows, n) = x.dim();
        ws.rows = rows;
        ws.log_det_maps = F::zero();
        for (slot, inverse) in self.weights.iter().zip(&mut ws.inverses) {
            ws.log_det_maps += invert(inverse, &mut ws.work, &params[slot.range()], n);
        }
        log_det.fill(ws.log_det_maps);
        top_mut(&mut ws.inputs[0], rows).assign(&x);
        for l in 0..self.biases.len() {
            let (before, after) = ws.inputs.split_at_mut(l + 1);
            let mut h = top_mut(&mut after[0], rows);
            let (x, w) = (top(&before[l], rows), self.weights[l].view(params));
            h.assign(&self.biases[l].view(params));
            gemm(h.view_mut(), F::one(), F::one(), x, w, &mut ws.scratch);
            if let (Some(slot), Some(h)) = (self.log_slope.get(l), h.as_slice_mut()) {
                let a = slot.view(params)[[0, 0]].exp();
                let t = &mut ws.tanh[l][..rows * n];
                unit_inverse(h, t, &mut ws.delta[0].as_slice_mut().unwrap_or(&mut [])[..rows * n], a);
                for (log_det, t) in log_det.iter_mut().zip(t.chunks_exact(n)) {
                    *log_det -= t.iter().map(|&t| (F::one() - t * t + a).ln()).sum();
                }
            }
        }
        let last = self.biases.len();
        let h = top(&ws.inputs[last], rows);
        gemm(z.view_mut(), F::zero(), F::one(), h, self.weights[last].view(params), &mut ws.scratch);
    }

    /// After [`forward`](Self::forward): add to `grad` the gradient of a loss with cotangents `dz` `[B, n]` of z and
    /// `d_log_det` `[B]` of the log-determinants; if `dx` `[B, n]` is given, add to it the gradient of x.
    pub fn backward<F: Scalar>(
        &self,
        grad: &mut [F],
        dx: Option<ArrayViewMut2<'_, F>>,
        params: &[F],
        dz: ArrayView2<'_, F>,
        d_log_det: &[F],
        ws: &mut SquareWorkspace<F>,
    ) {
        let (rows, one) = (ws.rows, F::one());
        let weight: F = d_log_det.iter().copied().sum();
        let [delta, next] = &mut ws.delta;
        let (mut delta, mut next) = (top_mut(delta, rows), top_mut(next, rows));
        delta.assign(&dz);
        for l in (0..self.weights.len()).rev() {
            let (w, x) = (self.weights[l].view(params), top(&ws.inputs[l], rows));
            // y = x W + b, log|det W|
            let mut dw = self.weights[l].view_mut(grad);
            gemm(dw.view_mut(), one, one, x.t(), delta.view(), &mut ws.scratch);
            let inverse = &ws.inverses[l];
            for ((i, j), d) in dw.indexed_iter_mut() {
                *d += weight * inverse[j * self.dim + i];
            }
            if let Some(slot) = self.biases.get(l) {
                let mut db = slot.view_mut(grad);
                delta.rows().into_iter().for_each(|row| db.row_mut(0).scaled_add(one, &row));
            }
            gemm(next.view_mut(), F::zero(), one, delta.view(), w.t(), &mut ws.scratch);
            std::mem::swap(&mut delta, &mut next);
            // h = φ⁻¹(y): dh/dy = 1/φ′, dh/da = −h/φ′; −log φ′(h) with φ″ = −2 t φ_t, t = tanh h, φ_t = 1 − t².
            let Some(unit) = l.checked_sub(1).filter(|&unit| unit < self.log_slope.len()) else { continue };
            let slot = self.log_slope[unit];
            let a = slot.view(params)[[0, 0]].exp();
            let mut da = F::zero();
            let columns = ws.tanh[unit].chunks_exact(self.dim);
            for (((mut delta, h), t), &c) in
                delta.rows_mut().into_iter().zip(x.rows()).zip(columns).zip(d_log_det)
            {
                for ((d, &h), &t) in delta.iter_mut().zip(h).zip(t) {
                    let squash = one - t * t;
                    let scale = (squash + a).recip();
                    let total = *d + c * F::of(2.0) * t * squash * scale;
                    da -= (total * h + c) * scale;
                    *d = total * scale;
                }
            }
            slot.view_mut(grad)[[0, 0]] += da * a;
        }
        if let Some(mut dx) = dx {
            dx += &delta;
        }
    }

    /// x = f(z), the inverse of [`forward`](Self::forward). Overwrites `x` `[B, n]`; `params` must be finite.
    pub fn inverse<F: Scalar>(
        &self,
        mut x: ArrayViewMut2<'_, F>,
        params: &[F],
        z: ArrayView2<'_, F>,
        ws: &mut SquareWorkspace<F>,
    ) {
        let rows = z.nrows();
        let [h, next] = &mut ws.delta;
        let (mut h, mut next) = (top_mut(h, rows), top_mut(next, rows));
        h.assign(&z);
        for l in (0..self.weights.len()).rev() {
            if let Some(slot) = self.biases.get(l) {
                h -= &slot.view(params);
            }
            invert(&mut ws.inverses[l], &mut ws.work, &params[self.weights[l].range()], self.dim);
            let inverse = ArrayView2::from_shape((self.dim, self.dim), &ws.inverses[l]);
            let Ok(inverse) = inverse else { return };
            gemm(next.view_mut(), F::zero(), F::one(), h.view(), inverse, &mut ws.scratch);
            std::mem::swap(&mut h, &mut next);
            if let Some(slot) = l.checked_sub(1).and_then(|unit| self.log_slope.get(unit)) {
                let a = slot.view(params)[[0, 0]].exp();
                h.mapv_inplace(|v| v.tanh() + a * v);
            }
        }
        x.assign(&h);
    }
}

/// Solve tanh h + a h = y for every entry of `h`, which holds y and is overwritten; `t` is overwritten with tanh h.
///
/// For v = |y| the root lies above max(v / (1 + a), (v − 1) / a), and φ is concave there: Newton's steps rise to it.
fn unit_inverse<F: Scalar>(h: &mut [F], t: &mut [F], y: &mut [F], a: F) {
    let one = F::one();
    y.copy_from_slice(h);
    let (inner, outer) = ((one + a).recip(), a.recip());
    for (h, &y) in h.iter_mut().zip(&*y) {
        let v = y.abs();
        *h = (v * inner).max((v - one) * outer).copysign(y);
    }
    for _ in 0..NEWTON {
        t.copy_from_slice(h);
        VecMath::tanh(t);
        for ((h, &t), &y) in h.iter_mut().zip(&*t).zip(&*y) {
            *h -= (t + a * *h - y) / (one - t * t + a);
        }
    }
    t.copy_from_slice(h);
    VecMath::tanh(t);
}

fn top<F>(a: &Array2<F>, rows: usize) -> ArrayView2<'_, F> {
    a.view().split_at(ndarray::Axis(0), rows).0
}

fn top_mut<F>(a: &mut Array2<F>, rows: usize) -> ArrayViewMut2<'_, F> {
    a.view_mut().split_at(ndarray::Axis(0), rows).0
}
