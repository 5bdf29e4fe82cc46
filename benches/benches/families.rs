//! Log-densities and gradients of every family per element, each beside the bare cost of the functions it must evaluate.
//!
//! Rows that all have their own θ. "calls" are the exponentials and logarithms by `VecMath` in the scalar type at hand, and
//! the special functions (log Γ, ψ, Bessel, sin and cos), of which there is no vector form, one by one in f64.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ivae_expfam::special::{BesselRatio, digamma, ln_gamma};
use ivae_expfam::{
    Bernoulli, Beta, Categorical, ExpFam, Exponential, ExponentialPower, Gamma, Gaussian, GaussianForm,
    HyperbolicSecant, LogNormal, Poisson, VonMises,
};
use ivae_num::vecmath::VecMath;
use ivae_num::{Purpose, Scalar, StreamKey, stream};
use ndarray::Array2;

/// So few that the numbers of the calls stay in a level-1 cache, as those of a vector at a time do: beside calls that wait
/// for memory, everything looks cheap.
const ROWS: usize = 64;
/// Columns: vectors fill rows of 32; of 25 the last vector of each row is partly done twice.
const COLUMNS: [usize; 2] = [25, 32];

/// A function that a density needs of each element.
#[derive(Debug, Clone, Copy)]
enum Call {
    Exp,
    Ln,
    Tanh,
    Sigmoid,
    Softplus,
    LnGamma,
    Digamma,
    Bessel,
    SinCos,
}

use Call::{Bessel, Digamma, Exp, Ln, LnGamma, Sigmoid, SinCos, Softplus, Tanh};

impl Call {
    /// Overwrites the positive numbers `x`.
    fn run<F: Scalar>(self, x: &mut [F]) {
        let each = |x: &mut [F], f: fn(f64) -> f64| x.iter_mut().for_each(|x| *x = F::of(f(x.f64())));
        match self {
            Exp => <F as VecMath>::exp(x),
            Ln => <F as VecMath>::ln(x),
            Tanh => <F as VecMath>::tanh(x),
            Sigmoid => <F as VecMath>::sigmoid(x),
            Softplus => <F as VecMath>::softplus(x),
            LnGamma => each(x, ln_gamma),
            Digamma => each(x, digamma),
            Bessel => each(x, |x| BesselRatio::at(x).log_i0),
            SinCos => each(x, |x| {
                let (sin, cos) = x.sin_cos();
                sin + cos
            }),
        }
    }
}

/// A family with the calls of its log-density and of its gradient.
type Case<'a, F> = (&'static str, &'a dyn ExpFam<F>, &'a [Call], &'a [Call]);

fn families<F: Scalar>(c: &mut Criterion)
where
    ExponentialPower: ExpFam<F>,
    HyperbolicSecant: ExpFam<F>,
    LogNormal: ExpFam<F>,
    Gamma: ExpFam<F>,
    Exponential: ExpFam<F>,
    Beta: ExpFam<F>,
    VonMises: ExpFam<F>,
    Categorical: ExpFam<F>,
    Poisson: ExpFam<F>,
{
    let full = Gaussian { form: GaussianForm::MeanVar };
    let power = |shape| ExponentialPower { location: 0.0, shape };
    let (laplace, flat) = (power(1.0), power(3.5));
    let all: [Case<'_, F>; 12] = [
        ("gaussian", &full, &[Exp], &[Exp]),
        ("exponential-power-1", &laplace, &[Exp], &[Exp]),
        ("exponential-power-3.5", &flat, &[Ln, Exp], &[Ln, Exp]),
        (
            "hyperbolic-secant",
            &HyperbolicSecant,
            &[Exp, Softplus, LnGamma, LnGamma],
            &[Exp, Softplus, Tanh, Digamma, Digamma],
        ),
        ("log-normal", &LogNormal, &[Ln, Exp], &[Ln, Exp]),
        ("gamma", &Gamma, &[Exp, Exp, Ln, LnGamma], &[Exp, Exp, Ln, Digamma]),
        ("exponential", &Exponential, &[Exp], &[Exp]),
        (
            "beta",
            &Beta,
            &[Exp, Exp, Ln, Ln, LnGamma, LnGamma, LnGamma],
            &[Exp, Exp, Ln, Ln, Digamma, Digamma, Digamma],
        ),
        ("von-mises", &VonMises, &[SinCos, Bessel], &[SinCos, Bessel]),
        ("bernoulli", &Bernoulli, &[Softplus], &[Sigmoid]),
        ("categorical-4", &Categorical { count: 4 }, &[Exp, Exp, Exp, Exp, Ln], &[Exp, Exp, Exp, Exp]),
        ("poisson", &Poisson, &[Exp, LnGamma], &[Exp, Digamma]),
    ];
    for (n, (name, family, forward, backward)) in COLUMNS.into_iter().flat_map(|n| all.map(|case| (n, case)))
    {
        let mut group = c.benchmark_group(format!("families/{}/{n}", std::any::type_name::<F>()));
        group.throughput(Throughput::Elements((ROWS * n) as u64));
        let k = family.k();
        let (mut lambda, mut rng) = (vec![F::zero(); k], StreamKey::new(1, Purpose::Generate).rng());
        family.natural(&mut lambda, &vec![F::of(0.2); k]);
        let v = Array2::from_shape_simple_fn((ROWS, n), || family.draw(&lambda, &mut rng));
        let mut theta = Array2::<F>::zeros((ROWS, k * n));
        let flat = theta.as_slice_mut().expect("standard layout");
        stream::fill_normal(flat, k * n, StreamKey::new(1, Purpose::Generate).step(4));
        let (mut out, d_out) = (vec![F::zero(); ROWS], vec![F::one(); ROWS]);
        let (mut d_theta, mut d_v) = (theta.clone(), v.clone());
        let start: Vec<F> = theta.iter().take(ROWS * n).map(|x| (*x).exp()).collect();
        let mut x = start.clone();

        let mut calls = |kind: &str, calls: &[Call]| {
            group.bench_function(format!("{name}/calls_of_{kind}"), |b| {
                b.iter(|| {
                    for call in calls {
                        x.copy_from_slice(&start);
                        call.run(black_box(&mut x[..]));
                    }
                });
            });
        };
        calls("log_prob", forward);
        calls("log_prob_backward", backward);
        group.bench_function(format!("{name}/log_prob"), |b| {
            b.iter(|| family.log_prob(black_box(&mut out[..]), theta.view(), v.view()));
        });
        group.bench_function(format!("{name}/log_prob_backward"), |b| {
            b.iter(|| {
                let (d_theta, d_v) = (black_box(&mut d_theta).view_mut(), d_v.view_mut());
                family.log_prob_backward(Some(d_theta), Some(d_v), theta.view(), v.view(), &d_out);
            });
        });
        group.finish();
    }
}

criterion_group!(benches, families::<f32>, families::<f64>);
criterion_main!(benches);
