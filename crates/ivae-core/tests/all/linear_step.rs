//! Linear ICA in the pipeline: the linear step, taken where the theorems leave a linear map of the latents free and nowhere
//! else, and the linear models.

use ivae_core::model::flow::FlowClasses;
use ivae_core::model::linear::LinearSpec;
use ivae_core::spec::ModelKind;
use ivae_core::{DecoderKind, Family, FitSpec, Fitted, Warning};
use ivae_data::{Dataset, Levels};
use ivae_expfam::Class;
use ivae_num::{Purpose, StreamKey};
use ndarray::{Array2, array};

use super::common::{self, flow_mut};

fn normals(rows: usize, columns: usize, part: u64) -> Array2<f64> {
    common::normals(rows, columns, StreamKey::new(3, Purpose::Generate).step(part))
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
    Dataset { u: Levels { index, names }.into(), s: Some(s), ..Dataset::new(x) }
}

fn fitted(data: &Dataset<f64>, prior: Option<Family>) -> Fitted<f64> {
    let decoder = DecoderKind::Flow(FlowClasses::Square);
    let mut spec = FitSpec::for_data(&ModelKind::Ivae, Some(decoder), 3, data);
    let flow = flow_mut(&mut spec);
    flow.prior = prior.map(Into::into);
    flow.classes.truncate(1);
    (flow.classes[0].restarts, flow.classes[0].epochs, flow.refine_epochs) = (2, 60, 60);
    spec.fit(data).unwrap()
}

fn score(fitted: &Fitted<f64>, data: &Dataset<f64>) -> f64 {
    common::score(data, fitted.transform(data).unwrap().view())
}

#[test]
fn a_rotation_that_the_theorem_leaves_free_is_removed() {
    let data = means_that_vary();
    let mut found = fitted(&data, Some(Family::GaussianMean));
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
    let again = Dataset { u: data.u.clone(), ..Dataset::new(drawn.x.clone()) };
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
    assert_eq!((search.starts_in_basin, search.starts), (2, 2), "{search:?}");
    assert!(!found.report.warnings.iter().any(|w| matches!(w, Warning::StartsDisagree { .. })));
}

#[test]
fn latents_that_are_identified_further_are_left_alone() {
    let data = means_that_vary();
    let found = fitted(&data, None);
    let step = found.report.linear_step.as_ref().unwrap();
    assert!(!step.applied && found.step.is_none() && step.converged.is_none());
    assert!(step.reason.to_string().contains("could only undo"), "{}", step.reason);
    // Models that make no claim say nothing.
    let linear = FitSpec::new(3, LinearSpec::FastIca).fit(&data).unwrap();
    assert_eq!(linear.report.linear_step, None);
}

#[test]
fn fastica_gives_way_to_picard_where_it_does_not_converge_and_says_so() {
    // Noise, in which there is nothing to converge to but by chance.
    let fits: Vec<Fitted<f64>> = (0..20)
        .map(|part| FitSpec::new(6, LinearSpec::FastIca).fit(&Dataset::new(normals(100, 6, part))).unwrap())
        .collect();
    let gave_way = |fit: &&Fitted<f64>| {
        fit.report.warnings.iter().any(|w| w.to_string().contains("components of picard"))
    };
    let count = fits.iter().filter(gave_way).count();
    assert!((1..20).contains(&count), "{count} of 20");
}
