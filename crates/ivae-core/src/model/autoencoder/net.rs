//! [`Autoencoder`]: n numbers that hold what d > n observed variables say, found before the latents are separated.
//!
//! For an injective f: R^n → R^d, x lies on an n-dimensional manifold, and any injective bottleneck c(x) is the latents
//! under some bijection of R^n. So what identifies the latents (Khemakhem et al. 2020, Theorem 1, for n = d) separates
//! them from the bottleneck: how it was found does not matter, only what it loses.

use ivae_nn::Layout;
use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::arrays::{ArrayReader, NamedArray, groups, scaler_arrays, vector};
use crate::batch::{Batch, CHUNK};
use crate::error::FitError;
use crate::model::vae::Vae;
use crate::objective::ObjectiveSpec;
use crate::report::BottleneckReport;
use crate::train::{Ending, Estimator, Observer, Restart, TrainSpec, train_alone};
use ivae_data::{Scaler, Scaling};
use ivae_num::slices::{columns, rows, rows_mut, top};

/// No column is taken as free of noise beyond this variance.
const LEAST_NOISE: f64 = 1e-6;

/// An autoencoder with its parameters.
#[derive(Debug, Clone)]
pub struct Autoencoder<F> {
    /// Encoder and decoder.
    pub net: Vae,
    /// Their parameters.
    pub params: Vec<F>,
    /// From the encoder's output to the white bottleneck.
    pub whitener: Scaler<F>,
    /// Variance of what the bottleneck loses of each scaled column, `[d]`: of the noise, where the bottleneck is good.
    pub noise: Array1<F>,
}

impl<F: Scalar> Autoencoder<F> {
    /// What it was trained for.
    pub fn objective(&self) -> ObjectiveSpec {
        self.net.objective.spec
    }

    /// Train on scaled `data`, validated on `validation`. The latents are then separated by a flow fitted to the bottleneck
    /// as x, or by any other method.
    ///
    /// # Errors
    /// A spec that cannot be built, a training that became non-finite, a bottleneck whose columns depend on each other,
    /// or the observer's stop.
    pub fn fit(
        net: Vae,
        data: Batch<'_, F>,
        validation: Option<Batch<'_, F>>,
        training: &TrainSpec,
        key: StreamKey,
        observer: &dyn Observer,
    ) -> Result<(Self, Restart<F>), FitError> {
        let restart = train_alone(&net, data, validation, training, key.purpose(Purpose::Init), observer);
        let epochs = restart.history.len();
        match restart.ending {
            Ending::Interrupted => return Err(FitError::Interrupted { epochs }),
            Ending::NotFinite => return Err(FitError::NotFinite { restarts: 1, epoch: epochs + 1 }),
            _ => {}
        }
        let params = restart.params.clone();
        let noise = Array1::zeros(data.x.ncols());
        let mut out = Self { net, params, whitener: Scaler::None, noise };
        let c = out.encode(data.x);
        out.whitener = Scaler::fit(Scaling::Whiten, c.view())?;
        out.noise = out.residual_variance(validation.map_or(data.x, |rows| rows.x));
        Ok((out, restart))
    }

    /// The white bottleneck `[N, n]` of scaled x `[N, d]`.
    pub fn encode(&self, x: ArrayView2<'_, F>) -> Array2<F> {
        let n = self.net.latents;
        let mut c = Array2::zeros((x.nrows(), n));
        let mut ws = Estimator::<F>::workspace(&self.net, CHUNK.min(x.nrows().max(1)));
        for (start, batch) in Batch::of_x(x).parts(CHUNK) {
            let b = batch.rows();
            self.net.encode(&self.params, batch, &mut ws);
            self.net.encoder.factor_mean(rows_mut(&mut c, start..start + b), &ws.q);
        }
        self.whitener.apply_owned(c)
    }

    /// Scaled x `[N, d]` of the white bottleneck `[N, n]`.
    pub fn decode(&self, c: ArrayView2<'_, F>) -> Array2<F> {
        let (c, d) = (self.whitener.invert(c), self.net.observed);
        let mut x = Array2::zeros((c.nrows(), d));
        let mut ws = Estimator::<F>::workspace(&self.net, CHUNK.min(c.nrows().max(1)));
        for start in (0..c.nrows()).step_by(CHUNK) {
            let range = start..(start + CHUNK).min(c.nrows());
            self.net.decode(&self.params, rows(c.view(), range.clone()), &mut ws);
            let mean = columns(top(&ws.x.theta, range.len()), 0..d);
            rows_mut(&mut x, range).assign(&mean);
        }
        x
    }

    /// Residual variance of every column of scaled x `[N, d]`. The bottleneck's n of d directions fit the noise, so the rest
    /// stands for all: the residuals' squares are divided by N (d − n) / d.
    fn residual_variance(&self, x: ArrayView2<'_, F>) -> Array1<F> {
        let back = self.decode(self.encode(x).view());
        let (n, d) = (self.net.latents as f64, self.net.observed as f64);
        let freedom = (x.nrows() as f64 * (d - n) / d).max(1.0);
        let squares = (&x - &back).mapv(|v| v * v).sum_axis(Axis(0)) / F::of(freedom);
        squares.mapv(|v| v.max(F::of(LEAST_NOISE)))
    }

    /// Variance of x − decode(encode(x)) in every scaled column, `[d]`: the noise but for the part n / d that is
    /// in the bottleneck.
    pub(crate) fn lost(&self) -> Array1<F> {
        let (n, d) = (self.net.latents as f64, self.net.observed as f64);
        self.noise.mapv(|v| v * F::of((d - n) / d))
    }

    /// What is lost of scaled x `[N, d]`.
    pub fn report(&self, x: ArrayView2<'_, F>) -> BottleneckReport {
        let c = self.encode(x);
        let back = self.decode(c.view());
        let again = self.encode(back.view());
        let mean = |a: ArrayView2<'_, F>, b: ArrayView2<'_, F>| {
            let sum: f64 = a.iter().zip(b).map(|(a, b)| (a.f64() - b.f64()).powi(2)).sum();
            sum / a.len().max(1) as f64
        };
        let centre = x.sum_axis(Axis(0)) / F::of(x.nrows().max(1) as f64);
        let variance = mean(x, (Array2::zeros(x.dim()) + &centre).view());
        BottleneckReport {
            objective: self.objective(),
            latents: self.net.latents,
            lost_variance: mean(x, back.view()) / variance,
            round_trip: mean(c.view(), again.view()),
            ending: None,
            dropped: 0,
        }
    }

    fn layout(&self) -> &Layout {
        Estimator::<F>::layout(&self.net)
    }

    /// Its arrays.
    pub(crate) fn arrays(&self) -> Vec<NamedArray<F>> {
        let mut arrays = groups("bottleneck.", self.layout(), &self.params);
        arrays.extend(scaler_arrays("bottleneck.whitener", &self.whitener));
        arrays.push(vector("bottleneck.noise", &self.noise));
        arrays
    }

    /// The autoencoder of these networks that [`arrays`](Self::arrays) wrote.
    pub(crate) fn read(net: Vae, arrays: &ArrayReader<'_>) -> Result<Self, String> {
        let (n, d) = (net.latents, net.observed);
        Ok(Self {
            params: arrays.groups("bottleneck.", Estimator::<F>::layout(&net))?,
            whitener: arrays.scaler(Scaling::Whiten, "bottleneck.whitener", (n, n))?,
            noise: arrays.vector("bottleneck.noise", d)?,
            net,
        })
    }
}
