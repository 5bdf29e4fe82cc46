//! How sure the latents are: covariances against what samples of the model itself say.

use ivae_core::model::flow::FlowClasses;
use ivae_core::model::linear::LinearSpec;
use ivae_core::objective::ObjectiveSpec;
use ivae_core::spec::ModelKind;
use ivae_core::{DecoderKind, FitSpec, Fitted, ModelError, Posterior};
use ivae_data::{Aux, Dataset, Simulation};
use ivae_metrics::{Correlation, mcc};
use ivae_num::{Purpose, StreamKey, linalg, stream};
use ndarray::{Array1, Array2, Axis};

use super::common::{flow_mut, vae_mut};

fn data(observed: usize, noise: f64) -> Dataset<f64> {
    let simulation =
        Simulation { segments: 10, per_segment: 300, latents: 2, observed, noise, ..Simulation::default() };
    simulation.generate::<f64>().unwrap().data
}

/// One class, a few short starts.
fn fitted_flow(data: &Dataset<f64>) -> Fitted<f64> {
    let decoder = DecoderKind::Flow(FlowClasses::Square);
    let mut spec = FitSpec::for_data(&ModelKind::Ivae, Some(decoder), 2, data);
    let flow = flow_mut(&mut spec);
    flow.classes.truncate(1);
    (flow.classes[0].restarts, flow.classes[0].epochs, flow.survivors) = (4, 60, 0);
    (flow.bottleneck.objective, flow.bottleneck.epochs) = (Some(ObjectiveSpec::Reconstruction), 40);
    spec.fit(data).unwrap()
}

/// The mean over rows of (z − μ)ᵀ Σ⁻¹ (z − μ) / n: 1 where z is distributed as said.
fn misfit(z: &Array2<f64>, posterior: &Posterior<f64>) -> f64 {
    let squares = z.rows().into_iter().zip(posterior.mean.rows()).zip(posterior.covariance.outer_iter());
    let total: f64 = squares
        .map(|((z, mean), covariance)| {
            let apart = &z - &mean;
            apart.dot(&linalg::inverse(covariance).unwrap().dot(&apart))
        })
        .sum();
    total / z.len() as f64
}

#[test]
fn latents_of_a_bottleneck_lie_where_their_posterior_says() {
    let data = data(6, 0.3);
    let fitted = fitted_flow(&data);
    let drawn = fitted.sample(&data.u, 0, 1).unwrap();
    let drawn_data = Dataset { x: drawn.x, u: data.u.clone(), s: None, ..data.clone() };
    let posterior = fitted.posterior(&drawn_data).unwrap();
    assert_eq!(posterior.mean, fitted.transform(&drawn_data).unwrap());
    let misfit = misfit(&drawn.z, &posterior);
    assert!((0.6..1.7).contains(&misfit), "{misfit}");
    // The prior given u narrows the posterior.
    let alone = fitted.posterior(&Dataset { u: Aux::none(), ..drawn_data }).unwrap();
    let determinant =
        |p: &Posterior<f64>, row| linalg::slogdet(p.covariance.index_axis(Axis(0), row)).unwrap().1;
    let surer = (0..100).filter(|&row| determinant(&posterior, row) < determinant(&alone, row)).count();
    assert!(surer > 80, "{surer}");
}

/// A flow fitted to data without noise, given data whose noise is known: the mode at that noise is nearer to the sources
/// than g(x), and as far off as its covariance says.
#[test]
fn known_noise_does_not_cost_bias() {
    let quiet = data(2, 0.0);
    let fitted = fitted_flow(&quiet);
    assert!(fitted.posterior(&quiet).unwrap().covariance.iter().all(|&v| v == 0.0));
    let drawn = fitted.sample(&quiet.u, 0, 3).unwrap();
    let std = 0.05 * drawn.x.std_axis(Axis(0), 0.0);
    let mut noise = vec![0.0; drawn.x.len()];
    stream::fill_normal(&mut noise, 2, StreamKey::new(5, Purpose::Noise));
    let x = &drawn.x + &(Array2::from_shape_vec(drawn.x.dim(), noise).unwrap() * &std);
    let noisy = Dataset { x, s: None, ..quiet.clone() };
    let variances = std.mapv(|s| s * s);
    let posterior = fitted.posterior_at_noise(&noisy, variances.view()).unwrap();
    let score = |z: &Array2<f64>| mcc(drawn.z.view(), z.view(), Correlation::Pearson).unwrap().score;
    let (before, after) = (score(&fitted.transform(&noisy).unwrap()), score(&posterior.mean));
    assert!(after > before + 0.005, "{after} after {before}");
    let misfit = misfit(&drawn.z, &posterior);
    assert!((0.8..1.5).contains(&misfit), "{misfit}");
    // Without noise there is nothing to undo.
    let none = fitted.posterior_at_noise(&quiet, Array1::from_elem(2, 1e-12).view()).unwrap();
    let z = fitted.transform(&quiet).unwrap();
    assert!((&none.mean - &z).iter().all(|d| d.abs() < 1e-4));

    let refused =
        |noise: Array1<f64>| fitted.posterior_at_noise(&noisy, noise.view()).unwrap_err().to_string();
    assert_eq!(refused(Array1::zeros(2)), "the noise variance of column 0 of x is 0, but must be positive");
    assert_eq!(refused(Array1::ones(3)), "the model was fitted on 2 columns of x, but got 3");
}

#[test]
fn a_variational_posterior_is_the_one_that_was_fitted() {
    let data = data(4, 0.3);
    let mut spec = FitSpec::ivae(2);
    let vae = vae_mut(&mut spec);
    (vae.training.epochs, vae.restarts) = (40, 1);
    vae.posterior.net.hidden = vec![32];
    vae.likelihood.net.hidden = vec![32];
    for product in [false, true] {
        vae_mut(&mut spec).posterior.product_of_experts = product;
        let fitted = spec.fit(&data).unwrap();
        let drawn = fitted.sample(&data.u, 0, 1).unwrap();
        let drawn_data = Dataset { x: drawn.x, s: None, ..data.clone() };
        let posterior = fitted.posterior(&drawn_data).unwrap();
        assert_eq!(posterior.mean, fitted.transform(&drawn_data).unwrap());
        let misfit = misfit(&drawn.z, &posterior);
        assert!((0.5..2.0).contains(&misfit), "{misfit}");
        let without_u = fitted.posterior(&Dataset { u: Aux::none(), ..drawn_data });
        match product {
            true => assert!(matches!(without_u.unwrap_err(), ModelError::NeedsU(_))),
            false => assert_eq!(without_u.unwrap().covariance, posterior.covariance),
        }
    }
    let linear = FitSpec::new(2, LinearSpec::Pca).fit(&data).unwrap();
    assert!(linear.posterior(&data).is_err());
}
