//! Named arrays of a fitted model: what `params.safetensors` holds.

use std::collections::HashMap;

use ivae_data::{Scaler, Scaling, Standardiser, Whitener};
use ivae_nn::{Group, Layout};
use ivae_num::Scalar;
use ndarray::{Array1, Array2};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// A named array.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedArray<F> {
    /// Its name, unique in a model.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row by row.
    pub values: Vec<F>,
}

/// The array `[len]` of this name.
pub fn vector<F: Scalar>(name: impl Into<String>, a: &Array1<F>) -> NamedArray<F> {
    NamedArray { name: name.into(), shape: vec![a.len()], values: a.to_vec() }
}

/// The array `[rows, cols]` of this name.
pub fn matrix<F: Scalar>(name: impl Into<String>, a: &Array2<F>) -> NamedArray<F> {
    NamedArray { name: name.into(), shape: vec![a.nrows(), a.ncols()], values: a.iter().copied().collect() }
}

/// Every group of `params`, under `prefix` and its name in `layout`.
pub fn groups<F: Scalar>(prefix: &str, layout: &Layout, params: &[F]) -> Vec<NamedArray<F>> {
    let array = |g: &Group| NamedArray {
        name: format!("{prefix}{}", g.name),
        shape: vec![g.slot.rows, g.slot.cols],
        values: params[g.slot.range()].to_vec(),
    };
    layout.groups.iter().map(array).collect()
}

/// The arrays of a scaler, under `name`.
pub fn scaler_arrays<F: Scalar>(name: &str, scaler: &Scaler<F>) -> Vec<NamedArray<F>> {
    let at = |part: &str| format!("{name}.{part}");
    match scaler {
        Scaler::None => Vec::new(),
        Scaler::Standardise(s) => vec![vector(at("mean"), &s.mean), vector(at("std"), &s.std)],
        Scaler::Whiten(w) => vec![
            vector(at("mean"), &w.mean),
            matrix(at("forward"), &w.forward),
            matrix(at("inverse"), &w.inverse),
            vector(at("variances"), &w.variances),
            vector(at("explained"), &Array1::from_elem(1, F::of(w.explained))),
        ],
    }
}

fn dtype<F: Scalar>() -> Dtype {
    if size_of::<F>() == 4 { Dtype::F32 } else { Dtype::F64 }
}

/// The arrays as bytes in the safetensors format.
///
/// # Errors
/// What the format refuses.
pub fn to_bytes<F: Scalar>(arrays: &[NamedArray<F>]) -> Result<Vec<u8>, String> {
    let bytes = |v: &F| match dtype::<F>() {
        Dtype::F32 => (v.f64() as f32).to_le_bytes().to_vec(),
        _ => v.f64().to_le_bytes().to_vec(),
    };
    let bytes: Vec<Vec<u8>> = arrays.iter().map(|a| a.values.iter().flat_map(bytes).collect()).collect();
    let mut views = Vec::with_capacity(arrays.len());
    for (array, bytes) in arrays.iter().zip(&bytes) {
        let view = TensorView::new(dtype::<F>(), array.shape.clone(), bytes).map_err(|e| e.to_string())?;
        views.push((array.name.as_str(), view));
    }
    safetensors::serialize(views, None::<HashMap<String, String>>).map_err(|e| e.to_string())
}

/// Arrays read from a file. Errors are reasons; the caller knows the path.
#[derive(Debug)]
pub struct ArrayReader<'a>(SafeTensors<'a>);

impl<'a> ArrayReader<'a> {
    /// From the bytes of a safetensors file.
    pub fn new(bytes: &'a [u8]) -> Result<Self, String> {
        SafeTensors::deserialize(bytes).map(Self).map_err(|e| e.to_string())
    }

    fn read<F: Scalar>(&self, name: &str, shape: &[usize]) -> Result<Vec<F>, String> {
        let tensor = self.0.tensor(name).map_err(|e| e.to_string())?;
        if tensor.dtype() != dtype::<F>() {
            return Err(format!("{name} is {:?}, expected {:?}", tensor.dtype(), dtype::<F>()));
        }
        if tensor.shape() != shape {
            return Err(format!("{name} has shape {:?}, expected {shape:?}", tensor.shape()));
        }
        let value = |c: &[u8]| match *c {
            [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => f64::NAN,
        };
        Ok(tensor.data().chunks_exact(size_of::<F>()).map(|c| F::of(value(c))).collect())
    }

    /// The array `[len]` of this name.
    pub fn vector<F: Scalar>(&self, name: &str, len: usize) -> Result<Array1<F>, String> {
        Ok(Array1::from(self.read(name, &[len])?))
    }

    /// The array `[rows, cols]` of this name.
    pub fn matrix<F: Scalar>(&self, name: &str, rows: usize, cols: usize) -> Result<Array2<F>, String> {
        Array2::from_shape_vec((rows, cols), self.read(name, &[rows, cols])?).map_err(|e| e.to_string())
    }

    /// The groups of `layout`, under `prefix` and their names, as one flat slice.
    pub fn groups<F: Scalar>(&self, prefix: &str, layout: &Layout) -> Result<Vec<F>, String> {
        let mut params = vec![F::zero(); layout.len()];
        for g in &layout.groups {
            let array = self.matrix::<F>(&format!("{prefix}{}", g.name), g.slot.rows, g.slot.cols)?;
            g.slot.view_mut(&mut params).assign(&array);
        }
        Ok(params)
    }

    /// The scaler of `scaling` under `name`, from `given` columns to `scaled`.
    pub fn scaler<F: Scalar>(
        &self,
        scaling: Scaling,
        name: &str,
        (given, scaled): (usize, usize),
    ) -> Result<Scaler<F>, String> {
        let at = |part: &str| format!("{name}.{part}");
        Ok(match scaling {
            Scaling::None => Scaler::None,
            Scaling::Standardise | Scaling::SharedScale => Scaler::Standardise(Standardiser {
                mean: self.vector(&at("mean"), given)?,
                std: self.vector(&at("std"), given)?,
            }),
            Scaling::Whiten => Scaler::Whiten(Whitener {
                mean: self.vector(&at("mean"), given)?,
                forward: self.matrix(&at("forward"), scaled, given)?,
                inverse: self.matrix(&at("inverse"), given, scaled)?,
                variances: self.vector(&at("variances"), scaled)?,
                explained: self.vector::<F>(&at("explained"), 1)?[0].f64(),
            }),
        })
    }
}
