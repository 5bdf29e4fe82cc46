//! [`Aligned`]: slices from a cache line on, long ones in large pages.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest vectors: one that reaches over two lines is read and written twice.
pub(crate) const LINE: usize = 64;
/// Rows of a matrix that are a multiple of so many bytes apart compete for the same lines of a level-1 cache.
pub(crate) const ALIASED: usize = 2048;

/// A slice on the heap that begins at a cache line.
#[derive(Debug, Default)]
pub struct Aligned<T> {
    memory: Vec<T>,
    /// Where the line begins.
    start: usize,
    len: usize,
}

impl<T: Clone> Aligned<T> {
    /// `len` times `value`.
    pub fn filled(len: usize, value: T) -> Self {
        let slack = LINE / size_of::<T>().max(1);
        let memory = filled(len + slack, value);
        // What cannot be aligned is as good as it is.
        let start = memory.as_ptr().align_offset(LINE).min(slack);
        Self { memory, start, len }
    }

    /// Make it `len` times `value` if it is shorter than that.
    pub fn reserve(&mut self, len: usize, value: T) {
        if self.len < len {
            *self = Self::filled(len, value);
        }
    }
}

impl<T> Aligned<T> {
    /// Scalars from one row of `width` of them to the next, so that each begins at a line, but not where rows would compete for
    /// lines.
    pub fn apart(width: usize) -> usize {
        let size = size_of::<T>().max(1);
        let apart = width.next_multiple_of((LINE / size).max(1));
        if (apart * size).is_multiple_of(ALIASED) { width } else { apart }
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.memory[self.start..][..self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.memory[self.start..][..self.len]
    }
}

impl<T: Clone> From<&[T]> for Aligned<T> {
    fn from(slice: &[T]) -> Self {
        let Some(first) = slice.first() else { return Self { memory: Vec::new(), start: 0, len: 0 } };
        let mut copy = Self::filled(slice.len(), first.clone());
        copy.clone_from_slice(slice);
        copy
    }
}

impl<T: Clone> Clone for Aligned<T> {
    /// The copy's own line begins elsewhere.
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl<T: PartialEq> PartialEq for Aligned<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

/// `len` times `value`. What is megabytes long is in pages of that size where the system has them for the asking (Linux),
/// because a processor keeps the places of some thousand pages at hand, and each row of a large matrix has its own.
pub(crate) fn filled<T: Clone>(len: usize, value: T) -> Vec<T> {
    let bytes = len.saturating_mul(size_of::<T>());
    let room =
        if bytes < LARGE { len } else { ((bytes + SMALL).next_multiple_of(LARGE) - SMALL) / size_of::<T>() };
    let mut memory = Vec::with_capacity(room);
    in_large_pages(&memory);
    memory.resize(len, value);
    memory
}

/// A large page on most processors.
const LARGE: usize = 1 << 21;
/// What allocators add to memory before they ask the system for it, which gives out large pages for whole multiples of
/// them.
const SMALL: usize = 1 << 12;

/// Ask for large pages behind `memory`, which should not have been written to yet.
#[cfg(all(target_os = "linux", not(miri)))]
fn in_large_pages<T>(memory: &Vec<T>) {
    /// A multiple of the small pages of most processors.
    const PAGES: usize = 1 << 16;
    let bytes = memory.capacity() * size_of::<T>();
    if bytes >= LARGE {
        let first = memory.as_ptr().cast_mut();
        let before = first.addr() % PAGES;
        let start = first.wrapping_byte_sub(before).cast();
        let len = (before + bytes).next_multiple_of(PAGES);
        // SAFETY: the call changes what pages are made of, and not what is in them, so it may be about others beside those of
        // the vector. It may fail, and then they stay as they are.
        unsafe { libc::madvise(start, len, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(any(not(target_os = "linux"), miri))]
fn in_large_pages<T>(_: &Vec<T>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_long_as_asked_and_full_of_the_value() {
        for len in [0, 1, 1000, 3 << 19, 5_000_001] {
            let memory = filled(len, 1.5f32);
            assert_eq!(memory.len(), len);
            assert!(memory.iter().all(|&x| x == 1.5));
        }
        assert_eq!(filled(3, ()).len(), 3);
    }

    #[test]
    fn a_slice_begins_at_a_line_and_so_does_its_copy() {
        for len in [0, 1, 15, 16, 1000, 600_000] {
            let mut memory = Aligned::filled(len, 1.5f32);
            memory.iter_mut().enumerate().for_each(|(i, x)| *x = i as f32);
            let copy = memory.clone();
            assert!(copy == memory && copy.len() == len);
            assert!(copy.iter().enumerate().all(|(i, &x)| x == i as f32));
            if !cfg!(miri) && len > 0 {
                assert_eq!([memory.as_ptr().addr() % LINE, copy.as_ptr().addr() % LINE], [0, 0]);
            }
            memory.reserve(len / 2, 0.0);
            assert!(memory == copy, "long enough");
            memory.reserve(len + 1, 2.0);
            assert!(memory.len() == len + 1 && memory.iter().all(|&x| x == 2.0));
        }
        assert!(Aligned::<f64>::default().is_empty());
        assert_eq!([0, 5, 16, 100, 500, 512].map(Aligned::<f32>::apart), [0, 16, 16, 112, 500, 512]);
        assert_eq!([8, 100].map(Aligned::<f64>::apart), [8, 104]);
        assert_eq!(Aligned::filled(3, ()).len(), 3);
    }
}
