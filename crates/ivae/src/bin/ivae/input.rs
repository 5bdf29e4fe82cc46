//! Reading data and run folders, and refusing outputs that exist or cannot be written.

use std::path::Path;

use ivae::core::SaveError;
use ivae::data::{Dataset, Levels, ReadOptions, check_extension, check_values, read};
use ivae::prelude::Fitted;

use crate::args::ColumnArgs;
use crate::exit::Exit;

/// Read the data that the arguments name.
pub(crate) fn data(path: &Path, columns: &ColumnArgs) -> Result<Dataset<f32>, Exit> {
    read_data(path, columns, false)
}

/// Read the data that the arguments name, without the true sources.
pub(crate) fn data_to_fit(path: &Path, columns: &ColumnArgs) -> Result<Dataset<f32>, Exit> {
    read_data(path, columns, true)
}

fn read_data(path: &Path, columns: &ColumnArgs, drop_s: bool) -> Result<Dataset<f32>, Exit> {
    let ColumnArgs { x, u, s, .. } = columns.clone();
    let options = ReadOptions { x, u, s, drop_s };
    let mut data: Dataset<f32> = read(path, &options).map_err(|e| Exit::file(path, e))?;
    if let Some(count) = columns.windows {
        data.u = Levels::windows(data.rows(), count).map_err(|e| Exit::file(path, e))?.into();
    }
    Ok(data)
}

/// Read data for a fitted model: columns of x that have the model's names in another order are put into its order;
/// other names are refused, unless they are a mere numbering or were chosen with `--x`.
pub(crate) fn data_for(model: &Fitted<f32>, path: &Path, columns: &ColumnArgs) -> Result<Dataset<f32>, Exit> {
    let data = data(path, columns)?;
    check_values(&data).map_err(|e| Exit::file(path, e))?;
    let (known, found) = (&model.schema.x, &data.x_names);
    let numbered = found.iter().zip(1..).all(|(name, j)| *name == format!("x{j}"));
    if known == found || columns.x.is_some() || (numbered && known.len() == found.len()) {
        return Ok(data);
    }
    let order: Option<Vec<usize>> = known.iter().map(|name| found.iter().position(|f| f == name)).collect();
    match order {
        Some(order) if order.len() == found.len() => Ok(data.select_columns(&order)),
        _ => Err(Exit::file(
            path,
            format!(
                "x has {} columns ({}), but the model was fitted on {} ({}); choose them with --x",
                found.len(),
                listed(found),
                known.len(),
                listed(known)
            ),
        )),
    }
}

/// Names for a message.
pub(crate) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut list = names[..names.len().min(SHOWN)].join(", ");
    if names.len() > SHOWN {
        list.push_str(", ..");
    }
    list
}

/// Load a run folder.
pub(crate) fn run(dir: &Path) -> Result<Fitted<f32>, Exit> {
    let shown = dir.display();
    if !dir.is_dir() {
        return Err(Exit::input(format!(
            "there is no run folder {shown}; `ivae fit .. --out {shown}` makes one"
        )));
    }
    if !dir.join("spec.toml").exists() {
        return Err(Exit::input(format!(
            "{shown} holds no fitted model (no spec.toml): it is no run folder, or its fit was interrupted"
        )));
    }
    Fitted::load(dir).map_err(|error| {
        let what = match error {
            SaveError::Format { .. } => "damaged run folder",
            SaveError::Io { .. } => "cannot read the run folder",
        };
        Exit::input(format!("{what}: {}", error.to_string().trim_end()))
    })
}

/// Refuse an output file that exists, unless forced, or that cannot be written.
pub(crate) fn refuse_output(path: &Path, force: bool) -> Result<(), Exit> {
    let shown = path.display();
    if path.is_dir() {
        return Err(Exit::input(format!("cannot write {shown}: it is a folder")));
    }
    if path.exists() && !force {
        return Err(Exit::input(format!("{shown} exists; give --force to replace it, or another --out")));
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Exit::input(format!("cannot write {shown}: there is no folder {}", folder.display())));
    }
    writable(folder).map_err(|e| Exit::input(format!("cannot write {shown}: {e}")))
}

/// [`refuse_output`], and refuse a format that is not known.
pub(crate) fn refuse_array(path: &Path, force: bool) -> Result<(), Exit> {
    check_extension(path).map_err(|e| Exit::file(path, e))?;
    refuse_output(path, force)
}

/// Whether files can be made in `folder`.
pub(crate) fn writable(folder: &Path) -> std::io::Result<()> {
    tempfile::tempfile_in(folder).map(drop)
}
