//! Every gradient of the VAE against finite differences, over random shapes and every combination of parts.

use ivae_core::block::BlockSpec;
use ivae_core::spec::{
    KlTerm, LikelihoodFamily, LikelihoodSpec, PosteriorSpec, PriorSpec, Start, VaeSpec, VarianceSpec,
};
use ivae_core::vae::AuxShape;
use ivae_core::{AuxRows, Batch, Estimator, Exact, Family, Vae};
use ivae_expfam::GaussianForm;
use ivae_nn::{Activation, FlowSpec, MlpSpec, SquareSpec};
use ivae_num::gradcheck::{GradCheck, check};
use ivae_num::{Purpose, StreamKey, stream};
use ndarray::Array2;
use proptest::prelude::*;

const TOLERANCE: f64 = 1e-7;

fn normals(rows: usize, columns: usize, step: u64) -> Array2<f64> {
    let mut flat = vec![0.0; rows * columns];
    stream::fill_normal(&mut flat, columns.max(1), StreamKey::new(7, Purpose::Generate).step(step));
    Array2::from_shape_vec((rows, columns), flat).unwrap()
}

#[derive(Debug, Clone)]
struct Case {
    spec: VaeSpec,
    latents: usize,
    observed: usize,
    aux: AuxShape,
    rows: usize,
    seed: u64,
}

/// The gradient of minus the mean objective, with `break_it` applied to it, against differences of the forward pass.
fn compare(case: &Case, break_it: impl Fn(&Vae, &mut [f64])) -> GradCheck {
    let vae = Vae::new(&case.spec, case.latents, case.observed, case.aux).unwrap();
    let mut params = vec![0.0; Estimator::<f64>::layout(&vae).len()];
    // No parameter stays at a special value such as 0.
    stream::fill_normal(&mut params, 1, StreamKey::new(case.seed, Purpose::Init));
    params.iter_mut().for_each(|p| *p *= 0.3);
    let mut x = normals(case.rows, case.observed, 1);
    if case.spec.likelihood.family == LikelihoodFamily::Bernoulli {
        x.mapv_inplace(|v| f64::from(u8::from(v > 0.0)));
    }
    let m = if let AuxShape::Continuous(m) = case.aux { m } else { 0 };
    let (continuous, levels) =
        (normals(case.rows, m, 2), (0..case.rows as u32).map(|i| (i * 5 + 1) % 3).collect::<Vec<_>>());
    let u = match case.aux {
        AuxShape::None => AuxRows::None,
        AuxShape::Levels(_) => AuxRows::Levels(&levels),
        AuxShape::Continuous(_) => AuxRows::Continuous(continuous.view()),
    };
    let batch = Batch { x: x.view(), u };
    let mut ws = Estimator::<f64>::workspace(&vae, case.rows + 2);
    vae.draw_noise(&mut ws, case.rows, StreamKey::new(case.seed, Purpose::Noise));
    let mut grad = vec![f64::NAN; params.len()];
    vae.loss_and_grad(&mut grad, &params, batch, &mut ws);
    break_it(&vae, &mut grad);
    check(&params, &grad, |p| -vae.forward(p, batch, case.spec.kl, &mut ws).mean())
}

fn cases() -> impl Strategy<Value = Case> {
    let form = prop_oneof![Just(GaussianForm::MeanVar), Just(GaussianForm::Var), Just(GaussianForm::Mean)];
    let aux = prop_oneof![Just(AuxShape::None), Just(AuxShape::Levels(3)), Just(AuxShape::Continuous(2))];
    let family = prop_oneof![
        Just(LikelihoodFamily::Gaussian(VarianceSpec::Fixed(0.4))),
        Just(LikelihoodFamily::Gaussian(VarianceSpec::Shared { start: 0.5, floor: 1e-3 })),
        Just(LikelihoodFamily::Gaussian(VarianceSpec::PerDimension { start: 0.5, floor: 1e-3 })),
        Just(LikelihoodFamily::Bernoulli),
    ];
    let kl = prop_oneof![Just(KlTerm::Closed), Just(KlTerm::Sampled)];
    let flags = any::<[bool; 5]>();
    let sizes = (1usize..5, 1usize..4, 1usize..7, 0usize..4, any::<u64>());
    (form, aux, family, kl, flags, sizes).prop_map(
        |(form, aux, family, kl, [trunk, sees_u, skip, product, correlated], sizes)| {
            let (latents, observed, rows, source, seed) = sizes;
            let net = |width: usize| MlpSpec { hidden: vec![width, 3], activation: Activation::Silu, skip };
            let parameters = match (source, aux) {
                (0, AuxShape::Levels(_)) => BlockSpec::Table,
                (0 | 1, AuxShape::Levels(_) | AuxShape::Continuous(_)) => BlockSpec::Net(net(2)),
                (2, _) => BlockSpec::Shared(0.1),
                (3, _) => BlockSpec::Fixed(0.2),
                _ => BlockSpec::Free(0.1),
            };
            let spec = VaeSpec {
                prior: PriorSpec { form, parameters },
                posterior: PosteriorSpec { net: net(4), shared_trunk: trunk, sees_u, product, correlated },
                likelihood: LikelihoodSpec { net: net(3), family },
                kl,
                start: Start::Random,
            };
            Case { spec, latents, observed, aux, rows, seed }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, rng_seed: proptest::test_runner::RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_backward_pass_is_the_derivative_of_the_forward_pass(case in cases()) {
        let found = compare(&case, |_, _| {});
        prop_assert!(found.worst <= TOLERANCE, "{found:?}");
    }
}

/// The same for the exact likelihood of a bijective decoder, right and broken in every group.
#[test]
fn exact_likelihood() {
    [Family::Gaussian, Family::Laplace, Family::GeneralisedNormal].into_iter().for_each(exact_likelihood_of);
}

fn exact_likelihood_of(family: Family) {
    let prior = PriorSpec { form: GaussianForm::MeanVar, parameters: BlockSpec::Table };
    let flow = FlowSpec::Square(SquareSpec::default());
    let net = Exact::new(&flow, &prior, family, 3, AuxShape::Levels(3)).unwrap();
    let groups = Estimator::<f64>::layout(&net).groups.clone();
    let mut params = vec![0.0; Estimator::<f64>::layout(&net).len()];
    let (x, levels) = (normals(6, 3, 1), [0u32, 2, 1, 1, 0, 2]);
    let batch = Batch { x: x.view(), u: AuxRows::Levels(&levels) };
    net.init(&mut params, batch, StreamKey::new(1, Purpose::Init));
    params.iter_mut().zip(&normals(1, 300, 2)).for_each(|(p, j)| *p += 0.1 * j);
    let mut ws = Estimator::<f64>::workspace(&net, 8);
    let mut grad = vec![f64::NAN; params.len()];
    net.step(&mut grad, &params, batch, StreamKey::new(1, Purpose::Noise), &mut ws);
    let mut compare = |grad: &[f64]| check(&params, grad, |p| -net.forward(p, batch, &mut ws).mean());
    compare(&grad).assert_below(TOLERANCE);
    for group in groups {
        let mut broken = grad.clone();
        broken[group.slot.range()].iter_mut().for_each(|g| *g = 1.01 * *g + 1e-5);
        assert!(
            compare(&broken).worst > TOLERANCE,
            "{family:?}: {} was broken and nobody noticed",
            group.name
        );
    }
}

/// A gradient that is wrong in any one group of parameters is caught.
#[test]
fn a_broken_derivative_is_caught_in_every_group() {
    let net = MlpSpec { hidden: vec![3], activation: Activation::Xtanh { slope: 0.1 }, skip: true };
    let spec = VaeSpec {
        prior: PriorSpec { form: GaussianForm::MeanVar, parameters: BlockSpec::Table },
        posterior: PosteriorSpec {
            net: net.clone(),
            shared_trunk: false,
            sees_u: true,
            product: true,
            correlated: true,
        },
        likelihood: LikelihoodSpec {
            net,
            family: LikelihoodFamily::Gaussian(VarianceSpec::PerDimension { start: 0.5, floor: 1e-3 }),
        },
        kl: KlTerm::Closed,
        start: Start::Random,
    };
    let case = Case { spec, latents: 2, observed: 3, aux: AuxShape::Levels(3), rows: 5, seed: 3 };
    assert!(compare(&case, |_, _| {}).worst <= TOLERANCE);
    let vae = Vae::new(&case.spec, 2, 3, case.aux).unwrap();
    for group in &Estimator::<f64>::layout(&vae).groups {
        let range = group.slot.range();
        if range.is_empty() {
            continue;
        }
        let found = compare(&case, |_, grad| grad[range.clone()].iter_mut().for_each(|g| *g *= 1.01));
        assert!(found.worst > TOLERANCE, "{} was broken and nobody noticed: {found:?}", group.name);
        assert!(range.contains(&found.index), "{}: blamed entry {}", group.name, found.index);
    }
}
