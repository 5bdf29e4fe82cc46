//! Text tables, `.csv` and `.tsv`: one header line, then one line per row.

use std::io;
use std::path::Path;

use csv::{Reader, ReaderBuilder, StringRecord, Trim};
use ivae_num::Scalar;
use ndarray::Array2;

use super::atomic::write_atomically;
use super::aux_column::{AuxColumn, aux_from_columns};
use super::options::ReadOptions;
use crate::column_names::{is_numbered, numbered};
use crate::{Aux, ColumnSelection, DataError, Dataset, Levels};

/// Positions of the columns of x, u and s in a table.
#[derive(Debug, PartialEq, Eq)]
struct Roles {
    x: Vec<usize>,
    u: Vec<usize>,
    s: Vec<usize>,
}

impl Roles {
    /// By the rules of [`ReadOptions`]: first the selected columns, then u and s by their names, then x from the rest.
    fn choose(names: &[String], options: &ReadOptions) -> Result<Self, DataError> {
        let mut free = vec![true; names.len()];
        let mut claim = |columns: &Option<ColumnSelection>| -> Result<Option<Vec<usize>>, DataError> {
            let Some(columns) = columns else { return Ok(None) };
            let picked = columns.resolve(names)?;
            for &j in &picked {
                if !std::mem::replace(&mut free[j], false) {
                    let reason = format!("column `{}` is selected for two purposes", names[j]);
                    return Err(DataError::BadColumns { text: columns.to_string(), reason });
                }
            }
            Ok(Some(picked))
        };
        let (x, u, s) = (claim(&options.x)?, claim(&options.u)?, claim(&options.s)?);
        let mut take = |wanted: &dyn Fn(&str) -> bool| -> Vec<usize> {
            let picked: Vec<usize> = (0..names.len()).filter(|&j| free[j] && wanted(&names[j])).collect();
            picked.iter().for_each(|&j| free[j] = false);
            picked
        };
        let u = u.unwrap_or_else(|| match take(&|name| name == "u") {
            single if !single.is_empty() => single,
            _ => take(&|name| is_numbered(name, "u")),
        });
        let s = s.unwrap_or_else(|| take(&|name| is_numbered(name, "s")));
        let x = x.unwrap_or_else(|| take(&|_| true));
        match x.iter().find(|&&j| names[j].is_empty()) {
            Some(j) => Err(DataError::UnnamedColumn { column: j + 1 }),
            None if x.is_empty() => Err(DataError::NoColumns),
            None => Ok(Self { x, u, s }),
        }
    }
}

/// A table being read.
struct TextTable {
    text: Vec<u8>,
    delimiter: u8,
}

/// The position of a cell, for errors.
#[derive(Clone, Copy)]
struct CellPosition {
    line: u64,
    row: usize,
}

impl TextTable {
    fn open(path: &Path, delimiter: u8) -> Result<Self, DataError> {
        let mut text = std::fs::read(path).map_err(DataError::reading(path))?;
        if let Err(e) = std::str::from_utf8(&text) {
            return Err(DataError::NotUtf8 { line: 1 + newlines(&text[..e.valid_up_to()]) });
        }
        if text.starts_with(b"\xef\xbb\xbf") {
            text.drain(..3);
        }
        Ok(Self { text, delimiter })
    }

    fn reader(&self) -> Reader<&[u8]> {
        let mut builder = ReaderBuilder::new();
        builder.delimiter(self.delimiter).flexible(true).trim(Trim::All).from_reader(&self.text)
    }

    /// The names of the columns, no two of them the same.
    fn header(&self) -> Result<Vec<String>, DataError> {
        let mut reader = self.reader();
        let header = reader.headers().map_err(|e| malformed(1, e))?;
        let names: Vec<String> = header.iter().map(String::from).collect();
        for (j, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if let Some(i) = names[..j].iter().position(|n| n == name) {
                return Err(DataError::DuplicateColumn { name: name.clone(), first: i + 1, second: j + 1 });
            }
        }
        Ok(names)
    }

    /// Call `take` on each row, which has as many cells as `columns`; returns the number of rows.
    fn each_row(
        &self,
        columns: usize,
        mut take: impl FnMut(CellPosition, &StringRecord) -> Result<(), DataError>,
    ) -> Result<usize, DataError> {
        let mut reader = self.reader();
        let mut record = StringRecord::new();
        let (mut row, mut line, mut counted) = (0, 1, 0);
        while reader.read_record(&mut record).map_err(|e| malformed(line, e))? {
            // The reader's position is before the blank lines that it skips; `counted` is after them.
            let before = record.position().map_or(0, |p| p.byte() as usize);
            let blank = self.text[before..].iter().take_while(|b| b"\r\n".contains(b)).count();
            line += newlines(&self.text[counted..before + blank]);
            counted = before + blank;
            if record.len() != columns {
                return Err(DataError::Ragged { line, row, expected: columns, found: record.len() });
            }
            take(CellPosition { line, row }, &record)?;
            row += 1;
        }
        if row == 0 { Err(DataError::NoRows) } else { Ok(row) }
    }
}

fn newlines(text: &[u8]) -> u64 {
    text.iter().filter(|&&b| b == b'\n').count() as u64
}

/// An error of the csv reader in text that is UTF-8 and may be ragged. None is possible today, but its API allows one.
fn malformed(after_line: u64, error: csv::Error) -> DataError {
    DataError::Malformed { after_line, reason: error.to_string() }
}

fn not_empty<'a>(
    cell: &'a str,
    name: &str,
    CellPosition { line, row }: CellPosition,
) -> Result<&'a str, DataError> {
    if cell.is_empty() { Err(DataError::EmptyCell { line, row, column: name.into() }) } else { Ok(cell) }
}

fn number<F: Scalar>(cell: &str, name: &str, place: CellPosition) -> Result<F, DataError> {
    let CellPosition { line, row } = place;
    let (column, text) = (|| name.to_string(), |cell: &str| cell.to_string());
    match not_empty(cell, name, place)?.parse::<f64>().map(F::of) {
        Ok(value) if value.is_finite() => Ok(value),
        Ok(_) => Err(DataError::NotFiniteCell { line, row, column: column(), cell: text(cell) }),
        Err(_) => Err(DataError::NotANumber { line, row, column: column(), cell: text(cell) }),
    }
}

/// A column of u by what its cells hold: integers, numbers, or else text (such as `rest`, or `007`).
fn column<F: Scalar>(cells: Vec<(CellPosition, String)>, name: &str) -> Result<AuxColumn<F>, DataError> {
    let integer = |cell: &str| cell.parse::<i128>().ok().filter(|v| v.to_string() == cell);
    if let Some(integers) = cells.iter().map(|(_, cell)| integer(cell)).collect() {
        return Ok(AuxColumn::Integers(integers));
    }
    let is_number = |cell: &str| cell.parse::<f64>().is_ok();
    let decimal = |cell: &str| cell.contains('.') && is_number(cell);
    let padded =
        |cell: &str| cell.len() > 1 && cell.starts_with('0') && cell.bytes().all(|b| b.is_ascii_digit());
    let numeric = cells.iter().all(|(_, cell)| is_number(cell) && !padded(cell));
    // A column with one decimal number holds numbers, so text in it is an error and not a label.
    if numeric || cells.iter().any(|(_, cell)| decimal(cell)) {
        let numbers = cells.iter().map(|(place, cell)| number(cell, name, *place));
        return numbers.collect::<Result<_, _>>().map(AuxColumn::Floats);
    }
    Ok(AuxColumn::Text(cells.into_iter().map(|(_, cell)| cell).collect()))
}

pub(crate) fn read<F: Scalar>(
    path: &Path,
    delimiter: u8,
    options: &ReadOptions,
) -> Result<Dataset<F>, DataError> {
    let table = TextTable::open(path, delimiter)?;
    let names = table.header()?;
    let roles = Roles::choose(&names, options)?;
    let (mut x, mut s): (Vec<F>, Vec<F>) = (Vec::new(), Vec::new());
    let mut u: Vec<Vec<(CellPosition, String)>> = vec![Vec::new(); roles.u.len()];
    let rows = table.each_row(names.len(), |place, record| {
        for (into, columns) in [(&mut x, &roles.x), (&mut s, &roles.s)] {
            for &j in columns {
                into.push(number(&record[j], &names[j], place)?);
            }
        }
        for (cells, &j) in u.iter_mut().zip(&roles.u) {
            cells.push((place, not_empty(&record[j], &names[j], place)?.to_string()));
        }
        Ok(())
    })?;
    let named = |columns: &[usize]| columns.iter().map(|&j| names[j].clone()).collect::<Vec<_>>();
    let u_names = named(&roles.u);
    let columns = u.into_iter().zip(&u_names).map(|(cells, name)| column(cells, name));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    Ok(Dataset {
        x: table_of(rows, x),
        x_names: named(&roles.x),
        u: aux_from_columns(u_names, columns)?,
        s: (!roles.s.is_empty()).then(|| table_of(rows, s)),
    })
}

pub(crate) fn read_all<F: Scalar>(path: &Path, delimiter: u8) -> Result<Array2<F>, DataError> {
    let table = TextTable::open(path, delimiter)?;
    let names = table.header()?;
    let mut values = Vec::new();
    let rows = table.each_row(names.len(), |place, record| {
        for (cell, name) in record.iter().zip(&names) {
            values.push(number(cell, name, place)?);
        }
        Ok(())
    })?;
    Ok(table_of(rows, values))
}

fn table_of<F: Scalar>(rows: usize, values: Vec<F>) -> Array2<F> {
    let cols = values.len() / rows;
    Array2::from_shape_vec((rows, cols), values).expect("every row gave as many values")
}

pub(crate) fn header(path: &Path, delimiter: u8) -> Result<Vec<String>, DataError> {
    TextTable::open(path, delimiter)?.header()
}

pub(crate) fn write<F: Scalar>(path: &Path, delimiter: u8, data: &Dataset<F>) -> Result<(), DataError> {
    let unwritable = |what| Err(DataError::Unwritable { path: path.into(), what });
    let u_names = aux_names(&data.u);
    let s_names = numbered("s", data.s.as_ref().map_or(0, Array2::ncols));
    let (d, du, n) = (data.observed(), u_names.len(), s_names.len());
    if !reads_back(&data.u, &u_names) {
        return unwritable(
            "a u that would be read back as something else (levels that look like decimal numbers or have spaces \
             around them, or continuous columns of whole numbers that repeat)",
        );
    }
    let header = [data.x_names.clone(), u_names, s_names].concat();
    let intended = Roles { x: (0..d).collect(), u: (d..d + du).collect(), s: (d + du..d + du + n).collect() };
    if Roles::choose(&header, &ReadOptions::default())? != intended {
        return unwritable("a column of x that is named like those of u and s");
    }
    let rows = (0..data.rows()).map(|i| {
        let mut cells: Vec<String> = data.x.row(i).iter().map(as_text).collect();
        cells.extend(data.u.levels.iter().map(|levels| levels.names[levels.index[i] as usize].clone()));
        cells.extend(data.u.values.iter().flat_map(|part| part.values.row(i)).map(as_text));
        cells.extend(data.s.iter().flat_map(|s| s.row(i)).map(as_text));
        cells
    });
    write_rows(path, delimiter, &header, rows)
}

/// Names of the columns of u, levels first: `u`, or `u1`, `u2`, .. if there are several.
fn aux_names<F: Scalar>(u: &Aux<F>) -> Vec<String> {
    let columns = usize::from(u.levels.is_some()) + u.values.as_ref().map_or(0, |part| part.values.ncols());
    if columns == 1 { vec!["u".to_string()] } else { numbered("u", columns) }
}

/// Whether the cells of u are read back as the same labels and the same continuous columns.
fn reads_back<F: Scalar>(u: &Aux<F>, names: &[String]) -> bool {
    let labels = u.levels.as_ref().map(Levels::labels);
    let mut columns = Vec::new();
    if let Some(labels) = &labels {
        // The reader trims cells and refuses empty ones.
        if labels.iter().any(|label| label.is_empty() || label.trim() != *label) {
            return false;
        }
        let cells = labels.iter().map(|label| (CellPosition { line: 0, row: 0 }, label.to_string()));
        let Ok(column) = column(cells.collect(), "u") else { return false };
        columns.push(column);
    }
    let values = u.values.iter().flat_map(|part| part.values.columns());
    columns.extend(values.map(|v| AuxColumn::Floats(v.to_vec())));
    let Ok(read) = aux_from_columns(names.to_vec(), columns) else { return false };
    let count = |u: &Aux<F>| u.values.as_ref().map_or(0, |part| part.values.ncols());
    read.levels.as_ref().map(Levels::labels) == labels && count(&read) == count(u)
}

/// The shortest text that reads back as the same value.
pub(crate) fn as_text<F: Scalar>(value: &F) -> String {
    format!("{value:?}")
}

pub(crate) fn write_rows(
    path: &Path,
    delimiter: u8,
    header: &[String],
    rows: impl Iterator<Item = Vec<String>>,
) -> Result<(), DataError> {
    write_atomically(path, |out| {
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).from_writer(out);
        writer.write_record(header).map_err(io::Error::from)?;
        for row in rows {
            writer.write_record(row).map_err(io::Error::from)?;
        }
        writer.flush()
    })
}
