//! Laws of the scores beside the MCC: bounds, what leaves them unchanged, truth and chance.

use ivae_metrics::{
    Correlation, KernelRidge, Rows, agreement, amari, cca, dci, discretise, kernel_r2, lasso_importance, mig,
    modularity, mutual_information, sap, sap_binary, svcca, udr,
};
use ivae_num::{Purpose, StreamKey, stream::fill_normal};
use ndarray::{Array2, Axis};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut x = Array2::zeros((rows, columns));
    fill_normal(x.as_slice_mut().unwrap(), columns, StreamKey::new(seed, Purpose::Generate));
    x
}

/// Columns in another order, with other signs, scales and offsets.
fn moved(z: &Array2<f64>, rotation: usize) -> Array2<f64> {
    let order: Vec<usize> = (0..z.ncols()).map(|j| (j + rotation) % z.ncols()).collect();
    let mut out = z.select(Axis(1), &order);
    for (j, mut column) in out.columns_mut().into_iter().enumerate() {
        let scale = [-3.0, 1e-6, 40.0, -1e5][j % 4];
        column.mapv_inplace(|v| scale * (v + 2.0));
    }
    out
}

fn inside(values: &[f64]) -> bool {
    values.iter().all(|v| (-1e-12..=1.0 + 1e-12).contains(v))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn amari_is_bounded_and_blind_to_order_sign_and_scale(n in 1usize..7, seed in 0u64..10_000, rotation in 0usize..7) {
        let (w, a) = (normals(n, n, seed), normals(n, n, seed + 1));
        let found = amari(w.view(), a.view()).unwrap();
        prop_assert!(inside(&[found]));
        let order: Vec<usize> = (0..n).map(|i| (i + rotation) % n).collect();
        let inverse = ivae_num::linalg::inverse(a.view()).unwrap();
        prop_assert!(amari((inverse.select(Axis(0), &order) * -7.0).view(), a.view()).unwrap() < 1e-9);
        let both = amari((&w * 1e200).select(Axis(0), &order).view(), (&a * -1e-200).view()).unwrap();
        prop_assert!((both - found).abs() < 1e-12);
        // Of sources and components alike.
        prop_assert!((amari(a.t(), w.t()).unwrap() - found).abs() < 1e-12);
    }

    #[test]
    fn scores_of_latents_are_bounded_and_blind_to_order_sign_and_scale(
        rows in 30usize..200,
        seed in 0u64..10_000,
        rotation in 0usize..4,
    ) {
        let s = normals(rows, 3, seed);
        let z = s.dot(&normals(3, 4, seed + 1)) + 0.5 * normals(rows, 4, seed + 2);
        let other = moved(&z, rotation);
        let classes = s.mapv(|v| v > 0.0);
        let scores = |z: &Array2<f64>| {
            let importance = dci(lasso_importance(s.view(), z.view(), 0.02).unwrap().view()).unwrap();
            [
                importance.disentanglement,
                importance.completeness,
                sap(s.view(), z.view()).unwrap().mean,
                sap_binary(classes.view(), z.view()).unwrap().mean,
                cca(s.view(), z.view()).unwrap().mean,
                agreement(&[s.view(), z.view()], Correlation::Spearman).unwrap().mean,
                udr(&[s.view(), z.view()], Correlation::Spearman).unwrap().mean,
            ]
        };
        let (a, b) = (scores(&z), scores(&other));
        prop_assert!(inside(&a));
        for (a, b) in a.iter().zip(&b) {
            prop_assert!((a - b).abs() < 1e-9, "{} {}", a, b);
        }
        let some = svcca(s.view(), z.view(), 0.9).unwrap();
        prop_assert!(inside(&some.correlations));
        let same = svcca(z.view(), z.view(), 0.9).unwrap().mean;
        prop_assert!((same - 1.0).abs() < 1e-9);
        prop_assert!(kernel_r2(s.view(), z.view(), Rows::All, &KernelRidge::default()).unwrap().mean <= 1.0);
    }

    #[test]
    fn information_is_symmetric_bounded_and_blind_to_names(rows in 10usize..300, seed in 0u64..10_000) {
        let s = discretise(normals(rows, 3, seed).view(), 4).unwrap();
        let z = discretise((normals(rows, 2, seed + 1) + s.select(Axis(1), &[0, 2]).mapv(f64::from)).view(), 6).unwrap();
        let found = mutual_information(s.view(), z.view()).unwrap();
        let back = mutual_information(z.view(), s.view()).unwrap();
        prop_assert!((&found - &back.t()).iter().all(|d| d.abs() < 1e-12));
        prop_assert!(found.iter().all(|v| (0.0..=4f64.ln()).contains(v)));
        let renamed = z.mapv(|v| u32::MAX - 17 * v);
        prop_assert!((&mutual_information(s.view(), renamed.view()).unwrap() - &found).iter().all(|d| d.abs() < 1e-12));
        let gap = mig(s.view(), z.view()).unwrap();
        prop_assert!(inside(&gap.per_source));
        prop_assert!(inside(&[modularity(s.view(), z.view()).unwrap().mean]));
    }
}

#[test]
fn unrelated_latents_score_about_nothing_and_the_sources_themselves_all() {
    let (s, z) = (normals(4000, 3, 1), normals(4000, 3, 2));
    let (fit, score): (Vec<_>, Vec<_>) = (0..4000).partition(|i| i % 2 == 0);
    let rows = Rows::Split { fit: &fit, score: &score };
    let bins = |x: &Array2<f64>| discretise(x.view(), 10).unwrap();
    let scores = |z: &Array2<f64>| {
        [
            sap(s.view(), z.view()).unwrap().mean,
            sap_binary(s.mapv(|v| v > 0.0).view(), z.view()).unwrap().mean * 2.0,
            mig(bins(&s).view(), bins(z).view()).unwrap().mean,
            kernel_r2(s.view(), z.view(), rows, &KernelRidge::default()).unwrap().mean,
            cca(s.view(), z.view()).unwrap().mean,
            agreement(&[s.view(), z.view()], Correlation::Pearson).unwrap().mean,
            lasso_importance(s.view(), z.view(), 0.05).unwrap().sum() / 3.0,
        ]
    };
    for score in scores(&z) {
        assert!(score.abs() < 0.1, "{score}");
    }
    for score in scores(&s) {
        assert!(score > 0.9, "{score}");
    }
}
