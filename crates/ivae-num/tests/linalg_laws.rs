//! The laws of every decomposition, on whichever back end the features choose.

use ivae_num::linalg::{LinalgError, eigh, inverse, qr, slogdet, solve, svd};
use ivae_num::{Purpose, Scalar, StreamKey, stream};
use ndarray::{Array1, Array2, ArrayView2, array, s};
use proptest::prelude::*;

fn random<F: Scalar>(rows: usize, cols: usize, seed: u64) -> Array2<F> {
    let mut a = Array2::zeros((rows, cols));
    let flat = a.as_slice_mut().expect("a new array is contiguous");
    stream::fill_normal(flat, cols, StreamKey::new(seed, Purpose::Control));
    a
}

fn largest<F: Scalar>(a: &Array2<F>) -> f64 {
    a.iter().fold(0.0, |acc, v| if v.is_nan() { f64::NAN } else { v.f64().abs().max(acc) })
}

/// `a` and `b` agree to `ulps` roundings of numbers of size `scale`.
#[track_caller]
fn close<F: Scalar>(what: &str, a: &Array2<F>, b: &Array2<F>, scale: f64, ulps: f64) {
    assert_eq!(a.dim(), b.dim(), "{what}: shapes differ");
    let error = largest(&(a - b));
    let bound = ulps * F::epsilon().f64() * scale.max(f64::MIN_POSITIVE);
    assert!(error <= bound, "{what}: {error:e} > {bound:e} for {a:?} against {b:?}");
}

#[track_caller]
fn orthonormal<F: Scalar>(what: &str, q: ArrayView2<'_, F>) {
    close(what, &q.t().dot(&q), &Array2::eye(q.ncols()), 1.0, 20.0 * q.nrows() as f64);
}

#[track_caller]
fn descending<F: Scalar>(what: &str, s: &Array1<F>) {
    assert!(s.iter().all(|&v| v >= F::zero()), "{what}: negative in {s}");
    // Pivots may be out of order by the rounding of the norms that chose them.
    let slack = F::one() + F::of(100.0) * F::epsilon();
    assert!(s.windows(2).into_iter().all(|w| w[0] * slack >= w[1]), "{what}: not descending: {s}");
}

fn check_eigh<F: Scalar>(a: &Array2<F>) {
    let n = a.nrows();
    let e = eigh(a.view()).expect("eigh");
    assert!(e.values.windows(2).into_iter().all(|w| w[0] <= w[1]), "not ascending: {}", e.values);
    orthonormal("eigenvectors", e.vectors.view());
    let back = (&e.vectors * &e.values).dot(&e.vectors.t());
    close("V diag(w) Vᵀ", &back, a, largest(a), 30.0 * n as f64);
    let mut lower = a.clone();
    (0..n).for_each(|i| lower.slice_mut(s![i, i + 1..]).fill(F::one()));
    let f = eigh(lower.view()).expect("eigh");
    let column = |v: Array1<F>| v.insert_axis(ndarray::Axis(1));
    close("lower triangle only", &column(f.values), &column(e.values), largest(a), 30.0 * n as f64);
}

fn check_svd<F: Scalar>(a: &Array2<F>) {
    let r = a.nrows().min(a.ncols());
    let d = svd(a.view()).expect("svd");
    assert_eq!((d.u.ncols(), d.s.len(), d.vt.nrows()), (r, r, r));
    descending("singular values", &d.s);
    orthonormal("u", d.u.view());
    orthonormal("v", d.vt.t());
    let size = a.nrows().max(a.ncols()) as f64;
    close("U diag(s) Vᵀ", &(&d.u * &d.s).dot(&d.vt), a, largest(a), 30.0 * size);
}

fn check_qr<F: Scalar>(a: &Array2<F>) {
    let (m, n) = a.dim();
    let d = qr(a.view()).expect("qr");
    assert_eq!((d.q.dim(), d.r.dim()), ((m, m.min(n)), (m.min(n), n)));
    orthonormal("q", d.q.view());
    descending("|diag r|", &d.r.diag().mapv(|v| v.abs()));
    assert!(d.r.indexed_iter().all(|((i, j), &v)| i <= j || v == F::zero()), "r is not triangular");
    let mut sorted = d.pivots.clone();
    sorted.sort_unstable();
    assert!(sorted.into_iter().eq(0..n), "pivots {:?} are no permutation", d.pivots);
    let permuted = a.select(ndarray::Axis(1), &d.pivots);
    close("Q R", &d.q.dot(&d.r), &permuted, largest(a), 30.0 * m.max(n) as f64);
}

fn check_lu<F: Scalar>(a: &Array2<F>, b: &Array2<F>) {
    let n = a.nrows() as f64;
    let x = solve(a.view(), b.view()).expect("solve");
    // Backward stable: the residual is small beside |a| |x| whatever the condition is.
    let scale = n * largest(a) * largest(&x).max(largest(b));
    close("a X", &a.dot(&x), b, scale, 30.0 * n);
    let inv = inverse(a.view()).expect("inverse");
    close("a a⁻¹", &a.dot(&inv), &Array2::eye(a.nrows()), n * largest(a) * largest(&inv), 30.0 * n);

    let (sign, log) = slogdet(a.view()).expect("slogdet");
    assert_eq!(sign.abs(), F::one());
    let s = svd(a.view()).expect("svd").s;
    let want: f64 = s.iter().map(|v| v.f64().ln()).sum();
    let slack = F::epsilon().f64() * 30.0 * n * (s[0] / s[s.len() - 1]).f64();
    assert!((log.f64() - want).abs() <= slack * (1.0 + want.abs()), "log|det| {log}, by svd {want}");
    let mut swapped = a.clone();
    if swapped.nrows() > 1 {
        for j in 0..swapped.ncols() {
            swapped.swap([0, j], [1, j]);
        }
        assert_eq!(slogdet(swapped.view()).expect("slogdet").0, -sign, "exchange of rows");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn laws_of_any_matrix(m in 1usize..34, n in 1usize..34, seed in 0u64..1000) {
        check_svd(&random::<f64>(m, n, seed));
        check_svd(&random::<f32>(m, n, seed));
        check_qr(&random::<f64>(m, n, seed));
        check_qr(&random::<f32>(m, n, seed));
        // The same for a view with other strides.
        check_svd(&random::<f64>(m, n, seed).reversed_axes());
        check_qr(&random::<f64>(m, n, seed).reversed_axes());
    }

    #[test]
    fn laws_of_square_matrices(n in 1usize..34, cols in 1usize..5, seed in 0u64..1000) {
        let a = random::<f64>(n, n, seed);
        check_eigh(&(&a + &a.t()));
        check_lu(&a, &random(n, cols, seed + 1));
        let a = random::<f32>(n, n, seed);
        check_eigh(&(&a + &a.t()));
        check_lu(&a, &random(n, cols, seed + 1));
    }
}

#[test]
fn known_answers() {
    let a: Array2<f64> = array![[2.0, 1.0], [1.0, 2.0]];
    let e = eigh(a.view()).expect("eigh");
    assert!((e.values[0] - 1.0).abs() < 1e-14 && (e.values[1] - 3.0).abs() < 1e-14);
    let a: Array2<f64> = array![[0.0, 2.0, 0.0], [0.0, 0.0, 3.0], [-5.0, 0.0, 0.0]];
    let (sign, log) = slogdet(a.view()).expect("slogdet");
    assert_eq!(sign, -1.0);
    assert!((log - 30f64.ln()).abs() < 1e-14);
    let x = solve(a.view(), array![[2.0], [3.0], [-5.0]].view()).expect("solve");
    assert_eq!(x, array![[1.0], [1.0], [1.0]]);
    assert_eq!(svd(a.view()).expect("svd").s.mapv(|v| (v * 1e12).round() / 1e12), array![5.0, 3.0, 2.0]);
    assert_eq!(qr(a.view()).expect("qr").pivots, [0, 2, 1]);
}

#[test]
fn singular_matrices_are_refused_where_they_must_be() {
    for a in [array![[1.0, 2.0], [2.0, 4.0]], Array2::zeros((3, 3)), array![[0.0]]] {
        let n = a.nrows();
        assert!(matches!(solve(a.view(), Array2::zeros((n, 2)).view()), Err(LinalgError::Singular { .. })));
        assert!(matches!(inverse(a.view()), Err(LinalgError::Singular { .. })));
        assert_eq!(slogdet(a.view()), Ok((0.0, f64::NEG_INFINITY)));
    }
    // Singular up to rounding: the last pivot is 1e-16, not 0.
    let a: Array2<f64> = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]];
    assert!(matches!(inverse(a.view()), Err(LinalgError::Singular { rcond }) if rcond < 1e-15));
    check_svd(&a);
    check_qr(&a);
    check_eigh(&a.dot(&a.t()));
}

#[test]
fn rank_one_and_zero_matrices_decompose() {
    let u = array![[1.0], [-2.0], [3.0], [0.5]];
    check_svd(&u.dot(&u.t()));
    check_qr(&u.dot(&u.t()));
    check_eigh(&u.dot(&u.t()));
    for scale in [1.0, 1e-200, 1e200] {
        for a in [
            array![[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
            array![[1.0, 0.0, 3.0], [0.0; 3], [2.0, 0.0, 6.0], [0.0; 3]],
        ] {
            check_svd(&(&a * scale));
            check_qr(&(&a * scale));
            check_qr(&(a * scale).reversed_axes());
        }
    }
    check_svd(&Array2::<f32>::zeros((4, 3)));
    check_qr(&Array2::<f32>::zeros((3, 4)));
    check_eigh(&Array2::<f32>::zeros((3, 3)));
}

#[test]
fn ill_conditioned_hilbert_matrix() {
    // Condition 1.6e13 for n = 10: still solvable in f64, and the residual stays at rounding.
    let a = Array2::from_shape_fn((10, 10), |(i, j)| 1.0 / (i + j + 1) as f64);
    check_svd(&a);
    check_qr(&a);
    check_eigh(&a);
    let x = solve(a.view(), a.view()).expect("solve");
    close("H X", &a.dot(&x), &a, 10.0 * largest(&x), 100.0);
    // det H₁₀ = 2.164179226431492e-53 (OEIS A005249).
    let (sign, log) = slogdet(a.view()).expect("slogdet");
    assert_eq!(sign, 1.0);
    assert!((log - 2.164_179_226_431_492e-53_f64.ln()).abs() < 1e-3);
}

#[test]
fn scales_far_from_one() {
    for scale in [1e-150, 1e150] {
        let a = random::<f64>(7, 7, 5) * scale;
        check_svd(&a);
        check_qr(&a);
        check_eigh(&(&a + &a.t()));
        let inv = inverse(a.view()).expect("inverse");
        close("a a⁻¹", &a.dot(&inv), &Array2::eye(7), 1.0, 1e4);
    }
}

#[test]
fn empty_matrices() {
    for (m, n) in [(0, 0), (0, 3), (3, 0)] {
        let a = Array2::<f64>::zeros((m, n));
        check_svd(&a);
        check_qr(&a);
    }
    let a = Array2::<f32>::zeros((0, 0));
    check_eigh(&a);
    assert_eq!(slogdet(a.view()), Ok((1.0, 0.0)));
    assert_eq!(solve(a.view(), Array2::zeros((0, 3)).view()).expect("solve").dim(), (0, 3));
    assert_eq!(inverse(a.view()).expect("inverse").dim(), (0, 0));
    let two = array![[2.0, 0.0], [0.0, 4.0]];
    assert_eq!(solve(two.view(), Array2::zeros((2, 0)).view()).expect("solve").dim(), (2, 0));
}

#[test]
fn bad_input_is_named() {
    let rect = Array2::<f64>::zeros((2, 3));
    let not_square = LinalgError::NotSquare { rows: 2, cols: 3 };
    assert_eq!(eigh(rect.view()).err(), Some(not_square.clone()));
    assert_eq!(solve(rect.view(), rect.view()).err(), Some(not_square.clone()));
    assert_eq!(inverse(rect.view()).err(), Some(not_square.clone()));
    assert_eq!(slogdet(rect.view()).err(), Some(not_square));
    let square = Array2::<f64>::eye(2);
    let b = Array2::zeros((3, 1));
    assert_eq!(solve(square.view(), b.view()).err(), Some(LinalgError::Shape { expected: 2, found: 3 }));
    let mut bad = square.clone();
    bad[[1, 0]] = f64::INFINITY;
    let not_finite = LinalgError::NotFinite { row: 1, col: 0, value: f64::INFINITY };
    assert_eq!(eigh(bad.view()).err(), Some(not_finite.clone()));
    assert_eq!(svd(bad.view()).err(), Some(not_finite.clone()));
    assert_eq!(qr(bad.view()).err(), Some(not_finite.clone()));
    assert_eq!(slogdet(bad.view()).err(), Some(not_finite.clone()));
    assert_eq!(solve(square.view(), bad.view()).err(), Some(not_finite.clone()));
    assert_eq!(inverse(bad.view()).err(), Some(not_finite.clone()));
    assert_eq!(not_finite.to_string(), "matrix entry (1, 0) is not finite: inf");
}
