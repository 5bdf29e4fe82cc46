//! The number of every condition: there, and by its definition.

use ivae_expfam::family::custom::{Custom, Polynomial, Range, Spline, Statistics};
use ivae_expfam::theory::theorem::Assumption;
use ivae_expfam::{
    Answer, Bernoulli, Beta, ConditionId, ExpFam, Exponential, ExponentialPower, Gamma, Gaussian,
    GaussianForm, HyperbolicSecant, Lambda, LogNormal, Model, Noise, Poisson, Verdict, VonMises, check,
    natural_table,
};
use ndarray::Array2;

const VAR: Gaussian = Gaussian { form: GaussianForm::Var };
const MEAN: Gaussian = Gaussian { form: GaussianForm::Mean };
const FULL: Gaussian = Gaussian { form: GaussianForm::MeanVar };

/// The verdict on n = 2 latents with 20 values of u, where all that is told has a number.
fn of(family: &dyn ExpFam<f64>, noise: Noise) -> Verdict {
    let wave = |u: usize, c: usize| (1.3 * (u * (c + 2) + c) as f64).sin();
    let eta = Array2::from_shape_fn((20, 2 * family.k()), |(u, c)| wave(u, c));
    let table = natural_table(family, eta.view()).unwrap();
    let lambda = Lambda::new(family, table.view()).unwrap();
    let told = |number: f64| Assumption::new(Answer::Holds, "told").with_number(number);
    check(&Model {
        latents: 2,
        family,
        shared: true,
        lambda: Some(&lambda),
        smallest: None,
        noise,
        prior: told(0.1),
        injective: told(0.2),
        smooth: told(0.3),
        posterior: Some(told(0.4)),
        maximum: Some(told(0.5)),
    })
    .unwrap()
}

fn number(verdict: &Verdict, id: ConditionId) -> f64 {
    verdict.condition(id).unwrap().number.unwrap()
}

#[test]
fn every_condition_of_a_continuous_family_has_a_number() {
    let quartic = Custom::new(Polynomial { degree: 4 }).unwrap();
    let spline = Custom::new(Spline { bumps: 2, low: -2.0, high: 2.0 }).unwrap();
    let power = ExponentialPower { location: 0.0, shape: 1.0 };
    let families: [&dyn ExpFam<f64>; 12] = [
        &VAR,
        &MEAN,
        &FULL,
        &HyperbolicSecant,
        &Exponential,
        &Gamma,
        &Beta,
        &LogNormal,
        &VonMises,
        &power,
        &quartic,
        &spline,
    ];
    for family in families {
        let verdict = of(family, Noise::Laplace);
        for condition in &verdict.conditions {
            assert!(condition.number.is_some_and(|n| !n.is_nan()), "{family:?}: {condition:?}");
        }
        for (id, expected) in [
            (ConditionId::Prior, 0.1),
            (ConditionId::Injective, 0.2),
            (ConditionId::Smooth, 0.3),
            (ConditionId::Posterior, 0.4),
            (ConditionId::Maximum, 0.5),
        ] {
            assert_eq!(number(&verdict, id), expected);
        }
        assert!((0.0..=1.0).contains(&number(&verdict, ConditionId::Statistics)), "{family:?}");
    }
    // Those that no number decides.
    for family in [&Bernoulli as &dyn ExpFam<f64>, &Poisson] {
        assert_eq!(of(family, Noise::None).condition(ConditionId::Statistics).unwrap().number, None);
    }
    for noise in [Noise::Bernoulli, Noise::Other] {
        assert_eq!(of(&VAR, noise).condition(ConditionId::Noise).unwrap().number, None);
    }
    let plain = Assumption::new(Answer::Unknown, "nobody knows");
    let model = Model {
        latents: 2,
        family: &VAR,
        shared: true,
        lambda: None,
        smallest: None,
        noise: Noise::None,
        prior: plain.clone(),
        injective: plain.clone(),
        smooth: plain,
        posterior: None,
        maximum: None,
    };
    let verdict = check(&model).unwrap();
    assert_eq!(verdict.condition(ConditionId::Injective).unwrap().number, None);
    assert_eq!(number(&verdict, ConditionId::Variability), 0.0);
}

#[test]
fn the_number_of_the_noise_is_its_smallest_modulus_up_to_five() {
    let pi5 = 5.0 * std::f64::consts::PI;
    for (noise, expected, reason) in [
        (Noise::None, 1.0, "the limit of any"),
        (Noise::Gaussian, (-12.5f64).exp(), "at least 3.7e-6 for |t| up to 5"),
        (Noise::Laplace, 1.0 / 26.0, "at least 3.8e-2 for |t| up to 5"),
        (Noise::Logistic, pi5 / pi5.sinh(), "at least 4.7e-6 for |t| up to 5"),
        (Noise::Uniform, 0.0, "isolated points only, the multiples of π"),
    ] {
        let verdict = of(&VAR, noise);
        let condition = verdict.condition(ConditionId::Noise).unwrap();
        assert!(condition.reason.contains(reason), "{}", condition.reason);
        let found = number(&verdict, ConditionId::Noise);
        assert!((found - expected).abs() <= 1e-15 * expected, "{found} {expected}");
    }
}

#[test]
fn the_number_of_k_one_is_how_often_t_turns() {
    for (family, turns) in
        [(&VAR as &dyn ExpFam<f64>, 1.0), (&MEAN, 0.0), (&HyperbolicSecant, 1.0), (&Exponential, 0.0)]
    {
        let verdict = of(family, Noise::None);
        assert_eq!(number(&verdict, ConditionId::UniqueMinimum), turns, "{family:?}");
        assert_eq!(number(&verdict, ConditionId::NotMonotonic), turns, "{family:?}");
    }
    // Thrice: the double well.
    let double_well =
        Custom::new(Own(|z| [z.powi(4) - 4.0 * z * z], |z| [4.0 * z.powi(3) - 8.0 * z])).unwrap();
    let verdict = of(&double_well, Noise::None);
    assert_eq!(number(&verdict, ConditionId::UniqueMinimum), 3.0);
    assert_eq!(verdict.condition(ConditionId::UniqueMinimum).unwrap().reason, "k = 1: T turns 3 times");
}

/// Statistics and their derivatives, on ℝ, all with negative λ.
#[derive(Debug)]
struct Own<const K: usize>(fn(f64) -> [f64; K], fn(f64) -> [f64; K]);

impl<const K: usize> Statistics for Own<K> {
    fn k(&self) -> usize {
        K
    }
    fn stats(&self, t: &mut [f64], z: f64) {
        t.copy_from_slice(&self.0(z));
    }
    fn dstats(&self, dt: &mut [f64], z: f64) {
        dt.copy_from_slice(&self.1(z));
    }
    fn range(&self, _: usize) -> Range {
        Range::Negative
    }
    fn breaks(&self) -> Vec<f64> {
        vec![0.0]
    }
}

/// The points that inspection looks at, in pieces of 251.
fn pieces() -> Vec<Vec<f64>> {
    let z: Vec<f64> = (0..2001).map(|g| (5.0 * (2.0 * f64::from(g) / 2000.0 - 1.0)).sinh()).collect();
    z.chunks(251).map(<[f64]>::to_vec).collect()
}

#[test]
fn the_number_of_the_statistics_is_what_no_other_explains() {
    // Of one T, what is not constant: its standard deviation over its root mean square.
    let expected = |t: fn(f64) -> f64| {
        let of = |piece: Vec<f64>| {
            let t: Vec<f64> = piece.into_iter().map(t).collect();
            let mean = t.iter().sum::<f64>() / t.len() as f64;
            let (variance, square) =
                t.iter().fold((0.0, 0.0), |(v, s), t| (v + (t - mean).powi(2), s + t * t));
            (variance / square).sqrt()
        };
        pieces().into_iter().map(of).fold(1.0, f64::min)
    };
    for (family, t) in [(&MEAN as &dyn ExpFam<f64>, (|z| z) as fn(f64) -> f64), (&VAR, |z| z * z)] {
        let found = number(&of(family, Noise::None), ConditionId::Statistics);
        assert!((found - expected(t)).abs() < 1e-12, "{family:?}: {found} {}", expected(t));
    }
    // Two that are independent, nearly dependent, and dependent for |z| < 2.
    let pairs: [Own<2>; 3] = [
        Own(|z| [z * z, z.powi(4)], |z| [2.0 * z, 4.0 * z.powi(3)]),
        Own(|z| [z * z, z * z + 1e-3 * z.powi(4)], |z| [2.0 * z, 2.0 * z + 4e-3 * z.powi(3)]),
        Own(
            |z| [z * z, z * z + (z.abs() - 2.0).max(0.0).powi(2)],
            |z| [2.0 * z, 2.0 * z + 2.0 * (z.abs() - 2.0).max(0.0) * z.signum()],
        ),
    ];
    let found = pairs.map(|pair| {
        let verdict = of(&Custom::new(pair).unwrap(), Noise::None);
        (
            verdict.condition(ConditionId::Statistics).unwrap().answer,
            number(&verdict, ConditionId::Statistics),
        )
    });
    let [plain, close, none] = found;
    assert!(plain.0 == Answer::Holds && close.0 == Answer::Holds && none.0 == Answer::Fails, "{found:?}");
    assert!(plain.1 > 1e-3 && close.1 < 1e-2 * plain.1 && none.1 <= 1e-10, "{found:?}");
}

#[test]
fn the_number_of_a_still_statistic_is_its_share_of_the_points() {
    // (z − 1)² to the right of 1 and (z + 1)² to the left of −1, 0 between: sinh t = 1 at t = 0.8814.
    let family = Custom::new(Own(
        |z| [(z.abs() - 1.0).max(0.0).powi(2)],
        |z| [2.0 * (z.abs() - 1.0).max(0.0) * z.signum()],
    ))
    .unwrap();
    let verdict = of(&family, Noise::None);
    let condition = verdict.condition(ConditionId::Statistics).unwrap();
    assert_eq!(condition.answer, Answer::Fails);
    let share = 1f64.asinh() / 5.0;
    assert!((number(&verdict, ConditionId::Statistics) - share).abs() < 1e-3, "{condition:?}");
    assert!(condition.reason.ends_with("at 17.6 % of the points"), "{}", condition.reason);
}

#[test]
fn the_number_of_smooth_statistics_is_how_far_the_slope_grows() {
    let smooth = of(&FULL, Noise::None);
    let found = number(&smooth, ConditionId::TwiceDifferentiable);
    assert!((1.0..1.1).contains(&found), "{found}");
    // |z|^1.5 has no second derivative at 0.
    let kinked =
        Custom::new(Own(|z| [z * z, z.abs().powf(1.5)], |z| [2.0 * z, 1.5 * z.abs().sqrt() * z.signum()]))
            .unwrap();
    let verdict = of(&kinked, Noise::None);
    assert!(number(&verdict, ConditionId::TwiceDifferentiable) > 1e3);
    let condition = verdict.condition(ConditionId::TwiceDifferentiable).unwrap();
    assert!(
        condition.answer == Answer::Fails && condition.reason.starts_with("T has a kink"),
        "{condition:?}"
    );
}
