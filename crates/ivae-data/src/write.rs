//! Writing data, never leaving half a file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use ivae_num::Scalar;
use ndarray::{ArrayView2, Axis};

use crate::dataset::numbered;
use crate::read::Format;
use crate::{Aux, DataError, Dataset};

/// Write a data set; the extension of `path` says how, so that [`read`](crate::read) gives it back.
///
/// The file appears whole or not at all. Levels of u without rows are not written. An `.npy` holds x alone and refuses
/// data with u or s.
///
/// # Errors
/// The path cannot be written, the format cannot hold the data, or their parts do not fit each other.
pub fn write<F: Scalar>(path: impl AsRef<Path>, data: &Dataset<F>) -> Result<(), DataError> {
    let path = path.as_ref();
    crate::check::check_lengths(data)?;
    match Format::of(path)? {
        Format::Npz => crate::npz::write(path, data),
        Format::Npy => {
            let what = match data {
                Dataset { u: Aux::None, s: None, .. } => return write_array(path, "x", data.x.view()),
                Dataset { u: Aux::None, .. } => "s",
                _ => "u",
            };
            Err(DataError::Unwritable { path: path.to_path_buf(), what })
        }
        Format::Text { delimiter } => crate::text::write(path, delimiter, data),
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
        Format::Npz => crate::npz::write_array(path, name, array),
        Format::Npy => write_atomically(path, |out| crate::npy::write_matrix(out, array)),
        Format::Text { delimiter } => {
            let header = numbered(name, array.ncols());
            let rows = array.axis_iter(Axis(0)).map(|row| row.iter().map(crate::text::as_text).collect());
            crate::text::write_rows(path, delimiter, &header, rows)
        }
    }
}

/// Whether the extension of `path` is one that [`write()`] and [`write_array`] know: worth asking before long work.
///
/// # Errors
/// [`DataError::Extension`].
pub fn check_extension(path: impl AsRef<Path>) -> Result<(), DataError> {
    Format::of(path.as_ref()).map(drop)
}

/// Write a file through `fill`: to a temporary name in the same folder, renamed to `path` once it is complete.
///
/// # Errors
/// The path cannot be written, or `fill` failed; what stood at `path` before is then untouched.
pub fn write_atomically(
    path: impl AsRef<Path>,
    fill: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<(), DataError> {
    let path = path.as_ref();
    let attempt = || -> io::Result<()> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // As any new file, subject to the umask; a temporary file would be private to its owner.
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.prefix(".ivae-").tempfile_in(folder)?;
        let mut out = BufWriter::new(file.as_file());
        fill(&mut out)?;
        out.flush()?;
        drop(out);
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    attempt().map_err(|source| DataError::Write { path: path.to_path_buf(), source })
}
