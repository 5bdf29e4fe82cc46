//! The standard simulation of nonlinear ICA: sources that change from segment to segment, mixed by a random network.

use ivae_num::{Purpose, Scalar, StreamKey, linalg};
use ndarray::{Array2, ArrayView2, Axis};
use rand::Rng;
use rand_distr::{Exp1, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::dataset::numbered;
use crate::{Aux, DataError, Dataset, Levels};

/// Slope of the linear part of the mixing's activation, tanh(h) + 0.1 h.
const SLOPE: f64 = 0.1;
/// Standard deviations of a source are uniform between these.
const STD: std::ops::Range<f64> = 0.5..3.0;
/// Means of a source are uniform between these, unless centred.
const MEAN: std::ops::Range<f64> = -5.0..5.0;
/// Random matrices whose condition numbers set the bar for the mixing, up to [`FULL_SIZE`] rows.
const CONDITION_DRAWS: usize = 10_000;
/// Above this size the draws fall as 1/n³, so that setting the bar takes no longer.
const FULL_SIZE: usize = 25;
/// But never below this many.
const FEWEST_DRAWS: usize = 200;
/// Share of those matrices that clears the bar.
const CONDITION_QUANTILE: f64 = 0.25;

/// Distribution of a source within a segment, before scaling; of unit variance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourcePrior {
    /// Standard normal.
    #[default]
    Gauss,
    /// Laplace of scale 1/√2.
    Laplace,
}

/// Options of the standard simulation (Hyvärinen & Morioka 2016; Khemakhem et al. 2020, section 4 and appendix H).
///
/// Source i of a row in segment u is `mean[u, i] + std[u, i] · ε`; observations are x = f(z) with f a network of
/// `layers` linear maps, tanh(h) + 0.1 h between them. The [`Default`] is the setting of the papers.
///
/// The parts draw from separate streams: the sources do not change with `observed`, `layers`, `noise` or `discrete`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Simulation {
    /// Number of segments M; the level of u.
    pub segments: usize,
    /// Rows of each segment.
    pub per_segment: usize,
    /// Number of sources n.
    pub latents: usize,
    /// Number of observed variables d ≥ n.
    pub observed: usize,
    /// Linear maps of the mixing; 1 is linear mixing.
    pub layers: usize,
    /// Distribution of the sources within a segment.
    pub prior: SourcePrior,
    /// Standard deviation of the Gaussian noise added to f(z).
    pub noise: f64,
    /// Sources have mean 0 in every segment; if not, means are uniform on (−5, 5).
    pub centred: bool,
    /// Observe Bernoulli draws of probability sigmoid(x) in place of x.
    pub discrete: bool,
    /// Seed.
    pub seed: u64,
}

impl Default for Simulation {
    fn default() -> Self {
        Self {
            segments: 40,
            per_segment: 1000,
            latents: 5,
            observed: 25,
            layers: 3,
            prior: SourcePrior::Gauss,
            noise: 0.0,
            centred: true,
            discrete: false,
            seed: 0,
        }
    }
}

/// Simulated data with everything that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulated<F> {
    /// x, u (levels named by their number) and the true sources s.
    pub data: Dataset<F>,
    /// Mean of each source in each segment, `[M, n]`.
    pub means: Array2<F>,
    /// Standard deviation of each source in each segment, `[M, n]`.
    pub stds: Array2<F>,
    /// Matrices of the mixing, for [`mix`]: the first `[n, d]`, the others `[d, d]` and all the same.
    pub mixing: Vec<Array2<F>>,
}

impl Simulation {
    /// Draw the data. The same options give the same bytes; everything is computed in f64 and rounded at the end.
    ///
    /// # Errors
    /// An option out of its range.
    pub fn generate<F: Scalar>(&self) -> Result<Simulated<F>, DataError> {
        self.check()?;
        let (segments, n, rows) = (self.segments, self.latents, self.segments * self.per_segment);
        let key = StreamKey::new(self.seed, Purpose::Generate);

        let mut rng = key.step(0).rng();
        let stds = Array2::from_shape_simple_fn((segments, n), || rng.random_range(STD));
        let mut rng = key.step(1).rng();
        let mean = || if self.centred { 0.0 } else { rng.random_range(MEAN) };
        let means = Array2::from_shape_simple_fn((segments, n), mean);

        let mut z = Array2::<f64>::zeros((rows, n));
        for (u, mut segment) in z.axis_chunks_iter_mut(Axis(0), self.per_segment).enumerate() {
            let mut rng = key.step(2).block(u as u64).rng();
            for ((_, i), z) in segment.indexed_iter_mut() {
                *z = means[[u, i]] + stds[[u, i]] * self.prior.draw(&mut rng);
            }
        }

        let mixing = self.mixing(key.step(3))?;
        let mut x = mix(z.view(), &mixing);
        if self.noise > 0.0 {
            let mut rng = key.step(4).rng();
            x.mapv_inplace(|v| v + self.noise * rng.sample::<f64, _>(StandardNormal));
        }
        if self.discrete {
            let mut rng = key.step(5).rng();
            x.mapv_inplace(|v| if rng.random::<f64>() < 1.0 / (1.0 + (-v).exp()) { 1.0 } else { 0.0 });
        }

        let index = (0..rows).map(|i| (i / self.per_segment) as u32).collect();
        let names = (0..segments).map(|u| u.to_string()).collect();
        Ok(Simulated {
            data: Dataset {
                x: x.mapv(F::of),
                x_names: numbered("x", self.observed),
                u: Aux::Levels(Levels { index, names }),
                s: Some(z.mapv(F::of)),
            },
            means: means.mapv(F::of),
            stds: stds.mapv(F::of),
            mixing: mixing.iter().map(|w| w.mapv(F::of)).collect(),
        })
    }

    fn check(&self) -> Result<(), DataError> {
        let positive = [
            ("segments", self.segments),
            ("per-segment", self.per_segment),
            ("latents", self.latents),
            ("layers", self.layers),
        ];
        let option = |option, value: String, expected| Err(DataError::Option { option, value, expected });
        for (name, value) in positive {
            if value == 0 {
                return option(name, "0".into(), "1 or more");
            }
        }
        if self.observed < self.latents {
            return Err(DataError::Latents { latents: self.latents, observed: self.observed });
        }
        if !(self.noise >= 0.0 && self.noise.is_finite()) {
            return option("noise", self.noise.to_string(), "0 or more, and finite");
        }
        let bytes = [self.segments, self.per_segment, self.observed, size_of::<f64>()]
            .into_iter()
            .try_fold(1, usize::checked_mul)
            .filter(|&bytes| isize::try_from(bytes).is_ok());
        if u32::try_from(self.segments).is_err() || bytes.is_none() {
            let value =
                format!("{} of {} rows and {} columns", self.segments, self.per_segment, self.observed);
            return option("segments", value, "fewer than memory can hold");
        }
        Ok(())
    }

    fn mixing(&self, key: StreamKey) -> Result<Vec<Array2<f64>>, DataError> {
        let first = well_conditioned(self.latents, self.observed, key.block(0))?;
        let square = match self.layers {
            1 => None,
            _ if self.latents == self.observed => Some(first.clone()),
            _ => Some(well_conditioned(self.observed, self.observed, key.block(1))?),
        };
        Ok(std::iter::once(first).chain(square.into_iter().cycle().take(self.layers - 1)).collect())
    }
}

impl SourcePrior {
    fn draw(self, rng: &mut impl Rng) -> f64 {
        match self {
            Self::Gauss => rng.sample(StandardNormal),
            Self::Laplace => {
                let size: f64 = rng.sample(Exp1);
                let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
                sign * size * std::f64::consts::FRAC_1_SQRT_2
            }
        }
    }
}

/// The mixing f: rows of z `[N, n]` through the matrices `mixing` (`[n, d]`, then `[d, d]`), with tanh(h) + 0.1 h
/// between them; returns x `[N, d]`.
///
/// # Panics
/// If the shapes do not fit.
pub fn mix<F: Scalar>(z: ArrayView2<'_, F>, mixing: &[Array2<F>]) -> Array2<F> {
    let mut h = z.to_owned();
    for (layer, w) in mixing.iter().enumerate() {
        if layer > 0 {
            h.mapv_inplace(|v| v.tanh() + F::of(SLOPE) * v);
        }
        h = h.dot(w);
    }
    h
}

/// A random matrix `[rows, cols]` with columns of unit norm and a condition number that only a quarter of such
/// matrices reach.
fn well_conditioned(rows: usize, cols: usize, key: StreamKey) -> Result<Array2<f64>, DataError> {
    let mut rng = key.rng();
    let mut draw = || {
        let mut a = Array2::from_shape_simple_fn((rows, cols), || rng.random_range(-1.0..1.0));
        for mut column in a.columns_mut() {
            let norm: f64 = column.dot(&column);
            column /= norm.sqrt();
        }
        a
    };
    let share = (FULL_SIZE as f64 / rows as f64).powi(3).min(1.0);
    let draws = FEWEST_DRAWS.max((share * CONDITION_DRAWS as f64) as usize);
    let mut conditions = (0..draws).map(|_| condition(&draw())).collect::<Result<Vec<f64>, _>>()?;
    conditions.sort_unstable_by(f64::total_cmp);
    let bar = conditions[(CONDITION_QUANTILE * (draws - 1) as f64) as usize];
    loop {
        let a = draw();
        if condition(&a)? <= bar {
            return Ok(a);
        }
    }
}

/// Condition number of a `[n, d]` with n ≤ d, from the eigenvalues of a aᵀ; infinite where those lose it.
fn condition(a: &Array2<f64>) -> Result<f64, DataError> {
    let squares = linalg::eigh(a.dot(&a.t()).view())?.values;
    Ok((squares[squares.len() - 1] / squares[0].max(0.0)).sqrt())
}
