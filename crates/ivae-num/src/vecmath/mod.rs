//! Elementary functions over slices, in place, dispatched at run time to the widest vectors the processor has.
//!
//! Every element gets the same bits whatever the length and alignment of its slice. Between processors the last bit
//! may differ, because some have a fused multiply-add and some do not; environment variable `IVAE_SIMD`, set to
//! `portable`, `avx2` or `avx512`, picks one path for all of them (`amx` is that of `avx512` here).

mod kernels;
#[cfg(test)]
mod tests;

use std::ops::DivAssign;

pub(crate) use kernels::OnTarget;

use crate::sealed::Sealed;
use crate::shared;
use crate::simd::{Kernel, Simd, Target};

/// Elementary functions over slices, each in place. Sealed: for [`crate::Scalar`] only.
///
/// NaN stays NaN, ±∞ and −0 give their limits, denormals are not flushed; at most 4 ulp from the true value.
pub trait VecMath: Sealed + OnTarget {
    /// `x ← eˣ`.
    fn exp(x: &mut [Self]);
    /// `x ← ln x`.
    fn ln(x: &mut [Self]);
    /// `x ← tanh x`.
    fn tanh(x: &mut [Self]);
    /// `x ← 1 / (1 + e⁻ˣ)`.
    fn sigmoid(x: &mut [Self]);
    /// `x ← ln(1 + eˣ)`.
    fn softplus(x: &mut [Self]);
    /// `x ← tanh x + slope · x`, and `deriv ← 1 − tanh² x + slope`: overwrites both, of equal length.
    fn xtanh(x: &mut [Self], deriv: &mut [Self], slope: Self);
    /// `x ← x σ(x)`, and `deriv ← σ(x) + x σ(x) (1 − σ(x))`: overwrites both, of equal length.
    fn silu(x: &mut [Self], deriv: &mut [Self]);
    /// `x ← h` with tanh h + slope · h = x, slope positive, and `tanh ← tanh h`: overwrites both, of equal length.
    fn xtanh_inverse(x: &mut [Self], tanh: &mut [Self], slope: Self);
}

/// A function of one number, compiled for the instructions of a [`Target`].
trait Function<F> {
    fn value<T: Target>(x: F) -> F;
}

/// A function and its derivative, or another number that comes with it.
trait Pair<F> {
    fn chunk<T: Target>(&self, x: &mut [F; GROUP], second: &mut [F; GROUP]);
}

/// Halley steps of φ⁻¹ for slope a, from its bound to the last bits of a format with `digits` binary ones. Convergence is
/// cubic, and the smaller a the later it sets in: tests look at the error on a grid of both.
fn halley_steps(a: f64, digits: u32) -> usize {
    let wide = usize::from(digits > f32::MANTISSA_DIGITS);
    match a {
        _ if a >= 0.2 => 2 + wide,
        _ if a >= 0.02 => 3 + wide,
        _ => 5 + wide,
    }
}

/// Numbers that are worked on at a time: one vector or more for every target.
const CHUNK: usize = 16;
/// The same for [`Pair`]: so many vectors that one need not wait for another, and that the compiler leaves a loop over them a
/// loop, in place of one sequence of instructions after the other.
const GROUP: usize = 128;

/// p / q of every number, for `parts` that give (p, q). In two loops, because a processor looks only some dozens of
/// instructions ahead for one that need not wait.
#[inline(always)]
fn quotients<F: Copy + Default + DivAssign>(x: &[F; GROUP], parts: impl Fn(F) -> (F, F)) -> [F; GROUP] {
    let (mut p, mut q) = ([F::default(); GROUP], [F::default(); GROUP]);
    for i in 0..GROUP {
        (p[i], q[i]) = parts(x[i]);
    }
    for i in 0..GROUP {
        p[i] /= q[i];
    }
    p
}

macro_rules! slices {
    ($float:ty, $kernels:ident, $($name:ident $on:ident $type:ident),*) => {
        impl<M: Function<$float>> Kernel for OverSlice<'_, $float, M> {
            type Output = ();

            #[inline(always)]
            fn run<T: Target>(self) {
                // No scalar tail: whole chunks, then the last chunk again from its first values. A number gets the
                // same bits wherever it stands.
                if let Some(&(mut last)) = self.x.last_chunk::<CHUNK>() {
                    let (chunks, rest) = self.x.as_chunks_mut::<CHUNK>();
                    let ragged = !rest.is_empty();
                    for chunk in chunks {
                        chunk.iter_mut().for_each(|v| *v = M::value::<T>(*v));
                    }
                    if ragged && let Some(end) = self.x.last_chunk_mut() {
                        last.iter_mut().for_each(|v| *v = M::value::<T>(*v));
                        *end = last;
                    }
                } else {
                    let mut padded = [1.0; CHUNK];
                    padded[..self.x.len()].copy_from_slice(self.x);
                    padded.iter_mut().for_each(|v| *v = M::value::<T>(*v));
                    self.x.copy_from_slice(&padded[..self.x.len()]);
                }
            }
        }

        impl Pair<$float> for Xtanh<$float> {
            #[inline(always)]
            fn chunk<T: Target>(&self, x: &mut [$float; GROUP], deriv: &mut [$float; GROUP]) {
                let mut powers = ([0.0; GROUP], [0.0; GROUP]);
                for i in 0..GROUP {
                    (powers.0[i], powers.1[i]) = kernels::$kernels::tanh_power::<T>(x[i]);
                }
                for i in 0..GROUP {
                    let (p, q) = kernels::$kernels::tanh_of_power::<T>(powers.0[i], powers.1[i]);
                    (x[i], deriv[i]) = kernels::$kernels::xtanh::<T>(x[i], p / q, self.0);
                }
            }
        }

        impl Pair<$float> for Silu {
            #[inline(always)]
            fn chunk<T: Target>(&self, x: &mut [$float; GROUP], deriv: &mut [$float; GROUP]) {
                let s = quotients(x, kernels::$kernels::sigmoid_parts::<T>);
                for i in 0..GROUP {
                    (x[i], deriv[i]) = kernels::$kernels::silu::<T>(x[i], s[i]);
                }
            }
        }

        impl Pair<$float> for XtanhInverse<$float> {
            /// For v = |y| the root lies above max(v / (1 + a), (v − 1) / a), from where Halley's steps (1694)
            /// h ← h − 2 f f′ / (2 f′² − f f″) go, with f = tanh h + a h − y, f′ = q + a, f″ = −2 t q, q = 1 − t².
            #[inline(always)]
            fn chunk<T: Target>(&self, x: &mut [$float; GROUP], tanh: &mut [$float; GROUP]) {
                let (a, y) = (self.0, *x);
                let (inner, outer) = ((1.0 + a).recip(), a.recip());
                for (h, y) in x.iter_mut().zip(y) {
                    let (near, far) = (y.abs() * inner, (y.abs() - 1.0) * outer);
                    *h = (if near < far { far } else { near }).copysign(y);
                }
                // A step of all numbers at a time: the compiler vectorises innermost loops.
                for _ in 0..halley_steps(f64::from(a), <$float>::MANTISSA_DIGITS) {
                    let t = quotients(x, kernels::$kernels::tanh_parts::<T>);
                    for i in 0..GROUP {
                        let q = 1.0 - t[i] * t[i];
                        let (f, slope) = (t[i] + a * x[i] - y[i], q + a);
                        x[i] -= f * slope / (slope * slope + f * t[i] * q);
                    }
                }
                *tanh = quotients(x, kernels::$kernels::tanh_parts::<T>);
            }
        }

        impl<M: Pair<$float>> Kernel for InPairs<'_, $float, M> {
            type Output = ();

            #[inline(always)]
            fn run<T: Target>(self) {
                let (x, x_rest) = self.x.as_chunks_mut::<GROUP>();
                let (d, d_rest) = self.second.as_chunks_mut::<GROUP>();
                x.iter_mut().zip(d).for_each(|(x, d)| self.function.chunk::<T>(x, d));
                if !x_rest.is_empty() {
                    let (mut x, mut d) = ([1.0; GROUP], [0.0; GROUP]);
                    x[..x_rest.len()].copy_from_slice(x_rest);
                    self.function.chunk::<T>(&mut x, &mut d);
                    x_rest.copy_from_slice(&x[..x_rest.len()]);
                    d_rest.copy_from_slice(&d[..d_rest.len()]);
                }
            }
        }

        impl OnTarget for $float {
            $(
                #[inline(always)]
                fn $on<T: Target>(x: $float) -> $float {
                    kernels::$kernels::$name::<T>(x)
                }
            )*

            #[inline(always)]
            fn mul_add_on<T: Target>(a: $float, b: $float, c: $float) -> $float {
                kernels::$kernels::mul_add::<T>(a, b, c)
            }

            #[inline(always)]
            fn quotient_on<T: Target>(a: $float, d: $float) -> $float {
                kernels::$kernels::quotient::<T>(a, d)
            }
        }

        impl VecMath for $float {
            fn xtanh(x: &mut [Self], deriv: &mut [Self], slope: Self) {
                in_pairs(x, deriv, Xtanh(slope));
            }

            fn xtanh_inverse(x: &mut [Self], tanh: &mut [Self], slope: Self) {
                in_pairs(x, tanh, XtanhInverse(slope));
            }

            fn silu(x: &mut [Self], deriv: &mut [Self]) {
                in_pairs(x, deriv, Silu);
            }
            $(
                fn $name(x: &mut [Self]) {
                    shared([x], [], &|[x], []| Simd::active().run(OverSlice::<_, $type>::new(x)));
                }
            )*
        }
    };
}

macro_rules! functions {
    ($($on:ident $type:ident),*) => {
        $(
            struct $type;

            impl<F: OnTarget> Function<F> for $type {
                #[inline(always)]
                fn value<T: Target>(x: F) -> F {
                    F::$on::<T>(x)
                }
            }
        )*
    };
}
functions!(exp_on Exp, ln_on Ln, tanh_on Tanh, sigmoid_on Sigmoid, softplus_on Softplus);
slices!(f32, single, exp exp_on Exp, ln ln_on Ln, tanh tanh_on Tanh, sigmoid sigmoid_on Sigmoid, softplus softplus_on Softplus);
slices!(f64, double, exp exp_on Exp, ln ln_on Ln, tanh tanh_on Tanh, sigmoid sigmoid_on Sigmoid, softplus softplus_on Softplus);

/// tanh x + slope · x.
#[derive(Clone, Copy)]
struct Xtanh<F>(F);
/// x σ(x).
#[derive(Clone, Copy)]
struct Silu;
/// The inverse of tanh x + slope · x, with tanh of the result.
#[derive(Clone, Copy)]
struct XtanhInverse<F>(F);

/// Applies a function to every element of a slice, and fills another with what comes with it.
struct InPairs<'a, F, M> {
    x: &'a mut [F],
    second: &'a mut [F],
    function: M,
}

fn in_pairs<F: Send + Sync, M: Copy + Sync>(x: &mut [F], second: &mut [F], function: M)
where
    for<'a> InPairs<'a, F, M>: Kernel,
{
    shared([x, second], [], &|[x, second], []| {
        Simd::active().run(InPairs { x, second, function });
    });
}

/// Applies `M` to every element of a slice.
struct OverSlice<'a, F, M> {
    x: &'a mut [F],
    function: std::marker::PhantomData<M>,
}

impl<'a, F, M> OverSlice<'a, F, M> {
    fn new(x: &'a mut [F]) -> Self {
        Self { x, function: std::marker::PhantomData }
    }
}
