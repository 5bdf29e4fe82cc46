//! λ drawn independently at random: L is invertible, by a margin whose lower quantiles are these.

use ivae_expfam::testing::strategies::{SharedFamily, families, generic_table};
use ivae_expfam::theory::lambda::RANK_TOLERANCE;
use ivae_expfam::{ExpFam, Gaussian, GaussianForm, Lambda, natural_table};
use ivae_num::{Purpose, StreamKey, stream};
use ndarray::Array2;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const VAR: Gaussian = Gaussian { form: GaussianForm::Var };
const FULL: Gaussian = Gaussian { form: GaussianForm::MeanVar };

/// The smallest singular value in units of what the rank counts: 1 is the least that does.
fn margin(family: &dyn ExpFam<f64>, table: &Array2<f64>) -> f64 {
    let found = Lambda::new(family, table.view()).unwrap().variability().unwrap();
    let s = found.singular_values;
    s[s.len() - 1] / (RANK_TOLERANCE * s[0].max(1.0))
}

/// Margins of 400 tables of normal η, ascending.
fn margins(family: &dyn ExpFam<f64>, n: usize, count: usize) -> Vec<f64> {
    let columns = n * family.k();
    let of = |table: u64| {
        let mut eta = vec![0.0; count * columns];
        stream::fill_normal(&mut eta, columns, StreamKey::new(7, Purpose::Generate).step(table));
        let eta = Array2::from_shape_vec((count, columns), eta).unwrap();
        margin(family, &natural_table(family, eta.view()).unwrap())
    };
    let mut all: Vec<f64> = (0..400).map(of).collect();
    all.sort_by(f64::total_cmp);
    all
}

#[test]
fn random_tables_keep_a_margin_that_grows_with_the_segments() {
    // Least and tenth percentile of the margins for n·k + 1 values of u and so many more.
    let cases = [
        (&VAR, 2, [(0, 1.0, 50.0), (1, 20.0, 200.0), (4, 300.0, 500.0), (11, 500.0, 900.0)]),
        (&VAR, 5, [(0, 0.5, 20.0), (1, 8.0, 100.0), (4, 100.0, 300.0), (11, 400.0, 600.0)]),
        (&FULL, 5, [(0, 0.2, 5.0), (1, 2.0, 20.0), (4, 40.0, 100.0), (11, 70.0, 200.0)]),
        (&FULL, 10, [(0, 0.03, 3.0), (1, 3.0, 12.0), (4, 20.0, 50.0), (11, 50.0, 100.0)]),
    ];
    for (family, n, bounds) in cases {
        for (more, least, tenth) in bounds {
            let found = margins(family, n, n * ExpFam::<f64>::k(family) + 1 + more);
            assert!(found[0] > least && found[40] > tenth, "n = {n}, + {more}: {} {}", found[0], found[40]);
            // One value of u more than needed, and no table comes near the tolerance.
            assert!(more == 0 || found[0] > 1.0);
        }
    }
}

// A table that was shrunk is no random one.
proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, rng_seed: RngSeed::Fixed(9), max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn independent_draws_keep_a_margin(
        (family, table) in (families(), 1..=3usize).prop_flat_map(|(f, n): (SharedFamily, usize)| {
            let rows = 2 * n * f.k() + 4;
            (Just(f.clone()), generic_table(&f, n, rows))
        }),
    ) {
        let found = margin(family.as_ref(), &table);
        prop_assert!(found > 100.0, "{:?}: {}", family, found);
    }
}
