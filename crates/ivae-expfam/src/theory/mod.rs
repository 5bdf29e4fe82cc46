//! The identifiability theory: the table λ(u), the theorems, and the maps that the data cannot distinguish.

pub mod ambiguity;
pub mod equivalence;
pub mod lambda;
pub mod theorem;

pub use equivalence::{Equivalence, statistics};
pub use lambda::{Lambda, LambdaError, Variability, natural_table};
pub use theorem::{Answer, Assumption, Class, Condition, ConditionId, Model, Noise, Verdict, check};
