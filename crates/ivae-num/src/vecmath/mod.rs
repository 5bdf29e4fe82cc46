//! Elementary functions over slices, in place, dispatched at run time to the widest vectors the processor has.
//!
//! Every element gets the same bits whatever the length and alignment of its slice. Between processors the last bit
//! may differ, because some have a fused multiply-add and some do not; environment variable `IVAE_SIMD`, set to
//! `portable`, `avx2` or `avx512`, picks one path for all of them.

mod kernels;
#[cfg(test)]
mod tests;

use crate::sealed::Sealed;
use crate::simd::{Kernel, Simd, Target};

/// Elementary functions over slices, each in place. Sealed: for [`crate::Scalar`] only.
///
/// NaN stays NaN, ±∞ and −0 give their limits, denormals are not flushed; at most 4 ulp from the true value.
pub trait VecMath: Sealed {
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
}

/// A function of one number, compiled for the instructions of a [`Target`].
trait Function<F> {
    fn value<T: Target>(x: F) -> F;
}

/// A function and its derivative.
trait Differentiable<F> {
    fn both<T: Target>(&self, x: F) -> (F, F);
}

/// Numbers that are worked on at a time: one vector or more for every target.
const CHUNK: usize = 16;

macro_rules! slices {
    ($float:ty, $kernels:ident, $($name:ident $type:ident),*) => {
        $(
            impl Function<$float> for $type {
                #[inline(always)]
                fn value<T: Target>(x: $float) -> $float {
                    kernels::$kernels::$name::<T>(x)
                }
            }
        )*

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

        impl Differentiable<$float> for Xtanh<$float> {
            #[inline(always)]
            fn both<T: Target>(&self, x: $float) -> ($float, $float) {
                let t = kernels::$kernels::tanh::<T>(x);
                (t + self.0 * x, 1.0 - t * t + self.0)
            }
        }

        impl Differentiable<$float> for Silu {
            #[inline(always)]
            fn both<T: Target>(&self, x: $float) -> ($float, $float) {
                let s = kernels::$kernels::sigmoid::<T>(x);
                (x * s, s + x * s * (1.0 - s))
            }
        }

        impl<M: Differentiable<$float>> Kernel for WithDerivative<'_, $float, M> {
            type Output = ();

            #[inline(always)]
            fn run<T: Target>(self) {
                let chunk = |x: &mut [$float; CHUNK], d: &mut [$float; CHUNK]| {
                    for (x, d) in x.iter_mut().zip(d) {
                        (*x, *d) = self.function.both::<T>(*x);
                    }
                };
                let (x, x_rest) = self.x.as_chunks_mut::<CHUNK>();
                let (d, d_rest) = self.deriv.as_chunks_mut::<CHUNK>();
                x.iter_mut().zip(d).for_each(|(x, d)| chunk(x, d));
                if !x_rest.is_empty() {
                    let (mut x, mut d) = ([1.0; CHUNK], [0.0; CHUNK]);
                    x[..x_rest.len()].copy_from_slice(x_rest);
                    chunk(&mut x, &mut d);
                    x_rest.copy_from_slice(&x[..x_rest.len()]);
                    d_rest.copy_from_slice(&d[..d_rest.len()]);
                }
            }
        }

        impl VecMath for $float {
            fn xtanh(x: &mut [Self], deriv: &mut [Self], slope: Self) {
                Simd::active().run(WithDerivative::new(x, deriv, Xtanh(slope)));
            }

            fn silu(x: &mut [Self], deriv: &mut [Self]) {
                Simd::active().run(WithDerivative::new(x, deriv, Silu));
            }
            $(
                fn $name(x: &mut [Self]) {
                    Simd::active().run(OverSlice::<_, $type>::new(x));
                }
            )*
        }
    };
}

struct Exp;
struct Ln;
struct Tanh;
struct Sigmoid;
struct Softplus;
slices!(f32, single, exp Exp, ln Ln, tanh Tanh, sigmoid Sigmoid, softplus Softplus);
slices!(f64, double, exp Exp, ln Ln, tanh Tanh, sigmoid Sigmoid, softplus Softplus);

/// tanh x + slope · x.
struct Xtanh<F>(F);
/// x σ(x).
struct Silu;

/// Applies a function to every element of a slice, and fills another with its derivatives.
struct WithDerivative<'a, F, M> {
    x: &'a mut [F],
    deriv: &'a mut [F],
    function: M,
}

impl<'a, F, M> WithDerivative<'a, F, M> {
    fn new(x: &'a mut [F], deriv: &'a mut [F], function: M) -> Self {
        assert_eq!(x.len(), deriv.len(), "a derivative for each value");
        Self { x, deriv, function }
    }
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
