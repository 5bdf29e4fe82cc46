//! Gaussian log-densities, their gradients and KL, per element, against the exponentials that they must take.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ivae_expfam::{Density, Gaussian, GaussianForm, Reparam, gaussian_kl, gaussian_kl_backward};
use ivae_num::vecmath::VecMath;
use ivae_num::{Purpose, Scalar, StreamKey, stream};
use ndarray::Array2;

const SHAPES: [(usize, usize); 3] = [(64, 5), (256, 25), (1024, 100)];

fn normals<F: Scalar>(rows: usize, cols: usize, step: u64) -> Array2<F> {
    let mut out = Array2::zeros((rows, cols));
    let slice = out.as_slice_mut().expect("standard layout");
    stream::fill_normal(slice, cols, StreamKey::new(1, Purpose::Generate).step(step));
    out
}

fn gaussian<F: Scalar>(c: &mut Criterion) {
    let mut group = c.benchmark_group(format!("expfam/{}", std::any::type_name::<F>()));
    for (rows, n) in SHAPES {
        group.throughput(Throughput::Elements((rows * n) as u64));
        let id = |name: &str| BenchmarkId::new(name, format!("{rows}x{n}"));
        let (v, noise) = (normals::<F>(rows, n, 0), normals::<F>(rows, n, 1));
        let (q, p) = (normals::<F>(rows, 2 * n, 2), normals::<F>(rows, n, 3));
        let (mut out, d_out) = (vec![F::zero(); rows], vec![F::one(); rows]);
        let (mut d_q, mut d_p, mut z) = (q.clone(), p.clone(), v.clone());
        let full = Gaussian { form: GaussianForm::MeanVar };

        // An exponential per element: what a log-density cannot do without.
        group.bench_function(id("exp"), |b| {
            b.iter(|| {
                z.assign(&v);
                <F as VecMath>::exp(black_box(&mut z).as_slice_mut().expect("standard layout"));
            });
        });
        group.bench_function(id("log_prob"), |b| {
            b.iter(|| full.log_prob(black_box(&mut out), q.view(), v.view()));
        });
        group.bench_function(id("log_prob_backward"), |b| {
            b.iter(|| {
                let (d_q, z) = (black_box(&mut d_q).view_mut(), z.view_mut());
                full.log_prob_backward(Some(d_q), Some(z), q.view(), v.view(), &d_out);
            });
        });
        group.bench_function(id("sample"), |b| {
            b.iter(|| full.sample(black_box(&mut z).view_mut(), q.view(), noise.view()));
        });
        group.bench_function(id("sample_backward"), |b| {
            b.iter(|| full.sample_backward(black_box(&mut d_q).view_mut(), q.view(), noise.view(), v.view()));
        });
        group.bench_function(id("kl"), |b| {
            b.iter(|| gaussian_kl(black_box(&mut out), q.view(), GaussianForm::Var, p.view()));
        });
        group.bench_function(id("kl_backward"), |b| {
            b.iter(|| {
                let (d_q, d_p) = (black_box(&mut d_q).view_mut(), d_p.view_mut());
                gaussian_kl_backward(d_q, d_p, q.view(), GaussianForm::Var, p.view(), &d_out);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, gaussian::<f32>, gaussian::<f64>);
criterion_main!(benches);
