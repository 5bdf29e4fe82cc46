//! The vectorised rows of every family, against its component in scalar double precision.

use ivae_expfam::{
    Beta, Categorical, Density, ExpFam, Exponential, ExponentialPower, Gamma, Gaussian, GaussianForm,
    HyperbolicSecant, LogNormal, Poisson, VonMises,
};
use ivae_num::{Purpose, Scalar, StreamKey, stream};
use ndarray::Array2;

/// None, one, whole vectors and not, more than one block in a row and in a column.
const SHAPES: [(usize, usize); 9] =
    [(0, 3), (3, 0), (1, 1), (3, 5), (64, 4), (17, 31), (130, 7), (2, 600), (1, 1025)];

/// log p, ∂z and ∂η of one component, by λ, T and A.
fn component(family: &dyn ExpFam<f64>, eta: &[f64], z: f64) -> (f64, f64, Vec<f64>) {
    let k = family.k();
    if !family.support().contains(z) {
        return (f64::NEG_INFINITY, 0.0, vec![0.0; k]);
    }
    let (mut lambda, mut t, mut dt, mut mean) = (vec![0.0; k], vec![0.0; k], vec![0.0; k], vec![0.0; k]);
    family.natural(&mut lambda, eta);
    family.stats(&mut t, z);
    family.dstats(&mut dt, z);
    family.mean_stats(&mut mean, &lambda);
    let dot = |a: &[f64]| lambda.iter().zip(a).map(|(l, a)| l * a).sum::<f64>();
    let d_lambda: Vec<f64> = t.iter().zip(&mean).map(|(t, mean)| t - mean).collect();
    let mut d_eta = vec![0.0; k];
    family.natural_backward(&mut d_eta, eta, &d_lambda);
    let log_prob = family.log_base(z) + dot(&t) - family.log_partition(&lambda);
    (log_prob, dot(&dt) + family.dlog_base(z), d_eta)
}

/// θ, v and d_out of a shape; every fourth row repeats the one above, and the last two values are outside the support
/// (where there is an outside) of the first columns.
fn inputs<F: Scalar>(family: &dyn ExpFam<f64>, (rows, n): (usize, usize)) -> (Array2<F>, Array2<F>, Vec<F>) {
    let k = family.k();
    let (mut theta, mut d_out) = (vec![0.0f64; rows * k * n], vec![0.0f64; rows]);
    stream::fill_normal(&mut theta, (k * n).max(1), StreamKey::new(3, Purpose::Generate));
    stream::fill_normal(&mut d_out, 1, StreamKey::new(4, Purpose::Generate));
    let mut theta = Array2::from_shape_vec((rows, k * n), theta).unwrap();
    for b in (3..rows).step_by(4) {
        let above = theta.row(b - 1).to_owned();
        theta.row_mut(b).assign(&above);
    }
    let (mut rng, mut lambda) = (StreamKey::new(5, Purpose::Generate).rng(), vec![0.0; k]);
    family.natural(&mut lambda, &vec![0.2; k]);
    let mut v = Array2::from_shape_simple_fn((rows, n), || family.draw(&lambda, &mut rng));
    if rows > 2 && n > 1 {
        v[[rows - 1, 0]] = -7.5;
        v[[rows - 2, 1]] = f64::INFINITY;
    }
    // What single precision can hold, also in double.
    let rounded = |x: f64| F::of(f64::from(x as f32));
    (theta.mapv(rounded), v.mapv(rounded), d_out.into_iter().map(rounded).collect())
}

fn check<F: Scalar>(rows_of: &dyn Density<F>, family: &dyn ExpFam<f64>, tolerance: f64) {
    let k = family.k();
    for shape in SHAPES {
        let (rows, n) = shape;
        let (theta, v, d_out) = inputs::<F>(family, shape);
        let mut out = vec![F::of(9.0); rows];
        rows_of.log_prob(&mut out, theta.view(), v.view());
        // Gradients are added to what is there.
        let (mut d_theta, mut d_v) = (Array2::from_elem(theta.raw_dim(), F::one()), v.mapv(|_| F::one()));
        let (t, z) = (Some(d_theta.view_mut()), Some(d_v.view_mut()));
        rows_of.log_prob_backward(t, z, theta.view(), v.view(), &d_out);
        for b in 0..rows {
            let (mut sum, mut size, d) = (0.0, 1.0, d_out[b].f64());
            for i in 0..n {
                let eta: Vec<f64> = (0..k).map(|j| theta[[b, j * n + i]].f64()).collect();
                let z = v[[b, i]].f64();
                let (log_prob, dz, d_eta) = component(family, &eta, z);
                sum += log_prob;
                size += log_prob.abs();
                let near = |found: F, expected: f64| {
                    // λ, T and A are large where they cancel.
                    let scale = 1.0 + z.abs() + expected.abs() + eta.iter().map(|e| e.exp()).sum::<f64>();
                    let error = (found.f64() - 1.0 - d * expected).abs();
                    assert!(
                        error <= tolerance * scale * (1.0 + d.abs()),
                        "{family:?} {shape:?} {eta:?} {z}: {error:e}"
                    );
                };
                near(d_v[[b, i]], dz);
                (0..k).for_each(|j| near(d_theta[[b, j * n + i]], d_eta[j]));
            }
            let same = out[b].f64() == sum || (out[b].f64() - sum).abs() <= tolerance * size;
            assert!(same, "{family:?} {shape:?} row {b}: {}, by components {sum}", out[b]);
        }
    }
}

macro_rules! both {
    ($($name:ident: $family:expr;)*) => {
        $(#[test]
        fn $name() {
            check::<f64>(&$family, &$family, 1e-12);
            check::<f32>(&$family, &$family, 2e-5);
        })*
    };
}
both! {
    gaussian: Gaussian { form: GaussianForm::MeanVar };
    laplace: ExponentialPower { location: 0.3, shape: 1.0 };
    normal_of_fixed_mean: ExponentialPower { location: -0.5, shape: 2.0 };
    generalised_normal: ExponentialPower { location: 0.0, shape: 3.5 };
    hyperbolic_secant: HyperbolicSecant;
    log_normal: LogNormal;
    gamma: Gamma;
    exponential: Exponential;
    beta: Beta;
    von_mises: VonMises;
    categorical: Categorical { count: 4 };
    poisson: Poisson;
}

#[test]
fn nan_goes_through_where_it_stands() {
    let families: [&dyn ExpFam<f64>; 5] = [
        &Exponential,
        &Gamma,
        &VonMises,
        &Categorical { count: 3 },
        &ExponentialPower { location: 0.0, shape: 1.0 },
    ];
    for family in families {
        let (theta, mut v, _) = inputs::<f64>(family, (5, 4));
        v.fill(1.0);
        v[[2, 3]] = f64::NAN;
        let mut out = vec![0.0; 5];
        family.log_prob(&mut out, theta.view(), v.view());
        let nan: Vec<bool> = out.iter().map(|x| x.is_nan()).collect();
        assert_eq!(nan, [false, false, true, false, false], "{family:?}");
    }
}
