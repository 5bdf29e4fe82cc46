//! `cargo xtask bench`: the Criterion suites, then one table of what they measured.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::peers;
use crate::run::{Failure, cargo, failed, run, target};

/// One benchmark: its name, and the median and its confidence interval in nanoseconds.
#[derive(Debug, PartialEq)]
struct Row {
    name: String,
    low: f64,
    median: f64,
    high: f64,
}

/// `--peers`, first, compares with other implementations; everything else goes to Criterion.
pub(crate) fn start(args: &[String]) -> Result<(), Failure> {
    if let Some((flag, rest)) = args.split_first()
        && flag == "--peers"
    {
        return peers::start(rest);
    }
    let begin = SystemTime::now();
    run(cargo(["bench", "--package", "ivae-benches", "--"]).args(args))?;
    let mut rows = Vec::new();
    collect(&mut rows, &target()?.join("criterion"), begin)?;
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    if rows.is_empty() {
        println!("no benchmark was run");
    } else {
        print!("{}", table(&rows));
    }
    Ok(())
}

/// Adds a row for every `new/estimates.json` below `folder` that is not older than `begin`.
fn collect(rows: &mut Vec<Row>, folder: &Path, begin: SystemTime) -> Result<(), Failure> {
    if !folder.is_dir() {
        return Ok(());
    }
    let reading = || format!("reading {}", folder.display());
    if folder.ends_with("new") {
        let file = folder.join("estimates.json");
        let written = fs::metadata(&file).and_then(|data| data.modified()).map_err(failed(reading()))?;
        if written >= begin {
            let estimates = fs::read_to_string(&file).map_err(failed(reading()))?;
            let benchmark = fs::read_to_string(folder.join("benchmark.json")).map_err(failed(reading()))?;
            let row = row(&benchmark, &estimates);
            rows.push(row.ok_or_else(|| Failure::Failed(format!("{} is not Criterion's", file.display())))?);
        }
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(failed(reading()))? {
        collect(rows, &entry.map_err(failed(reading()))?.path(), begin)?;
    }
    Ok(())
}

fn row(benchmark: &str, estimates: &str) -> Option<Row> {
    let name = after(benchmark, "\"full_id\":")?.trim_start().strip_prefix('"')?.split('"').next()?;
    let median = after(estimates, "\"median\":")?;
    Some(Row {
        name: name.to_owned(),
        low: number(median, "\"lower_bound\":")?,
        median: number(median, "\"point_estimate\":")?,
        high: number(median, "\"upper_bound\":")?,
    })
}

fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.split_once(key).map(|(_, rest)| rest)
}

fn number(text: &str, key: &str) -> Option<f64> {
    after(text, key)?.split([',', '}']).next()?.trim().parse().ok()
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max("benchmark".len());
    let mut text = format!("\n{:<width$}  {:>12}  {:>12}  {:>12}\n", "benchmark", "median", "low", "high");
    for row in rows {
        let [low, median, high] = [row.low, row.median, row.high].map(duration);
        text += &format!("{:<width$}  {median:>12}  {low:>12}  {high:>12}\n", row.name);
    }
    text
}

/// Nanoseconds for people: four significant digits and a unit.
fn duration(nanoseconds: f64) -> String {
    let (value, unit) = [(1e9, "s"), (1e6, "ms"), (1e3, "µs")]
        .into_iter()
        .find(|(size, _)| nanoseconds >= *size)
        .map_or((nanoseconds, "ns"), |(size, unit)| (nanoseconds / size, unit));
    let decimals = if value >= 100.0 {
        1
    } else if value >= 10.0 {
        2
    } else {
        3
    };
    format!("{value:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTIMATES: &str = r#"{"mean":{"confidence_interval":{"confidence_level":0.95,"lower_bound":1.0,"upper_bound":2.0},"point_estimate":1.5,"standard_error":0.1},"median":{"confidence_interval":{"confidence_level":0.95,"lower_bound":513512.5,"upper_bound":515e3},"point_estimate":514236.7,"standard_error":9.0},"slope":null}"#;

    #[test]
    fn the_median_is_read_and_shown() {
        let row = row(r#"{"group_id":"step","full_id":"step/100 × 64","title":"x"}"#, ESTIMATES).unwrap();
        assert_eq!(
            row,
            Row { name: "step/100 × 64".into(), low: 513_512.5, median: 514_236.7, high: 515_000.0 }
        );
        let text = table(&[row]);
        assert_eq!(text.lines().nth(2), Some("step/100 × 64      514.2 µs      513.5 µs      515.0 µs"));
    }

    #[test]
    fn something_else_is_not_read() {
        assert_eq!(row("{}", ESTIMATES), None);
        assert_eq!(row(r#"{"full_id":"a"}"#, "{}"), None);
    }

    #[test]
    fn durations_have_a_fitting_unit() {
        let shown = [0.53, 12.0, 4645.0e3, 2.5e9].map(duration);
        assert_eq!(shown, ["0.530 ns", "12.00 ns", "4.645 ms", "2.500 s"]);
    }
}
