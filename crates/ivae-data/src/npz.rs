//! NumPy's `.npz` format: a zip archive of `.npy` arrays, each under its key.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::Path;

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, Axis};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::auxiliary::auxiliary;
use crate::dataset::numbered;
use crate::npy::{self, RawArray};
use crate::read::unreadable;
use crate::write::write_atomically;
use crate::{Aux, Columns, DataError, Dataset, Levels, ReadOptions};

/// An open archive.
struct Archive<'a> {
    path: &'a Path,
    zip: ZipArchive<BufReader<File>>,
}

impl<'a> Archive<'a> {
    fn open(path: &'a Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(unreadable(path))?;
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
    fn as_keys(&self, columns: &Columns) -> Option<Vec<String>> {
        columns.parts().iter().all(|part| self.has(part)).then(|| columns.parts().to_vec())
    }

    /// Names of `count` columns of the default array `key`: those in `key_names`, or else `key1`, `key2`, ..
    fn names(&mut self, key: &str, count: usize) -> Result<Vec<String>, DataError> {
        let names_key = format!("{key}_names");
        if !self.has(&names_key) {
            return Ok(numbered(key, count));
        }
        let names = self.array(&names_key)?.names(&names_key);
        Ok(names.filter(|names| names.len() == count).unwrap_or_else(|| numbered(key, count)))
    }

    /// The matrix that `columns` select (x or s), with the names of its columns.
    fn matrix<F: Scalar>(
        &mut self,
        default: &str,
        columns: Option<&Columns>,
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

    /// The array whose columns `columns` select: the `default` one. Where that is missing too, the error names the part of
    /// the selection that is no key.
    fn array_behind<'b>(
        &'b mut self,
        default: &'b str,
        columns: Option<&'b Columns>,
    ) -> Result<RawArray<'b>, DataError> {
        match columns.and_then(|c| c.parts().iter().find(|part| !self.has(part))) {
            Some(part) if !self.has(default) => self.array(part),
            _ => self.array(default),
        }
    }

    fn auxiliary<F: Scalar>(&mut self, columns: Option<&Columns>) -> Result<Aux<F>, DataError> {
        let keys = match columns {
            None if self.has("u") => vec!["u".to_string()],
            None => return Ok(Aux::None),
            Some(columns) => match self.as_keys(columns) {
                Some(keys) => keys,
                None => {
                    let u = self.array_behind("u", Some(columns))?.columns("u")?;
                    let names = self.names("u", u.len())?;
                    let picked = columns.resolve(&names)?;
                    let names = picked.iter().map(|&j| names[j].clone()).collect();
                    return auxiliary(names, picked.into_iter().map(|j| u[j].clone()).collect(), None);
                }
            },
        };
        let (mut names, mut parts) = (Vec::new(), Vec::new());
        for key in &keys {
            let columns = self.array(key)?.columns(key)?;
            names.extend(match (key.as_str(), columns.len()) {
                ("u", count) => self.names("u", count)?,
                (_, 1) => vec![key.clone()],
                (_, count) => numbered(key, count),
            });
            parts.extend(columns);
        }
        let positions = || (0..names.len()).map(|j| j.to_string()).collect();
        let one_hot =
            (keys.len() == 1).then(|| if self.has("u_names") { names.clone() } else { positions() });
        auxiliary(names, parts, one_hot)
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
    // x comes last: what the other two take while they are read is then free again.
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
        write_names(members, "x", &data.x_names)?;
        match &data.u {
            Aux::None => {}
            Aux::Levels(levels) => match as_integers(levels) {
                Some(integers) => npy::write_integers(members.start("u")?, integers)?,
                None => npy::write_strings(members.start("u")?, &levels.labels())?,
            },
            Aux::Continuous { values, names } => {
                npy::write_matrix(members.start("u")?, values.view())?;
                write_names(members, "u", names)?;
            }
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

/// Names of columns, unless they are those that a reader would give them.
fn write_names(members: &mut Members<'_, '_>, key: &str, names: &[String]) -> io::Result<()> {
    if names == numbered(key, names.len()) {
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
