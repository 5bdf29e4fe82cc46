//! The models, each with its spec, its networks, its fit and its trained form; and [`ModelSpec`], their registry.

pub mod autoencoder;
pub mod flow;
pub mod linear;
mod recipe;
mod trained;
pub mod vae;

use ivae_num::Scalar;
use serde::{Deserialize, Serialize};

pub use recipe::{Job, Outcome, Recipe, Saved};
pub use trained::{LogLikelihood, Need, Samples, TrainedModel};

use flow::{FlowClasses, FlowModelSpec};
use linear::LinearSpec;
use vae::VaeSpec;

use crate::prior::Families;
use crate::train::StepSpec;

/// A model by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelKind {
    /// The identifiable model: its prior depends on u (Khemakhem et al. 2020).
    Ivae,
    /// A VAE with a standard normal prior (Kingma & Welling 2014): the unidentifiable baseline.
    Vae,
    /// A linear model.
    Linear(LinearSpec),
}

/// A class of decoders by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecoderKind {
    /// A multilayer perceptron with noise, trained by the ELBO.
    Mlp,
    /// A flow of these classes, trained by exact likelihood.
    Flow(FlowClasses),
}

impl ModelKind {
    /// Every model, its name on the command line, and what it is.
    pub fn all() -> impl Iterator<Item = (Self, &'static str, &'static str)> {
        let trained = [
            (Self::Ivae, "Identifiable VAE: prior conditional on u"),
            (Self::Vae, "VAE with a standard normal prior"),
        ];
        let linear = LinearSpec::ALL.into_iter().map(|(model, _, words)| (Self::Linear(model), words));
        trained.into_iter().chain(linear).map(|(kind, words)| (kind.clone(), kind.name(), words))
    }

    /// Its name on the command line and in files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ivae => "ivae",
            Self::Vae => "vae",
            Self::Linear(model) => model.name(),
        }
    }

    /// Its default settings for `observed` columns, with a `decoder` of this class where it has one.
    pub(crate) fn spec(&self, decoder: DecoderKind, latents: usize, observed: usize) -> ModelSpec {
        match (self, decoder) {
            (Self::Ivae, DecoderKind::Flow(classes)) => FlowModelSpec::new(latents, observed, classes).into(),
            (Self::Ivae, DecoderKind::Mlp) => VaeSpec::ivae().into(),
            (Self::Vae, _) => VaeSpec::vae().into(),
            (Self::Linear(model), _) => model.clone().into(),
        }
    }
}

/// Which model, with the settings that mean something for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelSpec {
    /// A variational autoencoder, conditional on u (iVAE) or not.
    Vae(VaeSpec),
    /// A bijective decoder with exact likelihood.
    Flow(FlowModelSpec),
    /// A linear model.
    Linear(LinearSpec),
}

impl ModelSpec {
    /// What it does.
    pub(crate) fn recipe<F: Scalar>(&self) -> &dyn Recipe<F> {
        match self {
            Self::Vae(spec) => spec,
            Self::Flow(spec) => spec,
            Self::Linear(spec) => spec,
        }
    }

    /// Which of the models it is.
    pub fn kind(&self) -> ModelKind {
        match self {
            Self::Vae(spec) if !spec.prior.is_conditional() => ModelKind::Vae,
            Self::Vae(_) | Self::Flow(_) => ModelKind::Ivae,
            Self::Linear(model) => ModelKind::Linear(model.clone()),
        }
    }

    /// Its name on the command line and in files.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// Whether it claims identifiability: whether its prior depends on u.
    pub fn is_identifiable(&self) -> bool {
        self.kind() == ModelKind::Ivae
    }

    /// Most epochs of a fit of `observed` columns, over all stages and restarts, but for refinements that go on because
    /// they still rise.
    pub fn most_epochs(&self, observed: usize, latents: usize) -> usize {
        self.recipe::<f64>().most_epochs(observed, latents)
    }

    /// Take a prior of `families`; does nothing to a linear model.
    pub fn set_prior(&mut self, families: impl Into<Families>) {
        match self {
            Self::Vae(spec) => spec.set_prior(families),
            Self::Flow(spec) => spec.prior = Some(families.into()),
            Self::Linear(_) => {}
        }
    }

    /// Train every stage for `epochs` passes over all rows; does nothing to a linear model.
    pub fn set_epochs(&mut self, epochs: usize) {
        if let Some(step) = self.step_mut() {
            step.epoch_rows = None;
        }
        match self {
            Self::Vae(spec) => spec.training.epochs = epochs,
            Self::Flow(spec) => {
                spec.classes.iter_mut().for_each(|class| class.epochs = epochs);
                (spec.refine_epochs, spec.bottleneck.epochs) = (epochs, epochs);
            }
            Self::Linear(_) => {}
        }
    }

    /// Take so many starts, of each class of a flow; does nothing to a linear model.
    pub fn set_restarts(&mut self, restarts: usize) {
        match self {
            Self::Vae(spec) => spec.restarts = restarts,
            Self::Flow(spec) => spec.classes.iter_mut().for_each(|class| class.restarts = restarts),
            Self::Linear(_) => {}
        }
    }

    /// Take this learning rate, in the search for a flow; does nothing to a linear model.
    pub fn set_learning_rate(&mut self, rate: f64) {
        match self {
            Self::Vae(spec) => spec.training.learning_rate = rate,
            Self::Flow(spec) => spec.classes.iter_mut().for_each(|class| class.learning_rate = rate),
            Self::Linear(_) => {}
        }
    }

    /// How training steps are taken, if there are any.
    pub fn step_mut(&mut self) -> Option<&mut StepSpec> {
        match self {
            Self::Vae(spec) => Some(&mut spec.training.step),
            Self::Flow(spec) => Some(&mut spec.step),
            Self::Linear(_) => None,
        }
    }

    /// The variational model, if it is one.
    pub fn as_vae_mut(&mut self) -> Option<&mut VaeSpec> {
        if let Self::Vae(spec) = self { Some(spec) } else { None }
    }

    /// The flow, if it is one.
    pub fn as_flow_mut(&mut self) -> Option<&mut FlowModelSpec> {
        if let Self::Flow(spec) = self { Some(spec) } else { None }
    }
}

impl From<VaeSpec> for ModelSpec {
    fn from(spec: VaeSpec) -> Self {
        Self::Vae(spec)
    }
}

impl From<FlowModelSpec> for ModelSpec {
    fn from(spec: FlowModelSpec) -> Self {
        Self::Flow(spec)
    }
}

impl From<LinearSpec> for ModelSpec {
    fn from(spec: LinearSpec) -> Self {
        Self::Linear(spec)
    }
}
