//! A fitted model as a distribution: samples of p(x, z|u), and the likelihood of data.

use ivae_data::{Aux, Dataset};
use ivae_expfam::{Gaussian, GaussianForm, Reparam};
use ivae_num::{Purpose, Scalar, StreamKey, stream};
use ndarray::Array2;
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::error::ModelError;
use crate::estimator::{AuxRows, Batch, Estimator};
use crate::exact::Exact;
use crate::fitted::{AsRows, CHUNK, Fitted, Model, chunks, exact_mixture};
use crate::slices::{rows, rows_mut, top};
use crate::vae::{AuxShape, Vae};

/// Log-likelihood per row, in nats and in x's own units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LogLikelihood {
    /// Evidence lower bound (one sample per row, closed-form KL), mean over rows; of a bijective model, the exact value.
    pub elbo: f64,
    /// Importance-weighted bound (Burda et al. 2016), mean over rows; of a bijective model, the exact value.
    pub iwae: f64,
}

/// Samples of a model.
#[derive(Debug, Clone)]
pub struct Samples<F> {
    /// Latents, `[N, n]`, as [`Fitted::transform`] gives them.
    pub z: Array2<F>,
    /// Observations, `[N, d]`.
    pub x: Array2<F>,
}

impl<F: Scalar> Fitted<F> {
    /// Draw z ~ p(z|u) and x ~ p(x|z), noise included, one for each row of `u` (or `count` where the prior needs no u).
    /// A bijective model of a code draws the code, the noise in it included, and adds Gaussian noise of the variance that
    /// the code loses.
    ///
    /// # Errors
    /// A linear model, which has no distribution; or a u that does not fit the model.
    pub fn sample(&self, u: &Aux<F>, count: usize, seed: u64) -> Result<Samples<F>, ModelError> {
        let count = u.rows().unwrap_or(count);
        let rows = Dataset { x: Array2::zeros((count, 0)), x_names: Vec::new(), u: u.clone(), s: None };
        let u = |shape| self.aux(&rows, (shape != AuxShape::None).then_some("sampling"));
        let key = StreamKey::new(seed, Purpose::Sample);
        let Samples { z, x } = match &self.model {
            Model::Vae { net, params } => sample_vae(net, params, u(net.aux)?.view(), count, key),
            Model::Exact { code, net, params } => {
                sample_exact(code.as_deref(), net, params, u(net.aux)?.view(), count, key)
            }
            Model::Linear(_) => {
                return Err(ModelError::Unsupported { model: self.spec.model.name(), what: "draw samples" });
            }
        };
        Ok(Samples { z: self.after_step(z), x: self.scaler.invert(x.view()) })
    }

    /// ELBO and importance-weighted bound with `importance` samples per row, in nats per row of x in its own units.
    ///
    /// # Errors
    /// A linear model, which has no density; or x or u that do not fit the model.
    pub fn log_likelihood(
        &self,
        data: &Dataset<F>,
        importance: usize,
        seed: u64,
    ) -> Result<LogLikelihood, ModelError> {
        self.check_x(data.x.view())?;
        let u = |shape| self.aux(data, (shape != AuxShape::None).then_some("the likelihood"));
        let x = self.scaler.apply(data.x.view());
        let batch = CHUNK.min(x.nrows().max(1));
        let LogLikelihood { elbo, iwae } = match &self.model {
            Model::Vae { net, params } => {
                let u = u(net.aux)?;
                let rows = Batch { x: x.view(), u: u.view() };
                net.bounds(params, rows, importance, StreamKey::new(seed, Purpose::HeldOut))
            }
            Model::Exact { code: Some(_), .. } => {
                return Err(ModelError::Unsupported {
                    model: "bijective model of a code",
                    what: "give a likelihood of x, which lies on a manifold of fewer dimensions",
                });
            }
            Model::Exact { code: None, net, params } => {
                let u = u(net.aux)?;
                let mut ws = Estimator::<F>::workspace(net, batch);
                let exact =
                    chunks(x.view(), u.view()).map(|(_, b)| net.forward(params, b, &mut ws).objective).sum();
                LogLikelihood { elbo: exact, iwae: exact }
            }
            Model::Linear(_) => {
                return Err(ModelError::Unsupported {
                    model: self.spec.model.name(),
                    what: "give a likelihood",
                });
            }
        };
        let (n, log_det) = (x.nrows().max(1) as f64, self.scaler.log_abs_det());
        Ok(LogLikelihood { elbo: elbo / n + log_det, iwae: iwae / n + log_det })
    }
}

fn normals<F: Scalar>(count: usize, columns: usize, key: StreamKey) -> Array2<F> {
    let mut noise = Array2::zeros((count, columns));
    if let Some(flat) = noise.as_slice_mut() {
        stream::fill_normal(flat, columns, key);
    }
    noise
}

/// z ~ p(z|u) and scaled x ~ p(x|z), 0 or 1 where it is binary.
fn sample_vae<F: Scalar>(
    net: &Vae,
    params: &[F],
    u: AuxRows<'_, F>,
    count: usize,
    key: StreamKey,
) -> Samples<F> {
    let (n, d) = (net.latents, net.observed);
    let (noise_z, noise_x) = (normals(count, n, key.step(0)), normals(count, d, key.step(1)));
    let (mut z, mut x) = (Array2::zeros((count, n)), Array2::zeros((count, d)));
    let mut ws = Estimator::<F>::workspace(net, CHUNK.min(count.max(1)));
    let (likelihood, nothing) = (Gaussian { form: GaussianForm::MeanVar }, Array2::zeros((count, 0)));
    for (start, batch) in chunks(nothing.view(), u.reborrow()) {
        let b = batch.rows();
        let range = start..start + b;
        net.prior_parameters(params, batch.u, b, &mut ws);
        let noise = rows(noise_z.view(), range.clone());
        net.prior_density().sample(rows_mut(&mut z, range.clone()), top(&ws.theta_p, b), noise);
        net.decode(params, rows(z.view(), range.clone()), &mut ws);
        let x = rows_mut(&mut x, range.clone());
        match net.binary {
            true => {
                let mut p = x;
                net.likelihood_mean(p.view_mut(), &ws);
                let mut rng = key.step(2).block(start as u64).rng();
                p.mapv_inplace(|p| F::of(f64::from(u8::from(rng.random::<f64>() < p.f64()))));
            }
            false => likelihood.sample(x, top(&ws.theta_x, b), rows(noise_x.view(), range)),
        }
    }
    Samples { z, x }
}

/// z ~ p(z|u) and scaled x = f(z); where the model is of a code, with what that loses of x.
fn sample_exact<F: Scalar>(
    code: Option<&Code<F>>,
    net: &Exact,
    params: &[F],
    u: AuxRows<'_, F>,
    count: usize,
    key: StreamKey,
) -> Samples<F> {
    let mut z = Array2::zeros((count, net.latents));
    let mut ws = Estimator::<F>::workspace(net, CHUNK.min(count.max(1)));
    let nothing = Array2::zeros((count, 0));
    for (start, batch) in chunks(nothing.view(), u.reborrow()) {
        let range = start..start + batch.rows();
        net.prior_parameters(params, batch.u, batch.rows(), &mut ws);
        let theta = top(&ws.theta_p, batch.rows());
        net.family.sample(net.prior_form, rows_mut(&mut z, range), theta, key.step(start as u64));
    }
    let mut x = exact_mixture(code, net, params, z.view());
    if let Some(code) = code {
        let lost = normals(count, x.ncols(), key.restart(1));
        x += &(lost * code.lost().mapv(F::sqrt));
    }
    Samples { z, x }
}
