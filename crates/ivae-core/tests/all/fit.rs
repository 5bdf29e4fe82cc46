//! Fits against the truth: exact likelihoods, true sources, the same bytes, and what is reported when it goes wrong.

use ivae_core::likelihood::VarianceSpec;
use ivae_core::model::flow::{FlowClasses, FlowModelSpec};
use ivae_core::model::linear::LinearSpec;
use ivae_core::model::vae::VaeSpec;
use ivae_core::prior::PriorSpec;
use ivae_core::spec::{ModelKind, SplitSpec};
use ivae_core::theta::ThetaSpec;
use ivae_core::train::Ending;
use ivae_core::{
    DecoderKind, EpochRecord, Estimator, Family, FitError, FitSpec, Fitted, LikelihoodFamily, ModelSpec,
    Observer, Silent, fit, fit_owned, fit_split,
};
use ivae_data::Scaling;
use ivae_data::{Aux, DataError, Dataset, Levels, Simulation, Split};
use ivae_metrics::{Correlation, mcc};
use ivae_nn::{Activation, MlpSpec};
use ivae_num::linalg;
use ndarray::{Array1, Array2, Axis};

use super::common::{flow_mut, networks, score, vae_mut};

pub(crate) fn simulated(latents: usize, observed: usize, per_segment: usize) -> Dataset<f64> {
    let simulation = Simulation {
        segments: 8,
        per_segment,
        latents,
        observed,
        layers: 2,
        centred: false,
        ..Simulation::default()
    };
    simulation.generate().unwrap().data
}

/// A variational model of small networks, trained for a few epochs.
pub(crate) fn quick(latents: usize) -> FitSpec {
    let mut spec = FitSpec::ivae(latents);
    let vae = vae_mut(&mut spec);
    vae.restarts = 2;
    vae.training.epochs = 4;
    vae.training.step.batch = 64;
    vae.posterior.net.hidden = vec![16];
    vae.likelihood.net.hidden = vec![16];
    spec
}

/// The same training of the model without u.
pub(crate) fn quick_vae(latents: usize) -> FitSpec {
    let VaeSpec { training, restarts, .. } = vae_mut(&mut quick(latents)).clone();
    FitSpec::new(latents, VaeSpec { training, restarts, ..VaeSpec::vae() })
}

/// Probabilistic PCA (Tipping & Bishop 1999): with linear maps p(x) = N(b, W Wᵀ + diag σ²) exactly. The posterior is
/// Gaussian, so the importance-weighted bound must come close to the true log-density from below, and the ELBO below it.
#[test]
fn likelihood_bounds_against_the_exact_density_of_a_linear_model() {
    let data = simulated(2, 3, 60);
    let mut spec = quick(2);
    let vae = vae_mut(&mut spec);
    let linear = MlpSpec { hidden: vec![], activation: Activation::Identity, skip: false };
    vae.posterior.net = linear.clone();
    vae.likelihood.net = linear;
    vae.likelihood.family =
        LikelihoodFamily::Gaussian(VarianceSpec::PerDimension { start: 0.3, floor: 1e-3 });
    vae.prior = PriorSpec { family: Family::GaussianMean.into(), parameters: ThetaSpec::Fixed(0.0) };
    vae.scaling = Scaling::Standardise;
    vae.training.epochs = 30;
    let fitted = spec.fit(&data).unwrap();

    // p(x) in scaled coordinates, from the decoder at 0 and at the unit vectors.
    let (net, params) = networks(&fitted);
    let mut ws = Estimator::<f64>::workspace(&net, 3);
    let z = ndarray::arr2(&[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]);
    net.decode(&params, z.view(), &mut ws);
    let at = |i: usize| Array1::from_shape_fn(3, |j| ws.x.theta[[i, j]]);
    let (b, w1, w2) = (at(0), at(1) - at(0), at(2) - at(0));
    let covariance = Array2::from_shape_fn((3, 3), |(i, j)| {
        w1[i] * w1[j] + w2[i] * w2[j] + if i == j { ws.x.theta[[0, 3 + i]].exp() } else { 0.0 }
    });
    let (_, log_det) = linalg::slogdet(covariance.view()).unwrap();
    let x = &fitted.scaler.apply(data.x.view()) - &b;
    let solved = linalg::solve(covariance.view(), x.t()).unwrap();
    let quadratic = (&x * &solved.t()).sum() / x.nrows() as f64;
    let exact =
        -0.5 * (quadratic + log_det + 3.0 * (2.0 * std::f64::consts::PI).ln()) + fitted.scaler.log_abs_det();

    let bound = fitted.log_likelihood(&data, 500, 0).unwrap();
    assert!(bound.elbo <= bound.iwae, "{bound:?}");
    assert!((bound.iwae - exact).abs() < 0.01, "{bound:?}, exactly {exact}");
}

#[test]
fn two_sources_with_varying_means_and_variances_are_recovered() {
    let data = simulated(2, 2, 400);
    let mut spec = FitSpec::for_data(&ModelKind::Ivae, Some(DecoderKind::Mlp), 2, &data);
    let vae = vae_mut(&mut spec);
    vae.restarts = 2;
    vae.posterior.net.hidden = vec![32, 32];
    vae.likelihood.net.hidden = vec![32, 32];
    let fitted = spec.fit(&data).unwrap();
    let ours = score(&data, fitted.transform(&data).unwrap().view());
    let pca = FitSpec::new(2, LinearSpec::Pca).fit(&data).unwrap();
    let linear = score(&data, pca.transform(&data).unwrap().view());
    assert!(ours > 0.97, "MCC {ours}");
    assert!(ours > linear + 0.05, "no better than PCA: {ours} against {linear}");
    let id = fitted.report.identifiability.unwrap();
    assert_eq!((id.k, id.needed, id.rank, id.distinct_u), (2, 5, 4, 8));
    assert!(fitted.report.collapse.unwrap().collapsed.is_empty());
}

/// Exact likelihood finds the truth itself, not its neighbourhood.
#[test]
fn a_flow_recovers_the_sources() {
    let simulation = Simulation {
        segments: 20,
        per_segment: 200,
        latents: 2,
        observed: 2,
        layers: 3,
        seed: 4,
        ..Simulation::default()
    };
    let data = simulation.generate::<f64>().unwrap().data;
    let spec = FitSpec::auto(2, &data);
    assert!(matches!(spec.model, ModelSpec::Flow(_)), "n = d and a categorical u: the default is a flow");
    let fitted = spec.fit(&data).unwrap();
    let z = fitted.transform(&data).unwrap();
    let score = score(&data, z.view());
    assert!(score > 0.995, "MCC {score}, restarts {:?}", fitted.report.restarts);
    // The means do not vary: what remains is k = 1, and no better is known of it.
    let id = fitted.report.identifiability.as_ref().unwrap();
    let check = id.check.as_ref().unwrap();
    assert_eq!((id.k, id.needed), (1, 3), "{check}");
    assert!(check.class >= ivae_expfam::Class::ComponentWise, "{check}");
    assert!(
        !fitted.report.warnings.iter().any(|w| w.to_string().contains("identifiable")),
        "{:?}",
        fitted.report.warnings
    );
    // The network is a bijection, and sampling goes through its inverse.
    let back = fitted.reconstruct(&data).unwrap();
    assert!((&back - &data.x).iter().all(|v| v.abs() < 1e-6));
    let drawn = fitted.sample(&data.u, 0, 1).unwrap();
    for j in 0..2 {
        let (ours, theirs) = (drawn.x.column(j).std(0.0), data.x.column(j).std(0.0));
        assert!((ours / theirs - 1.0).abs() < 0.1, "column {j}: {ours} for {theirs}");
    }
    let likelihood = fitted.log_likelihood(&data, 1, 0).unwrap();
    assert_eq!(likelihood.elbo, likelihood.iwae, "nothing is approximated");
    let dir = tempfile::tempdir().unwrap();
    fitted.save(dir.path()).unwrap();
    assert_eq!(Fitted::<f64>::load(dir.path()).unwrap().transform(&data).unwrap(), z);
}

/// With fewer latents than columns a bottleneck comes first; the fit says what it keeps and how sure the search is.
#[test]
fn a_flow_of_a_bottleneck_recovers_the_sources() {
    let simulation = Simulation {
        segments: 20,
        per_segment: 200,
        latents: 2,
        observed: 4,
        seed: 4,
        ..Simulation::default()
    };
    let data = simulation.generate::<f32>().unwrap().data;
    let decoder = DecoderKind::Flow(FlowClasses::Square);
    let mut spec = FitSpec::for_data(&ModelKind::Ivae, Some(decoder), 2, &data);
    flow_mut(&mut spec).bottleneck.net.hidden = vec![64, 64];
    let fitted = spec.fit(&data).unwrap();
    let z = fitted.transform(&data).unwrap();
    let sources = data.s.as_ref().unwrap();
    let score = mcc(sources.view(), z.view(), Correlation::Pearson).unwrap().score;
    assert!(score > 0.98, "MCC {score}, {:?}", fitted.report);
    let kept = fitted.report.bottleneck.unwrap();
    assert!(kept.lost_variance < 0.01 && kept.round_trip < 0.01, "{kept:?}");
    let search = fitted.report.search.clone().unwrap();
    assert!(search.starts_in_basin >= 2 && search.agreement.unwrap() > 0.97, "{search:?}");
    let back = fitted.reconstruct(&data).unwrap();
    let error =
        (&back - &data.x).mapv(|v| v * v).mean().unwrap() / data.x.var_axis(Axis(0), 0.0).mean().unwrap();
    assert!(error < 0.01, "reconstruction error {error}");
    assert_eq!(fitted.sample(&data.u, 0, 1).unwrap().x.dim(), data.x.dim());
    let error = fitted.log_likelihood(&data, 1, 0).unwrap_err().to_string();
    assert!(error.contains("manifold"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    fitted.save(dir.path()).unwrap();
    assert_eq!(Fitted::<f32>::load(dir.path()).unwrap().transform(&data).unwrap(), z);
}

#[test]
fn more_latents_than_columns_are_refused() {
    for spec in [FitSpec::new(4, FlowModelSpec::new(4, 3, FlowClasses::Square)), quick(4)] {
        let error = spec.fit(&simulated(2, 3, 40)).unwrap_err();
        assert!(error.to_string().contains('4') && error.to_string().contains('3'), "{error}");
    }
}

#[test]
fn a_fit_in_the_memory_of_the_data_is_the_same_fit() {
    let data = simulated(2, 4, 60);
    let split = SplitSpec { block: Some(7), ..SplitSpec::default() };
    let linear = FitSpec::new(2, LinearSpec::FastIca);
    for spec in [quick(2), FitSpec { split, ..quick(2) }, linear] {
        let (lent, given) = (spec.fit(&data).unwrap(), fit_owned(data.clone(), &spec, &Silent).unwrap());
        assert_eq!(lent.transform(&data).unwrap(), given.transform(&data).unwrap());
        assert_eq!(lent.split, given.split);
        assert_eq!(lent.split.train.len() + lent.split.held_out.len(), data.rows());
        let again = fit_split(&data, &lent.split, &spec, &Silent).unwrap();
        assert_eq!(lent.transform(&data).unwrap(), again.transform(&data).unwrap());
        assert_eq!((lent.split, lent.report.warnings), (again.split, again.report.warnings));
    }
    // A split of the caller's own, of some rows in an order of their own.
    let some = Split { train: (0..data.rows()).rev().step_by(2).collect(), held_out: vec![1, 3, 5] };
    assert_eq!(fit_split(&data, &some, &quick(2), &Silent).unwrap().split, some);
}

#[test]
fn samples_at_the_u_of_the_data_have_the_moments_of_the_data() {
    let data = simulated(2, 3, 200);
    let mut spec = quick(2);
    vae_mut(&mut spec).training.epochs = 60;
    let fitted = spec.fit(&data).unwrap();
    let drawn = fitted.sample(&data.u, 0, 1).unwrap();
    assert_eq!(drawn.x.dim(), data.x.dim());
    let moments = |x: &Array2<f64>| (x.mean_axis(Axis(0)).unwrap(), x.std_axis(Axis(0), 0.0));
    let ((mean, std), (drawn_mean, drawn_std)) = (moments(&data.x), moments(&drawn.x));
    for j in 0..3 {
        assert!(
            (drawn_mean[j] - mean[j]).abs() < 0.1 * std[j],
            "mean {j}: {} for {}",
            drawn_mean[j],
            mean[j]
        );
        assert!((drawn_std[j] / std[j] - 1.0).abs() < 0.1, "std {j}: {} for {}", drawn_std[j], std[j]);
    }
    assert_eq!(fitted.sample(&data.u, 0, 1).unwrap().x, drawn.x, "the same seed draws the same");
}

#[test]
fn a_fit_that_blows_up_is_an_error_and_not_a_model_of_nan() {
    let data = simulated(2, 2, 40);
    let mut spec = quick(2);
    let training = &mut vae_mut(&mut spec).training;
    training.learning_rate = 1e12;
    training.step.clip_norm = None;
    let error = spec.fit(&data).unwrap_err();
    assert!(matches!(error, FitError::NotFinite { restarts: 2, .. }), "{error}");
}

#[test]
fn early_stopping_keeps_the_best_epoch() {
    let data = simulated(2, 2, 30);
    let mut spec = quick(2);
    let vae = vae_mut(&mut spec);
    vae.training.epochs = 400;
    vae.training.step.patience = Some(3);
    vae.restarts = 1;
    let fitted = spec.fit(&data).unwrap();
    let restart = &fitted.report.restarts[0];
    assert_eq!(restart.ending, Ending::EarlyStopped);
    assert_eq!(
        fitted.history.len(),
        restart.best_epoch + 4,
        "patience 3: the fourth epoch without progress ends it"
    );
    let best = fitted.history.iter().map(EpochRecord::validation).fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(fitted.history[restart.best_epoch - 1].validation(), best);
}

struct StopAfter(std::sync::atomic::AtomicUsize);

impl Observer for StopAfter {
    fn epoch(&self, _: &EpochRecord) {
        self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
    fn stop(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::Relaxed) == 0
    }
}

#[test]
fn the_observer_can_stop_a_fit() {
    let data = simulated(2, 2, 40);
    let mut spec = quick(2);
    vae_mut(&mut spec).restarts = 1;
    let error = fit(&data, &spec, &StopAfter(2.into())).unwrap_err();
    assert!(matches!(error, FitError::Interrupted { epochs: 2 }), "{error}");
}

#[test]
fn impossible_requests_are_refused_before_any_work() {
    let data = simulated(2, 2, 40);
    let one_level = Dataset { u: Levels::from_integers(&vec![3; data.rows()]).into(), ..data.clone() };
    let refused = |spec: &FitSpec, data: &Dataset<f64>| fit(data, spec, &Silent).unwrap_err();
    assert!(matches!(refused(&quick(2), &one_level), FitError::Data(DataError::OneLevel { .. })));
    assert!(matches!(
        refused(&quick(3), &data),
        FitError::Data(DataError::Latents { latents: 3, observed: 2 })
    ));
    let mut spec = quick(2);
    vae_mut(&mut spec).training.learning_rate = f64::NAN;
    assert!(matches!(refused(&spec, &data), FitError::Spec(_)));
    let mut spec = quick(2);
    spec.split.held_out = 0.0;
    assert!(refused(&spec, &data).to_string().contains("held-out"), "two restarts cannot be told apart");
}

#[test]
fn a_vae_without_u_is_reported_as_not_identifiable() {
    let fitted = quick_vae(2).fit(&simulated(2, 2, 40)).unwrap();
    assert!(fitted.report.identifiability.as_ref().unwrap().verdict.starts_with("not identifiable"));
    // Its latents need no u.
    let data = Dataset { u: Aux::none(), ..simulated(2, 2, 40) };
    assert!(fitted.transform(&data).is_ok());
}

/// Where the noise is held far above x, no start and no warm-up makes a latent pay for itself.
#[test]
fn collapse_is_tried_again_a_few_times_and_reported() {
    let data = simulated(2, 4, 60);
    let mut spec = quick(2);
    let vae = vae_mut(&mut spec);
    vae.likelihood.family = LikelihoodFamily::Gaussian(VarianceSpec::Fixed(100.0));
    vae.posterior.product_of_experts = true;
    (vae.training.learning_rate, vae.training.epochs) = (0.02, 60);
    let fitted = spec.fit(&data).unwrap();
    let collapse = fitted.report.collapse.as_ref().unwrap();
    assert_eq!(collapse.collapsed.len(), 2, "{collapse:?}");
    assert_eq!((collapse.retries, fitted.report.restarts.len()), (2, 2 + 2), "attempts are counted");
    let warnings = &fitted.report.warnings;
    assert!(warnings.iter().any(|w| w.to_string().contains("in 2 more attempts too")), "{warnings:?}");
    let again = spec.fit(&data).unwrap();
    assert_eq!(fitted.model.arrays(), again.model.arrays(), "the same attempts again");
}

/// Restarts are compared by what [`Fitted::log_likelihood`] calls the importance-weighted bound.
#[test]
fn restarts_are_kept_by_the_held_out_importance_weighted_bound() {
    let data = simulated(2, 4, 60);
    let fitted = quick(2).fit(&data).unwrap();
    let held_out = data.select_rows(&fitted.split.held_out);
    let bound = fitted.log_likelihood(&held_out, 400, 3).unwrap();
    let report = &fitted.report;
    let score = report.restarts[report.chosen as usize].objective.unwrap();
    assert!(report.restarts.iter().all(|r| r.objective.unwrap() <= score), "{:?}", report.restarts);
    assert!(score > report.objective.held_out.unwrap(), "tighter than the ELBO");
    assert!((score - bound.iwae).abs() < 0.1, "{score}, by 400 samples {}", bound.iwae);
}
