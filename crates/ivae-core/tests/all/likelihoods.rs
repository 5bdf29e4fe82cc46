//! Fits with every likelihood: samples, reconstructions, bounds, baselines, files.

use ivae_core::likelihood::are_counts;
use ivae_core::{FitSpec, Fitted, LikelihoodFamily, ModelKind};
use ivae_data::{Aux, Dataset, Simulation};
use ivae_expfam::Categorical;
use ndarray::{Array2, Axis, array};

use super::common::{self, vae_mut};

/// Two latents in 6 columns that the likelihood takes.
fn data(likelihood: &LikelihoodFamily) -> Dataset<f64> {
    let simulation =
        Simulation { segments: 6, per_segment: 50, latents: 2, observed: 6, ..Simulation::default() };
    let mut data = simulation.generate().unwrap().data;
    common::suit(&mut data.x, likelihood);
    data
}

/// A short fit with the settings that suit the likelihood.
fn fit(data: &Dataset<f64>, likelihood: LikelihoodFamily) -> Fitted<f64> {
    let mut spec = FitSpec::ivae(2);
    vae_mut(&mut spec).set_likelihood(likelihood);
    vae_mut(&mut spec).restarts = 1;
    vae_mut(&mut spec).training.epochs = 4;
    spec.fit(data).unwrap()
}

#[test]
fn every_likelihood_fits_samples_reconstructs_and_is_saved() {
    for (likelihood, name) in common::likelihoods(6) {
        let data = data(&likelihood);
        let fitted = fit(&data, likelihood.clone());
        let drawn = fitted.sample(&data.u, 0, 1).unwrap();
        likelihood.part::<f64>().check_x(drawn.x.view()).unwrap();
        let back = fitted.reconstruct(&data).unwrap();
        assert!(back.dim() == data.x.dim() && back.iter().all(|v| v.is_finite()), "{name}");
        let found = fitted.log_likelihood(&data, 20, 0).unwrap();
        assert!(found.elbo.is_finite() && found.iwae.is_finite(), "{name}: {found:?}");
        let objective = &fitted.report.objective;
        assert!(objective.u_only.is_some_and(f64::is_finite), "{name}: {objective:?}");
        let z = fitted.transform(&data).unwrap();
        let dir = tempfile::tempdir().unwrap();
        fitted.save(dir.path()).unwrap();
        let loaded = Fitted::<f64>::load(dir.path()).unwrap();
        assert_eq!(loaded.transform(&data).unwrap(), z, "{name}");
        assert_eq!(loaded.log_likelihood(&data, 20, 0).unwrap(), found, "{name}");
        assert_eq!(loaded.sample(&data.u, 0, 1).unwrap().x, drawn.x, "{name}");
    }
}

#[test]
fn values_outside_the_support_are_refused_with_their_place() {
    for (likelihood, name) in common::likelihoods(6) {
        let mut data = data(&likelihood);
        let fitted = fit(&data, likelihood.clone());
        data.x[[7, 2]] = -1.5;
        let Err(expected) = likelihood.part::<f64>().check_x(data.x.view()) else { continue };
        let expected = expected.to_string();
        assert!(expected.contains("row 7, column 2 of x is -1.5"), "{expected}");
        assert_eq!(fitted.spec.fit(&data).unwrap_err().to_string(), expected, "{name}");
        assert_eq!(fitted.transform(&data).unwrap_err().to_string(), expected, "{name}");
        assert_eq!(fitted.log_likelihood(&data, 1, 0).unwrap_err().to_string(), expected, "{name}");
    }
}

#[test]
fn small_whole_numbers_with_zeros_are_counts() {
    assert!(are_counts(array![[0.0, 3.0], [7.0, 1.0]].view()));
    for other in [
        array![[0.0, 1.0], [1.0, 1.0]],
        array![[1.0, 3.0], [7.0, 1.0]],
        array![[0.0, 3.5], [7.0, 1.0]],
        array![[0.0, -3.0], [7.0, 1.0]],
        array![[0.0, 3000.0], [7.0, 1.0]],
        array![[0.0, f64::NAN], [7.0, 1.0]],
    ] {
        assert!(!are_counts(other.view()), "{other}");
    }
}

/// Rates of one factor of e or so in 20 columns, from two sources whose scales vary with u; `draw` gives the counts.
fn counts(draw: impl Fn(f64, f64) -> f64) -> Dataset<f64> {
    let simulation = Simulation {
        segments: 20,
        per_segment: 150,
        latents: 2,
        observed: 20,
        layers: 1,
        centred: false,
        ..Simulation::default()
    };
    let mut data = simulation.generate::<f64>().unwrap().data;
    let std = data.x.std_axis(Axis(0), 0.0);
    let mean = data.x.mean_axis(Axis(0)).unwrap();
    let log_rates: Array2<f64> = (&data.x - &mean) / &std + 1.0;
    let noise = common::normals(data.rows(), 20, ivae_num::StreamKey::new(1, ivae_num::Purpose::Noise));
    data.x = ndarray::Zip::from(&log_rates).and(&noise).map_collect(|l, e| draw(l.exp(), *e));
    data
}

/// The square root of a Poisson count is nearly normal, of variance 1/4.
fn poisson_like(rate: f64, normal: f64) -> f64 {
    (rate.sqrt() + 0.5 * normal).max(0.0).powi(2).round()
}

#[test]
fn sources_of_counts_are_recovered_with_and_without_u() {
    let data = counts(poisson_like);
    let mut spec = FitSpec::auto(2, &data);
    assert_eq!(vae_mut(&mut spec).likelihood.family, LikelihoodFamily::Poisson);
    assert_eq!(spec, FitSpec::for_data(&ModelKind::Ivae, None, 2, &data));
    vae_mut(&mut spec).training.epochs = 30;
    let fitted = spec.fit(&data).unwrap();
    let score = |z: &Array2<f64>| common::score(&data, z.view());
    let x_alone = Dataset { u: Aux::none(), ..data.clone() };
    let (with_u, without_u) = (fitted.transform(&data).unwrap(), fitted.transform(&x_alone).unwrap());
    assert!(score(&with_u) > 0.97 && score(&without_u) > 0.95, "{} {}", score(&with_u), score(&without_u));
    // Samples have the means of the data, reconstructions are closer to the counts than their means.
    let drawn = fitted.sample(&data.u, 0, 1).unwrap();
    for (ours, theirs) in drawn.x.mean_axis(Axis(0)).unwrap().iter().zip(data.x.mean_axis(Axis(0)).unwrap()) {
        assert!((ours / theirs - 1.0).abs() < 0.15, "{ours} for {theirs}");
    }
    let left = (&fitted.reconstruct(&data).unwrap() - &data.x).mapv(|v| v * v).mean().unwrap();
    assert!(left < 0.5 * data.x.var_axis(Axis(0), 0.0).mean().unwrap());
    assert!(fitted.report.objective.held_out > fitted.report.objective.u_only);
}

#[test]
fn likelihoods_are_read_from_text() {
    let names: Vec<String> = ["a", "b", "c1", "c2", "c3"].map(String::from).to_vec();
    let parse = |text: &str| LikelihoodFamily::parse(text, &names);
    assert_eq!(parse("poisson").unwrap(), LikelihoodFamily::Poisson);
    let five = LikelihoodFamily::Categorical(Categorical { count: 5 });
    assert_eq!(parse("categorical:5").unwrap(), five);
    let LikelihoodFamily::Mixed(mixed) = parse("a, c1..c2=poisson,c3=categorical:5").unwrap() else {
        panic!("a list is mixed")
    };
    let found: Vec<_> = mixed.parts.iter().map(|part| (part.columns.as_slice(), &part.likelihood)).collect();
    let gauss = LikelihoodFamily::from_name("gauss").unwrap();
    let expected: [(&[usize], _); 3] =
        [(&[0, 2, 3], &LikelihoodFamily::Poisson), (&[4], &five), (&[1], &gauss)];
    assert_eq!(found, expected);
    for (text, why) in [
        ("poison", "give one of gauss"),
        ("poisson:3", "give one of gauss"),
        ("a=poisson,a=gauss", "column `a` has two likelihoods"),
        ("a=poisson,b", "`b` has no likelihood"),
        ("d=poisson", "d"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
    // The data say how many categories there are.
    let x = array![[0.5, 3.0], [0.1, 0.0]];
    let names = &names[..2];
    let LikelihoodFamily::Mixed(mixed) =
        LikelihoodFamily::parse("b=categorical", names).unwrap().for_x(x.view())
    else {
        panic!("a list is mixed")
    };
    assert_eq!(mixed.parts[0].likelihood, LikelihoodFamily::Categorical(Categorical { count: 4 }));
}

#[test]
fn a_mixed_likelihood_standardises_what_is_continuous() {
    let mut data = data(&LikelihoodFamily::from_name("gauss").unwrap());
    let names = data.x_names.clone();
    let likelihood = LikelihoodFamily::parse("x1..x2=poisson", &names).unwrap();
    common::suit(&mut data.x, &likelihood);
    data.x.column_mut(4).mapv_inplace(|v| 1000.0 * v + 7.0);
    let fitted = fit(&data, likelihood);
    let scaled = fitted.scaler.apply(data.x.view());
    assert_eq!(scaled.column(0), data.x.column(0));
    assert!((scaled.column(4).std(0.0) - 1.0).abs() < 0.1);
    // Every column in its own unit again.
    let drawn = fitted.sample(&data.u, 0, 1).unwrap().x;
    assert!(drawn.column(0).iter().all(|v| v.fract() == 0.0) && drawn.column(4).std(0.0) > 300.0);
    let LikelihoodFamily::Mixed(mut mixed) =
        fitted.spec.model.clone().as_vae_mut().unwrap().likelihood.family.clone()
    else {
        panic!("mixed")
    };
    mixed.parts[0].columns.push(3);
    let error = LikelihoodFamily::Mixed(mixed).part::<f64>().check_x(data.x.view()).unwrap_err();
    assert!(error.to_string().contains("column 3 of x (counted from 0) has 2 likelihoods"), "{error}");
}
