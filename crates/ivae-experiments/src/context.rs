//! What an experiment is given, and what it hands back.

use std::path::PathBuf;
use std::time::Instant;

use ivae::data::{Dataset, Split};
use ivae::prelude::{FitSpec, Fitted, Silent, fit, fit_split};
use ivae::report::{Details, Record, Section};

/// Experiments fail with whatever went wrong below them.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What an experiment is given.
#[derive(Debug)]
pub(crate) struct Context {
    /// Its name.
    pub(crate) name: String,
    /// Seed of the first run.
    pub(crate) seed: u64,
    /// Number of seeds.
    pub(crate) seeds: u64,
    /// Less data and shorter fits.
    pub(crate) quick: bool,
    /// Folder of the real data.
    pub(crate) data_dir: PathBuf,
    /// Also rewrite the pictures of the documentation.
    pub(crate) update_docs: bool,
}

/// What an experiment hands back.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Its part of the page.
    pub(crate) section: Section,
    /// One record per model.
    pub(crate) records: Vec<Record>,
}

impl Context {
    /// The command that makes this experiment's results again.
    pub(crate) fn command(&self) -> String {
        let mut command = format!("cargo xtask experiments {} --seed {}", self.name, self.seed);
        if self.seeds > 1 {
            command += &format!(" --seeds {}", self.seeds);
        }
        if self.quick {
            command += " --quick";
        }
        command
    }

    /// How to make the results again, with the settings of the main fit.
    pub(crate) fn details(&self, spec: &FitSpec) -> Result<Option<Details>> {
        Ok(Some(Details { command: self.command(), seed: Some(self.seed), spec: spec.to_toml()? }))
    }

    /// A record of this experiment about `model`, with everything but its metrics.
    pub(crate) fn record(&self, model: &str, title: &str, fitted: &[&Fitted<f32>]) -> Result<Record> {
        let mut warnings = Vec::new();
        for fitted in fitted {
            for warning in &fitted.report.warnings {
                warnings.push(format!("seed {}: {warning}", fitted.spec.seed));
            }
        }
        Ok(Record {
            name: format!("{}-{model}", self.name),
            title: title.into(),
            command: self.command(),
            seed: self.seed,
            seconds: fitted.iter().map(|f| f.report.seconds).sum(),
            settings: fitted.first().map(|f| serde_json::to_value(&f.spec)).transpose()?.unwrap_or_default(),
            warnings,
            ..Record::default()
        })
    }

    /// Fit, saying so on standard error; the split is the spec's own unless one is given.
    pub(crate) fn fit(
        &self,
        data: &Dataset<f32>,
        split: Option<&Split>,
        spec: &FitSpec,
    ) -> Result<Fitted<f32>> {
        let began = Instant::now();
        let fitted = match split {
            Some(split) => fit_split(data, split, spec, &Silent),
            None => fit(data, spec, &Silent),
        }?;
        let objective =
            fitted.report.objective.held_out.map_or_else(String::new, |o| format!(", ELBO {o:.3}"));
        eprintln!(
            "{}: {} of seed {} in {:.1} s{objective}",
            self.name,
            spec.model.name(),
            spec.seed,
            began.elapsed().as_secs_f64()
        );
        Ok(fitted)
    }
}
