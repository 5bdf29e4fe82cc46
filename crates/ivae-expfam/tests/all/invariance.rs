//! What the rank of λ(u) does not depend on, over all families and sizes; deficient tables for any choice of points; and
//! that the assertions that say so can fail.

use std::sync::Arc;

use ivae_expfam::family::custom::{Custom, Polynomial};
use ivae_expfam::testing::assertions::{
    Reparameterised, assert_identifiable, assert_not_identifiable, assert_rank, assert_rank_is_invariant,
};
use ivae_expfam::testing::strategies::{
    SharedFamily, continuous_families, deficient_table, families, generic_table, invertible,
    nearly_deficient_table,
};
use ivae_expfam::theory::lambda::Spectrum;
use ivae_expfam::{
    Bernoulli, ExpFam, Gamma, Gaussian, GaussianForm, Lambda, LambdaError, Poisson, family_laws,
};
use ndarray::{Array2, array};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;

use crate::families::{Broken, Fault};

const FULL: Gaussian = Gaussian { form: GaussianForm::MeanVar };

fn config(cases: u32, seed: u64) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..ProptestConfig::default()
    }
}

/// A family, latents n, and 1 to 2·n·k + 4 values of u.
fn sizes(
    families: impl Strategy<Value = SharedFamily>,
) -> impl Strategy<Value = (SharedFamily, usize, usize)> {
    (families, 1..=4usize, any::<Index>()).prop_map(|(family, n, rows)| {
        let most = 2 * n * family.k() + 4;
        (family, n, 1 + rows.index(most))
    })
}

/// n·k + 1 of `count` points, in any order.
fn chosen(count: usize, needed: usize, order: &[Index]) -> Vec<usize> {
    let mut left: Vec<usize> = (0..count).collect();
    (0..needed).map(|l| left.remove(order[l].index(left.len()))).collect()
}

proptest! {
    #![proptest_config(config(96, 1))]

    #[test]
    fn generic_tables_of_any_size(
        (family, table) in sizes(families()).prop_flat_map(|(f, n, rows)| (Just(f.clone()), generic_table(&f, n, rows))),
    ) {
        assert_rank_is_invariant(family.as_ref(), table.view())?;
    }

    #[test]
    fn deficient_tables_of_any_size(
        (family, table, rank) in sizes(families())
            .prop_flat_map(|(f, n, rows)| (Just((f.clone(), n, rows)), 0..n * f.k()))
            .prop_flat_map(|((f, n, rows), rank)| (Just(f.clone()), deficient_table(&f, n, rows, rank), Just(rank))),
    ) {
        assert_rank_is_invariant(family.as_ref(), table.view())?;
        assert_not_identifiable(family.as_ref(), table.view())?;
        let found = Lambda::new(family.as_ref(), table.view()).unwrap().variability().unwrap();
        prop_assert!(found.rank <= rank, "{} of {:?}", found.rank, found.singular_values);
    }

    #[test]
    fn nearly_deficient_tables(
        (family, table) in sizes(families()).prop_flat_map(|(f, n, rows)| {
            (Just(f.clone()), nearly_deficient_table(&f, n, rows, n * f.k() / 2, 1e-3))
        }),
    ) {
        assert_rank_is_invariant(family.as_ref(), table.view())?;
    }

    #[test]
    fn other_statistics_have_the_same_spectrum(
        (family, table, m) in sizes(families()).prop_flat_map(|(f, n, rows)| {
            (Just(f.clone()), generic_table(&f, n, rows), invertible(f.k(), 10.0))
        }),
    ) {
        let b = m.row(0).to_owned();
        let other = Reparameterised::new(family.as_ref(), m.view(), b.view()).unwrap();
        let moved = other.table(table.view());
        let judged = |family: &dyn ExpFam<f64>, table: &Array2<f64>| {
            Lambda::new(family, table.view()).unwrap().variability().unwrap()
        };
        let (a, b) = (judged(family.as_ref(), &table), judged(&other, &moved));
        prop_assert_eq!(a.rank, b.rank);
        for (x, y) in a.singular_values.iter().zip(&b.singular_values) {
            prop_assert!((x - y).abs() < 1e-8 * a.singular_values[0].max(1.0), "{:?} {:?}", a, b);
        }
    }

    #[test]
    fn enough_different_u_identify_continuous_latents_and_only_those(
        (family, n, table) in (families(), 1..=3usize)
            .prop_flat_map(|(f, n)| (Just((f.clone(), n)), generic_table(&f, n, 2 * n * f.k() + 8)))
            .prop_map(|((f, n), table)| (f, n, table)),
    ) {
        assert_rank(family.as_ref(), table.view(), n * family.k())?;
        if family.support().is_continuous() {
            assert_identifiable(family.as_ref(), table.view())?;
            // The first n·k of the points are too few.
            let few = table.select(ndarray::Axis(0), &(0..n * family.k()).collect::<Vec<_>>());
            assert_not_identifiable(family.as_ref(), few.view())?;
        } else {
            assert_not_identifiable(family.as_ref(), table.view())?;
        }
    }

    #[test]
    fn no_choice_of_points_makes_a_deficient_table_invertible(
        (family, table, order) in (continuous_families(), 1..=3usize, any::<Index>())
            .prop_flat_map(|(f, n, rank)| {
                let nk = n * f.k();
                let table = deficient_table(&f, n, nk + 6, rank.index(nk));
                (Just(f.clone()), table, prop::collection::vec(any::<Index>(), nk + 1))
            }),
    ) {
        let lambda = Lambda::new(family.as_ref(), table.view()).unwrap();
        let nk = lambda.needed() - 1;
        let points = chosen(nk + 6, nk + 1, &order);
        let l = lambda.l_matrix(points[0], &points[1..]).unwrap();
        // Each row in units of its own, so that rounding is alike in all.
        let size = |c: usize| table.column(c).iter().fold(f64::MIN_POSITIVE, |m, v| m.max(v.abs()));
        let l = Array2::from_shape_fn(l.dim(), |(c, p)| l[[c, p]] / size(c));
        let spectrum = Spectrum::of(l.view()).unwrap();
        prop_assert!(spectrum.singular_values[nk - 1] < 1e-12, "{:?}", spectrum);
        let rank = match lambda.best_points() {
            Err(LambdaError::Singular { rank, directions }) => {
                prop_assert_eq!(directions, nk);
                rank
            }
            found => return Err(TestCaseError::fail(format!("{family:?}: {found:?}"))),
        };
        prop_assert!(rank < nk);
    }
}

#[test]
fn assertions_fail_with_the_values_they_found() {
    let good = array![[0.0, -0.5], [1.0, -0.3], [-1.0, -2.0], [0.5, -1.0]];
    let message = |result: Result<(), TestCaseError>| result.unwrap_err().to_string();
    assert_identifiable(&FULL, good.view()).unwrap();
    assert_rank(&FULL, good.view(), 2).unwrap();
    assert_rank_is_invariant(&FULL, good.view()).unwrap();
    let found = message(assert_not_identifiable(&FULL, good.view()));
    assert!(found.contains("identifiable up to permutation") && found.contains("singular values"), "{found}");
    let found = message(assert_rank(&FULL, good.view(), 1));
    assert!(found.contains("rank 2, not 1"), "{found}");

    let flat = array![[0.0, -0.5], [1.0, -0.5], [-1.0, -0.5], [0.5, -0.5]];
    assert_not_identifiable(&FULL, flat.view()).unwrap();
    assert_rank(&FULL, flat.view(), 1).unwrap();
    assert_rank_is_invariant(&FULL, flat.view()).unwrap();
    let found = message(assert_identifiable(&FULL, flat.view()));
    assert!(found.contains("varies in only 1 of n·k = 2 directions"), "{found}");

    // Constant: no direction, for any choice.
    let still = Array2::from_elem((5, 2), -0.5);
    assert_rank(&FULL, still.view(), 0).unwrap();
    assert_rank_is_invariant(&FULL, still.view()).unwrap();
    for (family, reason) in [(&Bernoulli as &dyn ExpFam<f64>, "discrete"), (&Poisson, "discrete")] {
        let found = message(assert_identifiable(family, good.view()));
        assert!(found.contains(reason), "{found}");
    }
    let outside = message(assert_identifiable(&FULL, array![[0.0, 0.5]].view()));
    assert!(outside.contains("outside the natural domain"), "{outside}");
}

#[test]
fn a_family_at_odds_with_itself_is_not_invariant() {
    let table = array![[0.0, -0.5], [1.0, -0.3], [-1.0, -2.0], [0.5, -1.0]];
    // Its Fisher information does not belong to its statistics: the spectrum depends on the parameterisation.
    let broken = Broken(Fault::UnsteadyFisher);
    let found = assert_rank_is_invariant(&broken, table.view()).unwrap_err().to_string();
    assert!(found.contains("singular values"), "{found}");
}

/// z² and z of a normal law, in the other order and mixed.
fn mixed() -> Reparameterised<'static> {
    Reparameterised::new(&FULL, array![[0.5, 2.0], [-1.0, 1.0]].view(), array![0.3, -2.0].view()).unwrap()
}

/// A Gamma law's log z and z, mixed.
fn mixed_gamma() -> Reparameterised<'static> {
    Reparameterised::new(&Gamma, array![[1.0, -1.0], [0.5, 1.5]].view(), array![-1.0, 0.0].view()).unwrap()
}

family_laws!(reparameterised, mixed(), [[0.0, 0.0], [1.5, -1.0], [-0.7, 1.2]]);
family_laws!(reparameterised_gamma, mixed_gamma(), [[0.0, 0.0], [1.5, -0.5], [0.7, 1.0]]);

#[test]
fn a_reparameterised_family_has_the_densities_of_the_other() {
    let quartic: SharedFamily = Arc::new(Custom::new(Polynomial { degree: 4 }).unwrap());
    let m = Array2::from_shape_fn((4, 4), |(j, l)| if j == l { 2.0 } else { 0.3 * (j as f64 - l as f64) });
    let other = Reparameterised::new(quartic.as_ref(), m.view(), m.row(2)).unwrap();
    let lambda = [0.5, -1.0, 0.3, -0.5];
    let moved = other.table(array![lambda].view()).row(0).to_vec();
    let density = |family: &dyn ExpFam<f64>, lambda: &[f64], z: f64| {
        let mut t = vec![0.0; 4];
        family.stats(&mut t, z);
        t.iter().zip(lambda).map(|(t, l)| t * l).sum::<f64>() - family.log_partition(lambda)
    };
    for z in [-1.5, 0.0, 0.4, 2.0] {
        let (a, b) = (density(quartic.as_ref(), &lambda, z), density(&other, &moved, z));
        assert!((a - b).abs() < 1e-12, "{z}: {a} {b}");
    }
    assert!(
        Reparameterised::new(&FULL, array![[1.0, 2.0], [2.0, 4.0]].view(), array![0.0, 0.0].view()).is_err()
    );
}
