//! `ivae transform`, `ivae reconstruct` and `ivae sample`: arrays out of a fitted model.

use ivae::core::fitted::AuxSchema;
use ivae::data::{Aux, Levels, write_array};
use ndarray::Array2;

use crate::args::{MapArgs, SampleArgs};
use crate::exit::{Exit, print};
use crate::input::{data, refuse_existing, run};

pub(crate) fn transform(args: &MapArgs) -> Result<(), Exit> {
    refuse_existing(&args.out, args.force)?;
    let z = run(&args.run)?.transform(&data(&args.data)?).map_err(Exit::input)?;
    save(args.out.as_path(), "z", &z)
}

pub(crate) fn reconstruct(args: &MapArgs) -> Result<(), Exit> {
    refuse_existing(&args.out, args.force)?;
    let x = run(&args.run)?.reconstruct(&data(&args.data)?).map_err(Exit::input)?;
    save(args.out.as_path(), "x", &x)
}

pub(crate) fn sample(args: &SampleArgs) -> Result<(), Exit> {
    refuse_existing(&args.out, args.force)?;
    let fitted = run(&args.run)?;
    let u = match (&args.u, &fitted.schema.u) {
        (None, _) => Aux::None,
        (Some(_), AuxSchema::None) => return Err(Exit::input("the model was fitted without u, but --u is given")),
        (Some(level), AuxSchema::Levels(_)) => Aux::Levels(Levels::from_text(&vec![level.as_str(); args.count])),
        (Some(text), AuxSchema::Continuous(names)) => {
            let values: Vec<f32> = text
                .split(',')
                .map(|v| v.trim().parse().map_err(|_| Exit::input(format!("--u: {v:?} is not a number"))))
                .collect::<Result<_, _>>()?;
            if values.len() != names.len() {
                return Err(Exit::input(format!("--u has {} values, the model's u has {}", values.len(), names.len())));
            }
            let rows = Array2::from_shape_fn((args.count, names.len()), |(_, j)| values[j]);
            Aux::Continuous { values: rows, names: names.clone() }
        }
    };
    let drawn = fitted.sample(&u, args.count, args.seed).map_err(Exit::input)?;
    save(args.out.as_path(), "x", &drawn.x)
}

fn save(path: &std::path::Path, name: &str, array: &Array2<f32>) -> Result<(), Exit> {
    write_array(path, name, array.view()).map_err(Exit::input)?;
    print(&format!("{}: {} rows, {} columns", path.display(), array.nrows(), array.ncols()))
}
