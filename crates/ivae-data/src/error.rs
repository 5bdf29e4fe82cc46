//! [`DataError`]: every fault that data can have, with the row, column and value.

use std::path::{Path, PathBuf};

use ivae_num::LinalgError;

/// Why data could not be read, written, used or made.
///
/// Rows are counted from 0, as in the arrays; lines of a text file from 1, the header being line 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A file could not be opened or read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A file could not be written; what stood there before is untouched.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The extension names no known format.
    #[error("{}: the extension must be .npz, .npy, .csv or .tsv", path.display())]
    Extension {
        /// The file.
        path: PathBuf,
    },
    /// A file is not what its extension says, or is damaged.
    #[error("{} is damaged or no {format} file: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The format expected.
        format: &'static str,
        /// What is wrong, with the key where there is one.
        reason: String,
    },
    /// The format cannot hold what was to be written.
    #[error("{}: {what} cannot be written to this format (use .npz)", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What there is no room for.
        what: &'static str,
    },
    /// An array in an archive is missing.
    #[error("there is no array `{key}` in {}; it holds {}", path.display(), quoted(found))]
    MissingKey {
        /// The file.
        path: PathBuf,
        /// The key asked for.
        key: String,
        /// The keys there are.
        found: Vec<String>,
    },
    /// An array has an element type that cannot be read as numbers (or, for u, as labels).
    #[error("array `{key}` has element type {dtype}; expected {expected}")]
    Dtype {
        /// Key of the array.
        key: String,
        /// NumPy's description of the type.
        dtype: String,
        /// What can be read there.
        expected: &'static str,
    },
    /// An array is stored column by column, and its rows cannot be read one after the other.
    #[error(
        "array `{key}` is stored column by column (Fortran order): to read it in blocks of rows, save it in C order"
    )]
    ByColumns {
        /// Key of the array.
        key: String,
    },
    /// An array has the wrong number of axes.
    #[error("array `{key}` has shape {found:?}; expected {expected}")]
    Shape {
        /// Key of the array.
        key: String,
        /// The shapes that are understood.
        expected: &'static str,
        /// The shape found.
        found: Vec<usize>,
    },

    /// A cell that should hold a number holds text.
    #[error(
        "line {line} (row {row}), column `{column}`: {cell:?} is not a number \
         (leave the column out by choosing those of x, u and s)"
    )]
    NotANumber {
        /// Line in the file, from 1.
        line: u64,
        /// Row of the data, from 0.
        row: usize,
        /// Name of the column.
        column: String,
        /// The cell as it stands.
        cell: String,
    },
    /// A cell holds NaN, infinity, or a number too large for the scalar type.
    #[error("line {line} (row {row}), column `{column}`: {cell:?} is not a finite number")]
    NotFiniteCell {
        /// Line in the file, from 1.
        line: u64,
        /// Row of the data, from 0.
        row: usize,
        /// Name of the column.
        column: String,
        /// The cell as it stands.
        cell: String,
    },
    /// A cell is empty.
    #[error(
        "line {line} (row {row}), column `{column}`: the cell is empty (missing values are not supported)"
    )]
    EmptyCell {
        /// Line in the file, from 1.
        line: u64,
        /// Row of the data, from 0.
        row: usize,
        /// Name of the column.
        column: String,
    },
    /// A line has more or fewer cells than the header.
    #[error("line {line} (row {row}) has {found} cells; the header has {expected}")]
    Ragged {
        /// Line in the file, from 1.
        line: u64,
        /// Row of the data, from 0.
        row: usize,
        /// Cells of the header.
        expected: usize,
        /// Cells of this line.
        found: usize,
    },
    /// A line is not UTF-8 text.
    #[error("line {line} is not UTF-8 text (save the file as UTF-8)")]
    NotUtf8 {
        /// Line in the file, from 1.
        line: u64,
    },
    /// Text is no table.
    #[error("the text after line {after_line} is no table: {reason}")]
    Malformed {
        /// The last line that could be read.
        after_line: u64,
        /// The error of the reader.
        reason: String,
    },
    /// Two columns have one name.
    #[error("columns {first} and {second} (from 1) are both named `{name}`")]
    DuplicateColumn {
        /// The name.
        name: String,
        /// First of the two, from 1.
        first: usize,
        /// Second of the two, from 1.
        second: usize,
    },
    /// A column of the header has no name.
    #[error("column {column} (from 1) has no name in the header; name it, or choose the columns of x")]
    UnnamedColumn {
        /// The column, from 1.
        column: usize,
    },
    /// A selection names a column that is not there.
    #[error("there is no column `{name}`; there are {}", quoted(found))]
    UnknownColumn {
        /// What was asked for.
        name: String,
        /// The columns there are.
        found: Vec<String>,
    },
    /// A selection of columns cannot be understood or carried out.
    #[error("columns {text:?}: {reason}")]
    BadColumns {
        /// The selection as given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },

    /// There are no rows.
    #[error("there are no rows")]
    NoRows,
    /// There are no columns of x.
    #[error("there are no columns of x")]
    NoColumns,
    /// Parts of the data differ in their number of rows (or names in number from columns).
    #[error("{what} has length {found}, but {against} has {expected}")]
    Length {
        /// Which part.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The part it must fit.
        against: &'static str,
        /// The length of that.
        expected: usize,
    },
    /// A level of u is not one of its names.
    #[error("u of row {row} is level {level}, but there are only {levels} levels")]
    LevelOutOfRange {
        /// The row.
        row: usize,
        /// Its level.
        level: u32,
        /// How many names there are.
        levels: usize,
    },
    /// A level of u is not among those of the model it is given to.
    #[error("u of row {row} is `{name}`, which is none of the {levels} known levels")]
    UnknownLevel {
        /// The first row that has it.
        row: usize,
        /// Name of the level.
        name: String,
        /// How many levels the model has.
        levels: usize,
    },
    /// A value is NaN or infinite.
    #[error("{part} is {value} in row {row}, column `{column}`")]
    NotFinite {
        /// Which part of the data: `x`, `u` or `s`.
        part: &'static str,
        /// The row, from 0.
        row: usize,
        /// Name of the column.
        column: String,
        /// The value.
        value: f64,
    },
    /// A column never changes.
    #[error(
        "column `{column}` of {part} is constant ({value} in every row){}; leave it out",
        match others { 0 => String::new(), k => format!(", and so are {k} more columns") }
    )]
    Constant {
        /// Which part of the data: `x` or `u`.
        part: &'static str,
        /// Name of the first such column.
        column: String,
        /// Its value.
        value: f64,
        /// How many more columns are constant.
        others: usize,
    },
    /// There is no u, but the model needs one.
    #[error(
        "the data has no auxiliary variable u, and without one the prior cannot be identified: give segments \
         (for a time series, split time into windows), name the column or array that holds u, or use --model vae"
    )]
    NoAuxiliary,
    /// All rows have the same u.
    #[error(
        "every row has the same u (`{level}`), so the prior cannot be identified: give segments that differ \
         (for a time series, split time into windows), or use --model vae"
    )]
    OneLevel {
        /// Name of that level.
        level: String,
    },
    /// All rows have the same level of u, beside a continuous part that varies.
    #[error(
        "every row has the same level of u (`{level}`), so the levels add nothing to the continuous part of u: \
         leave them out, or give levels that differ"
    )]
    ConstantLevels {
        /// Name of that level.
        level: String,
    },
    /// No two rows share a level of u.
    #[error(
        "every one of the {rows} rows has its own level of u, so nothing about a level can be estimated: \
         give fewer levels (for a time series, split time into windows)"
    )]
    LevelPerRow {
        /// Rows, and levels.
        rows: usize,
    },
    /// Too few rows for what is to be done.
    #[error("{rows} rows are too few {purpose}; at least {needed} are needed")]
    TooFewRows {
        /// Rows there are.
        rows: usize,
        /// Rows needed.
        needed: usize,
        /// What for.
        purpose: String,
    },
    /// More latents than observed variables, or none.
    #[error("{latents} latents asked for, but x has {observed} columns; latents must be 1 to {observed}")]
    Latents {
        /// Latents asked for.
        latents: usize,
        /// Columns of x.
        observed: usize,
    },
    /// An option is out of its range.
    #[error("{option} is {value}; it must be {expected}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// x has fewer independent directions than asked for.
    #[error("x has only {rank} independent directions, but {asked} latents were asked for: ask for fewer")]
    Rank {
        /// Independent directions of x.
        rank: usize,
        /// Directions asked for.
        asked: usize,
    },
    /// A decomposition failed.
    #[error(transparent)]
    Linalg(#[from] LinalgError),
}

impl DataError {
    /// The conversion of an I/O error into [`DataError::Read`] of `path`.
    pub(crate) fn reading(path: &Path) -> impl Fn(std::io::Error) -> DataError {
        move |source| DataError::Read { path: path.to_path_buf(), source }
    }
}

/// Whether two parts of the data have the same length.
pub(crate) fn check_length(
    what: &'static str,
    found: usize,
    against: &'static str,
    expected: usize,
) -> Result<(), DataError> {
    if found == expected { Ok(()) } else { Err(DataError::Length { what, found, against, expected }) }
}

fn quoted(names: &[String]) -> String {
    const SHOWN: usize = 20;
    let mut out = names.iter().take(SHOWN).map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    if names.is_empty() {
        out.push_str("nothing");
    } else if names.len() > SHOWN {
        out.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    out
}
