//! [`Fitted`]: a model with its parameters; latents of data, and data of latents.

use ivae_data::{Aux, Dataset, Split};
use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::code::Code;
use crate::error::ModelError;
use crate::estimator::{AuxRows, Batch, Estimator};
use crate::exact::Exact;
use crate::linear::LinearMap;
use crate::local::Noisy;
use crate::report::FitReport;
use crate::scaler::Scaler;
use crate::slices::{rows, rows_mut, top};
use crate::spec::{CodeKind, FitSpec};
use crate::trainer::EpochRecord;
use crate::vae::{AuxShape, Vae};

/// Rows that inference works on at a time.
pub(crate) const CHUNK: usize = 1024;
/// Fewer where many layers of a bijection keep something of each row.
pub(crate) const FLOW_CHUNK: usize = 256;

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
    /// A bijective model and its parameters.
    Exact {
        /// What stands between x and the bijection, where there are fewer latents than observed directions.
        code: Option<Box<Code<F>>>,
        /// The network.
        net: Exact,
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
    /// What latents go through last, z = step(latents of `model`), where the theorems leave a linear map free; the report
    /// says why.
    pub step: Option<LinearMap<F>>,
    /// Which rows trained and which were held out.
    pub split: Split,
    /// All epochs of all restarts.
    pub history: Vec<EpochRecord>,
    /// What the fit says about itself.
    pub report: FitReport,
}

impl<F: Scalar> Fitted<F> {
    /// The latents of every row: the posterior mean `[N, n]`.
    ///
    /// Of a variational model with a product posterior, that of q(z|x,u) where `data` have u and of q(z|x) where they
    /// have none ([`Vae::posterior_mean`]).
    ///
    /// Of a bijective model of an autoencoder's code, the mode of p(z|x,u) at the noise that it leaves, where `data` have u; of
    /// any bijective model without u, g(x).
    ///
    /// # Errors
    /// x or u that do not fit the model, or no u where the encoder sees it.
    pub fn transform(&self, data: &Dataset<F>) -> Result<Array2<F>, ModelError> {
        self.check_x(data.x.view())?;
        if let Model::Linear(map) = &self.model {
            return Ok(map.transform(data.x.view()));
        }
        let z = self.encode(self.scaler.apply(data.x.view()).view(), data)?;
        Ok(self.after_step(z))
    }

    /// The latents of the model itself, of scaled x and the u of `data`.
    pub(crate) fn encode(&self, x: ArrayView2<'_, F>, data: &Dataset<F>) -> Result<Array2<F>, ModelError> {
        let (net, params) = match &self.model {
            Model::Linear(map) => return Ok(map.transform(x)),
            Model::Exact { code, net, params } => {
                let Some(code) = code else { return Ok(exact_latents(net, params, x)) };
                let z = exact_latents(net, params, code.encode(x).view());
                // The means of an ELBO's encoder have taken the noise into account already.
                if matches!(data.u, Aux::None) || code.kind() == CodeKind::Elbo {
                    return Ok(z);
                }
                let u = self.aux(data, Some("inference"))?;
                let noisy = Noisy { code: Some(code), net, params, scaler: None, noise: code.noise.view() };
                return Ok(noisy.modes(z, x, u.view()));
            }
            Model::Vae { net, params } => (net, params),
        };
        let given = net.uses_u() && !matches!(data.u, Aux::None);
        let u = self.aux(data, (net.sees_u() || given).then_some("inference"))?;
        let mut z = Array2::zeros((x.nrows(), net.latents));
        let mut ws = Estimator::<F>::workspace(net, CHUNK.min(x.nrows().max(1)));
        for (start, batch) in chunks(x, u.view()) {
            let range = start..start + batch.rows();
            net.posterior_mean(rows_mut(&mut z, range), params, batch, &mut ws);
        }
        Ok(z)
    }

    /// Latents `[N, n]` of the model as [`transform`](Self::transform) gives them.
    pub(crate) fn after_step(&self, z: Array2<F>) -> Array2<F> {
        match &self.step {
            Some(step) => step.transform(z.view()),
            None => z,
        }
    }

    /// The mean of p(x|z) for latents z `[N, n]`: `[N, d]`, in x's own units; of binary x, probabilities.
    ///
    /// # Errors
    /// z with another number of columns than the model has latents.
    pub fn inverse_transform(&self, z: ArrayView2<'_, F>) -> Result<Array2<F>, ModelError> {
        if z.ncols() != self.spec.latents {
            return Err(ModelError::Columns { expected: self.spec.latents, found: z.ncols() });
        }
        let before_step = self.step.as_ref().map(|step| step.inverse_transform(z));
        let z = before_step.as_ref().map_or(z, |z| z.view());
        let (net, params) = match &self.model {
            Model::Linear(map) => return Ok(map.inverse_transform(z)),
            Model::Exact { code, net, params } => {
                let x = exact_mixture(code.as_deref(), net, params, z);
                return Ok(self.scaler.invert(x.view()));
            }
            Model::Vae { net, params } => (net, params),
        };
        let mut x = Array2::zeros((z.nrows(), net.observed));
        let mut ws = Estimator::<F>::workspace(net, CHUNK.min(z.nrows().max(1)));
        for start in (0..z.nrows()).step_by(CHUNK) {
            let end = (start + CHUNK).min(z.nrows());
            net.decode(params, rows(z, start..end), &mut ws);
            net.likelihood_mean(rows_mut(&mut x, start..end), &ws);
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

    pub(crate) fn check_x(&self, x: ArrayView2<'_, F>) -> Result<(), ModelError> {
        if x.ncols() != self.schema.x.len() {
            return Err(ModelError::Columns { expected: self.schema.x.len(), found: x.ncols() });
        }
        match x.indexed_iter().find(|(_, v)| !v.is_finite()) {
            Some(((row, column), v)) => Err(ModelError::NotFinite { row, column, value: v.f64() }),
            None => Ok(()),
        }
    }

    /// u of `data` in the model's own levels; an error where it is needed (for what is said) and missing.
    pub(crate) fn aux(&self, data: &Dataset<F>, needed: Option<&'static str>) -> Result<Aux<F>, ModelError> {
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

/// g(x) of scaled x `[N, n]`.
pub(crate) fn exact_latents<F: Scalar>(net: &Exact, params: &[F], x: ArrayView2<'_, F>) -> Array2<F> {
    let mut z = Array2::zeros(x.dim());
    let mut ws = Estimator::<F>::workspace(net, FLOW_CHUNK.min(x.nrows().max(1)));
    for (start, batch) in (Batch { x, u: AuxRows::None }).parts(FLOW_CHUNK) {
        net.encode(params, batch.x, &mut ws);
        rows_mut(&mut z, start..start + batch.rows()).assign(&top(&ws.z, batch.rows()));
    }
    z
}

/// Scaled f(z) of z `[N, n]`.
pub(crate) fn exact_mixture<F: Scalar>(
    code: Option<&Code<F>>,
    net: &Exact,
    params: &[F],
    z: ArrayView2<'_, F>,
) -> Array2<F> {
    let mut x = Array2::zeros(z.dim());
    let mut ws = Estimator::<F>::workspace(net, CHUNK.min(z.nrows().max(1)));
    for start in (0..z.nrows()).step_by(CHUNK) {
        let range = start..(start + CHUNK).min(z.nrows());
        net.decode(rows_mut(&mut x, range.clone()), params, rows(z, range), &mut ws);
    }
    match code {
        Some(code) => code.decode(x.view()),
        None => x,
    }
}

/// Borrowing an [`Aux`] as rows.
pub(crate) trait AsRows<F> {
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
pub(crate) fn chunks<'a, F: Scalar>(
    x: ArrayView2<'a, F>,
    u: AuxRows<'a, F>,
) -> impl Iterator<Item = (usize, Batch<'a, F>)> {
    Batch { x, u }.parts(CHUNK)
}
