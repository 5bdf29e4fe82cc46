//! [`TrainedVae`]: a variational model with its parameters.

use ivae_nn::{Input, Inputs};
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, Array3, ArrayView2, Axis, Slice};

use super::net::Vae;
use super::workspace::VaeWorkspace;
use crate::arrays::{NamedArray, groups};
use crate::batch::{Batch, CHUNK};
use crate::error::ModelError;
use crate::model::trained::{LogLikelihood, Need, Samples, TrainedModel};
use crate::posterior::Posterior;
use crate::theory::{Injectivity, ModelFacts, PosteriorFacts, Smoothness};
use crate::train::Estimator;
use ivae_num::slices::{rows, rows_mut, top};

/// A variational model with its parameters.
#[derive(Debug, Clone)]
pub(crate) struct TrainedVae<F> {
    pub(crate) net: Vae,
    pub(crate) params: Vec<F>,
}

impl<F: Scalar> TrainedVae<F> {
    fn workspace(&self, rows: usize) -> VaeWorkspace<F> {
        self.net.scratch(CHUNK.min(rows.max(1)))
    }
}

impl<F: Scalar> TrainedModel<F> for TrainedVae<F> {
    fn kind(&self) -> &'static str {
        "variational"
    }

    fn encoding_needs(&self) -> Need {
        match (self.net.encoder.is_conditional, self.net.uses_u()) {
            (true, _) => Need::Always,
            (false, true) => Need::IfGiven,
            (false, false) => Need::Never,
        }
    }

    fn density_needs(&self) -> Need {
        if self.net.u == Inputs::default() { Need::Never } else { Need::Always }
    }

    /// Without u, a product posterior of a categorical u is a mixture.
    fn posterior_needs(&self) -> Need {
        let is_mixture = self.net.encoder.is_product && self.net.u.levels > 0 && self.net.u.dense == 0;
        if is_mixture { Need::Always } else { TrainedModel::<F>::encoding_needs(self) }
    }

    fn check_x(&self, x: ArrayView2<'_, F>) -> Result<(), ModelError> {
        Ok(self.net.decoder.part().check_x(x)?)
    }

    fn encode(&self, batch: Batch<'_, F>) -> Array2<F> {
        let mut z = Array2::zeros((batch.rows(), self.net.latents));
        let mut ws = self.workspace(batch.rows());
        for (start, part) in batch.parts(CHUNK) {
            let range = start..start + part.rows();
            self.net.posterior_mean(rows_mut(&mut z, range), &self.params, part, &mut ws);
        }
        self.net.prior.to_support(z)
    }

    fn decode(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        let mut x = Array2::zeros((z.nrows(), self.net.observed));
        let mut ws = self.workspace(z.nrows());
        for start in (0..z.nrows()).step_by(CHUNK) {
            let range = start..(start + CHUNK).min(z.nrows());
            let v = self.net.prior.to_real(rows(z, range.clone()));
            self.net.decode(&self.params, v.view(), &mut ws);
            self.net.decoder.mean(rows_mut(&mut x, range), &ws.x);
        }
        x
    }

    fn sample(&self, u: Input<'_, F>, count: usize, key: StreamKey) -> Result<Samples<F>, ModelError> {
        let net = &self.net;
        let (mut z, mut x) = (Array2::zeros((count, net.latents)), Array2::zeros((count, net.observed)));
        let mut ws = self.workspace(count);
        let nothing = Array2::zeros((count, 0));
        for (start, part) in (Batch { x: nothing.view(), u: u.reborrow() }).parts(CHUNK) {
            let (b, range) = (part.rows(), start..start + part.rows());
            let key = key.block(start as u64);
            net.prior_parameters(&self.params, part.u, b, &mut ws);
            net.prior.sample(rows_mut(&mut z, range.clone()), top(&ws.p.theta, b), key.step(0));
            let v = net.prior.to_real(rows(z.view(), range.clone()));
            net.decode(&self.params, v.view(), &mut ws);
            net.decoder.part().sample(rows_mut(&mut x, range), top(&ws.x.theta, b), key.step(1));
        }
        Ok(Samples { z, x })
    }

    fn posterior(&self, batch: Batch<'_, F>) -> Result<Posterior<F>, ModelError> {
        let (count, n) = (batch.rows(), self.net.latents);
        let (mut mean, mut covariance) = (Array2::zeros((count, n)), Array3::zeros((count, n, n)));
        let mut ws = self.workspace(count);
        for (start, part) in batch.parts(CHUNK) {
            let range = start..start + part.rows();
            let covariance = covariance.slice_axis_mut(Axis(0), Slice::from(range.clone()));
            let mean = rows_mut(&mut mean, range);
            self.net.posterior_moments(mean, covariance, &self.params, part, &mut ws);
        }
        Ok(Posterior { mean, covariance }.on_support(&self.net.prior))
    }

    fn log_likelihood(
        &self,
        batch: Batch<'_, F>,
        importance: usize,
        key: StreamKey,
    ) -> Result<LogLikelihood, ModelError> {
        let rows = batch.rows().max(1) as f64;
        let LogLikelihood { elbo, iwae } = self.net.bounds(&self.params, batch, importance, key);
        Ok(LogLikelihood { elbo: elbo / rows, iwae: iwae / rows })
    }

    fn has_density(&self) -> bool {
        true
    }

    fn statistics(&self, z: ArrayView2<'_, F>) -> Array2<F> {
        self.net.prior.statistics(z)
    }

    fn arrays(&self) -> Vec<NamedArray<F>> {
        groups("params.", Estimator::<F>::layout(&self.net), &self.params)
    }

    fn scaled_columns(&self) -> usize {
        self.net.observed
    }

    fn describe(&self) -> Option<ModelFacts<'_, F>> {
        Some(ModelFacts {
            prior: &self.net.prior,
            params: &self.params,
            noise: self.net.decoder.part::<F>().noise(),
            injective: Injectivity::Perceptron,
            smooth: self.net.decoder.net().map_or(Smoothness::Smooth, |mlp| Smoothness::of(mlp.activation)),
            posterior: PosteriorFacts::Gaussian,
        })
    }

    fn clone_box(&self) -> Box<dyn TrainedModel<F>> {
        Box::new(self.clone())
    }
}
