//! Optimal one-to-one assignment of rows to columns.

use ndarray::Array2;
use ordered_float::OrderedFloat;
use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;

/// The pairs (row, column) of a one-to-one assignment with the largest possible sum of `scores` `[a, b]`: min(a, b)
/// pairs, sorted by row; the Hungarian method (Kuhn 1955, Munkres 1957), O(min² · max).
///
/// For an MCC pass absolute correlations; to minimise, pass negated costs. An entry that is not finite counts as 0,
/// one beyond ±1e300 as ±1e300.
pub fn assignment(scores: &Array2<f64>) -> Vec<(usize, usize)> {
    let (rows, columns) = scores.dim();
    if rows == 0 || columns == 0 {
        return Vec::new();
    }
    let at = |row, column| {
        let score = scores[[row, column]];
        OrderedFloat(if score.is_finite() { score.clamp(-1e300, 1e300) } else { 0.0 })
    };
    // The solver wants no more rows than columns.
    if rows <= columns {
        let (_, column) = kuhn_munkres(&Matrix::from_fn(rows, columns, |(i, j)| at(i, j)));
        column.into_iter().enumerate().collect()
    } else {
        let (_, row) = kuhn_munkres(&Matrix::from_fn(columns, rows, |(j, i)| at(i, j)));
        let mut pairs: Vec<_> = row.into_iter().enumerate().map(|(j, i)| (i, j)).collect();
        pairs.sort_unstable();
        pairs
    }
}
