//! [`Verdict`]: the answers, and the class of maps up to which the latents are identifiable.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::class::Class;
use super::condition::Condition;
use super::condition_id::ConditionId;

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

    /// The condition with this identifier; `None` if the theorems do not ask it of this model.
    pub fn condition(&self, id: ConditionId) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.id == id)
    }

    /// In one sentence.
    pub fn sentence(&self) -> String {
        let named = |answer: Answer, most: Class| -> String {
            let needed = self.conditions.iter().filter(|c| c.class.is_some_and(|class| class <= most));
            needed.filter(|c| c.answer == answer).map(|c| c.id.name()).collect::<Vec<_>>().join(", ")
        };
        match (self.class, self.at_best) {
            (class, best) if class == best && class == Class::None => {
                let failing = self.conditions.iter().filter(|c| c.class == Some(Class::Affine));
                let failing = failing.filter(|c| c.answer == Answer::Fails);
                let why: Vec<String> = failing.map(|c| format!("{} fails, {}", c.id, c.reason)).collect();
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
        let width = self.conditions.iter().map(|c| c.id.name().chars().count()).max().unwrap_or(0);
        for condition in &self.conditions {
            let Condition { id, answer, reason, .. } = condition;
            writeln!(f, "  {answer:<7}  {id:<width$}  {reason}")?;
        }
        self.advice.iter().try_for_each(|advice| writeln!(f, "  next: {advice}"))
    }
}
