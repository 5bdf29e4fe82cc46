//! The matrix unit of a processor (AMX): products of tiles of bfloat16, added up in `f32`.

use std::arch::asm;
use std::marker::PhantomData;
use std::ops::Range;

use super::finish::Output;
use super::split::{Block, SIDE, WORDS};
use super::vector::Vector;
use super::vector::avx512::F32x16;
use crate::simd::Amx;

/// Sums of products, 32 rows of 32.
#[repr(C, align(64))]
pub(super) struct Sums([[f32; SIDE]; SIDE]);

impl Sums {
    pub(super) const fn new(_: Amx) -> Self {
        Self([[0.0; SIDE]; SIDE])
    }

    /// To those of `rows` that c has.
    ///
    /// # Panics
    /// If c has more than 32 columns, or `rows` goes beyond 32.
    #[inline(always)]
    pub(super) fn finish(&self, to: &Output<'_, '_, f32>, rows: Range<usize>) {
        assert!(to.cols <= SIDE && rows.end <= SIDE);
        // SAFETY: an `Amx`, without which there are no sums, is the proof that the processor has the instructions; one
        // or two vectors, as c has columns.
        unsafe {
            if to.cols <= F32x16::LANES {
                to_rows::<1>(&self.0, to, rows);
            } else {
                to_rows::<2>(&self.0, to, rows);
            }
        }
    }
}

/// # Safety
/// Columns for `N` vectors, the last of them at least in part; `N` is 1 or 2; no row beyond 32; the processor has the
/// instructions.
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma")]
unsafe fn to_rows<const N: usize>(sums: &[[f32; SIDE]; SIDE], to: &Output<'_, '_, f32>, rows: Range<usize>) {
    for row in rows.start..rows.end.min(to.rows) {
        // SAFETY: a row of sums is two vectors, and `row` is one of c.
        unsafe {
            let sum = [std::array::from_fn(|j| F32x16::load(sums[row].as_ptr().add(j * F32x16::LANES)))];
            if to.cols == N * F32x16::LANES {
                to.finish::<F32x16, 1, N, false>(row, &sum);
            } else {
                to.finish::<F32x16, 1, N, true>(row, &sum);
            }
        }
    }
}

/// The unit in use by this thread, its registers laid out as eight tiles of 16 rows of 64 bytes.
pub(super) struct Unit {
    /// Is written, and not read: see [`kernel`].
    spare: Spare,
    /// Registers belong to a thread.
    on_this_thread: PhantomData<*mut ()>,
}

/// A tile.
#[repr(C, align(64))]
struct Spare([u32; WORDS]);

/// Operand of the instruction that lays out the registers: Intel, Software Developer's Manual, volume 1, table 18-1.
#[repr(C, align(64))]
struct Layout {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_of_a_row: [u16; 16],
    rows: [u8; 16],
}

static LAYOUT: Layout = Layout {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    bytes_of_a_row: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

impl Unit {
    pub(super) fn new(_: Amx) -> Self {
        // SAFETY: an `Amx` is the proof that the processor has the instruction and that the system allows
        // it; it reads the 64 bytes of `LAYOUT`, which describe a valid layout, and writes tile registers alone, which
        // no compiled code uses.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const LAYOUT, options(nostack, preserves_flags, readonly))
        }
        Self { spare: Spare([0; WORDS]), on_this_thread: PhantomData }
    }

    /// Sets the sums to 0.
    pub(super) fn clear(&mut self) {
        // SAFETY: a `Unit` is the proof that the registers of this thread are laid out; no compiled code uses them.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                options(nostack, preserves_flags, nomem)
            );
        }
    }

    /// `sums ← sums + Σ aᵢ bᵢ` over blocks of 32 summands, for the first 16 or all 32 of the rows and of the columns: what
    /// `rows` and `cols` need. Each number is the sum of its three parts, and six of the nine products of two parts are
    /// taken: of the leading one with each, and of the second with itself.
    #[inline(always)]
    pub(super) fn add(&mut self, a: &[Block], b: &[Block], rows: usize, cols: usize) {
        assert!(a.len() == b.len() && !a.is_empty());
        let kernel = match (rows > SIDE / 2, cols > SIDE / 2) {
            (false, false) => kernel::one_by_one,
            (false, true) => kernel::one_by_two,
            (true, false) => kernel::two_by_one,
            (true, true) => kernel::two_by_two,
        };
        // SAFETY: a and b are as many blocks, at least one; a `Unit` is the proof that the registers of this thread are
        // laid out.
        unsafe { kernel(&mut self.spare.0, a.as_ptr(), b.as_ptr(), a.len()) }
    }

    /// [`add`](Self::add) for `tiles` pairs of tiles of a tail.
    #[inline(always)]
    pub(super) fn add_tail(&mut self, a: &Block, b: &Block, tiles: usize, rows: usize, cols: usize) {
        assert!((1..=3).contains(&tiles));
        let kernel = match (rows > SIDE / 2, cols > SIDE / 2) {
            (false, false) => kernel::tail_one_by_one,
            (false, true) => kernel::tail_one_by_two,
            (true, false) => kernel::tail_two_by_one,
            (true, true) => kernel::tail_two_by_two,
        };
        // SAFETY: a block has three pairs of tiles; a `Unit` is the proof that the registers of this thread are laid out.
        unsafe { kernel(a, b, tiles) }
    }

    /// The sums.
    #[inline(always)]
    pub(super) fn store(&self, sums: &mut Sums) {
        // SAFETY: writes inside of `sums`, four tiles beside and below each other; a `Unit` is the proof that the registers
        // of this thread are laid out.
        unsafe {
            asm!(
                "tilestored [{sums} + {line}*1], tmm0",
                "tilestored [{sums} + {line}*1 + 64], tmm1",
                "tilestored [{sums} + {line}*1 + 2048], tmm2",
                "tilestored [{sums} + {line}*1 + 2112], tmm3",
                sums = in(reg) &raw mut sums.0,
                line = in(reg) 128usize,
                options(nostack, preserves_flags)
            );
        }
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        // SAFETY: only a `Unit` uses the registers, and on this thread it is the only one: none outlives a product.
        unsafe { asm!("tilerelease", options(nostack, preserves_flags, nomem)) }
    }
}

/// Register 0 to 3: sums; 4 and 5: tiles of a; 6 and 7: tiles of b.
///
/// After about two thousand cycles without a store of a tile, the next one waits for some seven hundred (Xeon of 2023,
/// measured); so every call ends with one, to no use.
mod kernel {
    use super::{Block, WORDS, asm};

    macro_rules! load_a {
        (one $first:literal $second:literal) => { concat!("tileloadd tmm4, [{a} + {row}*1 + ", $first, "]\n") };
        (two $first:literal $second:literal) => {
            concat!(load_a!(one $first $second), "tileloadd tmm5, [{a} + {row}*1 + ", $second, "]\n")
        };
    }
    macro_rules! load_b {
        (one $first:literal $second:literal) => { concat!("tileloadd tmm6, [{b} + {row}*1 + ", $first, "]\n") };
        (two $first:literal $second:literal) => {
            concat!(load_b!(one $first $second), "tileloadd tmm7, [{b} + {row}*1 + ", $second, "]\n")
        };
    }
    macro_rules! multiply {
        (one one) => { "tdpbf16ps tmm0, tmm4, tmm6\n" };
        (one two) => { "tdpbf16ps tmm0, tmm4, tmm6\n tdpbf16ps tmm1, tmm4, tmm7\n" };
        (two one) => { "tdpbf16ps tmm0, tmm4, tmm6\n tdpbf16ps tmm2, tmm5, tmm6\n" };
        (two two) => { concat!(multiply!(one two), "tdpbf16ps tmm2, tmm5, tmm6\n tdpbf16ps tmm3, tmm5, tmm7\n") };
    }
    macro_rules! kernel {
        ($name:ident, $tail:ident, $rows:ident $cols:ident) => {
            /// # Safety
            /// `a` and `b` point to `steps` blocks each, at least one; this thread's registers are laid out.
            pub(super) unsafe fn $name(spare: &mut [u32; WORDS], a: *const Block, b: *const Block, steps: usize) {
                // SAFETY: reads `steps` blocks from a and from b, writes `spare`; tile registers are used by no compiled
                // code.
                unsafe {
                    asm!(
                        "2:",
                        load_a!($rows 0 1024), load_b!($cols 0 1024), multiply!($rows $cols),
                        load_b!($cols 2048 3072), multiply!($rows $cols),
                        load_b!($cols 4096 5120), multiply!($rows $cols),
                        load_a!($rows 2048 3072), load_b!($cols 2048 3072), multiply!($rows $cols),
                        load_b!($cols 0 1024), multiply!($rows $cols),
                        load_a!($rows 4096 5120), multiply!($rows $cols),
                        "add {a}, 6144",
                        "add {b}, 6144",
                        "dec {steps}",
                        "jnz 2b",
                        "tilestored [{spare} + {row}*1], tmm4",
                        a = inout(reg) a => _,
                        b = inout(reg) b => _,
                        steps = inout(reg) steps => _,
                        spare = in(reg) spare,
                        row = in(reg) 64usize,
                        options(nostack)
                    );
                }
            }

            /// # Safety
            /// `a` and `b` point to `tiles` pairs of tiles each, at least one; this thread's registers are laid out.
            pub(super) unsafe fn $tail(a: *const Block, b: *const Block, tiles: usize) {
                // SAFETY: reads `tiles` pairs of tiles from a and from b; tile registers are used by no compiled code.
                unsafe {
                    asm!(
                        "2:",
                        load_a!($rows 0 1024), load_b!($cols 0 1024), multiply!($rows $cols),
                        "add {a}, 2048",
                        "add {b}, 2048",
                        "dec {tiles}",
                        "jnz 2b",
                        a = inout(reg) a => _,
                        b = inout(reg) b => _,
                        tiles = inout(reg) tiles => _,
                        row = in(reg) 64usize,
                        options(nostack, readonly)
                    );
                }
            }
        };
    }
    kernel!(one_by_one, tail_one_by_one, one one);
    kernel!(one_by_two, tail_one_by_two, one two);
    kernel!(two_by_one, tail_two_by_one, two one);
    kernel!(two_by_two, tail_two_by_two, two two);
}
