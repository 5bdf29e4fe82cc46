//! [`Ivae`]: a fit in one expression, everything that is not said chosen for the data.

use ivae_data::Dataset;
use ivae_num::Scalar;

use super::fit_spec::FitSpec;
use crate::error::SpecError;
use crate::likelihood::LikelihoodFamily;
use crate::model::flow::FlowClasses;
use crate::model::{DecoderKind, ModelKind};
use crate::prior::Families;

/// An identifiable model to be fitted: what is not set here is chosen for the data, as by [`FitSpec::auto`].
///
/// ```
/// use ivae_core::Ivae;
/// use ivae_data::{Dataset, Simulation};
/// use ivae_expfam::Laplace;
///
/// let simulation = Simulation { segments: 8, per_segment: 60, latents: 2, observed: 2, ..Simulation::default() };
/// let data: Dataset<f32> = simulation.generate()?.data;
/// let fitted = Ivae::new(2).mlp([16, 16]).prior(Laplace).epochs(3).restarts(1).fit(&data)?;
/// assert_eq!(fitted.transform(&data)?.dim(), (480, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Ivae {
    latents: usize,
    decoder: Option<DecoderKind>,
    /// In the order given.
    settings: Vec<Setting>,
}

#[derive(Debug, Clone, PartialEq)]
enum Setting {
    Hidden(Vec<usize>),
    Likelihood(LikelihoodFamily),
    Prior(Families),
    Epochs(usize),
    Restarts(usize),
    HeldOut(f64),
    Seed(u64),
}

impl Ivae {
    /// A model of `latents` latents.
    pub fn new(latents: usize) -> Self {
        Self { latents, decoder: None, settings: Vec::new() }
    }

    fn with(mut self, decoder: Option<DecoderKind>, setting: Setting) -> Self {
        self.decoder = decoder.or(self.decoder);
        self.settings.push(setting);
        self
    }

    /// A decoder (and encoder) with hidden layers of these widths and noise on x, trained by the ELBO.
    #[must_use]
    pub fn mlp(self, hidden: impl Into<Vec<usize>>) -> Self {
        self.with(Some(DecoderKind::Mlp), Setting::Hidden(hidden.into()))
    }

    /// A bijective decoder of these classes, trained by exact likelihood.
    #[must_use]
    pub fn flow(self, classes: FlowClasses) -> Self {
        Self { decoder: Some(DecoderKind::Flow(classes)), ..self }
    }

    /// The likelihood p(x|z), for which the decoder is a perceptron.
    #[must_use]
    pub fn likelihood(self, family: impl Into<LikelihoodFamily>) -> Self {
        self.with(Some(DecoderKind::Mlp), Setting::Likelihood(family.into()))
    }

    /// The family of p(z|u), or one for each latent.
    #[must_use]
    pub fn prior(self, family: impl Into<Families>) -> Self {
        self.with(None, Setting::Prior(family.into()))
    }

    /// Passes over the training rows, in every stage.
    #[must_use]
    pub fn epochs(self, epochs: usize) -> Self {
        self.with(None, Setting::Epochs(epochs))
    }

    /// Most starts, of each class of a flow.
    #[must_use]
    pub fn restarts(self, restarts: usize) -> Self {
        self.with(None, Setting::Restarts(restarts))
    }

    /// The part of the rows that is held out.
    #[must_use]
    pub fn held_out(self, part: f64) -> Self {
        self.with(None, Setting::HeldOut(part))
    }

    /// The seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        self.with(None, Setting::Seed(seed))
    }

    /// All settings of the fit to `data`.
    ///
    /// # Errors
    /// Settings that exclude each other.
    pub fn spec<F: Scalar>(&self, data: &Dataset<F>) -> Result<FitSpec, SpecError> {
        let mut spec = FitSpec::for_data(&ModelKind::Ivae, self.decoder, self.latents, data);
        for setting in &self.settings {
            match setting {
                Setting::Hidden(hidden) => spec.model.as_vae_mut().into_iter().for_each(|vae| {
                    vae.posterior.net.hidden.clone_from(hidden);
                    vae.likelihood.net.hidden.clone_from(hidden);
                }),
                Setting::Likelihood(family) => {
                    spec.model
                        .as_vae_mut()
                        .into_iter()
                        .for_each(|vae| vae.set_likelihood(family.clone().for_x(data.x.view())));
                }
                Setting::Prior(families) => spec.model.set_prior(families.clone()),
                Setting::Epochs(epochs) => spec.model.set_epochs(*epochs),
                Setting::Restarts(restarts) => spec.model.set_restarts(*restarts),
                Setting::HeldOut(part) => spec.split.held_out = *part,
                Setting::Seed(seed) => spec.seed = *seed,
            }
        }
        spec.check()?;
        Ok(spec)
    }
}
