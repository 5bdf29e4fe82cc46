//! Strategies of proptest for tests about priors and identifiability (feature `proptest`): families, natural parameters,
//! tables of λ of known rank, invertible and orthogonal matrices, whole priors.

use std::sync::Arc;

use ndarray::Array2;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::density::ExpFam;
use crate::family::custom::{Custom, Polynomial};
use crate::family::{
    Bernoulli, Beta, Categorical, Exponential, ExponentialPower, Gamma, Gaussian, GaussianForm,
    HyperbolicSecant, LogNormal, Poisson, VonMises,
};
use crate::theory::ambiguity::Orthogonal;
use crate::theory::lambda::natural_table;

/// A family that can be shared.
pub type SharedFamily = Arc<dyn ExpFam<f64>>;

/// A conditionally factorial prior: `Πᵢ p(zᵢ | λᵢ(u))` for each of M values of u.
#[derive(Debug, Clone)]
pub struct Prior {
    /// Of each component.
    pub family: SharedFamily,
    /// Number of components, n.
    pub n: usize,
    /// θ(u) `[M, k * n]`, as [`Density`](crate::Density) takes it.
    pub theta: Array2<f64>,
    /// λ(u) `[M, n * k]`, as [`Lambda`](crate::Lambda) takes it.
    pub lambda: Array2<f64>,
}

/// Size of η in all strategies: far enough to be different, near enough for every family to be well conditioned.
const REACH: f64 = 1.5;

/// One of the families of this crate whose moments have closed forms, or a polynomial of degree 4.
pub fn families() -> impl Strategy<Value = SharedFamily> {
    let mut all: Vec<SharedFamily> = vec![
        Arc::new(Gaussian { form: GaussianForm::MeanVar }),
        Arc::new(Gaussian { form: GaussianForm::Var }),
        Arc::new(Gaussian { form: GaussianForm::Mean }),
        Arc::new(ExponentialPower { location: 0.5, shape: 1.0 }),
        Arc::new(ExponentialPower { location: 0.0, shape: 4.0 }),
        Arc::new(HyperbolicSecant),
        Arc::new(LogNormal),
        Arc::new(Gamma),
        Arc::new(Exponential),
        Arc::new(Beta),
        Arc::new(VonMises),
        Arc::new(Bernoulli),
        Arc::new(Categorical { count: 3 }),
        Arc::new(Poisson),
    ];
    if let Ok(quartic) = Custom::new(Polynomial { degree: 4 }) {
        all.push(Arc::new(quartic));
    }
    prop::sample::select(all)
}

/// Those of [`families`] on an interval or on ℝ.
pub fn continuous_families() -> impl Strategy<Value = SharedFamily> {
    families().prop_filter("a continuous family", |family| family.support().is_continuous())
}

/// Natural parameters λ `[k]` of one component, inside the natural domain.
pub fn natural_parameters(family: &SharedFamily) -> impl Strategy<Value = Vec<f64>> + use<> {
    let family = family.clone();
    vec(-REACH..REACH, family.k()).prop_map(move |eta| {
        let mut lambda = vec![0.0; eta.len()];
        family.natural(&mut lambda, &eta);
        lambda
    })
}

/// λ(u) `[rows, n * k]` of parameters drawn independently of each other: of rank min(rows − 1, n·k) with probability 1.
pub fn generic_table(
    family: &SharedFamily,
    n: usize,
    rows: usize,
) -> impl Strategy<Value = Array2<f64>> + use<> {
    let (family, size) = (family.clone(), n * family.k());
    vec(-REACH..REACH, rows * size).prop_map(move |eta| natural_of(&family, &eta, rows, size))
}

/// λ(u) `[rows, n * k]` inside the natural domain whose differences span at most `rank` directions, by construction: each
/// row is a weighted mean of the same `rank` + 1 rows (the natural domain is convex).
pub fn deficient_table(
    family: &SharedFamily,
    n: usize,
    rows: usize,
    rank: usize,
) -> impl Strategy<Value = Array2<f64>> + use<> {
    let corners = generic_table(family, n, rank + 1);
    (corners, vec(0.02f64..1.0, rows * (rank + 1))).prop_map(move |(corners, weights)| {
        let mut weights = Array2::from_shape_fn((rows, rank + 1), |(u, c)| weights[u * (rank + 1) + c]);
        weights.rows_mut().into_iter().for_each(|mut row| row /= row.sum());
        weights.dot(&corners)
    })
}

/// [`deficient_table`] moved by the part `epsilon` of the way to a [`generic_table`]: of full rank, but only just.
pub fn nearly_deficient_table(
    family: &SharedFamily,
    n: usize,
    rows: usize,
    rank: usize,
    epsilon: f64,
) -> impl Strategy<Value = Array2<f64>> + use<> {
    (deficient_table(family, n, rows, rank), generic_table(family, n, rows))
        .prop_map(move |(flat, generic)| flat * (1.0 - epsilon) + generic * epsilon)
}

/// A prior of one of [`families`] with 1 to `most_n` components and 1 to `most_rows` values of u.
pub fn priors(most_n: usize, most_rows: usize) -> impl Strategy<Value = Prior> {
    (families(), 1..=most_n, 1..=most_rows).prop_flat_map(|(family, n, rows)| {
        let size = n * family.k();
        vec(-REACH..REACH, rows * size).prop_map(move |eta| Prior {
            family: family.clone(),
            n,
            theta: Array2::from_shape_fn((rows, size), |(u, c)| eta[u * size + c]),
            lambda: natural_of(&family, &eta, rows, size),
        })
    })
}

/// An orthogonal matrix `[n, n]`: a product of Householder reflections.
pub fn orthogonal(n: usize) -> impl Strategy<Value = Orthogonal> {
    vec(-1.0f64..1.0, n * n)
        .prop_map(move |entries| reflections(n, &entries))
        .prop_filter_map("orthogonal", |u| Orthogonal::new(u).ok())
}

/// An invertible matrix `[size, size]` whose condition is at most `condition`.
pub fn invertible(size: usize, condition: f64) -> impl Strategy<Value = Array2<f64>> {
    let reach = 0.5 * condition.max(1.0).ln();
    let stretch = if reach > 0.0 { vec(-reach..reach, size).boxed() } else { Just(vec![0.0; size]).boxed() };
    (orthogonal(size), stretch, orthogonal(size)).prop_map(|(u, stretch, v)| {
        let mut left = u.matrix().to_owned();
        for (mut column, s) in left.columns_mut().into_iter().zip(stretch) {
            column *= s.exp();
        }
        left.dot(&v.matrix())
    })
}

/// The table of the rows of η `[rows, size]`, where θ = η.
fn natural_of(family: &SharedFamily, eta: &[f64], rows: usize, size: usize) -> Array2<f64> {
    let theta = Array2::from_shape_fn((rows, size), |(u, c)| eta[u * size + c]);
    // The columns are n components of k each.
    natural_table(family.as_ref(), theta.view()).unwrap_or_default()
}

/// The product of I − 2 v vᵀ / (v · v) over the rows v of `entries` `[n, n]`; a row of zeros reflects nothing.
fn reflections(n: usize, entries: &[f64]) -> Array2<f64> {
    let mut u = Array2::eye(n);
    for v in entries.chunks_exact(n.max(1)) {
        let square: f64 = v.iter().map(|v| v * v).sum();
        if square > 0.0 {
            for mut row in u.rows_mut() {
                let along: f64 = row.iter().zip(v).map(|(u, v)| u * v).sum();
                row.iter_mut().zip(v).for_each(|(u, v)| *u -= 2.0 * along * v / square);
            }
        }
    }
    u
}
