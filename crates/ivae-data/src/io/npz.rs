//! NumPy's `.npz` format: a zip archive of `.npy` arrays, each under its key.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::Path;

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, Axis};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::atomic::write_atomically;
use super::aux_column::{AuxArray, AuxColumn, aux_from_arrays, aux_from_columns, reads_as_levels};
use super::npy::{self, RawArray};
use super::options::ReadOptions;
use crate::column_names::numbered;
use crate::{Aux, ColumnSelection, Continuous, DataError, Dataset, Levels};

/// The arrays that hold u by default: the first as its elements say, the second always continuous.
const AUX_KEYS: [&str; 2] = ["u", VALUES_KEY];
/// The array of continuous values of u that no reader may take for levels.
const VALUES_KEY: &str = "u_values";

/// An open archive.
struct Archive<'a> {
    path: &'a Path,
    zip: ZipArchive<BufReader<File>>,
}

impl<'a> Archive<'a> {
    fn open(path: &'a Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(DataError::reading(path))?;
        let zip = ZipArchive::new(BufReader::new(file))
            .map_err(|e| damaged(path, format!("{e} (is the file complete?)")))?;
        Ok(Self { path, zip })
    }

    fn keys(&self) -> Vec<String> {
        self.zip.file_names().map(|name| name.strip_suffix(".npy").unwrap_or(name).to_string()).collect()
    }

    fn has(&self, key: &str) -> bool {
        self.zip.index_for_name(&format!("{key}.npy")).is_some()
    }

    fn array<'b>(&'b mut self, key: &'b str) -> Result<RawArray<'b>, DataError> {
        let path = self.path;
        let fault = move |reason: String| damaged(path, format!("array `{key}`: {reason}"));
        if !self.has(key) {
            return Err(DataError::MissingKey { path: path.into(), key: key.into(), found: self.keys() });
        }
        let member = self.zip.by_name(&format!("{key}.npy")).map_err(|e| fault(e.to_string()))?;
        let length = member.size();
        RawArray::open(member, length, fault)
    }

    /// The keys that a selection stands for, if all its parts are keys.
    fn as_keys(&self, columns: &ColumnSelection) -> Option<Vec<String>> {
        columns.parts().iter().all(|part| self.has(part)).then(|| columns.parts().to_vec())
    }

    /// Names of `count` columns of the array `key`, if `key_names` holds as many.
    fn stored_names(&mut self, key: &str, count: usize) -> Result<Option<Vec<String>>, DataError> {
        let names_key = format!("{key}_names");
        if !self.has(&names_key) {
            return Ok(None);
        }
        let names = self.array(&names_key)?.names(&names_key);
        Ok(names.filter(|names| names.len() == count))
    }

    /// Names of `count` columns of the default array `key`: those in `key_names`, or else `key1`, `key2`, ..
    fn names(&mut self, key: &str, count: usize) -> Result<Vec<String>, DataError> {
        Ok(self.stored_names(key, count)?.unwrap_or_else(|| numbered(key, count)))
    }

    /// The matrix that `columns` select (x or s), with the names of its columns.
    fn matrix<F: Scalar>(
        &mut self,
        default: &str,
        columns: Option<&ColumnSelection>,
    ) -> Result<(Array2<F>, Vec<String>), DataError> {
        match columns.map(|c| (c, self.as_keys(c))) {
            Some((_, Some(keys))) if keys.len() == 1 => {
                let array = self.array(&keys[0])?.matrix(&keys[0])?;
                let names = if keys[0] == default {
                    self.names(default, array.ncols())?
                } else {
                    numbered(default, array.ncols())
                };
                Ok((array, names))
            }
            selection => {
                let array: Array2<F> = self.array_behind(default, columns)?.matrix(default)?;
                let names = self.names(default, array.ncols())?;
                let Some((columns, _)) = selection else { return Ok((array, names)) };
                let picked = columns.resolve(&names)?;
                let names = picked.iter().map(|&j| names[j].clone()).collect();
                Ok((array.select(Axis(1), &picked), names))
            }
        }
    }

    /// The array whose columns `columns` select: the `default` one. If it is missing, the error names the part of the
    /// selection that is no key.
    fn array_behind<'b>(
        &'b mut self,
        default: &'b str,
        columns: Option<&'b ColumnSelection>,
    ) -> Result<RawArray<'b>, DataError> {
        match columns.and_then(|c| c.parts().iter().find(|part| !self.has(part))) {
            Some(part) if !self.has(default) => self.array(part),
            _ => self.array(default),
        }
    }

    fn auxiliary<F: Scalar>(&mut self, columns: Option<&ColumnSelection>) -> Result<Aux<F>, DataError> {
        let default_keys = AUX_KEYS.into_iter().filter(|key| self.has(key)).map(String::from);
        let default_keys: Vec<String> = default_keys.collect();
        let Some(columns) = columns else { return aux_from_arrays(self.aux_arrays(&default_keys)?) };
        if let Some(keys) = self.as_keys(columns) {
            return aux_from_arrays(self.aux_arrays(&keys)?);
        }
        if default_keys.is_empty() {
            self.array_behind("u", Some(columns))?;
        }
        let arrays = self.aux_arrays(&default_keys)?;
        let (names, all): (Vec<_>, Vec<_>) =
            arrays.into_iter().flat_map(|array| array.names.into_iter().zip(array.columns)).unzip();
        let picked = columns.resolve(&names)?;
        let names = picked.iter().map(|&j| names[j].clone()).collect();
        aux_from_columns(names, picked.into_iter().map(|j| all[j].clone()).collect())
    }

    /// The arrays of these keys as parts of u.
    fn aux_arrays<F: Scalar>(&mut self, keys: &[String]) -> Result<Vec<AuxArray<F>>, DataError> {
        keys.iter().map(|key| self.aux_array(key)).collect()
    }

    fn aux_array<F: Scalar>(&mut self, key: &str) -> Result<AuxArray<F>, DataError> {
        let array = self.array(key)?;
        let columns = if key == VALUES_KEY {
            let values: Array2<F> = array.matrix(key)?;
            values.columns().into_iter().map(|v| AuxColumn::Continuous(v.to_vec())).collect()
        } else {
            array.columns(key)?
        };
        let stored = if AUX_KEYS.contains(&key) { self.stored_names(key, columns.len())? } else { None };
        let is_named = stored.is_some();
        let names = stored.unwrap_or_else(|| match (AUX_KEYS.contains(&key), columns.len()) {
            (true, count) => numbered("u", count),
            (false, 1) => vec![key.to_string()],
            (false, count) => numbered(key, count),
        });
        Ok(AuxArray { columns, names, is_named })
    }
}

fn damaged(path: &Path, reason: String) -> DataError {
    DataError::Damaged { path: path.into(), format: "npz", reason }
}

pub(crate) fn keys(path: &Path) -> Result<Vec<String>, DataError> {
    Ok(Archive::open(path)?.keys())
}

pub(crate) fn read<F: Scalar>(path: &Path, options: &ReadOptions) -> Result<Dataset<F>, DataError> {
    let mut archive = Archive::open(path)?;
    // x is the largest and comes last, when the memory needed to read the other two is free again.
    let s = match &options.s {
        None if !archive.has("s") => None,
        columns => options.kept(Some(archive.matrix("s", columns.as_ref())?.0))?,
    };
    let u = archive.auxiliary(options.u.as_ref())?;
    let (x, x_names) = archive.matrix("x", options.x.as_ref())?;
    Ok(Dataset { x, x_names, u, s })
}

pub(crate) fn read_array<F: Scalar>(path: &Path, key: Option<&str>) -> Result<Array2<F>, DataError> {
    let mut archive = Archive::open(path)?;
    let key = match (key, &archive.keys()[..]) {
        (Some(key), _) => key.to_string(),
        (None, [only]) => only.clone(),
        (None, keys) => {
            return Err(DataError::MissingKey {
                path: path.into(),
                key: String::new(),
                found: keys.to_vec(),
            });
        }
    };
    archive.array(&key)?.matrix(&key)
}

/// An archive being written.
struct Members<'a, 'f>(ZipWriter<&'a mut BufWriter<&'f File>>);

impl Members<'_, '_> {
    fn start(&mut self, key: &str) -> io::Result<&mut impl io::Write> {
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        self.0.start_file(format!("{key}.npy"), options)?;
        Ok(&mut self.0)
    }
}

fn write_members(
    path: &Path,
    fill: impl FnOnce(&mut Members<'_, '_>) -> io::Result<()>,
) -> Result<(), DataError> {
    write_atomically(path, |out| {
        let mut members = Members(ZipWriter::new(out));
        fill(&mut members)?;
        members.0.finish()?;
        Ok(())
    })
}

pub(crate) fn write<F: Scalar>(path: &Path, data: &Dataset<F>) -> Result<(), DataError> {
    write_members(path, |members| {
        npy::write_matrix(members.start("x")?, data.x.view())?;
        write_names(members, "x", "x", &data.x_names)?;
        if let Some(levels) = &data.u.levels {
            match as_integers(levels) {
                Some(integers) => npy::write_integers(members.start("u")?, integers)?,
                None => npy::write_strings(members.start("u")?, &levels.labels())?,
            }
        }
        if let Some(Continuous { values, names }) = &data.u.values {
            let is_ambiguous = data.u.levels.is_some() || reads_as_levels(values.view());
            let key = if is_ambiguous { VALUES_KEY } else { "u" };
            npy::write_matrix(members.start(key)?, values.view())?;
            write_names(members, key, "u", names)?;
        }
        match &data.s {
            Some(s) => npy::write_matrix(members.start("s")?, s.view()),
            None => Ok(()),
        }
    })
}

/// Write x, u and s from blocks of their rows; x and s come with their shapes.
pub(crate) fn write_blocks<F: Scalar>(
    path: &Path,
    x: ((usize, usize), impl Iterator<Item = Array2<F>>),
    u: impl ExactSizeIterator<Item = i64>,
    s: ((usize, usize), impl Iterator<Item = Array2<F>>),
) -> Result<(), DataError> {
    write_members(path, |members| {
        npy::write_blocks(members.start("x")?, x.0, x.1)?;
        npy::write_integers(members.start("u")?, u)?;
        npy::write_blocks(members.start("s")?, s.0, s.1)
    })
}

pub(crate) fn write_array<F: Scalar>(
    path: &Path,
    key: &str,
    array: ArrayView2<'_, F>,
) -> Result<(), DataError> {
    write_members(path, |members| npy::write_matrix(members.start(key)?, array))
}

/// Names of the columns of the array `key`, unless they are the default names of the stem.
fn write_names(members: &mut Members<'_, '_>, key: &str, stem: &str, names: &[String]) -> io::Result<()> {
    if names == numbered(stem, names.len()) {
        return Ok(());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    npy::write_strings(members.start(&format!("{key}_names"))?, &names)
}

/// The labels as integers, if every name is one and reading them gives the same levels.
fn as_integers(levels: &Levels) -> Option<impl ExactSizeIterator<Item = i64>> {
    let parse = |name: &String| name.parse::<i64>().ok().filter(|v| v.to_string() == *name);
    let integers: Vec<i64> = levels.names.iter().map(parse).collect::<Option<_>>()?;
    let ascending = integers.windows(2).all(|pair| pair[0] < pair[1]);
    ascending.then(|| levels.index.iter().map(move |&level| integers[level as usize]))
}
