//! NumPy's `.npy` format, alone or as a member of an `.npz`: any numeric type, strings, either memory order.
//!
//! Values are converted as they stream in, so that reading takes the memory of the result and no more.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView2, Axis, CowArray, Ix2, ShapeBuilder};
use ndarray_npy::npy::header::{Header, Layout};

use super::aux_column::AuxColumn;
use super::options::ReadOptions;
use crate::{DataError, Dataset};

/// A longer header than this is taken as damage.
const LONGEST_HEADER: usize = 1 << 16;
/// Deeper nesting in a header than this is taken as damage (an array's own header has 2).
const DEEPEST_HEADER: usize = 16;
/// Values that are read at a time.
const BLOCK: usize = 1 << 13;

/// An array in a file, its header read and its values still to come.
pub(crate) struct RawArray<'a> {
    element: Element,
    dtype: String,
    pub(crate) shape: Vec<usize>,
    layout: Layout,
    /// Bytes of values still to come.
    left: u64,
    values: Box<dyn Read + 'a>,
    /// The error of a damaged file, for a reason.
    damaged: Box<dyn Fn(String) -> DataError + 'a>,
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

impl<'a> RawArray<'a> {
    /// The array in `file`, a whole `.npy` file of `length` bytes.
    pub(crate) fn open(
        mut file: impl Read + 'a,
        length: u64,
        damaged: impl Fn(String) -> DataError + 'a,
    ) -> Result<Self, DataError> {
        let (header, start) = read_header(&mut file).map_err(&damaged)?;
        let dtype = match header.type_descriptor.as_string() {
            Some(dtype) => dtype.clone(),
            None => header.type_descriptor.to_string(),
        };
        let element = Element::parse(&dtype);
        let expected = header.shape.iter().try_fold(element.size, |bytes, &len| bytes.checked_mul(len));
        let found = length.saturating_sub(start as u64);
        if element.kind != Kind::Other && expected.map(|bytes| bytes as u64) != Some(found) {
            let shape = &header.shape;
            return Err(damaged(match expected {
                Some(expected) => {
                    format!("shape {shape:?} of {dtype} needs {expected} bytes, there are {found}")
                }
                None => format!("shape {shape:?} is impossible"),
            }));
        }
        let Header { shape, layout, .. } = header;
        let (values, damaged) = (Box::new(file), Box::new(damaged));
        Ok(Self { element, dtype, shape, layout, left: found, values, damaged })
    }

    /// The numbers as a matrix `[N, c]`; an array `[N]` becomes `[N, 1]`.
    pub(crate) fn matrix<F: Scalar>(mut self, key: &str) -> Result<Array2<F>, DataError> {
        let (rows, cols) = self.rows_cols(key)?;
        let values = self.numbers(key, rows * cols)?;
        let fortran = self.layout.is_fortran();
        let array =
            Array2::from_shape_vec((rows, cols).set_f(fortran), values).map_err(|_| self.shape_error(key))?;
        Ok(if fortran { array.as_standard_layout().into_owned() } else { array })
    }

    /// Calls `each` with the numbers of at most `most` rows at a time, `[B, c]`, from the first to the last.
    pub(crate) fn row_blocks<F: Scalar, E: From<DataError>>(
        mut self,
        key: &str,
        most: usize,
        mut each: impl FnMut(ArrayView2<'_, F>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (rows, cols) = self.rows_cols(key)?;
        if self.layout.is_fortran() && rows.min(cols) > 1 {
            return Err(DataError::ByColumns { key: key.into() }.into());
        }
        for start in (0..rows).step_by(most.max(1)) {
            let now = most.max(1).min(rows - start);
            let values = self.numbers(key, now * cols)?;
            let block = ArrayView2::from_shape((now, cols), &values).map_err(|_| self.shape_error(key))?;
            each(block)?;
        }
        Ok(())
    }

    /// The columns, each by the kind of label or number it holds.
    pub(crate) fn columns<F: Scalar>(mut self, key: &str) -> Result<Vec<AuxColumn<F>>, DataError> {
        fn split<T: Clone>((rows, cols): (usize, usize), fortran: bool, values: Vec<T>) -> Vec<Vec<T>> {
            if cols == 1 {
                return vec![values];
            }
            let at = move |i, j| if fortran { j * rows + i } else { i * cols + j };
            (0..cols).map(move |j| (0..rows).map(|i| values[at(i, j)].clone()).collect()).collect()
        }
        let shape = self.rows_cols(key)?;
        let fortran = self.layout.is_fortran();
        Ok(match self.element.kind {
            Kind::Bool | Kind::Int | Kind::Uint => split(shape, fortran, self.integers(self.len(), |v| v)?)
                .into_iter()
                .map(AuxColumn::Integers)
                .collect(),
            Kind::Unicode | Kind::Bytes => {
                split(shape, fortran, self.strings(key)?).into_iter().map(AuxColumn::Text).collect()
            }
            Kind::Float | Kind::Other => split(shape, fortran, self.numbers(key, self.len())?)
                .into_iter()
                .map(AuxColumn::Floats)
                .collect(),
        })
    }

    /// The strings of an array `[N]`; [`None`] if it holds anything else.
    pub(crate) fn names(mut self, key: &str) -> Option<Vec<String>> {
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

    /// The next `count` values, decoded from its bytes with the low byte first.
    fn values<const SIZE: usize, T>(
        &mut self,
        count: usize,
        decode: impl Fn([u8; SIZE]) -> T,
    ) -> Result<Vec<T>, DataError> {
        let mut out = Vec::new();
        out.try_reserve_exact(count).map_err(|e| (self.damaged)(format!("{count} values: {e}")))?;
        let mut block = vec![[0; SIZE]; BLOCK.min(count)];
        while out.len() < count {
            let now = BLOCK.min(count - out.len());
            let block = &mut block[..now];
            self.values.read_exact(block.as_flattened_mut()).map_err(|e| (self.damaged)(e.to_string()))?;
            if self.element.big_endian {
                block.iter_mut().for_each(|bytes| bytes.reverse());
            }
            out.extend(block.iter().map(|&bytes| decode(bytes)));
        }
        self.left = self.left.saturating_sub((count * SIZE) as u64);
        if self.left > 0 {
            return Ok(out);
        }
        // An archive compares its checksum only when it is read to the end.
        match self.values.read(&mut [0]) {
            Ok(0) => Ok(out),
            Ok(_) => Err((self.damaged)("there are more values than its shape says".into())),
            Err(e) => Err((self.damaged)(e.to_string())),
        }
    }

    /// Entries of the array.
    fn len(&self) -> usize {
        self.shape.iter().product()
    }

    fn numbers<F: Scalar>(&mut self, key: &str, count: usize) -> Result<Vec<F>, DataError> {
        match (self.element.kind, self.element.size) {
            (Kind::Float, 4) => self.values(count, |b| F::of(f32::from_le_bytes(b).into())),
            (Kind::Float, _) => self.values(count, |b| F::of(f64::from_le_bytes(b))),
            (Kind::Bool | Kind::Int | Kind::Uint, _) => self.integers(count, |v| F::of(v as f64)),
            _ => Err(self.dtype_error(key)),
        }
    }

    /// The next `count` values of a boolean or integer array, converted.
    fn integers<T>(&mut self, count: usize, to: impl Fn(i128) -> T) -> Result<Vec<T>, DataError> {
        match (self.element.kind, self.element.size) {
            (Kind::Bool, _) => self.values(count, |[b]| to((b != 0).into())),
            (Kind::Int, 1) => self.values(count, |b| to(i8::from_le_bytes(b).into())),
            (Kind::Int, 2) => self.values(count, |b| to(i16::from_le_bytes(b).into())),
            (Kind::Int, 4) => self.values(count, |b| to(i32::from_le_bytes(b).into())),
            (Kind::Int, _) => self.values(count, |b| to(i64::from_le_bytes(b).into())),
            (_, 1) => self.values(count, |b| to(u8::from_le_bytes(b).into())),
            (_, 2) => self.values(count, |b| to(u16::from_le_bytes(b).into())),
            (_, 4) => self.values(count, |b| to(u32::from_le_bytes(b).into())),
            (_, _) => self.values(count, |b| to(u64::from_le_bytes(b).into())),
        }
    }

    /// The values of an array of strings.
    fn strings(&mut self, key: &str) -> Result<Vec<String>, DataError> {
        let (count, Element { kind, size, big_endian }) = (self.len(), self.element);
        self.element.big_endian = false; // the bytes are read one by one, and ordered below
        let bytes = self.values(count * size, |[b]: [u8; 1]| b)?;
        let decode = |i: usize| -> Option<String> {
            let bytes = &bytes[i * size..][..size];
            let text: String = match kind {
                Kind::Bytes => String::from_utf8(bytes.to_vec()).ok()?,
                _ => bytes
                    .chunks_exact(4)
                    .map(|c| {
                        let code = [c[0], c[1], c[2], c[3]];
                        char::from_u32(if big_endian {
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

/// The header, and how many bytes it is long.
fn read_header(file: &mut impl Read) -> Result<(Header, usize), String> {
    // ndarray-npy trusts the length it finds and parses nested text recursively, so both are limited first.
    let mut bytes = vec![0; 10];
    let mut fill = |bytes: &mut [u8]| {
        file.read_exact(bytes).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => "the file ends within its header".to_string(),
            _ => e.to_string(),
        })
    };
    fill(&mut bytes)?;
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err("it does not start as an .npy file does".into());
    }
    let mut length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    if bytes[6] != 1 {
        bytes.resize(12, 0);
        fill(&mut bytes[10..])?;
        length = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]) as usize;
    }
    if length > LONGEST_HEADER {
        return Err(format!("its header is {length} bytes long"));
    }
    let prefix = bytes.len();
    bytes.resize(prefix + length, 0);
    fill(&mut bytes[prefix..])?;
    if bytes[prefix..].iter().filter(|b| b"([{".contains(b)).count() > DEEPEST_HEADER {
        return Err("its header is nested too deeply".into());
    }
    let header = Header::from_reader(&mut bytes.as_slice()).map_err(|e| e.to_string())?;
    Ok((header, bytes.len()))
}

/// Open an `.npy` file.
pub(crate) fn open_file(path: &Path) -> Result<RawArray<'_>, DataError> {
    let file = File::open(path).map_err(DataError::reading(path))?;
    let length = file.metadata().map_err(DataError::reading(path))?.len();
    RawArray::open(io::BufReader::new(file), length, move |reason| DataError::Damaged {
        path: path.into(),
        format: "npy",
        reason,
    })
}

/// Read an `.npy` file as a data set of x alone.
pub(crate) fn read_x<F: Scalar>(path: &Path, options: &ReadOptions) -> Result<Dataset<F>, DataError> {
    if let Some(columns) = options.u.as_ref().or(options.s.as_ref()) {
        let reason = "an .npy file holds x alone".to_string();
        return Err(DataError::BadColumns { text: columns.to_string(), reason });
    }
    let data = Dataset::new(open_file(path)?.matrix("x")?);
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
    write_blocks(out, array.dim(), std::iter::once(array.reborrow()))
}

/// Write a matrix of `shape` from blocks of its rows.
pub(crate) fn write_blocks<'a, F: Scalar>(
    out: &mut impl Write,
    shape: (usize, usize),
    blocks: impl Iterator<Item = impl Into<CowArray<'a, F, Ix2>>>,
) -> io::Result<()> {
    write_header(out, if size_of::<F>() == 4 { "<f4" } else { "<f8" }, &[shape.0, shape.1])?;
    for block in blocks {
        write_rows(out, block.into().view())?;
    }
    Ok(())
}

fn write_rows<F: Scalar>(out: &mut impl Write, block: ArrayView2<'_, F>) -> io::Result<()> {
    let single = size_of::<F>() == 4;
    for row in block.axis_iter(Axis(0)) {
        for v in row {
            if single {
                out.write_all(&(v.f64() as f32).to_le_bytes())?;
            } else {
                out.write_all(&v.f64().to_le_bytes())?;
            }
        }
    }
    Ok(())
}

/// Write integers `[N]`.
pub(crate) fn write_integers(
    out: &mut impl Write,
    mut values: impl ExactSizeIterator<Item = i64>,
) -> io::Result<()> {
    write_header(out, "<i8", &[values.len()])?;
    values.try_for_each(|v| out.write_all(&v.to_le_bytes()))
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
