//! The row functions of the Gaussian: strides, tiles, derivatives, extremes.

use ivae_expfam::{Density, ExpFam, Gaussian, GaussianForm, Reparam, gaussian_kl, gaussian_kl_backward};
use ivae_num::{Purpose, Scalar, StreamKey, gradcheck, stream};
use ndarray::{Array2, ArrayView2, Axis, ShapeBuilder, Slice, array, concatenate};
use proptest::prelude::*;

const FORMS: [GaussianForm; 3] = [GaussianForm::MeanVar, GaussianForm::Var, GaussianForm::Mean];
/// Rows × components: blocks of several rows, one row, a piece of a row, and none.
const SHAPES: [(usize, usize); 6] = [(1, 1), (3, 5), (250, 5), (3, 300), (2, 1100), (0, 3)];

fn normals(rows: usize, cols: usize, step: u64) -> Array2<f64> {
    let mut flat = vec![0.0; rows * cols];
    stream::fill_normal(&mut flat, cols, StreamKey::new(3, Purpose::Generate).step(step));
    Array2::from_shape_vec((rows, cols), flat).expect("rows × cols")
}

fn log_prob<F: Scalar>(form: GaussianForm, theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) -> Vec<F> {
    let mut out = vec![F::nan(); v.nrows()];
    Gaussian { form }.log_prob(&mut out, theta, v);
    out
}

/// (d_theta, d_v) for cotangents `d_out`, from zero.
fn log_prob_backward<F: Scalar>(
    form: GaussianForm,
    theta: ArrayView2<'_, F>,
    v: ArrayView2<'_, F>,
    d_out: &[F],
) -> (Array2<F>, Array2<F>) {
    let (mut d_theta, mut d_v) = (Array2::zeros(theta.dim()), Array2::zeros(v.dim()));
    Gaussian { form }.log_prob_backward(Some(d_theta.view_mut()), Some(d_v.view_mut()), theta, v, d_out);
    (d_theta, d_v)
}

fn kl<F: Scalar>(q: ArrayView2<'_, F>, form: GaussianForm, p: ArrayView2<'_, F>) -> Vec<F> {
    let mut out = vec![F::nan(); q.nrows()];
    gaussian_kl(&mut out, q, form, p);
    out
}

fn kl_backward<F: Scalar>(
    q: ArrayView2<'_, F>,
    form: GaussianForm,
    p: ArrayView2<'_, F>,
    d_out: &[F],
) -> (Array2<F>, Array2<F>) {
    let (mut d_q, mut d_p) = (Array2::zeros(q.dim()), Array2::zeros(p.dim()));
    gaussian_kl_backward(d_q.view_mut(), d_p.view_mut(), q, form, p, d_out);
    (d_q, d_p)
}

fn flat(a: &Array2<f64>) -> Vec<f64> {
    a.iter().copied().collect()
}

fn like(a: &Array2<f64>, flat: &[f64]) -> Array2<f64> {
    Array2::from_shape_vec(a.dim(), flat.to_vec()).expect("as many entries")
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// log N, written down plainly.
fn plain_log_prob(form: GaussianForm, theta: ArrayView2<'_, f64>, v: ArrayView2<'_, f64>) -> Vec<f64> {
    let n = v.ncols();
    let component = |b: usize, i: usize| {
        let (mean, log_var) = match form {
            GaussianForm::MeanVar => (theta[[b, i]], theta[[b, n + i]]),
            GaussianForm::Var => (0.0, theta[[b, i]]),
            GaussianForm::Mean => (theta[[b, i]], 0.0),
        };
        let var: f64 = log_var.exp();
        -0.5 * ((v[[b, i]] - mean).powi(2) / var + (std::f64::consts::TAU * var).ln())
    };
    (0..v.nrows()).map(|b| (0..n).map(|i| component(b, i)).sum()).collect()
}

#[test]
fn log_prob_at_every_block_shape() {
    for form in FORMS {
        for (rows, n) in SHAPES {
            let (theta, v) = (normals(rows, form.width(n), 0), normals(rows, n, 1));
            let found = log_prob(form, theta.view(), v.view());
            for (found, plain) in found.iter().zip(plain_log_prob(form, theta.view(), v.view())) {
                assert!((found - plain).abs() < 1e-12 * plain.abs().max(1.0), "{form:?} {rows} × {n}");
            }
        }
    }
}

#[test]
fn single_precision_agrees_with_double() {
    for form in FORMS {
        let (theta, v) = (normals(40, form.width(7), 0), normals(40, 7, 1));
        let (q, d_out) = (normals(40, 14, 2), flat(&normals(40, 1, 3)));
        let narrow = |a: &Array2<f64>| a.mapv(|x| x as f32);
        let d_narrow: Vec<f32> = d_out.iter().map(|&d| d as f32).collect();
        let close =
            |a: f32, b: f64| assert!((f64::from(a) - b).abs() < 2e-5 * b.abs().max(1.0), "{form:?}: {a} {b}");
        let pairs = |a: &[f32], b: &[f64]| a.iter().zip(b).for_each(|(&a, &b)| close(a, b));
        let arrays = |a: &Array2<f32>, b: &Array2<f64>| a.iter().zip(b).for_each(|(&a, &b)| close(a, b));

        let (theta32, v32, q32) = (narrow(&theta), narrow(&v), narrow(&q));
        pairs(&log_prob(form, theta32.view(), v32.view()), &log_prob(form, theta.view(), v.view()));
        pairs(&kl(q32.view(), form, theta32.view()), &kl(q.view(), form, theta.view()));
        let narrow = log_prob_backward(form, theta32.view(), v32.view(), &d_narrow);
        let wide = log_prob_backward(form, theta.view(), v.view(), &d_out);
        arrays(&narrow.0, &wide.0);
        arrays(&narrow.1, &wide.1);
        let narrow = kl_backward(q32.view(), form, theta32.view(), &d_narrow);
        let wide = kl_backward(q.view(), form, theta.view(), &d_out);
        arrays(&narrow.0, &wide.0);
        arrays(&narrow.1, &wide.1);
    }
}

#[test]
fn strides_do_not_matter() {
    for form in FORMS {
        let (rows, n, p) = (30, 6, form.width(6));
        let (theta, v, q) = (normals(rows, p, 0), normals(rows, n, 1), normals(rows, 2 * n, 2));
        let d_out = flat(&normals(rows, 1, 3));
        // Columns 2.. of a wider array, and column-major arrays.
        let mut wide = Array2::from_elem((rows, p + 5), f64::NAN);
        wide.slice_axis_mut(Axis(1), Slice::from(2..2 + p)).assign(&theta);
        let block = wide.slice_axis(Axis(1), Slice::from(2..2 + p));
        let mut turned = Array2::zeros((rows, n).f());
        turned.assign(&v);

        assert_eq!(log_prob(form, block, turned.view()), log_prob(form, theta.view(), v.view()));
        let expected = log_prob_backward(form, theta.view(), v.view(), &d_out);
        assert_eq!(log_prob_backward(form, block, turned.view(), &d_out), expected);
        assert_eq!(kl(q.view(), form, block), kl(q.view(), form, theta.view()));

        // Gradients into a column block and into a column-major array, added to what is there.
        let (mut d_wide, mut d_turned) = (Array2::from_elem((rows, p + 5), 2.0), Array2::ones((rows, n).f()));
        let (_, mut d_block) = d_wide.view_mut().split_at(Axis(1), 2);
        let d_block = d_block.slice_axis_mut(Axis(1), Slice::from(..p));
        let (d_theta, d_v) = (Some(d_block), Some(d_turned.view_mut()));
        Gaussian { form }.log_prob_backward(d_theta, d_v, block, turned.view(), &d_out);
        for ((b, c), &d) in d_wide.indexed_iter() {
            let added = if (2..2 + p).contains(&c) { expected.0[[b, c - 2]] } else { 0.0 };
            assert!((d - 2.0 - added).abs() < 1e-14 * added.abs().max(4.0), "{form:?} ({b}, {c})");
        }
        assert!((d_turned - 1.0 - &expected.1).iter().all(|error| error.abs() < 1e-13));

        // One row of θ for the whole batch, without a copy.
        let row = theta.row(0);
        let shared = row.broadcast((rows, p)).expect("a row broadcasts");
        let copied = shared.to_owned();
        assert_eq!(log_prob(form, shared, v.view()), log_prob(form, copied.view(), v.view()));
        assert_eq!(
            log_prob_backward(form, shared, v.view(), &d_out),
            log_prob_backward(form, copied.view(), v.view(), &d_out)
        );
        assert_eq!(kl(q.view(), form, shared), kl(q.view(), form, copied.view()));
    }
}

#[test]
fn either_gradient_may_be_left_out() {
    let (theta, v) = (normals(4, 6, 0), normals(4, 3, 1));
    let form = GaussianForm::MeanVar;
    let both = log_prob_backward(form, theta.view(), v.view(), &[1.0; 4]);
    let (mut d_theta, mut d_v) = (Array2::zeros(theta.dim()), Array2::zeros(v.dim()));
    let family = Gaussian { form };
    family.log_prob_backward(Some(d_theta.view_mut()), None, theta.view(), v.view(), &[1.0; 4]);
    family.log_prob_backward(None, Some(d_v.view_mut()), theta.view(), v.view(), &[1.0; 4]);
    assert_eq!((d_theta, d_v), both);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(5), ..ProptestConfig::default() })]

    #[test]
    fn derivatives_of_log_prob(form in 0usize..3, rows in 1usize..4, n in 1usize..5, step in 0u64..1000) {
        let form = FORMS[form];
        let (theta, v) = (normals(rows, form.width(n), step), normals(rows, n, step + 1) * 2.0);
        let d_out = flat(&normals(rows, 1, step + 2));
        let (d_theta, d_v) = log_prob_backward(form, theta.view(), v.view(), &d_out);
        gradcheck::check(&flat(&theta), &flat(&d_theta), |at| {
            dot(&log_prob(form, like(&theta, at).view(), v.view()), &d_out)
        }).assert_below(1e-8);
        gradcheck::check(&flat(&v), &flat(&d_v), |at| {
            dot(&log_prob(form, theta.view(), like(&v, at).view()), &d_out)
        }).assert_below(1e-8);
    }

    #[test]
    fn derivatives_of_samples(form in 0usize..3, rows in 1usize..4, n in 1usize..5, step in 0u64..1000) {
        let (form, family) = (FORMS[form], Gaussian { form: FORMS[form] });
        let (theta, noise) = (normals(rows, form.width(n), step), normals(rows, n, step + 1));
        let dz = normals(rows, n, step + 2);
        // Gradients are added to: start from 1.
        let mut d_theta = Array2::ones(theta.dim());
        family.sample_backward(d_theta.view_mut(), theta.view(), noise.view(), dz.view());
        gradcheck::check(&flat(&theta), &flat(&(d_theta - 1.0)), |at| {
            let mut z = Array2::zeros(noise.dim());
            family.sample(z.view_mut(), like(&theta, at).view(), noise.view());
            (z * &dz).sum()
        }).assert_below(1e-8);
    }

    #[test]
    fn derivatives_of_kl(form in 0usize..3, rows in 1usize..4, n in 1usize..5, step in 0u64..1000) {
        let form = FORMS[form];
        let (q, p) = (normals(rows, 2 * n, step), normals(rows, form.width(n), step + 1));
        let d_out = flat(&normals(rows, 1, step + 2));
        let (d_q, d_p) = kl_backward(q.view(), form, p.view(), &d_out);
        gradcheck::check(&flat(&q), &flat(&d_q), |at| dot(&kl(like(&q, at).view(), form, p.view()), &d_out))
            .assert_below(1e-8);
        gradcheck::check(&flat(&p), &flat(&d_p), |at| dot(&kl(q.view(), form, like(&p, at).view()), &d_out))
            .assert_below(1e-8);
    }
}

#[test]
fn a_broken_derivative_is_caught() {
    let (form, q, p) = (GaussianForm::MeanVar, normals(2, 4, 0), normals(2, 4, 1));
    let (mut d_q, _) = kl_backward(q.view(), form, p.view(), &[1.0; 2]);
    let worst = |d_q: &Array2<f64>| {
        gradcheck::check(&flat(&q), &flat(d_q), |at| kl(like(&q, at).view(), form, p.view()).iter().sum())
            .worst
    };
    assert!(worst(&d_q) < 1e-8);
    // ∂/∂ log σ² taken for ∂/∂ log σ, in one entry.
    d_q[[1, 3]] *= 2.0;
    assert!(worst(&d_q) > 1e-2);
}

#[test]
fn kl_is_that_of_the_family() {
    let (rows, n, form) = (20, 3, GaussianForm::MeanVar);
    let (q, p) = (normals(rows, 2 * n, 0), normals(rows, 2 * n, 1));
    let family: &dyn ExpFam<f64> = &Gaussian { form };
    let natural = |theta: &Array2<f64>, b: usize, i: usize| {
        let mut lambda = [0.0; 2];
        family.natural(&mut lambda, &[theta[[b, i]], theta[[b, n + i]]]);
        lambda
    };
    for (b, kl) in kl(q.view(), form, p.view()).into_iter().enumerate() {
        let expected: f64 = (0..n).map(|i| family.kl(&natural(&q, b, i), &natural(&p, b, i))).sum();
        assert!((kl - expected).abs() < 1e-12 * expected.max(1.0));
    }

    // The other forms are the full one with a column filled in.
    let (half, zeros) = (normals(rows, n, 2), Array2::zeros((rows, n)));
    let beside = |a: &Array2<f64>, b: &Array2<f64>| concatenate![Axis(1), *a, *b];
    let full = |p: Array2<f64>| kl(q.view(), form, p.view());
    assert_eq!(kl(q.view(), GaussianForm::Var, half.view()), full(beside(&zeros, &half)));
    assert_eq!(kl(q.view(), GaussianForm::Mean, half.view()), full(beside(&half, &zeros)));
    assert_eq!(full(q.clone()), vec![0.0; rows]);
}

#[test]
fn samples_have_the_moments_and_mean_of_theta() {
    let rows = 40_000;
    for form in FORMS {
        let row = array![0.7, -1.2, 0.4, 1.1];
        let theta = row.broadcast((rows, 4)).expect("a row broadcasts");
        let theta = theta.slice_axis(Axis(1), Slice::from(..form.width(2)));
        let (family, noise) = (Gaussian { form }, normals(rows, 2, 9));
        let (mut z, mut mean) = (Array2::zeros((rows, 2)), Array2::from_elem((rows, 2), f64::NAN));
        family.sample(z.view_mut(), theta, noise.view());
        family.mean(mean.view_mut(), theta);
        let std = match form {
            GaussianForm::MeanVar => [0.2f64.exp(), 0.55f64.exp()],
            GaussianForm::Var => [0.35f64.exp(), (-0.6f64).exp()],
            GaussianForm::Mean => [1.0, 1.0],
        };
        for i in 0..2 {
            let error = std[i] / (rows as f64).sqrt();
            let (column, sampled) = (z.column(i), z.column(i).mean().expect("not empty"));
            assert!((sampled - mean[[0, i]]).abs() < 4.0 * error, "{form:?}");
            assert!((column.std(1.0) - std[i]).abs() < 4.0 * error, "{form:?}");
        }
    }
}

fn extremes<F: Scalar>(log_vars: &[f64]) {
    for &log_var in log_vars {
        // At the mean, whatever the variance: e = 0.
        let theta = array![[F::of(3.0), F::of(log_var)]];
        let at_mean = log_prob(GaussianForm::MeanVar, theta.view(), array![[F::of(3.0)]].view())[0].f64();
        let expected = -0.5 * (log_var + std::f64::consts::TAU.ln());
        assert!((at_mean - expected).abs() <= 1e-6 * expected.abs(), "log_var {log_var}: {at_mean}");
        let (d_theta, d_v) =
            log_prob_backward(GaussianForm::MeanVar, theta.view(), array![[F::of(3.0)]].view(), &[F::one()]);
        assert_eq!((d_theta[[0, 0]].f64(), d_v[[0, 0]].f64()), (0.0, 0.0));
        assert_eq!(d_theta[[0, 1]].f64(), -0.5);
        // KL to itself.
        assert_eq!(kl(theta.view(), GaussianForm::MeanVar, theta.view())[0].f64(), 0.0);
        let (d_q, d_p) = kl_backward(theta.view(), GaussianForm::MeanVar, theta.view(), &[F::one()]);
        assert!(d_q.iter().chain(&d_p).all(|d| d.f64() == 0.0), "log_var {log_var}");
        // A sample without noise.
        let mut z = array![[F::nan()]];
        Gaussian { form: GaussianForm::MeanVar }.sample(
            z.view_mut(),
            theta.view(),
            array![[F::zero()]].view(),
        );
        assert_eq!(z[[0, 0]].f64(), 3.0);
    }
    // One σ away from 0, where σ² itself is near the ends of the range.
    for log_var in [-80.0, 80.0] {
        let z = array![[F::of((0.5f64 * log_var).exp())]];
        let theta = array![[F::of(log_var)]];
        let found = log_prob(GaussianForm::Var, theta.view(), z.view())[0].f64();
        let expected = -0.5 * (1.0 + log_var + std::f64::consts::TAU.ln());
        assert!((found - expected).abs() <= 1e-5 * expected.abs(), "log_var {log_var}: {found}");
        let (d_theta, d_v) = log_prob_backward(GaussianForm::Var, theta.view(), z.view(), &[F::one()]);
        assert!(d_theta[[0, 0]].f64().abs() < 1e-5, "½ (e² − 1) = {}", d_theta[[0, 0]]);
        assert!((d_v[[0, 0]].f64() * z[[0, 0]].f64() + 1.0).abs() < 1e-5, "−e / σ = {}", d_v[[0, 0]]);
    }
}

#[test]
fn extreme_variances_give_the_true_value() {
    extremes::<f32>(&[-200.0, -80.0, 80.0, 200.0]);
    extremes::<f64>(&[-1500.0, -200.0, -80.0, 80.0, 200.0, 1500.0]);
}

#[test]
fn nan_and_infinity_go_through() {
    let form = GaussianForm::MeanVar;
    let good = array![[0.5, -0.3], [0.5, -0.3], [0.5, -0.3], [0.5, -0.3]];
    let v = array![[1.0], [f64::NAN], [f64::INFINITY], [f64::NEG_INFINITY]];
    let found = log_prob(form, good.view(), v.view());
    assert!(found[0].is_finite() && found[1].is_nan());
    assert_eq!(found[2..], [f64::NEG_INFINITY; 2]);
    for column in 0..2 {
        let mut bad = array![[0.5, -0.3], [0.5, -0.3]];
        bad[[1, column]] = f64::NAN;
        let v = array![[1.0], [1.0]];
        let found = log_prob(form, bad.view(), v.view());
        assert!(found[0].is_finite() && found[1].is_nan());
        let (d_theta, _) = log_prob_backward(form, bad.view(), v.view(), &[1.0; 2]);
        assert!(d_theta[[0, 1]].is_finite() && d_theta[[1, 1]].is_nan());
        let good = array![[0.1, 0.2], [0.1, 0.2]];
        assert!(kl(bad.view(), form, good.view())[1].is_nan());
        assert!(kl(good.view(), form, bad.view())[1].is_nan());
    }
}

#[test]
fn outside_the_domain_is_said_and_gives_nan() {
    let family: &dyn ExpFam<f64> = &Gaussian { form: GaussianForm::MeanVar };
    for outside in [[1.0, 0.0], [1.0, 0.5], [1.0, f64::NAN]] {
        assert!(!family.in_domain(&outside));
        assert!(family.log_partition(&outside).is_nan() && family.entropy(&outside).is_nan());
    }
    for outside in [[f64::NAN, -0.5], [f64::INFINITY, -0.5], [1.0, f64::NEG_INFINITY]] {
        assert!(!family.in_domain(&outside));
    }
}

#[test]
#[should_panic(expected = "theta has shape (2, 3), expected (2, 4)")]
fn shapes_are_checked() {
    log_prob(GaussianForm::MeanVar, normals(2, 3, 0).view(), normals(2, 2, 1).view());
}
