//! Reading data and run folders, and refusing outputs that exist.

use std::path::Path;

use ivae::data::{Aux, Dataset, Levels, ReadOptions, read};
use ivae::prelude::Fitted;

use crate::args::DataArgs;
use crate::exit::Exit;

/// Read the data that the arguments name.
pub(crate) fn data(args: &DataArgs) -> Result<Dataset<f32>, Exit> {
    let options = ReadOptions { x: args.x.clone(), u: args.u.clone(), s: args.s.clone() };
    let mut data: Dataset<f32> = read(&args.data, &options).map_err(Exit::input)?;
    if let Some(count) = args.windows {
        data.u = Aux::Levels(Levels::windows(data.rows(), count).map_err(Exit::input)?);
    }
    Ok(data)
}

/// Load a run folder.
pub(crate) fn run(dir: &Path) -> Result<Fitted<f32>, Exit> {
    Fitted::load(dir).map_err(|error| Exit::input(format!("not a run folder: {error}")))
}

/// Refuse an output file that exists, unless forced.
pub(crate) fn refuse_existing(path: &Path, force: bool) -> Result<(), Exit> {
    match path.exists() && !force {
        true => Err(Exit::input(format!("{} exists; give --force to replace it", path.display()))),
        false => Ok(()),
    }
}
