//! [`TrainedModel`]: what every trained model can do.

use std::fmt::Debug;

use ivae_nn::Input;
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::arrays::NamedArray;
use crate::batch::Batch;
use crate::error::ModelError;
use crate::posterior::Posterior;
use crate::theory::ModelFacts;
use ivae_data::Scaler;

/// Log-likelihood per row, in nats and in x's own units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LogLikelihood {
    /// Evidence lower bound (one sample per row), mean over rows; of a flow, the exact value.
    pub elbo: f64,
    /// Importance-weighted bound (Burda et al. 2016), mean over rows; of a flow, the exact value.
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

/// Whether an operation reads u.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Never.
    Never,
    /// Where it is given.
    IfGiven,
    /// Always.
    Always,
}

/// What every trained model can do. x is scaled as the model was trained on it, and u is in the model's own levels; the
/// latents are those before a linear step. [`Fitted`](crate::Fitted) takes care of all three.
pub trait TrainedModel<F: Scalar>: Debug + Send + Sync {
    /// What kind of model it is, for messages.
    fn kind(&self) -> &'static str;

    /// Whether [`encode`](Self::encode) reads u.
    fn encoding_needs(&self) -> Need {
        Need::Never
    }

    /// Whether [`sample`](Self::sample) and [`log_likelihood`](Self::log_likelihood) read u.
    fn density_needs(&self) -> Need {
        Need::Never
    }

    /// Whether [`posterior`](Self::posterior) reads u.
    fn posterior_needs(&self) -> Need {
        self.encoding_needs()
    }

    /// Check that scaled x `[N, d]` lies in the support of p(x|z).
    ///
    /// # Errors
    /// The first value outside it.
    fn check_x(&self, x: ArrayView2<'_, F>) -> Result<(), ModelError> {
        let _ = x;
        Ok(())
    }

    /// The latents of every row, `[N, n]`: posterior means.
    fn encode(&self, batch: Batch<'_, F>) -> Array2<F>;

    /// The mean of scaled x given the latents `[N, n]`, `[N, d]`.
    fn decode(&self, z: ArrayView2<'_, F>) -> Array2<F>;

    /// Draw z ~ p(z|u) and x ~ p(x|z), one for each of `rows` rows of u.
    ///
    /// # Errors
    /// A model without a distribution.
    fn sample(&self, u: Input<'_, F>, rows: usize, key: StreamKey) -> Result<Samples<F>, ModelError> {
        let _ = (u, rows, key);
        unsupported(self.kind(), "draw samples")
    }

    /// The posterior of every row.
    ///
    /// # Errors
    /// A model without a posterior.
    fn posterior(&self, batch: Batch<'_, F>) -> Result<Posterior<F>, ModelError> {
        let _ = batch;
        unsupported(self.kind(), "give a posterior")
    }

    /// The posterior of every row where x in its own units, `x` `[N, d]`, has noise of the variances `noise` `[d]`;
    /// `batch` has the scaled rows.
    ///
    /// # Errors
    /// A model that has learned its own noise, or has none.
    fn posterior_at_noise(
        &self,
        batch: Batch<'_, F>,
        x: ArrayView2<'_, F>,
        noise: ArrayView1<'_, F>,
        scaler: &Scaler<F>,
    ) -> Result<Posterior<F>, ModelError> {
        let _ = (batch, x, noise, scaler);
        unsupported(self.kind(), "take the noise of x as given")
    }

    /// Mean log-likelihood of the rows of scaled x in nats, by `importance` samples per row where it is a bound.
    ///
    /// # Errors
    /// A model without a density of x.
    fn log_likelihood(
        &self,
        batch: Batch<'_, F>,
        importance: usize,
        key: StreamKey,
    ) -> Result<LogLikelihood, ModelError> {
        let _ = (batch, importance, key);
        unsupported(self.kind(), "give a likelihood of x")
    }

    /// Whether the model has a density of x.
    fn has_density(&self) -> bool {
        false
    }

    /// T(z) of the latents `[N, n]`, side by side, where the prior depends on u; else the latents.
    fn statistics(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        z.to_owned()
    }

    /// The arrays that [`Recipe::load`](super::Recipe::load) reads.
    fn arrays(&self) -> Vec<NamedArray<F>>;

    /// Columns of the scaled x.
    fn scaled_columns(&self) -> usize;

    /// What was chosen in the fit and is needed to load the model, beside its spec.
    fn choice(&self) -> Option<toml::Table> {
        None
    }

    /// The model as theory asks about it; `None` for one that makes no claim of identifiability.
    fn describe(&self) -> Option<ModelFacts<'_, F>> {
        None
    }

    /// A copy.
    fn clone_box(&self) -> Box<dyn TrainedModel<F>>;
}

/// The error of an operation that a kind of model does not have.
fn unsupported<T>(model: &'static str, what: &'static str) -> Result<T, ModelError> {
    Err(ModelError::Unsupported { model, what })
}

impl<F: Scalar> Clone for Box<dyn TrainedModel<F>> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}
