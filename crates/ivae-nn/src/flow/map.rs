//! Invertible linear maps: y = x W + b, W free or by its LU decomposition.

use std::cmp::Ordering;

use ivae_num::{GemmScratch, Scalar, linalg, rows};
use ndarray::{Array2, ArrayView2};
use rand::Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use super::{exp, narrow};
use crate::accumulate::Accumulate;
use crate::inverse::invert;
use crate::{Layout, Slot};

/// How a linear map of R^n is parametrised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MapSpec {
    /// Every entry of W is free; log|det W| by elimination, O(n³) in every step.
    #[default]
    Free,
    /// W = L (U + diag(exp s)) R, with L unit lower and U strictly upper triangular (Kingma & Dhariwal 2018, eq. 10),
    /// R the reversal of columns in the place of their random permutation: never singular, log|det W| = Σ s.
    Lu,
}

/// The matrix that a map starts with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum MapStart {
    /// The identity.
    Identity,
    /// A random orthogonal matrix times this; for LU, random triangles around this on the diagonal.
    Orthogonal(f64),
}

/// Standard deviation of the triangles that LU starts with, over √n.
const TRIANGLE: f64 = 0.5;

#[derive(Debug, Clone)]
pub(super) struct Map {
    dim: usize,
    kind: MapSpec,
    start: MapStart,
    weight: Slot, // [n, n]: W, or L below, U above, and s on the diagonal
    bias: Slot,   // [1, n], or none
}

#[derive(Debug, Clone)]
pub(super) struct MapWorkspace<F> {
    weight: Vec<F>,  // W [n, n]
    inverse: Vec<F>, // W⁻¹ [n, n]
    work: Vec<F>,
    grad: Vec<F>, // ∂W [n, n], where W is not itself the parameter
}

impl Map {
    pub(super) fn new(
        layout: &mut Layout,
        name: &str,
        dim: usize,
        kind: MapSpec,
        start: MapStart,
        bias: bool,
    ) -> Self {
        let weight = layout.push(format!("{name}.weight"), dim, dim);
        let bias = layout.push(format!("{name}.bias"), usize::from(bias), dim);
        Self { dim, kind, start, weight, bias }
    }

    pub(super) fn init<F: Scalar>(&self, params: &mut [F], rng: &mut (impl Rng + ?Sized)) {
        let identity = Array2::<f64>::eye(self.dim);
        let weight = match (self.kind, self.start) {
            (MapSpec::Free, MapStart::Identity) => identity,
            (MapSpec::Free, MapStart::Orthogonal(scale)) => {
                orthogonal(self.dim, rng).unwrap_or(identity) * scale
            }
            (MapSpec::Lu, start) => {
                let (std, scale) = match start {
                    MapStart::Identity => (0.0, 1.0),
                    MapStart::Orthogonal(scale) => (TRIANGLE / (self.dim as f64).sqrt(), scale),
                };
                Array2::from_shape_fn((self.dim, self.dim), |(i, j)| match i == j {
                    true => scale.ln(),
                    false => std * rng.sample::<f64, _>(StandardNormal),
                })
            }
        };
        self.weight.view_mut(params).assign(&weight.mapv(F::of));
        params[self.bias.range()].fill(F::zero());
    }

    /// Let y be `scale[i]` y\[`order[i]`\] + `shift[i]`, where W is free and there is a bias.
    pub(super) fn then_affine<F: Scalar>(
        &self,
        params: &mut [F],
        order: &[usize],
        scale: &[f64],
        shift: &[f64],
    ) {
        if self.kind != MapSpec::Free || self.bias.is_empty() {
            return;
        }
        let (weight, bias) = (self.weight.view(params).to_owned(), self.bias.view(params).to_owned());
        for i in 0..self.dim {
            let scale = F::of(scale[i]);
            let column = weight.column(order[i]).mapv(|w| w * scale);
            self.weight.view_mut(params).column_mut(i).assign(&column);
            self.bias.view_mut(params)[[0, i]] = scale * bias[[0, order[i]]] + F::of(shift[i]);
        }
    }

    pub(super) fn workspace<F: Scalar>(&self) -> MapWorkspace<F> {
        let square = || vec![F::zero(); self.dim * self.dim];
        MapWorkspace { weight: square(), inverse: square(), work: square(), grad: square() }
    }

    pub(super) fn forward<F: Scalar>(
        &self,
        y: &mut [F],
        log_det: &mut [F],
        params: &[F],
        x: &[F],
        ws: &mut MapWorkspace<F>,
        scratch: &mut GemmScratch<F>,
    ) {
        let n = self.dim;
        self.fill_weight(params, &mut ws.weight);
        let det = match self.kind {
            MapSpec::Free => invert(&mut ws.inverse, &mut ws.work, &ws.weight, n),
            MapSpec::Lu => self.weight.view(params).diag().sum(),
        };
        log_det.iter_mut().for_each(|l| *l += det);
        narrow::times(y, x, &ws.weight, &params[self.bias.range()], n, scratch);
    }

    #[expect(clippy::too_many_arguments, reason = "the signature of every layer, and the products' scratch")]
    pub(super) fn backward_overwrite_dx<F: Scalar>(
        &self,
        accumulate: Accumulate,
        grad: &mut [F],
        dx: &mut [F],
        params: &[F],
        dy: &[F],
        d_log_det: &[F],
        x: &[F],
        ws: &mut MapWorkspace<F>,
        scratch: &mut GemmScratch<F>,
    ) {
        let n = self.dim;
        let mut weight = F::zero();
        rows::add_column_sums(std::slice::from_mut(&mut weight), d_log_det);
        narrow::gram(&mut ws.grad, x, dy, n, scratch);
        let dw = accumulate.start(grad, self.weight).chunks_exact_mut(n.max(1)).enumerate();
        match self.kind {
            MapSpec::Free => {
                for (i, row) in dw {
                    for (j, g) in row.iter_mut().enumerate() {
                        *g += ws.grad[i * n + j] + weight * ws.inverse[j * n + i];
                    }
                }
            }
            MapSpec::Lu => {
                let p = self.weight.view(params);
                // With D = ∂(LU): ∂L = D Uᵀ below the diagonal, ∂U = Lᵀ D on and above it.
                let d = |i: usize, j: usize| ws.grad[i * n + n - 1 - j];
                for (i, row) in dw {
                    for (j, g) in row.iter_mut().enumerate() {
                        *g += match i.cmp(&j) {
                            Ordering::Greater => (j..n).map(|c| d(i, c) * upper(p, j, c)).sum(),
                            Ordering::Less => (i..n).map(|r| lower(p, r, i) * d(r, j)).sum(),
                            Ordering::Equal => {
                                let du: F = (i..n).map(|r| lower(p, r, i) * d(r, i)).sum();
                                du * upper(p, i, i) + weight
                            }
                        };
                    }
                }
            }
        }
        if !self.bias.is_empty() {
            rows::add_column_sums(accumulate.start(grad, self.bias), dy);
        }
        narrow::times_transposed(dx, dy, &ws.weight, n, scratch);
    }

    /// ∂y for which ∂x = ∂y Wᵀ.
    pub(super) fn solve<F: Scalar>(
        &self,
        dy: &mut [F],
        dx: &[F],
        ws: &mut MapWorkspace<F>,
        scratch: &mut GemmScratch<F>,
    ) {
        let n = self.dim;
        if self.kind == MapSpec::Lu {
            invert(&mut ws.inverse, &mut ws.work, &ws.weight, n);
        }
        narrow::times_transposed(dy, dx, &ws.inverse, n, scratch);
    }

    /// Overwrite `weight` with W.
    fn fill_weight<F: Scalar>(&self, params: &[F], weight: &mut [F]) {
        let (n, p) = (self.dim, self.weight.view(params));
        match self.kind {
            MapSpec::Free => weight.copy_from_slice(&params[self.weight.range()]),
            MapSpec::Lu => {
                for i in 0..n {
                    for j in 0..n {
                        let last = i.min(j);
                        weight[i * n + n - 1 - j] = (0..=last).map(|k| lower(p, i, k) * upper(p, k, j)).sum();
                    }
                }
            }
        }
    }

    pub(super) fn inverse<F: Scalar>(
        &self,
        x: &mut [F],
        params: &[F],
        y: &[F],
        ws: &mut MapWorkspace<F>,
        scratch: &mut GemmScratch<F>,
    ) {
        let n = self.dim;
        self.fill_weight(params, &mut ws.weight);
        invert(&mut ws.inverse, &mut ws.work, &ws.weight, n);
        narrow::times(x, y, &ws.inverse, &[], n, scratch);
        let bias = &params[self.bias.range()];
        if !bias.is_empty() {
            // (y − b) W⁻¹ = y W⁻¹ − b W⁻¹
            let shift = &mut ws.work[..n];
            for (j, s) in shift.iter_mut().enumerate() {
                *s = (0..n).map(|i| bias[i] * ws.inverse[i * n + j]).sum();
            }
            x.chunks_exact_mut(n).for_each(|x| x.iter_mut().zip(&*shift).for_each(|(x, &s)| *x -= s));
        }
    }
}

/// L[i, k] for k ≤ i.
fn lower<F: Scalar>(p: ArrayView2<'_, F>, i: usize, k: usize) -> F {
    if i == k { F::one() } else { p[[i, k]] }
}

/// (U + diag(exp s))[k, j] for k ≤ j.
fn upper<F: Scalar>(p: ArrayView2<'_, F>, k: usize, j: usize) -> F {
    if k == j { exp(p[[k, k]]) } else { p[[k, j]] }
}

/// A random orthogonal matrix `[n, n]`.
fn orthogonal(n: usize, rng: &mut (impl Rng + ?Sized)) -> Option<Array2<f64>> {
    let normal = Array2::from_shape_simple_fn((n, n), || rng.sample::<f64, _>(StandardNormal));
    linalg::qr(normal.view()).ok().map(|qr| qr.q)
}
