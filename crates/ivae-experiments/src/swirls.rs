//! Two latents in segments behind a mixing of swirls and waves, and fits of them from many starts that are not linear.
//!
//! Every map here keeps areas, so the likelihoods of all fits, and of the truth, compare in the same units.

use ivae::core::model::flow::{FlowClasses, FlowModelSpec};
use ivae::data::{Aux, Dataset, Levels, Split};
use ivae::expfam::{Gaussian, GaussianForm};
use ivae::nn::FlowSpec;
use ivae::num::stream::fill_normal;
use ivae::num::{Purpose, StreamKey};
use ivae::prelude::{FitSpec, Silent, fit_split};
use ndarray::{Array2, ArrayView2, Axis};

use crate::context::Result;

/// Starts whose held-out log-likelihood is within this of the best, in nats a row, explain the data as well: by about as much
/// the best of them fall short of the truth.
pub(crate) const TIE: f64 = 0.01;

/// Gaussian latents, their mean and standard deviation in each segment: `[mean 1, mean 2, std 1, std 2]`.
pub(crate) struct Plane {
    pub(crate) segments: Vec<[f64; 4]>,
    /// z `[N, 2]`.
    pub(crate) z: Array2<f64>,
    /// Segment of each row, `[N]`.
    pub(crate) u: Vec<u32>,
}

/// A fit from one start, on held-out rows.
pub(crate) struct Start {
    /// Latents `[H, 2]`.
    pub(crate) latents: Array2<f64>,
    /// Mean log p(x|u), in nats.
    pub(crate) log_likelihood: f64,
}

impl Plane {
    pub(crate) fn draw(segments: &[[f64; 4]], rows: usize, seed: u64) -> Result<Self> {
        let mut noise = vec![0.0; 2 * rows];
        fill_normal(&mut noise, 2, StreamKey::new(seed, Purpose::Generate));
        let mut z = Array2::from_shape_vec((rows, 2), noise)?;
        let u: Vec<u32> = (0..rows).map(|i| (i % segments.len()) as u32).collect();
        for (mut z, &u) in z.rows_mut().into_iter().zip(&u) {
            let [mean_1, mean_2, std_1, std_2] = segments[u as usize];
            (z[0], z[1]) = (mean_1 + std_1 * z[0], mean_2 + std_2 * z[1]);
        }
        Ok(Self { segments: segments.to_vec(), z, u })
    }

    /// Every fourth round of the segments.
    pub(crate) fn held_out(&self) -> Vec<usize> {
        let count = self.segments.len();
        (0..self.u.len()).filter(|i| i / count % 4 == 3).collect()
    }

    /// z of the held-out rows.
    pub(crate) fn truth(&self) -> Array2<f64> {
        self.z.select(Axis(0), &self.held_out())
    }

    /// Mean log p(x|u) of the truth over the held-out rows.
    pub(crate) fn log_likelihood(&self) -> f64 {
        let rows = self.held_out();
        let of = |&i: &usize| {
            let [mean_1, mean_2, std_1, std_2] = self.segments[self.u[i] as usize];
            let (a, b) = ((self.z[[i, 0]] - mean_1) / std_1, (self.z[[i, 1]] - mean_2) / std_2);
            -0.5 * (a * a + b * b) - std::f64::consts::TAU.ln() - (std_1 * std_2).ln()
        };
        rows.iter().map(of).sum::<f64>() / rows.len() as f64
    }

    /// Fit a coupling flow to x after two swirls of it, drawn anew for each `start`.
    pub(crate) fn fit(&self, spec: &FitSpec, start: u64) -> Result<Start> {
        let x = each(self.z.view(), mix);
        let data = Dataset {
            x: swirled(x.view(), StreamKey::new(spec.seed, Purpose::Init).step(start)).mapv(|v| v as f32),
            x_names: vec!["x1".into(), "x2".into()],
            u: Aux::from(Levels {
                index: self.u.clone(),
                names: (1..=self.segments.len()).map(|u| u.to_string()).collect(),
            }),
            s: None,
        };
        let (held_out, spec) = (self.held_out(), FitSpec { seed: spec.seed + start, ..spec.clone() });
        let split = Split::holding_out(self.u.len(), held_out.clone());
        let mut fitted = fit_split(&data, &split, &spec, &Silent)?;
        // What the likelihood finds: linear ICA after it, where a linear map is left free, is looked at apart.
        fitted.step = None;
        let held_out = data.select_rows(&held_out);
        Ok(Start {
            latents: fitted.transform(&held_out)?.mapv(f64::from),
            log_likelihood: fitted.log_likelihood(&held_out, 1, 0)?.elbo,
        })
    }
}

/// One start of one coupling flow, with a Gaussian prior of this form.
pub(crate) fn spec(form: GaussianForm, seed: u64, quick: bool) -> FitSpec {
    let epochs = if quick { 10 } else { 60 };
    let mut flow = FlowModelSpec {
        prior: Some(Gaussian { form }.into()),
        survivors: 1,
        refine_epochs: epochs,
        ..FlowModelSpec::new(2, 2, FlowClasses::Coupling)
    };
    for class in &mut flow.classes {
        (class.restarts, class.epochs) = (1, epochs);
        if let FlowSpec::Coupling(coupling) = &mut class.flow {
            coupling.blocks = 12;
        }
    }
    FitSpec { seed, ..FitSpec::new(2, flow) }
}

/// f: a swirl, and two waves across it.
fn mix(z: [f64; 2]) -> [f64; 2] {
    let mut x = swirl(z, [0.0, 0.0], |r| 2.5 * (-r * r / 8.0).exp());
    x[0] += (1.2 * x[1]).sin();
    x[1] += 0.8 * x[0].sin();
    x
}

/// z turned about `centre` by an angle that depends on its distance.
pub(crate) fn swirl(z: [f64; 2], centre: [f64; 2], angle: impl Fn(f64) -> f64) -> [f64; 2] {
    let [a, b] = [z[0] - centre[0], z[1] - centre[1]];
    let (sin, cos) = angle(a.hypot(b)).sin_cos();
    [centre[0] + cos * a - sin * b, centre[1] + sin * a + cos * b]
}

/// f of every row.
pub(crate) fn each(x: ArrayView2<'_, f64>, f: impl Fn([f64; 2]) -> [f64; 2]) -> Array2<f64> {
    let mut out = x.to_owned();
    for mut row in out.rows_mut() {
        let y = f([row[0], row[1]]);
        (row[0], row[1]) = (y[0], y[1]);
    }
    out
}

/// Two swirls of standardised x, of random places and directions, by some 2 radians in the middle.
fn swirled(x: ArrayView2<'_, f64>, key: StreamKey) -> Array2<f64> {
    let mut noise = [0.0f64; 8];
    fill_normal(&mut noise, 8, key);
    let std = x.std_axis(Axis(0), 0.0);
    each(x, |x| {
        let mut y = [x[0] / std[0], x[1] / std[1]];
        for [a, b, sign, more] in
            [[noise[0], noise[1], noise[2], noise[3]], [noise[4], noise[5], noise[6], noise[7]]]
        {
            let most = 2.0f64.copysign(sign) + 0.5 * more;
            y = swirl(y, [0.5 * a, 0.5 * b], |r| most * (-0.5 * r * r).exp());
        }
        [y[0] * std[0], y[1] * std[1]]
    })
}
