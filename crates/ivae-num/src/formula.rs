//! [`each`]: a formula of one element with elementary functions in it, over slices in one pass of wide vectors.
//!
//! A function of [`VecMath`](crate::vecmath::VecMath) over a slice costs a pass of its own, and so does the arithmetic around it: an exponential
//! takes no longer than reading and writing its argument a few times. A [`Formula`] does all of it while the numbers are in
//! registers.

use std::marker::PhantomData;

use crate::Scalar;
use crate::simd::{Kernel, Simd, Target};

/// Elementary functions of one number, of the accuracy of [`VecMath`](crate::vecmath::VecMath), compiled for the vectors at hand.
pub trait Functions<F> {
    /// eˣ.
    fn exp(x: F) -> F;
    /// ln x.
    fn ln(x: F) -> F;
    /// 1 / (1 + e⁻ˣ).
    fn sigmoid(x: F) -> F;
    /// ln(1 + eˣ).
    fn softplus(x: F) -> F;
    /// a b + c, rounded once if that is one operation of the processor.
    fn mul_add(a: F, b: F, c: F) -> F;
    /// a / d for d > 0, within 2 units in the last place and without the processor's divider; for d from 10⁻³⁷ to 10³⁷ in
    /// `f32`, from 10⁻³⁰⁷ to 10³⁰⁷ in `f64`, and otherwise anything.
    fn quotient(a: F, d: F) -> F;
}

/// What becomes of N numbers that stand at one place of N slices, given K numbers of others.
///
/// Mark [`at`](Formula::at) and what it calls `#[inline(always)]`, and let it choose by `if a { b } else { c }` of values
/// alone: the compiler vectorises it. Each operation is rounded for itself (do not call `Float::mul_add`).
pub trait Formula<F, const N: usize, const K: usize>: Copy {
    /// The numbers that take the place of `x`.
    fn at<M: Functions<F>>(&self, x: [F; N], given: [F; K]) -> [F; N];
}

/// `x[..][i] ← formula(x[..][i], given[..][i])` for every i. An element gets the same bits wherever it stands.
///
/// # Panics
/// If the slices differ in length.
pub fn each<F: Scalar, const N: usize, const K: usize>(
    x: [&mut [F]; N],
    given: [&[F]; K],
    formula: impl Formula<F, N, K>,
) {
    let len = x.first().map_or(0, |slice| slice.len());
    let same = x.iter().all(|slice| slice.len() == len) && given.iter().all(|slice| slice.len() == len);
    assert!(same, "slices of one length");
    Simd::active().run(Each { x, given, len, formula });
}

/// Numbers that are worked on at a time: one vector or more for every target.
pub const LANES: usize = 16;

/// A loop of [`Formula`]s whose numbers do not stand in slices of one length: written over [`LANES`] numbers at a time with
/// [`at_lanes`].
///
/// Mark [`run`](FormulaLoop::run) and what it calls `#[inline(always)]`, as for [`Loop`](crate::Loop).
pub trait FormulaLoop<F> {
    /// What comes out, beside what is written into slices.
    type Output;
    /// All of the work.
    fn run<M: Functions<F>>(self) -> Self::Output;
}

/// Run `work` with the widest vectors the processor has.
pub fn run_formulas<F: Scalar, L: FormulaLoop<F>>(work: L) -> L::Output {
    Simd::active().run(OnFunctions(work, PhantomData::<F>))
}

struct OnFunctions<L, F>(L, PhantomData<F>);

impl<F: Scalar, L: FormulaLoop<F>> Kernel for OnFunctions<L, F> {
    type Output = L::Output;

    #[inline(always)]
    fn run<T: Target>(self) -> L::Output {
        self.0.run::<On<T>>()
    }
}

struct Each<'a, F, M, const N: usize, const K: usize> {
    x: [&'a mut [F]; N],
    given: [&'a [F]; K],
    len: usize,
    formula: M,
}

/// The functions compiled for a [`Target`].
struct On<T>(PhantomData<T>);

impl<F: Scalar, T: Target> Functions<F> for On<T> {
    #[inline(always)]
    fn exp(x: F) -> F {
        F::exp_on::<T>(x)
    }

    #[inline(always)]
    fn ln(x: F) -> F {
        F::ln_on::<T>(x)
    }

    #[inline(always)]
    fn sigmoid(x: F) -> F {
        F::sigmoid_on::<T>(x)
    }

    #[inline(always)]
    fn softplus(x: F) -> F {
        F::softplus_on::<T>(x)
    }

    #[inline(always)]
    fn mul_add(a: F, b: F, c: F) -> F {
        F::mul_add_on::<T>(a, b, c)
    }

    #[inline(always)]
    fn quotient(a: F, d: F) -> F {
        F::quotient_on::<T>(a, d)
    }
}

/// [`LANES`] numbers of each of N slices.
pub type Lanes<F, const N: usize> = [[F; LANES]; N];

/// `formula` of [`LANES`] numbers of each slice.
#[inline(always)]
pub fn at_lanes<F: Scalar, M: Functions<F>, const N: usize, const K: usize>(
    formula: impl Formula<F, N, K>,
    x: Lanes<F, N>,
    given: Lanes<F, K>,
) -> Lanes<F, N> {
    let mut out = x;
    for i in 0..LANES {
        let (mut at_x, mut at_given) = ([F::zero(); N], [F::zero(); K]);
        for j in 0..N {
            at_x[j] = x[j][i];
        }
        for j in 0..K {
            at_given[j] = given[j][i];
        }
        let y = formula.at::<M>(at_x, at_given);
        for j in 0..N {
            out[j][i] = y[j];
        }
    }
    out
}

/// Places `at..at + len` of each slice, and 1 beyond them.
#[inline(always)]
fn load<F: Scalar, S: AsRef<[F]>, const N: usize>(slices: &[S; N], at: usize, len: usize) -> Lanes<F, N> {
    let mut out = [[F::one(); LANES]; N];
    for j in 0..N {
        out[j][..len].copy_from_slice(&slices[j].as_ref()[at..at + len]);
    }
    out
}

impl<F: Scalar, M: Formula<F, N, K>, const N: usize, const K: usize> Kernel for Each<'_, F, M, N, K> {
    type Output = ();

    #[inline(always)]
    fn run<T: Target>(self) {
        let Self { x, given, len, formula } = self;
        // No scalar tail: whole chunks, and one that is filled up.
        let (whole, rest) = (len / LANES * LANES, len % LANES);
        for at in (0..whole).step_by(LANES) {
            let out = at_lanes::<F, On<T>, N, K>(formula, load(&x, at, LANES), load(&given, at, LANES));
            for j in 0..N {
                x[j][at..at + LANES].copy_from_slice(&out[j]);
            }
        }
        if rest > 0 {
            let out = at_lanes::<F, On<T>, N, K>(formula, load(&x, whole, rest), load(&given, whole, rest));
            for j in 0..N {
                x[j][whole..].copy_from_slice(&out[j][..rest]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vecmath::VecMath;

    /// All functions, and both kinds of slices.
    #[derive(Clone, Copy)]
    struct All;

    impl<F: Scalar> Formula<F, 2, 1> for All {
        #[inline(always)]
        fn at<M: Functions<F>>(&self, [a, b]: [F; 2], [c]: [F; 1]) -> [F; 2] {
            [M::exp(a) + c * M::ln(b), M::sigmoid(a) - M::softplus(b) * c]
        }
    }

    fn by_slices<F: Scalar>(a: &[F], b: &[F], c: &[F]) -> (Vec<F>, Vec<F>) {
        let of = |x: &[F], f: fn(&mut [F])| {
            let mut x = x.to_vec();
            f(&mut x);
            x
        };
        let (exp, ln) = (of(a, <F as VecMath>::exp), of(b, <F as VecMath>::ln));
        let (sigmoid, softplus) = (of(a, <F as VecMath>::sigmoid), of(b, <F as VecMath>::softplus));
        (0..a.len()).map(|i| (exp[i] + c[i] * ln[i], sigmoid[i] - softplus[i] * c[i])).unzip()
    }

    fn check<F: Scalar>() {
        let series = |scale: f64| (0..64).map(|i| F::of(scale * (i as f64 + 0.5))).collect::<Vec<F>>();
        let (a, b, c) = (series(-0.1), series(0.3), series(0.7));
        for len in [0, 1, 15, 16, 17, 50, 64] {
            let (mut x, mut y) = (a[..len].to_vec(), b[..len].to_vec());
            each([&mut x, &mut y], [&c[..len]], All);
            assert_eq!((x, y), by_slices(&a[..len], &b[..len], &c[..len]));
            for simd in Simd::available() {
                let on = |len: usize| {
                    let (mut x, mut y) = (a[..len].to_vec(), b[..len].to_vec());
                    simd.run(Each { x: [&mut x, &mut y], given: [&c[..len]], len, formula: All });
                    (x, y)
                };
                let ((x, y), (long_x, long_y)) = (on(len), on(64));
                assert_eq!((&x[..], &y[..]), (&long_x[..len], &long_y[..len]), "{} of {len}", simd.name());
            }
        }
    }

    #[test]
    fn a_formula_gives_the_bits_of_its_functions_over_slices() {
        check::<f32>();
        check::<f64>();
    }

    #[test]
    #[should_panic(expected = "slices of one length")]
    fn slices_of_two_lengths_are_refused() {
        each([&mut [0.0; 3], &mut [0.0; 3]], [&[0.0; 4]], All);
    }
}
