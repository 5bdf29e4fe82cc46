//! [`Verdict`]: the answers, and the class of maps up to which the latents are determined.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Is a condition met?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Yes.
    Holds,
    /// No.
    Fails,
    /// It cannot be known, from what there is or at all.
    Unknown,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::Unknown => "unknown",
        })
    }
}

/// Up to which maps p(x|u) determines the latents; from the widest class to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Nothing follows: the latents may be mixed in any way.
    None,
    /// T(z) = A T(z′) + c with an invertible nk × nk matrix A (theorem 1).
    Affine,
    /// Each z is known up to order and a map of its own (the paper's theorems 2 and 3).
    ComponentWise,
    /// Each T(z) is known up to order, scale and shift (the talk's theorem 3).
    ScaledPermutation,
}

impl Class {
    /// In words that complete "identifiable".
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "not at all by these theorems",
            Self::Affine => "up to an invertible linear map of T(z)",
            Self::ComponentWise => "up to permutation and component-wise maps",
            Self::ScaledPermutation => "up to a scaled permutation of T(z)",
        }
    }
}

/// One condition and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// What it says, in short; always the same for the same condition.
    pub name: String,
    /// The class that needs it (with all that a wider class needs); `None` for the conditions of estimation.
    pub class: Option<Class>,
    /// Is it met?
    pub answer: Answer,
    /// Why.
    pub reason: String,
    /// The number by which it was judged, where there is one:
    /// - *(i) noise*: the smallest modulus of the characteristic function over the range of t that the reason states, 0
    ///   where it has zeros; none where it is not known;
    /// - *(ii) statistics*: in \[0, 1\], the smallest part of a statistic that is left when constants and the statistics
    ///   before it are projected out, on the worst of 8 pieces of the support; where a T′ is 0 on an interval, the share
    ///   of 2001 points at which it is; none for discrete latents;
    /// - *(iii) variability*: the smallest singular value of λ(u) − λ̄ in units of information
    ///   ([`Lambda::variability`](crate::Lambda::variability)); where there are too few distinct u, their number;
    /// - *T twice differentiable*: the factor, at least 1, by which the slope of T′ grows when the piece of the support on
    ///   which T′ changes fastest is halved 30 times: without end at a kink;
    /// - *T of unique minimum*, *T not monotonic*: how often T turns from falling to rising or back;
    /// - the others: what [`Known::number`](crate::theorem::Known::number) gives.
    pub number: Option<f64>,
}

/// What [`check`](crate::check) has found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The class that follows from what is known to hold.
    pub class: Class,
    /// The class that would follow if everything unknown held.
    pub at_best: Class,
    /// Every condition of identifiability, then those of estimation.
    pub conditions: Vec<Condition>,
    /// What to do next; empty if nothing is to be done.
    pub advice: Vec<String>,
}

impl Verdict {
    pub(super) fn new(conditions: Vec<Condition>, advice: impl FnOnce(&Self) -> Vec<String>) -> Self {
        let mut verdict = Self {
            class: class(&conditions, false),
            at_best: class(&conditions, true),
            conditions,
            advice: vec![],
        };
        verdict.advice = advice(&verdict);
        verdict
    }

    /// The condition of this name.
    pub fn condition(&self, name: &str) -> Option<&Condition> {
        self.conditions.iter().find(|c| c.name == name)
    }

    /// In one sentence.
    pub fn sentence(&self) -> String {
        let named = |answer: Answer, most: Class| -> String {
            let needed = self.conditions.iter().filter(|c| c.class.is_some_and(|class| class <= most));
            needed.filter(|c| c.answer == answer).map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        match (self.class, self.at_best) {
            (class, best) if class == best && class == Class::None => {
                let failing = self.conditions.iter().filter(|c| c.class == Some(Class::Affine));
                let failing = failing.filter(|c| c.answer == Answer::Fails);
                let why: Vec<String> = failing.map(|c| format!("{} fails, {}", c.name, c.reason)).collect();
                format!("not identifiable by these theorems: {}", why.join("; "))
            }
            (class, best) if class == best => format!("identifiable {}", class.words()),
            (Class::None, best) => {
                format!(
                    "identifiable {}, if what cannot be known holds: {}",
                    best.words(),
                    named(Answer::Unknown, best)
                )
            }
            (class, best) => format!(
                "identifiable {}; {} if {} holds",
                class.words(),
                best.words(),
                named(Answer::Unknown, best)
            ),
        }
    }
}

/// The narrowest class all of whose conditions, and those of the affine class, hold (or are `unknown`, if that is enough).
fn class(conditions: &[Condition], unknown: bool) -> Class {
    let met = |c: &Condition| c.answer == Answer::Holds || (unknown && c.answer == Answer::Unknown);
    let all = |class: Class| {
        let mut of = conditions.iter().filter(|c| c.class == Some(class)).peekable();
        of.peek().is_some() && of.all(met)
    };
    if !all(Class::Affine) {
        return Class::None;
    }
    let narrow = [Class::ScaledPermutation, Class::ComponentWise];
    narrow.into_iter().find(|&c| all(c)).unwrap_or(Class::Affine)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.sentence())?;
        let width = self.conditions.iter().map(|c| c.name.chars().count()).max().unwrap_or(0);
        for condition in &self.conditions {
            let Condition { name, answer, reason, .. } = condition;
            writeln!(f, "  {answer:<7}  {name:<width$}  {reason}")?;
        }
        self.advice.iter().try_for_each(|advice| writeln!(f, "  next: {advice}"))
    }
}
