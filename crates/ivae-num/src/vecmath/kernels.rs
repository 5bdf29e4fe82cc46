//! The scalar kernels of [`super::VecMath`]: branch-free, so that a loop over them vectorises.
//!
//! With `n = round(x / ln 2)` and `r = x − n ln 2` (ln 2 in two parts, Cody & Waite 1980), eˣ = 2ⁿ (1 + q(r)), where
//! q(r) = eʳ − 1 = r + r² p(r). Where there is a division anyway, eʳ = (1 + v) / (1 − v) with v = tanh ½ r = r p(r²): for
//! σ, and for tanh with 2ʳ, r = 2 x / ln 2 − n. Logarithms use
//! ln(1 + f) = f − s (f − s² p(s²)) with s = f / (2 + f), which is the series of 2 artanh s. All p are near-minimax
//! (Chebyshev) fits; `tests/golden/vecmath.py` makes the coefficients.

use crate::simd::Target;

/// What a [formula](crate::formula) may have in it, compiled for the instructions of a [`Target`].
pub trait OnTarget: Sized {
    fn exp_on<T: Target>(x: Self) -> Self;
    fn ln_on<T: Target>(x: Self) -> Self;
    fn tanh_on<T: Target>(x: Self) -> Self;
    fn sigmoid_on<T: Target>(x: Self) -> Self;
    fn softplus_on<T: Target>(x: Self) -> Self;
    fn mul_add_on<T: Target>(a: Self, b: Self, c: Self) -> Self;
    fn quotient_on<T: Target>(a: Self, d: Self) -> Self;
}

macro_rules! kernels {
    ($float:ident, $bits:ident) => {
        const MANTISSA: u32 = $float::MANTISSA_DIGITS - 1;
        const BIAS: $bits = $float::MAX_EXP as $bits - 1;
        /// 2 to the power of this lifts e to the power of [`EXP_LOWEST`] into the normal range.
        const LIFT: $bits = MANTISSA as $bits + 9;
        const LIFTED: $float = ((1 as u64) << LIFT) as $float;

        #[inline(always)]
        pub(in super::super) fn mul_add<T: Target>(a: $float, b: $float, c: $float) -> $float {
            if T::FMA { a.mul_add(b, c) } else { a * b + c }
        }

        /// `q + q (e + e²)` for e = 1 − d q: of e³, that is, when q is of e.
        #[inline(always)]
        fn nearer<T: Target>(q: $float, e: $float) -> $float {
            mul_add::<T>(q, mul_add::<T>(e, e, e), q)
        }

        /// a / d within 2 units in the last place, for d as far from 0 and ∞ as [`RECIPROCAL`] allows; without the divider,
        /// which other operations of a loop may be waiting for.
        #[inline(always)]
        pub(in super::super) fn quotient<T: Target>(a: $float, d: $float) -> $float {
            let mut q = $float::from_bits(RECIPROCAL.wrapping_sub(d.to_bits()));
            for _ in 1..STEPS {
                q = nearer::<T>(q, mul_add::<T>(-d, q, 1.0));
            }
            // The last step takes a with it.
            nearer::<T>(a * q, mul_add::<T>(-d, q, 1.0))
        }

        /// `p[0] + p[1] x + p[2] x² + …`
        #[inline(always)]
        fn polynomial<T: Target, const N: usize>(p: &[$float; N], x: $float) -> $float {
            let mut sum = p[N - 1];
            for i in (0..N - 1).rev() {
                sum = mul_add::<T>(sum, x, p[i]);
            }
            sum
        }

        /// The integer next to `factor · x`, and it plus `OFFSET`, which must make it positive, in the low bits.
        #[inline(always)]
        fn nearest_integer<T: Target, const OFFSET: $bits>(x: $float, factor: $float) -> ($float, $bits) {
            // So large that its unit in the last place is 1: adding it rounds to an integer, which then stands in the low
            // bits.
            let large = ((3 as $bits) << (MANTISSA - 1)) as $float + OFFSET as $float;
            let rounded = mul_add::<T>(x, factor, large);
            (rounded - large, rounded.to_bits())
        }

        /// `(r, n)` with `eˣ = 2ⁿ eʳ`, |r| ≤ ½ ln 2; n is an integer in the low bits, plus `OFFSET`, which must make it positive.
        #[inline(always)]
        fn reduced<T: Target, const OFFSET: $bits>(x: $float) -> ($float, $bits) {
            let (n, bits) = nearest_integer::<T, OFFSET>(x, std::$float::consts::LOG2_E);
            let r = mul_add::<T>(n, -LN2_HIGH, x);
            (mul_add::<T>(n, -LN2_LOW, r), bits)
        }

        /// `eʳ − 1` for |r| ≤ ½ ln 2.
        #[inline(always)]
        fn small_expm1<T: Target>(r: $float) -> $float {
            mul_add::<T>(r * r, polynomial::<T, _>(&EXPM1, r), r)
        }

        /// e to the power of x, for x from [`EXP_LOWEST`] to [`EXP_HIGHEST`], outside of which it is 0 or ∞.
        #[inline(always)]
        fn limited_exp<T: Target>(x: $float) -> $float {
            const OFFSET: $bits = 2 * (BIAS + 1);
            let (r, n) = reduced::<T, OFFSET>(x);
            // In two steps, because 2ⁿ alone may be too large or too small for the format. Bits above the exponent
            // fall off by the shift.
            let half = n >> 1;
            let power = |n: $bits| $float::from_bits(n.wrapping_sub(OFFSET / 2 - BIAS) << MANTISSA);
            let (first, second) = (power(half), power(n.wrapping_sub(half)));
            (1.0 + small_expm1::<T>(r)) * first * second
        }

        #[inline(always)]
        pub(in super::super) fn exp<T: Target>(x: $float) -> $float {
            let x = if x > EXP_HIGHEST { EXP_HIGHEST } else { x };
            limited_exp::<T>(if x < EXP_LOWEST { EXP_LOWEST } else { x })
        }

        /// `(r, p)` with p eʳ = eˣ [`LIFTED`], so large because eˣ may be a denormal; |r| ≤ ½ ln 2. For x from [`EXP_LOWEST`] on,
        /// below which it is 0, up to [`SIGMOID_ONE`].
        #[inline(always)]
        fn lifted<T: Target>(x: $float) -> ($float, $float) {
            let x = if x < EXP_LOWEST { EXP_LOWEST } else { x };
            // The offset is what 2ⁿ has in its exponent beside n.
            let (r, n) = reduced::<T, { BIAS + LIFT }>(x);
            (r, $float::from_bits(n << MANTISSA))
        }

        /// `(r, 2ⁿ)` with e²ˣ = 2ʳ 2ⁿ, r from −½ to ½, for x where tanh is not yet ±1, and for the nearest such x elsewhere.
        #[inline(always)]
        pub(in super::super) fn tanh_power<T: Target>(x: $float) -> ($float, $float) {
            // An error of the factor that makes it a power of 2 is one of x, and tanh x changes by no more of itself than x
            // does; so there is no second part of the factor.
            const FACTOR: $float = 2.0 * std::$float::consts::LOG2_E;
            let x = if x > TANH_ONE { TANH_ONE } else { x };
            let x = if x < -TANH_ONE { -TANH_ONE } else { x };
            let (n, bits) = nearest_integer::<T, BIAS>(x, FACTOR);
            (mul_add::<T>(x, FACTOR, -n), $float::from_bits(bits << MANTISSA))
        }

        /// `(p, q)` with tanh x = p / q for [`tanh_power`] of x
        #[inline(always)]
        pub(in super::super) fn tanh_of_power<T: Target>(r: $float, scale: $float) -> ($float, $float) {
            // 2ʳ = (1 + v) / (1 − v) for v = tanh(½ r ln 2), so tanh x = (2ⁿ 2ʳ − 1) / (2ⁿ 2ʳ + 1) is
            // (2ⁿ − 1 + (2ⁿ + 1) v) / (2ⁿ + 1 + (2ⁿ − 1) v). Not scale − 1, so that −0 stays −0.
            let v = r * polynomial::<T, _>(&TANH_2, r * r);
            let (less, more) = (-(1.0 - scale), 1.0 + scale);
            (mul_add::<T>(more, v, less), mul_add::<T>(less, v, more))
        }

        /// `(p, q)` with tanh x = p / q
        #[inline(always)]
        pub(in super::super) fn tanh_parts<T: Target>(x: $float) -> ($float, $float) {
            let (r, scale) = tanh_power::<T>(x);
            tanh_of_power::<T>(r, scale)
        }

        #[inline(always)]
        pub(in super::super) fn tanh<T: Target>(x: $float) -> $float {
            let (p, q) = tanh_parts::<T>(x);
            p / q
        }

        /// `(tanh x + slope x, 1 − tanh² x + slope)` for t = tanh x
        #[inline(always)]
        pub(in super::super) fn xtanh<T: Target>(x: $float, t: $float, slope: $float) -> ($float, $float) {
            (mul_add::<T>(slope, x, t), mul_add::<T>(-t, t, 1.0 + slope))
        }

        /// `(p, q)` with σ(x) = p / q
        #[inline(always)]
        pub(in super::super) fn sigmoid_parts<T: Target>(x: $float) -> ($float, $float) {
            let (r, power) = lifted::<T>(if x > SIGMOID_ONE { SIGMOID_ONE } else { x });
            // eʳ = (1 + v) / (1 − v) for v = tanh ½ r.
            let v = r * polynomial::<T, _>(&TANH_E, r * r);
            let z = mul_add::<T>(power, v, power);
            (z, mul_add::<T>(-LIFTED, v, LIFTED) + z)
        }

        #[inline(always)]
        pub(in super::super) fn sigmoid<T: Target>(x: $float) -> $float {
            let (p, q) = sigmoid_parts::<T>(x);
            p / q
        }

        /// `(x σ(x), σ(x) + x σ(x) (1 − σ(x)))` for s = σ(x)
        #[inline(always)]
        pub(in super::super) fn silu<T: Target>(x: $float, s: $float) -> ($float, $float) {
            (x * s, mul_add::<T>(x * s, 1.0 - s, s))
        }

        #[inline(always)]
        pub(in super::super) fn softplus<T: Target>(x: $float) -> $float {
            let (r, power) = lifted::<T>(-x.abs());
            let z = mul_add::<T>(power, small_expm1::<T>(r), power) * (1.0 / LIFTED);
            (if x > 0.0 { x } else { 0.0 }) + ln_1p::<T, _>(&LN_1P, z)
        }

        /// `ln(1 + f)`; `p` says for which f.
        #[inline(always)]
        fn ln_1p<T: Target, const N: usize>(p: &[$float; N], f: $float) -> $float {
            let s = f / (2.0 + f);
            let square = s * s;
            let rest = mul_add::<T>(-square, polynomial::<T, _>(p, square), f);
            mul_add::<T>(-s, rest, f)
        }

        #[inline(always)]
        pub(in super::super) fn ln<T: Target>(x: $float) -> $float {
            // Denormals are brought into the normal range.
            const UP: i32 = MANTISSA as i32 + 1;
            let denormal = x < $float::MIN_POSITIVE;
            let scaled = if denormal { x * ((1 as $bits) << UP) as $float } else { x };
            // x = 2ᵏ (1 + f) with 1 + f from √½ to √2.
            let root = std::$float::consts::FRAC_1_SQRT_2.to_bits();
            let one = (1.0 as $float).to_bits();
            let bits = scaled.to_bits().wrapping_add(one - root);
            let f = $float::from_bits((bits & ((1 << MANTISSA) - 1)).wrapping_add(root)) - 1.0;
            // The exponent as a float: placed in the low bits of 2^MANTISSA, which is then taken away.
            let base = ((1 as $bits) << MANTISSA) as $float;
            let k = $float::from_bits((bits >> MANTISSA) | base.to_bits());
            let k = k - (base + BIAS as $float + if denormal { UP as $float } else { 0.0 });
            let y = mul_add::<T>(k, LN2_LOW, ln_1p::<T, _>(&LN, f));
            let y = mul_add::<T>(k, LN2_HIGH, y);
            // x itself for ∞ and NaN; the comparisons are false for NaN.
            let y = if x < $float::INFINITY { y } else { x };
            let y = if x == 0.0 { $float::NEG_INFINITY } else { y };
            if x < 0.0 { $float::NAN } else { y }
        }
    };
}

pub(super) mod single {
    use super::Target;

    const LN2_HIGH: f32 = 0.693_145_75;
    const LN2_LOW: f32 = 1.428_606_8e-6;
    /// Less the bits of d, those of 1 / d within an eighth of it, for d from 2⁻¹²⁵ to 2¹²⁵; and the steps from there.
    const RECIPROCAL: u32 = 0x7ef3_11c7;
    const STEPS: usize = 2;
    const EXP_LOWEST: f32 = -104.0;
    const EXP_HIGHEST: f32 = 89.0;
    /// Where tanh and σ are 1 to the last bit.
    const TANH_ONE: f32 = 12.0;
    const SIGMOID_ONE: f32 = 20.0;
    /// tanh(½ r ln 2) / r in r², for |r| ≤ ½; exact at 0.
    const TANH_2: [f32; 3] = [0.346_573_6, -0.013_875_169, 0.000_655_542_5];
    /// tanh(½ r) / r in r², for |r| ≤ ½ ln 2.
    const TANH_E: [f32; 3] = [0.5, -0.041_664_085, 0.004_097_005_4];
    /// (eʳ − 1 − r) / r² for |r| ≤ ½ ln 2.
    const EXPM1: [f32; 5] = [0.5, 0.166_665_76, 0.041_666_556, 0.008_363_203, 0.001_392_621_3];
    /// (2 artanh s − 2 s) / s³ in s², for s ≤ 1/3: logarithms from 1 to 2.
    const LN_1P: [f32; 5] = [0.666_666_7, 0.399_997_06, 0.285_924_26, 0.217_054_28, 0.232_302_56];
    /// The same for logarithms from √½ to √2.
    const LN: [f32; 3] = [0.666_666_87, 0.399_887_6, 0.295_809_86];

    kernels!(f32, u32);
}

pub(super) mod double {
    use super::Target;

    const LN2_HIGH: f64 = 0.693_147_180_560_117_7;
    const LN2_LOW: f64 = -1.723_944_452_561_483_5e-13;
    /// For d from 2⁻¹⁰²¹ to 2¹⁰²¹.
    const RECIPROCAL: u64 = 0x7fde_6238_22fc_16e6;
    const STEPS: usize = 3;
    const EXP_LOWEST: f64 = -746.0;
    const EXP_HIGHEST: f64 = 710.0;
    const TANH_ONE: f64 = 22.0;
    const SIGMOID_ONE: f64 = 40.0;
    const TANH_2: [f64; 7] = [
        0.346_573_590_279_972_64,
        -0.013_876_027_166_205_042,
        0.000_666_677_907_293_948_7,
        -3.241_205_862_136_399e-5,
        1.577_594_833_846_199_6e-6,
        -7.674_532_821_257_315e-8,
        3.585_183_137_802_571_7e-9,
    ];
    const TANH_E: [f64; 7] = [
        0.5,
        -0.041_666_666_666_665_6,
        0.004_166_666_666_494_141,
        -0.000_421_626_974_826_342_2,
        4.271_361_406_870_830_6e-5,
        -4.324_852_769_205_683e-6,
        4.204_970_688_892_792e-7,
    ];
    const EXPM1: [f64; 10] = [
        0.500_000_000_000_000_1,
        0.166_666_666_666_666_69,
        0.041_666_666_666_623_99,
        0.008_333_333_333_330_051,
        0.001_388_888_891_728_179_4,
        0.000_198_412_698_631_059_68,
        2.480_152_119_021_773e-5,
        2.755_726_837_868_419_2e-6,
        2.762_013_871_973_399_4e-7,
        2.510_042_415_700_506_7e-8,
    ];
    const LN_1P: [f64; 10] = [
        0.666_666_666_666_666_6,
        0.400_000_000_000_147_24,
        0.285_714_285_670_716_66,
        0.222_222_227_211_782_23,
        0.181_817_892_475_915_37,
        0.153_855_753_555_158_38,
        0.133_140_574_801_228_62,
        0.120_018_975_207_037_72,
        0.087_965_270_266_740_57,
        0.161_729_737_651_648_72,
    ];
    const LN: [f64; 7] = [
        0.666_666_666_666_667,
        0.399_999_999_998_988_9,
        0.285_714_286_262_538_36,
        0.222_222_110_893_794_96,
        0.181_828_924_325_368_7,
        0.153_316_117_220_550_08,
        0.146_178_071_534_173_25,
    ];

    kernels!(f64, u64);
}
