//! [`Fitted`]: a trained model with what it needs to read data as they are given.

use ivae_data::{Aux, Dataset, Split};
use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{Array2, Array3, ArrayView1, ArrayView2};

use super::schema::Schema;
use crate::batch::{Batch, aux_input};
use crate::error::ModelError;
use crate::model::linear::LinearMap;
use crate::model::{LogLikelihood, Need, Samples, TrainedModel};
use crate::posterior::Posterior;
use crate::report::FitReport;
use crate::spec::FitSpec;
use crate::train::EpochRecord;
use ivae_data::Scaler;

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Fitted<F: Scalar> {
    /// What was asked.
    pub spec: FitSpec,
    /// What the data looked like.
    pub schema: Schema,
    /// How x is scaled.
    pub scaler: Scaler<F>,
    /// The model.
    pub model: Box<dyn TrainedModel<F>>,
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
    /// For a variational model with a product posterior: the mean of q(z|x,u) if `data` have u, otherwise of q(z|x). For a
    /// flow on an autoencoder's bottleneck: the posterior mode under the residual noise if `data` have u, otherwise g(x).
    /// For a flow of x itself: g(x).
    ///
    /// # Errors
    /// x or u that do not fit the model, or no u where the encoder reads it.
    pub fn transform(&self, data: &Dataset<F>) -> Result<Array2<F>, ModelError> {
        self.check_x(data.x.view())?;
        let u = self.align(data, self.model.encoding_needs(), "inference")?;
        let x = self.scale(data)?;
        Ok(self.after_step(self.model.encode(Batch { x: x.view(), u: aux_input(&u) })))
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
        let x = self.model.decode(before_step.as_ref().map_or(z, |z| z.view()));
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
    /// A flow on a bottleneck draws the bottleneck, the noise in it included, and adds Gaussian noise of the variance that
    /// the bottleneck loses.
    ///
    /// # Errors
    /// A linear model, which has no distribution; or a u that does not fit the model.
    pub fn sample(&self, u: &Aux<F>, count: usize, seed: u64) -> Result<Samples<F>, ModelError> {
        let count = u.rows().unwrap_or(count);
        let u = self.align_u(u, count, self.model.density_needs(), "sampling")?;
        let Samples { z, x } =
            self.model.sample(aux_input(&u), count, StreamKey::new(seed, Purpose::Sample))?;
        Ok(Samples { z: self.after_step(z), x: self.scaler.invert(x.view()) })
    }

    /// ELBO and importance-weighted bound with `importance` samples per row, in nats per row of x in its own units.
    ///
    /// # Errors
    /// A model without a density of x; or x or u that do not fit the model.
    pub fn log_likelihood(
        &self,
        data: &Dataset<F>,
        importance: usize,
        seed: u64,
    ) -> Result<LogLikelihood, ModelError> {
        self.check_x(data.x.view())?;
        let u = self.align(data, self.model.density_needs(), "the likelihood")?;
        let x = self.scale(data)?;
        let batch = Batch { x: x.view(), u: aux_input(&u) };
        let found = self.model.log_likelihood(batch, importance, StreamKey::new(seed, Purpose::HeldOut))?;
        let log_det = self.scaler.log_abs_det();
        Ok(LogLikelihood { elbo: found.elbo + log_det, iwae: found.iwae + log_det })
    }

    /// The posterior of every row's latents, p(z|x,u) or, where `data` have no u, p(z|x).
    ///
    /// | model | mean | covariance |
    /// |---|---|---|
    /// | variational | that of q | that of q |
    /// | flow on a bottleneck | [`transform`](Self::transform) | Laplace's, at the noise that the bottleneck leaves: (Jᵀ Ψ⁻¹ J + Λ⁻¹)⁻¹ |
    /// | flow of x itself | [`transform`](Self::transform) | 0: the model has no noise. See [`posterior_at_noise`](Self::posterior_at_noise) |
    ///
    /// # Errors
    /// A linear model, which has no posterior; a product posterior of a categorical u that is not given, which is a
    /// mixture; or x or u that do not fit the model.
    pub fn posterior(&self, data: &Dataset<F>) -> Result<Posterior<F>, ModelError> {
        self.check_x(data.x.view())?;
        let u = self.align(data, self.model.posterior_needs(), "the posterior's covariance")?;
        let x = self.scale(data)?;
        Ok(self.posterior_after_step(self.model.posterior(Batch { x: x.view(), u: aux_input(&u) })?))
    }

    /// The posterior of a flow's latents where the noise of x is known: of variances `noise` `[d]`, in x's own units. Its
    /// mode is the mean, by Gauss–Newton steps from g(x); its covariance is Laplace's.
    ///
    /// A model of exact likelihood takes noise in x for signal, and g stretches it where f is flat. This undoes what it
    /// can: where x says little of a latent, the prior given u says more.
    ///
    /// # Errors
    /// A model that is not a flow, a variance that is not positive, or x or u that do not fit the model.
    pub fn posterior_at_noise(
        &self,
        data: &Dataset<F>,
        noise: ArrayView1<'_, F>,
    ) -> Result<Posterior<F>, ModelError> {
        self.check_x(data.x.view())?;
        if noise.len() != data.x.ncols() {
            return Err(ModelError::Columns { expected: data.x.ncols(), found: noise.len() });
        }
        let is_positive = |v: F| v.is_finite() && v > F::zero();
        if let Some((column, &value)) = noise.iter().enumerate().find(|&(_, &v)| !is_positive(v)) {
            return Err(ModelError::Noise { column, value: value.f64() });
        }
        let u = self.align(data, Need::IfGiven, "the posterior")?;
        let x = self.scale(data)?;
        let batch = Batch { x: x.view(), u: aux_input(&u) };
        let found = self.model.posterior_at_noise(batch, data.x.view(), noise, &self.scaler)?;
        Ok(self.posterior_after_step(found))
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

    /// x as the model sees it.
    fn scale(&self, data: &Dataset<F>) -> Result<Array2<F>, ModelError> {
        let x = self.scaler.apply(data.x.view());
        self.model.check_x(x.view())?;
        Ok(x)
    }

    /// u of `data` in the model's own levels, as far as it is needed for `purpose`.
    fn align(&self, data: &Dataset<F>, need: Need, purpose: &'static str) -> Result<Aux<F>, ModelError> {
        self.align_u(&data.u, data.x.nrows(), need, purpose)
    }

    fn align_u(
        &self,
        u: &Aux<F>,
        rows: usize,
        need: Need,
        purpose: &'static str,
    ) -> Result<Aux<F>, ModelError> {
        match (need, u.is_none()) {
            (Need::Never, _) | (Need::IfGiven, true) => Ok(Aux::none()),
            (Need::Always, true) => Err(ModelError::NeedsU(purpose)),
            (Need::IfGiven | Need::Always, false) => self.schema.align(u, rows),
        }
    }

    /// Latents `[N, n]` of the model as [`transform`](Self::transform) gives them.
    fn after_step(&self, z: Array2<F>) -> Array2<F> {
        match &self.step {
            Some(step) => step.transform(z.view()),
            None => z,
        }
    }

    /// That of z = A (z′ − b): covariance A Σ′ Aᵀ.
    fn posterior_after_step(&self, Posterior { mean, covariance }: Posterior<F>) -> Posterior<F> {
        let mut covariance: Array3<F> = covariance;
        if let Some(step) = &self.step {
            let a = &step.unmixing;
            for mut row in covariance.outer_iter_mut() {
                let moved = a.dot(&row).dot(&a.t());
                row.assign(&moved);
            }
        }
        Posterior { mean: self.after_step(mean), covariance }
    }
}
