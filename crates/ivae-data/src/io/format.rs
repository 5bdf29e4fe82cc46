//! [`Format`]: the format of a file, by its extension.

use std::path::Path;

use crate::DataError;

/// The format of a data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Npz,
    Npy,
    Text { delimiter: u8 },
}

impl Format {
    /// The format by the extension, in upper or lower case.
    pub(crate) fn of(path: &Path) -> Result<Self, DataError> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("npz") => Ok(Self::Npz),
            Some("npy") => Ok(Self::Npy),
            Some("csv") => Ok(Self::Text { delimiter: b',' }),
            Some("tsv") => Ok(Self::Text { delimiter: b'\t' }),
            _ => Err(DataError::Extension { path: path.to_path_buf() }),
        }
    }
}
