//! Matrix products and elementary functions of `ivae-num` beside ndarray and the standard library.
//!
//! Environment variable `IVAE_SIMD` (`portable`, `avx2`, `avx512`, `amx`) chooses the path of the former.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ivae_num::vecmath::VecMath;
use ivae_num::{GemmScratch, Purpose, Scalar, StreamKey, gemm, stream};
use ndarray::Array2;
use num_traits::Float;

fn random<F: Scalar>(rows: usize, cols: usize, seed: u64) -> Array2<F> {
    let mut flat = vec![F::zero(); rows * cols];
    stream::fill_normal(&mut flat, cols, StreamKey::new(seed, Purpose::Control));
    Array2::from_shape_vec((rows, cols), flat).expect("as many as the shape says")
}

/// `(name, m, k, n, a is transposed, b is transposed)`: the products of training steps.
const PRODUCTS: [(&str, usize, usize, usize, bool, bool); 8] = [
    ("64x45x100", 64, 45, 100, false, false),
    ("64x100x100", 64, 100, 100, false, false),
    ("64x100x5", 64, 100, 5, false, false),
    ("100x64x100 AtB", 100, 64, 100, true, false),
    ("64x100x45 ABt", 64, 100, 45, false, true),
    ("256x200x200", 256, 200, 200, false, false),
    ("256x200x200 ABt", 256, 200, 200, false, true),
    ("1024x1000x1000", 1024, 1000, 1000, false, false),
];

/// "Elements" are floating-point operations, so that Gelem/s reads as GFLOP/s.
fn products<F: Scalar>(c: &mut Criterion, scalar: &str) {
    let mut group = c.benchmark_group(format!("gemm {scalar}"));
    for (name, m, k, n, a_transposed, b_transposed) in PRODUCTS {
        let (a, b) = (random::<F>(m, k, 1), random::<F>(k, n, 2));
        // The same matrices, stored the other way round.
        let turned = |x: Array2<F>| x.t().as_standard_layout().into_owned().reversed_axes();
        let a = if a_transposed { turned(a) } else { a };
        let b = if b_transposed { turned(b) } else { b };
        let mut out = Array2::zeros((m, n));
        let mut scratch = GemmScratch::new();
        group.throughput(Throughput::Elements((2 * m * k * n) as u64));
        group.bench_function(format!("{name} ivae"), |bencher| {
            bencher.iter(|| gemm(out.view_mut(), F::zero(), F::one(), a.view(), b.view(), &mut scratch));
        });
        group.bench_function(format!("{name} ndarray"), |bencher| {
            bencher.iter(|| ndarray::linalg::general_mat_mul(F::one(), &a, &b, F::zero(), &mut out));
        });
    }
}

fn functions<F: Scalar>(c: &mut Criterion, scalar: &str) {
    type Each<F> = [(&'static str, fn(&mut [F]), fn(F) -> F); 5];
    let each: Each<F> = [
        ("exp", <F as VecMath>::exp, <F as Float>::exp),
        ("ln", <F as VecMath>::ln, <F as Float>::ln),
        ("tanh", <F as VecMath>::tanh, <F as Float>::tanh),
        ("sigmoid", F::sigmoid, |x| (F::one() + Float::exp(-x)).recip()),
        ("softplus", F::softplus, |x| Float::ln_1p(Float::exp(x))),
    ];
    let mut group = c.benchmark_group(format!("vecmath {scalar}"));
    // A batch of 64 rows in a layer of 100 units.
    let from = random::<F>(64, 100, 3).mapv(|v| v.abs() + F::of(0.01)).into_raw_vec_and_offset().0;
    let mut x = from.clone();
    group.throughput(Throughput::Elements(x.len() as u64));
    for (name, ours, theirs) in each {
        group.bench_function(format!("{name} ivae"), |bencher| {
            bencher.iter(|| {
                x.copy_from_slice(&from);
                ours(black_box(&mut x));
            });
        });
        group.bench_function(format!("{name} std"), |bencher| {
            bencher.iter(|| {
                x.copy_from_slice(&from);
                black_box(&mut x).iter_mut().for_each(|v| *v = theirs(*v));
            });
        });
    }
    group.bench_function("fill_normal", |bencher| {
        bencher.iter(|| stream::fill_normal(&mut x, 100, StreamKey::new(1, Purpose::Noise)));
    });
}

fn all(c: &mut Criterion) {
    products::<f32>(c, "f32");
    products::<f64>(c, "f64");
    functions::<f32>(c, "f32");
    functions::<f64>(c, "f64");
}

criterion_group!(benches, all);
criterion_main!(benches);
