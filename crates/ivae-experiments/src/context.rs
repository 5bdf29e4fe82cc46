//! What an experiment is given, and what it hands back.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use ivae::core::ModelSpec;
use ivae::data::{Dataset, Split};
use ivae::prelude::{FitSpec, Fitted, Silent, fit, fit_split};
use ivae::report::{Details, Record, Section, Table};

use crate::numbers::markdown;

/// Experiments fail with whatever went wrong below them.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The chapter that holds the tables of the experiments.
const CHAPTER: &str = "recovery.md";
/// Chapters of the documentation.
const CHAPTERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src");
/// Pictures of the documentation.
const IMAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/src/images");

/// What an experiment is given.
#[derive(Debug)]
pub(crate) struct Context {
    /// Its name.
    pub(crate) name: String,
    /// Seed of the first run.
    pub(crate) seed: u64,
    /// Number of seeds.
    pub(crate) seeds: u64,
    /// Less data and shorter fits.
    pub(crate) quick: bool,
    /// The rows of `recovery` to run; those that the other options ask for, if none is named.
    pub(crate) rows: Vec<String>,
    /// Folder of the real data.
    pub(crate) data_dir: PathBuf,
    /// Also rewrite the pictures and tables of the documentation.
    pub(crate) update_docs: bool,
}

/// What an experiment hands back.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Its part of the page.
    pub(crate) section: Section,
    /// One record per model.
    pub(crate) records: Vec<Record>,
}

impl Context {
    /// The command that makes this experiment's results again.
    pub(crate) fn command(&self) -> String {
        let mut command = format!("cargo xtask experiments {} --seed {}", self.name, self.seed);
        if self.seeds > 1 {
            command += &format!(" --seeds {}", self.seeds);
        }
        if !self.rows.is_empty() {
            command += &format!(" --rows {}", self.rows.join(","));
        }
        if self.quick {
            command += " --quick";
        }
        command
    }

    /// How to make the results again, with the settings of the main fit.
    pub(crate) fn details(&self, spec: &FitSpec) -> Result<Option<Details>> {
        Ok(Some(Details { command: self.command(), seed: Some(self.seed), spec: spec.to_toml()? }))
    }

    /// A record of this experiment about `model`, with everything but its metrics.
    pub(crate) fn record(&self, model: &str, title: &str, fitted: &[&Fitted<f32>]) -> Result<Record> {
        let mut warnings = Vec::new();
        for fitted in fitted {
            for warning in &fitted.report.warnings {
                warnings.push(format!("seed {}: {warning}", fitted.spec.seed));
            }
        }
        Ok(Record {
            settings: fitted.first().map(|f| serde_json::to_value(&f.spec)).transpose()?.unwrap_or_default(),
            warnings,
            ..self.plain_record(model, title, fitted.iter().map(|f| f.report.seconds).sum())
        })
    }

    /// A record of something that is no fit, with everything but its metrics.
    pub(crate) fn plain_record(&self, what: &str, title: &str, seconds: f64) -> Record {
        Record {
            name: format!("{}-{what}", self.name),
            title: title.into(),
            command: self.command(),
            seed: self.seed,
            seconds,
            ..Record::default()
        }
    }

    /// How to make the results again, where nothing was fitted.
    pub(crate) fn plain_details(&self) -> Details {
        Details { command: self.command(), seed: Some(self.seed), spec: String::new() }
    }

    /// Write a picture that the documentation shows, if that is asked for.
    pub(crate) fn picture_of_docs(&self, name: &str, svg: &str) -> Result<()> {
        if self.update_docs {
            let path = Path::new(IMAGES).join(name);
            std::fs::write(&path, svg).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
            eprintln!("wrote {}", path.display());
        }
        Ok(())
    }

    /// Write a table that the chapter of the experiments shows: [`table_of_chapter`](Self::table_of_chapter).
    pub(crate) fn table_of_docs(&self, name: &str, table: &Table) -> Result<()> {
        self.table_of_chapter(CHAPTER, name, table)
    }

    /// Write a table that a chapter of the documentation shows, between the lines `<!-- NAME -->` and `<!-- end -->`, if
    /// that is asked for.
    pub(crate) fn table_of_chapter(&self, chapter: &str, name: &str, table: &Table) -> Result<()> {
        if self.update_docs {
            let path = Path::new(CHAPTERS).join(chapter);
            let shown = path.display();
            let text = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {shown}: {e}"))?;
            let text = with_table(&text, name, &markdown(table))
                .ok_or_else(|| format!("{shown} has no place for the table {name}"))?;
            std::fs::write(&path, text).map_err(|e| format!("cannot write {shown}: {e}"))?;
            eprintln!("wrote the table {name} of {shown}");
        }
        Ok(())
    }

    /// In a quick run, little of everything.
    pub(crate) fn hasten(&self, spec: &mut FitSpec) {
        if !self.quick {
            return;
        }
        let few = |count: &mut usize, most: usize| *count = (*count).min(most);
        match &mut spec.model {
            ModelSpec::Vae(vae) => {
                few(&mut vae.restarts, 2);
                few(&mut vae.training.epochs, 100);
            }
            ModelSpec::Flow(flow) => {
                for class in &mut flow.classes {
                    few(&mut class.restarts, 4);
                    few(&mut class.epochs, 60);
                }
                few(&mut flow.survivors, 1);
                few(&mut flow.refine_epochs, 60);
                few(&mut flow.bottleneck.epochs, 60);
            }
            _ => {}
        }
    }

    /// Fit, saying so on standard error; the split is the spec's own unless one is given.
    pub(crate) fn fit(
        &self,
        data: &Dataset<f32>,
        split: Option<&Split>,
        spec: &FitSpec,
    ) -> Result<Fitted<f32>> {
        let began = Instant::now();
        let fitted = match split {
            Some(split) => fit_split(data, split, spec, &Silent),
            None => fit(data, spec, &Silent),
        }?;
        let objective = fitted
            .report
            .objective
            .held_out
            .map_or_else(String::new, |o| format!(", held-out objective {o:.3}"));
        eprintln!(
            "{}: {} of seed {} in {:.1} s{objective}",
            self.name,
            spec.model.name(),
            spec.seed,
            began.elapsed().as_secs_f64()
        );
        Ok(fitted)
    }
}

/// A page with `table` between its lines `<!-- NAME -->` and `<!-- end -->`; nothing where they are missing.
fn with_table(page: &str, name: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(&format!("<!-- {name} -->\n"))?;
    let (_, after) = rest.split_once("<!-- end -->")?;
    Some(format!("{before}<!-- {name} -->\n{table}<!-- end -->{after}"))
}

/// The results of all jobs, in their order: each job has one thread, and as many run at a time as there are threads.
pub(crate) fn one_thread_each<J: Sync, R: Send>(jobs: &[J], work: impl Fn(&J) -> R + Sync) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let worker = || -> Result<Vec<(usize, R)>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(i) else { return Ok(done) };
            done.push((i, pool.install(|| work(job))));
        }
    };
    // Threads outside the pool: its own would take up another job while they wait for one.
    let mut done = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..rayon::current_num_threads().min(jobs.len())).map(|_| scope.spawn(worker)).collect();
        let mut done = Vec::new();
        for worker in workers {
            done.extend(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Result::Ok(done)
    })?;
    done.sort_by_key(|&(i, _)| i);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_last_one() {
        let page = "a\n<!-- t -->\nold\n<!-- end -->\nb\n<!-- u -->\nother\n<!-- end -->\n";
        let new = page.replace("old\n", "| new |\n");
        assert_eq!(with_table(page, "t", "| new |\n"), Some(new));
        assert_eq!(with_table(page, "v", ""), None);
    }
}
