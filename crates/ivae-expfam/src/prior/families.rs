//! [`Families`]: one family for all latents, or one for each.

use std::fmt::{Display, Formatter};
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::registry::Family;

/// One family for all latents, or one for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Families {
    /// The same for all.
    All(Family),
    /// One for each latent.
    Each(Vec<Family>),
}

impl Families {
    /// The family, where it is the same for all latents.
    pub fn single(&self) -> Option<Family> {
        match self {
            Self::All(family) => Some(*family),
            Self::Each(families) => {
                let first = *families.first()?;
                families.iter().all(|f| *f == first).then_some(first)
            }
        }
    }

    /// In words: one name, or one for each latent.
    pub fn words(&self) -> String {
        match (self.single(), self) {
            (Some(family), _) => family.words().to_owned(),
            (None, Self::All(family)) => family.words().to_owned(),
            (None, Self::Each(families)) => families.iter().map(Family::words).collect::<Vec<_>>().join(", "),
        }
    }

    /// How many latents it is for; `None` if for any number.
    pub fn latents(&self) -> Option<usize> {
        match self {
            Self::All(_) => None,
            Self::Each(families) => Some(families.len()),
        }
    }

    /// The family of latent `i`.
    ///
    /// # Panics
    /// Where there is no such latent.
    pub fn of(&self, i: usize) -> Family {
        match self {
            Self::All(family) => *family,
            Self::Each(families) => families[i],
        }
    }

    /// Whether a shift and a change of scale of any latents, and another order of them, lead to other members of the
    /// same families.
    pub fn absorbs_affine(&self) -> bool {
        self.single().is_some_and(|family| family.part::<f64>().absorbs_affine())
    }

    /// Neighbouring latents of `n` that have one family, with the family.
    pub fn runs(&self, n: usize) -> Vec<(Family, Range<usize>)> {
        if let Some(family) = self.single() {
            return vec![(family, 0..n)];
        }
        let mut runs: Vec<(Family, Range<usize>)> = Vec::new();
        for i in 0..n {
            match runs.last_mut() {
                Some((family, range)) if *family == self.of(i) => range.end = i + 1,
                _ => runs.push((self.of(i), i..i + 1)),
            }
        }
        runs
    }
}

impl<T: Into<Family>> From<T> for Families {
    fn from(family: T) -> Self {
        Self::All(family.into())
    }
}

impl From<Vec<Family>> for Families {
    fn from(families: Vec<Family>) -> Self {
        Self::Each(families)
    }
}

impl Display for Families {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::All(family) => family.fmt(f),
            Self::Each(families) => {
                let names: Vec<String> = families.iter().map(Family::to_string).collect();
                f.write_str(&names.join(","))
            }
        }
    }
}

/// A name that is none of a prior.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no prior `{name}`")]
pub struct UnknownPrior {
    /// As given.
    pub name: String,
}

/// One name, or one for each latent with commas between: `gamma,gauss,gauss`.
impl FromStr for Families {
    type Err = UnknownPrior;

    fn from_str(names: &str) -> Result<Self, UnknownPrior> {
        let family =
            |name: &str| Family::from_name(name).ok_or_else(|| UnknownPrior { name: name.to_owned() });
        match names.contains(',') {
            false => family(names).map(Self::All),
            true => {
                names.split(',').map(|name| family(name.trim())).collect::<Result<_, _>>().map(Self::Each)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written() {
        for text in ["gauss", "gamma,gauss,gauss", "exponential-power:1.5"] {
            let families: Families = text.parse().unwrap();
            assert_eq!(families.to_string(), text);
        }
        assert_eq!("gamma,gaus".parse::<Families>(), Err(UnknownPrior { name: "gaus".into() }));
        assert!("exponential-power:-1".parse::<Families>().is_err());
    }

    #[test]
    fn neighbours_of_one_family_are_a_run() {
        let families: Families = "gamma,gauss,gauss,gamma".parse().unwrap();
        let runs = families.runs(4);
        assert_eq!(runs, [(Family::Gamma, 0..1), (Family::Gaussian, 1..3), (Family::Gamma, 3..4)]);
        assert_eq!(Families::Each(vec![Family::Beta; 3]).runs(3), [(Family::Beta, 0..3)]);
    }
}
