//! Starting values beyond random ones: linear maps at the principal components, the prior's table at the moments of levels.

use ivae_ica::Ajd;
use ivae_nn::Mlp;
use ivae_num::{LinalgError, Scalar, linalg};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::Rng;
use rand_distr::StandardNormal;

use super::net::Vae;
use super::spec::WarmStart;
use super::workspace::VaeWorkspace;
use crate::batch::{Batch, BatchBuffer, CHUNK, START_ROWS, spread_rows};
use crate::theta::{Source, ThetaBlock};
use ivae_data::Standardiser;
use ivae_num::slices::{columns_mut, rows_mut, top_mut};

/// The networks beside a linear start begin this much smaller, so that the linear map leads.
const NET_SCALE: f64 = 0.1;

/// Overwrite the randomly drawn `params` where the spec asks for a better start; `ws` is for up to [`CHUNK`] rows.
pub(super) fn warm_start<F: Scalar>(
    vae: &Vae,
    params: &mut [F],
    data: Batch<'_, F>,
    rng: &mut impl Rng,
    ws: &mut VaeWorkspace<F>,
) {
    if data.rows() < 2 {
        return;
    }
    let rows = spread_rows(data.rows(), START_ROWS);
    let mut buffer = BatchBuffer::new(&data, rows.len());
    let data = buffer.gather(&data, &rows);
    // What cannot be decomposed leaves the random start, which is always possible.
    let features = features(vae, data.x.reborrow());
    let read = Batch { x: features.as_ref().map_or(data.x.reborrow(), |f| f.view()), u: data.u.reborrow() };
    if features.is_some() {
        vae.encoder.theta.blocks.iter().for_each(|block| standardise(block, params, read.x));
    }
    if vae.start != WarmStart::Random
        && let Ok(mut maps) = linear_maps(vae, read.reborrow(), rng)
    {
        fit_decoder(vae, &mut maps, data.x.reborrow(), read.x);
        set_linear_parts(vae, params, &maps);
    }
    set_likelihood_start(vae, params, data.x.reborrow());
    let mut z = Array2::zeros((data.rows(), vae.latents));
    for (start, part) in data.parts(CHUNK) {
        let rows = start..start + part.rows();
        vae.encode(params, part, ws);
        vae.encoder.factor_mean(rows_mut(&mut z, rows), &ws.q);
    }
    vae.prior.start(params, z.view(), data.u);
}

/// What the encoder reads in place of x `[N, d]`, `[N, e]`, if it does.
fn features<F: Scalar>(vae: &Vae, x: ArrayView2<'_, F>) -> Option<Array2<F>> {
    let likelihood = vae.decoder.part::<F>();
    let mut features = Array2::zeros((x.nrows(), likelihood.features(x.ncols())?));
    likelihood.write_features(features.view_mut(), x);
    Some(features)
}

/// Let the first layer of a network that reads `x` `[N, e]`, and the linear map past it, act on standardised columns.
fn standardise<F: Scalar>(block: &ThetaBlock, params: &mut [F], x: ArrayView2<'_, F>) {
    let Source::Net(mlp) = &block.source else { return };
    let (Some(first), Some(last), Ok(scale)) =
        (mlp.layers.first(), mlp.layers.last(), Standardiser::fit(x.reborrow()))
    else {
        return;
    };
    for (layer, bias) in std::iter::once((first, first)).chain(mlp.skip.iter().map(|skip| (skip, last))) {
        let mut weight = layer.dense.view_mut(params);
        let mut weight = top_mut(&mut weight, x.ncols()); // below are the rows of u
        for (mut row, &std) in weight.rows_mut().into_iter().zip(&scale.std) {
            row.mapv_inplace(|w| w / std);
        }
        let shift = scale.mean.dot(&weight);
        bias.bias.view_mut(params).row_mut(0).zip_mut_with(&shift, |b, &s| *b -= s);
    }
}

/// Affine maps from what the encoder reads to n latents, and from there to the decoder's outputs.
struct LinearMaps<F> {
    encode: Array2<F>,      // [e, n]
    decode: Array2<F>,      // [n, d]
    mean: Array1<F>,        // [e]
    decode_bias: Array1<F>, // [d]
}

/// Fit the map of the decoder to the likelihood's crude outputs for x `[N, d]`, where it has them, by least squares on
/// the latents of what the encoder reads, `read` `[N, e]`.
fn fit_decoder<F: Scalar>(
    vae: &Vae,
    maps: &mut LinearMaps<F>,
    x: ArrayView2<'_, F>,
    read: ArrayView2<'_, F>,
) {
    let Some(outputs) = vae.decoder.part().crude_outputs(x) else { return };
    let z = (&read - &maps.mean).dot(&maps.encode);
    let mean = outputs.sum_axis(Axis(0)) / F::of(outputs.nrows() as f64);
    if let Ok(slope) = linalg::solve(z.t().dot(&z).view(), z.t().dot(&(outputs - &mean)).view()) {
        (maps.decode, maps.decode_bias) = (slope, mean);
    }
}

/// The first n principal components, turned by joint diagonalisation of u's levels where the spec asks for it and they
/// are categorical, else at random.
fn linear_maps<F: Scalar>(
    vae: &Vae,
    data: Batch<'_, F>,
    rng: &mut impl Rng,
) -> Result<LinearMaps<F>, LinalgError> {
    let LinearMaps { encode, decode, mean, decode_bias } = principal_maps(vae, data.x.reborrow())?;
    let n = encode.ncols();
    if let (WarmStart::Ajd, Some(levels)) = (vae.start, data.u.levels) {
        let z = (&data.x - &mean).dot(&encode);
        if let Ok(found) = Ajd::default().fit(z.view(), levels)
            && found.unmixing.nrows() == n
        {
            let (encode, decode) = (encode.dot(&found.unmixing.t()), found.mixing.t().dot(&decode));
            return Ok(LinearMaps { encode, decode, mean, decode_bias });
        }
    }
    let draw = Array2::from_shape_simple_fn((n, n), || F::of(rng.sample::<f64, _>(StandardNormal)));
    let rotation = linalg::qr(draw.view())?.q; // [n, n]
    Ok(LinearMaps { encode: encode.dot(&rotation), decode: rotation.t().dot(&decode), mean, decode_bias })
}

/// The first n principal components of unit variance. In whitened data they are the first n columns: their covariance
/// is the identity, and says no more which directions were large.
fn principal_maps<F: Scalar>(vae: &Vae, x: ArrayView2<'_, F>) -> Result<LinearMaps<F>, LinalgError> {
    let (n, d) = (vae.latents.min(x.ncols()), x.ncols());
    let rows = F::of(x.nrows() as f64);
    let mean = x.sum_axis(Axis(0)) / rows;
    if vae.is_whitened {
        let eye =
            |rows, cols| Array2::from_shape_fn((rows, cols), |(i, j)| F::of(f64::from(u8::from(i == j))));
        return Ok(LinearMaps { encode: eye(d, n), decode: eye(n, d), decode_bias: mean.clone(), mean });
    }
    let centred = &x - &mean;
    let covariance = centred.t().dot(&centred) / rows;
    let eigh = linalg::eigh(covariance.view())?;
    // Component i has the i-th largest variance.
    let std = Array1::from_shape_fn(n, |i| eigh.values[d - 1 - i].max(F::of(1e-12)).sqrt());
    let vectors = Array2::from_shape_fn((d, n), |(j, i)| eigh.vectors[[j, d - 1 - i]]);
    let (encode, decode) = (&vectors / &std, (&vectors * &std).reversed_axes());
    Ok(LinearMaps { encode, decode, decode_bias: mean.clone(), mean })
}

fn set_linear_parts<F: Scalar>(vae: &Vae, params: &mut [F], maps: &LinearMaps<F>) {
    if let Some(mlp) = vae.encoder.mean_net() {
        set_linear_part(mlp, params, &maps.encode, &maps.mean.dot(&maps.encode).mapv(|v| -v));
    }
    if let Some(mlp) = vae.decoder.net() {
        set_linear_part(mlp, params, &maps.decode, &maps.decode_bias);
    }
}

/// Start a decoder to the mean of x `[N, d]` where its likelihood wants it.
fn set_likelihood_start<F: Scalar>(vae: &Vae, params: &mut [F], x: ArrayView2<'_, F>) {
    let Some((bias, factor)) = vae.decoder.part().start(x) else { return };
    let Some(mlp) = vae.decoder.net() else { return };
    let Some(last) = mlp.layers.last() else { return };
    last.bias.view_mut(params).row_mut(0).assign(&bias);
    if vae.start != WarmStart::Random {
        let mut linear = mlp.skip.as_ref().unwrap_or(last).dense.view_mut(params);
        linear *= &factor;
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
