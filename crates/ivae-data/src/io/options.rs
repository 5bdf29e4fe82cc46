//! [`ReadOptions`]: which columns of a file are x, u and s.

use ivae_num::Scalar;
use ndarray::Array2;

use crate::check::finite_sources;
use crate::{ColumnSelection, DataError};

/// Which columns or arrays of a file are x, u and s; by default ([`None`]) as the format says.
///
/// # Text (`.csv`, `.tsv`)
/// One header line, one line per row. By default u is the column named `u`, or else the columns `u1`, `u2`, ..;
/// s the columns `s1`, `s2`, .. (or from 0); and x every other column.
///
/// # `.npz`
/// Arrays `x` `[N, d]` (or `[N]`), optional `u`, `u_values` and `s` `[N, n]`. The array `u_values` is always continuous
/// and is added to what `u` holds. Columns are named `x1`, `x2`, .. (`u1`, `u2`, ..), unless an array of strings
/// `x_names` (`u_names`, `u_values_names`) names them. A selection is either the keys of other arrays (one key for x and
/// s; one or several for u) or else columns of the default array (of `u`, then of `u_values`).
///
/// # `.npy`
/// x alone, `[N, d]` or `[N]`; it has no u and no s.
///
/// # What u becomes
/// u has a categorical part (levels), a continuous part, or both; see [`Aux`](crate::Aux).
///
/// | one column, or one array | part of u |
/// |---|---|
/// | integers or booleans `[N]` or `[N, 1]` | levels, in numerical order |
/// | text `[N]` or `[N, 1]` | levels, in the order of the text |
/// | floats `[N]` or `[N, 1]`, all whole, at least two rows per distinct value on average | levels, in numerical order |
/// | other floats `[N]` or `[N, 1]` | a continuous column |
/// | `[N, m]`, every row a single 1 among zeros (one-hot) | m levels, whether all occur or not |
/// | other `[N, m]` of numbers | m continuous columns |
/// | `[N, m]` of text | one level per combination, named `a:b` |
///
/// | several columns of a text file, or several arrays | u |
/// |---|---|
/// | one-hot together | one level per column |
/// | otherwise, those that are levels by themselves | the levels of u: one per combination, named `a:b` |
/// | .. and those that are continuous by themselves | the continuous part of u |
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Columns of x.
    pub x: Option<ColumnSelection>,
    /// The auxiliary variable.
    pub u: Option<ColumnSelection>,
    /// True sources.
    pub s: Option<ColumnSelection>,
    /// Check that the sources are finite, and do not keep them.
    pub drop_s: bool,
}

impl ReadOptions {
    /// The sources `[N, n]` after the check, or [`None`] if they are to be dropped.
    pub(crate) fn kept<F: Scalar>(&self, s: Option<Array2<F>>) -> Result<Option<Array2<F>>, DataError> {
        match s {
            Some(s) if self.drop_s => finite_sources(&s).map(|()| None),
            s => Ok(s),
        }
    }
}
