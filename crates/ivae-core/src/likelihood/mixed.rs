//! [`Mixed`]: columns of x of several kinds, each with its likelihood.

use std::fmt::Debug;

use ivae_data::{Dataset, Scaling};
use ivae_expfam::Density;
use ivae_num::{Scalar, StreamKey};
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, Slice};
use serde::{Deserialize, Serialize};

use super::member::{FreeParameter, Likelihood, Member, Noise, Suited};
use crate::error::SpecError;
use crate::likelihood::counts;

/// Numbers that are gathered at a time, on the stack.
const BUFFER: usize = 2048;

/// Likelihoods of parts of the columns of x, independent given z. θ_x is the outputs of all parts side by side, then the free
/// parameters of all parts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mixed<M> {
    /// The parts; every column of x is in one.
    pub parts: Vec<Part<M>>,
}

/// Columns of x that share a likelihood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part<M> {
    /// Their likelihood.
    pub likelihood: M,
    /// Their positions in x, from 0.
    pub columns: Vec<usize>,
}

/// Where the columns of θ of a part lie.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// First output, and how many there are.
    outputs: (usize, usize),
    /// First free parameter.
    free: usize,
    /// Columns of θ of the part.
    width: usize,
}

impl Place {
    fn column(self, c: usize) -> usize {
        let (first, outputs) = self.outputs;
        if c < outputs { first + c } else { self.free + (c - outputs) }
    }
}

impl<M: Member> Mixed<M> {
    /// The parts of a likelihood of x `[.., d]` with their place in θ.
    fn places<F: Scalar>(&self) -> impl Iterator<Item = (&Part<M>, Place)> {
        let outputs = |part: &Part<M>| part.likelihood.part::<F>().outputs(part.columns.len());
        let (mut first, mut free) = (0, self.parts.iter().map(outputs).sum());
        self.parts.iter().map(move |part| {
            let width = part.likelihood.part::<F>().density().width(part.columns.len());
            let place = Place { outputs: (first, outputs(part)), free, width };
            first += place.outputs.1;
            free += width - place.outputs.1;
            (part, place)
        })
    }

    /// Give `work` every part of θ and x, some rows and columns at a time, as [`Piece`]s in buffers on the stack.
    fn pieces<F: Scalar>(
        &self,
        theta: ArrayView2<'_, F>,
        x: ArrayView2<'_, F>,
        mut work: impl FnMut(&dyn Density<F>, Piece<'_, F>),
    ) {
        let (mut to_theta, mut to_x) = ([F::zero(); BUFFER], [F::zero(); BUFFER]);
        for (part, place) in self.places::<F>() {
            let (d, density) = (part.columns.len(), part.likelihood.part::<F>().density());
            let k = place.width / d.max(1);
            let cols = d.min(BUFFER / k.max(1)).max(1);
            let rows = (BUFFER / (k.max(1) * cols)).max(1);
            for first in (0..d).step_by(cols) {
                let columns = &part.columns[first..(first + cols).min(d)];
                let n = columns.len();
                for top in (0..x.nrows()).step_by(rows) {
                    let b = rows.min(x.nrows() - top);
                    for i in 0..b {
                        for (c, &j) in columns.iter().enumerate() {
                            to_x[i * n + c] = x[[top + i, j]];
                            for m in 0..k {
                                let from = place.column(m * d + first + c);
                                to_theta[i * k * n + m * n + c] = theta[[top + i, from]];
                            }
                        }
                    }
                    let (Ok(theta), Ok(x)) = (
                        ArrayView2::from_shape((b, k * n), &to_theta[..b * k * n]),
                        ArrayView2::from_shape((b, n), &to_x[..b * n]),
                    ) else {
                        continue;
                    };
                    work(density, Piece { theta, x, top, columns, first, d, k, place });
                }
            }
        }
    }
}

/// Rows from `top` on of some columns of a part: x `[B, n]` and their θ `[B, k n]`.
struct Piece<'a, F> {
    theta: ArrayView2<'a, F>,
    x: ArrayView2<'a, F>,
    top: usize,
    columns: &'a [usize],
    /// The first of the columns, among the d of the part.
    first: usize,
    d: usize,
    k: usize,
    place: Place,
}

impl<F: Scalar, M: Member> Density<F> for Mixed<M> {
    fn width(&self, _: usize) -> usize {
        self.places::<F>().map(|(_, place)| place.width).sum()
    }

    fn log_prob(&self, out: &mut [F], theta: ArrayView2<'_, F>, v: ArrayView2<'_, F>) {
        out.fill(F::zero());
        let mut sums = [F::zero(); BUFFER];
        self.pieces(theta, v, |density, piece| {
            let sums = &mut sums[..piece.x.nrows()];
            density.log_prob(sums, piece.theta, piece.x);
            out[piece.top..].iter_mut().zip(sums).for_each(|(out, sum)| *out += *sum);
        });
    }

    fn log_prob_backward(
        &self,
        mut d_theta: Option<ArrayViewMut2<'_, F>>,
        mut d_v: Option<ArrayViewMut2<'_, F>>,
        theta: ArrayView2<'_, F>,
        v: ArrayView2<'_, F>,
        d_out: &[F],
    ) {
        let (mut for_theta, mut for_x) = ([F::zero(); BUFFER], [F::zero(); BUFFER]);
        self.pieces(theta, v, |density, piece| {
            let (b, n) = piece.x.dim();
            let (for_theta, for_x) = (&mut for_theta[..b * piece.k * n], &mut for_x[..b * n]);
            for_theta.fill(F::zero());
            for_x.fill(F::zero());
            let to_theta = ArrayViewMut2::from_shape((b, piece.k * n), for_theta).ok();
            let to_theta = to_theta.filter(|_| d_theta.is_some());
            let to_x = ArrayViewMut2::from_shape((b, n), for_x).ok().filter(|_| d_v.is_some());
            let d_out = &d_out[piece.top..piece.top + b];
            density.log_prob_backward(to_theta, to_x, piece.theta, piece.x, d_out);
            for i in 0..b {
                for (c, &j) in piece.columns.iter().enumerate() {
                    if let Some(d_v) = &mut d_v {
                        d_v[[piece.top + i, j]] += for_x[i * n + c];
                    }
                    if let Some(d_theta) = &mut d_theta {
                        for m in 0..piece.k {
                            let to = piece.place.column(m * piece.d + piece.first + c);
                            d_theta[[piece.top + i, to]] += for_theta[i * piece.k * n + m * n + c];
                        }
                    }
                }
            }
        });
    }
}

impl<M> Part<M> {
    /// Its columns of x.
    fn of<F: Scalar>(&self, x: ArrayView2<'_, F>) -> Array2<F> {
        x.select(Axis(1), &self.columns)
    }

    fn of_data<F: Scalar>(&self, data: &Dataset<F>) -> Dataset<F> {
        let x_names = self.columns.iter().map(|&j| data.x_names[j].clone()).collect();
        Dataset { x: self.of(data.x.view()), x_names, u: data.u.clone(), s: None }
    }

    /// Write what it has for its columns into `x`.
    fn write<F: Scalar>(&self, x: &mut ArrayViewMut2<'_, F>, own: &Array2<F>) {
        for (from, &j) in own.columns().into_iter().zip(&self.columns) {
            x.column_mut(j).assign(&from);
        }
    }
}

impl<F: Scalar, M: Member> Likelihood<F> for Mixed<M> {
    fn density(&self) -> &dyn Density<F> {
        self
    }

    fn check(&self) -> Result<(), SpecError> {
        self.parts.iter().try_for_each(|part| part.likelihood.part::<F>().check())
    }

    fn check_x(&self, x: ArrayView2<'_, F>) -> Result<(), SpecError> {
        let mut times = vec![0; x.ncols()];
        for &j in self.parts.iter().flat_map(|part| &part.columns) {
            *times.get_mut(j).ok_or(SpecError::MixedColumns {
                column: j,
                times: 1,
                observed: x.ncols(),
            })? += 1;
        }
        if let Some(column) = times.iter().position(|&times| times != 1) {
            return Err(SpecError::MixedColumns { column, times: times[column], observed: x.ncols() });
        }
        for part in &self.parts {
            // With the position among all columns.
            part.likelihood.part::<F>().check_x(part.of(x).view()).map_err(|e| match e {
                SpecError::OutsideSupport { likelihood, support, row, column, value } => {
                    let column = part.columns[column];
                    SpecError::OutsideSupport { likelihood, support, row, column, value }
                }
                other => other,
            })?;
        }
        Ok(())
    }

    fn allows(&self, scaling: Scaling) -> bool {
        matches!(scaling, Scaling::None | Scaling::Standardise)
    }

    fn scales(&self, column: usize) -> bool {
        let part = self.parts.iter().find(|part| part.columns.contains(&column));
        part.is_none_or(|part| part.likelihood.part::<F>().allows(Scaling::Standardise))
    }

    fn suited(&self) -> Option<Suited> {
        Some(Suited { scaling: Scaling::Standardise, ..counts::SUITED })
    }

    fn outputs(&self, _: usize) -> usize {
        self.places::<F>().map(|(_, place)| place.outputs.1).sum()
    }

    fn free_parameters(&self, _: usize, latents: usize) -> Vec<FreeParameter> {
        let of_part = |(i, part): (usize, &Part<M>)| {
            let free = part.likelihood.part::<F>().free_parameters(part.columns.len(), latents);
            let named = move |p: FreeParameter| FreeParameter { name: format!("part.{i}.{}", p.name), ..p };
            free.into_iter().map(named)
        };
        self.parts.iter().enumerate().flat_map(of_part).collect()
    }

    fn features(&self, _: usize) -> Option<usize> {
        let of_part = |part: &Part<M>| {
            let d = part.columns.len();
            part.likelihood.part::<F>().features(d).unwrap_or(d)
        };
        Some(self.parts.iter().map(of_part).sum())
    }

    /// Those of all parts, side by side.
    fn write_features(&self, features: ArrayViewMut2<'_, F>, x: ArrayView2<'_, F>) {
        let mut buffer = [F::zero(); BUFFER];
        let mut rest = features;
        for part in &self.parts {
            let (d, likelihood) = (part.columns.len(), part.likelihood.part::<F>());
            let (mut own, others) = rest.split_at(Axis(1), likelihood.features(d).unwrap_or(d));
            rest = others;
            let rows = (BUFFER / d.max(1)).max(1);
            for top in (0..x.nrows()).step_by(rows) {
                let b = rows.min(x.nrows() - top);
                let to = own.slice_axis_mut(Axis(0), Slice::from(top..top + b));
                if b * d > BUFFER {
                    // One row that is wider than the buffer.
                    let x = x.slice_axis(Axis(0), Slice::from(top..top + b));
                    likelihood.write_features(to, part.of(x).view());
                    continue;
                }
                for i in 0..b {
                    part.columns.iter().enumerate().for_each(|(c, &j)| buffer[i * d + c] = x[[top + i, j]]);
                }
                if let Ok(x) = ArrayView2::from_shape((b, d), &buffer[..b * d]) {
                    likelihood.write_features(to, x);
                }
            }
        }
    }

    fn crude_outputs(&self, x: ArrayView2<'_, F>) -> Option<Array2<F>> {
        let of_part = |part: &Part<M>| {
            let (x, likelihood) = (part.of(x), part.likelihood.part::<F>());
            likelihood.crude_outputs(x.view()).unwrap_or_else(|| match likelihood.start(x.view()) {
                Some((bias, factor)) => {
                    let mean = x.sum_axis(Axis(0)) / F::of(x.nrows() as f64);
                    (x - &mean) * &factor + &bias
                }
                None => x,
            })
        };
        let outputs: Vec<Array2<F>> = self.parts.iter().map(of_part).collect();
        let views: Vec<_> = outputs.iter().map(|o| o.view()).collect();
        ndarray::concatenate(Axis(1), &views).ok()
    }

    fn mean(&self, mut x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>) {
        for (part, place) in self.places::<F>() {
            let mut own = Array2::zeros((x.nrows(), part.columns.len()));
            part.likelihood.part::<F>().mean(own.view_mut(), place.of(theta).view());
            part.write(&mut x, &own);
        }
    }

    fn sample(&self, mut x: ArrayViewMut2<'_, F>, theta: ArrayView2<'_, F>, key: StreamKey) {
        for (i, (part, place)) in self.places::<F>().enumerate() {
            let mut own = Array2::zeros((x.nrows(), part.columns.len()));
            let key = key.restart(i as u32);
            part.likelihood.part::<F>().sample(own.view_mut(), place.of(theta).view(), key);
            part.write(&mut x, &own);
        }
    }

    /// The sum over the parts.
    fn u_only(&self, train: &Dataset<F>, test: &Dataset<F>) -> f64 {
        let of_part =
            |part: &Part<M>| part.likelihood.part::<F>().u_only(&part.of_data(train), &part.of_data(test));
        self.parts.iter().map(of_part).sum()
    }

    /// That of the parts where they agree.
    fn noise(&self) -> Noise {
        let mut noises = self.parts.iter().map(|part| part.likelihood.part::<F>().noise());
        let first = noises.next().unwrap_or(Noise::None);
        if noises.all(|noise| noise.name() == first.name()) { first } else { Noise::Other }
    }
}

impl Place {
    /// θ of the part, `[B, width]`.
    fn of<F: Scalar>(self, theta: ArrayView2<'_, F>) -> Array2<F> {
        let columns: Vec<usize> = (0..self.width).map(|c| self.column(c)).collect();
        theta.select(Axis(1), &columns)
    }
}
