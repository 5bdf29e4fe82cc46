//! [`Code`]: n numbers that hold what d > n observed variables say, found before the latents are separated.
//!
//! For an injective f: R^n → R^d, x lies on an n-dimensional manifold, and any injective code c(x) of it is the
//! latents under some bijection of R^n. So what identifies the latents (Khemakhem et al. 2020, Theorem 1, for n = d)
//! separates them from the code: how the code was found does not matter, only what it loses.

use ivae_nn::Layout;
use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::block::BlockSpec;
use crate::error::{FitError, SpecError};
use crate::estimator::{AuxRows, Batch, Estimator};
use crate::fitted::{CHUNK, chunks};
use crate::scaler::Scaler;
use crate::slices::{columns, rows, rows_mut, top};
use crate::spec::{
    CodeKind, CodeSpec, FitSpec, KlTerm, LikelihoodFamily, Scaling, Start, TrainSpec, VaeSpec, VarianceSpec,
};
use crate::trainer::{Ending, Observer, Restart, train_alone};
use crate::vae::{AuxShape, Vae};

/// No column is taken as free of noise beyond this variance.
const LEAST_NOISE: f64 = 1e-6;

/// A code and its way back.
#[derive(Debug, Clone)]
pub struct Code<F> {
    /// Encoder and decoder.
    pub net: Vae,
    /// Their parameters.
    pub params: Vec<F>,
    /// From the encoder's output to the code: white.
    pub whitener: Scaler<F>,
    /// Variance of what the code loses of each scaled column, `[d]`: of the noise, where the code is good.
    pub noise: Array1<F>,
}

/// How much of x a code keeps: the ceiling of what can be separated from it. On held-out rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CodeReport {
    /// What it was trained to do.
    pub kind: CodeKind,
    /// Mean squared error of the scaled x from its code: the part of the variance that the code loses, noise included.
    pub lost_variance: f64,
    /// Mean squared error of the white code, over its n columns, after a round trip through x: 0 for a code whose
    /// decoder is injective and undone by its encoder.
    pub round_trip: f64,
    /// Why its training ended; `None` where that is not known.
    #[serde(default)]
    pub ending: Option<Ending>,
    /// Starts before it that became non-finite.
    #[serde(default)]
    pub dropped: usize,
}

/// The networks of a code of `kind` for x of `observed` scaled columns: what [`Code::fit`] trains.
///
/// # Errors
/// A spec that cannot be built.
pub fn code_net(
    spec: &FitSpec,
    code: &CodeSpec,
    kind: CodeKind,
    observed: usize,
    aux: AuxShape,
) -> Result<Vae, SpecError> {
    let mut vae = spec.vae.clone();
    vae.posterior.net = code.net.clone();
    vae.likelihood.net = code.net.clone();
    vae.posterior.sees_u = false;
    if kind != CodeKind::Elbo {
        vae = VaeSpec { kl: KlTerm::None, start: Start::Pca, ..vae };
        vae.likelihood.family = LikelihoodFamily::Gaussian(VarianceSpec::Fixed(1.0));
        (vae.posterior.product, vae.posterior.correlated) = (false, false);
        vae.prior.parameters = BlockSpec::Fixed(0.0);
    }
    let mut net = Vae::new(&vae, spec.latents, observed, aux)?;
    net.whitened = spec.scaling == Scaling::Whiten;
    Ok(net)
}

impl<F: Scalar> Code<F> {
    /// How it was trained.
    pub fn kind(&self) -> CodeKind {
        if self.net.kl == KlTerm::None { CodeKind::Autoencoder } else { CodeKind::Elbo }
    }

    /// Train a code on scaled `data`, judged on `held_out`. What separates its latents is then a fit of a bijective decoder to
    /// the code as x, or any other method.
    ///
    /// # Errors
    /// A spec that cannot be built, a training that became non-finite, a code whose columns depend on each other, or
    /// the observer's stop.
    pub fn fit(
        net: Vae,
        data: Batch<'_, F>,
        held_out: Option<Batch<'_, F>>,
        training: &TrainSpec,
        key: StreamKey,
        observer: &dyn Observer,
    ) -> Result<(Self, Restart<F>), FitError> {
        let restart = train_alone(&net, data, held_out, training, key.purpose(Purpose::Init), observer);
        let epochs = restart.history.len();
        match restart.ending {
            Ending::Interrupted => return Err(FitError::Interrupted { epochs }),
            Ending::NotFinite => return Err(FitError::NotFinite { restarts: 1, epoch: epochs + 1 }),
            _ => {}
        }
        let params = restart.params.clone();
        let noise = Array1::zeros(data.x.ncols());
        let mut code = Self { net, params, whitener: Scaler::None, noise };
        let c = code.encode(data.x);
        code.whitener = Scaler::fit(Scaling::Whiten, c.view())?;
        let judge = held_out.map_or(data.x, |rows| rows.x);
        code.noise = code.residual_variance(judge);
        Ok((code, restart))
    }

    /// The white code `[N, n]` of scaled x `[N, d]`.
    pub fn encode(&self, x: ArrayView2<'_, F>) -> Array2<F> {
        let n = self.net.latents;
        let mut c = Array2::zeros((x.nrows(), n));
        let mut ws = Estimator::<F>::workspace(&self.net, CHUNK.min(x.nrows().max(1)));
        for (start, batch) in chunks(x, AuxRows::None) {
            let b = batch.rows();
            self.net.encode(&self.params, batch, &mut ws);
            rows_mut(&mut c, start..start + b).assign(&columns(top(&ws.theta_e, b), 0..n));
        }
        self.whitener.apply_owned(c)
    }

    /// Scaled x `[N, d]` of the white code `[N, n]`.
    pub fn decode(&self, c: ArrayView2<'_, F>) -> Array2<F> {
        let (c, d) = (self.whitener.invert(c), self.net.observed);
        let mut x = Array2::zeros((c.nrows(), d));
        let mut ws = Estimator::<F>::workspace(&self.net, CHUNK.min(c.nrows().max(1)));
        for start in (0..c.nrows()).step_by(CHUNK) {
            let range = start..(start + CHUNK).min(c.nrows());
            self.net.decode(&self.params, rows(c.view(), range.clone()), &mut ws);
            let mean = columns(top(&ws.theta_x, range.len()), 0..d);
            rows_mut(&mut x, range).assign(&mean);
        }
        x
    }

    /// Residual variance of every column of scaled x `[N, d]`. Of d directions the code's n fit the noise, so the rest
    /// stands for all: the residuals' squares are divided by N (d − n) / d.
    fn residual_variance(&self, x: ArrayView2<'_, F>) -> Array1<F> {
        let back = self.decode(self.encode(x).view());
        let (n, d) = (self.net.latents as f64, self.net.observed as f64);
        let freedom = (x.nrows() as f64 * (d - n) / d).max(1.0);
        let squares = (&x - &back).mapv(|v| v * v).sum_axis(Axis(0)) / F::of(freedom);
        squares.mapv(|v| v.max(F::of(LEAST_NOISE)))
    }

    /// Variance of x − decode(encode(x)) in every scaled column, `[d]`: the noise but for what of it is in the code, n / d.
    pub(crate) fn lost(&self) -> Array1<F> {
        let (n, d) = (self.net.latents as f64, self.net.observed as f64);
        self.noise.mapv(|v| v * F::of((d - n) / d))
    }

    /// What is lost of scaled x `[N, d]`.
    pub fn report(&self, x: ArrayView2<'_, F>) -> CodeReport {
        let c = self.encode(x);
        let back = self.decode(c.view());
        let again = self.encode(back.view());
        let mean = |a: ArrayView2<'_, F>, b: ArrayView2<'_, F>| {
            let sum: f64 = a.iter().zip(b).map(|(a, b)| (a.f64() - b.f64()).powi(2)).sum();
            sum / a.len().max(1) as f64
        };
        let centre = x.sum_axis(Axis(0)) / F::of(x.nrows().max(1) as f64);
        let variance = mean(x, (Array2::zeros(x.dim()) + &centre).view());
        CodeReport {
            kind: self.kind(),
            lost_variance: mean(x, back.view()) / variance,
            round_trip: mean(c.view(), again.view()),
            ending: None,
            dropped: 0,
        }
    }

    pub(crate) fn layout(&self) -> &Layout {
        Estimator::<F>::layout(&self.net)
    }
}
