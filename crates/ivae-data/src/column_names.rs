//! The default names of columns.

/// `x1`, `x2`, .. for the stem `x`.
pub(crate) fn numbered(stem: &str, count: usize) -> Vec<String> {
    (1..=count).map(|j| format!("{stem}{j}")).collect()
}

/// Whether `name` is `stem` followed by digits.
pub(crate) fn is_numbered(name: &str, stem: &str) -> bool {
    name.strip_prefix(stem).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
}
