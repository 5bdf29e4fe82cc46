//! Every method finds in `f32` what it finds in `f64`.

use ivae_ica::{
    Ajd, Algorithm, Auto, FastIca, FittedIca, IcaError, Infomax, LinearStep, Nonlinearity, Pca, Picard,
    Scalar, Sobi, Stability, Start, Whitening,
};
use ivae_num::{Purpose, StreamKey, stream::fill_normal};
use ndarray::{Array2, Axis, array};

const ROWS: usize = 3000;

fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut x = Array2::zeros((rows, columns));
    fill_normal(x.as_slice_mut().unwrap(), columns, StreamKey::new(seed, Purpose::Generate));
    x
}

/// Heavy-tailed, asymmetric sources of other autocorrelations, whose spread differs between segments; mixed.
fn data() -> (Array2<f64>, Vec<u32>) {
    let g = normals(ROWS, 3, 21);
    let segments: Vec<u32> = (0..ROWS).map(|i| (i / 150) as u32).collect();
    let spread = normals(20, 3, 22).mapv(|v| (0.6 * v).exp());
    let mut s = Array2::from_shape_fn((ROWS, 3), |(i, j)| {
        spread[[segments[i] as usize, j]] * (g[[i, j]] + 0.4 * g[[i, j]].powi(2))
    });
    for i in 1..ROWS {
        for (j, rate) in [0.7, 0.2, -0.4].into_iter().enumerate() {
            s[[i, j]] += rate * s[[i - 1, j]];
        }
    }
    (s.dot(&array![[1.0, 0.4, -0.3], [0.2, 1.5, 0.7], [-0.6, 0.1, 0.9]].t()) + 2.0, segments)
}

/// A fit by every method, with its name.
fn fits<F: Scalar>(x: &Array2<f64>, segments: &[u32]) -> Vec<(String, FittedIca<F>)> {
    let x = x.mapv(F::of);
    let x = x.view();
    let mut out = Vec::new();
    let contrasts = [
        Nonlinearity::Logcosh { alpha: 1.0 },
        Nonlinearity::Logcosh { alpha: 2.0 },
        Nonlinearity::Exp,
        Nonlinearity::Cube,
        Nonlinearity::Skew,
    ];
    for algorithm in [Algorithm::Parallel, Algorithm::Deflation] {
        for contrast in contrasts {
            let ica =
                FastIca { algorithm, contrast, tolerance: 1e-6, max_iterations: 1000, ..FastIca::default() };
            out.push((format!("{algorithm:?} {contrast:?}"), ica.fit(x).unwrap()));
        }
    }
    let ica = FastIca { tolerance: 1e-6, ..FastIca::default() };
    let blocks = |each: &mut ivae_ica::EachBlock<'_, F>| -> Result<(), IcaError> {
        x.axis_chunks_iter(Axis(0), 700).try_for_each(each)
    };
    out.push(("blocks".into(), ica.fit_blocks(blocks).unwrap()));
    out.push(("a sample".into(), ica.fit_sampled(2000, blocks).unwrap()));
    let white = Pca::fit(x, None).unwrap().whiten(x).unwrap();
    let given = FastIca { whitening: Whitening::Given, ..ica.clone() };
    out.push(("white".into(), given.fit(white.view()).unwrap()));
    let start = Start::Unmixing(Array2::eye(3));
    out.push(("warm".into(), FastIca { start, ..ica.clone() }.fit(x).unwrap()));
    for (orthogonal, extended) in [(true, true), (true, false), (false, true), (false, false)] {
        let picard = Picard { orthogonal, extended, ..Picard::default() };
        out.push((format!("Picard, orthogonal {orthogonal}, extended {extended}"), picard.fit(x).unwrap()));
    }
    for extended in [true, false] {
        let infomax = Infomax { extended, ..Infomax::default() };
        out.push((format!("Infomax, extended {extended}"), infomax.fit(x).unwrap()));
    }
    let auto = Auto { fastica: FastIca { max_iterations: 2, ..ica.clone() }, ..Auto::default() };
    out.push(("Auto".into(), auto.fit(x).unwrap()));
    out.push(("linear step".into(), LinearStep::default().fit(x).unwrap()));
    out.push(("rotation".into(), LinearStep { rotation: true, seed: 0 }.fit(x).unwrap()));
    out.push(("AJD".into(), Ajd::default().fit(x, segments).unwrap()));
    out.push(("SOBI".into(), Sobi::default().fit(x).unwrap()));
    let stable = Stability { runs: 3, resample: false, seed: 0 }
        .fit(x, |x, seed| FastIca { seed, ..ica.clone() }.fit(x))
        .unwrap();
    out.push(("Icasso".into(), stable.ica));
    out
}

/// How far from 1 the worst |correlation| is of an output of `b` and the one of `a` most like it.
fn apart(a: Array2<f64>, b: Array2<f64>) -> f64 {
    let standard = |x: Array2<f64>| {
        let centred = &x - &x.mean_axis(Axis(0)).unwrap();
        &centred / &centred.map_axis(Axis(0), |c| c.dot(&c).sqrt())
    };
    let c = standard(a).t().dot(&standard(b)).mapv(f64::abs);
    let best = |line: ndarray::ArrayView1<'_, f64>| line.iter().copied().fold(0.0, f64::max);
    c.rows().into_iter().chain(c.columns()).map(|line| 1.0 - best(line)).fold(0.0, f64::max)
}

#[test]
fn f32_finds_what_f64_finds() {
    let (x, segments) = data();
    let (double, single) = (fits::<f64>(&x, &segments), fits::<f32>(&x, &segments));
    let white = Pca::fit(x.view(), None).unwrap().whiten(x.view()).unwrap();
    assert_eq!(double.len(), single.len());
    for ((name, double), (_, single)) in double.iter().zip(&single) {
        let x = if name == "white" { &white } else { &x };
        let narrow = x.mapv(|v| v as f32);
        let outputs = single.transform(narrow.view()).unwrap();
        let found = apart(double.transform(x.view()).unwrap(), outputs.mapv(f64::from));
        assert!(found < 1e-4, "{name}: {found:e}");
        assert_eq!(double.converged, single.converged, "{name}: {:e} {:e}", double.limit, single.limit);
        let back = single.inverse_transform(outputs.view()).unwrap();
        assert!((back - &narrow).iter().all(|d| d.abs() < 1e-3), "{name}");
    }
}

#[test]
fn pca_of_f32_is_that_of_f64() {
    let (x, _) = data();
    let narrow = x.mapv(|v| v as f32);
    let (double, single) = (Pca::fit(x.view(), None).unwrap(), Pca::fit(narrow.view(), None).unwrap());
    for (double, single) in double.variances.iter().zip(&single.variances) {
        assert!((double - f64::from(*single)).abs() < 1e-6 * double);
    }
    let apart = |a: &Array2<f64>, b: &Array2<f32>| {
        (a - &b.mapv(f64::from)).iter().fold(0.0, |w: f64, d| w.max(d.abs()))
    };
    assert!(apart(&double.components, &single.components) < 1e-5);
    let (a, b) = (double.whiten(x.view()).unwrap(), single.whiten(narrow.view()).unwrap());
    assert!(apart(&a, &b) < 1e-4);
    assert!(apart(&x, &single.inverse_whiten(b.view()).unwrap()) < 1e-4);
}
