//! Accuracy and special values of every function on every dispatch path the processor has.

use super::*;

type OnSlice<F> = fn(Simd, &mut [F]);

/// Name, our function on a given path, and the same function by the standard library in f64.
type Case<F> = (&'static str, OnSlice<F>, fn(f64) -> f64);

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    let z = (-x.abs()).exp();
    if x >= 0.0 { 1.0 / (1.0 + z) } else { z / (1.0 + z) }
}

macro_rules! cases {
    ($float:ty) => {
        [
            ("exp", |simd, x| simd.run(OverSlice::<_, Exp>::new(x)), f64::exp),
            ("ln", |simd, x| simd.run(OverSlice::<_, Ln>::new(x)), f64::ln),
            ("tanh", |simd, x| simd.run(OverSlice::<_, Tanh>::new(x)), f64::tanh),
            ("sigmoid", |simd, x| simd.run(OverSlice::<_, Sigmoid>::new(x)), sigmoid),
            ("softplus", |simd, x| simd.run(OverSlice::<_, Softplus>::new(x)), softplus),
        ] as [Case<$float>; 5]
    };
}

/// Every path that this processor has; says which it lacks.
fn paths() -> Vec<Simd> {
    let paths = Simd::available();
    for name in ["portable", "avx2", "avx512"] {
        if !paths.iter().any(|p| p.name() == name) {
            println!("skipped: this processor has no {name}");
        }
    }
    paths
}

/// Distance of `got` from `want` in units of the last place of an f32 of that size.
fn ulps_f32(got: f32, want: f64) -> f64 {
    let nearest = want as f32;
    if got == nearest || (got.is_nan() && want.is_nan()) {
        return 0.0;
    }
    if !got.is_finite() || !nearest.is_finite() {
        return f64::INFINITY;
    }
    let ulp = f64::from(nearest.abs().next_up() - nearest.abs());
    (f64::from(got) - want).abs() / ulp
}

/// Largest error of `case` over every `stride`-th bit pattern, and where.
fn sweep_f32(simd: Simd, case: &Case<f32>, stride: u32) -> (f64, f32) {
    let mut worst = (0.0, 0.0);
    let (mut x, mut y) = ([0.0f32; 4096], [0.0f32; 4096]);
    let mut bits = (0..=u32::MAX).step_by(stride as usize).map(f32::from_bits).peekable();
    while bits.peek().is_some() {
        x.iter_mut().for_each(|v| *v = bits.next().unwrap_or(0.0));
        y.copy_from_slice(&x);
        case.1(simd, &mut y);
        for (&x, &y) in x.iter().zip(&y) {
            let error = ulps_f32(y, case.2(f64::from(x)));
            if error > worst.0 {
                worst = (error, x);
            }
        }
    }
    worst
}

fn check_sweep_f32(stride: u32) {
    for simd in paths() {
        for case in cases!(f32) {
            let (worst, at) = sweep_f32(simd, &case, stride);
            println!("f32 {:9} {:9} worst {worst:.3} ulp at {at:e}", simd.name(), case.0);
            assert!(worst <= 4.0, "{} on {}: {worst} ulp at {at:e}", case.0, simd.name());
        }
    }
}

#[test]
fn f32_is_accurate() {
    check_sweep_f32(16_411);
}

#[test]
#[ignore = "every f32 there is: minutes"]
fn f32_is_accurate_everywhere() {
    check_sweep_f32(1);
}

/// Distance of `got` from `high + low` in units of the last place of an f64 of that size.
fn ulps_f64(got: f64, high: f64, low: f64) -> f64 {
    if got == high && low == 0.0 || (got.is_nan() && high.is_nan()) {
        return 0.0;
    }
    let ulp = high.abs().next_up() - high.abs();
    if got.is_finite() && high.is_finite() { ((got - high) - low).abs() / ulp } else { f64::INFINITY }
}

#[test]
fn f64_is_accurate_against_golden_values() {
    let bits = |hex: &str| f64::from_bits(u64::from_str_radix(hex, 16).unwrap());
    let golden = include_str!("../../tests/golden/vecmath_f64.csv");
    for simd in paths() {
        for (name, ours, _) in cases!(f64) {
            let mut worst = (0.0, 0.0);
            let mut points = 0;
            for fields in golden.lines().map(|l| l.split(',').collect::<Vec<_>>()).filter(|f| f[0] == name) {
                let mut y = [bits(fields[1])];
                ours(simd, &mut y);
                let error = ulps_f64(y[0], bits(fields[2]), bits(fields[3]));
                if error > worst.0 {
                    worst = (error, bits(fields[1]));
                }
                points += 1;
            }
            assert!(points > 250, "{name}: only {points} golden values");
            println!("f64 {:9} {name:9} worst {:.3} ulp at {:e}", simd.name(), worst.0, worst.1);
            assert!(worst.0 <= 4.0, "{name} on {}: {} ulp at {:e}", simd.name(), worst.0, worst.1);
        }
    }
}

/// Two million arguments of all sizes and, as many again, of ordinary size, against the standard library.
#[test]
fn f64_is_accurate_against_the_standard_library() {
    const POINTS: u64 = 1 << 17;
    for simd in paths() {
        for (name, ours, theirs) in cases!(f64) {
            let of_all_sizes = (0..POINTS).map(|i| f64::from_bits(i * (u64::MAX / POINTS)));
            let ordinary = (0..POINTS).map(|i| (i as f64 / POINTS as f64 - 0.5) * 1600.0);
            let small = (0..POINTS).map(|i| (i as f64 / POINTS as f64 - 0.5) * 8.0);
            let x: Vec<f64> = of_all_sizes.chain(ordinary).chain(small).collect();
            let mut y = x.clone();
            ours(simd, &mut y);
            let errors = x.iter().zip(&y).map(|(&x, &y)| (ulps_f64(y, theirs(x), 0.0), x));
            let (worst, at) = errors.fold((0.0, 0.0), |w, e| if e.0 > w.0 { e } else { w });
            println!("f64 {:9} {name:9} worst {worst:.3} ulp of the library at {at:e}", simd.name());
            assert!(worst <= 4.0, "{name} on {}: {worst} ulp at {at:e}", simd.name());
        }
    }
}

macro_rules! laws {
    ($float:ident, $special:ident, $position:ident) => {
        #[test]
        fn $special() {
            const INF: $float = $float::INFINITY;
            const TINY: $float = $float::MIN_POSITIVE * $float::EPSILON;
            let half = 0.5;
            let ln_2 = std::$float::consts::LN_2;
            for simd in paths() {
                for (name, ours, _) in cases!($float) {
                    let f = |x: $float| {
                        let mut x = [x; 3];
                        ours(simd, &mut x);
                        x[1]
                    };
                    assert!(f($float::NAN).is_nan() && f(-$float::NAN).is_nan(), "{name} eats NaN");
                    // At −0, 0, −∞, ∞, and the smallest numbers of both signs.
                    let got = [f(-0.0), f(0.0), f(-INF), f(INF), f(-TINY), f(TINY)];
                    match name {
                        "exp" => assert_eq!(got, [1.0, 1.0, 0.0, INF, 1.0, 1.0]),
                        "tanh" => {
                            assert_eq!(got, [0.0, 0.0, -1.0, 1.0, -TINY, TINY]);
                            assert!(got[0].is_sign_negative() && got[1].is_sign_positive());
                            assert_eq!([f($float::MAX), f($float::MIN)], [1.0, -1.0]);
                        }
                        "sigmoid" => assert_eq!(got, [half, half, 0.0, 1.0, half, half]),
                        "softplus" => {
                            assert_eq!(got[2..4], [0.0, INF]);
                            let near = |y: $float| (y - ln_2).abs() <= $float::EPSILON;
                            assert!([0, 1, 4, 5].iter().all(|&i| near(got[i])), "{got:?}");
                            assert_eq!([f($float::MAX), f($float::MIN)], [$float::MAX, 0.0]);
                        }
                        _ => {
                            assert_eq!(got[..2], [-INF, -INF]);
                            assert!(got[2].is_nan() && got[4].is_nan() && f(-1.0).is_nan());
                            assert_eq!(got[3], INF);
                            assert_eq!(got[5], TINY.ln());
                            assert_eq!(f(1.0).to_bits(), 0);
                        }
                    }
                }
            }
        }

        #[test]
        fn $position() {
            let x: Vec<$float> = (0..200).map(|i| (i as $float).sin() * 20.0).collect();
            for simd in paths() {
                for (name, ours, _) in cases!($float) {
                    let mut whole = x.clone();
                    ours(simd, &mut whole);
                    for (start, len) in
                        (0..40).flat_map(|s| [(s, 1), (s, 15), (s, 16), (s, 17), (s, 45), (s, 160)])
                    {
                        let mut part = x[start..start + len].to_vec();
                        ours(simd, &mut part);
                        let same = part.iter().zip(&whole[start..]).all(|(a, b)| a.to_bits() == b.to_bits());
                        assert!(same, "{name} of {len} from {start} on {}", simd.name());
                    }
                    ours(simd, &mut []);
                }
            }
        }
    };
}
laws!(f32, f32_special_values, f32_bits_do_not_depend_on_the_position);
laws!(f64, f64_special_values, f64_bits_do_not_depend_on_the_position);

/// A function with its derivative in one pass, against their definitions; and every number gets the bits that it gets
/// alone, for every length.
#[test]
fn a_pass_with_the_derivative_follows_the_definitions() {
    macro_rules! check {
        ($float:ty) => {
            for simd in paths() {
                let slope = 0.1;
                let xtanh = |x: &mut [$float], d: &mut [$float]| {
                    simd.run(InPairs { x, second: d, function: Xtanh(slope) });
                };
                let silu = |x: &mut [$float], d: &mut [$float]| {
                    simd.run(InPairs { x, second: d, function: Silu });
                };
                let inverse = |x: &mut [$float], d: &mut [$float]| {
                    simd.run(InPairs { x, second: d, function: XtanhInverse(slope) });
                };
                let (a, ulp) = (f64::from(slope), f64::from(<$float>::EPSILON));
                for len in (0..40).chain([100, 300, 6400]) {
                    let start: Vec<$float> = (0..len).map(|i| 9.0 * (i as $float * 0.7).sin()).collect();
                    let run = |fused: &dyn Fn(&mut [$float], &mut [$float])| {
                        let (mut x, mut second) = (start.clone(), vec![<$float>::NAN; len]);
                        fused(&mut x, &mut second);
                        for i in 0..len {
                            let (mut one, mut with_it) = ([start[i]], [<$float>::NAN]);
                            fused(&mut one, &mut with_it);
                            assert_eq!((one[0], with_it[0]), (x[i], second[i]), "{} alone", start[i]);
                        }
                        x.into_iter().zip(second).map(|(x, d)| (f64::from(x), f64::from(d)))
                    };
                    for ((value, deriv), x) in run(&xtanh).zip(start.iter().map(|&x| f64::from(x))) {
                        let t = x.tanh();
                        assert!((value - (t + a * x)).abs() <= 4.0 * ulp * value.abs());
                        assert!((deriv - (1.0 - t * t + a)).abs() <= 4.0 * ulp);
                    }
                    for ((value, deriv), x) in run(&silu).zip(start.iter().map(|&x| f64::from(x))) {
                        let s = if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) };
                        assert!((value - x * s).abs() <= 4.0 * ulp * value.abs());
                        // It moves 1 + x (1 − 2 s) times as far as s does.
                        assert!((deriv - (s + x * s * (1.0 - s))).abs() <= 4.0 * ulp * (1.0 + x.abs()));
                    }
                    for ((h, tanh), x) in run(&inverse).zip(start.iter().map(|&x| f64::from(x))) {
                        assert!((h.tanh() + a * h - x).abs() <= 8.0 * ulp * x.abs());
                        assert!((tanh - h.tanh()).abs() <= 4.0 * ulp);
                    }
                }
            }
        };
    }
    check!(f32);
    check!(f64);
}

/// φ(φ⁻¹(y)) = y for slopes down to a thousandth and y up to where it is a line.
#[test]
fn the_inverse_unit_converges_for_every_slope() {
    macro_rules! check {
        ($float:ty) => {
            for simd in paths() {
                for slope in [1e-3, 3e-3, 0.01, 0.0199, 0.02, 0.05, 0.1, 0.199, 0.2, 0.3, 1.0, 10.0] {
                    let y: Vec<$float> = (-3000..=3000).map(|i| (i as $float * 1e-3).powi(3)).collect();
                    let (mut h, mut t) = (y.clone(), vec![<$float>::NAN; y.len()]);
                    simd.run(InPairs { x: &mut h, second: &mut t, function: XtanhInverse(slope) });
                    for (&y, &h) in y.iter().zip(&h) {
                        let (h, y, slope) = (f64::from(h), f64::from(y), f64::from(slope));
                        let error = (h.tanh() + slope * h - y).abs();
                        let rounding = f64::from(<$float>::EPSILON) * (y.abs() + (slope + 1.0) * h.abs());
                        assert!(error <= 4.0 * rounding, "slope {slope}, y {y}: {h} is off by {error:e}");
                    }
                }
            }
        };
    }
    check!(f32);
    check!(f64);
}

/// 3.7 / x.
struct Quotient;

impl<F: crate::Scalar> Function<F> for Quotient {
    #[inline(always)]
    fn value<T: Target>(x: F) -> F {
        F::quotient_on::<T>(F::of(3.7), x)
    }
}

#[test]
fn quotients_are_near_wherever_they_are_promised() {
    let (mut worst, mut worst_f64) = (0.0f64, 0.0f64);
    for simd in paths() {
        let (from, to) = (1e-37f32.to_bits(), 1e37f32.to_bits());
        let d: Vec<f32> = (from..=to).step_by(12_345).map(f32::from_bits).collect();
        let mut x = d.clone();
        simd.run(OverSlice::<_, Quotient>::new(&mut x));
        for (got, d) in x.iter().zip(&d) {
            worst = worst.max(ulps_f32(*got, f64::from(3.7f32) / f64::from(*d)));
        }
        let (from, to) = (1e-307f64.to_bits(), 1e307f64.to_bits());
        let d: Vec<f64> = (from..=to).step_by(12_345_678_901_234).map(f64::from_bits).collect();
        let mut x = d.clone();
        simd.run(OverSlice::<_, Quotient>::new(&mut x));
        for (got, d) in x.iter().zip(&d) {
            // What is left of the dividend, exactly.
            let rest = got.mul_add(*d, -3.7).abs() / d;
            worst_f64 = worst_f64.max(rest / (got.next_up() - got));
        }
    }
    assert!(worst <= 2.0 && worst_f64 <= 2.0, "off by {worst} and {worst_f64} units in the last place");
}
