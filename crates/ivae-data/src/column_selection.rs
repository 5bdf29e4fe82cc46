//! [`ColumnSelection`]: a selection of columns by name, by range of names, or by position.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::DataError;

/// A selection of columns, parsed from text such as `x1..x8,age` or `1-12`.
///
/// The text is a list of parts separated by commas. A part is, in this order of preference,
/// 1. the name of a column;
/// 2. `first..last`, two names: those columns and all between them, in the order of the file;
/// 3. `3` or `1-12`, one column or a range of columns by position, counted from 1.
///
/// In an `.npz` file a part may also be the key of an array; see [`ReadOptions`](crate::ReadOptions).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ColumnSelection {
    parts: Vec<String>,
}

impl ColumnSelection {
    /// The parts of the selection, as written.
    pub fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Positions of the selected columns among `names`, in the order of the selection.
    ///
    /// # Errors
    /// A part that fits no column, a range that runs backwards, or a column selected twice.
    pub fn resolve(&self, names: &[String]) -> Result<Vec<usize>, DataError> {
        let mut selected = Vec::new();
        let mut taken = vec![false; names.len()];
        for part in &self.parts {
            let (first, last) = resolve_part(part, names)?;
            if first > last {
                return Err(self.bad(format!("`{part}` runs backwards")));
            }
            for j in first..=last {
                if std::mem::replace(&mut taken[j], true) {
                    return Err(self.bad(format!("column `{}` is selected twice", names[j])));
                }
                selected.push(j);
            }
        }
        Ok(selected)
    }

    fn bad(&self, reason: String) -> DataError {
        DataError::BadColumns { text: self.to_string(), reason }
    }
}

/// First and last position (from 0) that one part stands for.
fn resolve_part(part: &str, names: &[String]) -> Result<(usize, usize), DataError> {
    let find = |name: &str| names.iter().position(|n| n == name);
    let position =
        |text: &str| text.parse::<usize>().ok().and_then(|p| p.checked_sub(1)).filter(|&j| j < names.len());
    let range = |(first, last): (&str, &str), at: &dyn Fn(&str) -> Option<usize>| {
        Some((at(first.trim())?, at(last.trim())?))
    };
    find(part)
        .map(|j| (j, j))
        .or_else(|| range(part.split_once("..")?, &find))
        .or_else(|| position(part).map(|j| (j, j)))
        .or_else(|| range(part.split_once('-')?, &position))
        .ok_or_else(|| DataError::UnknownColumn { name: part.to_string(), found: names.to_vec() })
}

impl FromStr for ColumnSelection {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let parts: Vec<String> = text.split(',').map(|part| part.trim().to_string()).collect();
        if parts.iter().any(String::is_empty) {
            let reason = "a part is empty (write names or positions separated by commas)".to_string();
            return Err(DataError::BadColumns { text: text.to_string(), reason });
        }
        Ok(Self { parts })
    }
}

impl TryFrom<String> for ColumnSelection {
    type Error = DataError;

    fn try_from(text: String) -> Result<Self, DataError> {
        text.parse()
    }
}

impl From<ColumnSelection> for String {
    fn from(columns: ColumnSelection) -> String {
        columns.to_string()
    }
}

impl fmt::Display for ColumnSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<String> {
        list.split_whitespace().map(String::from).collect()
    }

    fn resolve(text: &str, list: &str) -> Result<Vec<usize>, DataError> {
        text.parse::<ColumnSelection>()?.resolve(&names(list))
    }

    #[test]
    fn names_ranges_and_positions() {
        let list = "t x1 x2 x3 age";
        assert_eq!(resolve("age, t", list).unwrap(), [4, 0]);
        assert_eq!(resolve("x1..x3", list).unwrap(), [1, 2, 3]);
        assert_eq!(resolve("2-4,1", list).unwrap(), [1, 2, 3, 0]);
        assert_eq!(resolve("5", list).unwrap(), [4]);
        // A name wins over a position or a range that looks like it.
        assert_eq!(resolve("2", "a b 2").unwrap(), [2]);
        assert_eq!(resolve("1-2", "a b 1-2").unwrap(), [2]);
    }

    #[test]
    fn what_cannot_be_selected_says_why() {
        let list = "a b c";
        for unknown in ["d", "0", "4", "1-4", "a..d", "a..", "-", "..", "99999999999999999999999"] {
            let err = resolve(unknown, list).unwrap_err();
            assert!(matches!(err, DataError::UnknownColumn { ref name, .. } if name == unknown), "{err}");
        }
        for bad in ["", "a,", ",", "c..a", "3-1", "a,a", "1-2,b"] {
            assert!(matches!(resolve(bad, list).unwrap_err(), DataError::BadColumns { .. }), "{bad}");
        }
        let err = resolve("1-2,b", list).unwrap_err().to_string();
        assert_eq!(err, "columns \"1-2,b\": column `b` is selected twice");
    }

    #[test]
    fn text_round_trips() {
        let columns: ColumnSelection = " x1..x3 , 7-9".parse().unwrap();
        assert_eq!(columns.to_string(), "x1..x3,7-9");
        let json = serde_json::to_string(&columns).unwrap();
        assert_eq!(json, "\"x1..x3,7-9\"");
        assert_eq!(serde_json::from_str::<ColumnSelection>(&json).unwrap(), columns);
    }
}
