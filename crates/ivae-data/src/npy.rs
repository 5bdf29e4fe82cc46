//! NumPy's `.npy` format, alone or as a member of an `.npz`: any numeric type, strings, either memory order.

use std::io::{self, Write};
use std::path::Path;

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, Axis, ShapeBuilder};
use ndarray_npy::npy::header::{Header, Layout};

use crate::auxiliary::Column;
use crate::read::unreadable;
use crate::{DataError, Dataset, ReadOptions};

/// A longer header than this is taken as damage.
const LONGEST_HEADER: usize = 1 << 16;
/// Deeper nesting in a header than this is taken as damage (an array's own header has 2).
const DEEPEST_HEADER: usize = 16;

/// An array as it stands in the file.
#[derive(Debug)]
pub(crate) struct RawArray {
    element: Element,
    dtype: String,
    pub(crate) shape: Vec<usize>,
    layout: Layout,
    file: Vec<u8>,
    /// Where the values start in `file`; they fill the rest.
    start: usize,
}

/// Type of one value: its kind, its size in bytes, and whether it is stored with the high byte first.
#[derive(Debug, Clone, Copy)]
struct Element {
    kind: Kind,
    size: usize,
    big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Bool,
    Int,
    Uint,
    Float,
    /// 4 bytes a character.
    Unicode,
    Bytes,
    Other,
}

impl Element {
    fn parse(dtype: &str) -> Self {
        let big_endian = dtype.starts_with('>') || (dtype.starts_with('=') && cfg!(target_endian = "big"));
        let plain = dtype.trim_start_matches(['<', '>', '|', '=']);
        let count: Option<usize> = plain.get(1..).and_then(|digits| digits.parse().ok());
        let (kind, size) = match (plain.as_bytes().first(), count) {
            (Some(b'b'), Some(1)) => (Kind::Bool, 1),
            (Some(b'i'), Some(size @ (1 | 2 | 4 | 8))) => (Kind::Int, size),
            (Some(b'u'), Some(size @ (1 | 2 | 4 | 8))) => (Kind::Uint, size),
            (Some(b'f'), Some(size @ (4 | 8))) => (Kind::Float, size),
            (Some(b'U'), Some(length)) => (Kind::Unicode, length.saturating_mul(4)),
            (Some(b'S'), Some(length)) => (Kind::Bytes, length),
            _ => (Kind::Other, 0),
        };
        Self { kind, size, big_endian }
    }
}

impl RawArray {
    /// The array in the bytes of a whole `.npy` file, or what is wrong with it.
    pub(crate) fn parse(file: Vec<u8>) -> Result<Self, String> {
        let (header, start) = parse_header(&file)?;
        let dtype = match header.type_descriptor.as_string() {
            Some(dtype) => dtype.clone(),
            None => header.type_descriptor.to_string(),
        };
        let element = Element::parse(&dtype);
        let expected = header.shape.iter().try_fold(element.size, |bytes, &len| bytes.checked_mul(len));
        let found = file.len() - start;
        if element.kind != Kind::Other && expected != Some(found) {
            let shape = &header.shape;
            return Err(match expected {
                Some(expected) => {
                    format!("shape {shape:?} of {dtype} needs {expected} bytes, there are {found}")
                }
                None => format!("shape {shape:?} is impossible"),
            });
        }
        Ok(Self { element, dtype, shape: header.shape, layout: header.layout, file, start })
    }

    /// The numbers as a matrix `[N, c]`; an array `[N]` becomes `[N, 1]`.
    pub(crate) fn matrix<F: Scalar>(&self, key: &str) -> Result<Array2<F>, DataError> {
        let (rows, cols) = self.rows_cols(key)?;
        let values = self.numbers(key)?;
        let shape = (rows, cols).set_f(self.layout.is_fortran());
        let array = Array2::from_shape_vec(shape, values).map_err(|_| self.shape_error(key))?;
        Ok(array.as_standard_layout().into_owned())
    }

    /// The columns, each by the kind of label or number it holds.
    pub(crate) fn columns<F: Scalar>(&self, key: &str) -> Result<Vec<Column<F>>, DataError> {
        fn split<T: Clone>(
            (rows, cols): (usize, usize),
            fortran: bool,
            values: Vec<T>,
        ) -> impl Iterator<Item = Vec<T>> {
            let at = move |i, j| if fortran { j * rows + i } else { i * cols + j };
            (0..cols).map(move |j| (0..rows).map(|i| values[at(i, j)].clone()).collect())
        }
        let shape = self.rows_cols(key)?;
        let fortran = self.layout.is_fortran();
        Ok(match self.element.kind {
            Kind::Bool | Kind::Int | Kind::Uint => {
                split(shape, fortran, self.integers()).map(Column::Integers).collect()
            }
            Kind::Unicode | Kind::Bytes => {
                split(shape, fortran, self.strings(key)?).map(Column::Text).collect()
            }
            Kind::Float | Kind::Other => {
                split(shape, fortran, self.numbers(key)?).map(Column::Floats).collect()
            }
        })
    }

    /// The strings of an array `[N]`; [`None`] if it holds anything else.
    pub(crate) fn names(&self, key: &str) -> Option<Vec<String>> {
        let text = matches!(self.element.kind, Kind::Unicode | Kind::Bytes) && self.shape.len() == 1;
        text.then(|| self.strings(key).ok()).flatten()
    }

    fn rows_cols(&self, key: &str) -> Result<(usize, usize), DataError> {
        match self.shape[..] {
            [rows] => Ok((rows, 1)),
            [rows, cols] => Ok((rows, cols)),
            _ => Err(self.shape_error(key)),
        }
    }

    fn shape_error(&self, key: &str) -> DataError {
        DataError::Shape { key: key.into(), expected: "[rows] or [rows, columns]", found: self.shape.clone() }
    }

    fn dtype_error(&self, key: &str) -> DataError {
        let expected = "booleans, integers, 32- or 64-bit floats (or, for u, strings)";
        DataError::Dtype { key: key.into(), dtype: self.dtype.clone(), expected }
    }

    /// The bytes of each value, low byte first.
    fn values<const SIZE: usize>(&self) -> impl Iterator<Item = [u8; SIZE]> {
        self.file[self.start..].chunks_exact(SIZE).map(|chunk| {
            let mut bytes = [0; SIZE];
            bytes.copy_from_slice(chunk);
            if self.element.big_endian {
                bytes.reverse();
            }
            bytes
        })
    }

    fn numbers<F: Scalar>(&self, key: &str) -> Result<Vec<F>, DataError> {
        match (self.element.kind, self.element.size) {
            (Kind::Float, 4) => Ok(self.values().map(|b| F::of(f32::from_le_bytes(b).into())).collect()),
            (Kind::Float, _) => Ok(self.values().map(|b| F::of(f64::from_le_bytes(b))).collect()),
            (Kind::Bool | Kind::Int | Kind::Uint, _) => {
                Ok(self.integers().into_iter().map(|v| F::of(v as f64)).collect())
            }
            _ => Err(self.dtype_error(key)),
        }
    }

    /// The values of a boolean or integer array.
    fn integers(&self) -> Vec<i128> {
        match (self.element.kind, self.element.size) {
            (Kind::Bool, _) => self.values::<1>().map(|[b]| i128::from(b != 0)).collect(),
            (Kind::Int, 1) => self.values().map(|b| i8::from_le_bytes(b).into()).collect(),
            (Kind::Int, 2) => self.values().map(|b| i16::from_le_bytes(b).into()).collect(),
            (Kind::Int, 4) => self.values().map(|b| i32::from_le_bytes(b).into()).collect(),
            (Kind::Int, _) => self.values().map(|b| i64::from_le_bytes(b).into()).collect(),
            (_, 1) => self.values().map(|b| u8::from_le_bytes(b).into()).collect(),
            (_, 2) => self.values().map(|b| u16::from_le_bytes(b).into()).collect(),
            (_, 4) => self.values().map(|b| u32::from_le_bytes(b).into()).collect(),
            (_, _) => self.values().map(|b| u64::from_le_bytes(b).into()).collect(),
        }
    }

    /// The values of an array of strings.
    fn strings(&self, key: &str) -> Result<Vec<String>, DataError> {
        let count = self.shape.iter().product();
        let size = self.element.size;
        let decode = |i: usize| -> Option<String> {
            let bytes = &self.file[self.start..][i * size..][..size];
            let text: String = match self.element.kind {
                Kind::Bytes => String::from_utf8(bytes.to_vec()).ok()?,
                _ => bytes
                    .chunks_exact(4)
                    .map(|c| {
                        let code = [c[0], c[1], c[2], c[3]];
                        char::from_u32(if self.element.big_endian {
                            u32::from_be_bytes(code)
                        } else {
                            u32::from_le_bytes(code)
                        })
                    })
                    .collect::<Option<_>>()?,
            };
            Some(text.trim_end_matches('\0').to_string())
        };
        (0..count).map(|i| decode(i).ok_or_else(|| self.dtype_error(key))).collect()
    }
}

/// The header, and where the values start.
fn parse_header(file: &[u8]) -> Result<(Header, usize), String> {
    // ndarray-npy trusts the length it finds and parses nested text recursively: look before it leaps.
    let short = || "the file ends within its header".to_string();
    if !file.starts_with(b"\x93NUMPY") {
        return Err("it does not start as an .npy file does".into());
    }
    let (length, prefix) = match *file.get(6..12).ok_or_else(short)? {
        [1, _, a, b, ..] => (usize::from(u16::from_le_bytes([a, b])), 10),
        [_, _, a, b, c, d] => (u32::from_le_bytes([a, b, c, d]) as usize, 12),
        _ => return Err(short()),
    };
    if length > LONGEST_HEADER {
        return Err(format!("its header is {length} bytes long"));
    }
    let text = file.get(prefix..prefix + length).ok_or_else(short)?;
    if text.iter().filter(|b| b"([{".contains(b)).count() > DEEPEST_HEADER {
        return Err("its header is nested too deeply".into());
    }
    let header = Header::from_reader(&mut &*file).map_err(|e| e.to_string())?;
    Ok((header, prefix + length))
}

/// Read an `.npy` file.
pub(crate) fn read_file(path: &Path) -> Result<RawArray, DataError> {
    let file = std::fs::read(path).map_err(unreadable(path))?;
    RawArray::parse(file).map_err(|reason| DataError::Damaged { path: path.into(), format: "npy", reason })
}

/// Read an `.npy` file as a data set of x alone.
pub(crate) fn read_x<F: Scalar>(path: &Path, options: &ReadOptions) -> Result<Dataset<F>, DataError> {
    if let Some(columns) = options.u.as_ref().or(options.s.as_ref()) {
        let reason = "an .npy file holds x alone".to_string();
        return Err(DataError::BadColumns { text: columns.to_string(), reason });
    }
    let data = Dataset::from_x(read_file(path)?.matrix("x")?);
    match &options.x {
        Some(columns) => Ok(data.select_columns(&columns.resolve(&data.x_names)?)),
        None => Ok(data),
    }
}

fn write_header(out: &mut impl Write, dtype: &str, shape: &[usize]) -> io::Result<()> {
    let type_descriptor = format!("'{dtype}'").parse().map_err(io::Error::other)?;
    let header = Header { type_descriptor, layout: Layout::Standard, shape: shape.to_vec() };
    out.write_all(&header.to_bytes().map_err(io::Error::other)?)
}

/// Write numbers `[N, c]` in their own precision.
pub(crate) fn write_matrix<F: Scalar>(out: &mut impl Write, array: ArrayView2<'_, F>) -> io::Result<()> {
    let single = size_of::<F>() == 4;
    write_header(out, if single { "<f4" } else { "<f8" }, array.shape())?;
    for row in array.axis_iter(Axis(0)) {
        for v in row {
            match single {
                true => out.write_all(&(v.f64() as f32).to_le_bytes())?,
                false => out.write_all(&v.f64().to_le_bytes())?,
            }
        }
    }
    Ok(())
}

/// Write integers `[N]`.
pub(crate) fn write_integers(out: &mut impl Write, values: &[i64]) -> io::Result<()> {
    write_header(out, "<i8", &[values.len()])?;
    values.iter().try_for_each(|v| out.write_all(&v.to_le_bytes()))
}

/// Write strings `[N]`.
pub(crate) fn write_strings(out: &mut impl Write, values: &[&str]) -> io::Result<()> {
    let longest = values.iter().map(|v| v.chars().count()).max().unwrap_or(0).max(1);
    write_header(out, &format!("<U{longest}"), &[values.len()])?;
    for value in values {
        let padded = value.chars().map(u32::from).chain(std::iter::repeat(0)).take(longest);
        padded.into_iter().try_for_each(|c| out.write_all(&c.to_le_bytes()))?;
    }
    Ok(())
}
