//! Reading data: dispatch by extension.

use std::path::Path;

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2};

use super::format::Format;
use super::options::ReadOptions;
use super::{npy, npz, text};
use crate::{DataError, Dataset};

/// Read a data set; the extension of `path` says how: `.npz`, `.npy`, `.csv` or `.tsv`.
///
/// Call [`check`](crate::check) afterwards: here, only the numbers of text files must be finite.
///
/// # Errors
/// The file cannot be read, is damaged, or does not hold what `options` ask for.
pub fn read<F: Scalar>(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Dataset<F>, DataError> {
    let path = path.as_ref();
    match Format::of(path)? {
        Format::Npz => npz::read(path, options),
        Format::Npy => npy::read_x(path, options),
        Format::Text { delimiter } => {
            let mut data = text::read(path, delimiter, options)?;
            data.s = options.kept(data.s)?;
            Ok(data)
        }
    }
}

/// Read one array of numbers, `[N, c]` (`[N]` is read as `[N, 1]`).
///
/// `key` names the array of an `.npz`; it may be left out where there is only one, and is not used for other formats.
/// All columns of a text file are read.
///
/// # Errors
/// As [`read`].
pub fn read_array<F: Scalar>(path: impl AsRef<Path>, key: Option<&str>) -> Result<Array2<F>, DataError> {
    let path = path.as_ref();
    match Format::of(path)? {
        Format::Npz => npz::read_array(path, key),
        Format::Npy => npy::open_file(path)?.matrix("x"),
        Format::Text { delimiter } => text::read_all(path, delimiter),
    }
}

/// Calls `each` with the rows of an `.npy` file, `[B, c]`, at most `rows` at a time, from the first to the last.
///
/// Memory holds one block at a time, so that the data may be larger than it. The error `E` of `each` is any type that a
/// [`DataError`] converts into, such as `Box<dyn Error>`.
///
/// # Errors
/// As [`read`]; another format than `.npy`; an array that is stored column by column; what `each` returns.
pub fn read_blocks<F: Scalar, E: From<DataError>>(
    path: impl AsRef<Path>,
    rows: usize,
    each: impl FnMut(ArrayView2<'_, F>) -> Result<(), E>,
) -> Result<(), E> {
    let path = path.as_ref();
    match Format::of(path)? {
        Format::Npy => npy::open_file(path)?.row_blocks("x", rows, each),
        _ => {
            let reason = "only .npy files are read in blocks of rows".to_owned();
            Err(DataError::Damaged { path: path.to_path_buf(), format: "npy", reason }.into())
        }
    }
}

/// What a file holds: the keys of an `.npz`, the column names of a text file, `x` for an `.npy`.
///
/// # Errors
/// As [`read`].
pub fn keys(path: impl AsRef<Path>) -> Result<Vec<String>, DataError> {
    let path = path.as_ref();
    match Format::of(path)? {
        Format::Npz => npz::keys(path),
        Format::Npy => npy::open_file(path).map(|_| vec!["x".to_string()]),
        Format::Text { delimiter } => text::header(path, delimiter),
    }
}
