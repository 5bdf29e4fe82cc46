//! [`FitSpec`]: what a fit is asked to do, as plain data, read from and written to TOML, checked once.

use serde::{Deserialize, Serialize};

use crate::error::{SpecError, positive_count};
use crate::model::ModelSpec;

/// Everything that decides a fit, but the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitSpec {
    /// Number of latents n.
    pub latents: usize,
    /// Seed of the run: same data, spec and seed give the same bytes.
    pub seed: u64,
    /// Which rows are held out.
    pub split: SplitSpec,
    /// The model.
    pub model: ModelSpec,
}

/// Which rows are held out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitSpec {
    /// The part of the rows that is held out.
    pub held_out: f64,
    /// If given, rows are held out in contiguous blocks of this length (time series).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<usize>,
}

impl Default for SplitSpec {
    /// A tenth of the rows, at random.
    fn default() -> Self {
        Self { held_out: 0.1, block: None }
    }
}

impl FitSpec {
    /// Fit `model` with `latents` latents, a tenth of the rows held out, from seed 0.
    pub fn new(latents: usize, model: impl Into<ModelSpec>) -> Self {
        Self { latents, seed: 0, split: SplitSpec::default(), model: model.into() }
    }

    /// Check every number that can be wrong whatever the data are.
    ///
    /// # Errors
    /// The first setting that makes no sense, with its value.
    pub fn check(&self) -> Result<(), SpecError> {
        positive_count("latents", self.latents)?;
        let SplitSpec { held_out, block } = self.split;
        block.map_or(Ok(()), |block| positive_count("split.block", block))?;
        if !(0.0..1.0).contains(&held_out) {
            return Err(SpecError::OutOfRange { name: "split.held_out", value: held_out, range: "[0, 1)" });
        }
        self.model.recipe::<f64>().check(held_out)
    }

    /// As TOML.
    ///
    /// # Errors
    /// If a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String, SpecError> {
        toml::to_string_pretty(self).map_err(|e| SpecError::Write(e.to_string()))
    }

    /// From TOML: a spec, or the `spec.toml` of a run folder, whose table `fit` is one. Unknown keys are errors, and so are
    /// specs in the format of an earlier version.
    ///
    /// # Errors
    /// Text that is not TOML or not a spec.
    pub fn from_toml(text: &str) -> Result<Self, SpecError> {
        #[derive(Deserialize)]
        struct RunFolder {
            fit: FitSpec,
        }
        let table = text.parse::<toml::Table>().ok();
        let fit = table.as_ref().and_then(|table| table.get("fit"));
        let spec = fit.and_then(toml::Value::as_table).or(table.as_ref());
        if spec.is_some_and(|spec| ["vae", "decoder", "training"].iter().any(|key| spec.contains_key(*key))) {
            return Err(SpecError::OldFormat);
        }
        let parsed = match fit {
            Some(_) => toml::from_str(text).map(|RunFolder { fit }| fit),
            None => toml::from_str(text),
        };
        parsed.map_err(|e| SpecError::Parse(e.to_string().trim_end().into()))
    }
}
