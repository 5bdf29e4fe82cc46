//! Against trusted values: SciPy and mpmath (families), PyTorch (iVAE terms), NumPy (rank of L).

use std::fs::File;

use ivae_expfam::theory::lambda::Spectrum;
use ivae_expfam::{
    Bernoulli, Beta, Categorical, Density, ExpFam, Exponential, ExponentialPower, Gamma, Gaussian,
    GaussianForm, GeneralisedNormal, Laplace, LogNormal, Poisson, Reparam, VonMises, gaussian_kl,
};
use ndarray::{Array, Array1, Array2, ArrayD, Axis, Dimension, Ix1, Ix2, IxDyn, concatenate};
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

/// λ of the file is exact, `param` is rounded. `eta(λ, param)` is η as a user would have it, where it has one.
fn family(name: &str, family: &dyn ExpFam<f64>, eta: impl Fn(&[f64], &[f64]) -> Vec<f64>) {
    let mut golden = Golden::open("families");
    let mut get = |key: &str| golden.get::<f64, IxDyn>(&format!("{name}.{key}"));
    let row =
        |array: &ArrayD<f64>, i: usize| array.index_axis(Axis(0), i).iter().copied().collect::<Vec<f64>>();
    let (lambda, param, z, log_prob) = (get("lambda"), get("param"), get("z"), get("logpdf"));
    let (t, log_h, a) = (get("T"), get("log_h"), get("A"));
    let (mean, cov, entropy, kl_next) = (get("gradA"), get("hessA"), get("entropy"), get("kl_next"));
    let k = family.k();
    let (mut vector, mut matrix) = (vec![0.0; k], vec![0.0; k * k]);

    for i in 0..lambda.shape()[0] {
        let at = row(&lambda, i);
        assert!(family.in_domain(&at));
        assert_close("A", family.log_partition(&at), a[i], 1e-13);
        assert_close("entropy", family.entropy(&at), entropy[i], 1e-12);
        if i + 1 < lambda.shape()[0] {
            assert_close("KL", family.kl(&at, &row(&lambda, i + 1)), kl_next[i], 1e-12);
        }
        family.mean_stats(&mut vector, &at);
        assert_all("∇A", &vector, &row(&mean, i), 1e-13);
        family.fisher(&mut matrix, &at);
        assert_all("∇²A", &matrix, &row(&cov, i), 1e-12);

        let eta = eta(&at, &row(&param, i));
        family.natural(&mut vector, &eta);
        assert_all("λ", &vector, &at, 1e-13);

        let (z, t, log_h, log_prob) = (row(&z, i), row(&t, i), row(&log_h, i), row(&log_prob, i));
        let theta = Array2::from_shape_fn((z.len(), k), |(_, j)| eta[j]);
        let values = Array2::from_shape_fn((z.len(), 1), |(c, _)| z[c]);
        let mut out = vec![0.0; z.len()];
        family.log_prob(&mut out, theta.view(), values.view());
        for c in 0..z.len() {
            assert_close("log h", family.log_base(z[c]), log_h[c], 1e-13);
            family.stats(&mut vector, z[c]);
            assert_all("T", &vector, &t[c * k..(c + 1) * k], 1e-15);
            assert_close("log density", out[c], log_prob[c], 1e-11);
        }
    }
}

/// Relative, but for the rounding of terms of size 1 that cancel.
#[track_caller]
fn assert_close(what: &str, found: f64, expected: f64, tolerance: f64) {
    if (found - expected).abs() > 5e-15 {
        assert_relative(what, found, expected, tolerance);
    }
}

#[track_caller]
fn assert_all(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    found.iter().zip(expected).for_each(|(&f, &e)| assert_close(what, f, e, tolerance));
}

#[test]
fn gaussian() {
    let form = |form| Gaussian { form };
    family("gaussian_full", &form(GaussianForm::MeanVar), |_, p| vec![p[0], 2.0 * p[1].ln()]);
    family("gaussian_zero_mean", &form(GaussianForm::Var), |_, p| vec![2.0 * p[0].ln()]);
    family("gaussian_unit_var", &form(GaussianForm::Mean), |_, p| vec![p[0]]);
}

#[test]
fn exponential_power() {
    family("laplace", &ExponentialPower { location: 0.0, shape: 1.0 }, |_, p| vec![p[0].ln()]);
    family("gennorm4", &ExponentialPower { location: 0.0, shape: 4.0 }, |_, p| vec![p[0].ln()]);
}

#[test]
fn positive() {
    family("gamma", &Gamma, |_, p| vec![p[0].ln(), p[1].ln()]);
    family("exponential", &Exponential, |_, p| vec![p[0].ln()]);
    family("lognormal", &LogNormal, |_, p| vec![p[0], 2.0 * p[1].ln()]);
}

#[test]
fn bounded() {
    family("beta", &Beta, |_, p| vec![p[0].ln(), p[1].ln()]);
    family("von_mises", &VonMises, |lambda, _| lambda.to_vec());
}

#[test]
fn discrete() {
    family("bernoulli", &Bernoulli, |lambda, _| lambda.to_vec());
    family("poisson", &Poisson, |lambda, _| lambda.to_vec());
    family("categorical4", &Categorical { count: 4 }, |lambda, _| lambda.to_vec());
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
    let mut golden = Golden::open("families");
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
