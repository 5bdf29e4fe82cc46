//! [`Layout`]: named blocks of one flat parameter slice.

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2};

/// A `[rows, cols]` row-major block of a flat parameter slice.
///
/// A layer holds slots, never arrays: parameters, gradients and optimiser moments share one layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Offset of the first scalar.
    pub start: usize,
    /// Number of rows; 0 for a block that is absent.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
}

impl Slot {
    /// Number of scalars.
    pub fn len(&self) -> usize {
        self.rows * self.cols
    }

    /// Whether the block holds no scalar.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the block lies in the flat slice.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.len()
    }

    /// The block in `flat`, `[rows, cols]`.
    ///
    /// # Panics
    /// If `flat` ends before the block does.
    pub fn view<'a, F>(&self, flat: &'a [F]) -> ArrayView2<'a, F> {
        ArrayView2::from_shape((self.rows, self.cols), &flat[self.range()])
            .expect("a range of rows × cols scalars has this shape")
    }

    /// The block in `flat` for writing, `[rows, cols]`.
    ///
    /// # Panics
    /// If `flat` ends before the block does.
    pub fn view_mut<'a, F>(&self, flat: &'a mut [F]) -> ArrayViewMut2<'a, F> {
        ArrayViewMut2::from_shape((self.rows, self.cols), &mut flat[self.range()])
            .expect("a range of rows × cols scalars has this shape")
    }
}

/// A slot with its name, for instance `decoder.0.weight`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Unique within its layout.
    pub name: String,
    /// Where it lies.
    pub slot: Slot,
}

/// The named blocks of a flat parameter slice, in order and without gaps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// Every block, in the order of the flat slice.
    pub groups: Vec<Group>,
}

impl Layout {
    /// A layout without blocks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Append a `[rows, cols]` block and return where it lies.
    ///
    /// An empty block (no rows or no columns) is not recorded: it has no parameters to name.
    ///
    /// # Panics
    /// If the name is taken: two groups of one name would overwrite each other in a checkpoint.
    pub fn push(&mut self, name: impl Into<String>, rows: usize, cols: usize) -> Slot {
        let slot = Slot { start: self.len(), rows, cols };
        if !slot.is_empty() {
            let name = name.into();
            assert!(self.slot(&name).is_none(), "two groups of parameters are named {name:?}");
            self.groups.push(Group { name, slot });
        }
        slot
    }

    /// Length of the flat slice.
    pub fn len(&self) -> usize {
        self.groups.last().map_or(0, |g| g.slot.range().end)
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The block of this name.
    pub fn slot(&self, name: &str) -> Option<Slot> {
        self.groups.iter().find(|g| g.name == name).map(|g| g.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_adjacent_and_named() {
        let mut layout = Layout::new();
        assert!(layout.is_empty());
        let a = layout.push("a", 2, 3);
        let none = layout.push("none", 0, 3);
        let b = layout.push("b", 1, 4);
        assert_eq!(a, Slot { start: 0, rows: 2, cols: 3 });
        assert_eq!(b, Slot { start: 6, rows: 1, cols: 4 });
        assert_eq!(layout.len(), 10);
        assert!(none.is_empty());
        assert_eq!(layout.groups.len(), 2);
        assert_eq!(layout.slot("b"), Some(b));
        assert_eq!(layout.slot("none"), None);

        let mut flat: Vec<f64> = (0..10).map(f64::from).collect();
        assert_eq!(a.view(&flat)[[1, 0]], 3.0);
        b.view_mut(&mut flat)[[0, 3]] = -1.0;
        assert_eq!(flat[9], -1.0);
        assert_eq!(none.view(&flat).dim(), (0, 3));
    }

    #[test]
    #[should_panic(expected = "\"a\"")]
    fn a_name_is_used_once() {
        let mut layout = Layout::new();
        layout.push("a", 1, 1);
        layout.push("a", 1, 1);
    }
}
