//! Saving and loading a [`Fitted`]: `spec.toml`, `params.safetensors`, `history.jsonl`, `result.json`, `split.json`.
//!
//! Every file is written to a temporary name in the same folder and renamed when whole.

use std::io::{self, Write};
use std::path::Path;

use ivae_data::{DataError, Split, write_atomically};
use ivae_num::Scalar;
use serde::{Deserialize, Serialize};

use super::model::Fitted;
use super::schema::Schema;
use crate::arrays::{ArrayReader, scaler_arrays, to_bytes};
use crate::error::SaveError;
use crate::model::Saved;
use crate::model::linear::LinearMap;
use crate::report::FitReport;
use crate::spec::FitSpec;
use crate::train::EpochRecord;

/// What `spec.toml` holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SpecFile {
    /// Version of the folder's format.
    format: u32,
    /// Columns of x after scaling.
    scaled: usize,
    /// What the fit chose, such as the class of a flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    choice: Option<toml::Table>,
    fit: FitSpec,
    schema: Schema,
}

/// The version alone, which a file of another version has too.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

const FORMAT: u32 = 4;

impl<F: Scalar> Fitted<F> {
    /// Write the model into the folder `dir`, which is made if it does not exist; files of the same names are replaced.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn save(&self, dir: impl AsRef<Path>) -> Result<(), SaveError> {
        let dir = dir.as_ref();
        std::fs::create_dir_all(dir).map_err(|source| SaveError::Io { path: dir.into(), source })?;
        let mut arrays = self.model.arrays();
        arrays.extend(self.step.iter().flat_map(|step| step.named_arrays("step.")));
        arrays.extend(scaler_arrays("scaler", &self.scaler));
        let spec = SpecFile {
            format: FORMAT,
            scaled: self.model.scaled_columns(),
            choice: self.model.choice(),
            fit: self.spec.clone(),
            schema: self.schema.clone(),
        };
        let path = dir.join("spec.toml");
        let text = toml::to_string_pretty(&spec).map_err(|e| format_error(&path, e))?;
        write_whole(&path, text.as_bytes())?;
        let path = dir.join("params.safetensors");
        write_whole(&path, &to_bytes(&arrays).map_err(|e| format_error(&path, e))?)?;
        write_json(&dir.join("split.json"), &self.split)?;
        write_history(dir.join("history.jsonl"), &self.history)?;
        write_json(&dir.join("result.json"), &self.report)
    }

    /// Read a model that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// A file that is missing, damaged, of another version, or of another scalar type.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self, SaveError> {
        let dir = dir.as_ref();
        let path = dir.join("spec.toml");
        let text = read_text(&path)?;
        if let Ok(Version { format }) = toml::from_str(&text)
            && format != FORMAT
        {
            let reason =
                format!("this run folder has format {format}, but this version reads {FORMAT}: fit again");
            return Err(format_error(&path, reason));
        }
        let SpecFile { scaled, choice, fit: spec, schema, .. } =
            toml::from_str(&text).map_err(|e| format_error(&path, e))?;
        let path = dir.join("params.safetensors");
        let bytes = std::fs::read(&path).map_err(|source| SaveError::Io { path: path.clone(), source })?;
        let arrays = ArrayReader::new(&bytes).map_err(|e| format_error(&path, e))?;
        let (latents, observed) = (spec.latents, schema.x.len());
        let recipe = spec.model.recipe::<F>();
        let scaler = arrays.scaler(recipe.scaling(), "scaler", (observed, scaled));
        let scaler = scaler.map_err(|e| format_error(&path, e))?;
        let saved =
            Saved { latents, observed, scaled, u: schema.inputs(), choice: choice.as_ref(), arrays: &arrays };
        let model = recipe.load(&saved).map_err(|e| format_error(&path, e))?;
        let split: Split = read_json(&dir.join("split.json"))?;
        let history_path = dir.join("history.jsonl");
        let history = read_text(&history_path)?
            .lines()
            .map(|line| serde_json::from_str(line).map_err(|e| format_error(&history_path, e)))
            .collect::<Result<_, _>>()?;
        let report: FitReport = read_json(&dir.join("result.json"))?;
        let has_step = report.linear_step.as_ref().is_some_and(|step| step.applied);
        let step = has_step.then(|| LinearMap::read(&arrays, "step.", latents, latents)).transpose();
        let step = step.map_err(|e| format_error(&path, e))?;
        Ok(Self { spec, schema, scaler, model, step, split, history, report })
    }
}

fn format_error(path: &Path, reason: impl ToString) -> SaveError {
    SaveError::Format { path: path.into(), reason: reason.to_string() }
}

fn read_text(path: &Path) -> Result<String, SaveError> {
    std::fs::read_to_string(path).map_err(|source| SaveError::Io { path: path.into(), source })
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, SaveError> {
    serde_json::from_str(&read_text(path)?).map_err(|e| format_error(path, e))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), SaveError> {
    write_with(path, |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        out.write_all(b"\n")
    })
}

/// Write epochs as JSON, one a line.
///
/// # Errors
/// What the operating system says, with the path.
pub fn write_history(path: impl AsRef<Path>, history: &[EpochRecord]) -> Result<(), SaveError> {
    let (path, mut text) = (path.as_ref(), String::new());
    for record in history {
        text.push_str(&serde_json::to_string(record).map_err(|e| format_error(path, e))?);
        text.push('\n');
    }
    write_whole(path, text.as_bytes())
}

/// Write `bytes` under a temporary name beside `path`, then rename.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), SaveError> {
    write_with(path, |out| out.write_all(bytes))
}

/// Write what `fill` does under a temporary name beside `path`, then rename.
fn write_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), SaveError> {
    write_atomically(path, |out| fill(out)).map_err(|error| match error {
        DataError::Write { source, .. } => SaveError::Io { path: path.into(), source },
        other => format_error(path, other),
    })
}
