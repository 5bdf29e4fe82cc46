//! Reading data: dispatch by extension.

use std::path::Path;

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2};

use crate::{Columns, DataError, Dataset};

/// Which columns or arrays of a file are x, u and s; by default ([`None`]) as the format says.
///
/// # Text (`.csv`, `.tsv`)
/// One header line, one line per row. By default u is the column named `u`, or else the columns `u1`, `u2`, ..;
/// s the columns `s1`, `s2`, .. (or from 0); and x every other column.
///
/// # `.npz`
/// Arrays `x` `[N, d]` (or `[N]`), optional `u` and `s` `[N, n]`. Columns of x are named `x1`, `x2`, .., unless an
/// array of strings `x_names` names them. A selection is either the keys of other arrays (one key for x and s; one or
/// several for u) or else columns of the default array.
///
/// # `.npy`
/// x alone, `[N, d]` or `[N]`; it has no u and no s.
///
/// # What u becomes
/// | in the file | u |
/// |---|---|
/// | integers or booleans `[N]` or `[N, 1]` | levels, in numerical order |
/// | strings `[N]` or `[N, 1]` | levels, in the order of the text |
/// | `[N, m]`, every row a single 1 among zeros (one-hot) | m levels, whether all occur or not |
/// | floats `[N]` or `[N, 1]`, all integers, at least two rows per distinct value on average | levels |
/// | other floats, other `[N, m]` | continuous |
/// | several columns or arrays, each of which is levels by itself, and not one-hot together | one level per combination, named `a:b` |
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Columns of x.
    pub x: Option<Columns>,
    /// The auxiliary variable.
    pub u: Option<Columns>,
    /// True sources.
    pub s: Option<Columns>,
    /// Look whether the sources are finite, and do not keep them.
    pub drop_s: bool,
}

/// Read a data set; the extension of `path` says how: `.npz`, `.npy`, `.csv` or `.tsv`.
///
/// Values are not judged here, except that text must be finite numbers: call [`check`](crate::check).
///
/// # Errors
/// The file cannot be read, is damaged, or does not hold what `options` ask for.
pub fn read<F: Scalar>(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Dataset<F>, DataError> {
    let path = path.as_ref();
    match Format::of(path)? {
        Format::Npz => crate::npz::read(path, options),
        Format::Npy => crate::npy::read_x(path, options),
        Format::Text { delimiter } => {
            let mut data = crate::text::read(path, delimiter, options)?;
            data.s = options.kept(data.s)?;
            Ok(data)
        }
    }
}

impl ReadOptions {
    /// The sources `[N, n]`, if they are to be kept.
    pub(crate) fn kept<F: Scalar>(&self, s: Option<Array2<F>>) -> Result<Option<Array2<F>>, DataError> {
        match s {
            Some(s) if self.drop_s => crate::check::finite_sources(&s).map(|()| None),
            s => Ok(s),
        }
    }
}

/// Read one array of numbers, `[N, c]` (`[N]` is read as `[N, 1]`).
///
/// `key` names the array of an `.npz`; it may be left out where there is only one, and is not used for other formats.
/// Of a text file, all columns are read.
///
/// # Errors
/// As [`read`].
pub fn read_array<F: Scalar>(path: impl AsRef<Path>, key: Option<&str>) -> Result<Array2<F>, DataError> {
    let path = path.as_ref();
    match Format::of(path)? {
        Format::Npz => crate::npz::read_array(path, key),
        Format::Npy => crate::npy::open_file(path)?.matrix("x"),
        Format::Text { delimiter } => crate::text::read_all(path, delimiter),
    }
}

/// Calls `each` with the rows of an `.npy` file, `[B, c]`, at most `rows` at a time, from the first to the last: a pass over
/// data that need not fit into memory, of which no more than one block is held.
///
/// What can go wrong in `each` is an error `E` of its own, of which a [`DataError`] is one: `Box<dyn Error>` will do.
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
        Format::Npy => crate::npy::open_file(path)?.row_blocks("x", rows, each),
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
        Format::Npz => crate::npz::keys(path),
        Format::Npy => crate::npy::open_file(path).map(|_| vec!["x".to_string()]),
        Format::Text { delimiter } => crate::text::header(path, delimiter),
    }
}

/// How a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Npz,
    Npy,
    Text { delimiter: u8 },
}

impl Format {
    /// By the extension, in upper or lower case.
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

/// The error of a file that cannot be read.
pub(crate) fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> DataError {
    move |source| DataError::Read { path: path.to_path_buf(), source }
}
