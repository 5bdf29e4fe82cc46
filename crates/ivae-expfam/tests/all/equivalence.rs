//! Proposition 1: the laws of an equivalence relation, planted maps found again, and what is refused.

use ivae_expfam::testing::strategies::invertible;
use ivae_expfam::theory::equivalence::{Equivalence, EquivalenceError, statistics};
use ivae_expfam::{Gaussian, GaussianForm};
use ivae_num::{Purpose, StreamKey, stream};
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn normals(rows: usize, cols: usize, step: u64) -> Array2<f64> {
    let mut flat = vec![0.0; rows * cols];
    stream::fill_normal(&mut flat, cols, StreamKey::new(5, Purpose::Generate).step(step));
    Array2::from_shape_vec((rows, cols), flat).unwrap()
}

fn largest(a: &Array2<f64>) -> f64 {
    a.iter().fold(0.0, |top, x| x.abs().max(top))
}

fn distance(a: &Equivalence, b: &Equivalence) -> f64 {
    largest(&(&a.a - &b.a)).max((&a.c - &b.c).iter().fold(0.0, |top, x| x.abs().max(top)))
}

/// A map of four statistics.
fn maps() -> impl Strategy<Value = Equivalence> {
    (invertible(4, 100.0), prop::collection::vec(-3.0..3.0f64, 4))
        .prop_map(|(a, c)| Equivalence { a, c: Array1::from(c) })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn reflexive_symmetric_transitive(first in maps(), second in maps(), third in maps()) {
        let (identity, t) = (Equivalence::identity(4), normals(20, 4, 0));
        prop_assert_eq!(identity.apply(t.view()), t.clone());
        prop_assert!(distance(&identity.then(&first), &first) == 0.0 && distance(&first.then(&identity), &first) == 0.0);
        let inverse = first.inverse().unwrap();
        prop_assert!(distance(&first.then(&inverse), &identity) < 1e-11);
        prop_assert!(distance(&inverse.then(&first), &identity) < 1e-11);
        prop_assert!(largest(&(inverse.apply(first.apply(t.view()).view()) - &t)) < 1e-11);
        // T = first(T′), T′ = second(T″).
        let both = first.then(&second);
        prop_assert!(largest(&(both.apply(t.view()) - first.apply(second.apply(t.view()).view()))) < 1e-11);
        prop_assert!(distance(&both.then(&third), &first.then(&second.then(&third))) < 1e-10);
    }

    #[test]
    fn a_planted_map_is_found(planted in maps()) {
        let other = normals(300, 4, 1);
        let t = planted.apply(other.view());
        let fitted = Equivalence::fit(t.view(), other.view()).unwrap();
        prop_assert!(distance(&fitted.map, &planted) < 1e-11 && fitted.residual < 1e-24, "{:?}", fitted);
        // The relation is symmetric: the fit the other way is the inverse.
        let back = Equivalence::fit(other.view(), t.view()).unwrap();
        prop_assert!(distance(&back.map, &planted.inverse().unwrap()) < 1e-10);
        // Units of the statistics do not matter to the condition.
        let stretched = &other * &array![1e4, 1e-3, 1.0, 50.0];
        let again = Equivalence::fit(t.view(), stretched.view()).unwrap();
        prop_assert!((again.condition / fitted.condition - 1.0).abs() < 1e-9);
    }
}

#[test]
fn statistics_stand_as_in_the_table_of_parameters() {
    let family = Gaussian { form: GaussianForm::MeanVar };
    let t = statistics::<f64>(&family, array![[2.0, -3.0], [0.5, 1.0]].view());
    assert_eq!(t, array![[2.0, 4.0, -3.0, 9.0], [0.5, 0.25, 1.0, 1.0]]);
}

#[test]
fn residuals_are_the_variance_that_is_left() {
    // T = T′ + noise of standard deviation 0.5 in column 1 alone: 1 − R² = 0.25 / 1.25.
    let other = normals(20_000, 2, 2);
    let mut t = other.clone();
    t.column_mut(1).scaled_add(0.5, &normals(20_000, 1, 3).column(0));
    let fitted = Equivalence::fit(t.view(), other.view()).unwrap();
    assert!(
        fitted.residuals[0] < 1e-25 && (fitted.residuals[1] - 0.2).abs() < 0.01,
        "{:?}",
        fitted.residuals
    );
    assert!((fitted.residual - 0.5 * (fitted.residuals[0] + fitted.residuals[1])).abs() < 1e-15);
}

#[test]
fn blocks_name_the_partners() {
    // T = (z, z²) of three latents: order, scale, sign and shift are one block for each latent.
    let family = Gaussian { form: GaussianForm::MeanVar };
    let z = normals(500, 3, 4);
    let order = [2, 0, 1];
    let other =
        Array2::from_shape_fn(z.dim(), |(b, i)| [-2.0, 0.3, 5.0][i] * z[[b, order[i]]] + [1.0, -2.0, 0.5][i]);
    let (t, t_other) = (statistics(&family, z.view()), statistics(&family, other.view()));
    let fitted = Equivalence::fit(t.view(), t_other.view()).unwrap();
    let blocks = fitted.blocks(2);
    assert_eq!(blocks.partner, [1, 2, 0]);
    assert!(blocks.is_permutation() && blocks.off < 1e-20 && fitted.residual < 1e-20);

    // A turn of Gaussian latents is an equivalence for T = z, but no permutation; for T = z² it is none.
    let (sin, cos) = 0.7f64.sin_cos();
    let turned = z.dot(&array![[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]]);
    let mean = Equivalence::fit(z.view(), turned.view()).unwrap();
    assert!(mean.residual < 1e-24 && mean.blocks(1).off > 0.2);
    let square = Gaussian { form: GaussianForm::Var };
    let (t, t_turned) = (statistics(&square, z.view()), statistics(&square, turned.view()));
    let fitted = Equivalence::fit(t.view(), t_turned.view()).unwrap();
    assert!(fitted.residual > 0.2 && fitted.residuals[2] < 1e-24, "{:?}", fitted.residuals);

    // Two latents of T that follow one of T′ are no permutation.
    let both = z.dot(&array![[1.0, 1.0, 0.0], [0.1, -0.1, 0.0], [0.0, 0.0, 1.0]]);
    let blocks = Equivalence::fit(both.view(), z.view()).unwrap().blocks(1);
    assert_eq!((blocks.partner.as_slice(), blocks.is_permutation()), (&[0, 0, 2][..], false));
}

#[test]
fn single_precision_is_enough() {
    let other = normals(400, 3, 6);
    let a = array![[2.0, 0.5, 0.0], [-1.0, 1.0, 0.3], [0.0, 0.2, -4.0]];
    let t = other.dot(&a.t()) + array![1.0, -2.0, 30.0];
    let fitted = Equivalence::fit(t.mapv(|x| x as f32).view(), other.mapv(|x| x as f32).view()).unwrap();
    assert!(largest(&(fitted.map.a - a)) < 1e-5 && fitted.residual < 1e-10);
}

#[test]
fn what_cannot_be_fitted_is_refused_with_its_values() {
    let t = normals(50, 3, 7);
    let fit = |t: &Array2<f64>, other: &Array2<f64>| Equivalence::fit(t.view(), other.view()).unwrap_err();
    let few = normals(4, 3, 8);
    assert_eq!(fit(&few, &few), EquivalenceError::TooFewRows { rows: 4, needed: 5 });
    let narrow = normals(50, 2, 9);
    assert_eq!(fit(&t, &narrow), EquivalenceError::Shape { expected: (50, 3), found: (50, 2) });
    let nothing = Array2::zeros((50, 0));
    assert_eq!(fit(&nothing, &nothing), EquivalenceError::Shape { expected: (50, 0), found: (50, 0) });

    let mut bad = t.clone();
    bad[[7, 2]] = f64::INFINITY;
    let expected = EquivalenceError::NotFinite { table: "T′", row: 7, column: 2, value: f64::INFINITY };
    assert_eq!(fit(&t, &bad), expected);
    assert_eq!(expected.to_string(), "T′ has inf in row 7, column 2");

    // A column that is a sum of others, and one that does not vary.
    let mut dependent = t.clone();
    let sum = &t.column(0) + &t.column(1);
    dependent.column_mut(2).assign(&sum);
    assert!(matches!(fit(&t, &dependent), EquivalenceError::Dependent { ratio } if ratio < 1e-13));
    assert!(matches!(fit(&dependent, &t), EquivalenceError::Singular { condition } if condition > 1e13));
    let mut still = t.clone();
    still.column_mut(1).fill(1e3);
    assert!(matches!(fit(&t, &still), EquivalenceError::Dependent { .. }));
    assert!(matches!(fit(&still, &t), EquivalenceError::Singular { .. }));

    let flat = Equivalence { a: array![[1.0, 2.0], [2.0, 4.0]], c: array![0.0, 1.0] };
    assert!(matches!(flat.inverse(), Err(EquivalenceError::Singular { .. })));
    let lost = Equivalence { a: array![[f64::NAN]], c: array![0.0] };
    assert!(matches!(lost.inverse(), Err(EquivalenceError::Linalg(_))));
}
