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
    if vae.start != WarmStart::Random
        && let Ok(maps) = linear_maps(vae, data.reborrow(), rng)
    {
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
    if let (WarmStart::Ajd, Some(levels)) = (vae.start, data.u.levels) {
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
    if vae.is_whitened {
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
    if let Some(mlp) = vae.encoder.mean_net() {
        set_linear_part(mlp, params, &maps.encode, &maps.mean.dot(&maps.encode).mapv(|v| -v));
    }
    if let Some(mlp) = vae.decoder.net() {
        set_linear_part(mlp, params, &maps.decode, &maps.mean);
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
