//! Writing data: dispatch by extension.

use std::path::Path;

use ivae_num::Scalar;
use ndarray::{ArrayView2, Axis};

use super::atomic::write_atomically;
use super::format::Format;
use super::{npy, npz, text};
use crate::check::check_lengths;
use crate::column_names::numbered;
use crate::{DataError, Dataset};

/// Write a data set so that [`read`](crate::read) gives it back; the extension of `path` decides the format.
///
/// The file appears whole or not at all. Levels of u without rows are not written. Names of the continuous columns of u
/// are written to an `.npz` alone. An `.npy` holds x alone and refuses data with u or s. A text file refuses a u that
/// would be read back as something else: levels that look like decimal numbers, or continuous columns of whole numbers
/// that repeat.
///
/// # Errors
/// The path cannot be written, the format cannot hold the data, or their parts do not fit each other.
pub fn write<F: Scalar>(path: impl AsRef<Path>, data: &Dataset<F>) -> Result<(), DataError> {
    let path = path.as_ref();
    check_lengths(data)?;
    match Format::of(path)? {
        Format::Npz => npz::write(path, data),
        Format::Npy => {
            let what = match data {
                Dataset { u, .. } if !u.is_none() => "u",
                Dataset { s: Some(_), .. } => "s",
                _ => return write_array(path, "x", data.x.view()),
            };
            Err(DataError::Unwritable { path: path.to_path_buf(), what })
        }
        Format::Text { delimiter } => text::write(path, delimiter, data),
    }
}

/// Write one array `[N, c]`: under the key `name` in an `.npz`, under columns `name1`, `name2`, .. in a `.csv` or `.tsv`.
///
/// # Errors
/// As [`write()`].
pub fn write_array<F: Scalar>(
    path: impl AsRef<Path>,
    name: &str,
    array: ArrayView2<'_, F>,
) -> Result<(), DataError> {
    let path = path.as_ref();
    match Format::of(path)? {
        Format::Npz => npz::write_array(path, name, array),
        Format::Npy => write_atomically(path, |out| npy::write_matrix(out, array)),
        Format::Text { delimiter } => {
            let header = numbered(name, array.ncols());
            let rows = array.axis_iter(Axis(0)).map(|row| row.iter().map(text::as_text).collect());
            text::write_rows(path, delimiter, &header, rows)
        }
    }
}

/// Whether the extension of `path` is one that [`write()`] and [`write_array`] accept: call it before long work.
///
/// # Errors
/// [`DataError::Extension`].
pub fn check_extension(path: impl AsRef<Path>) -> Result<(), DataError> {
    Format::of(path.as_ref()).map(drop)
}
