//! The standard simulation of nonlinear ICA: sources that change from segment to segment, mixed by a random map.

use std::path::Path;

use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{Array1, Array2, ArrayView2, Axis, Slice};
use rand::Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use crate::column_names::numbered;
use crate::io::{Format, npz, write};
use crate::observation::Observation;
use crate::source_prior::SourcePrior;
use crate::{DataError, Dataset, Levels, Mixing, MixingMap};

/// Standard deviations of a source are uniform between these.
const STD: std::ops::Range<f64> = 0.5..3.0;
/// Means of a source are uniform between these, unless centred.
const MEAN: std::ops::Range<f64> = -5.0..5.0;
/// Spread of the sources that are mixed: the root of the mean square of a standard deviation uniform on [`STD`].
const SPREAD: f64 = 1.9;
/// Draws that the moments of a source are taken from, where no parameter says them.
const DRAWS: usize = 2000;
/// Rows that are drawn at a time.
const BLOCK: usize = 1024;

/// Options of the standard simulation (Hyvärinen & Morioka 2016; Khemakhem et al. 2020, section 4 and appendix H).
///
/// Source i of a row in segment u is `mean[u, i] + std[u, i] · ε`; observations are x = f(z) with f drawn from the
/// family `mixing`. The [`Default`] is the setting of the papers. Sources of a family without location or scale are mixed after
/// each is shifted and scaled to mean 0 and the spread that Gaussian sources have.
///
/// The parts draw from separate streams: the sources do not change with `observed`, `mixing`, `layers`, `noise`,
/// `discrete` or `likelihood`.
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
    /// Sources have mean 0 in every segment; if not, means are uniform on (−5, 5). Of no meaning to families without a
    /// location of their own.
    pub centred: bool,
    /// Observe Bernoulli draws of probability sigmoid(x) in place of x.
    pub discrete: bool,
    /// What is observed around f(z): noise of `noise` where it is continuous. Not beside `discrete`, which is Bernoulli.
    pub likelihood: Observation,
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
            likelihood: Observation::Gauss,
            seed: 0,
        }
    }
}

/// Simulated data with everything that made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulated<F> {
    /// x, u (levels named by their number) and the true sources s.
    pub data: Dataset<F>,
    /// Mean of each source in each segment, `[M, n]`; of a family without location or scale, from draws.
    pub means: Array2<F>,
    /// Standard deviation of each source in each segment, `[M, n]`; likewise.
    pub stds: Array2<F>,
    /// The mixing f, and its inverse; of sources without location or scale, of (s − shift)/scale.
    pub mixing: MixingMap,
}

/// What the data are drawn from, in f64.
struct Truth {
    means: Array2<f64>,  // [M, n]
    stds: Array2<f64>,   // [M, n]
    places: Array2<f64>, // [M, n], and
    scales: Array2<f64>, // [M, n]: what the parameters of the sources are set by
    shift: Array1<f64>,  // [n], and
    spread: Array1<f64>, // [n]: the sources are mixed after (s − shift) / spread
    mixing: MixingMap,
}

impl Simulation {
    /// Draw the data. The same options give the same bytes; everything is computed in f64 and rounded at the end.
    ///
    /// # Errors
    /// An option out of its range.
    pub fn generate<F: Scalar>(&self) -> Result<Simulated<F>, DataError> {
        let truth = self.truth()?;
        let (rows, mut at) = (self.segments * self.per_segment, 0);
        let (mut x, mut s) = (Array2::zeros((rows, self.observed)), Array2::zeros((rows, self.latents)));
        let mut observe = self.observing(&truth);
        for z in self.sources(&truth) {
            let block = Slice::from(at..at + z.nrows());
            x.slice_axis_mut(Axis(0), block).assign(&observe(z.view()).mapv(F::of));
            s.slice_axis_mut(Axis(0), block).assign(&z.mapv(F::of));
            at += z.nrows();
        }
        drop(observe);
        let index = (0..rows).map(|i| (i / self.per_segment) as u32).collect();
        let names = (0..self.segments).map(|u| u.to_string()).collect();
        Ok(Simulated {
            data: Dataset {
                x,
                x_names: numbered("x", self.observed),
                u: Levels { index, names }.into(),
                s: Some(s),
            },
            means: truth.means.mapv(F::of),
            stds: truth.stds.mapv(F::of),
            mixing: truth.mixing,
        })
    }

    /// Draw the data into a file: what [`write`](crate::write()) makes of [`generate`](Self::generate), byte for byte.
    ///
    /// An `.npz` is written while the rows are drawn, so that any number of them takes little memory.
    ///
    /// # Errors
    /// As those two.
    pub fn write<F: Scalar>(&self, path: impl AsRef<Path>) -> Result<(), DataError> {
        let path = path.as_ref();
        match Format::of(path)? {
            Format::Npz => {}
            // Before millions of rows are drawn for nothing.
            Format::Npy => return Err(DataError::Unwritable { path: path.to_path_buf(), what: "u" }),
            Format::Text { .. } => return write(path, &self.generate::<F>()?.data),
        }
        let truth = self.truth()?;
        let rows = self.segments * self.per_segment;
        let mut observe = self.observing(&truth);
        let x = self.sources(&truth).map(|z| observe(z.view()).mapv(F::of));
        let s = self.sources(&truth).map(|z| z.mapv(F::of));
        let u = (0..rows).map(|row| (row / self.per_segment) as i64);
        npz::write_blocks(path, ((rows, self.observed), x), u, ((rows, self.latents), s))
    }

    fn key(&self) -> StreamKey {
        StreamKey::new(self.seed, Purpose::Generate)
    }

    fn truth(&self) -> Result<Truth, DataError> {
        self.check()?;
        let (shape, key) = ((self.segments, self.latents), self.key());
        let mut rng = key.step(0).rng();
        let scales = Array2::from_shape_simple_fn(shape, || rng.random_range(STD));
        let mut rng = key.step(1).rng();
        let is_centred = self.centred && self.prior.has_location();
        let place = || if is_centred { 0.0 } else { rng.random_range(MEAN) };
        let places = Array2::from_shape_simple_fn(shape, place);
        let (mut means, mut stds) = (places.clone(), scales.clone());
        let (mut shift, mut spread) = (Array1::zeros(self.latents), Array1::ones(self.latents));
        if !self.prior.has_location() {
            for ((u, i), &scale) in scales.indexed_iter() {
                let mut rng = key.step(6).block((u * self.latents + i) as u64).rng();
                let drawn =
                    Array1::from_shape_simple_fn(DRAWS, || self.prior.draw(scale, places[[u, i]], &mut rng));
                (means[[u, i]], stds[[u, i]]) = (drawn.mean().unwrap_or(0.0), drawn.std(0.0));
            }
            for i in 0..self.latents {
                let (mean, std) = (means.column(i), stds.column(i));
                shift[i] = mean.mean().unwrap_or(0.0);
                let variance = std.mapv(|s| s * s).mean().unwrap_or(1.0) + mean.var(0.0);
                spread[i] = variance.sqrt() / SPREAD;
            }
        }
        let mixing = match self.mixing {
            Mixing::Network => MixingMap::network(self.latents, self.observed, self.layers, key.step(3))?,
            kind => {
                let (means, stds) = ((&means - &shift) / &spread, &stds / &spread);
                MixingMap::draw(kind, &means, &stds, self.observed, key.step(3))?
            }
        };
        Ok(Truth { means, stds, places, scales, shift, spread, mixing })
    }

    /// The sources, in blocks of rows `[B, n]` that each lie in one segment.
    fn sources<'a>(&'a self, truth: &'a Truth) -> impl Iterator<Item = Array2<f64>> + 'a {
        (0..self.segments).flat_map(move |u| {
            let mut rng = self.key().step(2).block(u as u64).rng();
            (0..self.per_segment).step_by(BLOCK).map(move |start| {
                let rows = BLOCK.min(self.per_segment - start);
                Array2::from_shape_fn((rows, self.latents), |(_, i)| {
                    self.prior.draw(truth.scales[[u, i]], truth.places[[u, i]], &mut rng)
                })
            })
        })
    }

    /// The observations of one block of sources after the other.
    fn observing<'a>(&'a self, truth: &'a Truth) -> impl FnMut(ArrayView2<'_, f64>) -> Array2<f64> + 'a {
        let (mut noise, mut coin) = (self.key().step(4).rng(), self.key().step(5).rng());
        move |z| {
            let mut x = match self.prior.has_location() {
                true => truth.mixing.apply(z),
                false => truth.mixing.apply(((&z - &truth.shift) / &truth.spread).view()),
            };
            if self.likelihood != Observation::Gauss {
                x.mapv_inplace(|v| self.likelihood.draw(v, self.noise, &mut coin));
            } else if self.noise > 0.0 {
                x.mapv_inplace(|v| v + self.noise * noise.sample::<f64, _>(StandardNormal));
            }
            if self.discrete {
                let one = |v: f64, coin: f64| if coin < 1.0 / (1.0 + (-v).exp()) { 1.0 } else { 0.0 };
                x.mapv_inplace(|v| one(v, coin.random()));
            }
            x
        }
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
        if self.discrete && self.likelihood != Observation::Gauss {
            return option(
                "likelihood",
                self.likelihood.to_string(),
                "left out beside discrete, which is bernoulli",
            );
        }
        let (has_noise, is_gauss) = (self.likelihood.has_noise(), self.likelihood == Observation::Gauss);
        if (!is_gauss && has_noise && self.noise == 0.0) || (!has_noise && self.noise > 0.0) {
            let expected = "positive for laplace and student-t, left out for x that is not continuous";
            return option("noise", self.noise.to_string(), expected);
        }
        if u32::try_from(self.segments).is_err() || bytes.is_none() {
            let value =
                format!("{} of {} rows and {} columns", self.segments, self.per_segment, self.observed);
            return option("segments", value, "fewer than memory can hold");
        }
        Ok(())
    }
}
