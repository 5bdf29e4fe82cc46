//! [`BottleneckSpec`]: how x is reduced to n dimensions.

use ivae_nn::{Inputs, MlpSpec};
use serde::{Deserialize, Serialize};

use crate::error::{SpecError, positive, positive_count};
use crate::likelihood::{LikelihoodFamily, VarianceSpec};
use crate::model::vae::{Vae, VaeSpec, WarmStart};
use crate::objective::ObjectiveSpec;
use crate::prior::{Families, Family, PriorSpec};
use crate::theta::ThetaSpec;
use ivae_data::Scaling;

/// A bottleneck of n dimensions: an encoder and a decoder trained before the latents are separated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BottleneckSpec {
    /// What it is trained for: the least squared error (`reconstruction`) or the ELBO of the variational model; if it is
    /// not said, the first, or the second where the first loses more than a tenth of the variance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objective: Option<ObjectiveSpec>,
    /// Encoder and decoder, both.
    pub net: MlpSpec,
    /// Passes over the training rows.
    pub epochs: usize,
    /// Base learning rate.
    pub learning_rate: f64,
}

impl BottleneckSpec {
    /// Check every number.
    ///
    /// # Errors
    /// The first setting that makes no sense, with its value.
    pub(crate) fn check(&self) -> Result<(), SpecError> {
        self.net.check()?;
        positive_count("bottleneck.epochs", self.epochs)?;
        positive("bottleneck.learning_rate", self.learning_rate)
    }

    /// The networks of a bottleneck trained for `objective`, for x of `observed` columns, scaled by `scaling`, and u of shape `u`; the
    /// ELBO's prior is a Gaussian with the parameters of `prior`.
    ///
    /// # Errors
    /// A spec that cannot be built.
    pub fn net(
        &self,
        objective: ObjectiveSpec,
        (family, parameters): (Option<&Families>, &ThetaSpec),
        scaling: Scaling,
        (latents, observed, u): (usize, usize, Inputs),
    ) -> Result<Vae, SpecError> {
        let mut vae = VaeSpec { scaling, ..VaeSpec::ivae() };
        vae.posterior.net = self.net.clone();
        vae.likelihood.net = self.net.clone();
        let family = family.cloned().unwrap_or(Family::Gaussian.into());
        vae.prior = PriorSpec { family, parameters: parameters.clone() };
        if !vae.prior.is_gaussian() {
            vae.prior.family = Family::Gaussian.into();
        }
        vae.objective = objective;
        if objective == ObjectiveSpec::Reconstruction {
            vae.start = WarmStart::Pca;
            vae.likelihood.family = LikelihoodFamily::Gaussian(VarianceSpec::Fixed(1.0));
            vae.posterior.full_covariance = false;
            vae.prior.parameters = ThetaSpec::Fixed(0.0);
        }
        vae.net(latents, observed, u)
    }
}
