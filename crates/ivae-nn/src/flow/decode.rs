//! The other way: from latents to data, x = f(z) = g⁻¹(z), with log|det ∂x/∂z| and derivatives.
//!
//! f is defined by g(f(z; θ); θ) = z. With J = ∂g/∂x, cotangents x̄ of x and l̄ of log|det ∂x/∂z| = −log|det J|, the
//! implicit function theorem gives
//!
//! ```text
//! z̄ = J⁻ᵀ (x̄ − l̄ ∇ₓ log|det J|),   θ̄ = −(∂g/∂θ)ᵀ z̄ − l̄ ∇_θ log|det J|
//! ```
//!
//! So −z̄ is the cotangent under which the backward pass of g, with −l̄ of log|det J|, gives −x̄; what it adds to the
//! gradient of θ is θ̄. Layer by layer from x on, each solves for the cotangent of its output: a product with W⁻ᵀ, a
//! division by a slope, a triangular system.

use ivae_num::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::{Flow, FlowWorkspace, Layer, LayerWorkspace, matrix, matrix_mut};
use crate::Scratch;
use crate::accumulate::Accumulate;

impl Flow {
    /// x = f(z), the inverse of [`forward`](Self::forward). Overwrites `x` `[B, n]`; `params` must be finite. A
    /// backward pass after it needs a forward pass of its own.
    ///
    /// # Panics
    /// If shapes do not fit, or B is above the workspace's batch.
    pub fn inverse<F: Scalar>(
        &self,
        mut x: ArrayViewMut2<'_, F>,
        params: &[F],
        z: ArrayView2<'_, F>,
        ws: &mut FlowWorkspace<F>,
    ) {
        let (rows, n) = z.dim();
        let used = rows * n;
        ws.rows = 0;
        let [y, next] = &mut ws.delta;
        matrix_mut(y, rows, n).assign(&z);
        for (layer, own) in self.layers.iter().zip(&mut ws.layers).rev() {
            let (y_now, x_now) = (&y[..used], &mut next[..used]);
            match (layer, own) {
                (Layer::Map(map), LayerWorkspace::Map(own)) => {
                    map.inverse(x_now, params, y_now, own, &mut ws.scratch.gemm);
                }
                (Layer::Tanh(unit), LayerWorkspace::Tanh(_)) => unit.inverse(x_now, params, y_now),
                (Layer::Spline(unit), LayerWorkspace::Spline(own)) => {
                    unit.inverse(x_now, params, y_now, own);
                }
                (Layer::Coupling(coupling), LayerWorkspace::Coupling(own)) => {
                    coupling.inverse(x_now, params, y_now, own, &mut ws.scratch);
                }
                _ => unreachable!("a workspace is made for its flow"),
            }
            std::mem::swap(y, next);
        }
        x.assign(&matrix(y, rows, n));
    }

    /// x = f(z) and log|det ∂x/∂z| of every row. Overwrites `x` `[B, n]` and `log_det` `[B]`. It ends with the forward
    /// pass of that x, so that [`backward`](Self::backward) and [`backward_inverse`](Self::backward_inverse) may follow.
    ///
    /// # Panics
    /// If shapes do not fit, or B is above the workspace's batch.
    pub fn inverse_log_det<F: Scalar>(
        &self,
        mut x: ArrayViewMut2<'_, F>,
        log_det: &mut [F],
        params: &[F],
        z: ArrayView2<'_, F>,
        ws: &mut FlowWorkspace<F>,
    ) {
        let (rows, n) = z.dim();
        self.inverse(x.view_mut(), params, z, ws);
        matrix_mut(&mut ws.values[0], rows, n).assign(&x);
        self.pass(log_det, params, rows, ws);
        log_det.iter_mut().for_each(|l| *l = -*l);
    }

    /// After [`inverse_log_det`](Self::inverse_log_det), or after [`forward`](Self::forward) at x: add to this flow's part of
    /// `grad` the gradient of a loss of x = f(z) and log|det ∂x/∂z| with cotangents `dx` `[B, n]` and `d_log_det` `[B]`, and
    /// that of z to `dz` `[B, n]`.
    pub fn backward_inverse<F: Scalar>(
        &self,
        grad: &mut [F],
        dz: Option<ArrayViewMut2<'_, F>>,
        params: &[F],
        dx: ArrayView2<'_, F>,
        d_log_det: &[F],
        ws: &mut FlowWorkspace<F>,
    ) {
        let (rows, n) = (ws.rows, self.dim);
        let used = rows * n;
        let [given, solved] = &mut ws.delta;
        let found = &mut ws.found[..used];
        let dl = &mut ws.d_log_det[..rows];
        dl.iter_mut().zip(d_log_det).for_each(|(to, &l)| *to = -l);
        let mut negative = matrix_mut(given, rows, n);
        negative.assign(&dx);
        negative.mapv_inplace(|v| -v);
        for (l, (layer, own)) in self.layers.iter().zip(&mut ws.layers).enumerate() {
            let between = (&ws.values[l][..used], &ws.values[l + 1][..used]);
            let (dx, dy) = (&given[..used], &mut solved[..used]);
            layer.solve(dy, dx, dl, params, between.0, own, &mut ws.scratch);
            let add = Accumulate::Add;
            layer.backward_overwrite_dx(add, grad, found, params, dy, dl, between, own, &mut ws.scratch);
            if let Layer::Coupling(coupling) = layer {
                coupling.solve_kept(dy, dx, found);
            }
            std::mem::swap(given, solved);
        }
        if let Some(mut dz) = dz {
            dz -= &matrix(given, rows, n);
        }
    }
}

impl Layer {
    /// After the layer's forward pass: overwrite `dy` with the cotangent of y under which the backward pass gives `dx`; of
    /// a coupling block, only that of the changed columns, the others 0.
    #[expect(clippy::too_many_arguments, reason = "the signature of every layer, and the products' scratch")]
    fn solve<F: Scalar>(
        &self,
        dy: &mut [F],
        dx: &[F],
        d_log_det: &[F],
        params: &[F],
        x: &[F],
        ws: &mut LayerWorkspace<F>,
        scratch: &mut Scratch<F>,
    ) {
        match (self, ws) {
            (Self::Map(map), LayerWorkspace::Map(own)) => map.solve(dy, dx, own, &mut scratch.gemm),
            (Self::Tanh(unit), LayerWorkspace::Tanh(own)) => unit.solve(dy, dx, d_log_det, params, own),
            (Self::Spline(unit), LayerWorkspace::Spline(own)) => unit.solve(dy, dx, d_log_det, x, own),
            (Self::Coupling(coupling), LayerWorkspace::Coupling(own)) => {
                coupling.solve_changed(dy, dx, d_log_det, x, own);
            }
            _ => unreachable!("a workspace is made for its flow"),
        }
    }
}
