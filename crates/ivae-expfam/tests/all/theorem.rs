//! Verdicts on models made by hand for each theorem, and what is proven of T against what inspection sees.

use ivae_expfam::family::custom::{Custom, Polynomial, Spline};
use ivae_expfam::theory::theorem::{Assumption, CustomNoise, NoiseError};
use ivae_expfam::{
    Answer, Bernoulli, Beta, Class, ConditionId, ExpFam, Exponential, ExponentialPower, Gamma, Gaussian,
    GaussianForm, HyperbolicSecant, Lambda, LogNormal, Model, Noise, Poisson, StatisticsProperties, Verdict,
    VonMises, check, natural_table,
};
use ivae_num::{Purpose, StreamKey, stream};
use ndarray::Array2;

const FULL: Gaussian = Gaussian { form: GaussianForm::MeanVar };
const VAR: Gaussian = Gaussian { form: GaussianForm::Var };
const MEAN: Gaussian = Gaussian { form: GaussianForm::Mean };

fn table(family: &dyn ExpFam<f64>, count: usize, n: usize) -> Array2<f64> {
    let mut flat = vec![0.0; count * n * family.k()];
    stream::fill_normal(&mut flat, n * family.k(), StreamKey::new(5, Purpose::Generate));
    let eta = Array2::from_shape_vec((count, n * family.k()), flat).unwrap();
    natural_table(family, eta.view()).unwrap()
}

fn holds() -> Assumption {
    Assumption::new(Answer::Holds, "by construction")
}

fn unknown() -> Assumption {
    Assumption::new(Answer::Unknown, "nobody knows")
}

fn model<'a>(family: &'a dyn ExpFam<f64>, latents: usize, lambda: &'a Lambda<'a>) -> Model<'a> {
    Model {
        latents,
        family,
        shared: true,
        lambda: Some(lambda),
        smallest: None,
        noise: Noise::Gaussian,
        prior: holds(),
        injective: holds(),
        smooth: holds(),
        posterior: None,
        maximum: None,
    }
}

fn answer(verdict: &Verdict, id: ConditionId) -> Answer {
    verdict.condition(id).unwrap().answer
}

/// The verdict on a good table of a family.
fn of(family: &dyn ExpFam<f64>) -> Verdict {
    let table = table(family, 20, 3);
    let lambda = Lambda::new(family, table.view()).unwrap();
    check(&model(family, 3, &lambda)).unwrap()
}

#[test]
fn each_family_has_the_class_of_its_theorem() {
    let power = |shape| ExponentialPower { location: 0.0, shape };
    for family in [&VAR as &dyn ExpFam<f64>, &HyperbolicSecant, &power(1.0), &power(3.0)] {
        assert_eq!(of(family).class, Class::ScaledPermutation, "{family:?}");
    }
    for family in [&FULL as &dyn ExpFam<f64>, &Gamma, &Beta, &LogNormal, &VonMises] {
        assert_eq!(of(family).class, Class::ComponentWise, "{family:?}");
    }
    for family in [&MEAN as &dyn ExpFam<f64>, &Exponential] {
        let verdict = of(family);
        assert_eq!((verdict.class, verdict.at_best), (Class::Affine, Class::Affine), "{family:?}");
        assert_eq!(answer(&verdict, ConditionId::NotMonotonic), Answer::Fails);
        assert!(verdict.advice[0].starts_with("follow with linear ICA of T(z)"), "{:?}", verdict.advice);
    }
    for family in [&Bernoulli as &dyn ExpFam<f64>, &Poisson] {
        let verdict = of(family);
        assert_eq!((verdict.class, answer(&verdict, ConditionId::Statistics)), (Class::None, Answer::Fails));
    }
    let polynomial = Custom::new(Polynomial { degree: 4 }).unwrap();
    let verdict = of(&polynomial);
    assert_eq!(verdict.class, Class::ComponentWise);
    assert!(verdict.condition(ConditionId::Statistics).unwrap().reason.contains("2001 points"));
}

#[test]
fn what_families_prove_is_what_inspection_sees() {
    let power = |shape| ExponentialPower { location: 0.0, shape };
    let families: [&dyn ExpFam<f64>; 13] = [
        &FULL,
        &VAR,
        &MEAN,
        &HyperbolicSecant,
        &Exponential,
        &Gamma,
        &Beta,
        &LogNormal,
        &VonMises,
        &power(1.0),
        &power(1.5),
        &power(2.0),
        &power(4.0),
    ];
    for family in families {
        assert_eq!(family.statistics_properties(), StatisticsProperties::inspect(family), "{family:?}");
        assert!(family.statistics_properties().is_some());
    }
    // Bumps are 0 outside their knots.
    let spline = Custom::new(Spline { bumps: 4, low: -2.0, high: 2.0 }).unwrap();
    let properties = StatisticsProperties::of(&spline).unwrap();
    assert!(!properties.nonzero_slope && properties.smooth);
    assert_eq!(
        StatisticsProperties::of(&Custom::new(Polynomial { degree: 6 }).unwrap()),
        Some(StatisticsProperties {
            nonzero_slope: true,
            independent: true,
            smooth: true,
            turning_points: None
        })
    );
    assert_eq!(StatisticsProperties::of(&Poisson), None);
}

#[test]
fn each_condition_of_theorem_1_is_needed() {
    let good = table(&VAR, 10, 3);
    let lambda = Lambda::new(&VAR, good.view()).unwrap();
    let base = model(&VAR, 3, &lambda);
    let fails = || Assumption::new(Answer::Fails, "f folds");
    for broken in [
        Model { lambda: None, ..base.clone() },
        Model { injective: fails(), ..base.clone() },
        Model { prior: fails(), ..base.clone() },
    ] {
        let verdict = check(&broken).unwrap();
        assert_eq!((verdict.class, verdict.at_best), (Class::None, Class::None));
        assert!(verdict.sentence().starts_with("not identifiable"), "{verdict}");
    }
    // Unknown is neither.
    let mlp = check(&Model { injective: unknown(), ..base.clone() }).unwrap();
    assert_eq!((mlp.class, mlp.at_best), (Class::None, Class::ScaledPermutation));
    assert!(mlp.sentence().contains("injective mixing"), "{mlp}");
    let binary = check(&Model { noise: Noise::Bernoulli, ..base.clone() }).unwrap();
    assert_eq!((binary.class, binary.at_best), (Class::None, Class::ScaledPermutation));
    // A kink in f matters to the component-wise theorem alone.
    let kinked = check(&Model { smooth: fails(), ..base.clone() }).unwrap();
    assert_eq!(kinked.class, Class::ScaledPermutation);
    // Without one T for all, the scales are lost.
    let shapes = check(&Model { shared: false, ..base.clone() }).unwrap();
    assert_eq!(shapes.class, Class::ComponentWise);
    let full = table(&FULL, 10, 3);
    let lambda = Lambda::new(&FULL, full.view()).unwrap();
    let kinked = check(&Model { smooth: unknown(), ..model(&FULL, 3, &lambda) }).unwrap();
    assert_eq!((kinked.class, kinked.at_best), (Class::Affine, Class::ComponentWise));
    assert!(kinked.sentence().contains("if smooth mixing holds"), "{kinked}");
}

#[test]
fn conditions_of_estimation_do_not_change_the_class() {
    let good = table(&VAR, 10, 3);
    let lambda = Lambda::new(&VAR, good.view()).unwrap();
    let base = model(&VAR, 3, &lambda);
    let fails = Some(Assumption::new(Answer::Fails, "q is Gaussian"));
    let smallest = Some(lambda.smallest_singular_value(&[500; 10]).unwrap());
    let estimated = Model { posterior: fails, maximum: Some(unknown()), smallest, ..base };
    let verdict = check(&estimated).unwrap();
    assert_eq!(verdict.class, Class::ScaledPermutation);
    assert_eq!(answer(&verdict, ConditionId::Posterior), Answer::Fails);
    assert_eq!(answer(&verdict, ConditionId::Maximum), Answer::Unknown);
    // But an estimated λ of which nobody knows how well varies as noise does.
    let verdict = check(&Model { smallest: None, ..estimated }).unwrap();
    assert_eq!((verdict.class, verdict.at_best), (Class::None, Class::ScaledPermutation));
    assert_eq!(answer(&verdict, ConditionId::Variability), Answer::Unknown);
    assert!(verdict.advice.iter().any(|a| a.contains("refits")), "{verdict}");
}

#[test]
fn variability_fails_with_its_reason_and_what_would_help() {
    let few = table(&FULL, 5, 3);
    let lambda = Lambda::new(&FULL, few.view()).unwrap();
    let verdict = check(&model(&FULL, 3, &lambda)).unwrap();
    let condition = verdict.condition(ConditionId::Variability).unwrap();
    assert_eq!((condition.answer, condition.number), (Answer::Fails, Some(5.0)));
    assert_eq!(condition.reason, "5 distinct u, but n·k + 1 = 7 are needed");
    assert!(
        verdict.advice[0].starts_with("at least 2 more distinct u, or no more than 2 latents, or a family")
    );

    let mut still = table(&FULL, 20, 3);
    still.column_mut(2).fill(0.0);
    let lambda = Lambda::new(&FULL, still.view()).unwrap();
    let verdict = check(&model(&FULL, 3, &lambda)).unwrap();
    assert_eq!(verdict.class, Class::None);
    assert!(verdict.advice[0].contains("latent 1 (T1, 100 %)"), "{:?}", verdict.advice);
}

#[test]
fn a_table_of_noise_is_not_called_invertible() {
    // λ̂ of 20 segments of 50 rows each, without any modulation: −½ within 20 %.
    let mut noise = vec![0.0; 60];
    stream::fill_normal(&mut noise, 3, StreamKey::new(6, Purpose::Generate));
    let noisy = Array2::from_shape_vec((20, 3), noise).unwrap().mapv(|e| -0.5 * (1.0 + 0.2 * e));
    let lambda = Lambda::new(&VAR, noisy.view()).unwrap();
    let exact = check(&model(&VAR, 3, &lambda)).unwrap();
    assert_eq!(exact.class, Class::ScaledPermutation);
    let smallest = Some(lambda.smallest_singular_value(&[50; 20]).unwrap());
    let estimated = check(&Model { smallest, ..model(&VAR, 3, &lambda) }).unwrap();
    assert_eq!(answer(&estimated, ConditionId::Variability), Answer::Unknown);
    assert!(
        estimated
            .condition(ConditionId::Variability)
            .unwrap()
            .reason
            .contains("cannot be told from a singular one")
    );
    assert_eq!(estimated.class, Class::None);
}

/// The law of noise by its characteristic function, over |t| up to `reach`.
fn noise(reach: f64, characteristic: impl Fn(f64) -> [f64; 2] + Send + Sync + 'static) -> CustomNoise {
    CustomNoise::new("noise", reach, characteristic).unwrap()
}

fn sinc(t: f64) -> f64 {
    if t == 0.0 { 1.0 } else { t.sin() / t }
}

#[test]
fn zeros_of_a_characteristic_function_are_points_or_intervals() {
    // Bounded away from zero: the smallest value is at the end of the range.
    for (found, smallest) in [
        (noise(6.0, |t| [(-0.5 * t * t).exp(), 0.0]), (-18f64).exp()),
        (noise(100.0, |t| [1.0 / (1.0 + t * t), 0.0]), 1.0 / 10_001.0),
        // A Gamma law of shape 2, which is not symmetric: (1 − it)⁻².
        (
            noise(30.0, |t| [(1.0 - t * t) / (1.0 + t * t).powi(2), 2.0 * t / (1.0 + t * t).powi(2)]),
            1.0 / 901.0,
        ),
    ] {
        let (answer, reason) = found.answer();
        assert_eq!(answer, Answer::Holds, "{reason}");
        assert!(reason.contains(&format!("at least {smallest:.1e}")), "{reason}");
    }
    // Isolated zeros: uniform on (−1, 1) at every multiple of π, where it changes sign; the triangular law of two such,
    // where it does not; a fair coin, cos t.
    for (found, count) in [
        (noise(31.5, |t| [sinc(t), 0.0]), 10),
        (noise(31.5, |t| [sinc(t).powi(2), 0.0]), 10),
        (noise(10.0, |t| [t.cos(), 0.0]), 3),
    ] {
        let (answer, reason) = found.answer();
        assert_eq!(answer, Answer::Holds, "{reason}");
        assert!(reason.contains(&format!("vanishes at {count} isolated points")), "{reason}");
    }
    // Band-limited: a triangle (the density of Fejér's kernel), the same modulated, which vanishes between two bands,
    // powers of it, a smooth bump.
    let triangle = |t: f64| (1.0 - t.abs()).max(0.0);
    for found in [
        noise(10.0, move |t| [triangle(t), 0.0]),
        noise(2000.0, move |t| [triangle(t), 0.0]),
        noise(8.0, move |t| [triangle(t) + 0.5 * triangle(t - 4.0) + 0.5 * triangle(t + 4.0), 0.0]),
        noise(3.0, move |t| [triangle(t).powi(3), 0.0]),
        noise(3.0, |t| [if t.abs() < 1.0 { (1.0 - 1.0 / (1.0 - t * t)).exp() } else { 0.0 }, 0.0]),
    ] {
        assert_eq!(found.answer().0, Answer::Fails, "{found:?}");
    }
    // Too small to tell, not zero: a normal law far out, also where its exponential underflows.
    for reach in [10.0, 100.0, 1e4] {
        let found = noise(reach, |t| [(-0.5 * t * t).exp(), 0.0]);
        assert_eq!(found.answer().0, Answer::Unknown, "{found:?}");
    }
}

#[test]
fn what_is_no_characteristic_function_is_an_error_with_its_value() {
    let of = |reach, f: fn(f64) -> [f64; 2]| CustomNoise::new("noise", reach, f).unwrap_err();
    assert_eq!(of(0.0, |_| [1.0, 0.0]), NoiseError::Reach { reach: 0.0 });
    assert_eq!(of(5.0, |_| [0.5, 0.0]), NoiseError::NotCharacteristic { t: 0.0, value: [0.5, 0.0] });
    let error = of(4.0, |t| [1.0 + t, 0.0]);
    assert!(matches!(error, NoiseError::NotCharacteristic { t, .. } if t > 0.0), "{error}");
    assert!(matches!(of(4.0, |t| [1.0 / (t - 2.0), 0.0]), NoiseError::NotCharacteristic { .. }));
}

#[test]
fn noise_of_ones_own_law_decides_condition_one() {
    let good = table(&VAR, 10, 3);
    let lambda = Lambda::new(&VAR, good.view()).unwrap();
    let with = |noise| check(&Model { noise: Noise::Custom(noise), ..model(&VAR, 3, &lambda) }).unwrap();
    let verdict = with(noise(50.0, |t| [sinc(t), 0.0]));
    assert_eq!(
        (verdict.class, answer(&verdict, ConditionId::Noise)),
        (Class::ScaledPermutation, Answer::Holds)
    );
    let verdict = with(noise(50.0, |t| [(1.0 - t.abs()).max(0.0), 0.0]));
    assert_eq!((verdict.class, answer(&verdict, ConditionId::Noise)), (Class::None, Answer::Fails));
    assert_eq!(verdict.condition(ConditionId::Noise).unwrap().number, Some(0.0));
    assert!(verdict.sentence().contains("vanishes on an interval"), "{verdict}");
}

#[test]
fn conditions_keep_their_key_and_their_name_in_json() {
    let good = table(&VAR, 10, 3);
    let lambda = Lambda::new(&VAR, good.view()).unwrap();
    let verdict = check(&model(&VAR, 3, &lambda)).unwrap();
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(json["conditions"][4]["id"], "variability");
    assert_eq!(json["conditions"][4]["name"], "(iii) variability");
    assert_eq!(serde_json::from_value::<Verdict>(json.clone()).unwrap(), verdict);
    // Files written before the key existed have only the name.
    let mut old = json;
    for condition in old["conditions"].as_array_mut().unwrap() {
        condition.as_object_mut().unwrap().remove("id");
    }
    assert_eq!(serde_json::from_value::<Verdict>(old).unwrap(), verdict);
    for id in ConditionId::ALL {
        assert_eq!(serde_json::from_value::<ConditionId>(id.name().into()).unwrap(), id);
    }
}
