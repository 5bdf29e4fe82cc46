//! [`Posterior`]: how sure the latents of every row are.

use ivae_data::{Aux, Dataset};
use ivae_num::Scalar;
use ndarray::{Array2, Array3, ArrayView1, Axis, Slice};

use crate::error::ModelError;
use crate::estimator::Estimator;
use crate::fitted::{AsRows, CHUNK, Fitted, Model, chunks, exact_latents};
use crate::local::Noisy;
use crate::slices::rows_mut;
use crate::vae::AuxShape;

/// A Gaussian for every row.
#[derive(Debug, Clone)]
pub struct Posterior<F> {
    /// Means, `[N, n]`.
    pub mean: Array2<F>,
    /// Covariances, `[N, n, n]`.
    pub covariance: Array3<F>,
}

impl<F: Scalar> Fitted<F> {
    /// The posterior of every row's latents, p(z|x,u) or, where `data` have no u, p(z|x).
    ///
    /// | model | mean | covariance |
    /// |---|---|---|
    /// | variational | that of q | that of q |
    /// | bijective, of a code | [`transform`](Self::transform) | Laplace's, at the noise that the code leaves: (Jᵀ Ψ⁻¹ J + Λ⁻¹)⁻¹ |
    /// | bijective, of x itself | [`transform`](Self::transform) | 0: the model has no noise. See [`posterior_at_noise`](Self::posterior_at_noise) |
    ///
    /// # Errors
    /// A linear model, which has no posterior; a product posterior of a categorical u that is not given, which is a
    /// mixture; or x or u that do not fit the model.
    pub fn posterior(&self, data: &Dataset<F>) -> Result<Posterior<F>, ModelError> {
        self.check_x(data.x.view())?;
        let (count, n) = (data.x.nrows(), self.spec.latents);
        let x = self.scaler.apply(data.x.view());
        let Posterior { mean, covariance } = match &self.model {
            Model::Linear(_) => return Err(self.cannot("give a posterior")),
            Model::Exact { code, net, params } => {
                let mean = self.encode(x.view(), data)?;
                let covariance = match code {
                    None => Array3::zeros((count, n, n)),
                    Some(code) => {
                        let u = self.aux(data, (!matches!(data.u, Aux::None)).then_some("the posterior"))?;
                        let noise = code.noise.view();
                        let noisy = Noisy { code: Some(code), net, params, scaler: None, noise };
                        noisy.covariances(mean.view(), x.view(), u.view())
                    }
                };
                Posterior { mean, covariance }
            }
            Model::Vae { net, params } => {
                let needed = net.sees_u() || (net.is_product() && matches!(net.aux, AuxShape::Levels(_)));
                let given = net.uses_u() && !matches!(data.u, Aux::None);
                let u = self.aux(data, (needed || given).then_some("the posterior's covariance"))?;
                let (mut mean, mut covariance) = (Array2::zeros((count, n)), Array3::zeros((count, n, n)));
                let mut ws = Estimator::<F>::workspace(net, CHUNK.min(count.max(1)));
                for (start, batch) in chunks(x.view(), u.view()) {
                    let range = start..start + batch.rows();
                    let own = covariance.slice_axis_mut(Axis(0), Slice::from(range.clone()));
                    net.posterior_moments(rows_mut(&mut mean, range), own, params, batch, &mut ws);
                }
                Posterior { mean, covariance }
            }
        };
        Ok(self.posterior_after_step(mean, covariance))
    }

    /// The posterior of a bijective model's latents where the noise of x is known: of variances `noise` `[d]`, in x's
    /// own units. Its mode is the mean, by Gauss–Newton steps from g(x); its covariance is Laplace's.
    ///
    /// A model of exact likelihood takes noise in x for signal, and g stretches it where f is flat. This undoes what it
    /// can: where x says little of a latent, the prior given u says more.
    ///
    /// # Errors
    /// A model that is not bijective, a variance that is not positive, or x or u that do not fit the model.
    pub fn posterior_at_noise(
        &self,
        data: &Dataset<F>,
        noise: ArrayView1<'_, F>,
    ) -> Result<Posterior<F>, ModelError> {
        self.check_x(data.x.view())?;
        let (code, net, params) = match &self.model {
            Model::Exact { code, net, params } => (code, net, params),
            Model::Linear(_) => return Err(self.cannot("give a posterior")),
            Model::Vae { .. } => {
                let what = "be told the noise of x: it has learned its own";
                return Err(ModelError::Unsupported { model: "variational", what });
            }
        };
        if noise.len() != data.x.ncols() {
            return Err(ModelError::Columns { expected: data.x.ncols(), found: noise.len() });
        }
        let positive = |v: F| v.is_finite() && v > F::zero();
        if let Some((column, &value)) = noise.iter().enumerate().find(|&(_, &v)| !positive(v)) {
            return Err(ModelError::Noise { column, value: value.f64() });
        }
        let u = self.aux(data, (!matches!(data.u, Aux::None)).then_some("the posterior"))?;
        let scaled = self.scaler.apply(data.x.view());
        let start = match code {
            Some(code) => exact_latents(net, params, code.encode(scaled.view()).view()),
            None => exact_latents(net, params, scaled.view()),
        };
        let noisy = Noisy { code: code.as_deref(), net, params, scaler: Some(&self.scaler), noise };
        let mean = noisy.modes(start, data.x.view(), u.view());
        let covariance = noisy.covariances(mean.view(), data.x.view(), u.view());
        Ok(self.posterior_after_step(mean, covariance))
    }

    fn cannot(&self, what: &'static str) -> ModelError {
        ModelError::Unsupported { model: self.spec.model.name(), what }
    }

    /// Of z = A (z′ − b): A Σ′ Aᵀ.
    fn posterior_after_step(&self, mean: Array2<F>, mut covariance: Array3<F>) -> Posterior<F> {
        if let Some(step) = &self.step {
            let a = &step.unmixing;
            for mut own in covariance.outer_iter_mut() {
                let moved = a.dot(&own).dot(&a.t());
                own.assign(&moved);
            }
        }
        Posterior { mean: self.after_step(mean), covariance }
    }
}
