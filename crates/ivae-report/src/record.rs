//! The result record: what one run leaves as JSON, and what pages are made from.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::ReportError;
use crate::file::write_atomically;

/// What one run did and found. A metric that is not a finite number is `None`, in JSON `null`.
///
/// ```
/// use ivae_report::Record;
///
/// let mut record = Record { name: "example-1".into(), seed: 7, ..Record::default() };
/// record.metric("mcc", 0.98);
/// record.metric("u_only_mcc", f64::NAN);
/// assert_eq!(record.metrics["mcc"], Some(0.98));
/// assert_eq!(record.metrics["u_only_mcc"], None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Short name without spaces: `example-1`.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// The command that makes this result again.
    pub command: String,
    /// The seed that everything random was drawn from.
    pub seed: u64,
    /// Wall-clock time of the run, in seconds.
    pub seconds: f64,
    /// The settings the run used, in full.
    #[serde(default)]
    pub settings: serde_json::Value,
    /// Numbers found, by name in alphabetical order.
    #[serde(default)]
    pub metrics: BTreeMap<String, Option<f64>>,
    /// What the reader should know before believing the numbers.
    #[serde(default)]
    pub warnings: Vec<String>,
}

impl Record {
    /// Sets one metric; a value that is not finite becomes `None`.
    pub fn metric(&mut self, name: impl Into<String>, value: f64) {
        self.metrics.insert(name.into(), value.is_finite().then_some(value));
    }

    /// Writes the record as indented JSON, atomically.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), ReportError> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        write_atomically(path.as_ref(), &json)
    }

    /// Reads a record that [`Record::write`] left.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ReportError> {
        let path = path.as_ref();
        let bytes =
            std::fs::read(path).map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
        serde_json::from_slice(&bytes).map_err(|source| ReportError::Record { path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let mut record = Record {
            name: "example-1".into(),
            title: "Five segments".into(),
            command: "ivae fit data.npz --out run".into(),
            seed: u64::MAX,
            seconds: 12.25,
            settings: serde_json::json!({ "latents": 2, "hidden": [50, 50] }),
            warnings: vec!["one restart of ten did not converge".into()],
            ..Record::default()
        };
        record.metric("mcc", 0.1 + 0.2);
        record.metric("elbo", f64::NEG_INFINITY);
        record
    }

    #[test]
    fn what_is_written_is_read_back_exactly() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        record().write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), record());
        let json = std::fs::read_to_string(&path).unwrap();
        assert!(json.contains("\"elbo\": null") && json.ends_with("}\n"), "{json}");
    }

    #[test]
    fn errors_name_the_file_and_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        let missing = Record::read(&path).unwrap_err().to_string();
        assert!(missing.contains("result.json"), "{missing}");
        std::fs::write(&path, "{ \"name\": \"x\",\n").unwrap();
        let cut = Record::read(&path).unwrap_err().to_string();
        assert!(cut.contains("not a result record") && cut.contains("line 2"), "{cut}");
    }
}
