//! Laws of the two correlations that see any dependence: distance correlation and the randomised dependence
//! coefficient.

use ivae_metrics::{Correlation, Rows, Warning, chance, mcc, mcc_on};
use ivae_num::{Purpose, StreamKey, stream::fill_normal};
use ndarray::{Array2, Axis};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const RDC: Correlation = Correlation::Rdc { seed: 3 };

fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut x = Array2::zeros((rows, columns));
    fill_normal(x.as_slice_mut().unwrap(), columns, StreamKey::new(seed, Purpose::Generate));
    x
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn bounds_symmetry_identity_and_order(seed in 0u64..10_000, rows in 5usize..200, rotation in 0usize..4) {
        let (s, z) = (normals(rows, 3, seed), normals(rows, 4, seed + 1));
        let order: Vec<usize> = (0..4).map(|j| (j + rotation) % 4).collect();
        let turned = z.select(Axis(1), &order);
        for correlation in [Correlation::Distance, RDC] {
            let c = correlation.between(s.view(), z.view()).unwrap();
            prop_assert!(c.iter().all(|v| (0.0..=1.0).contains(v)));
            let back = correlation.between(z.view(), s.view()).unwrap();
            prop_assert!((&c - &back.t()).iter().all(|d| d.abs() < 1e-7));
            let score = |z: &Array2<f64>| mcc(s.view(), z.view(), correlation).unwrap().score;
            prop_assert!((score(&s) - 1.0).abs() < 1e-7);
            prop_assert!((score(&z) - score(&turned)).abs() < 1e-12);
        }
    }

    #[test]
    fn what_leaves_them_unchanged(seed in 0u64..10_000, rows in 5usize..200, exponent in -30i32..30) {
        let (s, z) = (normals(rows, 2, seed), normals(rows, 3, seed + 1));
        let affine = z.mapv(|v| (3.0 - v) * 10f64.powi(exponent));
        let score = |z: &Array2<f64>, c| mcc(s.view(), z.view(), c).unwrap().score;
        prop_assert!((score(&z, Correlation::Distance) - score(&affine, Correlation::Distance)).abs() < 1e-9);
        let bent = z.mapv(|v| v.powi(3).exp_m1().atan() + v / 8.0);
        prop_assert_eq!(score(&z, RDC), score(&bent, RDC));
    }
}

#[test]
fn latents_known_up_to_even_maps_are_matched() {
    let s = normals(2000, 3, 1);
    let z = s.select(Axis(1), &[2, 0, 1]).mapv(|v| v * v);
    assert!(mcc(s.view(), z.view(), Correlation::Pearson).unwrap().score < 0.1);
    for (correlation, least) in [(Correlation::Distance, 0.4), (RDC, 0.98)] {
        let (fit, held_out): (Vec<_>, Vec<_>) = (0..2000).partition(|i| i % 2 == 0);
        for rows in [Rows::All, Rows::Split { fit: &fit, score: &held_out }] {
            let found = mcc_on(s.view(), z.view(), rows, correlation).unwrap();
            assert!(found.score > least, "{correlation}: {}", found.score);
            let pairs: Vec<_> = found.matched.iter().map(|m| m.latent).collect();
            assert_eq!(pairs, [1, 2, 0]);
        }
        // Neither is 0 for unrelated columns; the chance level says what they are, and unrelated columns score it.
        let level = chance(s.view(), z.view(), Rows::All, correlation, 5, 7).unwrap();
        let unrelated = mcc(s.view(), normals(2000, 3, 2).view(), correlation).unwrap().score;
        assert!(
            level < 0.12 && (unrelated - level).abs() < 0.03,
            "{correlation}: {unrelated}, chance {level}"
        );
    }
}

#[test]
fn f32_scores_as_f64_does_and_constants_score_nothing() {
    let s = normals(1000, 2, 4);
    let z = &s * &s + 0.3 * normals(1000, 2, 5);
    for correlation in [Correlation::Distance, RDC] {
        let a = mcc(s.view(), z.view(), correlation).unwrap();
        let b = mcc(s.mapv(|v| v as f32).view(), z.mapv(|v| v as f32).view(), correlation).unwrap();
        assert!((a.score - b.score).abs() < 1e-5, "{correlation}: {} and {}", a.score, b.score);
        let nothing = mcc(s.view(), Array2::from_elem((1000, 2), 0.1).view(), correlation).unwrap();
        assert_eq!(nothing.score, 0.0);
        assert!(nothing.warnings.contains(&Warning::ConstantLatent { column: 1 }));
    }
}
