//! The likelihood p(x|z): one file a member, and [`LikelihoodFamily`], their registry.

mod bernoulli;
mod binary_concrete;
mod categorical;
mod counts;
mod gaussian;
mod heteroscedastic;
mod laplace;
mod member;
mod mixed;
mod negative_binomial;
mod poisson;
mod student_t;

use ivae_data::ColumnSelection;
use ivae_expfam::{
    Bernoulli, BinaryConcrete, Categorical, HeteroscedasticGaussian, Laplace, NegativeBinomial, Poisson,
    StudentT, UnitConcrete,
};
use ivae_num::Scalar;
use ndarray::{ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::error::SpecError;
pub use counts::are_counts;
pub use gaussian::VarianceSpec;
pub use member::{FreeParameter, Likelihood, Member, Noise, Suited, u_only};
pub use mixed::{Mixed, Part};

/// The distribution of x around the decoder's output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LikelihoodFamily {
    /// Gaussian, the output its mean; with a noise variance in units of the scaled x.
    Gaussian(VarianceSpec),
    /// Gaussian, the output means and log-variances, which never give a variance below the floor, in units of the scaled x.
    GaussianPerInput(HeteroscedasticGaussian),
    /// Laplace, the output its median, with a learned scale of each column.
    Laplace,
    /// Student t, the output its location, with a learned scale and learned degrees of freedom of each column.
    StudentT,
    /// Bernoulli, the output its log-odds: for x of 0 and 1, not scaled.
    Bernoulli,
    /// Poisson, the output its log rate: for counts, not scaled.
    Poisson,
    /// Negative binomial, the output its log mean, with a learned dispersion of each column: for counts that vary more than
    /// Poisson ones.
    NegativeBinomial,
    /// Categories 0 to `count` − 1, the output log-odds against the last: not scaled. A `count` of 0 stands for as many as the
    /// data have; [`for_x`](Self::for_x) puts that number in its place.
    Categorical(Categorical),
    /// Binary concrete, the output its logit: for x between 0 and 1, not scaled.
    BinaryConcrete(UnitConcrete),
    /// Columns of several kinds.
    Mixed(Mixed<Self>),
}

impl LikelihoodFamily {
    /// Every likelihood in its usual form, with its name on the command line and what it is.
    pub const ALL: [(Self, &'static str, &'static str); 11] = [
        (
            Self::Gaussian(VarianceSpec::PER_DIMENSION),
            "gauss",
            "Gaussian, noise variance learned for each column",
        ),
        (Self::Gaussian(VarianceSpec::SHARED), "gauss-shared", "Gaussian, one learned noise variance"),
        (
            Self::Gaussian(VarianceSpec::Fixed(0.01)),
            "gauss-fixed",
            "Gaussian, noise variance fixed at 0.01 of the scaled data",
        ),
        (
            Self::GaussianPerInput(HeteroscedasticGaussian { floor: 0.01 }),
            "gauss-per-input",
            "Gaussian, noise variances given by the decoder",
        ),
        (Self::Laplace, "laplace", "Laplace, scale learned for each column"),
        (Self::StudentT, "student-t", "Student t, scale and degrees of freedom learned for each column"),
        (Self::Bernoulli, "bernoulli", "Bernoulli, for x of 0 and 1"),
        (Self::Poisson, "poisson", "Poisson, for counts"),
        (Self::NegativeBinomial, "negative-binomial", "Negative binomial, for counts of learned dispersion"),
        (
            Self::Categorical(Categorical { count: 0 }),
            "categorical",
            "Categorical, for x of 0 to K - 1; `categorical:K` sets K",
        ),
        (
            Self::BinaryConcrete(UnitConcrete(BinaryConcrete { temperature: 0.5 })),
            "binary-concrete",
            "Binary concrete, for x between 0 and 1; `binary-concrete:T` sets the temperature",
        ),
    ];

    /// The likelihood of this name on the command line.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known, _)| *known == name).map(|(family, ..)| family)
    }

    /// The likelihood that `text` says of x with columns of these `names`: a name of [`ALL`](Self::ALL), with `:` and a number
    /// where it takes one (`categorical:5`, `binary-concrete:0.3`), or a list such as `a,b=gauss,c1..c5=poisson`, whose
    /// columns are as in [`ColumnSelection`]; columns that it leaves out are Gaussian.
    ///
    /// # Errors
    /// Text that is no likelihood, or columns that are not there or are given twice.
    pub fn parse(text: &str, names: &[String]) -> Result<Self, SpecError> {
        let bad = |reason: String| SpecError::Likelihood { text: text.into(), reason };
        if !text.contains('=') {
            return Self::named(text).ok_or_else(|| bad(Self::expected()));
        }
        let (mut parts, mut selected, mut taken) = (Vec::new(), Vec::new(), vec![false; names.len()]);
        for item in text.split(',') {
            let (columns, likelihood) = item.split_once('=').map_or((item, None), |(c, l)| (c, Some(l)));
            selected.push(columns.trim());
            let Some(likelihood) = likelihood else { continue };
            let likelihood = Self::named(likelihood.trim()).ok_or_else(|| bad(Self::expected()))?;
            let selection = std::mem::take(&mut selected).join(",").parse::<ColumnSelection>();
            let columns = selection.and_then(|s| s.resolve(names)).map_err(|e| bad(e.to_string()))?;
            if let Some(&twice) = columns.iter().find(|&&j| std::mem::replace(&mut taken[j], true)) {
                return Err(bad(format!("column `{}` has two likelihoods", names[twice])));
            }
            parts.push(Part { likelihood, columns });
        }
        if let Some(rest) = selected.first() {
            return Err(bad(format!("`{rest}` has no likelihood: write `{rest}=NAME`")));
        }
        let rest: Vec<usize> = (0..names.len()).filter(|&j| !taken[j]).collect();
        if !rest.is_empty() {
            parts.push(Part { likelihood: Self::Gaussian(VarianceSpec::PER_DIMENSION), columns: rest });
        }
        Ok(Self::Mixed(Mixed { parts }))
    }

    fn expected() -> String {
        let names = Self::ALL.map(|(_, name, _)| name).join(", ");
        format!("give one of {names}, or a list such as c1..c5=gauss,spikes=poisson")
    }

    /// The likelihood of this name, with its number if it takes one.
    fn named(text: &str) -> Option<Self> {
        let Some((name, number)) = text.split_once(':') else { return Self::from_name(text) };
        match Self::from_name(name)? {
            Self::Categorical(_) => number.parse().ok().map(|count| Self::Categorical(Categorical { count })),
            Self::BinaryConcrete(_) => {
                let of = |temperature| Self::BinaryConcrete(UnitConcrete(BinaryConcrete { temperature }));
                number.parse().ok().map(of)
            }
            _ => None,
        }
    }

    /// With numbers that the data decide: how many categories x `[N, d]` has.
    #[must_use]
    pub fn for_x<F: Scalar>(self, x: ArrayView2<'_, F>) -> Self {
        match self {
            Self::Categorical(Categorical { count: 0 }) => {
                let most = x.iter().map(|v| v.f64()).fold(0.0, f64::max).min(f64::from(u32::MAX - 1));
                Self::Categorical(Categorical { count: (most as u32 + 1).max(2) })
            }
            Self::Mixed(Mixed { parts }) => {
                let of_columns = |Part { likelihood, columns }: Part<Self>| {
                    let are_there = columns.iter().all(|&j| j < x.ncols());
                    let own = are_there.then(|| x.select(Axis(1), &columns));
                    let likelihood = own.map_or(likelihood.clone(), |own| likelihood.for_x(own.view()));
                    Part { likelihood, columns }
                };
                Self::Mixed(Mixed { parts: parts.into_iter().map(of_columns).collect() })
            }
            other => other,
        }
    }

    /// The likelihood that x `[N, d]` gets unless told otherwise, where it is discrete: Bernoulli for 0 and 1, Poisson for
    /// [counts](are_counts).
    pub fn of_discrete<F: Scalar>(x: ArrayView2<'_, F>) -> Option<Self> {
        if Self::Bernoulli.part::<F>().check_x(x).is_ok() {
            return Some(Self::Bernoulli);
        }
        are_counts(x).then_some(Self::Poisson)
    }

    /// The likelihood itself.
    pub fn part<F: Scalar>(&self) -> &dyn Likelihood<F> {
        match self {
            Self::Gaussian(variance) => variance,
            Self::GaussianPerInput(likelihood) => likelihood,
            Self::Laplace => &Laplace,
            Self::StudentT => &StudentT,
            Self::Bernoulli => &Bernoulli,
            Self::Poisson => &Poisson,
            Self::NegativeBinomial => &NegativeBinomial,
            Self::Categorical(likelihood) => likelihood,
            Self::BinaryConcrete(likelihood) => likelihood,
            Self::Mixed(likelihood) => likelihood,
        }
    }
}

impl Member for LikelihoodFamily {
    fn part<F: Scalar>(&self) -> &dyn Likelihood<F> {
        Self::part(self)
    }
}

impl From<Bernoulli> for LikelihoodFamily {
    fn from(_: Bernoulli) -> Self {
        Self::Bernoulli
    }
}

impl From<Poisson> for LikelihoodFamily {
    fn from(_: Poisson) -> Self {
        Self::Poisson
    }
}

impl From<NegativeBinomial> for LikelihoodFamily {
    fn from(_: NegativeBinomial) -> Self {
        Self::NegativeBinomial
    }
}

impl From<VarianceSpec> for LikelihoodFamily {
    fn from(variance: VarianceSpec) -> Self {
        Self::Gaussian(variance)
    }
}
