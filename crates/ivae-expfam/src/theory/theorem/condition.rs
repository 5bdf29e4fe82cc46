//! [`Condition`]: one condition of the theorems, its answer and the reason.

use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::class::Class;
use super::condition_id::ConditionId;

/// One condition and its answer. In JSON it has its `id` as the stable key and its `name` for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Read")]
pub struct Condition {
    /// Which condition it is.
    pub id: ConditionId,
    /// The class that needs it, besides all conditions of the wider classes; `None` for the conditions of estimation.
    pub class: Option<Class>,
    /// Is it met?
    pub answer: Answer,
    /// Why.
    pub reason: String,
    /// The number that decided the answer, where there is one:
    /// - [`Noise`](ConditionId::Noise): the smallest modulus of the characteristic function over the range of t that
    ///   the reason states, 0 where it has zeros; none where it is not known;
    /// - [`Statistics`](ConditionId::Statistics): in \[0, 1\], the smallest part of a statistic that is left when
    ///   constants and the statistics before it are projected out, on the worst of 8 pieces of the support; where a T′
    ///   is 0 on an interval, the share of 2001 points at which it is; none for discrete latents;
    /// - [`Variability`](ConditionId::Variability): the smallest singular value of λ(u) − λ̄ in units of information
    ///   ([`Lambda::variability`](crate::Lambda::variability)); where there are too few distinct u, their number;
    /// - [`TwiceDifferentiable`](ConditionId::TwiceDifferentiable): the factor, at least 1, by which the slope of T′
    ///   grows when the piece of the support on which T′ changes fastest is halved 30 times: without end at a kink;
    /// - [`UniqueMinimum`](ConditionId::UniqueMinimum), [`NotMonotonic`](ConditionId::NotMonotonic): how often T turns
    ///   from falling to rising or back;
    /// - the others: what [`Assumption::number`](super::Assumption::number) gives.
    pub number: Option<f64>,
}

/// A condition as JSON holds it.
#[derive(Serialize)]
struct Written {
    id: ConditionId,
    name: &'static str,
    class: Option<Class>,
    answer: Answer,
    reason: String,
    number: Option<f64>,
}

impl From<Condition> for Written {
    fn from(condition: Condition) -> Self {
        let Condition { id, class, answer, reason, number } = condition;
        Self { id, name: id.name(), class, answer, reason, number }
    }
}

/// A condition as JSON gives it: files written before `id` existed have only the name, which is an alias of the id.
#[derive(Deserialize)]
struct Read {
    id: Option<ConditionId>,
    name: Option<ConditionId>,
    class: Option<Class>,
    answer: Answer,
    reason: String,
    number: Option<f64>,
}

impl TryFrom<Read> for Condition {
    type Error = &'static str;

    fn try_from(read: Read) -> Result<Self, Self::Error> {
        let Read { id, name, class, answer, reason, number } = read;
        let id = id.or(name).ok_or("a condition needs an `id`")?;
        Ok(Self { id, class, answer, reason, number })
    }
}
