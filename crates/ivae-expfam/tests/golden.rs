//! Against trusted values: SciPy and mpmath (families), PyTorch (iVAE terms), NumPy (rank of L).

use std::fs::File;

use ivae_expfam::lambda::Spectrum;
use ivae_expfam::{
    Bernoulli, Density, ExpFam, Gaussian, GaussianForm, GeneralisedNormal, Laplace, Reparam, gaussian_kl,
};
use ndarray::{Array, Array1, Array2, Axis, Dimension, Ix1, Ix2, concatenate};
use ndarray_npy::{NpzReader, ReadableElement};

struct Golden(NpzReader<File>);

impl Golden {
    fn open(name: &str) -> Self {
        let path = format!("{}/tests/golden/{name}.npz", env!("CARGO_MANIFEST_DIR"));
        Self(NpzReader::new(File::open(path).expect("golden file")).expect("npz"))
    }

    fn get<T: ReadableElement, D: Dimension>(&mut self, key: &str) -> Array<T, D> {
        self.0.by_name(key).unwrap_or_else(|error| panic!("{key}: {error}"))
    }
}

#[track_caller]
fn assert_relative(what: &str, found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs().max(1e-300);
    assert!(
        found == expected || error <= tolerance,
        "{what}: {found:e}, golden {expected:e}, error {error:e}"
    );
}

/// Tolerances are relative. λ, not `param`, is exact in the file.
fn family(name: &str, form: GaussianForm) {
    let mut golden = Golden::open("gaussian");
    let mut get = |key: &str| golden.get::<f64, ndarray::IxDyn>(&format!("{name}.{key}"));
    let (lambda, param): (Array2<f64>, Array2<f64>) =
        (get("lambda").into_dimensionality().expect("2-D"), get("param").into_dimensionality().expect("2-D"));
    let (z, log_density): (Array2<f64>, Array2<f64>) =
        (get("z").into_dimensionality().expect("2-D"), get("logpdf").into_dimensionality().expect("2-D"));
    let (t, log_h, a) = (get("T"), get("log_h"), get("A"));
    let (mean, cov, entropy, kl_next) = (get("gradA"), get("hessA"), get("entropy"), get("kl_next"));
    let (family, k) = (&Gaussian { form } as &dyn ExpFam<f64>, form.k());
    let (mut vector, mut matrix) = (vec![0.0; k], vec![0.0; k * k]);

    for i in 0..lambda.nrows() {
        let at = lambda.row(i).to_vec();
        assert!(family.in_domain(&at));
        assert_relative("A", family.log_partition(&at), a[[i].as_slice()], 1e-13);
        assert_relative("entropy", family.entropy(&at), entropy[[i].as_slice()], 1e-13);
        if i + 1 < lambda.nrows() {
            let to = lambda.row(i + 1).to_vec();
            assert_relative("KL", family.kl(&at, &to), kl_next[[i].as_slice()], 1e-12);
        }
        family.mean_stats(&mut vector, &at);
        family.fisher(&mut matrix, &at);
        for j in 0..k {
            assert_relative("∇A", vector[j], mean[[i, j].as_slice()], 1e-13);
            for l in 0..k {
                assert_relative("∇²A", matrix[j * k + l], cov[[i, j, l].as_slice()], 1e-13);
            }
        }

        // η as a user would have it: mean, log variance.
        let eta: Vec<f64> = match form {
            GaussianForm::MeanVar => vec![param[[i, 0]], 2.0 * param[[i, 1]].ln()],
            GaussianForm::Var => vec![2.0 * param[[i, 0]].ln()],
            GaussianForm::Mean => vec![param[[i, 0]]],
        };
        family.natural(&mut vector, &eta);
        for j in 0..k {
            assert_relative("λ", vector[j], at[j], 1e-14);
        }

        for c in 0..z.ncols() {
            let z = z[[i, c]];
            assert_relative("log h", family.log_base(z), log_h[[i, c].as_slice()], 1e-13);
            family.stats(&mut vector, z);
            for j in 0..k {
                assert_relative("T", vector[j], t[[i, c, j].as_slice()], 1e-15);
            }
        }
        // Rows of one component, and one row of all of them.
        let values = z.row(i).insert_axis(Axis(1));
        let theta = Array2::from_shape_fn((z.ncols(), k), |(_, j)| eta[j]);
        let mut out = vec![0.0; z.ncols()];
        family.log_prob(&mut out, theta.view(), values);
        for (c, &out) in out.iter().enumerate() {
            assert_relative("log density", out, log_density[[i, c]], 1e-11);
        }
    }
}

#[test]
fn gaussian_full() {
    family("gaussian_full", GaussianForm::MeanVar);
}

#[test]
fn gaussian_zero_mean() {
    family("gaussian_zero_mean", GaussianForm::Var);
}

#[test]
fn gaussian_unit_var() {
    family("gaussian_unit_var", GaussianForm::Mean);
}

#[test]
fn terms_of_an_ivae() {
    let mut golden = Golden::open("ivae_terms");
    for net in ["gauss", "bern"] {
        let mut matrix = |key: &str| golden.get::<f64, Ix2>(&format!("{net}.{key}"));
        let (mean, log_var) = (matrix("enc_mean"), matrix("enc_logvar"));
        let (prior, z) = (matrix("prior_logvar"), matrix("z"));
        let q = concatenate(Axis(1), &[mean.view(), log_var.view()]).expect("same rows");
        let mut vector = |key: &str| golden.get::<f64, Ix1>(&format!("{net}.{key}"));
        let mut out = vec![0.0; q.nrows()];
        let mut check = |out: &[f64], key: &str| {
            out.iter()
                .zip(vector(key))
                .for_each(|(&found, expected)| assert_relative(key, found, expected, 1e-13));
        };
        Gaussian { form: GaussianForm::MeanVar }.log_prob(&mut out, q.view(), z.view());
        check(&out, "logqz_x");
        Gaussian { form: GaussianForm::Var }.log_prob(&mut out, prior.view(), z.view());
        check(&out, "logpz");
        gaussian_kl(&mut out, q.view(), GaussianForm::Var, prior.view());
        check(&out, "kl");

        let noise: Array2<f64> = golden.get("eps");
        let mut sampled = Array2::zeros(z.dim());
        Gaussian { form: GaussianForm::MeanVar }.sample(sampled.view_mut(), q.view(), noise.view());
        for (&found, &expected) in sampled.iter().zip(&z) {
            assert_relative("z", found, expected, 1e-14);
        }
    }
}

#[test]
fn spectra_of_l() {
    let mut golden = Golden::open("rank_L");
    for case in 0..5 {
        let key = |name: &str| format!("L{case}{name}");
        let l: Array2<f64> = golden.get(&key(""));
        let expected: Array1<f64> = golden.get(&key("_singular_values"));
        let spectrum = Spectrum::of(l.view()).expect("finite");
        let largest = spectrum.largest();
        for (found, expected) in spectrum.singular_values.iter().zip(&expected) {
            assert!((found - expected).abs() <= 1e-13 * largest, "L{case}: {found:e}, golden {expected:e}");
        }
        let rank: Array1<i64> = golden.get(&key("_rank_default"));
        assert_eq!(spectrum.rank(spectrum.precision) as i64, rank[0], "L{case}");
        let ranks: Array1<i64> = golden.get(&key("_rank_rel"));
        for (tolerance, &rank) in [1e-12, 1e-10, 1e-6, 1e-2].into_iter().zip(&ranks) {
            assert_eq!(spectrum.rank(tolerance) as i64, rank, "L{case} at {tolerance:e}");
        }
        let condition: Array1<f64> = golden.get(&key("_cond"));
        // Its relative error is that of the smallest singular value.
        assert_relative("condition", spectrum.condition(), condition[0], 1e-14 * condition[0].min(1e13));
    }
}

/// Log-densities of one component, `theta(λ, param)` per row.
fn density(name: &str, density: &dyn Density<f64>, theta: impl Fn(f64, f64) -> Vec<f64>) {
    let mut golden = Golden::open("densities");
    let mut get = |key: &str| golden.get::<f64, Ix2>(&format!("{name}.{key}"));
    let (lambda, param, z, expected) = (get("lambda"), get("param"), get("z"), get("logpdf"));
    for i in 0..lambda.nrows() {
        let theta = theta(lambda[[i, 0]], param[[i, 0]]);
        let theta = Array2::from_shape_fn((z.ncols(), theta.len()), |(_, j)| theta[j]);
        let mut out = vec![0.0; z.ncols()];
        density.log_prob(&mut out, theta.view(), z.row(i).insert_axis(Axis(1)));
        for (&found, &expected) in out.iter().zip(expected.row(i)) {
            assert_relative(name, found, expected, 1e-11);
        }
    }
}

#[test]
fn laplace() {
    density("laplace", &Laplace, |_, scale| vec![0.0, scale.ln()]);
    density("laplace", &GeneralisedNormal, |_, scale| vec![0.0, scale.ln(), 0.0]);
}

#[test]
fn generalised_normal_of_shape_4() {
    density("gennorm4", &GeneralisedNormal, |_, scale| vec![0.0, scale.ln(), 4.0f64.ln()]);
}

#[test]
fn bernoulli() {
    density("bernoulli", &Bernoulli, |logit, _| vec![logit]);
}
