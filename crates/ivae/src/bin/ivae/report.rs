//! `ivae report`.

use ivae::data::{Dataset, ReadOptions, read};
use ivae::page::run_page;

use crate::args::ReportArgs;
use crate::exit::{Exit, print};
use crate::input::{self, refuse_existing};

pub(crate) fn run(args: &ReportArgs) -> Result<(), Exit> {
    refuse_existing(&args.out, args.force)?;
    let fitted = input::run(&args.run)?;
    let data: Option<Dataset<f32>> = match &args.data {
        Some(path) => Some(read(path, &ReadOptions::default()).map_err(Exit::input)?),
        None => None,
    };
    let command: Vec<String> = std::env::args().collect();
    let page = run_page(&fitted, data.as_ref(), &command.join(" ")).map_err(Exit::input)?;
    page.write(&args.out).map_err(Exit::input)?;
    print(&format!("{}", args.out.display()))
}
