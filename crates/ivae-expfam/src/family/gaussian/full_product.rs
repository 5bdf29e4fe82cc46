//! The product of the encoder's Gaussian factor of full covariance and a Gaussian prior of independent components.
//!
//! For a linear decoder with Gaussian noise the true posterior is such a product, its factor the same for every u
//! (Bishop 2006, eq. 2.116 and 2.117): so the evidence lower bound can reach log p(x|u).

use ivae_num::Scalar;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::correlation;
use super::form::GaussianForm;

/// N(μ, S) ∝ N(m, T Tᵀ) N(a, V) of every row, and what its backward pass needs.
///
/// With M = I + Tᵀ V⁻¹ T = G Gᵀ and W = T G⁻ᵀ, the covariance is S = W Wᵀ, the mean μ = m + S V⁻¹ (a − m), and
/// ½ log |S| = Σ log Tᵢᵢ − Σ log Gᵢᵢ. M has no eigenvalue below 1, so that neither a narrow nor a wide factor loses digits.
#[derive(Debug)]
pub struct FullProduct<F> {
    n: usize,
    t: Vec<F>,            // T, lower triangles [B, n, n]
    g: Vec<F>,            // G, lower triangles [B, n, n]
    w: Vec<F>,            // W, [B, n, n]
    mean: Vec<F>,         // μ, [B, n]
    half_log_det: Vec<F>, // ½ log |S|, [B]
    scratch: [Vec<F>; 3], // [n, n]
    vectors: [Vec<F>; 6], // [n]
}

/// Overwrite `mean` and `precision` `[n]` with the prior's of `row` of θ_p.
fn read_prior<F: Scalar>(
    mean: &mut [F],
    precision: &mut [F],
    theta_p: ArrayView2<'_, F>,
    form: GaussianForm,
    row: usize,
) {
    let n = mean.len();
    for i in 0..n {
        (mean[i], precision[i]) = prior_of(theta_p, form, n, row, i);
    }
}

/// The prior's mean and precision of component `i` in `row` of θ_p.
fn prior_of<F: Scalar>(
    theta_p: ArrayView2<'_, F>,
    form: GaussianForm,
    n: usize,
    row: usize,
    i: usize,
) -> (F, F) {
    let (mean, log_var) = form.first_columns(n);
    let mean = mean.map_or(F::zero(), |c| theta_p[[row, c + i]]);
    (mean, log_var.map_or(F::one(), |c| (-theta_p[[row, c + i]]).exp()))
}

/// Overwrite the lower triangle of `out` `[n, n]` with (½ for the diagonal) Gᵀ D of two lower triangles.
fn half_transposed_product<F: Scalar>(out: &mut [F], g: &[F], d: &[F], n: usize) {
    for i in 0..n {
        for j in 0..=i {
            let sum: F = (i..n).map(|k| g[k * n + i] * d[k * n + j]).sum();
            out[i * n + j] = if i == j { F::of(0.5) * sum } else { sum };
        }
    }
}

impl<F: Scalar> FullProduct<F> {
    /// Memory for up to `batch` rows of `n` components; for no rows where there is no such product.
    pub fn new(batch: usize, n: usize) -> Self {
        let of = |len: usize| vec![F::zero(); len];
        let squares = || of(batch * n * n);
        Self {
            n,
            t: squares(),
            g: squares(),
            w: squares(),
            mean: of(batch * n),
            half_log_det: of(batch),
            scratch: [of(n * n), of(n * n), of(n * n)],
            vectors: [of(n), of(n), of(n), of(n), of(n), of(n)],
        }
    }

    /// Overwrite `theta_q` `[B, 2n]` with mean | log-variance of the product's components. `theta_e` `[B, e]` has mean |
    /// log-variance | correlations of the encoder's factor ([`correlation`]), `theta_p` the prior's parameters.
    pub fn forward(
        &mut self,
        mut theta_q: ArrayViewMut2<'_, F>,
        theta_e: ArrayView2<'_, F>,
        form: GaussianForm,
        theta_p: ArrayView2<'_, F>,
    ) {
        let n = self.n;
        for row in 0..theta_q.nrows() {
            let square = row * n * n..(row + 1) * n * n;
            let (t, g, w) = (&mut self.t[square.clone()], &mut self.g[square.clone()], &mut self.w[square]);
            let [prior_mean, precision, weighted, ..] = &mut self.vectors;
            correlation::factor(t, theta_e.row(row), n);
            read_prior(prior_mean, precision, theta_p, form, row);
            // The lower triangle of M, then of its Cholesky factor in the same place.
            for i in 0..n {
                for j in 0..=i {
                    let sum: F = (i..n).map(|k| t[k * n + i] * precision[k] * t[k * n + j]).sum();
                    g[i * n + j] = if i == j { sum + F::one() } else { sum };
                }
            }
            for i in 0..n {
                for j in 0..=i {
                    let sum = (0..j).fold(g[i * n + j], |sum, k| sum - g[i * n + k] * g[j * n + k]);
                    g[i * n + j] = if i == j { sum.sqrt() } else { sum / g[j * n + j] };
                }
            }
            // W Gᵀ = T.
            for i in 0..n {
                for j in 0..n {
                    let of_t = if j <= i { t[i * n + j] } else { F::zero() };
                    let sum = (0..j).fold(of_t, |sum, k| sum - w[i * n + k] * g[j * n + k]);
                    w[i * n + j] = sum / g[j * n + j];
                }
            }
            let pull = |k: usize| (prior_mean[k] - theta_e[[row, k]]) * precision[k];
            weighted
                .iter_mut()
                .enumerate()
                .for_each(|(j, v)| *v = (0..n).map(|k| w[k * n + j] * pull(k)).sum());
            let mut half_log_det = F::zero();
            for i in 0..n {
                let w = &w[i * n..][..n];
                let shift: F = w.iter().zip(&*weighted).map(|(w, v)| *w * *v).sum();
                let variance: F = w.iter().map(|w| *w * *w).sum();
                self.mean[row * n + i] = theta_e[[row, i]] + shift;
                theta_q[[row, i]] = theta_e[[row, i]] + shift;
                theta_q[[row, n + i]] = variance.ln();
                half_log_det += (t[i * n + i] / g[i * n + i]).ln();
            }
            self.half_log_det[row] = half_log_det;
        }
    }

    /// After [`forward`](Self::forward): overwrite `z` `[B, n]` with μ + W ε for the ε of `noise` `[B, n]`.
    pub fn sample(&self, mut z: ArrayViewMut2<'_, F>, noise: ArrayView2<'_, F>) {
        let n = self.n;
        for ((row, i), z) in z.indexed_iter_mut() {
            let w = &self.w[(row * n + i) * n..][..n];
            *z = w.iter().zip(noise.row(row)).fold(self.mean[row * n + i], |sum, (w, e)| sum + *w * *e);
        }
    }

    /// ½ log |S| of every row.
    pub fn half_log_det(&self) -> &[F] {
        &self.half_log_det
    }

    /// Entry (`i`, `j`) of the covariance S of `row`.
    pub fn covariance(&self, row: usize, i: usize, j: usize) -> F {
        let of = |i: usize| &self.w[(row * self.n + i) * self.n..][..self.n];
        of(i).iter().zip(of(j)).map(|(a, b)| *a * *b).sum()
    }

    /// Backward of [`forward`](Self::forward), [`sample`](Self::sample) and [`half_log_det`](Self::half_log_det), for the
    /// cotangents `d_q` `[B, 2n]` of the components, `d_z` `[B, n]` of the sample with its `noise` and `d_half_log_det` `[B]`.
    /// Adds to `d_e` `[B, e]` and `d_p`.
    #[allow(clippy::too_many_arguments)]
    pub fn backward(
        &mut self,
        mut d_e: ArrayViewMut2<'_, F>,
        mut d_p: ArrayViewMut2<'_, F>,
        theta_e: ArrayView2<'_, F>,
        (form, theta_p): (GaussianForm, ArrayView2<'_, F>),
        d_q: ArrayView2<'_, F>,
        (d_z, noise): (ArrayView2<'_, F>, ArrayView2<'_, F>),
        d_half_log_det: impl Fn(usize) -> F,
    ) {
        let n = self.n;
        let (of_mean, of_log_var) = form.first_columns(n);
        let [d_w, d_g, a] = &mut self.scratch;
        let [prior_mean, precision, d_mean, pull, weighted, d_pull] = &mut self.vectors;
        for row in 0..d_q.nrows() {
            let square = row * n * n..(row + 1) * n * n;
            let (t, g, w) = (&self.t[square.clone()], &self.g[square.clone()], &self.w[square]);
            read_prior(prior_mean, precision, theta_p, form, row);
            for i in 0..n {
                d_mean[i] = d_z[[row, i]] + d_q[[row, i]];
                pull[i] = (prior_mean[i] - theta_e[[row, i]]) * precision[i];
            }
            // μ = m + W Wᵀ r, r = V⁻¹ (a − m): ∂W = ∂μ (Wᵀ r)ᵀ + r (Wᵀ ∂μ)ᵀ and ∂r = W Wᵀ ∂μ.
            for j in 0..n {
                weighted[j] = (0..n).map(|k| w[k * n + j] * pull[k]).sum();
                d_pull[j] = (0..n).map(|k| w[k * n + j] * d_mean[k]).sum();
            }
            for i in 0..n {
                // log Sᵢᵢ = log Σⱼ Wᵢⱼ²
                let variance: F = w[i * n..][..n].iter().map(|w| *w * *w).sum();
                let of_variance = F::of(2.0) * d_q[[row, n + i]] / variance;
                for j in 0..n {
                    d_w[i * n + j] = d_z[[row, i]] * noise[[row, j]]
                        + of_variance * w[i * n + j]
                        + d_mean[i] * weighted[j]
                        + pull[i] * d_pull[j];
                }
            }
            for i in 0..n {
                let d_pull: F = (0..n).map(|j| w[i * n + j] * d_pull[j]).sum();
                let (mean, precision, m) = (prior_mean[i], precision[i], theta_e[[row, i]]);
                d_e[[row, i]] += d_mean[i] - precision * d_pull;
                if let Some(c) = of_mean {
                    d_p[[row, c + i]] += precision * d_pull;
                }
                if let Some(c) = of_log_var {
                    d_p[[row, c + i]] -= d_pull * (mean - m) * precision;
                }
            }
            // W = T G⁻ᵀ: ∂G is the lower triangle of −G⁻ᵀ ∂Wᵀ W, and ½ log |S| adds −1/Gᵢᵢ. A = ∂Wᵀ W, then Gᵀ X = A.
            for i in 0..n {
                for j in 0..n {
                    a[i * n + j] = (0..n).map(|k| d_w[k * n + i] * w[k * n + j]).sum();
                }
            }
            for i in (0..n).rev() {
                for j in 0..n {
                    let sum = (i + 1..n).fold(a[i * n + j], |sum, k| sum - g[k * n + i] * a[k * n + j]);
                    a[i * n + j] = sum / g[i * n + i];
                }
            }
            let d_log = d_half_log_det(row);
            for i in 0..n {
                for j in 0..=i {
                    let of_log = if i == j { d_log / g[i * n + i] } else { F::zero() };
                    d_g[i * n + j] = -a[i * n + j] - of_log;
                }
            }
            // M = G Gᵀ: ∂M = G⁻ᵀ Φ G⁻¹, Φ the lower triangle of Gᵀ ∂G with half of its diagonal (Murray 2016, section 3).
            half_transposed_product(a, g, d_g, n);
            for i in 0..n {
                (i + 1..n).for_each(|j| a[i * n + j] = F::zero());
            }
            // From the left by G⁻ᵀ: Gᵀ X = Φ.
            for i in (0..n).rev() {
                for j in 0..n {
                    let sum = (i + 1..n).fold(a[i * n + j], |sum, k| sum - g[k * n + i] * a[k * n + j]);
                    a[i * n + j] = sum / g[i * n + i];
                }
            }
            // From the right by G⁻¹: Y G = X.
            for i in 0..n {
                for j in (0..n).rev() {
                    let sum = (j + 1..n).fold(a[i * n + j], |sum, k| sum - a[i * n + k] * g[k * n + j]);
                    a[i * n + j] = sum / g[j * n + j];
                }
            }
            // M = I + Tᵀ V⁻¹ T, with N = ∂M + ∂Mᵀ: ∂T = V⁻¹ T N, and ∂ of the precision i is ½ (T N Tᵀ)ᵢᵢ.
            // W = T G⁻ᵀ: ∂T = ∂W G⁻¹, in the place of ∂W.
            for i in 0..n {
                for j in (0..n).rev() {
                    let sum = (j + 1..n).fold(d_w[i * n + j], |sum, k| sum - d_w[i * n + k] * g[k * n + j]);
                    d_w[i * n + j] = sum / g[j * n + j];
                }
            }
            let d_t = &mut *d_w;
            for i in 0..n {
                let precision = precision[i];
                let mut d_precision = F::zero();
                for j in 0..=i {
                    let of_m: F = (0..=i).map(|k| t[i * n + k] * (a[k * n + j] + a[j * n + k])).sum();
                    d_precision += F::of(0.5) * of_m * t[i * n + j];
                    d_t[i * n + j] += precision * of_m;
                }
                d_t[i * n + i] += d_log / t[i * n + i];
                if let Some(c) = of_log_var {
                    d_p[[row, c + i]] -= d_precision * precision;
                }
            }
            correlation::factor_backward(d_e.row_mut(row), theta_e.row(row), t, d_t, n);
        }
    }
}

#[cfg(test)]
mod tests {
    use ivae_num::{Purpose, StreamKey, gradcheck::check, linalg, stream};
    use ndarray::{Array1, Array2, Axis, Slice};

    use super::*;

    const N: usize = 3;
    const ROWS: usize = 2;
    const FORMS: [GaussianForm; 3] = [GaussianForm::MeanVar, GaussianForm::Var, GaussianForm::Mean];

    fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
        let mut flat = vec![0.0; rows * columns];
        stream::fill_normal(&mut flat, columns, StreamKey::new(seed, Purpose::Generate));
        Array2::from_shape_vec((rows, columns), flat).unwrap()
    }

    fn width() -> usize {
        2 * N + correlation::parameters(N)
    }

    fn covariance_of(found: &FullProduct<f64>, row: usize) -> Array2<f64> {
        Array2::from_shape_fn((N, N), |(i, j)| found.covariance(row, i, j))
    }

    /// Precisions add, and means by their precisions (Bishop 2006, eq. 2.116 and 2.117), by matrices inverted in full.
    #[test]
    fn precisions_add() {
        for form in FORMS {
            let (theta_e, theta_p) = (normals(ROWS, width(), 1), normals(ROWS, form.width(N), 2));
            let (mut theta_q, mut found) = (Array2::zeros((ROWS, 2 * N)), FullProduct::new(ROWS, N));
            found.forward(theta_q.view_mut(), theta_e.view(), form, theta_p.view());
            for row in 0..ROWS {
                let e = theta_e.row(row);
                let mut factor = Array2::zeros((N, N));
                correlation::correlation(factor.view_mut(), e.slice_axis(Axis(0), Slice::from(2 * N..)));
                factor.indexed_iter_mut().for_each(|((i, j), v)| *v *= (0.5 * (e[N + i] + e[N + j])).exp());
                let factor = linalg::inverse(factor.view()).unwrap();
                let (mean, precision): (Vec<f64>, Vec<f64>) =
                    (0..N).map(|i| prior_of(theta_p.view(), form, N, row, i)).unzip();
                let (mean, precision) = (Array1::from(mean), Array2::from_diag(&Array1::from(precision)));
                let covariance = linalg::inverse((&factor + &precision).view()).unwrap();
                let of_e = e.slice_axis(Axis(0), Slice::from(..N));
                let expected = covariance.dot(&(factor.dot(&of_e) + precision.dot(&mean)));
                assert!(
                    (covariance_of(&found, row) - &covariance).iter().all(|d| d.abs() < 1e-12),
                    "{form:?}"
                );
                for i in 0..N {
                    assert!((theta_q[[row, i]] - expected[i]).abs() < 1e-12, "{form:?}");
                    assert!((theta_q[[row, N + i]] - covariance[[i, i]].ln()).abs() < 1e-12, "{form:?}");
                }
                let log_det = linalg::slogdet(covariance.view()).unwrap().1;
                assert!((found.half_log_det()[row] - 0.5 * log_det).abs() < 1e-12, "{form:?}");
            }
        }
    }

    #[test]
    fn a_sample_has_the_covariance() {
        let (form, theta_e, theta_p) = (GaussianForm::MeanVar, normals(N, width(), 3), normals(1, 2 * N, 4));
        let theta_e = theta_e.select(Axis(0), &[0; N]);
        let (mut theta_q, mut found) = (Array2::zeros((N, 2 * N)), FullProduct::new(N, N));
        found.forward(theta_q.view_mut(), theta_e.view(), form, theta_p.select(Axis(0), &[0; N]).view());
        let mut z = Array2::zeros((N, N)); // row k is where the k-th unit vector of noise goes
        found.sample(z.view_mut(), Array2::eye(N).view());
        z.indexed_iter_mut().for_each(|((_, i), z)| *z -= theta_q[[0, i]]);
        assert!((z.t().dot(&z) - covariance_of(&found, 0)).iter().all(|d| d.abs() < 1e-12));
    }

    /// All cotangents at once, of both θ; and a derivative that is broken in any one of their entries is caught.
    #[test]
    fn backward_is_the_derivative() {
        for form in FORMS {
            let (wide, narrow) = (width(), form.width(N));
            let params = normals(1, ROWS * (wide + narrow), 5).into_raw_vec_and_offset().0;
            let noise = normals(ROWS, N, 6);
            let (d_q, d_z, d_log) = (normals(ROWS, 2 * N, 7), normals(ROWS, N, 8), normals(1, ROWS, 9));
            let split = |p: &[f64]| {
                let (e, p) = p.split_at(ROWS * wide);
                let of = |v: &[f64], w: usize| Array2::from_shape_vec((ROWS, w), v.to_vec()).unwrap();
                (of(e, wide), of(p, narrow))
            };
            let run = |p: &[f64]| {
                let (theta_e, theta_p) = split(p);
                let (mut theta_q, mut found) = (Array2::zeros((ROWS, 2 * N)), FullProduct::new(ROWS, N));
                found.forward(theta_q.view_mut(), theta_e.view(), form, theta_p.view());
                let mut z = Array2::zeros((ROWS, N));
                found.sample(z.view_mut(), noise.view());
                let logs: f64 = found.half_log_det().iter().zip(&d_log).map(|(h, d)| h * d).sum();
                ((&theta_q * &d_q).sum() + (&z * &d_z).sum() + logs, found)
            };
            let (theta_e, theta_p) = split(&params);
            let (mut d_e, mut d_p) = (Array2::zeros((ROWS, wide)), Array2::zeros((ROWS, narrow)));
            run(&params).1.backward(
                d_e.view_mut(),
                d_p.view_mut(),
                theta_e.view(),
                (form, theta_p.view()),
                d_q.view(),
                (d_z.view(), noise.view()),
                |row| d_log[[0, row]],
            );
            let grad: Vec<f64> = d_e.iter().chain(&d_p).copied().collect();
            check(&params, &grad, |p| run(p).0).assert_below(1e-6);
            for i in 0..grad.len() {
                let mut broken = grad.clone();
                broken[i] += 1e-3 * (1.0 + grad[i].abs());
                assert!(check(&params, &broken, |p| run(p).0).worst > 1e-6, "{form:?}: entry {i}");
            }
        }
    }
}
