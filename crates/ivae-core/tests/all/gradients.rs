//! Every gradient of the models against finite differences, over random shapes and every combination of parts.

use ivae_core::likelihood::VarianceSpec;
use ivae_core::model::flow::FlowModel;
use ivae_core::model::vae::{LikelihoodSpec, Vae, VaeSpec, WarmStart};
use ivae_core::objective::ObjectiveSpec;
use ivae_core::posterior::PosteriorSpec;
use ivae_core::prior::PriorSpec;
use ivae_core::theta::ThetaSpec;
use ivae_core::{Batch, Estimator, Family, LikelihoodFamily};
use ivae_nn::{Activation, FlowSpec, Input, Inputs, MlpSpec, SquareSpec};
use ivae_num::gradcheck::{GradCheck, check};
use ivae_num::{Purpose, StreamKey, stream};
use ndarray::{Array2, s};
use proptest::prelude::*;

use super::common;

const TOLERANCE: f64 = 1e-7;
/// Densities with a kink at their location are compared at latents that are no nearer to it than this: differences
/// across the kink are no derivatives.
const FROM_KINK: f64 = 0.1;

fn normals(rows: usize, columns: usize, step: u64) -> Array2<f64> {
    common::normals(rows, columns, StreamKey::new(7, Purpose::Generate).step(step))
}

#[derive(Debug, Clone)]
struct Case {
    spec: VaeSpec,
    latents: usize,
    observed: usize,
    u: Inputs,
    rows: usize,
    seed: u64,
}

/// A case made ready: the networks, their parameters, and the rows.
struct Ready {
    vae: Vae,
    params: Vec<f64>,
    x: Array2<f64>,
    values: Array2<f64>,
    levels: Vec<u32>,
}

impl Case {
    fn ready(&self) -> Ready {
        let vae = Vae::new(&self.spec, self.latents, self.observed, self.u).unwrap();
        let mut params = vec![0.0; Estimator::<f64>::layout(&vae).len()];
        // No parameter stays at a special value such as 0.
        stream::fill_normal(&mut params, 1, StreamKey::new(self.seed, Purpose::Init));
        params.iter_mut().for_each(|p| *p *= 0.3);
        let mut x = normals(self.rows, self.observed, 1);
        common::suit(&mut x, &self.spec.likelihood.family);
        let values = normals(self.rows, self.u.dense, 2);
        let levels = (0..self.rows as u32).map(|i| (i * 5 + 1) % 3).collect();
        Ready { vae, params, x, values, levels }
    }
}

impl Ready {
    fn batch(&self) -> Batch<'_, f64> {
        let dense = (self.vae.u.dense > 0).then(|| self.values.view());
        let levels = (self.vae.u.levels > 0).then_some(self.levels.as_slice());
        Batch { x: self.x.view(), u: Input { dense, levels } }
    }
}

/// The gradient of minus the mean objective, with `break_it` applied to it, against differences of the forward pass.
fn compare(case: &Case, break_it: impl Fn(&mut [f64])) -> GradCheck {
    let ready = case.ready();
    let Ready { vae, params, .. } = &ready;
    let (batch, objective) = (ready.batch(), case.spec.objective);
    let mut ws = Estimator::<f64>::workspace(vae, case.rows + 2);
    let has_kink = objective != ObjectiveSpec::Reconstruction && vae.prior.gaussian_form().is_none();
    for draw in 0.. {
        vae.draw_noise(&mut ws, case.rows, StreamKey::new(case.seed, Purpose::Noise).step(draw));
        vae.forward(params, batch, objective, &mut ws);
        let location = ws.p.theta.slice(s![..case.rows, ..case.latents]);
        let apart = &ws.z.slice(s![..case.rows, ..]) - &location;
        if !has_kink || apart.iter().all(|d| d.abs() > FROM_KINK) {
            break;
        }
    }
    let mut grad = vec![0.0; params.len()];
    vae.loss_and_grad(&mut grad, params, batch, 0, &mut ws);
    break_it(&mut grad);
    check(params, &grad, |p| -vae.forward(p, batch, objective, &mut ws).mean())
}

/// A polynomial of z is so steep at random latents that differences miss its curvature.
fn is_polynomial(family: Family) -> bool {
    [Family::Polynomial4, Family::Polynomial6].contains(&family)
}

fn cases() -> impl Strategy<Value = Case> {
    let all = Family::ALL.into_iter().map(|(family, ..)| family);
    let families: Vec<Family> = all.filter(|family| !is_polynomial(*family)).collect();
    let u = [(0, 0), (0, 3), (2, 0), (2, 3)].map(|(dense, levels)| Inputs { dense, levels });
    // Variances that are not small, where differences lose digits.
    let gaussian = [
        VarianceSpec::Fixed(0.4),
        VarianceSpec::Shared { start: 0.5, floor: 1e-3 },
        VarianceSpec::PerDimension { start: 0.5, floor: 1e-3 },
    ];
    let gaussian = gaussian.map(LikelihoodFamily::Gaussian);
    let others =
        |observed: usize| common::likelihoods(observed).into_iter().map(|(family, _)| family).skip(3);
    let likelihoods =
        move |observed| gaussian.clone().into_iter().chain(others(observed)).collect::<Vec<_>>();
    let likelihood = 0..likelihoods(1).len();
    let weighted = ObjectiveSpec::ImportanceWeighted { samples: 3 };
    let objectives =
        vec![ObjectiveSpec::Elbo, ObjectiveSpec::SampledElbo, weighted, ObjectiveSpec::Reconstruction];
    let (family, u) = (prop::sample::select(families), prop::sample::select(u.to_vec()));
    let (objective, flags) = (prop::sample::select(objectives), any::<[bool; 5]>());
    let sizes = (1usize..5, 1usize..5, 1usize..7, 0usize..4, any::<u64>());
    (family, u, likelihood, objective, flags, sizes).prop_map(
        move |(family, u, likelihood, objective, flags, (latents, observed, rows, source, seed))| {
            let likelihood = likelihoods(observed)[likelihood].clone();
            let [shared_trunk, conditional_encoder, skip, product, full_covariance] = flags;
            let is_gaussian = family.part::<f64>().gaussian_form().is_some();
            let net = |width: usize| MlpSpec { hidden: vec![width, 3], activation: Activation::Silu, skip };
            let parameters = match (source, u) {
                (0, Inputs { dense: 0, levels: 1.. }) => ThetaSpec::Table,
                (0 | 1, u) if u != Inputs::default() => ThetaSpec::Net(net(2)),
                (2, _) => ThetaSpec::Shared(0.1),
                (3, _) => ThetaSpec::Fixed(0.2),
                _ => ThetaSpec::Free(0.1),
            };
            let posterior = PosteriorSpec {
                net: net(4),
                shared_trunk,
                conditional_encoder,
                product_of_experts: product && is_gaussian,
                full_covariance,
            };
            let spec = VaeSpec {
                prior: PriorSpec { family: family.into(), parameters },
                posterior,
                likelihood: LikelihoodSpec { net: net(3), family: likelihood },
                objective: match objective {
                    ObjectiveSpec::Elbo if !is_gaussian => ObjectiveSpec::SampledElbo,
                    objective => objective,
                },
                start: WarmStart::Random,
                ..VaeSpec::ivae()
            };
            // Any rows will do for copies of one.
            let rows = rows * spec.objective.samples();
            Case { spec, latents, observed, u, rows, seed }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, rng_seed: proptest::test_runner::RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_backward_pass_is_the_derivative_of_the_forward_pass(case in cases()) {
        let found = compare(&case, |_| {});
        prop_assert!(found.worst <= TOLERANCE, "{found:?}");
    }
}

/// A model all of whose parts depend on u: levels, continuous columns, or both.
fn conditional_case(family: Family, parameters: ThetaSpec, u: Inputs) -> Case {
    let net = MlpSpec { hidden: vec![3], activation: Activation::Xtanh { slope: 0.1 }, skip: true };
    let is_gaussian = family.part::<f64>().gaussian_form().is_some();
    let spec = VaeSpec {
        prior: PriorSpec { family: family.into(), parameters },
        posterior: PosteriorSpec {
            net: net.clone(),
            shared_trunk: false,
            conditional_encoder: true,
            product_of_experts: is_gaussian,
            full_covariance: true,
        },
        likelihood: LikelihoodSpec {
            net,
            family: LikelihoodFamily::Gaussian(VarianceSpec::PerDimension { start: 0.5, floor: 1e-3 }),
        },
        objective: if is_gaussian { ObjectiveSpec::Elbo } else { ObjectiveSpec::SampledElbo },
        start: WarmStart::Random,
        ..VaeSpec::ivae()
    };
    Case { spec, latents: 2, observed: 3, u, rows: 5, seed: 3 }
}

fn prior_network() -> ThetaSpec {
    ThetaSpec::Net(MlpSpec { hidden: vec![3], activation: Activation::Silu, skip: true })
}

#[test]
fn polynomial_priors() {
    for (family, parameters) in
        [(Family::Polynomial4, ThetaSpec::Table), (Family::Polynomial6, prior_network())]
    {
        let found = compare(&conditional_case(family, parameters, Inputs { dense: 0, levels: 3 }), |_| {});
        assert!(found.worst < 1e-6, "{family}: {found:?}");
    }
}

/// A gradient that is wrong in any one group of parameters is caught.
#[test]
fn a_broken_derivative_is_caught_in_every_group() {
    let (levels, mixed) = (Inputs { dense: 0, levels: 3 }, Inputs { dense: 2, levels: 3 });
    for case in [
        conditional_case(Family::Gaussian, ThetaSpec::Table, levels),
        conditional_case(Family::Gaussian, prior_network(), mixed),
        conditional_case(Family::Laplace, prior_network(), mixed),
        conditional_case(Family::GeneralisedNormal, ThetaSpec::Table, levels),
    ] {
        let unbroken = compare(&case, |_| {});
        assert!(unbroken.worst <= TOLERANCE, "{case:?}: {unbroken:?}");
        for group in &Estimator::<f64>::layout(&case.ready().vae).groups {
            let range = group.slot.range();
            if range.is_empty() {
                continue;
            }
            let found = compare(&case, |grad| grad[range.clone()].iter_mut().for_each(|g| *g *= 1.01));
            assert!(found.worst > TOLERANCE, "{} was broken and nobody noticed: {found:?}", group.name);
            assert!(range.contains(&found.index), "{}: blamed entry {}", group.name, found.index);
        }
    }
}

/// The KL divergence counts as much as its weight and warm-up say.
#[test]
fn the_gradient_weighs_the_kl_divergence_as_its_schedule_says() {
    let case = conditional_case(Family::Gaussian, prior_network(), Inputs { dense: 2, levels: 3 });
    let mut ready = case.ready();
    (ready.vae.objective.kl_weight, ready.vae.objective.kl_warmup) = (2.0, 8);
    let Ready { vae, params, .. } = &ready;
    let mut ws = Estimator::<f64>::workspace(vae, case.rows);
    vae.draw_noise(&mut ws, case.rows, StreamKey::new(case.seed, Purpose::Noise));
    for (step, weight) in [(1, 0.5), (7, 2.0), (100, 2.0)] {
        let mut grad = vec![0.0; params.len()];
        vae.loss_and_grad(&mut grad, params, ready.batch(), step, &mut ws);
        let loss = |p: &[f64]| {
            let sums = vae.forward(p, ready.batch(), ObjectiveSpec::Elbo, &mut ws);
            (weight * sums.kl - sums.log_px) / sums.rows as f64
        };
        check(params, &grad, loss).assert_below(TOLERANCE);
    }
}

/// A step on rows of an importance-weighted bound is one on all copies of them.
#[test]
fn a_step_takes_as_many_samples_of_each_row_as_its_objective_says() {
    let mut case = conditional_case(Family::Gaussian, prior_network(), Inputs { dense: 2, levels: 3 });
    case.spec.objective = ObjectiveSpec::ImportanceWeighted { samples: 4 };
    let ready = case.ready();
    let Ready { vae, params, .. } = &ready;
    let key = StreamKey::new(1, Purpose::Noise);
    let mut ws = Estimator::<f64>::workspace(vae, case.rows);
    let mut grad = vec![0.0; params.len()];
    let sums = vae.step(&mut grad, params, ready.batch(), key, &mut ws);
    assert_eq!(sums.rows, case.rows);
    check(params, &grad, |p| -vae.evaluate(p, ready.batch(), key, &mut ws).mean()).assert_below(TOLERANCE);
    // Four samples of each row, not four times the same.
    assert!((0..4).all(|k| ws.z.row(k) != ws.z.row((k + 1) % 4)));
}

/// A flow of three latents with its prior in `levels` levels, its parameters away from their start, and its rows.
fn flow(family: Family) -> (FlowModel, Vec<f64>, Array2<f64>, [u32; 6]) {
    let class = FlowSpec::Square(SquareSpec::default());
    let u = Inputs { dense: 0, levels: 3 };
    let net = FlowModel::new(&class, &family.into(), &ThetaSpec::Table, 3, u).unwrap();
    let mut params = vec![0.0; Estimator::<f64>::layout(&net).len()];
    let (x, levels) = (normals(6, 3, 1), [0u32, 2, 1, 1, 0, 2]);
    let batch = Batch { x: x.view(), u: Input::levels(&levels) };
    net.init(&mut params, batch, StreamKey::new(1, Purpose::Init));
    // Six rows make densities so narrow, and place latents so far out, that differences miss the curvature.
    let layout = Estimator::<f64>::layout(&net);
    if let (Some(weight), Some(bias)) = (layout.slot("flow.out.weight"), layout.slot("flow.out.bias"))
        && !bias.is_empty()
    {
        weight.view_mut(&mut params).assign(&Array2::eye(3));
        params[bias.range()].fill(1.0);
        params[layout.slot("prior").unwrap().range()].fill(0.0);
    }
    params.iter_mut().zip(&normals(1, 300, 2)).for_each(|(p, j)| *p += 0.1 * j);
    (net, params, x, levels)
}

/// The exact likelihood of a flow, right and broken in every group.
#[test]
fn exact_likelihood() {
    for family in Family::ALL.into_iter().map(|(family, ..)| family) {
        let (net, params, x, levels) = flow(family);
        let batch = Batch { x: x.view(), u: Input::levels(&levels) };
        let mut ws = Estimator::<f64>::workspace(&net, 8);
        let mut grad = vec![0.0; params.len()];
        net.step(&mut grad, &params, batch, StreamKey::new(1, Purpose::Noise), &mut ws);
        let mut compare = |grad: &[f64]| check(&params, grad, |p| -net.forward(p, batch, &mut ws).mean());
        compare(&grad).assert_below(TOLERANCE);
        for group in &Estimator::<f64>::layout(&net).groups {
            let mut broken = grad.clone();
            broken[group.slot.range()].iter_mut().for_each(|g| *g = 1.01 * *g + 1e-5);
            let found = compare(&broken);
            assert!(
                found.worst > TOLERANCE,
                "{family:?}: {} was broken and nobody noticed: {found:?}",
                group.name
            );
        }
    }
}

/// A step writes every entry of the gradient, whatever the buffer holds.
fn assert_step_overwrites<E: Estimator<f64>>(what: &str, net: &E, params: &[f64], batch: Batch<'_, f64>) {
    let mut ws = net.workspace(batch.rows());
    let (mut fresh, key) = (vec![0.0; params.len()], StreamKey::new(1, Purpose::Noise));
    net.step(&mut fresh, params, batch, key, &mut ws);
    assert!(fresh.iter().any(|g| *g != 0.0));
    let mut used = vec![f64::NAN; params.len()];
    net.step(&mut used, params, batch, key, &mut ws);
    for group in &net.layout().groups {
        let range = group.slot.range();
        assert_eq!(used[range.clone()], fresh[range], "{what}, {}", group.name);
    }
}

#[test]
fn a_variational_step_overwrites_the_gradient() {
    for u in [Inputs { dense: 0, levels: 3 }, Inputs { dense: 2, levels: 3 }] {
        let ready = conditional_case(Family::Gaussian, prior_network(), u).ready();
        assert_step_overwrites("network prior", &ready.vae, &ready.params, ready.batch());
    }
    let levels = Inputs { dense: 0, levels: 3 };
    let ready = conditional_case(Family::GeneralisedNormal, ThetaSpec::Table, levels).ready();
    assert_step_overwrites("table prior", &ready.vae, &ready.params, ready.batch());
}

#[test]
fn a_flow_step_overwrites_the_gradient() {
    let (net, params, x, levels) = flow(Family::GeneralisedNormal);
    let batch = Batch { x: x.view(), u: Input::levels(&levels) };
    assert_step_overwrites("flow", &net, &params, batch);
}
