//! A constant column, of sources or of latents, is never NaN, and is told by every result that has warnings.

use ivae_metrics::{
    Correlation, Forest, KernelRidge, MetricError, Rows, Warning, agreement, cca, cca_mcc, chance, dci,
    discretise, kernel_r2, lasso_importance, linear_r2, mcc, mcc_interval, mig, modularity,
    mutual_information, sap, sap_binary, shuffled, svcca, u_only, udr, weak_mcc, within_u,
};
use ivae_num::{Purpose, StreamKey, stream::fill_normal};
use ndarray::{Array2, Axis};

const ROWS: usize = 120;

/// Normals `[120, 3]` of which a column is constant.
fn with_constant(column: usize, seed: u64) -> Array2<f64> {
    let mut x = Array2::zeros((ROWS, 3));
    fill_normal(x.as_slice_mut().unwrap(), 3, StreamKey::new(seed, Purpose::Generate));
    x.column_mut(column).fill(0.1);
    x
}

fn flat(x: Array2<f64>) -> Vec<f64> {
    x.into_iter().collect()
}

#[test]
fn results_are_finite_and_name_the_column() {
    // Source 1 and latent 2 are constant.
    let (source, latent) = (Warning::ConstantSource { column: 1 }, Warning::ConstantLatent { column: 2 });
    let (s, z) = (with_constant(1, 1), with_constant(2, 2));
    let z = &z + &(&s.select(Axis(1), &[0, 2, 1]) * &ndarray::array![0.8, 0.8, 0.0]);
    let (s, z) = (s.view(), z.view());
    let u: Vec<u32> = (0..ROWS as u32).map(|i| i % 4).collect();
    let (fit, score): (Vec<_>, Vec<_>) = (0..ROWS).partition(|i| i % 3 > 0);
    let p = Correlation::Pearson;

    let mut found: Vec<(String, Vec<f64>, Vec<Warning>)> = Vec::new();
    let mut add = |name: &str, numbers: Vec<f64>, warnings| found.push((name.into(), numbers, warnings));
    for (rows, kind) in [(Rows::All, "all"), (Rows::Split { fit: &fit, score: &score }, "split")] {
        let mut add = |name: &str, numbers, warnings| add(&format!("{name} {kind}"), numbers, warnings);
        for correlation in [p, Correlation::Spearman, Correlation::Distance, Correlation::Rdc { seed: 1 }] {
            let r = ivae_metrics::mcc_on(s, z, rows, correlation).unwrap();
            add("MCC", vec![r.score], r.warnings);
        }
        let r = weak_mcc(s, z, rows, p).unwrap();
        add("weak MCC", vec![r.score], r.warnings);
        let r = cca_mcc(s, z, rows, p).unwrap();
        add("CCA MCC", vec![r.score], r.warnings);
        let r = within_u(s, z, &u, rows, p).unwrap();
        add("within u", vec![r.score], r.warnings);
        let r = linear_r2(s, z, rows).unwrap();
        add("linear R²", r.per_source, r.warnings);
        let r = kernel_r2(s, z, rows, &KernelRidge::default()).unwrap();
        add("kernel R²", r.per_source, r.warnings);
        let r = mcc_interval(s, z, rows, p, 0.9, 10, 1).unwrap();
        add("interval", vec![r.low, r.score, r.high], r.warnings);
        let refit = |order: &[usize]| Ok::<_, MetricError>(z.select(Axis(0), order));
        let r = shuffled(s, rows, p, 2, 1, refit).unwrap();
        add("shuffled", r.scores, r.warnings);
        assert!(chance(s, z, rows, p, 3, 1).unwrap() < 0.3);
        let r = u_only(s, &u, rows, p).unwrap();
        assert!(r.score.is_finite() && r.warnings == [source.clone()], "{:?}", r.warnings);
    }
    let r = cca(s, z).unwrap();
    add("CCA", r.correlations, r.warnings);
    let r = svcca(s, z, 0.9).unwrap();
    add("SVCCA", r.correlations, r.warnings);
    let r = sap(s, z).unwrap();
    add("SAP", r.per_source, r.warnings);
    let classes = s.mapv(|v| v > 0.0);
    let r = sap_binary(classes.view(), z).unwrap();
    add("SAP of classes", r.per_source, r.warnings);
    let (bins_s, bins_z) = (discretise(s, 5).unwrap(), discretise(z, 5).unwrap());
    let r = mig(bins_s.view(), bins_z.view()).unwrap();
    add("MIG", r.per_source, r.warnings);
    let r = modularity(bins_s.view(), bins_z.view()).unwrap();
    add("modularity", r.per_latent, r.warnings);
    for (name, numbers, warnings) in &found {
        assert!(numbers.iter().all(|v| v.is_finite()), "{name}: {numbers:?}");
        assert!(warnings.contains(&source) && warnings.contains(&latent), "{name}: {warnings:?}");
    }

    let unknown = mutual_information(bins_s.view(), bins_z.view()).unwrap();
    assert!(unknown.column(1).iter().chain(unknown.row(2)).all(|v| v.abs() < 1e-12), "{unknown}");
    // In importances it is a row or a column of zeros.
    let told = [Warning::UnpredictedSource { column: 1 }, Warning::UnusedLatent { column: 2 }];
    for importance in [
        lasso_importance(s, z, 0.02).unwrap(),
        Forest { trees: 5, ..Forest::default() }.importance(s, z).unwrap(),
    ] {
        let r = dci(importance.view()).unwrap();
        assert_eq!(r.warnings, told);
        assert!(r.per_latent.iter().chain(&r.per_source).all(|v| v.is_finite()));
        assert_eq!((r.per_latent[2], r.per_source[1]), (0.0, 0.0));
    }
    let told = [Warning::ConstantInRun { run: 0, column: 1 }, Warning::ConstantInRun { run: 1, column: 2 }];
    for r in [agreement(&[s, z], p).unwrap(), udr(&[s, z], p).unwrap()] {
        assert_eq!(r.warnings, told);
        assert!(flat(r.pairs).iter().chain(&r.per_run).all(|v| v.is_finite()));
    }
}

#[test]
fn a_column_that_is_constant_where_it_is_fitted_is_told_too() {
    let (fit, score): (Vec<_>, Vec<_>) = (0..ROWS).partition(|i| i % 3 > 0);
    let (rows, p) = (Rows::Split { fit: &fit, score: &score }, Correlation::Pearson);
    // Latent 1 varies on the scored rows alone, latent 2 on the fitted rows alone.
    let s = with_constant(0, 1).select(Axis(1), &[1, 2]);
    let mut z = with_constant(0, 2);
    for i in 0..ROWS {
        z[[i, 0]] = s[[i, 0]] + 0.1 * z[[i, 1]];
        z[[i, if i % 3 > 0 { 1 } else { 2 }]] = 0.3;
    }
    let (s, z) = (s.view(), z.view());
    let told = [1, 2].map(|column| Warning::ConstantLatent { column });
    let linear = linear_r2(s, z, rows).unwrap();
    let kernel = kernel_r2(s, z, rows, &KernelRidge::default()).unwrap();
    assert_eq!((&linear.warnings[..], &kernel.warnings[..]), (&told[..], &told[..]));
    assert_eq!(weak_mcc(s, z, rows, p).unwrap().warnings, told);
    assert_eq!(cca_mcc(s, z, rows, p).unwrap().warnings, told);
    assert!(linear.per_source[0] > 0.9 && kernel.per_source[0] > 0.8, "{linear:?} {kernel:?}");
}

#[test]
fn nothing_but_constants_scores_the_least_there_is() {
    let nothing = Array2::<f64>::from_elem((ROWS, 2), -3.0);
    let (s, z) = (nothing.view(), nothing.view());
    for correlation in
        [Correlation::Pearson, Correlation::Spearman, Correlation::Distance, Correlation::Rdc { seed: 1 }]
    {
        assert_eq!(mcc(s, z, correlation).unwrap().score, 0.0);
        assert_eq!(weak_mcc(s, z, Rows::All, correlation).unwrap().score, 0.0);
        assert_eq!(cca_mcc(s, z, Rows::All, correlation).unwrap().score, 0.0);
    }
    assert_eq!(linear_r2(s, z, Rows::All).unwrap().mean, 0.0);
    assert_eq!(kernel_r2(s, z, Rows::All, &KernelRidge::default()).unwrap().mean, 0.0);
    assert_eq!(cca(s, z).unwrap().correlations, [0.0, 0.0]);
    assert_eq!(svcca(s, z, 0.9).unwrap().mean, 0.0);
    assert_eq!(sap(s, z).unwrap().mean, 0.0);
    let bins = discretise(s, 4).unwrap();
    assert_eq!(mig(bins.view(), bins.view()).unwrap().mean, 0.0);
    assert_eq!(modularity(bins.view(), bins.view()).unwrap().mean, 0.0);
    assert_eq!(lasso_importance(s, z, 0.02).unwrap().sum(), 0.0);
    assert_eq!(udr(&[s, z], Correlation::Pearson).unwrap().mean, 0.0);
}
