//! Laplace, generalised normal and Bernoulli: the laws of every density, and what is special to each.

use ivae_expfam::{Bernoulli, Density, Gaussian, GaussianForm, GeneralisedNormal, Laplace};
use ivae_num::{Purpose, Scalar, StreamKey, gradcheck, stream};
use ndarray::{Array2, ArrayView2, Axis, ShapeBuilder, Slice, array, concatenate};
use proptest::prelude::*;

const FAMILIES: [&dyn Density<f64>; 3] = [&Laplace, &GeneralisedNormal, &Bernoulli];
const SINGLE: [&dyn Density<f32>; 3] = [&Laplace, &GeneralisedNormal, &Bernoulli];
/// Rows × components: blocks of several rows, one row, pieces of rows, and none.
const SHAPES: [(usize, usize); 6] = [(1, 1), (3, 5), (250, 5), (3, 300), (3, 1100), (0, 3)];

fn normals(rows: usize, cols: usize, step: u64) -> Array2<f64> {
    let mut flat = vec![0.0; rows * cols];
    stream::fill_normal(&mut flat, cols, StreamKey::new(8, Purpose::Generate).step(step));
    Array2::from_shape_vec((rows, cols), flat).unwrap()
}

/// θ and v for family `i`, v in [0, 1] for the Bernoulli.
fn example(i: usize, rows: usize, n: usize, step: u64) -> (Array2<f64>, Array2<f64>) {
    let v = normals(rows, n, step + 1) * 2.0;
    let v = if i == 2 { v.mapv(|v| 1.0 / (1.0 + (-v).exp())) } else { v };
    (normals(rows, FAMILIES[i].width(n), step), v)
}

fn log_prob<F: Scalar>(family: &dyn Density<F>, theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) -> Vec<F> {
    let mut out = vec![F::nan(); v.nrows()];
    family.log_prob(&mut out, theta, v);
    out
}

/// (d_theta, d_v) for cotangents `d_out`, from zero.
fn backward<F: Scalar>(
    family: &dyn Density<F>,
    theta: ArrayView2<'_, F>,
    v: ArrayView2<'_, F>,
    d_out: &[F],
) -> (Array2<F>, Array2<F>) {
    let (mut d_theta, mut d_v) = (Array2::zeros(theta.dim()), Array2::zeros(v.dim()));
    family.log_prob_backward(Some(d_theta.view_mut()), Some(d_v.view_mut()), theta, v, d_out);
    (d_theta, d_v)
}

/// log p(v) and its derivatives in θ and v, of one component.
fn one(family: &dyn Density<f64>, theta: &[f64], v: f64) -> (f64, Vec<f64>, f64) {
    let theta = Array2::from_shape_vec((1, theta.len()), theta.to_vec()).unwrap();
    let v = array![[v]];
    let (d_theta, d_v) = backward(family, theta.view(), v.view(), &[1.0]);
    (log_prob(family, theta.view(), v.view())[0], flat(&d_theta), d_v[[0, 0]])
}

fn flat(a: &Array2<f64>) -> Vec<f64> {
    a.iter().copied().collect()
}

fn like(a: &Array2<f64>, flat: &[f64]) -> Array2<f64> {
    Array2::from_shape_vec(a.dim(), flat.to_vec()).unwrap()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error <= tolerance, "{found:e}, expected {expected:e}, error {error:e}");
}

#[test]
fn rows_are_sums_of_components_at_every_block_shape() {
    for (i, family) in FAMILIES.into_iter().enumerate() {
        for (rows, n) in SHAPES {
            let (theta, v) = example(i, rows, n, 0);
            let d_out = flat(&normals(rows, 1, 5));
            let found = log_prob(family, theta.view(), v.view());
            let (d_theta, d_v) = backward(family, theta.view(), v.view(), &d_out);
            for b in 0..rows {
                let mut sum = 0.0;
                for c in 0..n {
                    let own: Vec<f64> = (0..theta.ncols() / n).map(|k| theta[[b, k * n + c]]).collect();
                    let (value, d_own, d_value) = one(family, &own, v[[b, c]]);
                    sum += value;
                    assert_close(d_v[[b, c]], d_value * d_out[b], 1e-14);
                    for (k, d_own) in d_own.into_iter().enumerate() {
                        assert_close(d_theta[[b, k * n + c]], d_own * d_out[b], 1e-14);
                    }
                }
                assert_close(found[b], sum, 1e-12);
            }
        }
    }
}

#[test]
fn single_precision_agrees_with_double() {
    for i in 0..FAMILIES.len() {
        let (theta, v) = example(i, 40, 7, 0);
        let d_out = flat(&normals(40, 1, 3));
        let narrow = |a: &Array2<f64>| a.mapv(|x| x as f32);
        let d_narrow: Vec<f32> = d_out.iter().map(|&d| d as f32).collect();
        let (theta32, v32) = (narrow(&theta), narrow(&v));
        // In double precision at the rounded arguments: what single precision itself loses.
        let (theta, v) = (theta32.mapv(f64::from), v32.mapv(f64::from));
        let (d_theta32, d_v32) = backward(SINGLE[i], theta32.view(), v32.view(), &d_narrow);
        let (d_theta, d_v) = backward(FAMILIES[i], theta.view(), v.view(), &d_out);
        let found = log_prob(SINGLE[i], theta32.view(), v32.view());
        let expected = log_prob(FAMILIES[i], theta.view(), v.view());
        let pairs = found.iter().zip(&expected).chain(d_theta32.iter().zip(&d_theta));
        pairs.chain(d_v32.iter().zip(&d_v)).for_each(|(&a, &b)| assert_close(f64::from(a), b, 1e-4));
    }
}

#[test]
fn strides_do_not_matter() {
    for (i, family) in FAMILIES.into_iter().enumerate() {
        let (rows, n, p) = (130, 6, family.width(6));
        let (theta, v) = example(i, rows, n, 0);
        let d_out = flat(&normals(rows, 1, 3));
        // Columns 2.. of a wider array, and column-major arrays.
        let mut wide = Array2::from_elem((rows, p + 5), f64::NAN);
        wide.slice_axis_mut(Axis(1), Slice::from(2..2 + p)).assign(&theta);
        let part = wide.slice_axis(Axis(1), Slice::from(2..2 + p));
        let mut turned = Array2::zeros((rows, n).f());
        turned.assign(&v);
        assert_eq!(log_prob(family, part, turned.view()), log_prob(family, theta.view(), v.view()));
        let expected = backward(family, theta.view(), v.view(), &d_out);
        assert_eq!(backward(family, part, turned.view(), &d_out), expected);

        // One row of θ for the whole batch, without a copy.
        let shared = theta.row(0);
        let shared = shared.broadcast((rows, p)).unwrap();
        let copied = shared.to_owned();
        assert_eq!(log_prob(family, shared, v.view()), log_prob(family, copied.view(), v.view()));
        let expected = backward(family, copied.view(), v.view(), &d_out);
        assert_eq!(backward(family, shared, v.view(), &d_out), expected);

        // Either gradient may be left out, and both are added to.
        let (mut d_theta, mut d_v) = (Array2::from_elem((rows, p), 2.0), Array2::ones((rows, n).f()));
        family.log_prob_backward(Some(d_theta.view_mut()), None, shared, v.view(), &d_out);
        family.log_prob_backward(None, Some(d_v.view_mut()), shared, v.view(), &d_out);
        d_theta.iter().zip(&expected.0).for_each(|(&d, e)| assert_close(d, e + 2.0, 1e-14));
        d_v.iter().zip(&expected.1).for_each(|(&d, e)| assert_close(d, e + 1.0, 1e-14));
    }
}

#[test]
fn shapes_that_repeat_in_part_are_told_apart() {
    // Runs of equal shapes of every length, some columns shared and some not, over several blocks.
    let (rows, n) = (400, 4);
    let (mut theta, v) = example(1, rows, n, 0);
    for b in 0..rows {
        theta[[b, 2 * n]] = 0.3;
        theta[[b, 2 * n + 1]] = [0.3, 0.7, -0.2][(b / 7) % 3];
        theta[[b, 2 * n + 2]] = [1.1, 0.9][b % 2];
    }
    let found = log_prob(&GeneralisedNormal, theta.view(), v.view());
    for (b, found) in found.into_iter().enumerate() {
        let rows = Slice::from(b..=b);
        let alone =
            log_prob(&GeneralisedNormal, theta.slice_axis(Axis(0), rows), v.slice_axis(Axis(0), rows));
        assert_eq!(found, alone[0], "row {b}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(5), ..ProptestConfig::default() })]

    #[test]
    fn derivatives(i in 0usize..3, rows in 1usize..4, n in 1usize..5, step in 0u64..1000) {
        let family = FAMILIES[i];
        let (mut theta, mut v) = example(i, rows, n, step);
        if i < 2 {
            // Away from the kink, and shapes from 0.5 to 10.
            for b in 0..rows {
                for c in 0..n {
                    let away = v[[b, c]] - theta[[b, c]];
                    v[[b, c]] += 0.3 * away.signum();
                }
            }
            theta.slice_axis_mut(Axis(1), Slice::from(2 * n..)).mapv_inplace(|s| (0.5 * s).clamp(-0.6, 2.3));
            theta.slice_axis_mut(Axis(1), Slice::from(n..2 * n)).mapv_inplace(|s| 0.6 + 0.3 * s);
        }
        let d_out = flat(&normals(rows, 1, step + 2));
        let (d_theta, d_v) = backward(family, theta.view(), v.view(), &d_out);
        gradcheck::check(&flat(&theta), &flat(&d_theta), |at| {
            dot(&log_prob(family, like(&theta, at).view(), v.view()), &d_out)
        }).assert_below(1e-7);
        let inside = v.clone();
        gradcheck::check(&flat(&v), &flat(&d_v), |at| {
            dot(&log_prob(family, theta.view(), like(&inside, at).view()), &d_out)
        }).assert_below(1e-7);
    }

    /// ∫ p = 1 in v = μ ± α s^(1/β): the substitution takes the kink and the tails away.
    #[test]
    fn normalises(location in -3.0..3.0, log_scale in -2.0..2.0, log_shape in -0.69..2.3) {
        let beta = f64::exp(log_shape);
        for (family, theta, beta) in [
            (&Laplace as &dyn Density<f64>, vec![location, log_scale], 1.0),
            (&GeneralisedNormal, vec![location, log_scale, log_shape], beta),
        ] {
            // t = (log(1 + eˣ))^(1/β)·α is smooth in x and falls off at both ends; trapezoids are then exact.
            let step = 1.0 / 32.0;
            let at = |x: f64| {
                let s = x.max(0.0) + (-x.abs()).exp().ln_1p();
                let t = f64::exp(log_scale) * s.powf(1.0 / beta);
                let slope = t / (beta * s) / (1.0 + (-x).exp());
                [-t, t].map(|t| one(family, &theta, location + t).0.exp() * slope).iter().sum::<f64>()
            };
            let low = (-36.0 * beta.max(1.0)) as i32;
            let total: f64 = (low * 32..=45 * 32).map(|k| at(f64::from(k) * step)).sum::<f64>() * step;
            prop_assert!((total - 1.0).abs() < 1e-9, "∫ p = {total} at β = {beta}");
        }
    }

    #[test]
    fn symmetry_shift_and_scale(
        t in -4.0..4.0f64, location in -3.0..3.0, log_scale in -2.0..2.0, log_shape in -0.69..2.3
    ) {
        let scale = f64::exp(log_scale);
        for (family, theta, standard) in [
            (&Laplace as &dyn Density<f64>, vec![location, log_scale], vec![0.0, 0.0]),
            (&GeneralisedNormal, vec![location, log_scale, log_shape], vec![0.0, 0.0, log_shape]),
        ] {
            let (value, d_theta, d_v) = one(family, &theta, location + scale * t);
            let (mirrored, d_mirrored, d_mirrored_v) = one(family, &theta, location - scale * t);
            prop_assert!((value - mirrored).abs() < 1e-9 * value.abs().max(1.0));
            prop_assert!((d_v + d_mirrored_v).abs() < 1e-9 * d_v.abs().max(1.0));
            prop_assert_eq!(d_theta[0], -d_v);
            prop_assert!((d_theta[1] - d_mirrored[1]).abs() < 1e-9 * d_theta[1].abs().max(1.0));
            let expected = one(family, &standard, t).0 - log_scale;
            prop_assert!((value - expected).abs() < 1e-9 * expected.abs().max(1.0));
        }
    }

    #[test]
    fn two_and_one_are_gaussian_and_laplace(v in -5.0..5.0, location in -3.0..3.0, log_scale in -2.0..2.0) {
        let laplace = one(&Laplace, &[location, log_scale], v);
        let found = one(&GeneralisedNormal, &[location, log_scale, 0.0], v);
        let ln_2 = 2.0f64.ln();
        // σ² = α² / 2.
        let gaussian =
            one(&Gaussian { form: GaussianForm::MeanVar }, &[location, 2.0 * log_scale - ln_2], v);
        let same = one(&GeneralisedNormal, &[location, log_scale, ln_2], v);
        for ((value, d_theta, d_v), (found, d_found, d_found_v), chain) in [(laplace, found, 1.0), (gaussian, same, 2.0)] {
            assert_close(found, value, 1e-13);
            assert_close(d_found_v, d_v, 1e-13);
            assert_close(d_found[0], d_theta[0], 1e-13);
            // ∂/∂ log α of a log variance is twice that of a log scale.
            assert_close(d_found[1], chain * d_theta[1], 1e-13);
        }
    }

    #[test]
    fn bernoulli_masses_sum_to_one_and_mirror(logit in -700.0..700.0) {
        let (unit, zero) = (one(&Bernoulli, &[logit], 1.0), one(&Bernoulli, &[logit], 0.0));
        prop_assert!((unit.0.exp() + zero.0.exp() - 1.0).abs() < 1e-14);
        prop_assert_eq!(unit.0, one(&Bernoulli, &[-logit], 0.0).0);
        // A soft label is the mixture, and the score is v − σ(l), to the last digits of the rarer side.
        let soft = one(&Bernoulli, &[logit], 0.3);
        assert_close(soft.0, 0.3 * unit.0 + 0.7 * zero.0, 1e-14);
        let (found, expected) = if logit > 0.0 { (unit.1[0], zero.0) } else { (-zero.1[0], unit.0) };
        prop_assert!((found - expected.exp()).abs() <= 1e-12 * found);
        prop_assert_eq!(soft.2, logit);
    }
}

#[test]
fn a_broken_derivative_is_caught() {
    let (theta, v) = example(1, 2, 3, 0);
    let (d_theta, _) = backward(&GeneralisedNormal, theta.view(), v.view(), &[1.0; 2]);
    let worst = |d_theta: &Array2<f64>| {
        gradcheck::check(&flat(&theta), &flat(d_theta), |at| {
            log_prob(&GeneralisedNormal, like(&theta, at).view(), v.view()).iter().sum()
        })
        .worst
    };
    assert!(worst(&d_theta) < 1e-7);
    // ψ(1/β)/β taken for ψ(1 + 1/β)/β, in one entry.
    let mut broken = d_theta;
    broken[[1, 7]] -= 1.0;
    assert!(worst(&broken) > 1e-2);
}

#[test]
fn at_the_location_everything_is_finite_and_right() {
    for log_shape in [-0.69, 0.0, 0.4, 2.0f64.ln(), 2.3] {
        let (value, d_theta, d_v) = one(&GeneralisedNormal, &[1.5, -0.4, log_shape], 1.5);
        // The value and its derivative in log β are those of the constant, to which the neighbourhood tends.
        let near = one(&GeneralisedNormal, &[1.5, -0.4, log_shape], 1.5 + 1e-30).0;
        assert_close(value, near, 1e-13);
        assert_eq!((d_v, d_theta[0], d_theta[1]), (0.0, 0.0, -1.0));
        gradcheck::check(&[log_shape], &d_theta[2..], |s| one(&GeneralisedNormal, &[1.5, -0.4, s[0]], 1.5).0)
            .assert_below(1e-9);
    }
    let (value, d_theta, d_v) = one(&Laplace, &[1.5, -0.4], 1.5);
    assert_close(value, 0.4 - 2.0f64.ln(), 1e-15);
    assert_eq!((d_theta, d_v), (vec![0.0, -1.0], 0.0));
}

#[test]
fn extreme_scales_give_the_true_value() {
    for log_scale in [-1500.0, -300.0, 300.0, 1500.0] {
        // At the location.
        assert_close(one(&Laplace, &[3.0, log_scale], 3.0).0, -log_scale - 2.0f64.ln(), 1e-15);
        assert_close(one(&GeneralisedNormal, &[3.0, log_scale, 0.0], 3.0).0, -log_scale - 2.0f64.ln(), 1e-15);
    }
    for log_scale in [-300.0f64, 300.0] {
        // One scale away from it: t = 1.
        for (family, theta) in [
            (&Laplace as &dyn Density<f64>, vec![0.0, log_scale]),
            (&GeneralisedNormal, vec![0.0, log_scale, 0.0]),
        ] {
            let (value, d_theta, _) = one(family, &theta, log_scale.exp());
            assert_close(value, -1.0 - log_scale - 2.0f64.ln(), 1e-12);
            assert!(d_theta[1].abs() < 1e-12);
        }
    }
    // Logits beyond any exponential.
    assert_eq!(one(&Bernoulli, &[1e300], 1.0).0, 0.0);
    assert_eq!(one(&Bernoulli, &[-1e300], 1.0).0, -1e300);
    assert_eq!(one(&Bernoulli, &[-1e300], 1.0).1, [1.0]);
}

#[test]
fn nan_goes_through_and_infinity_is_impossible() {
    let theta: [&[f64]; 3] = [&[0.5, -0.3], &[0.5, -0.3, 0.2], &[0.7]];
    for (family, theta) in FAMILIES.into_iter().zip(theta) {
        let (value, d_theta, _) = one(family, theta, f64::NAN);
        assert!(value.is_nan() && d_theta.iter().all(|d| d.is_nan()));
        assert_eq!(one(family, theta, f64::INFINITY).0, f64::NEG_INFINITY);
        assert_eq!(one(family, theta, f64::NEG_INFINITY).0, f64::NEG_INFINITY);
        for column in 0..theta.len() {
            let mut bad = theta.to_vec();
            bad[column] = f64::NAN;
            let (value, d_theta, _) = one(family, &bad, 0.9);
            assert!(value.is_nan() && d_theta[column].is_nan(), "{family:?}, column {column}");
        }
    }
    for outside in [-1e-9, 1.0 + 1e-9] {
        assert_eq!(one(&Bernoulli, &[0.7], outside).0, f64::NEG_INFINITY);
    }
    // One bad row does not touch the others.
    let (mut theta, v) = example(1, 3, 2, 0);
    let good = log_prob(&GeneralisedNormal, theta.view(), v.view());
    theta[[1, 4]] = f64::NAN;
    let found = log_prob(&GeneralisedNormal, theta.view(), v.view());
    assert!(found[1].is_nan() && found[0] == good[0] && found[2] == good[2]);
}

#[test]
#[should_panic(expected = "theta has shape (2, 4), expected (2, 6)")]
fn shapes_are_checked() {
    let theta = concatenate![Axis(1), normals(2, 2, 0), normals(2, 2, 1)];
    log_prob(&GeneralisedNormal, theta.view(), normals(2, 2, 1).view());
}
