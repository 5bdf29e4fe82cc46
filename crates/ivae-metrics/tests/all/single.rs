//! Every score of `f32` data is that of the same data in `f64`, but for the rounding of the data.

use ivae_metrics::{
    AffineMap, Correlation, Forest, KernelRidge, MetricError, Rows, agreement, amari, average_ranks, blind,
    cca, cca_mcc, chance, dci, discretise, kernel_r2, lasso_importance, linear_r2, mcc, mcc_interval, mcc_on,
    mig, modularity, mutual_information, pearson, sap, sap_binary, shuffled, spearman, svcca, u_only, udr,
    weak_mcc, within_u,
};
use ivae_num::{Purpose, Scalar, StreamKey, stream::fill_normal};
use ndarray::{Array2, ArrayView2, Axis};

fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut x = Array2::zeros((rows, columns));
    fill_normal(x.as_slice_mut().unwrap(), columns, StreamKey::new(seed, Purpose::Generate));
    x
}

/// Every number of every score of s `[400, 3]` and z `[400, 3]` in the scalar F, with its name.
fn scores<F: Scalar>(s: &Array2<f64>, z: &Array2<f64>) -> Vec<(&'static str, Vec<f64>)> {
    let u: Vec<u32> = (0..s.nrows() as u32).map(|i| i % 5).collect();
    let (fit, score): (Vec<_>, Vec<_>) = (0..s.nrows()).partition(|i| i % 4 > 0);
    let rows = Rows::Split { fit: &fit, score: &score };
    let positive = s.mapv(|v| v > 0.0);
    let (s, z) = (s.mapv(F::of), z.mapv(F::of));
    let (s, z) = (s.view(), z.view());
    let p = Correlation::Pearson;
    let flat = |x: Array2<f64>| x.into_iter().collect::<Vec<_>>();
    let mut out = vec![
        ("pearson", flat(pearson(s, z).unwrap())),
        ("spearman", flat(spearman(s, z).unwrap())),
        ("ranks", average_ranks(s.column(0))),
        ("affine map", flat(AffineMap::fit(s, z).unwrap().predict(z).unwrap())),
        ("linear R²", linear_r2(s, z, rows).unwrap().per_source),
        ("kernel R²", kernel_r2(s, z, rows, &KernelRidge::default()).unwrap().per_source),
        ("CCA", cca(s, z).unwrap().correlations),
        ("SVCCA", svcca(s, z, 0.9).unwrap().correlations),
        ("CCA MCC", vec![cca_mcc(s, z, rows, p).unwrap().score]),
        ("weak MCC", vec![weak_mcc(s, z, rows, p).unwrap().score]),
        ("within u", vec![within_u(s, z, &u, rows, p).unwrap().score]),
        ("u only", vec![u_only(s, &u, rows, p).unwrap().score]),
        ("chance", vec![chance(s, z, rows, p, 5, 1).unwrap()]),
        ("agreement", flat(agreement(&[s, z], p).unwrap().pairs)),
        ("UDR", flat(udr(&[s, z], Correlation::Spearman).unwrap().pairs)),
        ("SAP", sap(s, z).unwrap().per_source),
        ("SAP of classes", sap_binary(positive.view(), z).unwrap().per_source),
        ("lasso", flat(lasso_importance(s, z, 0.02).unwrap())),
        (
            "Amari",
            vec![amari(z.select(Axis(0), &[0, 1, 2]).view(), s.select(Axis(0), &[0, 1, 2]).view()).unwrap()],
        ),
    ];
    let interval = mcc_interval(s, z, rows, p, 0.9, 20, 1).unwrap();
    out.push(("interval", vec![interval.low, interval.score, interval.high]));
    let importance = lasso_importance(s, z, 0.02).unwrap().mapv(F::of);
    let found = dci(importance.view()).unwrap();
    out.push(("DCI", vec![found.disentanglement, found.completeness]));
    for correlation in [p, Correlation::Spearman, Correlation::Distance, Correlation::Rdc { seed: 2 }] {
        out.push(("MCC", vec![mcc(s, z, correlation).unwrap().score]));
        out.push(("MCC on held-out rows", vec![mcc_on(s, z, rows, correlation).unwrap().score]));
    }
    let centred = |x: ArrayView2<'_, F>| {
        let mean = x.sum_axis(Axis(0)) / F::of(x.nrows() as f64);
        Ok::<_, MetricError>(move |x: ArrayView2<'_, F>| Ok(&x - &mean))
    };
    out.push(("blind", vec![blind(s, z, rows, p, centred).unwrap().score]));
    let refit = |order: &[usize]| Ok::<_, MetricError>(z.select(Axis(0), order));
    out.push(("shuffled", shuffled(s, rows, p, 3, 1, refit).unwrap().scores));
    // Bins do not move but where a value is at an edge, and so the counts.
    let (s, z) = (discretise(s, 6).unwrap(), discretise(z, 6).unwrap());
    out.push(("mutual information", flat(mutual_information(s.view(), z.view()).unwrap())));
    out.push(("MIG", mig(s.view(), z.view()).unwrap().per_source));
    out.push(("modularity", modularity(s.view(), z.view()).unwrap().per_latent));
    out
}

fn pair() -> (Array2<f64>, Array2<f64>) {
    let s = normals(400, 3, 1);
    let z =
        s.dot(&ndarray::array![[0.2, 2.0, 0.1], [1.5, 0.3, 0.1], [0.1, 0.2, 1.0]]) + normals(400, 3, 2) * 0.4;
    (s, z + 1.0)
}

#[test]
fn every_score_of_f32_is_that_of_f64() {
    let (s, z) = pair();
    let (double, single) = (scores::<f64>(&s, &z), scores::<f32>(&s, &z));
    assert_eq!(double.len(), single.len());
    for ((name, double), (_, single)) in double.iter().zip(&single) {
        assert_eq!(double.len(), single.len(), "{name}");
        for (double, single) in double.iter().zip(single) {
            assert!((double - single).abs() < 1e-5, "{name}: {single} instead of {double}");
        }
    }
}

#[test]
fn a_forest_sees_the_same_numbers_in_either_scalar() {
    // Rounding decides between splits that are equally good, so the data is that of f32 both times.
    let (s, z) = pair();
    let (s, z) = (s.mapv(|v| v as f32), z.mapv(|v| v as f32));
    let forest = Forest { trees: 10, ..Forest::default() };
    let found = forest.importance(s.view(), z.view()).unwrap();
    let double = forest.importance(s.mapv(f64::from).view(), z.mapv(f64::from).view()).unwrap();
    assert_eq!(found, double);
    assert!(found[[1, 0]] > 0.9 && found[[0, 1]] > 0.9 && found[[2, 2]] > 0.9, "{found:.3}");
}
