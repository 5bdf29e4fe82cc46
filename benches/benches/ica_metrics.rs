//! Linear ICA and metrics at the sizes that the peers were measured at.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ivae_benches::{laplace_mixtures, normals};
use ivae_ica::{Ajd, Algorithm, FastIca, Infomax, Pca, Picard, Sobi};
use ivae_metrics::{Correlation, assignment, mcc};

fn ica(c: &mut Criterion) {
    let mut group = c.benchmark_group("ica");
    group.sample_size(10);
    for (rows, columns) in [(40_000, 5), (100_000, 20)] {
        let (x, _) = laplace_mixtures(rows, columns);
        let single = x.mapv(|v| v as f32);
        let size = format!("{rows}x{columns}");
        group.bench_function(format!("pca/f64/{size}"), |b| b.iter(|| Pca::fit(black_box(x.view()), None)));
        for (name, algorithm) in [("parallel", Algorithm::Parallel), ("deflation", Algorithm::Deflation)] {
            let ica = FastIca { algorithm, ..FastIca::default() };
            group.bench_function(format!("fastica-{name}/f64/{size}"), |b| {
                b.iter(|| ica.fit(black_box(x.view())))
            });
            group.bench_function(format!("fastica-{name}/f32/{size}"), |b| {
                b.iter(|| ica.fit(black_box(single.view())))
            });
        }
    }
    for (rows, columns) in [(5_000, 10), (40_000, 5)] {
        let (x, _) = laplace_mixtures(rows, columns);
        let size = format!("{rows}x{columns}");
        for (name, orthogonal) in [("picard-o", true), ("picard", false)] {
            let picard = Picard { orthogonal, ..Picard::default() };
            group
                .bench_function(format!("{name}/f64/{size}"), |b| b.iter(|| picard.fit(black_box(x.view()))));
        }
        let infomax = Infomax::default();
        group.bench_function(format!("infomax/f64/{size}"), |b| b.iter(|| infomax.fit(black_box(x.view()))));
    }
    group.finish();
}

/// The two methods that use more than the distribution of the rows, on 40 segments of 1000 rows: Gaussian sources whose
/// variances change between segments, and which have a memory of their own each.
fn diagonalisation(c: &mut Criterion) {
    let mut group = c.benchmark_group("diagonalisation");
    group.sample_size(10);
    let (rows, columns) = (40_000, 5);
    let (mut s, spread, mixing) =
        (normals(rows, columns, 1), normals(40, columns, 2), normals(columns, columns, 3));
    let segments: Vec<u32> = (0..rows as u32).map(|i| i / 1000).collect();
    for i in 1..rows {
        for j in 0..columns {
            s[[i, j]] += 0.18 * j as f64 * s[[i - 1, j]];
        }
    }
    s.indexed_iter_mut().for_each(|((i, j), v)| *v *= spread[[i / 1000, j]].exp());
    let x = s.dot(&mixing);
    let size = format!("f64/{rows}x{columns}");
    group.bench_function(format!("ajd/{size}"), |b| {
        b.iter(|| Ajd::default().fit(black_box(x.view()), &segments))
    });
    group.bench_function(format!("sobi/{size}"), |b| b.iter(|| Sobi::default().fit(black_box(x.view()))));
    group.finish();
}

fn name(correlation: Correlation) -> &'static str {
    match correlation {
        Correlation::Pearson => "Pearson",
        Correlation::Spearman => "Spearman",
        Correlation::Distance => "distance",
        Correlation::Rdc { .. } => "rdc",
    }
}

fn metrics(c: &mut Criterion) {
    let mut group = c.benchmark_group("metrics");
    group.sample_size(10);
    let (s, z) = (normals(1_000_000, 10, 1), normals(1_000_000, 10, 2));
    for correlation in [Correlation::Pearson, Correlation::Spearman] {
        group.bench_function(format!("mcc-{}/f64/1000000x10", name(correlation)), |b| {
            b.iter(|| mcc(black_box(s.view()), black_box(z.view()), correlation))
        });
    }
    let (s, z) = (normals(40_000, 5, 1), normals(40_000, 5, 2));
    for correlation in [Correlation::Distance, Correlation::Rdc { seed: 0 }] {
        group.bench_function(format!("mcc-{}/f64/40000x5", name(correlation)), |b| {
            b.iter(|| mcc(black_box(s.view()), black_box(z.view()), correlation))
        });
    }
    let scores = normals(100, 100, 3);
    group.bench_function("assignment/100x100", |b| b.iter(|| assignment(black_box(&scores))));
    group.finish();
}

criterion_group!(benches, ica, diagonalisation, metrics);
criterion_main!(benches);
