//! What the strategies promise: λ inside the domain, ranks by construction, conditions within their bound.

use ivae_expfam::testing::strategies::{
    deficient_table, families, generic_table, invertible, natural_parameters, nearly_deficient_table,
    orthogonal, priors,
};
use ivae_expfam::{Lambda, family_laws, natural_table};
use ivae_num::linalg;
use ndarray::Array2;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

// The macro works for someone who has imported nothing else of the crate.
family_laws!(by_path, ivae_expfam::Exponential, [[0.0], [1.5]]);

/// Singular values of the deviations of λ from its mean, relative to the largest.
fn spectrum(lambda: &Array2<f64>) -> Vec<f64> {
    let mean = lambda.mean_axis(ndarray::Axis(0)).unwrap();
    let s = linalg::svd((lambda - &mean).view()).unwrap().s;
    s.iter().map(|&v| v / s[0]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, rng_seed: RngSeed::Fixed(4), ..ProptestConfig::default() })]

    #[test]
    fn parameters_are_inside_the_domain((family, lambda) in families().prop_flat_map(|f| (Just(f.clone()), natural_parameters(&f)))) {
        prop_assert!(family.in_domain(&lambda), "{:?} at {:?}", family, lambda);
    }

    #[test]
    fn tables_have_the_rank_they_are_made_for(
        (family, generic, flat, nearly) in families().prop_flat_map(|f| (
            Just(f.clone()),
            generic_table(&f, 3, 20),
            deficient_table(&f, 3, 20, 2),
            nearly_deficient_table(&f, 3, 20, 2, 1e-4),
        )),
    ) {
        let judged = |table: &Array2<f64>| Lambda::new(family.as_ref(), table.view()).unwrap().variability().unwrap();
        prop_assert!(judged(&generic).full_rank(), "{:?}", judged(&generic));
        prop_assert!(judged(&flat).rank <= 2, "{:?}", judged(&flat));
        prop_assert!(judged(&nearly).condition > 100.0, "{:?}", judged(&nearly));
        let (flat, nearly) = (spectrum(&flat), spectrum(&nearly));
        prop_assert!(flat[2] < 1e-12 && nearly[2] > 1e-8 && nearly[2] < 1e-1, "{:?} {:?}", flat, nearly);
    }

    #[test]
    fn matrices_keep_their_bounds(a in invertible(5, 30.0), u in orthogonal(4), scaled in invertible(2, 1.0)) {
        let s = linalg::svd(a.view()).unwrap().s;
        prop_assert!(s[0] / s[4] <= 30.0 + 1e-9 && s[4] > 0.0, "{}", s);
        let gap = u.matrix().dot(&u.matrix().t()) - Array2::<f64>::eye(4);
        prop_assert!(gap.iter().all(|e| e.abs() < 1e-13));
        let gap = scaled.dot(&scaled.t()) - Array2::<f64>::eye(2);
        prop_assert!(gap.iter().all(|e| e.abs() < 1e-13));
    }

    #[test]
    fn priors_are_consistent(prior in priors(4, 6)) {
        prop_assert_eq!(prior.theta.ncols(), prior.family.width(prior.n));
        prop_assert_eq!(natural_table(prior.family.as_ref(), prior.theta.view()).unwrap(), prior.lambda.clone());
        prop_assert_eq!(Lambda::new(prior.family.as_ref(), prior.lambda.view()).unwrap().n(), prior.n);
    }
}
