//! The standard simulation of nonlinear ICA: sources that change from segment to segment, mixed by a random map.

use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{Array2, Axis};
use rand::Rng;
use rand_distr::{Exp1, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::dataset::numbered;
use crate::{Aux, DataError, Dataset, Levels, Mixing, MixingMap};

/// Standard deviations of a source are uniform between these.
const STD: std::ops::Range<f64> = 0.5..3.0;
/// Means of a source are uniform between these, unless centred.
const MEAN: std::ops::Range<f64> = -5.0..5.0;
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
/// Source i of a row in segment u is `mean[u, i] + std[u, i] · ε`; observations are x = f(z) with f drawn from the
/// family `mixing`. The [`Default`] is the setting of the papers.
///
/// The parts draw from separate streams: the sources do not change with `observed`, `mixing`, `layers`, `noise` or
/// `discrete`.
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
    /// Family of the mixing f.
    pub mixing: Mixing,
    /// Linear maps of [`Mixing::Network`], 1 being linear mixing; of no meaning to the other families.
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
            mixing: Mixing::Network,
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
    /// The mixing f, and its inverse.
    pub mixing: MixingMap,
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

        let mixing = match self.mixing {
            Mixing::Network => MixingMap::network(n, self.observed, self.layers, key.step(3))?,
            kind => MixingMap::draw(kind, &means, &stds, self.observed, key.step(3))?,
        };
        let mut x = mixing.apply(z.view());
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
            mixing,
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
