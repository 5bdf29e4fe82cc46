//! Rows that are long enough to be worked on in one pass, beside the same numbers in another layout, which are gathered
//! first.

use ivae_expfam::{
    Bernoulli, Categorical, Density, Exponential, ExponentialPower, Gaussian, GaussianForm, Laplace,
    LogNormal,
};
use ivae_num::Scalar;
use ndarray::{Array2, ShapeBuilder};

fn densities<F: Scalar>() -> Vec<(&'static str, Box<dyn Density<F>>)> {
    let power = |shape| ExponentialPower { location: 0.1, shape };
    vec![
        ("gaussian", Box::new(Gaussian { form: GaussianForm::MeanVar })),
        ("gaussian, variance", Box::new(Gaussian { form: GaussianForm::Var })),
        ("gaussian, mean", Box::new(Gaussian { form: GaussianForm::Mean })),
        ("laplace", Box::new(Laplace)),
        ("power 1", Box::new(power(1.0))),
        ("power 2", Box::new(power(2.0))),
        ("power 3.5", Box::new(power(3.5))),
        ("log-normal", Box::new(LogNormal)),
        ("exponential", Box::new(Exponential)),
        ("bernoulli", Box::new(Bernoulli)),
        ("categorical 2", Box::new(Categorical { count: 2 })),
        ("categorical 3", Box::new(Categorical { count: 3 })),
        ("categorical 4", Box::new(Categorical { count: 4 })),
        ("categorical 5", Box::new(Categorical { count: 5 })),
        ("categorical 6", Box::new(Categorical { count: 6 })),
    ]
}

/// Numbers in (−1, 1) that tell their place; some are not in every support, one is none.
fn numbers<F: Scalar>(rows: usize, cols: usize, seed: usize) -> Array2<F> {
    Array2::from_shape_fn((rows, cols), |(i, j)| {
        F::of(((i * 7919 + j * 104_729 + seed) % 1000) as f64 / 500.0 - 1.0)
    })
}

/// The same numbers, the rows of which do not stand in one piece.
fn by_columns<F: Scalar>(x: &Array2<F>) -> Array2<F> {
    let mut out = Array2::zeros(x.dim().f());
    out.assign(x);
    out
}

fn same<F: Scalar>(a: &Array2<F>, b: &Array2<F>) -> bool {
    a.iter().zip(b).all(|(a, b)| a == b || a.is_nan() && b.is_nan())
}

fn check<F: Scalar>(digits: f64) {
    for (name, density) in densities::<F>() {
        for n in [15, 16, 17, 25, 31, 32, 47] {
            for rows in [0, 1, 15, 16, 17, 40] {
                let width = density.width(n);
                let (theta, mut v) = (numbers::<F>(rows, width, 1), numbers::<F>(rows, n, 2));
                if name.starts_with("categorical") {
                    // Values, and one number in ten that is none.
                    v.indexed_iter_mut().for_each(|((_, j), v)| {
                        *v = if j % 10 == 9 { *v } else { (F::of(2.5) * (*v + F::one())).floor() };
                    });
                }
                if rows > 5 {
                    v[[5, n - 1]] = F::nan();
                }
                let at = |what: &str| format!("{what} of {name}, {rows} rows of {n}");
                let (far_theta, far_v) = (by_columns(&theta), by_columns(&v));
                let (mut out, mut far) = (vec![F::one(); rows], vec![F::one(); rows]);
                density.log_prob(&mut out, theta.view(), v.view());
                density.log_prob(&mut far, far_theta.view(), far_v.view());
                for (a, b) in out.iter().zip(&far) {
                    let close = (a.f64() - b.f64()).abs() <= digits * (1.0 + b.f64().abs()) * n as f64;
                    assert!(a == b || close || a.is_nan() && b.is_nan(), "{}: {a} or {b}", at("log-density"));
                }
                let d_out: Vec<F> = (0..rows).map(|i| F::of(0.5 + i as f64)).collect();
                for (with_theta, with_v) in [(true, true), (true, false), (false, true), (false, false)] {
                    let (mut d_theta, mut d_v) = (numbers::<F>(rows, width, 3), numbers::<F>(rows, n, 4));
                    let (mut far_d_theta, mut far_d_v) = (by_columns(&d_theta), by_columns(&d_v));
                    let before = (d_theta.clone(), d_v.clone());
                    density.log_prob_backward(
                        with_theta.then(|| d_theta.view_mut()),
                        with_v.then(|| d_v.view_mut()),
                        theta.view(),
                        v.view(),
                        &d_out,
                    );
                    density.log_prob_backward(
                        with_theta.then(|| far_d_theta.view_mut()),
                        with_v.then(|| far_d_v.view_mut()),
                        far_theta.view(),
                        far_v.view(),
                        &d_out,
                    );
                    assert!(same(&d_theta, &far_d_theta), "{}", at("gradient in θ"));
                    assert!(same(&d_v, &far_d_v), "{}", at("gradient in v"));
                    assert!(with_theta || d_theta == before.0, "{}", at("θ, not asked for,"));
                    assert!(with_v || d_v == before.1, "{}", at("v, not asked for,"));
                    assert!(rows == 0 || !with_theta || d_theta != before.0, "{}", at("gradient in θ"));
                }
            }
        }
    }
}

#[test]
fn layout_does_not_change_a_gradient_nor_more_than_rounding_of_a_density() {
    check::<f32>(1e-6);
    check::<f64>(1e-15);
}
