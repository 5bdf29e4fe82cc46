//! What can be wrong with a spec whatever the data are, and how long it may take.

use ivae_nn::MlpSpec;

use super::{CodeKind, DecoderSpec, FitSpec, LikelihoodFamily, ModelKind, Scaling, Start, VarianceSpec};
use crate::block::BlockSpec;
use crate::error::SpecError;

impl FitSpec {
    /// Check every number that can be wrong whatever the data are.
    ///
    /// # Errors
    /// The first setting that makes no sense, with its value.
    pub fn check(&self) -> Result<(), SpecError> {
        let positive = |name, value: usize| match value {
            0 => Err(SpecError::NotPositive { name, value: 0.0 }),
            _ => Ok(()),
        };
        let positive_real = |name, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(SpecError::NotPositive { name, value }),
        };
        let t = &self.training;
        positive("latents", self.latents)?;
        positive("training.epochs", t.epochs)?;
        positive("training.batch", t.batch)?;
        positive("training.restarts", t.restarts)?;
        positive_real("training.learning_rate", t.learning_rate)?;
        if let Some(norm) = t.clip_norm {
            positive_real("training.clip_norm", norm)?;
        }
        if let Some(seconds) = t.time_budget {
            positive_real("training.time_budget", seconds)?;
        }
        if let Some(length) = t.held_out_block {
            positive("training.held_out_block", length)?;
        }
        if !(0.0..1.0).contains(&t.held_out) {
            return Err(SpecError::OutOfRange {
                name: "training.held_out",
                value: t.held_out,
                range: "[0, 1)",
            });
        }
        if t.patience.is_some() && t.held_out == 0.0 {
            return Err(SpecError::Conflict("early stopping (patience) needs held-out rows (held_out > 0)"));
        }
        if t.restarts > 1 && t.held_out == 0.0 {
            return Err(SpecError::Conflict("choosing between restarts needs held-out rows (held_out > 0)"));
        }
        match self.vae.likelihood.family {
            LikelihoodFamily::Gaussian(VarianceSpec::Fixed(v)) => {
                positive_real("vae.likelihood.family.gaussian.fixed", v)?
            }
            LikelihoodFamily::Gaussian(
                VarianceSpec::Shared { start, floor } | VarianceSpec::PerDimension { start, floor },
            ) => {
                positive_real("vae.likelihood.family.gaussian start", start)?;
                positive_real("vae.likelihood.family.gaussian floor", floor)?;
            }
            LikelihoodFamily::Bernoulli if self.scaling != Scaling::None => {
                return Err(SpecError::Conflict(
                    "a Bernoulli likelihood needs x as it is (scaling = \"none\")",
                ));
            }
            LikelihoodFamily::Bernoulli => {}
        }
        for net in self.nets() {
            if let Some(&width) = net.hidden.iter().find(|&&w| w == 0) {
                return Err(SpecError::NotPositive { name: "hidden", value: width as f64 });
            }
        }
        if let DecoderSpec::Bijective(spec) = &self.decoder {
            positive("decoder.bijective.polish_epochs", spec.polish_epochs)?;
            positive("decoder.bijective.classes", spec.classes.len())?;
            for class in &spec.classes {
                class.flow.check().map_err(|e| SpecError::Part(e.to_string()))?;
                positive("decoder.bijective.classes.restarts", class.restarts)?;
                positive("decoder.bijective.classes.epochs", class.epochs)?;
                positive_real("decoder.bijective.classes.learning_rate", class.learning_rate)?;
            }
            positive("decoder.bijective.code.epochs", spec.code.epochs)?;
            positive_real("decoder.bijective.code.learning_rate", spec.code.learning_rate)?;
            if t.held_out == 0.0 {
                return Err(SpecError::Conflict(
                    "a bijective decoder is chosen by held-out likelihood: it needs held-out rows (held_out > 0)",
                ));
            }
            if self.model != ModelKind::Ivae {
                return Err(SpecError::Conflict("a bijective decoder needs the model \"ivae\""));
            }
        }
        let linear_part = |net: &MlpSpec| net.skip || net.hidden.is_empty();
        if self.vae.start != Start::Random
            && ![&self.vae.posterior.net, &self.vae.likelihood.net].into_iter().all(linear_part)
        {
            return Err(SpecError::Conflict(
                "start = \"pca\" needs networks with a linear part (skip = true)",
            ));
        }
        Ok(())
    }

    /// Most epochs of a fit of `observed` columns, over all stages and restarts, but for a polish that goes on because it
    /// still rises.
    pub fn most_epochs(&self, observed: usize) -> usize {
        match &self.decoder {
            DecoderSpec::Mlp => self.training.epochs.saturating_mul(self.training.restarts),
            DecoderSpec::Bijective(b) => {
                let codes = match b.code.kind {
                    _ if observed <= self.latents => 0,
                    CodeKind::Auto => 2,
                    CodeKind::Autoencoder | CodeKind::Elbo => 1,
                };
                let code = b.code.epochs.saturating_mul(codes);
                let race: usize = b.classes.iter().map(|c| c.epochs.saturating_mul(c.restarts)).sum();
                code.saturating_add(race).saturating_add(b.polish_epochs.saturating_mul(b.finalists))
            }
        }
    }

    fn nets(&self) -> impl Iterator<Item = &MlpSpec> {
        let prior = match &self.vae.prior.parameters {
            BlockSpec::Net(net) => Some(net),
            _ => None,
        };
        [&self.vae.posterior.net, &self.vae.likelihood.net].into_iter().chain(prior)
    }
}
