//! The errors of this crate.

use std::path::PathBuf;

/// What can go wrong when a page or a record is written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system answered.
        source: std::io::Error,
    },
    /// A file could not be written; nothing of it was left behind.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system answered.
        source: std::io::Error,
    },
    /// A file is not a result record.
    #[error("{} is not a result record: {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Where and why reading stopped.
        source: serde_json::Error,
    },
    /// A record could not be turned into JSON.
    #[error("cannot write the record as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The page could not be rendered.
    #[error("cannot render the page: {0}")]
    Template(#[from] minijinja::Error),
}
