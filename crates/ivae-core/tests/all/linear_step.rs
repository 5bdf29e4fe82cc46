//! Linear ICA in the pipeline: the linear step, taken where the theorems leave a linear map of the latents free and nowhere
//! else, and the linear models.

use ivae_core::spec::DecoderSpec;
use ivae_core::{DecoderKind, FitSpec, Fitted, ModelKind};
use ivae_data::{Aux, Dataset, Levels};
use ivae_expfam::{Class, GaussianForm};
use ivae_metrics::{Correlation, mcc};
use ivae_num::{Purpose, StreamKey, stream};
use ndarray::{Array2, array};

fn normals(rows: usize, columns: usize, part: u64) -> Array2<f64> {
    let mut flat = vec![0.0; rows * columns];
    stream::fill_normal(&mut flat, columns, StreamKey::new(3, Purpose::Generate).step(part));
    Array2::from_shape_vec((rows, columns), flat).unwrap()
}

/// Three sources of variance 1 given u, whose means are uniform over 300 levels of u of 15 rows each, in a smooth mixing.
fn means_that_vary() -> Dataset<f64> {
    let (levels, each) = (300, 15);
    let (g, noise) = (normals(levels, 6, 1), normals(levels * each, 3, 2));
    let mean = |u: usize, j: usize| g[[u, j]].atan2(g[[u, 3 + j]]) * 5.0 / std::f64::consts::PI;
    let s = Array2::from_shape_fn(noise.dim(), |(i, j)| mean(i / each, j) + noise[[i, j]]);
    let first = array![[0.6, -0.5, 0.2], [0.3, 0.5, -0.6], [-0.4, 0.3, 0.6]];
    let second = array![[1.0, 0.2, -0.3], [-0.4, 0.9, 0.1], [0.3, 0.4, 1.1]];
    let x = s.dot(&first.t()).mapv(|h| h + h.tanh()).dot(&second.t());
    let names = (0..levels).map(|u| u.to_string()).collect();
    let index = (0..levels * each).map(|i| (i / each) as u32).collect();
    Dataset { u: Aux::Levels(Levels { index, names }), s: Some(s), ..Dataset::from_x(x) }
}

fn fitted(data: &Dataset<f64>, form: GaussianForm) -> Fitted<f64> {
    let mut spec = FitSpec::for_data(ModelKind::Ivae, Some(DecoderKind::Square), 3, data);
    spec.vae.prior.form = form;
    let DecoderSpec::Bijective(b) = &mut spec.decoder else { panic!("a square decoder is bijective") };
    b.classes.truncate(1);
    (b.classes[0].restarts, b.classes[0].epochs, b.polish_epochs) = (2, 60, 60);
    spec.fit(data).unwrap()
}

fn score(fitted: &Fitted<f64>, data: &Dataset<f64>) -> f64 {
    let z = fitted.transform(data).unwrap();
    mcc(data.s.as_ref().unwrap().view(), z.view(), Correlation::Pearson).unwrap().score
}

#[test]
fn a_rotation_that_the_theorem_leaves_free_is_removed() {
    let data = means_that_vary();
    let mut found = fitted(&data, GaussianForm::Mean);
    let check = found.report.identifiability.as_ref().unwrap().check.as_ref().unwrap();
    assert_eq!((check.class, check.at_best), (Class::Affine, Class::Affine), "{check}");
    let step = found.report.linear_step.clone().unwrap();
    assert!(step.applied && step.converged == Some(true), "{step:?}");
    assert!(step.agreement.unwrap() > 0.95 && step.iterations.unwrap() > 0, "{step:?}");

    let after = score(&found, &data);
    let z = found.transform(&data).unwrap();
    let x = found.inverse_transform(z.view()).unwrap();
    assert!((&x - &data.x).iter().all(|d| d.abs() < 1e-6), "the step is not undone");
    let drawn = found.sample(&data.u, 0, 1).unwrap();
    let again = Dataset { u: data.u.clone(), ..Dataset::from_x(drawn.x.clone()) };
    assert!(
        (found.transform(&again).unwrap() - &drawn.z).iter().all(|d| d.abs() < 1e-6),
        "samples miss the step"
    );

    let dir = tempfile::tempdir().unwrap();
    found.save(dir.path()).unwrap();
    let loaded = Fitted::<f64>::load(dir.path()).unwrap();
    assert_eq!((&loaded.step, &loaded.report.linear_step), (&found.step, &found.report.linear_step));
    assert_eq!(loaded.transform(&data).unwrap(), z);

    found.step = None;
    let before = score(&found, &data);
    assert!(after > 0.97 && before < 0.9, "MCC {before} before the step, {after} after");

    // Starts that differ by the rotation that is free agree: no better basin is to be looked for.
    let search = found.report.search.as_ref().unwrap();
    assert_eq!((search.reached, search.starts), (2, 2), "{search:?}");
    assert!(!found.report.warnings.iter().any(|w| w.contains("starts of the class")));
}

#[test]
fn what_is_identified_further_is_left_alone() {
    let data = means_that_vary();
    let found = fitted(&data, GaussianForm::MeanVar);
    let step = found.report.linear_step.as_ref().unwrap();
    assert!(!step.applied && found.step.is_none() && step.converged.is_none());
    assert!(step.reason.contains("could only undo"), "{}", step.reason);
    // Models that make no claim say nothing.
    let linear = FitSpec::linear(ModelKind::FastIca, 3).fit(&data).unwrap();
    assert_eq!(linear.report.linear_step, None);
}

#[test]
fn fastica_gives_way_to_picard_where_it_does_not_converge_and_says_so() {
    // Noise, in which there is nothing to converge to but by chance.
    let fits: Vec<Fitted<f64>> = (0..20)
        .map(|part| {
            FitSpec::linear(ModelKind::FastIca, 6).fit(&Dataset::from_x(normals(100, 6, part))).unwrap()
        })
        .collect();
    let gave_way =
        |fit: &&Fitted<f64>| fit.report.warnings.iter().any(|w| w.contains("components of picard"));
    let count = fits.iter().filter(gave_way).count();
    assert!((1..20).contains(&count), "{count} of 20");
}
