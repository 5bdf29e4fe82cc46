//! [`Fitted`]: a model with its parameters, and everything one can ask it.

use ivae_data::{Aux, Dataset, Split};
use ivae_expfam::{Gaussian, GaussianForm, Reparam};
use ivae_num::{Purpose, Scalar, StreamKey, stream};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::estimator::{AuxRows, Batch, Estimator};
use crate::linear::LinearMap;
use crate::report::FitReport;
use crate::scaler::Scaler;
use crate::slices::{columns, rows, rows_mut, top};
use crate::spec::{FitSpec, KlTerm};
use crate::trainer::EpochRecord;
use crate::vae::{AuxShape, Vae};

/// Rows that inference works on at a time.
const CHUNK: usize = 1024;

/// The columns of the data a model was fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Names of the columns of x, `[d]`.
    pub x: Vec<String>,
    /// What u is.
    pub u: AuxSchema,
}

/// What u is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuxSchema {
    /// There is none.
    None,
    /// Categorical, with these levels.
    Levels(Vec<String>),
    /// Continuous, with these columns.
    Continuous(Vec<String>),
}

impl Schema {
    /// The columns of `data`.
    pub fn of<F>(data: &Dataset<F>) -> Self {
        let u = match &data.u {
            Aux::None => AuxSchema::None,
            Aux::Levels(levels) => AuxSchema::Levels(levels.names.clone()),
            Aux::Continuous { names, .. } => AuxSchema::Continuous(names.clone()),
        };
        Self { x: data.x_names.clone(), u }
    }

    /// The shape of u.
    pub fn aux(&self) -> AuxShape {
        match &self.u {
            AuxSchema::None => AuxShape::None,
            AuxSchema::Levels(names) => AuxShape::Levels(names.len()),
            AuxSchema::Continuous(names) => AuxShape::Continuous(names.len()),
        }
    }
}

/// The fitted part of a [`Fitted`].
#[derive(Debug, Clone)]
pub enum Model<F> {
    /// A variational autoencoder and its parameters.
    Vae {
        /// The network.
        net: Vae,
        /// Its parameters.
        params: Vec<F>,
    },
    /// A linear map.
    Linear(LinearMap<F>),
}

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Fitted<F> {
    /// What was asked.
    pub spec: FitSpec,
    /// What the data looked like.
    pub schema: Schema,
    /// How x is scaled.
    pub scaler: Scaler<F>,
    /// The model.
    pub model: Model<F>,
    /// Which rows trained and which were held out.
    pub split: Split,
    /// All epochs of all restarts.
    pub history: Vec<EpochRecord>,
    /// What the fit says about itself.
    pub report: FitReport,
}

/// Log-likelihood per row, in nats and in x's own units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LogLikelihood {
    /// Evidence lower bound (one sample per row, closed-form KL), mean over rows.
    pub elbo: f64,
    /// Importance-weighted bound (Burda et al. 2016), mean over rows.
    pub iwae: f64,
}

/// Samples of a model.
#[derive(Debug, Clone)]
pub struct Samples<F> {
    /// Latents, `[N, n]`.
    pub z: Array2<F>,
    /// Observations, `[N, d]`.
    pub x: Array2<F>,
}

impl<F: Scalar> Fitted<F> {
    /// The latents of every row: the posterior mean `[N, n]`.
    ///
    /// # Errors
    /// x or u that do not fit the model, or no u where the encoder sees it.
    pub fn transform(&self, data: &Dataset<F>) -> Result<Array2<F>, ModelError> {
        self.check_x(data.x.view())?;
        let (net, params) = match &self.model {
            Model::Linear(map) => return Ok(map.transform(data.x.view())),
            Model::Vae { net, params } => (net, params),
        };
        let u = self.aux(data, net.sees_u().then_some("inference"))?;
        let x = self.scaler.apply(data.x.view());
        let mut z = Array2::zeros((x.nrows(), net.latents));
        let mut ws = Estimator::<F>::workspace(net, CHUNK.min(x.nrows().max(1)));
        let q = Gaussian { form: GaussianForm::MeanVar };
        for (start, batch) in chunks(x.view(), u.view()) {
            net.encode(params, batch, &mut ws);
            let b = batch.rows();
            q.mean(rows_mut(&mut z, start..start + b), top(&ws.theta_q, b));
        }
        Ok(z)
    }

    /// The mean of p(x|z) for latents z `[N, n]`: `[N, d]`, in x's own units.
    ///
    /// # Errors
    /// z with another number of columns than the model has latents.
    pub fn inverse_transform(&self, z: ArrayView2<'_, F>) -> Result<Array2<F>, ModelError> {
        if z.ncols() != self.spec.latents {
            return Err(ModelError::Columns { expected: self.spec.latents, found: z.ncols() });
        }
        let (net, params) = match &self.model {
            Model::Linear(map) => return Ok(map.inverse_transform(z)),
            Model::Vae { net, params } => (net, params),
        };
        let mut x = Array2::zeros((z.nrows(), net.observed));
        let mut ws = Estimator::<F>::workspace(net, CHUNK.min(z.nrows().max(1)));
        for start in (0..z.nrows()).step_by(CHUNK) {
            let end = (start + CHUNK).min(z.nrows());
            net.decode(params, rows(z, start..end), &mut ws);
            let mean = columns(top(&ws.theta_x, end - start), 0..net.observed);
            rows_mut(&mut x, start..end).assign(&mean);
        }
        Ok(self.scaler.invert(x.view()))
    }

    /// x through the latents and back: `[N, d]`.
    ///
    /// # Errors
    /// As [`transform`](Self::transform).
    pub fn reconstruct(&self, data: &Dataset<F>) -> Result<Array2<F>, ModelError> {
        self.inverse_transform(self.transform(data)?.view())
    }

    /// Draw z ~ p(z|u) and x ~ p(x|z), noise included, one for each row of `u` (or `count` where the prior needs no u).
    ///
    /// # Errors
    /// A linear model, which has no distribution; or a u that does not fit the model.
    pub fn sample(&self, u: &Aux<F>, count: usize, seed: u64) -> Result<Samples<F>, ModelError> {
        let Model::Vae { net, params } = &self.model else {
            return Err(ModelError::Unsupported { model: self.spec.model.name(), what: "draw samples" });
        };
        let count = u.rows().unwrap_or(count);
        let empty = Dataset { x: Array2::zeros((count, 0)), x_names: Vec::new(), u: u.clone(), s: None };
        let u = self.aux(&empty, (net.aux != AuxShape::None).then_some("sampling"))?;
        let (n, d) = (net.latents, net.observed);
        let key = StreamKey::new(seed, Purpose::Sample);
        let normals = |columns: usize, step: u64| {
            let mut noise = Array2::<F>::zeros((count, columns));
            if let Some(flat) = noise.as_slice_mut() {
                stream::fill_normal(flat, columns, key.step(step));
            }
            noise
        };
        let (noise_z, noise_x) = (normals(n, 0), normals(d, 1));
        let (mut z, mut x) = (Array2::zeros((count, n)), Array2::zeros((count, d)));
        let mut ws = Estimator::<F>::workspace(net, CHUNK.min(count.max(1)));
        let likelihood = Gaussian { form: GaussianForm::MeanVar };
        for (start, batch) in chunks(empty.x.view(), u.view()) {
            let b = batch.rows();
            let range = start..start + b;
            net.prior_parameters(params, batch.u, b, &mut ws);
            let theta_p = top(&ws.theta_p, b);
            net.prior_density().sample(rows_mut(&mut z, range.clone()), theta_p, rows(noise_z.view(), range.clone()));
            net.decode(params, rows(z.view(), range.clone()), &mut ws);
            let noise = rows(noise_x.view(), range.clone());
            likelihood.sample(rows_mut(&mut x, range), top(&ws.theta_x, b), noise);
        }
        Ok(Samples { z, x: self.scaler.invert(x.view()) })
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
        let Model::Vae { net, params } = &self.model else {
            return Err(ModelError::Unsupported { model: self.spec.model.name(), what: "give a likelihood" });
        };
        self.check_x(data.x.view())?;
        let u = self.aux(data, (net.aux != AuxShape::None).then_some("the likelihood"))?;
        let x = self.scaler.apply(data.x.view());
        let mut ws = Estimator::<F>::workspace(net, CHUNK.min(x.nrows().max(1)));
        let (mut elbo, mut iwae) = (0.0, 0.0);
        let key = StreamKey::new(seed, Purpose::HeldOut);
        for (start, batch) in chunks(x.view(), u.view()) {
            let b = batch.rows();
            let mut weights = vec![LogSumExp::default(); b];
            for k in 0..importance.max(1) as u64 {
                net.draw_noise(&mut ws, b, key.step(k << 32 | start as u64));
                if k == 0 {
                    elbo += net.forward(params, batch, KlTerm::Closed, &mut ws).objective;
                }
                net.forward(params, batch, KlTerm::Sampled, &mut ws);
                for (i, w) in weights.iter_mut().enumerate() {
                    w.add(ws.log_px[i].f64() - ws.kl[i].f64());
                }
            }
            iwae += weights.iter().map(|w| w.value() - (importance.max(1) as f64).ln()).sum::<f64>();
        }
        let (n, log_det) = (x.nrows().max(1) as f64, self.scaler.log_abs_det());
        Ok(LogLikelihood { elbo: elbo / n + log_det, iwae: iwae / n + log_det })
    }

    fn check_x(&self, x: ArrayView2<'_, F>) -> Result<(), ModelError> {
        if x.ncols() != self.schema.x.len() {
            return Err(ModelError::Columns { expected: self.schema.x.len(), found: x.ncols() });
        }
        match x.indexed_iter().find(|(_, v)| !v.is_finite()) {
            Some(((row, column), v)) => Err(ModelError::NotFinite { row, column, value: v.f64() }),
            None => Ok(()),
        }
    }

    /// u of `data` in the model's own levels; an error where it is needed (for what is said) and missing.
    fn aux(&self, data: &Dataset<F>, needed: Option<&'static str>) -> Result<Aux<F>, ModelError> {
        let Some(purpose) = needed else { return Ok(Aux::None) };
        match (&self.schema.u, &data.u) {
            (_, Aux::None) => Err(ModelError::NeedsU(purpose)),
            (_, u) if u.rows().is_some_and(|rows| rows != data.x.nrows()) => {
                Err(ModelError::Rows { x: data.x.nrows(), u: u.rows().unwrap_or(0) })
            }
            (AuxSchema::Levels(names), Aux::Levels(levels)) => match levels.aligned(names) {
                Ok(levels) => Ok(Aux::Levels(levels)),
                Err(error) => Err(ModelError::UnknownLevel(error)),
            },
            (AuxSchema::Continuous(names), Aux::Continuous { values, .. }) => match values.ncols() {
                m if m == names.len() => Ok(data.u.clone()),
                m => Err(ModelError::KindOfU {
                    expected: format!("{} continuous columns of", names.len()),
                    found: format!("{m} columns of"),
                }),
            },
            (expected, found) => Err(ModelError::KindOfU {
                expected: match expected {
                    AuxSchema::None => "no".into(),
                    AuxSchema::Levels(_) => "categorical".into(),
                    AuxSchema::Continuous(_) => "continuous".into(),
                },
                found: match found {
                    Aux::Levels(_) => "categorical".into(),
                    _ => "continuous".into(),
                },
            }),
        }
    }
}

/// Σ exp on a log scale, one term after the other.
#[derive(Debug, Clone, Copy)]
struct LogSumExp {
    max: f64,
    sum: f64,
}

impl Default for LogSumExp {
    fn default() -> Self {
        Self { max: f64::NEG_INFINITY, sum: 0.0 }
    }
}

impl LogSumExp {
    fn add(&mut self, v: f64) {
        if v > self.max {
            self.sum = self.sum * (self.max - v).exp() + 1.0;
            self.max = v;
        } else {
            self.sum += (v - self.max).exp();
        }
    }

    fn value(self) -> f64 {
        self.max + self.sum.ln()
    }
}

/// Borrowing an [`Aux`] as rows.
trait AsRows<F> {
    fn view(&self) -> AuxRows<'_, F>;
}

impl<F: Scalar> AsRows<F> for Aux<F> {
    fn view(&self) -> AuxRows<'_, F> {
        match self {
            Aux::None => AuxRows::None,
            Aux::Levels(levels) => AuxRows::Levels(&levels.index),
            Aux::Continuous { values, .. } => AuxRows::Continuous(values.view()),
        }
    }
}

/// Batches of [`CHUNK`] rows with the row each starts at.
fn chunks<'a, F: Scalar>(
    x: ArrayView2<'a, F>,
    u: AuxRows<'a, F>,
) -> impl Iterator<Item = (usize, Batch<'a, F>)> {
    let all = Batch { x, u };
    (0..x.nrows()).step_by(CHUNK).map(move |start| (start, all.slice(start, (start + CHUNK).min(x.nrows()))))
}
