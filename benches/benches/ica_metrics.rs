//! Linear ICA and metrics at the sizes that the peers were measured at.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ivae_benches::{laplace_mixtures, normals};
use ivae_ica::{Algorithm, FastIca, Pca};
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
    group.finish();
}

fn metrics(c: &mut Criterion) {
    let mut group = c.benchmark_group("metrics");
    group.sample_size(10);
    let (s, z) = (normals(1_000_000, 10, 1), normals(1_000_000, 10, 2));
    for correlation in [Correlation::Pearson, Correlation::Spearman] {
        group.bench_function(format!("mcc-{correlation}/f64/1000000x10"), |b| {
            b.iter(|| mcc(black_box(s.view()), black_box(z.view()), correlation))
        });
    }
    let scores = normals(100, 100, 3);
    group.bench_function("assignment/100x100", |b| b.iter(|| assignment(black_box(&scores))));
    group.finish();
}

criterion_group!(benches, ica, metrics);
criterion_main!(benches);
