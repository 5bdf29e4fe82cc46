//! `ivae transform`, `ivae reconstruct` and `ivae sample`: arrays out of a fitted model.

use std::path::Path;

use ivae::core::{ModelError, Schema};
use ivae::data::{Aux, Continuous, Dataset, Levels, write_array};
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
    let (z, covariance) = found.map_err(|e| Exit::file(&map.data.path, with_model(&fitted, &e)))?;
    save(&map.out, "z", &z)?;
    match (std, covariance) {
        (Some(path), Some(covariance)) => {
            save(path, "std", &Array2::from_shape_fn(z.dim(), |(row, i)| covariance[[row, i, i]].sqrt()))
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
    let schema = &fitted.schema;
    let u = args.u.as_deref().map_or_else(|| Ok(Aux::none()), |text| parse_u(text, schema, args.count))?;
    let drawn = fitted.sample(&u, args.count, args.seed).map_err(|error| match error {
        ModelError::NeedsU(_) => Exit::input(format!("{error}; give --u {}", u_in_words(schema))),
        _ => Exit::input(with_model(&fitted, &error)),
    })?;
    save(&args.out, "x", &drawn.x)
}

/// `error`, and where the model has no such operation, which model that is.
fn with_model(fitted: &Fitted<f32>, error: &ModelError) -> String {
    match error {
        ModelError::Unsupported { .. } => format!("{error} (--model {})", fitted.report.model),
        _ => error.to_string(),
    }
}

/// What `--u` takes for a model with this schema.
fn u_in_words(schema: &Schema) -> String {
    match (&schema.levels, &schema.values) {
        (Some(levels), None) => format!("one of the levels {}", listed(levels)),
        (Some(levels), Some(values)) => format!(
            "one of the levels {}, then values of {}, separated by commas",
            listed(levels),
            listed(values)
        ),
        (None, values) => {
            format!("values of {}, separated by commas", listed(values.as_deref().unwrap_or_default()))
        }
    }
}

/// The u that `text` gives, in each of `rows` rows: the name of a level, values, or a name and then values.
fn parse_u(text: &str, schema: &Schema, rows: usize) -> Result<Aux<f32>, Exit> {
    let (level, values) = match (&schema.levels, &schema.values) {
        (None, None) => return Err(Exit::input("the model was fitted without u, but --u is given")),
        (Some(_), None) => (Some(text), None),
        (None, Some(_)) => (None, Some(text)),
        // Names of levels may hold commas, numbers do not.
        (Some(_), Some(names)) => match text.rmatch_indices(',').nth(names.len() - 1) {
            Some((comma, _)) => (Some(&text[..comma]), Some(&text[comma + 1..])),
            None => {
                return Err(Exit::input(format!("--u: {text:?} is too short; give {}", u_in_words(schema))));
            }
        },
    };
    let levels = level.zip(schema.levels.as_ref()).map(|(level, names)| {
        let index = names.iter().position(|name| name == level).ok_or_else(|| {
            Exit::input(format!("--u: {level:?} is no level of u; there are {}", listed(names)))
        })?;
        Ok(Levels { index: vec![index as u32; rows], names: names.clone() })
    });
    let values = values.zip(schema.values.as_ref()).map(|(text, names)| {
        let row = numbers(text)?;
        if row.len() != names.len() {
            let (found, needed, names) = (row.len(), names.len(), listed(names));
            return Err(Exit::input(format!("--u: {found} values given, u has {needed} ({names})")));
        }
        let values = Array2::from_shape_fn((rows, names.len()), |(_, j)| row[j]);
        Ok(Continuous { values, names: names.clone() })
    });
    Ok(Aux { levels: levels.transpose()?, values: values.transpose()? })
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
