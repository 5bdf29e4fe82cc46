//! The posterior of an injective decoder at small noise: a Gaussian around the mode of p(z|x,u).
//!
//! With x = f(z) + ε, ε of variances Ψ, and a prior of mean m and variances Λ given u, one Gauss–Newton step from z₀ is
//!
//! ```text
//! z₁ = z₀ + (Jᵀ Ψ⁻¹ J + Λ⁻¹)⁻¹ (Jᵀ Ψ⁻¹ (x − f(z₀)) + Λ⁻¹ (m − z₀)),   J = ∂f/∂z at z₀
//! ```
//!
//! and (Jᵀ Ψ⁻¹ J + Λ⁻¹)⁻¹ is the covariance (Laplace's approximation; exact for a linear f and a Gaussian prior). So noise
//! costs no more than it must, and directions that the data leave open are filled from the prior.

use ivae_num::{Scalar, linalg};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::code::Code;
use crate::estimator::{AuxRows, Batch, Estimator};
use crate::exact::Exact;
use crate::fitted::{CHUNK, chunks, exact_mixture};
use crate::slices::{rows_mut, top};

/// Gauss–Newton steps.
const STEPS: usize = 2;
/// Width of the differences that give J, in standard deviations of a latent.
const DIFFERENCE: f64 = 0.02;

/// What stands between latents and scaled x, noise included.
#[derive(Clone, Copy)]
pub(crate) struct Noisy<'a, F> {
    pub(crate) code: &'a Code<F>,
    pub(crate) net: &'a Exact,
    pub(crate) params: &'a [F],
}

impl<F: Scalar> Noisy<'_, F> {
    /// Modes `[N, n]` of p(z|x,u) for scaled x `[N, d]`, started at `z`.
    pub(crate) fn modes<'x>(self, mut z: Array2<F>, x: ArrayView2<'x, F>, u: AuxRows<'x, F>) -> Array2<F> {
        let rows = F::of(z.nrows().max(1) as f64);
        let mean = z.sum_axis(Axis(0)) / rows;
        let std = ((&z - &mean).mapv(|v| v * v).sum_axis(Axis(0)) / rows).mapv(F::sqrt);
        let step = std.mapv(|s| F::of(DIFFERENCE) * s.max(F::epsilon()));
        let parts: Vec<(usize, Batch<'x, F>)> = chunks(x, u).collect();
        let found: Vec<(usize, Array2<F>)> = parts
            .into_par_iter()
            .map(|(start, batch)| {
                let from = z.view().split_at(Axis(0), start).1;
                let from = top_rows(from, batch.rows()).to_owned();
                (start, self.modes_of(from, batch, &step))
            })
            .collect();
        for (start, part) in found {
            rows_mut(&mut z, start..start + part.nrows()).assign(&part);
        }
        z
    }

    fn modes_of(self, mut z: Array2<F>, batch: Batch<'_, F>, step: &Array1<F>) -> Array2<F> {
        let (b, n) = z.dim();
        let (mean, variance) = self.prior_moments(batch.u, b);
        let f = |z: ArrayView2<'_, F>| exact_mixture(Some(self.code), self.net, self.params, z);
        let precision: Vec<f64> = self.code.noise.iter().map(|v| v.f64().recip()).collect();
        let energy = |row: usize, z: &Array2<F>, fz: &Array2<F>| {
            let misfit: f64 = (batch.x.row(row).iter().zip(fz.row(row)))
                .zip(&precision)
                .map(|((x, f), p)| (x.f64() - f.f64()).powi(2) * p)
                .sum();
            let prior: f64 =
                (0..n).map(|i| (z[[row, i]].f64() - mean[[row, i]]).powi(2) / variance[[row, i]]).sum();
            misfit + prior
        };
        let mut fz = f(z.view());
        for _ in 0..STEPS {
            // ∂f/∂z_i of every row, [n] of [B, d].
            let jacobian: Vec<Array2<F>> = (0..n)
                .map(|i| {
                    let moved = |by: F| {
                        let mut z = z.clone();
                        z.column_mut(i).mapv_inplace(|v| v + by);
                        f(z.view())
                    };
                    (moved(step[i]) - moved(-step[i])) / (step[i] + step[i])
                })
                .collect();
            let mut next = z.clone();
            for row in 0..b {
                let j: Vec<Vec<f64>> =
                    jacobian.iter().map(|j| j.row(row).iter().map(|v| v.f64()).collect()).collect();
                let weighted = |a: &[f64], b: &[f64]| {
                    a.iter().zip(b).zip(&precision).map(|((a, b), p)| a * b * p).sum::<f64>()
                };
                let residual: Vec<f64> =
                    batch.x.row(row).iter().zip(fz.row(row)).map(|(x, f)| x.f64() - f.f64()).collect();
                let a = Array2::from_shape_fn((n, n), |(i, k)| {
                    let own = if i == k { variance[[row, i]].recip() } else { 0.0 };
                    weighted(&j[i], &j[k]) + own
                });
                let c = Array2::from_shape_fn((n, 1), |(i, _)| {
                    weighted(&j[i], &residual) + (mean[[row, i]] - z[[row, i]].f64()) / variance[[row, i]]
                });
                if let Ok(delta) = linalg::solve(a.view(), c.view()) {
                    (0..n).for_each(|i| next[[row, i]] += F::of(delta[[i, 0]]));
                }
            }
            // A step that does not help is not taken.
            let f_next = f(next.view());
            for row in 0..b {
                if energy(row, &next, &f_next) < energy(row, &z, &fz) {
                    z.row_mut(row).assign(&next.row(row));
                    fz.row_mut(row).assign(&f_next.row(row));
                }
            }
        }
        z
    }

    /// Means and variances of the prior, `[B, n]` each.
    fn prior_moments(self, u: AuxRows<'_, F>, rows: usize) -> (Array2<f64>, Array2<f64>) {
        let mut ws = Estimator::<F>::workspace(self.net, rows.clamp(1, CHUNK));
        self.net.prior_parameters(self.params, u, rows, &mut ws);
        let theta = top(&ws.theta_p, rows);
        let moment = |which: usize| {
            Array2::from_shape_fn((rows, self.net.latents), |(b, i)| {
                let row = theta.row(b);
                let moments =
                    self.net.family.moments(self.net.prior_form, |c| row[c].f64(), self.net.latents, i);
                if which == 0 { moments.0 } else { moments.1 }
            })
        };
        (moment(0), moment(1))
    }
}

fn top_rows<F>(a: ArrayView2<'_, F>, rows: usize) -> ArrayView2<'_, F> {
    a.split_at(Axis(0), rows).0
}
