//! Models whose likelihood is known: a linear decoder with known Gaussian noise and a Gaussian prior by level.

use ivae_core::likelihood::VarianceSpec;
use ivae_core::model::vae::{LikelihoodSpec, Vae, VaeSpec, WarmStart};
use ivae_core::objective::ObjectiveSpec;
use ivae_core::posterior::PosteriorSpec;
use ivae_core::train::{Silent, TrainSpec, train_alone};
use ivae_core::{Batch, Estimator, LikelihoodFamily};
use ivae_nn::{Activation, Input, Inputs, MlpSpec};
use ivae_num::{Purpose, StreamKey, linalg, stream};
use ndarray::{Array1, Array2, Axis, Slice};

use super::common;

const NOISE: f64 = 0.3;
const LATENTS: usize = 2;
const OBSERVED: usize = 3;
const ROWS: usize = 1500;

fn normals(rows: usize, columns: usize, step: u64) -> Array2<f64> {
    common::normals(rows, columns, StreamKey::new(11, Purpose::Generate).step(step))
}

/// x = A z + noise of three levels, whose latents differ in mean and variance.
fn data() -> (Array2<f64>, Vec<u32>) {
    let levels: Vec<u32> = (0..ROWS as u32).map(|i| i % 3).collect();
    let (means, scales) = (normals(3, LATENTS, 1), normals(3, LATENTS, 2).mapv(|v| (0.3 * v).exp()));
    let at = |table: &Array2<f64>| Array2::from_shape_fn((ROWS, LATENTS), |(i, j)| table[[i % 3, j]]);
    let z = at(&means) + at(&scales) * normals(ROWS, LATENTS, 3);
    (z.dot(&normals(LATENTS, OBSERVED, 4)) + NOISE.sqrt() * normals(ROWS, OBSERVED, 5), levels)
}

fn spec(product_of_experts: bool, full_covariance: bool) -> VaeSpec {
    let net = MlpSpec { hidden: vec![], activation: Activation::Silu, skip: false };
    VaeSpec {
        posterior: PosteriorSpec {
            net: net.clone(),
            shared_trunk: true,
            conditional_encoder: false,
            product_of_experts,
            full_covariance,
        },
        likelihood: LikelihoodSpec { net, family: LikelihoodFamily::Gaussian(VarianceSpec::Fixed(NOISE)) },
        start: WarmStart::Random,
        ..VaeSpec::ivae()
    }
}

/// A trained model, with its mean objective and log p(x|u) over the rows.
fn trained(spec: &VaeSpec, by: ObjectiveSpec) -> (f64, f64) {
    let (x, levels) = data();
    let batch = Batch { x: x.view(), u: Input::levels(&levels) };
    let mut vae = Vae::new(spec, LATENTS, OBSERVED, Inputs { dense: 0, levels: 3 }).unwrap();
    let training = TrainSpec { epochs: 1000, learning_rate: 1e-2, ..VaeSpec::ivae().training };
    let params = train_alone(&vae, batch, None, &training, StreamKey::new(1, Purpose::Init), &Silent).params;
    let exact = log_likelihood(&vae, &params, batch).iter().sum::<f64>() / ROWS as f64;
    vae.objective.spec = by;
    let mut ws = Estimator::<f64>::workspace(&vae, ROWS);
    let key = StreamKey::new(2, Purpose::HeldOut);
    let bound = match by {
        // By the sample, in the mean of a few draws: of an exact posterior each says the same.
        ObjectiveSpec::SampledElbo => {
            let draw = |step: u64| {
                vae.draw_noise(&mut ws, ROWS, key.step(step));
                vae.forward(&params, batch, by, &mut ws).mean()
            };
            (0..20).map(draw).sum::<f64>() / 20.0
        }
        _ => vae.evaluate(&params, batch, key, &mut ws).mean(),
    };
    (bound, exact)
}

/// A `[d, n]` and b of the decoder A z + b.
fn linear_decoder(vae: &Vae, params: &[f64]) -> (Array2<f64>, Array1<f64>) {
    let mut ws = Estimator::<f64>::workspace(vae, LATENTS + 1);
    let mut points = Array2::zeros((LATENTS + 1, LATENTS));
    points.slice_axis_mut(Axis(0), Slice::from(1..)).assign(&Array2::eye(LATENTS));
    vae.decode(params, points.view(), &mut ws);
    let b = ws.x.theta.slice_axis(Axis(1), Slice::from(..OBSERVED)).row(0).to_owned();
    (Array2::from_shape_fn((OBSERVED, LATENTS), |(j, i)| ws.x.theta[[i + 1, j]] - b[j]), b)
}

/// log N(x; A m(u) + b, A V(u) Aᵀ + Ψ) of every row (Bishop 2006, eq. 2.115) under the model's own A, b, m and V.
fn log_likelihood(vae: &Vae, params: &[f64], batch: Batch<'_, f64>) -> Vec<f64> {
    let (a, b) = linear_decoder(vae, params);
    let mut ws = Estimator::<f64>::workspace(vae, ROWS);
    vae.prior_parameters(params, batch.u, ROWS, &mut ws);
    let log_p = |row: usize| {
        let theta = ws.p.theta.row(row);
        let mean = Array1::from_shape_fn(LATENTS, |i| theta[i]);
        let variance = Array1::from_shape_fn(LATENTS, |i| theta[LATENTS + i].exp());
        let spread = a.dot(&Array2::from_diag(&variance)).dot(&a.t()) + NOISE * Array2::eye(OBSERVED);
        let apart = &batch.x.row(row) - &(&b + &a.dot(&mean));
        let square = apart.dot(&linalg::inverse(spread.view()).unwrap().dot(&apart));
        let log_det = linalg::slogdet(spread.view()).unwrap().1;
        -0.5 * (square + log_det + OBSERVED as f64 * std::f64::consts::TAU.ln())
    };
    (0..ROWS).map(log_p).collect()
}

/// Condition (i) of theorem 2 of Khemakhem et al. 2020, that the posterior family contain the true posterior: a product of
/// full covariance does, and with the factor that the decoder asks for, N((Aᵀ Ψ⁻¹ A)⁻¹ Aᵀ Ψ⁻¹ (x − b), (Aᵀ Ψ⁻¹ A)⁻¹), its bound
/// is log p(x|u) for every row and draw.
#[test]
fn the_elbo_of_a_full_covariance_product_reaches_the_likelihood() {
    let (x, levels) = data();
    let batch = Batch { x: x.view(), u: Input::levels(&levels) };
    let vae = Vae::new(&spec(true, true), LATENTS, OBSERVED, Inputs { dense: 0, levels: 3 }).unwrap();
    let layout = Estimator::<f64>::layout(&vae);
    let mut params = vec![0.0; layout.len()];
    stream::fill_normal(&mut params, 1, StreamKey::new(3, Purpose::Init));
    let (a, b) = linear_decoder(&vae, &params);
    let covariance = linalg::inverse((a.t().dot(&a) / NOISE).view()).unwrap();
    let gain = covariance.dot(&a.t()) / NOISE;
    let encoder: Vec<_> =
        layout.groups.iter().filter(|g| g.name.starts_with("encoder")).map(|g| g.slot).collect();
    let [weight, bias] = encoder[..] else { panic!("{encoder:?}") };
    weight.view_mut(&mut params).fill(0.0);
    for i in 0..LATENTS {
        (0..OBSERVED).for_each(|j| weight.view_mut(&mut params)[[j, i]] = gain[[i, j]]);
        bias.view_mut(&mut params)[[0, i]] = -gain.row(i).dot(&b);
        bias.view_mut(&mut params)[[0, LATENTS + i]] = covariance[[i, i]].ln();
    }
    let rho = covariance[[1, 0]] / (covariance[[0, 0]] * covariance[[1, 1]]).sqrt();
    bias.view_mut(&mut params)[[0, 2 * LATENTS]] = rho / (1.0 - rho * rho).sqrt();
    let exact = log_likelihood(&vae, &params, batch);
    let mut ws = Estimator::<f64>::workspace(&vae, ROWS);
    for step in 0..3 {
        vae.draw_noise(&mut ws, ROWS, StreamKey::new(2, Purpose::HeldOut).step(step));
        vae.forward(&params, batch, ObjectiveSpec::SampledElbo, &mut ws);
        let d = &ws.densities;
        for row in 0..ROWS {
            let elbo = d.x_given_z[row] + d.z_given_u[row] - d.z_given_xu[row];
            assert!(
                (elbo - exact[row]).abs() < 1e-9 * exact[row].abs(),
                "row {row}: {elbo} of {}",
                exact[row]
            );
        }
    }
}

/// Trained, it comes near the likelihood, and a posterior that cannot be the true one does not.
#[test]
fn training_closes_the_gap_of_a_full_covariance_product() {
    let gap = |product, full| {
        let (bound, exact) = trained(&spec(product, full), ObjectiveSpec::SampledElbo);
        exact - bound
    };
    let full = gap(true, true);
    assert!(full < 2e-3, "{full} nats");
    for (product, covariance) in [(true, false), (false, true)] {
        let other = gap(product, covariance);
        assert!(other > 3e-3, "{other} nats with product {product} and full covariance {covariance}");
    }
}

/// More samples come closer to the likelihood, from below (Burda et al. 2016, theorem 1), also in training.
#[test]
fn the_importance_weighted_bound_lies_between_the_elbo_and_the_likelihood() {
    let bound = ObjectiveSpec::ImportanceWeighted { samples: 5 };
    let spec = VaeSpec { objective: bound, ..spec(false, false) };
    let (five, exact) = trained(&spec, bound);
    let (one, same) = trained(&spec, ObjectiveSpec::SampledElbo);
    assert_eq!(exact, same);
    assert!(one + 0.02 < five && five < exact, "{one}, {five}, {exact}");
    let (best_elbo, of_elbo) =
        trained(&VaeSpec { objective: ObjectiveSpec::Elbo, ..spec }, ObjectiveSpec::SampledElbo);
    assert!(of_elbo - best_elbo > exact - five, "{best_elbo} of {of_elbo}, {five} of {exact}");
}
