//! [`filled`]: long slices in large pages.

/// `len` times `value`. What is megabytes long is in pages of that size where the system has them for the asking (Linux),
/// because a processor keeps the places of some thousand pages at hand, and each row of a large matrix has its own.
pub fn filled<T: Copy>(len: usize, value: T) -> Vec<T> {
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
    use super::filled;

    #[test]
    fn it_is_as_long_as_asked_and_full_of_the_value() {
        for len in [0, 1, 1000, 3 << 19, 5_000_001] {
            let memory = filled(len, 1.5f32);
            assert_eq!(memory.len(), len);
            assert!(memory.iter().all(|&x| x == 1.5));
        }
        assert_eq!(filled(3, ()).len(), 3);
    }
}
