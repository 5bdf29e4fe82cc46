//! Starting values beyond random ones: linear maps at the principal components, tables at the segments' moments.

use ivae_expfam::GaussianForm;
use ivae_ica::Ajd;
use ivae_nn::{Mlp, Slot};
use ivae_num::{LinalgError, Scalar, linalg};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::Rng;
use rand_distr::StandardNormal;

use crate::block::{Source, Theta};
use crate::estimator::{AuxRows, Batch, BatchBuffer, Estimator, spread_rows};
use crate::exact::PSEUDO_ROWS;
use crate::family::Family;
use crate::fitted::{CHUNK, chunks};
use crate::slices::{columns, columns_mut, rows_mut, top, top_mut};
use crate::spec::Start;
use crate::vae::Vae;

/// Rows that starting values are computed from: enough for moments, cheap for any N.
pub(crate) const START_ROWS: usize = 20_000;
/// The networks beside a linear start begin this much smaller, so that the linear map leads.
const NET_SCALE: f64 = 0.1;
/// Variances of segments are started no smaller than this.
const LEAST_VARIANCE: f64 = 1e-3;

/// Overwrite the randomly drawn `params` where the spec asks for a better start.
pub(crate) fn start<F: Scalar>(vae: &Vae, params: &mut [F], data: Batch<'_, F>, rng: &mut impl Rng) {
    if data.rows() < 2 {
        return;
    }
    let rows = spread_rows(data.rows(), START_ROWS);
    let mut buffer = BatchBuffer::new(&data, rows.len());
    let data = buffer.gather(&data, &rows);
    // What cannot be decomposed leaves the random start, which is always possible.
    if vae.start != Start::Random
        && let Ok(maps) = linear_maps(vae, data.reborrow(), rng)
    {
        set_linear_parts(vae, params, &maps);
    }
    if vae.binary {
        set_log_odds(vae, params, data.x.reborrow());
    }
    let mut z = Array2::zeros((data.rows(), vae.latents));
    let mut ws = Estimator::<F>::workspace(vae, CHUNK.min(data.rows()));
    for (start, part) in chunks(data.x, data.u) {
        let b = part.rows();
        vae.encode(params, part, &mut ws);
        rows_mut(&mut z, start..start + b).assign(&columns(top(&ws.theta_e, b), 0..vae.latents));
    }
    set_table(&vae.prior, Family::Gaussian, vae.prior_form, params, z.view(), data.u);
}

/// Affine maps between x and n latents.
struct LinearMaps<F> {
    encode: Array2<F>, // [d, n]
    decode: Array2<F>, // [n, d]
    mean: Array1<F>,   // [d]
}

/// The first n principal components, turned by joint diagonalisation of u's levels where the spec asks for it and they
/// are categorical, else at random.
fn linear_maps<F: Scalar>(
    vae: &Vae,
    data: Batch<'_, F>,
    rng: &mut impl Rng,
) -> Result<LinearMaps<F>, LinalgError> {
    let LinearMaps { encode, decode, mean } = principal_maps(vae, data.x.reborrow())?;
    let n = encode.ncols();
    if let (Start::Ajd, AuxRows::Levels(levels)) = (vae.start, data.u) {
        let z = (&data.x - &mean).dot(&encode);
        if let Ok(found) = Ajd::default().fit(z.view(), levels)
            && found.unmixing.nrows() == n
        {
            let (encode, decode) = (encode.dot(&found.unmixing.t()), found.mixing.t().dot(&decode));
            return Ok(LinearMaps { encode, decode, mean });
        }
    }
    let draw = Array2::from_shape_simple_fn((n, n), || F::of(rng.sample::<f64, _>(StandardNormal)));
    let rotation = linalg::qr(draw.view())?.q; // [n, n]
    Ok(LinearMaps { encode: encode.dot(&rotation), decode: rotation.t().dot(&decode), mean })
}

/// The first n principal components of unit variance. In whitened data they are the first n columns: their covariance
/// is the identity, and says no more which directions were large.
fn principal_maps<F: Scalar>(vae: &Vae, x: ArrayView2<'_, F>) -> Result<LinearMaps<F>, LinalgError> {
    let (n, d) = (vae.latents.min(vae.observed), vae.observed);
    let rows = F::of(x.nrows() as f64);
    let mean = x.sum_axis(Axis(0)) / rows;
    if vae.whitened {
        let eye =
            |rows, cols| Array2::from_shape_fn((rows, cols), |(i, j)| F::of(f64::from(u8::from(i == j))));
        return Ok(LinearMaps { encode: eye(d, n), decode: eye(n, d), mean });
    }
    let centred = &x - &mean;
    let covariance = centred.t().dot(&centred) / rows;
    let eigh = linalg::eigh(covariance.view())?;
    // Component i has the i-th largest variance.
    let std = Array1::from_shape_fn(n, |i| eigh.values[d - 1 - i].max(F::of(1e-12)).sqrt());
    let vectors = Array2::from_shape_fn((d, n), |(j, i)| eigh.vectors[[j, d - 1 - i]]);
    Ok(LinearMaps { encode: &vectors / &std, decode: (&vectors * &std).reversed_axes(), mean })
}

fn set_linear_parts<F: Scalar>(vae: &Vae, params: &mut [F], maps: &LinearMaps<F>) {
    if let Some(Source::Net(mlp)) = vae.posterior.blocks.first().map(|b| &b.source) {
        set_linear_part(mlp, params, &maps.encode, &maps.mean.dot(&maps.encode).mapv(|v| -v));
    }
    if let Some(Source::Net(mlp)) = vae.likelihood.blocks.first().map(|b| &b.source) {
        set_linear_part(mlp, params, &maps.decode, &maps.mean);
    }
}

/// Turn a decoder to the mean of binary x `[N, d]` into one to its logits: at z = 0 they are the log-odds of each
/// column, and where the mean p moves by δ they move by δ / (p (1 − p)).
fn set_log_odds<F: Scalar>(vae: &Vae, params: &mut [F], x: ArrayView2<'_, F>) {
    let Some(Source::Net(mlp)) = vae.likelihood.blocks.first().map(|b| &b.source) else { return };
    let Some(last) = mlp.layers.last() else { return };
    let rows = x.nrows() as f64;
    for (j, column) in x.columns().into_iter().enumerate() {
        let ones = column.iter().map(|v| v.f64()).sum::<f64>();
        let p = (ones + 1.0) / (rows + 2.0); // never 0 or 1
        last.bias.view_mut(params)[[0, j]] = F::of((p / (1.0 - p)).ln());
        if vae.start != Start::Random {
            let mut linear = mlp.skip.as_ref().unwrap_or(last).dense.view_mut(params);
            linear.column_mut(j).mapv_inplace(|w| w * F::of((p * (1.0 - p)).recip()));
        }
    }
}

/// Make `mlp` the affine map x `weight` + `bias` in its first columns and 0 in the others, plus a small network.
fn set_linear_part<F: Scalar>(mlp: &Mlp, params: &mut [F], weight: &Array2<F>, bias: &Array1<F>) {
    let Some(last) = mlp.layers.last() else { return };
    last.dense.view_mut(params).mapv_inplace(|v| v * F::of(NET_SCALE));
    let (rows, cols) = weight.dim();
    let mut linear = mlp.skip.as_ref().unwrap_or(last).dense.view_mut(params);
    linear.fill(F::zero());
    columns_mut(&mut top_mut(&mut linear, rows), 0..cols).assign(weight);
    columns_mut(&mut last.bias.view_mut(params), 0..cols).assign(bias);
}

/// Start a prior that is a table at the moments of `z` `[N, n]` within each level of u.
pub(crate) fn set_table<F: Scalar>(
    prior: &Theta,
    family: Family,
    form: GaussianForm,
    params: &mut [F],
    z: ArrayView2<'_, F>,
    u: AuxRows<'_, F>,
) {
    let (Some(Source::Table(slot)), AuxRows::Levels(levels)) = (prior.blocks.first().map(|b| &b.source), u)
    else {
        return;
    };
    let Moments { mean, variance } = moments(z, levels, slot.rows);
    write_table(params, *slot, family, form, &mean, &variance);
}

struct Moments {
    mean: Array2<f64>,     // [M, n]
    variance: Array2<f64>, // [M, n]
}

/// Mean and variance of z in each level, shrunk towards the pooled ones as by [`PSEUDO_ROWS`] rows of them.
fn moments<F: Scalar>(z: ArrayView2<'_, F>, levels: &[u32], m: usize) -> Moments {
    let n = z.ncols();
    let mut count = vec![0.0; m];
    let (mut sum, mut square) = (Array2::<f64>::zeros((m, n)), Array2::<f64>::zeros((m, n)));
    for (row, &level) in z.rows().into_iter().zip(levels) {
        count[level as usize] += 1.0;
        for (i, &v) in row.iter().enumerate() {
            sum[[level as usize, i]] += v.f64();
            square[[level as usize, i]] += v.f64() * v.f64();
        }
    }
    let all = z.nrows().max(1) as f64;
    let (pooled_sum, pooled_square) = (sum.sum_axis(Axis(0)) / all, square.sum_axis(Axis(0)) / all);
    let mut out = Moments { mean: Array2::zeros((m, n)), variance: Array2::zeros((m, n)) };
    for u in 0..m {
        for i in 0..n {
            let rows = count[u] + PSEUDO_ROWS;
            let mean = (sum[[u, i]] + PSEUDO_ROWS * pooled_sum[i]) / rows;
            let second = (square[[u, i]] + PSEUDO_ROWS * pooled_square[i]) / rows;
            out.mean[[u, i]] = mean;
            out.variance[[u, i]] = (second - mean * mean).max(LEAST_VARIANCE);
        }
    }
    out
}

fn write_table<F: Scalar>(
    params: &mut [F],
    slot: Slot,
    family: Family,
    form: GaussianForm,
    mean: &Array2<f64>,
    variance: &Array2<f64>,
) {
    let n = mean.ncols();
    let mut table = slot.view_mut(params);
    for u in 0..mean.nrows() {
        for i in 0..n {
            let (m, v) = (F::of(mean[[u, i]]), F::of(family.log_scale(variance[[u, i]])));
            match form {
                GaussianForm::MeanVar => {
                    table[[u, i]] = m;
                    table[[u, n + i]] = v;
                }
                GaussianForm::Var => table[[u, i]] = v,
                GaussianForm::Mean => table[[u, i]] = m,
            }
        }
    }
}
