//! [`check`]: each condition of the theorems for a model described by [`Model`].

use super::nature::Seen;
use super::noise::REACH;
use super::{Answer, Class, Condition, Known, Nature, Noise, Verdict};
use crate::lambda::Interval;
use crate::{ExpFam, Lambda, LambdaError};

/// A model, as far as the theorems ask about it.
#[derive(Debug, Clone)]
pub struct Model<'a> {
    /// Latents n.
    pub latents: usize,
    /// The family of every component of p(z|u).
    pub family: &'a dyn ExpFam<f64>,
    /// Do all components have the same T? If not (a shape of their own, say), the family stands for all of them.
    pub shared: bool,
    /// λ(u) at every distinct u; `None` if the prior does not depend on u.
    pub lambda: Option<&'a Lambda<'a>>,
    /// If λ is estimated: [`Lambda::smallest_singular_value`], or that of replicates. `None` if λ is exact; of an estimated
    /// one (see `maximum`), condition (iii) can then not be known.
    pub smallest: Option<Interval>,
    /// The law of ε.
    pub noise: Noise,
    /// Is p(z|u) of this family, with the same T whatever u is?
    pub prior: Known,
    /// Is f injective?
    pub injective: Known,
    /// Does f have continuous derivatives, the second cross derivatives included?
    pub smooth: Known,
    /// Does the family of q(z|x, u) contain the true posterior? `None` where nothing is estimated.
    pub posterior: Option<Known>,
    /// Has the maximum been reached? `None` where nothing is estimated.
    pub maximum: Option<Known>,
}

/// Every condition of the theorems, with its reason and its [number](Condition::number), and what follows.
///
/// - theorem 1 (up to an affine map of T): the prior is conditionally factorial in one family, f injective; (i) the
///   characteristic function of ε vanishes only on a null set; (ii) T′ᵢⱼ ≠ 0 almost surely and the Tᵢⱼ of one i are linearly
///   independent on every set of positive measure; (iii) L invertible for some n·k + 1 distinct u;
/// - the paper's theorem 2 (k ≥ 2) and theorem 3 (k = 1, T not monotonic): up to component-wise maps;
/// - the talk's theorem 3 (k = 1, one T for all components, with a unique minimum): up to a scaled permutation;
/// - theorem 4 of the paper (the talk's theorem 2) on estimation: the posterior's family, and the maximum.
///
/// ```
/// use ivae_expfam::theorem::{Answer, Class, Known, Model, Noise, check};
/// use ivae_expfam::{Gaussian, GaussianForm, Lambda};
/// use ndarray::array;
///
/// let family = Gaussian { form: GaussianForm::Var };
/// let lambda = Lambda::new(&family, array![[-0.5, -0.5], [-0.1, -0.5], [-0.5, -2.0]].view())?;
/// let holds = |why: &str| Known::new(Answer::Holds, why);
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
/// assert!(verdict.condition("(iii) variability").is_some_and(|c| c.answer == Answer::Holds));
/// println!("{verdict}");
/// # Ok::<(), ivae_expfam::LambdaError>(())
/// ```
///
/// # Errors
/// A decomposition that does not converge.
pub fn check(model: &Model<'_>) -> Result<Verdict, LambdaError> {
    let nature = Nature::of(model.family);
    let seen = Seen::of(model.family);
    let proven = model.family.nature().is_some();
    let (variability, advice) = variability(model)?;
    let mut conditions = vec![
        told("prior", Class::Affine, &model.prior),
        told("injective mixing", Class::Affine, &model.injective),
        noise(&model.noise),
        statistics(nature.zip(seen), proven),
        variability,
    ];
    conditions.extend(narrower(nature.zip(seen), model));
    let estimation = [("posterior family", &model.posterior), ("maximum reached", &model.maximum)];
    conditions.extend(estimation.into_iter().filter_map(|(name, known)| {
        Some(Condition { class: None, ..told(name, Class::Affine, known.as_ref()?) })
    }));
    Ok(Verdict::new(conditions, |verdict| next(model, nature, verdict, advice)))
}

fn told(name: &'static str, class: Class, known: &Known) -> Condition {
    let Known { answer, reason, number } = known.clone();
    Condition { name: name.into(), class: Some(class), answer, reason, number }
}

fn answered(yes: bool) -> Answer {
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
        Noise::Bernoulli => (
            Answer::Unknown,
            format!(
                "{name}: it holds for the logistic noise of which discrete data are the limit, not for the limit"
            ),
        ),
        Noise::Other => (Answer::Unknown, format!("{name}: its characteristic function is not known")),
    };
    Condition { name: "(i) noise".into(), class: Some(Class::Affine), answer, reason, number }
}

fn statistics(found: Option<(Nature, Seen)>, proven: bool) -> Condition {
    let how = if proven { "proven" } else { "seen at 2001 points" };
    let (answer, reason, number) = match found {
        None => (Answer::Fails, "the latents are discrete: T has no derivative".to_owned(), None),
        Some((Nature { moving: false, .. }, Seen { still, .. })) => (
            Answer::Fails,
            format!("some T′ is 0 on a whole interval ({how}): at {:.1} % of the points", 100.0 * still),
            Some(still),
        ),
        Some((Nature { independent, .. }, Seen { left, .. })) => {
            let reason = match independent {
                false => format!("T₁ … T_k are linearly dependent on an interval ({how})"),
                true => format!("T′ ≠ 0 almost everywhere and T linearly independent ({how})"),
            };
            let part =
                format!("the part of a T outside the span of 1 and those before it is {left:.1e} or more");
            (answered(independent), format!("{reason}: {part}"), Some(left))
        }
    };
    Condition { name: "(ii) statistics".into(), class: Some(Class::Affine), answer, reason, number }
}

/// Condition (iii), and what would help it.
fn variability(model: &Model<'_>) -> Result<(Condition, Vec<String>), LambdaError> {
    let k = model.family.k();
    let (needed, nk) = (model.latents * k + 1, model.latents * k);
    let condition = |answer, reason, number| Condition {
        name: "(iii) variability".into(),
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

/// What the classes narrower than the affine one need.
fn narrower(found: Option<(Nature, Seen)>, model: &Model<'_>) -> Vec<Condition> {
    let Some((nature, seen)) = found else { return vec![] };
    let condition = |name: &str, class, holds, number: f64, reason: String| Condition {
        name: name.into(),
        class: Some(class),
        answer: answered(holds),
        reason,
        number: Some(number),
    };
    let smooth = told("smooth mixing", Class::ComponentWise, &model.smooth);
    let Some(turns) = nature.turns else {
        let growth = format!("the slope of T′ grows by {:.1e} on ever smaller pieces", seen.growth);
        let reason = format!("{}: {growth}", if nature.smooth { "k ≥ 2" } else { "T has a kink" });
        let twice = "T twice differentiable";
        return vec![condition(twice, Class::ComponentWise, nature.smooth, seen.growth, reason), smooth];
    };
    let minimum = match turns {
        0 => "k = 1: T is monotonic".to_owned(),
        1 if model.shared => "k = 1: T turns once, and is the same for all latents".to_owned(),
        1 => "k = 1: T is not the same for all latents".to_owned(),
        _ => format!("k = 1: T turns {turns} times"),
    };
    let once = turns == 1 && model.shared;
    let monotonic = if turns > 0 { "k = 1: T falls and rises" } else { "k = 1: T is monotonic" };
    let number = turns as f64;
    vec![
        condition("T of unique minimum", Class::ScaledPermutation, once, number, minimum),
        condition("T not monotonic", Class::ComponentWise, turns > 0, number, monotonic.to_owned()),
        smooth,
    ]
}

/// What to do next.
fn next(
    model: &Model<'_>,
    nature: Option<Nature>,
    verdict: &Verdict,
    mut advice: Vec<String>,
) -> Vec<String> {
    let Some(nature) = nature else {
        return vec!["take a family of continuous latents".into()];
    };
    if !nature.moving || !nature.independent {
        advice.push(
            "take statistics that move everywhere: polynomials, say, in the place of local bumps".into(),
        );
    }
    if verdict.at_best == Class::Affine {
        advice.push(match nature.turns {
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
