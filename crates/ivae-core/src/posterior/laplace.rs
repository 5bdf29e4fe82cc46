//! [`LaplacePosterior`]: the posterior of an injective decoder at small noise, a Gaussian around the mode of p(z|x,u).
//!
//! With x = f(z) + ε, ε of variances Ψ, and a prior of mean m and variances Λ given u, one Gauss–Newton step from z₀ is
//!
//! ```text
//! z₁ = z₀ + (Jᵀ Ψ⁻¹ J + Λ⁻¹)⁻¹ (Jᵀ Ψ⁻¹ (x − f(z₀)) + Λ⁻¹ (m − z₀)),   J = ∂f/∂z at z₀
//! ```
//!
//! and (Jᵀ Ψ⁻¹ J + Λ⁻¹)⁻¹ is the covariance (Laplace's approximation; exact for a linear f and a Gaussian prior). So noise
//! costs no more than it must, and directions that the data leave open are filled from the prior. Without u, Λ⁻¹ is 0.

use ivae_nn::Input;
use ivae_num::{Scalar, linalg};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::batch::{Batch, CHUNK};
use ivae_num::slices::{rows, rows_mut};

/// Gauss–Newton steps.
const STEPS: usize = 2;
/// Width of the differences that give J, in standard deviations of a latent.
const DIFFERENCE: f64 = 0.02;

/// Means and variances, `[B, n]` each, of a prior for B rows of u.
type PriorMoments<'a, F> = dyn Fn(Input<'_, F>, usize) -> (Array2<f64>, Array2<f64>) + Sync + 'a;

/// An injective decoder with noise of known variance, and a prior with moments.
#[derive(Clone, Copy)]
pub(crate) struct LaplacePosterior<'a, F> {
    /// f: x `[B, d]` of z `[B, n]`, without noise.
    pub(crate) decode: &'a (dyn Fn(ArrayView2<'_, F>) -> Array2<F> + Sync),
    /// Means and variances, `[B, n]` each, of the prior for B rows of u.
    pub(crate) prior_moments: &'a PriorMoments<'a, F>,
    /// Variance of the noise in every column of x, `[d]`.
    pub(crate) noise: ArrayView1<'a, F>,
}

/// The quadratic that minus the log of the posterior's density is around a point, row by row.
struct LocalQuadratic {
    /// Jᵀ Ψ⁻¹ J + Λ⁻¹, `[n, n]` of each row; `None` where that is not finite.
    precision: Vec<Array2<f64>>,
    /// Jᵀ Ψ⁻¹ (x − f(z)) + Λ⁻¹ (m − z), `[B, n]`.
    slope: Array2<f64>,
}

impl<F: Scalar> LaplacePosterior<'_, F> {
    /// Modes `[N, n]` of p(z|x,u) for x `[N, d]`, started at `z`.
    pub(crate) fn modes<'x>(self, mut z: Array2<F>, x: ArrayView2<'x, F>, u: Input<'x, F>) -> Array2<F> {
        let step = differences(z.view());
        let found = self.in_parts(z.view(), x, u, |z, batch| self.modes_of(z, batch, &step));
        for (start, part) in found {
            rows_mut(&mut z, start..start + part.nrows()).assign(&part);
        }
        z
    }

    /// Covariances `[N, n, n]` of p(z|x,u) around the latents `z` `[N, n]` of x `[N, d]`. Directions that neither x nor
    /// the prior fixes have NaN.
    pub(crate) fn covariances<'x>(
        self,
        z: ArrayView2<'_, F>,
        x: ArrayView2<'x, F>,
        u: Input<'x, F>,
    ) -> Array3<F> {
        let (count, n) = z.dim();
        let step = differences(z);
        let mut out = Array3::zeros((count, n, n));
        let found = self.in_parts(z, x, u, |z, batch| {
            let (mean, variance) = self.moments(batch.u, z.dim());
            self.local_quadratic(&z, &(self.decode)(z.view()), batch.x, (&mean, &variance), &step).precision
        });
        for (start, part) in found {
            for (row, precision) in part.iter().enumerate() {
                let covariance =
                    linalg::inverse(precision.view()).unwrap_or_else(|_| Array2::from_elem((n, n), f64::NAN));
                out.index_axis_mut(Axis(0), start + row).assign(&covariance.mapv(F::of));
            }
        }
        out
    }

    /// What `each` makes of the rows, some at a time, with the row it starts at.
    fn in_parts<'x, T: Send>(
        self,
        z: ArrayView2<'_, F>,
        x: ArrayView2<'x, F>,
        u: Input<'x, F>,
        each: impl Fn(Array2<F>, Batch<'x, F>) -> T + Sync,
    ) -> Vec<(usize, T)> {
        let parts: Vec<(usize, Batch<'x, F>)> = (Batch { x, u }).parts(CHUNK).collect();
        parts
            .into_par_iter()
            .map(|(start, batch)| (start, each(rows(z, start..start + batch.rows()).to_owned(), batch)))
            .collect()
    }

    fn modes_of(self, mut z: Array2<F>, batch: Batch<'_, F>, step: &Array1<F>) -> Array2<F> {
        let (b, n) = z.dim();
        let (mean, variance) = self.moments(batch.u, (b, n));
        let energy = |row: usize, z: &Array2<F>, fz: &Array2<F>| {
            let misfit: f64 = (batch.x.row(row).iter().zip(fz.row(row)))
                .zip(self.noise)
                .map(|((x, f), v)| (x.f64() - f.f64()).powi(2) / v.f64())
                .sum();
            let prior: f64 =
                (0..n).map(|i| (z[[row, i]].f64() - mean[[row, i]]).powi(2) / variance[[row, i]]).sum();
            misfit + prior
        };
        let mut fz = (self.decode)(z.view());
        for _ in 0..STEPS {
            let LocalQuadratic { precision, slope } =
                self.local_quadratic(&z, &fz, batch.x, (&mean, &variance), step);
            let mut next = z.clone();
            for (row, a) in precision.iter().enumerate() {
                let slope = slope.row(row).insert_axis(Axis(1));
                if let Ok(delta) = linalg::solve(a.view(), slope) {
                    (0..n).for_each(|i| next[[row, i]] += F::of(delta[[i, 0]]));
                }
            }
            // A step that does not help is not taken.
            let f_next = (self.decode)(next.view());
            for row in 0..b {
                if energy(row, &next, &f_next) < energy(row, &z, &fz) {
                    z.row_mut(row).assign(&next.row(row));
                    fz.row_mut(row).assign(&f_next.row(row));
                }
            }
        }
        z
    }

    /// At latents `z` `[B, n]`, whose f(z) is `fz`.
    fn local_quadratic(
        self,
        z: &Array2<F>,
        fz: &Array2<F>,
        x: ArrayView2<'_, F>,
        (mean, variance): (&Array2<f64>, &Array2<f64>),
        step: &Array1<F>,
    ) -> LocalQuadratic {
        let (b, n) = z.dim();
        // ∂f/∂z_i of every row, [n] of [B, d].
        let jacobian: Vec<Array2<F>> = (0..n)
            .map(|i| {
                let moved = |by: F| {
                    let mut z = z.clone();
                    z.column_mut(i).mapv_inplace(|v| v + by);
                    (self.decode)(z.view())
                };
                (moved(step[i]) - moved(-step[i])) / (step[i] + step[i])
            })
            .collect();
        let inverse_noise: Vec<f64> = self.noise.iter().map(|v| v.f64().recip()).collect();
        let mut out = LocalQuadratic { precision: Vec::with_capacity(b), slope: Array2::zeros((b, n)) };
        for row in 0..b {
            let j: Vec<Vec<f64>> =
                jacobian.iter().map(|j| j.row(row).iter().map(|v| v.f64()).collect()).collect();
            let weighted = |a: &[f64], b: &[f64]| {
                a.iter().zip(b).zip(&inverse_noise).map(|((a, b), p)| a * b * p).sum::<f64>()
            };
            let residual: Vec<f64> =
                x.row(row).iter().zip(fz.row(row)).map(|(x, f)| x.f64() - f.f64()).collect();
            out.precision.push(Array2::from_shape_fn((n, n), |(i, k)| {
                let prior = if i == k { variance[[row, i]].recip() } else { 0.0 };
                weighted(&j[i], &j[k]) + prior
            }));
            for i in 0..n {
                out.slope[[row, i]] =
                    weighted(&j[i], &residual) + (mean[[row, i]] - z[[row, i]].f64()) / variance[[row, i]];
            }
        }
        out
    }

    /// Means and variances of the prior, `[B, n]` each; without u, of one that is flat.
    fn moments(self, u: Input<'_, F>, shape: (usize, usize)) -> (Array2<f64>, Array2<f64>) {
        if u.rows() == 0 {
            return (Array2::zeros(shape), Array2::from_elem(shape, f64::INFINITY));
        }
        (self.prior_moments)(u, shape.0)
    }
}

/// How far each latent of z `[N, n]` is moved for its difference, `[n]`.
fn differences<F: Scalar>(z: ArrayView2<'_, F>) -> Array1<F> {
    let count = F::of(z.nrows().max(1) as f64);
    let mean = z.sum_axis(Axis(0)) / count;
    let std = ((&z - &mean).mapv(|v| v * v).sum_axis(Axis(0)) / count).mapv(F::sqrt);
    std.mapv(|s| F::of(DIFFERENCE) * if s > F::zero() { s } else { F::one() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ivae_num::{Purpose, StreamKey, stream};

    fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut flat = vec![0.0; rows * columns];
        stream::fill_normal(&mut flat, columns, StreamKey::new(seed, Purpose::Generate));
        Array2::from_shape_vec((rows, columns), flat).unwrap()
    }

    /// For a linear f and a Gaussian prior the mode is the posterior mean of textbooks: m + K (x − f(m)) with the gain
    /// K = Λ Aᵀ (A Λ Aᵀ + Ψ)⁻¹ (Bishop 2006, eq. 2.116, in the form of the Kalman gain), A = ∂f/∂z.
    #[test]
    fn mode_and_covariance_of_a_linear_model_are_those_of_the_posterior() {
        let (n, d, rows) = (2, 4, 30);
        let (x, levels) = (normals(rows, d, 1), (0..rows as u32).map(|i| i % 3).collect::<Vec<_>>());
        let (a, offset, noise) = (normals(d, n, 2), normals(1, d, 4), Array1::from(vec![0.1, 0.4, 0.2, 0.3]));
        let table = (normals(3, n, 5), normals(3, n, 6).mapv(f64::exp));
        let decode = |z: ArrayView2<'_, f64>| z.dot(&a.t()) + &offset;
        let prior_moments = |u: Input<'_, f64>, _: usize| {
            let rows: Vec<usize> = u.levels.unwrap().iter().map(|&u| u as usize).collect();
            (table.0.select(Axis(0), &rows), table.1.select(Axis(0), &rows))
        };
        let posterior =
            LaplacePosterior { decode: &decode, prior_moments: &prior_moments, noise: noise.view() };
        let u = Input::levels(&levels);
        let found = posterior.modes(normals(rows, n, 3), x.view(), u);
        let covariances = posterior.covariances(found.view(), x.view(), u);
        for row in 0..rows {
            let (m, variance) = (table.0.row(row % 3).to_owned(), table.1.row(row % 3));
            let prior = Array2::from_diag(&variance);
            let spread = a.dot(&prior).dot(&a.t()) + Array2::from_diag(&noise);
            let misfit = &x.row(row) - &(offset.row(0).to_owned() + a.dot(&m));
            let gain = prior.dot(&a.t()).dot(&linalg::inverse(spread.view()).unwrap());
            let expected = m + gain.dot(&misfit);
            let error = (&expected - &found.row(row)).mapv(f64::abs).sum();
            assert!(error < 1e-8, "row {row}: {} for {expected}", found.row(row));
            // The posterior's covariance is Λ − K A Λ (Bishop 2006, eq. 2.117).
            let expected = &prior - &gain.dot(&a).dot(&prior);
            let error = (&expected - &covariances.index_axis(Axis(0), row)).mapv(f64::abs).sum();
            assert!(error < 1e-8, "row {row}: covariance {error} off {expected}");
        }
    }
}
