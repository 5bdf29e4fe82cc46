//! [`Answer`]: whether a condition holds, fails or is unknown.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Is a condition met?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Yes.
    Holds,
    /// No.
    Fails,
    /// It cannot be known, from what there is or at all.
    Unknown,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::Unknown => "unknown",
        })
    }
}
