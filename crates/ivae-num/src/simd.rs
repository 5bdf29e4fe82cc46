//! Run-time choice of the vector instructions that the kernels of this crate are compiled for.
//!
//! A kernel is written once, in safe scalar code that the compiler vectorises, and compiled once per level inside a
//! function that has the level's instructions enabled. Outside of this file and the kernels of
//! the matrix product, nothing in the crate is `unsafe`.

use std::sync::OnceLock;

/// A level of vector instructions that the running processor has: holding one is the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Simd(Level);

/// Names a level; needs no such processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// What the compilation target has, nothing more.
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// [`Level::Avx512`] with a unit for products of matrices of bfloat16 (AMX).
    #[cfg(target_arch = "x86_64")]
    Amx,
}

/// The proof of [`Level::Amx`].
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Amx(());

#[cfg(target_arch = "x86_64")]
impl From<Amx> for Simd {
    fn from(_: Amx) -> Simd {
        Simd(Level::Amx)
    }
}

/// What a kernel may know, at compile time, of the level it is compiled for.
pub trait Target {
    /// Whether the multiply-add is one instruction; without it `mul_add` would be a slow library call.
    const FMA: bool;
}

/// Whether the compilation target alone has a multiply-add instruction.
pub(crate) const PORTABLE_FMA: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

struct Portable;
impl Target for Portable {
    const FMA: bool = PORTABLE_FMA;
}

/// Code to be compiled for every level. `run` and all it calls must be `#[inline(always)]`: what is not inlined is
/// compiled without the level's instructions.
pub(crate) trait Kernel {
    type Output;
    fn run<T: Target>(self) -> Self::Output;
}

impl Simd {
    /// The level in use: the best one, or a lower one if environment variable `IVAE_SIMD` asks for it.
    pub(crate) fn active() -> Simd {
        static ACTIVE: OnceLock<Simd> = OnceLock::new();
        *ACTIVE.get_or_init(|| {
            let wanted = std::env::var("IVAE_SIMD").unwrap_or_default();
            let levels = Simd::available();
            *levels.iter().find(|s| s.name() == wanted).unwrap_or(&levels[levels.len() - 1])
        })
    }

    /// Every level the processor has, lowest first.
    pub(crate) fn available() -> Vec<Simd> {
        #[allow(unused_mut)]
        let mut levels = vec![Simd(Level::Portable)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Simd(Level::Avx2));
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512cd")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                {
                    levels.push(Simd(Level::Avx512));
                    if x86::amx() {
                        levels.push(Simd(Level::Amx));
                    }
                }
            }
        }
        levels
    }

    pub(crate) fn level(self) -> Level {
        self.0
    }

    /// The matrix unit, if the level has it.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn amx(self) -> Option<Amx> {
        (self.0 == Level::Amx).then_some(Amx(()))
    }

    /// Whether the level is run by a processor with whole vectors of 512 bits, a fast divider, and as little trouble with vectors
    /// that reach over two lines of a cache as with others: known are those of AMD from family 26 (Zen 5) on.
    pub(crate) fn wide_core(self) -> bool {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            static FAMILY: OnceLock<Option<u32>> = OnceLock::new();
            self.0 == Level::Avx512 && FAMILY.get_or_init(x86::amd_family).is_some_and(|family| family >= 26)
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        false
    }

    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            Level::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Level::Amx => "amx",
        }
    }

    /// Run the instance of `kernel` compiled for this level.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            Level::Portable => kernel.run::<Portable>(),
            // SAFETY: `available`, the only place that makes this level, has checked that the processor has avx2, fma.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { x86::avx2(kernel) },
            // SAFETY: likewise avx512f, bw, cd, dq, vl on top of avx2 and fma.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 | Level::Amx => unsafe { x86::avx512(kernel) },
        }
    }
}

/// Whether the processor divides in less time than [`Functions::quotient`](crate::Functions::quotient) takes, even where its
/// divider has a root to find for each quotient. Environment variable `IVAE_SIMD` set to anything makes it false, so that a
/// path asked for gives the same bits on every processor that has it.
pub fn divides_fast() -> bool {
    static FAST: OnceLock<bool> = OnceLock::new();
    *FAST.get_or_init(|| Simd::active().wide_core() && std::env::var_os("IVAE_SIMD").is_none())
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Kernel, Target};

    /// The family of the processor, if AMD made it.
    #[cfg(not(miri))]
    pub(super) fn amd_family() -> Option<u32> {
        use std::arch::x86_64::__cpuid;
        let (vendor, version) = (__cpuid(0), __cpuid(1).eax);
        let name = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
        (name.as_flattened() == b"AuthenticAMD").then_some((version >> 8 & 0xf) + (version >> 20 & 0xff))
    }

    /// Whether the processor has the matrix unit, and the system lets this process use it. Asks the system for it, once
    /// for all threads; Linux alone can be asked, from 5.16 on.
    #[cfg(all(target_os = "linux", not(miri)))]
    pub(super) fn amx() -> bool {
        /// Bits of register edx of leaf 7: products of bfloat16, and tiles.
        const UNIT: u32 = 1 << 22 | 1 << 24;
        const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
        const XFEATURE_XTILEDATA: libc::c_long = 18;
        std::arch::x86_64::__cpuid_count(7, 0).edx & UNIT == UNIT
            // SAFETY: the call takes two numbers and touches no memory of this process.
            && unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) } == 0
    }

    #[cfg(not(all(target_os = "linux", not(miri))))]
    pub(super) fn amx() -> bool {
        false
    }

    struct Avx2;
    impl Target for Avx2 {
        const FMA: bool = true;
    }

    struct Avx512;
    impl Target for Avx512 {
        const FMA: bool = true;
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn avx2<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<Avx2>()
    }

    #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512cd,avx512dq,avx512vl")]
    pub(super) fn avx512<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<Avx512>()
    }
}
