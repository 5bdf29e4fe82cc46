//! Gaussian log-densities, their gradients and KL, per element, against the exponentials that they must take; the best
//! points of a table of λ; custom families per λ. The other families are in `families`.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ivae_expfam::family::custom::{Polynomial, Spline};
use ivae_expfam::{
    Custom, Density, ExpFam, Gaussian, GaussianForm, Lambda, Reparam, gaussian_kl, gaussian_kl_backward,
    implicit_derivative, natural_table,
};
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

/// The n·k + 1 best of many segments.
fn best_points(c: &mut Criterion) {
    let mut group = c.benchmark_group("expfam/best_points");
    group.sample_size(10);
    let full = Gaussian { form: GaussianForm::MeanVar };
    for (segments, nk) in [(100, 10), (1000, 40)] {
        let eta = normals::<f64>(segments, nk, 5);
        let table = natural_table(&full, eta.view()).expect("two columns a latent");
        let lambda = Lambda::new(&full, table.view()).expect("within the domain");
        group.bench_function(BenchmarkId::from_parameter(format!("{segments}x{nk}")), |b| {
            b.iter(|| black_box(&lambda).best_points());
        });
    }
    group.finish();
}

/// A λ that was not seen before, a draw, and the derivatives of a draw.
fn custom(c: &mut Criterion) {
    let mut group = c.benchmark_group("expfam/custom");
    let (Ok(polynomial), Ok(spline)) =
        (Custom::new(Polynomial { degree: 4 }), Custom::new(Spline { low: -2.0, high: 2.0, bumps: 8 }))
    else {
        panic!("both are families");
    };
    let all: [(&str, &dyn ExpFam<f64>); 2] = [("polynomial-4", &polynomial), ("spline-8", &spline)];
    for (name, family) in all {
        let k = family.k();
        let (mut eta, mut lambda) = (vec![0.1; k], vec![0.0; k]);
        group.bench_function(BenchmarkId::new("log_partition", name), |b| {
            b.iter(|| {
                eta[0] += 1e-6;
                family.natural(&mut lambda, &eta);
                black_box(family.log_partition(&lambda))
            });
        });
        let mut rng = StreamKey::new(1, Purpose::Generate).rng();
        group.bench_function(BenchmarkId::new("draw", name), |b| b.iter(|| family.draw(&lambda, &mut rng)));
        let mut d_z = vec![0.0; k];
        group.bench_function(BenchmarkId::new("implicit_derivative", name), |b| {
            b.iter(|| implicit_derivative(family, black_box(&mut d_z), &lambda, 0.3));
        });
    }
    group.finish();
}

criterion_group!(benches, gaussian::<f32>, gaussian::<f64>, best_points, custom);
criterion_main!(benches);
