//! Work shared out among the threads of the current rayon pool: how many take part, and [`awake`], which keeps them at hand.
//!
//! Only work whose bits do not depend on how it is parted is shared out: entries of a matrix product, entries of a slice.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::Yield;

/// Multiplications that are worth a thread that is awake: ten microseconds.
const PART: usize = 1 << 19;
/// Multiplications of a product from which [`awake`] threads share it.
pub(crate) const WORTH_SHARING: usize = 2 * PART;
/// The same where it must be woken first.
const ASLEEP: usize = 1 << 25;
/// What an elementary function counts, in multiplications.
const FUNCTION: usize = 64;
/// Length of what is not parted: whole vectors of every path, and a cache line.
const WHOLE: usize = 64;
/// Parts for each thread, so that one that is slower does fewer.
pub(crate) const SHARES: usize = 4;
/// Entries that are summed without being cut in two.
const SUMMED: usize = 1 << 16;

thread_local! {
    /// Whether this thread runs the work of an [`awake`].
    static AWAKE: Cell<bool> = const { Cell::new(false) };
}

/// Run `work` while the other threads of the current rayon pool look for what it shares out without going to sleep:
/// waking one takes longer than most products. They are busy until `work` ends, so this is for the one thing that a
/// program does, and only if its largest products are [worth it](crate::worth_sharing). The result is the same without it.
pub fn awake<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    if rayon::current_num_threads() == 1 || AWAKE.get() {
        return work();
    }
    let done = AtomicBool::new(false);
    rayon::scope(|scope| {
        scope.spawn_broadcast(|_, _| {
            // A thread with such work of its own, which happens to look for more, must not wait here: two of them
            // would wait for each other.
            while !AWAKE.get() && !done.load(Ordering::Acquire) {
                if rayon::yield_now() != Some(Yield::Executed) {
                    std::hint::spin_loop();
                }
            }
        });
        let _ended = Ended(&done);
        AWAKE.set(true);
        work()
    })
}

/// Lets the others go, also if the work panics.
struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        AWAKE.set(false);
        self.0.store(true, Ordering::Release);
    }
}

/// Threads among which work of so many multiplications is shared out.
pub(crate) fn threads(multiplications: usize) -> usize {
    let least = if AWAKE.get() { WORTH_SHARING } else { ASLEEP };
    if multiplications < least { 1 } else { rayon::current_num_threads().min(multiplications / PART) }
}

/// Run `work` on slices of one length and on others that it reads: on all of them, or, where they are long, on parts of
/// them, side by side. What `work` does to an entry must not depend on where the parts begin and end.
///
/// # Panics
/// If the slices differ in length.
pub fn shared<F: Send + Sync, const N: usize, const K: usize>(
    slices: [&mut [F]; N],
    given: [&[F]; K],
    work: &(impl Fn([&mut [F]; N], [&[F]; K]) + Sync),
) {
    let len = length(&slices, &given);
    in_parts((slices, given), len, FUNCTION, &cut, &|(slices, given)| work(slices, given));
}

/// As [`shared`], of `work` that is also summed up: a slice of up to 65536 entries at once, and longer ones in halves, each
/// for itself, so that the sum depends on their length alone. `each` entry is as much work as so many multiplications.
///
/// # Panics
/// If the slices differ in length.
pub fn summed<F: Send + Sync, const N: usize, const K: usize>(
    slices: [&mut [F]; N],
    given: [&[F]; K],
    each: usize,
    work: &(impl Fn([&mut [F]; N], [&[F]; K]) -> f64 + Sync),
) -> f64 {
    let len = length(&slices, &given);
    if len <= SUMMED {
        return work(slices, given);
    }
    let ((slices, given), (other_slices, other_given)) =
        cut((slices, given), (len / 2).next_multiple_of(WHOLE));
    let (one, other) = join(
        each * len,
        || summed(slices, given, each, work),
        || summed(other_slices, other_given, each, work),
    );
    one + other
}

#[track_caller]
fn length<F, const N: usize, const K: usize>(slices: &[&mut [F]; N], given: &[&[F]; K]) -> usize {
    let mut lengths = slices.iter().map(|slice| slice.len()).chain(given.iter().map(|slice| slice.len()));
    let len = lengths.next().unwrap_or(0);
    assert!(lengths.all(|other| other == len), "slices of one length");
    len
}

/// N slices to write to, and K to read.
type Slices<'a, F, const N: usize, const K: usize> = ([&'a mut [F]; N], [&'a [F]; K]);

/// The first `at` entries of all slices, and the rest.
fn cut<F, const N: usize, const K: usize>(
    (slices, given): Slices<'_, F, N, K>,
    at: usize,
) -> (Slices<'_, F, N, K>, Slices<'_, F, N, K>) {
    let mut rest = [(); N].map(|()| None);
    let mut rests = rest.iter_mut();
    let first = slices.map(|slice| {
        let (first, other) = slice.split_at_mut(at);
        if let Some(rest) = rests.next() {
            *rest = Some(other);
        }
        first
    });
    let rest = rest.map(Option::unwrap_or_default);
    ((first, given.map(|slice| &slice[..at])), (rest, given.map(|slice| &slice[at..])))
}

/// Both, side by side where they are as much work as so many multiplications and these are many.
fn join<A: Send, B: Send>(
    multiplications: usize,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    if threads(multiplications) > 1 { rayon::join(one, other) } else { (one(), other()) }
}

/// Run `work` on `all`, which is `len` of something, `each` as much work as so many multiplications: at once, or, where they
/// are many, in parts that `cut` makes at multiples of 64, side by side. What comes out must not depend on the parts.
pub fn in_parts<T: Send>(
    all: T,
    len: usize,
    each: usize,
    cut: &(impl Fn(T, usize) -> (T, T) + Sync),
    work: &(impl Fn(T) + Sync),
) {
    let threads = threads(len.saturating_mul(each));
    part(all, len, if threads > 1 { SHARES * threads } else { 1 }, cut, work);
}

fn part<T: Send>(
    all: T,
    len: usize,
    parts: usize,
    cut: &(impl Fn(T, usize) -> (T, T) + Sync),
    work: &(impl Fn(T) + Sync),
) {
    let half = parts / 2;
    let at = (len * half / parts.max(1)).next_multiple_of(WHOLE);
    if half == 0 || at >= len {
        return work(all);
    }
    let (first, rest) = cut(all, at);
    rayon::join(|| part(first, at, half, cut, work), || part(rest, len - at, parts - half, cut, work));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::AtomicUsize;

    use super::*;

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
    }

    #[test]
    fn parts_make_up_the_whole() {
        const LONG: usize = WORTH_SHARING / FUNCTION;
        for (threads, len) in
            [(1, LONG), (2, 0), (2, LONG - 1), (2, LONG), (3, 2 * LONG + 1), (5, 5 * LONG + 77)]
        {
            let mut x: Vec<usize> = (0..len).collect();
            let (mut y, same) = (x.clone(), x.clone());
            let calls = AtomicUsize::new(0);
            let work = || {
                shared([&mut x, &mut y], [&same], &|[x, y], [same]| {
                    calls.fetch_add(1, Ordering::Relaxed);
                    x.iter_mut().zip(y).zip(same).for_each(|((x, y), same)| {
                        assert_eq!((&*x, &*y), (same, same));
                        *x += 1;
                        *y += 2;
                    });
                });
            };
            pool(threads).install(|| awake(work));
            assert!(x.iter().enumerate().all(|(i, &x)| x == i + 1));
            assert!(y.iter().enumerate().all(|(i, &y)| y == i + 2));
            assert_eq!(calls.into_inner(), if len < LONG || threads == 1 { 1 } else { SHARES * threads });
        }
    }

    #[test]
    fn only_large_work_wakes_threads() {
        pool(4).install(|| {
            assert_eq!([ASLEEP - 1, ASLEEP].map(threads), [1, 4]);
            awake(|| {
                assert_eq!(
                    [WORTH_SHARING - 1, WORTH_SHARING, 3 * PART, 100 * PART].map(threads),
                    [1, 2, 3, 4]
                )
            });
            assert_eq!(threads(ASLEEP - 1), 1, "it is over");
        });
        pool(1).install(|| awake(|| assert_eq!(threads(100 * PART), 1)));
    }

    #[test]
    fn several_at_once_do_not_wait_for_each_other() {
        let sums: Vec<usize> = pool(3).install(|| {
            use rayon::prelude::*;
            let one = |seed: usize| {
                awake(|| {
                    let mut x = vec![seed; 4 * PART / FUNCTION];
                    for _ in 0..50 {
                        shared([&mut x], [], &|[x], []| x.iter_mut().for_each(|x| *x += 1));
                    }
                    awake(|| x.iter().sum())
                })
            };
            (0..12).into_par_iter().map(one).collect()
        });
        let len = 4 * PART / FUNCTION;
        assert!(sums.iter().enumerate().all(|(seed, &sum)| sum == len * (seed + 50)));
    }

    #[test]
    fn a_panic_lets_the_others_go() {
        let pool = pool(2);
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.install(|| awake(|| panic!("on purpose")));
        }));
        assert!(caught.is_err());
        assert_eq!(pool.install(|| awake(|| 3)), 3);
    }
}
