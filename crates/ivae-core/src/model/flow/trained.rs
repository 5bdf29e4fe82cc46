//! [`TrainedFlow`]: a flow with its parameters, and the autoencoder before it where x has more columns than latents.

use ivae_nn::{FlowSpec, Input, Inputs, UnitSpec};
use ivae_num::{Scalar, StreamKey, stream};
use ndarray::{Array2, Array3, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use super::net::FlowModel;
use crate::arrays::{NamedArray, groups};
use crate::batch::Batch;
use crate::error::ModelError;
use crate::likelihood::Noise;
use crate::model::autoencoder::Autoencoder;
use crate::model::trained::{LogLikelihood, Need, Samples, TrainedModel};
use crate::objective::ObjectiveSpec;
use crate::posterior::{LaplacePosterior, Posterior};
use crate::prior::Families;
use crate::theory::{Injectivity, ModelFacts, PosteriorFacts, Smoothness};
use crate::train::Estimator;
use ivae_data::Scaler;

/// A flow with its parameters.
#[derive(Debug, Clone)]
pub(crate) struct TrainedFlow<F> {
    /// What stands between x and the flow, where there are fewer latents than observed directions.
    pub(crate) bottleneck: Option<Autoencoder<F>>,
    pub(crate) net: FlowModel,
    pub(crate) params: Vec<F>,
}

/// What the search chose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FlowChoice {
    pub(super) family: Families,
    pub(super) flow: FlowSpec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) bottleneck: Option<ObjectiveSpec>,
}

impl<F: Scalar> TrainedFlow<F> {
    /// g(x) of scaled x, without u, in the networks' coordinates.
    fn latents(&self, x: ArrayView2<'_, F>) -> Array2<F> {
        match &self.bottleneck {
            Some(bottleneck) => self.net.latents_of(&self.params, bottleneck.encode(x).view()),
            None => self.net.latents_of(&self.params, x),
        }
    }

    /// f of the networks' coordinates v.
    fn decode_real(&self, v: ArrayView2<'_, F>) -> Array2<F> {
        let x = self.net.mixture_of(&self.params, v);
        match &self.bottleneck {
            Some(bottleneck) => bottleneck.decode(x.view()),
            None => x,
        }
    }

    /// The latents' coordinates v of [`TrainedModel::encode`].
    fn encode_real(&self, batch: Batch<'_, F>) -> Array2<F> {
        let v = self.latents(batch.x);
        match self.noisy_bottleneck() {
            Some(bottleneck) if batch.u.rows() > 0 => {
                self.with_posterior(bottleneck.noise.view(), |p| p.modes(v, batch.x, batch.u))
            }
            _ => v,
        }
    }

    fn prior_moments(&self, u: Input<'_, F>, rows: usize) -> (Array2<f64>, Array2<f64>) {
        self.net.prior.moments(self.net.prior.table(&self.params, u, rows).view())
    }

    /// What `with` makes of the posterior at noise of these variances in the scaled x.
    fn with_posterior<T>(
        &self,
        noise: ArrayView1<'_, F>,
        with: impl FnOnce(LaplacePosterior<'_, F>) -> T,
    ) -> T {
        let decode = |v: ArrayView2<'_, F>| self.decode_real(v);
        let prior_moments = |u: Input<'_, F>, rows| self.prior_moments(u, rows);
        with(LaplacePosterior { decode: &decode, prior_moments: &prior_moments, noise })
    }

    /// The autoencoder whose noise the latents are corrected for: the means of an ELBO's encoder have taken the noise into
    /// account already.
    fn noisy_bottleneck(&self) -> Option<&Autoencoder<F>> {
        self.bottleneck.as_ref().filter(|b| b.objective() == ObjectiveSpec::Reconstruction)
    }
}

impl<F: Scalar> TrainedModel<F> for TrainedFlow<F> {
    fn kind(&self) -> &'static str {
        if self.bottleneck.is_some() { "flow with a bottleneck" } else { "flow" }
    }

    fn encoding_needs(&self) -> Need {
        if self.noisy_bottleneck().is_some() { Need::IfGiven } else { Need::Never }
    }

    fn density_needs(&self) -> Need {
        if self.net.prior.inputs() == Inputs::default() { Need::Never } else { Need::Always }
    }

    fn posterior_needs(&self) -> Need {
        if self.bottleneck.is_some() { Need::IfGiven } else { Need::Never }
    }

    /// The mode of p(z|x,u) at the noise that the autoencoder leaves, where u is given; without u, or without an
    /// autoencoder, g(x).
    fn encode(&self, batch: Batch<'_, F>) -> Array2<F> {
        self.net.prior.to_support(self.encode_real(batch))
    }

    fn decode(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        self.decode_real(self.net.prior.to_real(z).view())
    }

    /// Where there is an autoencoder, x has Gaussian noise of the variance that it loses.
    fn sample(&self, u: Input<'_, F>, rows: usize, key: StreamKey) -> Result<Samples<F>, ModelError> {
        let mut z = Array2::zeros((rows, self.net.latents));
        let theta = self.net.prior.table(&self.params, u, rows).mapv(F::of);
        self.net.prior.sample(z.view_mut(), theta.view(), key);
        let mut x = self.decode(z.view());
        if let Some(bottleneck) = &self.bottleneck {
            let mut lost = Array2::zeros(x.dim());
            if let Some(flat) = lost.as_slice_mut() {
                stream::fill_normal(flat, x.ncols(), key.restart(1));
            }
            x += &(lost * bottleneck.lost().mapv(F::sqrt));
        }
        Ok(Samples { z, x })
    }

    fn posterior(&self, batch: Batch<'_, F>) -> Result<Posterior<F>, ModelError> {
        let mean = self.encode_real(batch);
        let (rows, n) = mean.dim();
        let covariance = match &self.bottleneck {
            None => Array3::zeros((rows, n, n)),
            Some(bottleneck) => {
                self.with_posterior(bottleneck.noise.view(), |p| p.covariances(mean.view(), batch.x, batch.u))
            }
        };
        Ok(Posterior { mean, covariance }.on_support(&self.net.prior))
    }

    fn posterior_at_noise(
        &self,
        batch: Batch<'_, F>,
        x: ArrayView2<'_, F>,
        noise: ArrayView1<'_, F>,
        scaler: &Scaler<F>,
    ) -> Result<Posterior<F>, ModelError> {
        let decode = |v: ArrayView2<'_, F>| scaler.invert(self.decode_real(v).view());
        let prior_moments = |u: Input<'_, F>, rows| self.prior_moments(u, rows);
        let posterior = LaplacePosterior { decode: &decode, prior_moments: &prior_moments, noise };
        let (x, u) = (x.reborrow(), batch.u.reborrow());
        let mean = posterior.modes(self.latents(batch.x), x, u);
        let covariance = posterior.covariances(mean.view(), x, u);
        Ok(Posterior { mean, covariance }.on_support(&self.net.prior))
    }

    fn log_likelihood(
        &self,
        batch: Batch<'_, F>,
        _: usize,
        _: StreamKey,
    ) -> Result<LogLikelihood, ModelError> {
        if self.bottleneck.is_some() {
            return Err(ModelError::Unsupported {
                model: "flow with a bottleneck",
                what: "give a likelihood of x, which lies on a manifold of fewer dimensions",
            });
        }
        let exact =
            self.net.evaluate_parts(&self.params, batch, |_, _, _| {}).objective / batch.rows().max(1) as f64;
        Ok(LogLikelihood { elbo: exact, iwae: exact })
    }

    fn has_density(&self) -> bool {
        self.bottleneck.is_none()
    }

    fn statistics(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        self.net.prior.statistics(z)
    }

    fn arrays(&self) -> Vec<NamedArray<F>> {
        let mut arrays = groups("params.", Estimator::<F>::layout(&self.net), &self.params);
        arrays.extend(self.bottleneck.iter().flat_map(Autoencoder::arrays));
        arrays
    }

    fn scaled_columns(&self) -> usize {
        self.bottleneck.as_ref().map_or(self.net.latents, |b| b.net.observed)
    }

    fn choice(&self) -> Option<toml::Table> {
        let choice = FlowChoice {
            family: self.net.prior.families.clone(),
            flow: self.net.class.clone(),
            bottleneck: self.bottleneck.as_ref().map(Autoencoder::objective),
        };
        toml::Table::try_from(choice).ok()
    }

    fn describe(&self) -> Option<ModelFacts<'_, F>> {
        let (injective, posterior) = match &self.bottleneck {
            None => (Injectivity::Bijective, PosteriorFacts::NotNeeded),
            Some(_) => (Injectivity::UpToBottleneck, PosteriorFacts::OfBottleneck),
        };
        let of_flow = match &self.net.class {
            FlowSpec::Square(s) if matches!(s.units, UnitSpec::Spline { .. }) => Smoothness::Splines,
            FlowSpec::Square(_) => Smoothness::Smooth,
            FlowSpec::Coupling(c) => Smoothness::of(c.activation),
        };
        let decoder = self.bottleneck.as_ref().and_then(|b| b.net.decoder.net());
        let of_bottleneck = decoder.map_or(Smoothness::Smooth, |mlp| Smoothness::of(mlp.activation));
        Some(ModelFacts {
            prior: &self.net.prior,
            params: &self.params,
            // What a bottleneck loses is taken for normal noise: p(x|z) of its samples and of its posterior.
            noise: if self.bottleneck.is_some() { Noise::Gaussian } else { Noise::None },
            injective,
            smooth: if of_bottleneck == Smoothness::Kink { Smoothness::Kink } else { of_flow },
            posterior,
        })
    }

    fn clone_box(&self) -> Box<dyn TrainedModel<F>> {
        Box::new(self.clone())
    }
}
