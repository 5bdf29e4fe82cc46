//! The posterior of an injective decoder at small noise: a Gaussian around the mode of p(z|x,u).
//!
//! With x = f(z) + ε, ε of variances Ψ, and a prior of mean m and variances Λ given u, one Gauss–Newton step from z₀ is
//!
//! ```text
//! z₁ = z₀ + (Jᵀ Ψ⁻¹ J + Λ⁻¹)⁻¹ (Jᵀ Ψ⁻¹ (x − f(z₀)) + Λ⁻¹ (m − z₀)),   J = ∂f/∂z at z₀
//! ```
//!
//! and (Jᵀ Ψ⁻¹ J + Λ⁻¹)⁻¹ is the covariance (Laplace's approximation; exact for a linear f and a Gaussian prior). So noise
//! costs no more than it must, and directions that the data leave open are filled from the prior. Without u, Λ⁻¹ is 0.

use ivae_num::{Scalar, linalg};
use ndarray::{Array1, Array2, Array3, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::code::Code;
use crate::estimator::{AuxRows, Batch, Estimator};
use crate::exact::Exact;
use crate::fitted::{CHUNK, chunks, exact_mixture};
use crate::scaler::Scaler;
use crate::slices::{rows, rows_mut, top};

/// Gauss–Newton steps.
const STEPS: usize = 2;
/// Width of the differences that give J, in standard deviations of a latent.
const DIFFERENCE: f64 = 0.02;

/// What stands between latents and x, noise included.
#[derive(Clone, Copy)]
pub(crate) struct Noisy<'a, F> {
    pub(crate) code: Option<&'a Code<F>>,
    pub(crate) net: &'a Exact,
    pub(crate) params: &'a [F],
    /// Of an x in its own units; of scaled x, none.
    pub(crate) scaler: Option<&'a Scaler<F>>,
    /// Variance of the noise in every column of x, `[d]`.
    pub(crate) noise: ArrayView1<'a, F>,
}

/// Where the posterior's density bends, row by row.
struct Bends {
    /// Jᵀ Ψ⁻¹ J + Λ⁻¹, `[n, n]` of each row; `None` where that is not finite.
    precision: Vec<Array2<f64>>,
    /// Jᵀ Ψ⁻¹ (x − f(z)) + Λ⁻¹ (m − z), `[B, n]`.
    slope: Array2<f64>,
}

impl<F: Scalar> Noisy<'_, F> {
    /// Modes `[N, n]` of p(z|x,u) for x `[N, d]`, started at `z`.
    pub(crate) fn modes<'x>(self, mut z: Array2<F>, x: ArrayView2<'x, F>, u: AuxRows<'x, F>) -> Array2<F> {
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
        u: AuxRows<'x, F>,
    ) -> Array3<F> {
        let (count, n) = z.dim();
        let step = differences(z);
        let mut out = Array3::zeros((count, n, n));
        let found = self.in_parts(z, x, u, |z, batch| {
            let (mean, variance) = self.prior_moments(batch.u, batch.rows());
            self.bends(&z, &self.f(z.view()), batch.x, (&mean, &variance), &step).precision
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
        u: AuxRows<'x, F>,
        each: impl Fn(Array2<F>, Batch<'x, F>) -> T + Sync,
    ) -> Vec<(usize, T)> {
        let parts: Vec<(usize, Batch<'x, F>)> = chunks(x, u).collect();
        parts
            .into_par_iter()
            .map(|(start, batch)| (start, each(rows(z, start..start + batch.rows()).to_owned(), batch)))
            .collect()
    }

    /// f(z) without noise.
    fn f(self, z: ArrayView2<'_, F>) -> Array2<F> {
        let x = exact_mixture(self.code, self.net, self.params, z);
        match self.scaler {
            Some(scaler) => scaler.invert(x.view()),
            None => x,
        }
    }

    fn modes_of(self, mut z: Array2<F>, batch: Batch<'_, F>, step: &Array1<F>) -> Array2<F> {
        let (b, n) = z.dim();
        let (mean, variance) = self.prior_moments(batch.u, b);
        let energy = |row: usize, z: &Array2<F>, fz: &Array2<F>| {
            let misfit: f64 = (batch.x.row(row).iter().zip(fz.row(row)))
                .zip(self.noise)
                .map(|((x, f), v)| (x.f64() - f.f64()).powi(2) / v.f64())
                .sum();
            let prior: f64 =
                (0..n).map(|i| (z[[row, i]].f64() - mean[[row, i]]).powi(2) / variance[[row, i]]).sum();
            misfit + prior
        };
        let mut fz = self.f(z.view());
        for _ in 0..STEPS {
            let Bends { precision, slope } = self.bends(&z, &fz, batch.x, (&mean, &variance), step);
            let mut next = z.clone();
            for (row, a) in precision.iter().enumerate() {
                let slope = slope.row(row).insert_axis(Axis(1));
                if let Ok(delta) = linalg::solve(a.view(), slope) {
                    (0..n).for_each(|i| next[[row, i]] += F::of(delta[[i, 0]]));
                }
            }
            // A step that does not help is not taken.
            let f_next = self.f(next.view());
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
    fn bends(
        self,
        z: &Array2<F>,
        fz: &Array2<F>,
        x: ArrayView2<'_, F>,
        (mean, variance): (&Array2<f64>, &Array2<f64>),
        step: &Array1<F>,
    ) -> Bends {
        let (b, n) = z.dim();
        // ∂f/∂z_i of every row, [n] of [B, d].
        let jacobian: Vec<Array2<F>> = (0..n)
            .map(|i| {
                let moved = |by: F| {
                    let mut z = z.clone();
                    z.column_mut(i).mapv_inplace(|v| v + by);
                    self.f(z.view())
                };
                (moved(step[i]) - moved(-step[i])) / (step[i] + step[i])
            })
            .collect();
        let inverse_noise: Vec<f64> = self.noise.iter().map(|v| v.f64().recip()).collect();
        let mut out = Bends { precision: Vec::with_capacity(b), slope: Array2::zeros((b, n)) };
        for row in 0..b {
            let j: Vec<Vec<f64>> =
                jacobian.iter().map(|j| j.row(row).iter().map(|v| v.f64()).collect()).collect();
            let weighted = |a: &[f64], b: &[f64]| {
                a.iter().zip(b).zip(&inverse_noise).map(|((a, b), p)| a * b * p).sum::<f64>()
            };
            let residual: Vec<f64> =
                x.row(row).iter().zip(fz.row(row)).map(|(x, f)| x.f64() - f.f64()).collect();
            out.precision.push(Array2::from_shape_fn((n, n), |(i, k)| {
                let own = if i == k { variance[[row, i]].recip() } else { 0.0 };
                weighted(&j[i], &j[k]) + own
            }));
            for i in 0..n {
                out.slope[[row, i]] =
                    weighted(&j[i], &residual) + (mean[[row, i]] - z[[row, i]].f64()) / variance[[row, i]];
            }
        }
        out
    }

    /// Means and variances of the prior, `[B, n]` each; without u, of one that is flat.
    fn prior_moments(self, u: AuxRows<'_, F>, count: usize) -> (Array2<f64>, Array2<f64>) {
        let shape = (count, self.net.latents);
        if matches!(u, AuxRows::None) {
            return (Array2::zeros(shape), Array2::from_elem(shape, f64::INFINITY));
        }
        let mut ws = Estimator::<F>::workspace(self.net, count.clamp(1, CHUNK));
        self.net.prior_parameters(self.params, u, count, &mut ws);
        let theta = top(&ws.theta_p, count);
        let moment = |which: usize| {
            Array2::from_shape_fn(shape, |(b, i)| {
                let row = theta.row(b);
                let moments =
                    self.net.family.moments(self.net.prior_form, |c| row[c].f64(), self.net.latents, i);
                if which == 0 { moments.0 } else { moments.1 }
            })
        };
        (moment(0), moment(1))
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
    use crate::code::code_net;
    use crate::defaults::DecoderKind;
    use crate::family::Family;
    use crate::scaler::Scaler;
    use crate::spec::{DecoderSpec, FitSpec, Scaling};
    use crate::vae::AuxShape;
    use ivae_nn::{FlowSpec, SquareSpec};
    use ivae_num::{Purpose, StreamKey, stream};

    fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut flat = vec![0.0; rows * columns];
        stream::fill_normal(&mut flat, columns, StreamKey::new(seed, Purpose::Generate));
        Array2::from_shape_vec((rows, columns), flat).unwrap()
    }

    /// For linear maps and a Gaussian prior the mode is the posterior mean of textbooks: m + K (x − f(m)) with the gain
    /// K = Λ Aᵀ (A Λ Aᵀ + Ψ)⁻¹ (Bishop 2006, eq. 2.116, in the form of the Kalman gain), A = ∂f/∂z.
    #[test]
    fn of_a_linear_model_mode_and_covariance_are_those_of_the_posterior() {
        let (n, d, rows) = (2, 4, 30);
        let (x, levels) = (normals(rows, d, 1), (0..rows as u32).map(|i| i % 3).collect::<Vec<_>>());
        let batch = Batch { x: x.view(), u: AuxRows::Levels(&levels) };
        let mut spec = FitSpec::bijective(n, d, DecoderKind::Square);
        let DecoderSpec::Bijective(race) = &mut spec.decoder else { panic!("not bijective") };
        race.code.net.hidden.clear();
        let code_spec = race.code.clone();
        let key = StreamKey::new(2, Purpose::Init);
        let net = code_net(&spec, &code_spec, code_spec.kind, d, AuxShape::Levels(3)).unwrap();
        let mut params = vec![0.0; Estimator::<f64>::layout(&net).len()];
        net.init(&mut params, batch, key);
        let noise = Array1::from(vec![0.1, 0.4, 0.2, 0.3]);
        let mut code = Code { net, params, whitener: Scaler::None, noise };
        code.whitener = Scaler::fit(Scaling::Whiten, code.encode(x.view()).view()).unwrap();
        let flow = FlowSpec::Square(SquareSpec { layers: 1, ..SquareSpec::default() });
        let net = Exact::new(&flow, &spec.vae.prior, Family::Gaussian, n, AuxShape::Levels(3)).unwrap();
        let mut params = vec![0.0; Estimator::<f64>::layout(&net).len()];
        let white = code.encode(x.view());
        net.init(&mut params, Batch { x: white.view(), ..batch }, key);
        let noise = code.noise.view();
        let noisy = Noisy { code: Some(&code), net: &net, params: &params, scaler: None, noise };
        let found = noisy.modes(normals(rows, n, 3), x.view(), batch.u);

        let f = |z: &Array2<f64>| exact_mixture(Some(&code), &net, &params, z.view());
        let zero = f(&Array2::zeros((1, n)));
        let a = (f(&Array2::eye(n)) - &zero).reversed_axes(); // [d, n]
        let (mean, variance) = noisy.prior_moments(batch.u, rows);
        let covariances = noisy.covariances(found.view(), x.view(), batch.u);
        for row in 0..rows {
            let prior = Array2::from_diag(&variance.row(row));
            let spread = a.dot(&prior).dot(&a.t()) + Array2::from_diag(&code.noise);
            let m = mean.row(row).to_owned();
            let misfit = &x.row(row) - &(zero.row(0).to_owned() + a.dot(&m));
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
