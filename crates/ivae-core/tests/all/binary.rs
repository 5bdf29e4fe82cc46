//! Fits of binary x, against the true sources and against quadrature.

use ivae_core::model::linear::LinearSpec;
use ivae_core::{Estimator, FitSpec, Fitted, LikelihoodFamily};
use ivae_data::Scaling;
use ivae_data::{Aux, Dataset, Simulation};
use ivae_nn::Input;
use ndarray::{Array2, Axis};

use super::common::{self, networks, vae_mut};

fn binary() -> Dataset<f64> {
    let simulation = Simulation {
        segments: 20,
        per_segment: 250,
        latents: 3,
        observed: 30,
        layers: 1,
        discrete: true,
        ..Simulation::default()
    };
    simulation.generate().unwrap().data
}

#[test]
fn sources_of_binary_data_are_recovered_with_and_without_u() {
    let data = binary();
    let mut spec = FitSpec::auto(3, &data);
    let vae = vae_mut(&mut spec);
    assert!(vae.likelihood.family == LikelihoodFamily::Bernoulli && vae.scaling == Scaling::None);
    let fitted = spec.fit(&data).unwrap();
    let score = |z: &Array2<f64>| common::score(&data, z.view());
    let x_alone = Dataset { u: Aux::none(), ..data.clone() };
    let (with_u, without_u) = (fitted.transform(&data).unwrap(), fitted.transform(&x_alone).unwrap());
    // AJD on the same rows, for what a linear method can.
    let linear = score(&FitSpec::new(3, LinearSpec::Ajd).fit(&data).unwrap().transform(&data).unwrap());
    assert!(score(&with_u) > linear, "{} against {linear}", score(&with_u));
    assert!(score(&without_u) < score(&with_u), "u says something of every row");
    assert!(score(&without_u) > linear - 0.02, "{} against {linear}", score(&without_u));
    // The mean of p(x|z) is a probability, samples are 0 or 1 with the frequencies of the data, and x says more than u.
    let p = fitted.reconstruct(&data).unwrap();
    assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
    let drawn = fitted.sample(&data.u, 0, 1).unwrap();
    assert!(drawn.x.iter().all(|&v| v == 0.0 || v == 1.0));
    for (j, (ours, theirs)) in
        drawn.x.mean_axis(Axis(0)).unwrap().iter().zip(data.x.mean_axis(Axis(0)).unwrap()).enumerate()
    {
        assert!((ours - theirs).abs() < 0.05, "column {j}: {ours} for {theirs}");
    }
    let report = &fitted.report;
    assert!(report.objective.held_out > report.objective.u_only, "{:?}", report.objective);
    let dir = tempfile::tempdir().unwrap();
    fitted.save(dir.path()).unwrap();
    assert_eq!(Fitted::<f64>::load(dir.path()).unwrap().transform(&data).unwrap(), with_u);
}

/// p(x) of a Bernoulli model of one latent is an integral that can be done on a grid: the importance-weighted bound
/// must come close to it from below, and the ELBO below that.
#[test]
fn likelihood_bounds_against_quadrature_of_a_binary_model() {
    let simulation = Simulation {
        segments: 4,
        per_segment: 60,
        latents: 1,
        observed: 4,
        layers: 1,
        discrete: true,
        ..Simulation::default()
    };
    let data = simulation.generate::<f64>().unwrap().data;
    let fitted = FitSpec::auto(1, &data).fit(&data).unwrap();
    let (net, params) = networks(&fitted);
    let grid = Array2::from_shape_fn((4001, 1), |(i, _)| -20.0 + 0.01 * i as f64);
    let mut ws = Estimator::<f64>::workspace(&net, grid.nrows());
    net.decode(&params, grid.view(), &mut ws);
    let logits = ws.x.theta.clone();
    let levels = data.u.levels.as_ref().unwrap().index.clone();
    let mut prior = Estimator::<f64>::workspace(&net, data.rows());
    net.prior_parameters(&params, Input::levels(&levels), data.rows(), &mut prior);
    let mut exact = 0.0;
    for (i, x) in data.x.rows().into_iter().enumerate() {
        let (mean, log_var) = (prior.p.theta[[i, 0]], prior.p.theta[[i, 1]]);
        let density = |(z, l): (&f64, ndarray::ArrayView1<'_, f64>)| {
            let e = (z - mean) * (z - mean) / log_var.exp() + log_var + (2.0 * std::f64::consts::PI).ln();
            let log_px: f64 = x.iter().zip(l).map(|(x, l)| x * l - (1.0 + l.exp()).ln()).sum();
            (log_px - 0.5 * e).exp()
        };
        exact += (0.01 * grid.iter().zip(logits.rows()).map(density).sum::<f64>()).ln();
    }
    exact /= data.rows() as f64;
    let bound = fitted.log_likelihood(&data, 500, 0).unwrap();
    assert!((bound.iwae - exact).abs() < 0.005, "{bound:?}, exactly {exact}");
    // One sample per row is an ELBO with noise.
    let elbo = (0..40).map(|seed| fitted.log_likelihood(&data, 1, seed).unwrap().elbo).sum::<f64>() / 40.0;
    assert!(elbo < exact, "{elbo}, exactly {exact}");
}

#[test]
fn a_bernoulli_likelihood_needs_binary_x_as_it_is() {
    let mut data = binary();
    let mut spec = FitSpec::auto(3, &data);
    data.x[[7, 2]] = 0.5;
    let error = spec.fit(&data).unwrap_err();
    assert!(error.to_string().contains("row 7, column 2 of x is 0.5"), "{error}");
    vae_mut(&mut spec).scaling = Scaling::Whiten;
    assert!(spec.check().unwrap_err().to_string().contains("scaling"));
}
