//! [`VaeSpec`]: distributions, networks and training of a variational model.

use ivae_nn::{Activation, MlpSpec, ScheduleSpec};
use serde::{Deserialize, Serialize};

use super::decoder::LikelihoodSpec;
use crate::error::{Conflict, SpecError, positive, positive_count};
use crate::likelihood::{LikelihoodFamily, VarianceSpec};
use crate::model::recipe::check_patience;
use crate::objective::{KlSpec, ObjectiveSpec};
use crate::posterior::PosteriorSpec;
use crate::prior::{Families, Family, PriorSpec};
use crate::theta::ThetaSpec;
use crate::train::{StepSpec, TrainSpec};
use ivae_data::Scaling;

/// A variational autoencoder: identifiable where its prior depends on u (Khemakhem et al. 2020), the unidentifiable
/// baseline where it does not (Kingma & Welling 2014).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeSpec {
    /// How x is scaled before the networks read it.
    pub scaling: Scaling,
    /// p(z|u).
    pub prior: PriorSpec,
    /// q(z|x) or q(z|x,u).
    pub posterior: PosteriorSpec,
    /// p(x|z).
    pub likelihood: LikelihoodSpec,
    /// What is maximised.
    pub objective: ObjectiveSpec,
    /// How much the KL divergence counts.
    #[serde(default)]
    pub kl: KlSpec,
    /// Where the linear parts of encoder and decoder start.
    pub start: WarmStart,
    /// Independent starts; the one with the best held-out objective is kept, measured by the importance-weighted bound of
    /// 50 samples (Burda et al. 2016), which is closer to the likelihood than the ELBO. A bound says how well x is
    /// explained, and near the best it does not rank how well the sources are recovered: a start that explains x better
    /// may have the worse latents.
    pub restarts: usize,
    /// How each start is trained.
    pub training: TrainSpec,
}

/// Where the linear (skip) parts of encoder and decoder start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WarmStart {
    /// As the initialiser draws them.
    Random,
    /// At the principal components, rotated at random.
    Pca,
    /// At the joint diagonalisation of the covariances of u's levels (Pham & Cardoso 2001): nonstationary linear ICA.
    /// Where u has no levels, as `Pca`.
    Ajd,
}

impl VaeSpec {
    /// The default identifiable model: linear maps plus SiLU networks, a prior table by level of u, learned noise, a
    /// Gaussian posterior of full covariance, the ELBO with its KL divergence in closed form.
    pub fn ivae() -> Self {
        let net = MlpSpec { hidden: vec![128, 128, 128], activation: Activation::Silu, skip: true };
        Self {
            scaling: Scaling::Whiten,
            prior: PriorSpec { family: Family::Gaussian.into(), parameters: ThetaSpec::Table },
            posterior: PosteriorSpec {
                net: net.clone(),
                shared_trunk: true,
                conditional_encoder: false,
                product_of_experts: false,
                full_covariance: true,
            },
            likelihood: LikelihoodSpec {
                net,
                family: LikelihoodFamily::Gaussian(VarianceSpec::PER_DIMENSION),
            },
            objective: ObjectiveSpec::Elbo,
            kl: KlSpec::default(),
            start: WarmStart::Ajd,
            restarts: 2,
            training: TrainSpec { epochs: 90, learning_rate: 6e-3, step: StepSpec::default() },
        }
    }

    /// The same networks with a standard normal prior: the baseline that is not identifiable.
    pub fn vae() -> Self {
        let prior = PriorSpec { family: Family::GaussianMean.into(), parameters: ThetaSpec::Fixed(0.0) };
        Self { prior, start: WarmStart::Pca, ..Self::ivae() }
    }

    /// The architecture of the original implementation, for comparisons of speed on equal work: networks of three
    /// layers with `hidden` xtanh units, u into encoder and prior, noise variance 0.01, sampled KL, Adam at 0.01, nothing
    /// scaled, one start.
    pub fn reference(hidden: usize, batch: usize) -> Self {
        let activation = Activation::Xtanh { slope: 0.1 };
        let net = MlpSpec { hidden: vec![hidden, hidden], activation, skip: false };
        Self {
            scaling: Scaling::None,
            prior: PriorSpec { family: Family::GaussianVar.into(), parameters: ThetaSpec::Net(net.clone()) },
            posterior: PosteriorSpec {
                net: net.clone(),
                shared_trunk: false,
                conditional_encoder: true,
                product_of_experts: false,
                full_covariance: false,
            },
            likelihood: LikelihoodSpec { net, family: LikelihoodFamily::Gaussian(VarianceSpec::Fixed(0.01)) },
            objective: ObjectiveSpec::SampledElbo,
            kl: KlSpec::default(),
            start: WarmStart::Random,
            restarts: 1,
            training: TrainSpec {
                epochs: 20,
                learning_rate: 1e-2,
                step: StepSpec {
                    batch,
                    schedule: ScheduleSpec::Constant,
                    clip_norm: None,
                    ..StepSpec::default()
                },
            },
        }
    }

    /// Take `likelihood`, and with it what suits its x ([`Likelihood::suited`](crate::likelihood::Likelihood::suited)),
    /// unless it suits the likelihood before too. For x that may not be scaled, such as counts: x as it is, and a product
    /// posterior of independent latents (x says little of each).
    pub fn set_likelihood(&mut self, likelihood: LikelihoodFamily) {
        let suited = |family: &LikelihoodFamily| family.part::<f64>().suited();
        let (before, after) = (suited(&self.likelihood.family), suited(&likelihood));
        if before.is_some() && after != before {
            let Self { scaling, posterior, likelihood, restarts, training, .. } = Self::ivae();
            *self = Self { scaling, posterior, likelihood, restarts, training, ..self.clone() };
        }
        if let Some(suited) = after.filter(|after| before.as_ref() != Some(after)) {
            self.scaling = suited.scaling;
            self.posterior.product_of_experts = true;
            self.posterior.full_covariance = false;
            self.posterior.net.hidden = suited.encoder.into();
            self.likelihood.net.hidden = suited.decoder.into();
            self.training.learning_rate = suited.learning_rate;
            self.training.epochs = suited.epochs;
            self.restarts = 2;
        }
        self.likelihood.family = likelihood;
    }

    /// Take a prior of `families`, and an objective and a posterior that have it.
    pub fn set_prior(&mut self, families: impl Into<Families>) {
        self.prior.family = families.into();
        if self.prior.is_gaussian() {
            return;
        }
        self.posterior.product_of_experts = false;
        if self.objective == ObjectiveSpec::Elbo {
            self.objective = ObjectiveSpec::SampledElbo;
        }
    }

    /// Check every number that can be wrong whatever the data are.
    ///
    /// # Errors
    /// The first setting that makes no sense, with its value.
    pub fn check(&self, held_out: f64) -> Result<(), SpecError> {
        self.training.check()?;
        check_patience(&self.training.step, held_out)?;
        positive_count("restarts", self.restarts)?;
        positive_count("samples", self.objective.samples())?;
        positive("kl.weight", self.kl.weight)?;
        if !(0.0..=1.0).contains(&self.kl.warmup) {
            return Err(SpecError::OutOfRange { name: "kl.warmup", value: self.kl.warmup, range: "[0, 1]" });
        }
        if self.restarts > 1 && held_out == 0.0 {
            return Err(Conflict::RestartsWithoutHeldOut.into());
        }
        self.likelihood.family.part::<f64>().check()?;
        if !self.likelihood.family.part::<f64>().allows(self.scaling) {
            return Err(Conflict::ScaledSupport.into());
        }
        let prior_net = if let ThetaSpec::Net(net) = &self.prior.parameters { Some(net) } else { None };
        let nets = [&self.posterior.net, &self.likelihood.net];
        nets.into_iter().chain(prior_net).try_for_each(MlpSpec::check)?;
        if !self.prior.is_gaussian()
            && (self.objective == ObjectiveSpec::Elbo || self.posterior.product_of_experts)
        {
            return Err(Conflict::PriorNotGaussian.into());
        }
        let has_linear_part = |net: &MlpSpec| net.skip || net.hidden.is_empty();
        if self.start != WarmStart::Random && !nets.into_iter().all(has_linear_part) {
            return Err(Conflict::StartWithoutLinearPart.into());
        }
        Ok(())
    }
}
