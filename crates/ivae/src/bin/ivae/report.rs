//! `ivae report`.

use ivae::page::run_page;

use crate::args::ReportArgs;
use crate::exit::{Exit, print};
use crate::input::{self, data_for, refuse_output};

pub(crate) fn run(args: &ReportArgs) -> Result<(), Exit> {
    refuse_output(&args.out, args.force)?;
    let fitted = input::run(&args.run)?;
    let data = args.data.as_ref().map(|path| data_for(&fitted, path, &args.columns)).transpose()?;
    let options = std::env::args_os().skip(1).map(|a| format!(" {}", a.to_string_lossy()));
    let command = format!("ivae{}", options.collect::<String>());
    let page = run_page(&fitted, data.as_ref(), &command)
        .map_err(|e| Exit::file(args.data.as_ref().unwrap_or(&args.run), e))?;
    page.write(&args.out).map_err(Exit::failed)?;
    print(&format!("{}", args.out.display()))
}
