//! `ivae transform`, `ivae reconstruct` and `ivae sample`: arrays out of a fitted model.

use std::path::Path;

use ivae::core::ModelError;
use ivae::core::fitted::AuxSchema;
use ivae::data::{Aux, Dataset, Levels, write_array};
use ivae::prelude::Fitted;
use ndarray::{Array1, Array2};

use crate::args::{MapArgs, SampleArgs, TransformArgs};
use crate::exit::{Exit, print};
use crate::input::{data_for, listed, refuse_array, run};

pub(crate) fn transform(args: &TransformArgs) -> Result<(), Exit> {
    let TransformArgs { map, std, noise } = args;
    if let Some(std) = std {
        refuse_array(std, map.force)?;
    }
    let (fitted, data) = model_and_data(map)?;
    let found = match noise {
        Some(sd) => {
            let variances = Array1::from_elem(data.x.ncols(), (sd * sd) as f32);
            fitted.posterior_at_noise(&data, variances.view()).map(|p| (p.mean, Some(p.covariance)))
        }
        None if std.is_some() => fitted.posterior(&data).map(|p| (p.mean, Some(p.covariance))),
        None => fitted.transform(&data).map(|z| (z, None)),
    };
    let (z, covariance) = found.map_err(|e| Exit::file(&map.data.path, e))?;
    save(&map.out, "z", &z)?;
    match (std, covariance) {
        (Some(path), Some(own)) => {
            save(path, "std", &Array2::from_shape_fn(z.dim(), |(row, i)| own[[row, i, i]].sqrt()))
        }
        _ => Ok(()),
    }
}

pub(crate) fn reconstruct(args: &MapArgs) -> Result<(), Exit> {
    let (fitted, data) = model_and_data(args)?;
    let x = fitted.reconstruct(&data).map_err(|e| Exit::file(&args.data.path, e))?;
    save(&args.out, "x", &x)
}

fn model_and_data(args: &MapArgs) -> Result<(Fitted<f32>, Dataset<f32>), Exit> {
    refuse_array(&args.out, args.force)?;
    let fitted = run(&args.run)?;
    let data = data_for(&fitted, &args.data.path, &args.data.columns)?;
    Ok((fitted, data))
}

pub(crate) fn sample(args: &SampleArgs) -> Result<(), Exit> {
    refuse_array(&args.out, args.force)?;
    let fitted = run(&args.run)?;
    let u = match (&args.u, &fitted.schema.u) {
        (None, _) => Aux::None,
        (Some(_), AuxSchema::None) => {
            return Err(Exit::input("the model was fitted without u, but --u is given"));
        }
        (Some(level), AuxSchema::Levels(names)) => match names.iter().position(|n| n == level) {
            Some(index) => {
                Aux::Levels(Levels { index: vec![index as u32; args.count], names: names.clone() })
            }
            None => {
                return Err(Exit::input(format!(
                    "--u: {level:?} is no level of u; there are {}",
                    listed(names)
                )));
            }
        },
        (Some(text), AuxSchema::Continuous(names)) => {
            let values = numbers(text)?;
            if values.len() != names.len() {
                let (found, needed) = (values.len(), names.len());
                return Err(Exit::input(format!(
                    "--u: {found} values given, u has {needed} ({})",
                    listed(names)
                )));
            }
            let rows = Array2::from_shape_fn((args.count, names.len()), |(_, j)| values[j]);
            Aux::Continuous { values: rows, names: names.clone() }
        }
    };
    let drawn =
        fitted.sample(&u, args.count, args.seed).map_err(|error| match (&error, &fitted.schema.u) {
            (ModelError::NeedsU(_), AuxSchema::Levels(names)) => {
                Exit::input(format!("{error}; give --u one of the levels {}", listed(names)))
            }
            (ModelError::NeedsU(_), AuxSchema::Continuous(names)) => {
                Exit::input(format!("{error}; give --u values of {}, separated by commas", listed(names)))
            }
            _ => Exit::input(error),
        })?;
    save(&args.out, "x", &drawn.x)
}

/// Finite numbers separated by commas.
fn numbers(text: &str) -> Result<Vec<f32>, Exit> {
    let number = |v: &str| v.trim().parse().ok().filter(|v: &f32| v.is_finite());
    text.split(',')
        .map(|v| number(v).ok_or_else(|| Exit::input(format!("--u: {v:?} is not a number"))))
        .collect()
}

/// The path can be written to: what goes wrong now is no fault of the input.
fn save(path: &Path, name: &str, array: &Array2<f32>) -> Result<(), Exit> {
    write_array(path, name, array.view()).map_err(Exit::failed)?;
    print(&format!("{}: {} rows, {} columns", path.display(), array.nrows(), array.ncols()))
}
