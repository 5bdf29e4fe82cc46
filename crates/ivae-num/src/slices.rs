//! Slices of matrices by rows and columns.

use std::ops::Range;

use ndarray::{ArrayBase, ArrayView2, ArrayViewMut2, Axis, Data, DataMut, Ix2};

/// The first `rows` rows.
pub fn top<F, S: Data<Elem = F>>(a: &ArrayBase<S, Ix2>, rows: usize) -> ArrayView2<'_, F> {
    a.view().split_at(Axis(0), rows).0
}

/// The first `rows` rows.
pub fn top_mut<F, S: DataMut<Elem = F>>(a: &mut ArrayBase<S, Ix2>, rows: usize) -> ArrayViewMut2<'_, F> {
    a.view_mut().split_at(Axis(0), rows).0
}

/// Rows `range`.
pub fn rows<F>(a: ArrayView2<'_, F>, range: Range<usize>) -> ArrayView2<'_, F> {
    let (_, tail) = a.split_at(Axis(0), range.start);
    tail.split_at(Axis(0), range.len()).0
}

/// Rows `range`.
pub fn rows_mut<F, S: DataMut<Elem = F>>(
    a: &mut ArrayBase<S, Ix2>,
    range: Range<usize>,
) -> ArrayViewMut2<'_, F> {
    let (_, tail) = a.view_mut().split_at(Axis(0), range.start);
    tail.split_at(Axis(0), range.len()).0
}

/// Columns `range`.
pub fn columns<F>(a: ArrayView2<'_, F>, range: Range<usize>) -> ArrayView2<'_, F> {
    let (_, tail) = a.split_at(Axis(1), range.start);
    tail.split_at(Axis(1), range.len()).0
}

/// Columns `range`.
pub fn columns_mut<F, S: DataMut<Elem = F>>(
    a: &mut ArrayBase<S, Ix2>,
    range: Range<usize>,
) -> ArrayViewMut2<'_, F> {
    let (_, tail) = a.view_mut().split_at(Axis(1), range.start);
    tail.split_at(Axis(1), range.len()).0
}
