//! What can be said about a fit without knowing the truth: collapse, what u alone explains.

use ivae_data::Dataset;
use ivae_expfam::{Density, Gaussian, GaussianForm, gaussian_kl};
use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, Axis, concatenate};

use crate::estimator::{AuxRows, Batch, BatchBuffer, Estimator, spread_rows};
use crate::fitted::{CHUNK, chunks};
use crate::report::Collapse;
use crate::slices::{columns, top};
use crate::vae::Vae;

/// A latent whose mean KL lies below this many nats carries nothing of x beyond u.
pub const COLLAPSED: f64 = 0.02;
/// Rows that collapse is measured on.
const MOST_ROWS: usize = 20_000;

/// KL(q(z_i|x,u) ‖ p(z_i|u)) per latent, over (at most 20,000 of) the rows.
pub fn collapse<F: Scalar>(vae: &Vae, params: &[F], data: Batch<'_, F>) -> Collapse {
    let index = spread_rows(data.rows(), MOST_ROWS);
    let (rows, mut buffer) = (index.len(), BatchBuffer::new(&data, index.len()));
    let data = buffer.gather(&data, &index);
    let mut ws = Estimator::<F>::workspace(vae, CHUNK.min(rows));
    let (n, mut kl, mut sums) = (vae.latents, [F::zero(); CHUNK], vec![0.0; vae.latents]);
    let gather = |theta: ArrayView2<'_, F>, i: usize| {
        let parts: Vec<_> = (i..theta.ncols()).step_by(n).map(|j| columns(theta, j..j + 1)).collect();
        concatenate(Axis(1), &parts).unwrap_or_default()
    };
    for (_, part) in chunks(data.x, data.u) {
        let b = part.rows();
        vae.infer(params, part, &mut ws);
        for (i, sum) in sums.iter_mut().enumerate() {
            let (q, p) = (gather(top(&ws.theta_q, b), i), gather(top(&ws.theta_p, b), i));
            gaussian_kl(&mut kl[..b], q.view(), vae.prior_form, p.view());
            *sum += kl[..b].iter().map(|v| v.f64()).sum::<f64>();
        }
    }
    let kl_per_latent: Vec<f64> = sums.iter().map(|sum| sum / rows.max(1) as f64).collect();
    let collapsed = (0..n).filter(|&i| kl_per_latent[i] < COLLAPSED).collect();
    Collapse { kl_per_latent, collapsed, threshold: COLLAPSED, retries: 0 }
}

/// [`u_only_log_likelihood`] of binary x: independent Bernoulli columns per level of u.
pub fn u_only_bernoulli<F: Scalar>(train: &Dataset<F>, test: &Dataset<F>) -> f64 {
    let level = |data: &Dataset<F>, row: usize| data.u.levels().map_or(0, |l| l.index[row] as usize);
    let (m, d) = (train.u.levels().map_or(1, |l| l.names.len()), train.x.ncols());
    let (mut count, mut ones, rows) = (vec![0.0; m], Array2::<f64>::zeros((m, d)), train.x.nrows() as f64);
    for (i, row) in train.x.rows().into_iter().enumerate() {
        count[level(train, i)] += 1.0;
        row.iter().enumerate().for_each(|(j, v)| ones[[level(train, i), j]] += v.f64());
    }
    // A frequency is shrunk towards the pooled one as by one extra row, and that one from 0 and 1.
    let pooled = ones.sum_axis(Axis(0)).mapv(|ones| (ones + 1.0) / (rows + 2.0));
    let p = Array2::from_shape_fn((m, d), |(u, j)| (ones[[u, j]] + pooled[j]) / (count[u] + 1.0));
    let value = |((i, j), v): ((usize, usize), &F)| {
        let p = p[[level(test, i), j]];
        v.f64() * p.ln() + (1.0 - v.f64()) * (1.0 - p).ln()
    };
    test.x.indexed_iter().map(value).sum::<f64>() / test.x.nrows().max(1) as f64
}

/// Mean log-likelihood in nats per row of `test` under independent Gaussians per column and level of u, fitted to
/// `train`: what u alone explains of x. Without levels, one Gaussian per column.
pub fn u_only_log_likelihood<F: Scalar>(train: &Dataset<F>, test: &Dataset<F>) -> f64 {
    let level = |data: &Dataset<F>, row: usize| data.u.levels().map_or(0, |l| l.index[row] as usize);
    let m = train.u.levels().map_or(1, |l| l.names.len());
    let d = train.x.ncols();
    let (mut count, mut sum, mut square) =
        (vec![0.0; m], Array2::<f64>::zeros((m, d)), Array2::<f64>::zeros((m, d)));
    for (i, row) in train.x.rows().into_iter().enumerate() {
        let u = level(train, i);
        count[u] += 1.0;
        for (j, v) in row.iter().enumerate() {
            sum[[u, j]] += v.f64();
            square[[u, j]] += v.f64() * v.f64();
        }
    }
    let rows = train.x.nrows() as f64;
    let (all_sum, all_square) = (sum.sum_axis(Axis(0)), square.sum_axis(Axis(0)));
    // θ = mean | log-variance of each level; the variance is shrunk towards the pooled one as by one extra row.
    let theta = Array2::from_shape_fn((m, 2 * d), |(u, c)| {
        let j = c % d;
        let pooled_mean = all_sum[j] / rows;
        let pooled = (all_square[j] / rows - pooled_mean * pooled_mean).max(f64::MIN_POSITIVE);
        let mean = if count[u] > 0.0 { sum[[u, j]] / count[u] } else { pooled_mean };
        if c < d {
            return mean;
        }
        let scatter = (square[[u, j]] - count[u] * mean * mean).max(0.0);
        ((scatter + pooled) / (count[u] + 1.0)).ln()
    });
    let (mut out, mut total) = ([0.0; CHUNK], 0.0);
    for (start, part) in chunks(test.x.view(), AuxRows::None) {
        let index: Vec<usize> = (start..start + part.rows()).map(|i| level(test, i)).collect();
        let (theta, x) = (theta.select(Axis(0), &index), part.x.mapv(F::f64));
        let out = &mut out[..index.len()];
        Gaussian { form: GaussianForm::MeanVar }.log_prob(out, theta.view(), x.view());
        total += out.iter().sum::<f64>();
    }
    total / test.x.nrows().max(1) as f64
}
