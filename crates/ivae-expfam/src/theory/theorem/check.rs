//! [`check`]: each condition of the theorems for a model described by [`Model`].

use super::super::lambda::LambdaError;
use super::answer::Answer;
use super::assumption::Assumption;
use super::class::Class;
use super::condition::Condition;
use super::condition_id::ConditionId;
use super::inspection::Inspection;
use super::model::Model;
use super::noise::{Noise, REACH};
use super::verdict::Verdict;
use crate::density::StatisticsProperties;

/// Every condition of the theorems, with its reason and its [number](Condition::number), and what follows.
///
/// - theorem 1 (up to an affine map of T): the prior is conditionally factorial in one family, f injective; (i) the
///   characteristic function of ε vanishes only on a null set; (ii) T′ᵢⱼ ≠ 0 almost surely and the Tᵢⱼ of one i are
///   linearly independent on every set of positive measure; (iii) L invertible for some n·k + 1 distinct u;
/// - the paper's theorem 2 (k ≥ 2) and theorem 3 (k = 1, T not monotonic): up to component-wise maps;
/// - the talk's theorem 3 (k = 1, one T for all components, with a unique minimum): up to a scaled permutation;
/// - theorem 4 of the paper (the talk's theorem 2) on estimation: the posterior's family, and the maximum.
///
/// ```
/// use ivae_expfam::{
///     Answer, Assumption, Class, ConditionId, Gaussian, GaussianForm, Lambda, Model, Noise, check,
/// };
/// use ndarray::array;
///
/// let family = Gaussian { form: GaussianForm::Var };
/// let lambda = Lambda::new(&family, array![[-0.5, -0.5], [-0.1, -0.5], [-0.5, -2.0]].view())?;
/// let holds = |why: &str| Assumption::new(Answer::Holds, why);
/// let verdict = check(&Model {
///     latents: 2,
///     family: &family,
///     shared: true,
///     lambda: Some(&lambda),
///     smallest: None,
///     noise: Noise::Gaussian,
///     prior: holds("given"),
///     injective: holds("f is a flow"),
///     smooth: holds("its units are"),
///     posterior: None,
///     maximum: None,
/// })?;
/// assert_eq!(verdict.class, Class::ScaledPermutation);
/// assert!(verdict.condition(ConditionId::Variability).is_some_and(|c| c.answer == Answer::Holds));
/// println!("{verdict}");
/// # Ok::<(), ivae_expfam::LambdaError>(())
/// ```
///
/// # Errors
/// A decomposition that does not converge.
pub fn check(model: &Model<'_>) -> Result<Verdict, LambdaError> {
    let properties = StatisticsProperties::of(model.family);
    let inspection = Inspection::of(model.family);
    let proven = model.family.statistics_properties().is_some();
    let (variability, advice) = variability(model)?;
    let mut conditions = vec![
        assumed(ConditionId::Prior, Class::Affine, &model.prior),
        assumed(ConditionId::Injective, Class::Affine, &model.injective),
        noise(&model.noise),
        statistics(properties.zip(inspection), proven),
        variability,
    ];
    conditions.extend(narrower(properties.zip(inspection), model));
    let estimation = [(ConditionId::Posterior, &model.posterior), (ConditionId::Maximum, &model.maximum)];
    conditions.extend(estimation.into_iter().filter_map(|(id, assumption)| {
        Some(Condition { class: None, ..assumed(id, Class::Affine, assumption.as_ref()?) })
    }));
    Ok(Verdict::new(conditions, |verdict| next_steps(model, properties, verdict, advice)))
}

/// A condition that the caller answers.
fn assumed(id: ConditionId, class: Class, assumption: &Assumption) -> Condition {
    let Assumption { answer, reason, number } = assumption.clone();
    Condition { id, class: Some(class), answer, reason, number }
}

fn holds_if(yes: bool) -> Answer {
    if yes { Answer::Holds } else { Answer::Fails }
}

fn noise(noise: &Noise) -> Condition {
    let (name, number) = (noise.name(), noise.smallest());
    let (answer, reason) = match noise {
        Noise::Custom(custom) => custom.answer(),
        Noise::None => (Answer::Holds, "no noise: the limit of any".to_owned()),
        Noise::Gaussian | Noise::Laplace | Noise::Logistic => (
            Answer::Holds,
            format!(
                "{name}: its characteristic function is positive everywhere, at least {:.1e} for |t| up to {REACH}",
                number.unwrap_or(f64::NAN)
            ),
        ),
        Noise::Uniform => (
            Answer::Holds,
            format!(
                "{name}: its characteristic function vanishes at isolated points only, the multiples of π"
            ),
        ),
        Noise::StudentT => {
            (Answer::Holds, format!("{name}: its characteristic function is positive everywhere"))
        }
        Noise::Counts => {
            (Answer::Holds, format!("{name}: the law of x determines the law of the rates (Teicher 1961)"))
        }
        Noise::Categories => {
            (Answer::Unknown, format!("{name}: frequencies of categories do not determine the law of f(z)"))
        }
        Noise::Bernoulli => (
            Answer::Unknown,
            format!(
                "{name}: it holds for the logistic noise of which discrete data are the limit, not for the limit"
            ),
        ),
        Noise::Other => (Answer::Unknown, format!("{name}: its characteristic function is not known")),
    };
    Condition { id: ConditionId::Noise, class: Some(Class::Affine), answer, reason, number }
}

fn statistics(found: Option<(StatisticsProperties, Inspection)>, proven: bool) -> Condition {
    let how = if proven { "proven" } else { "seen at 2001 points" };
    let (answer, reason, number) = match found {
        None => (Answer::Fails, "the latents are discrete: T has no derivative".to_owned(), None),
        Some((StatisticsProperties { nonzero_slope: false, .. }, Inspection { zero_slope_share, .. })) => (
            Answer::Fails,
            format!(
                "some T′ is 0 on a whole interval ({how}): at {:.1} % of the points",
                100.0 * zero_slope_share
            ),
            Some(zero_slope_share),
        ),
        Some((StatisticsProperties { independent, .. }, Inspection { independent_part, .. })) => {
            let reason = if independent {
                format!("T′ ≠ 0 almost everywhere and T linearly independent ({how})")
            } else {
                format!("T₁ … T_k are linearly dependent on an interval ({how})")
            };
            let part = format!(
                "the part of a T outside the span of 1 and those before it is {independent_part:.1e} or more"
            );
            (holds_if(independent), format!("{reason}: {part}"), Some(independent_part))
        }
    };
    Condition { id: ConditionId::Statistics, class: Some(Class::Affine), answer, reason, number }
}

/// Condition (iii), and advice on how to meet it.
fn variability(model: &Model<'_>) -> Result<(Condition, Vec<String>), LambdaError> {
    let k = model.family.k();
    let (needed, nk) = (model.latents * k + 1, model.latents * k);
    let condition = |answer, reason, number| Condition {
        id: ConditionId::Variability,
        class: Some(Class::Affine),
        answer,
        reason,
        number,
    };
    let Some(lambda) = model.lambda else {
        let advice = vec!["give an auxiliary variable u on which the latents depend".to_owned()];
        return Ok((condition(Answer::Fails, "the prior does not depend on u".into(), Some(0.0)), advice));
    };
    let found = lambda.variability()?;
    let smallest = found.singular_values.last().copied();
    if !found.enough_u() {
        let reason = format!("{} distinct u, but n·k + 1 = {needed} are needed", found.distinct_u);
        let mut advice = vec![format!("at least {} more distinct u", needed - found.distinct_u)];
        let most = found.distinct_u.saturating_sub(1) / k;
        advice.push(format!("or no more than {most} latents"));
        if k > 1 && found.distinct_u > model.latents {
            advice
                .push("or a family of one statistic, such as the Gaussian of varying variance alone".into());
        }
        return Ok((
            condition(Answer::Fails, reason, Some(found.distinct_u as f64)),
            vec![advice.join(", ")],
        ));
    }
    if !found.full_rank() {
        let reason = format!("λ(u) varies in only {} of n·k = {nk} directions", found.rank);
        let named: Vec<String> = lambda
            .span()?
            .unspanned
            .iter()
            .take(6)
            .map(|u| format!("latent {} (T{}, {:.0} %)", u.component, u.statistic + 1, 100.0 * u.share))
            .collect();
        let advice = format!("distinct u that move what none moves: {}", named.join(", "));
        return Ok((condition(Answer::Fails, reason, smallest), vec![advice]));
    }
    let Some(interval) = model.smallest else {
        let reason = format!("λ(u) varies in all n·k = {nk} directions; condition {:.1}", found.condition);
        if model.maximum.is_none() {
            return Ok((condition(Answer::Holds, reason, smallest), vec![]));
        }
        let reason = format!("as fitted, {reason}; no interval tells whether noise alone does so");
        let advice = "refits to resampled rows, which give an interval (Lambda::smallest_singular_value_of)";
        return Ok((condition(Answer::Unknown, reason, smallest), vec![advice.to_owned()]));
    };
    let range = format!(
        "smallest singular value {:.3}, 95 % interval {:.3} to {:.3}",
        interval.estimate, interval.lower, interval.upper
    );
    Ok(if interval.told_from_singular() {
        let reason = format!("λ(u) varies in all n·k = {nk} directions: {range}");
        (condition(Answer::Holds, reason, smallest), vec![])
    } else {
        let reason = format!("L cannot be told from a singular one: {range}");
        let advice = "more rows for each u, or u that differ more: noise alone makes such an L".to_owned();
        (condition(Answer::Unknown, reason, smallest), vec![advice])
    })
}

/// The conditions of the classes narrower than the affine one.
fn narrower(found: Option<(StatisticsProperties, Inspection)>, model: &Model<'_>) -> Vec<Condition> {
    let Some((properties, inspection)) = found else { return vec![] };
    let condition = |id, class, holds, number: f64, reason: String| Condition {
        id,
        class: Some(class),
        answer: holds_if(holds),
        reason,
        number: Some(number),
    };
    let smooth = assumed(ConditionId::Smooth, Class::ComponentWise, &model.smooth);
    let Some(turning_points) = properties.turning_points else {
        let growth = format!("the slope of T′ grows by {:.1e} on ever smaller pieces", inspection.growth);
        let reason = format!("{}: {growth}", if properties.smooth { "k ≥ 2" } else { "T has a kink" });
        let id = ConditionId::TwiceDifferentiable;
        return vec![
            condition(id, Class::ComponentWise, properties.smooth, inspection.growth, reason),
            smooth,
        ];
    };
    let minimum = match turning_points {
        0 => "k = 1: T is monotonic".to_owned(),
        1 if model.shared => "k = 1: T turns once, and is the same for all latents".to_owned(),
        1 => "k = 1: T is not the same for all latents".to_owned(),
        _ => format!("k = 1: T turns {turning_points} times"),
    };
    let turns_once = turning_points == 1 && model.shared;
    let monotonic = if turning_points > 0 { "k = 1: T falls and rises" } else { "k = 1: T is monotonic" };
    let number = turning_points as f64;
    vec![
        condition(ConditionId::UniqueMinimum, Class::ScaledPermutation, turns_once, number, minimum),
        condition(
            ConditionId::NotMonotonic,
            Class::ComponentWise,
            turning_points > 0,
            number,
            monotonic.to_owned(),
        ),
        smooth,
    ]
}

/// Advice on what to do next.
fn next_steps(
    model: &Model<'_>,
    properties: Option<StatisticsProperties>,
    verdict: &Verdict,
    mut advice: Vec<String>,
) -> Vec<String> {
    let Some(properties) = properties else {
        return vec!["take a family of continuous latents".into()];
    };
    if !properties.nonzero_slope || !properties.independent {
        advice.push(
            "take statistics that move everywhere: polynomials, say, in the place of local bumps".into(),
        );
    }
    if verdict.at_best == Class::Affine {
        advice.push(match properties.turning_points {
            Some(0) => "follow with linear ICA of T(z), which finds the map if the latents are independent over all u \
                        together and at most one is Gaussian there; or let a second statistic, such as the variance, \
                        depend on u"
                .into(),
            _ => "follow with linear ICA of T(z)".into(),
        });
    }
    if model.injective.answer == Answer::Unknown {
        advice.push("a decoder that is bijective by construction makes the mixing injective".into());
    }
    advice
}
