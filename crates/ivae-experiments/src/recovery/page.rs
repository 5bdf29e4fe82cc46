//! The section of the page.

use ivae::report::figure::{LinesOptions, Series, lines};
use ivae::report::{Figure, Section, Stat, Table};

use super::basins::{self, Basins};
use super::cases::Group;
use super::{Row, Trial};
use crate::context::{Context, Result};
use crate::numbers::{mean_std, number};

/// A number of a trial, by its name in the records.
type Named = (&'static str, fn(&Trial) -> f64);

/// What a search says about itself; NaN where there was none.
pub(super) const SEARCHED: [Named; 5] = [
    ("starts", |t| t.fitted.report.search.as_ref().map_or(f64::NAN, |s| s.starts as f64)),
    ("starts_in_best_basin", |t| {
        t.fitted.report.search.as_ref().map_or(f64::NAN, |s| s.starts_in_basin as f64)
    }),
    ("agreement", |t| t.fitted.report.search.as_ref().and_then(|s| s.agreement).unwrap_or(f64::NAN)),
    ("likelihood_margin", |t| {
        t.fitted.report.search.as_ref().and_then(|s| s.likelihood_margin).unwrap_or(f64::NAN)
    }),
    ("bottleneck_lost_variance", |t| {
        t.fitted.report.bottleneck.as_ref().map_or(f64::NAN, |b| b.lost_variance)
    }),
];

pub(super) fn section(context: &Context, rows: &[Row], basins: &[Basins]) -> Result<Section> {
    let mut figures = vec![basins::figure(basins)];
    let mut tables = vec![targets(context, rows), others(rows), search(rows)];
    let noisy = noise(rows);
    if noisy.len() > 1 {
        tables.push(noise_table(&noisy));
        figures.push(noise_figure(&noisy));
    }
    for (figure, name) in figures.iter().zip(["recovery-starts.svg", "recovery-noise.svg"]) {
        context.picture_of_docs(name, &figure.svg)?;
    }
    if context.seeds > 1 && context.rows.is_empty() {
        for (table, name) in tables.iter().zip(["recovery-targets", "recovery-others", "recovery-search"]) {
            context.table_of_docs(name, table)?;
        }
    }
    let best = rows.iter().find_map(|r| r.trials.first());
    Ok(Section {
        id: "recovery".into(),
        title: "Recovery: data of many kinds".into(),
        lead: "The theory says that the sources can be found; an estimator may still miss them, by ending in a local \
               optimum or by assuming the wrong class of mixings. Here the default fit, which chooses between several classes by \
               held-out likelihood, meets mixings that it was not made for: what it finds is set beside linear methods, \
               and beside a **supervised bound**, a regression of the sources on x that was shown the sources of the \
               training rows. Where x is noisy, even that stays below 1; without noise it is short of 1 only as far as a \
               perceptron falls short of the inverse, and a fit may pass it."
            .into(),
        stats: stats(rows),
        figures,
        tables,
        notes: notes(context),
        warnings: rows.iter().flat_map(|r| r.failures.iter().cloned()).collect(),
        details: best.map_or(Ok(None), |t| context.details(&t.fitted.spec))?,
    })
}

fn stats(rows: &[Row]) -> Vec<Stat> {
    let groups = [(Group::Network, "mixed by a network"), (Group::Other, "mixed in other ways")];
    let mut stats = Vec::new();
    for (group, what) in groups {
        let mcc: Vec<f64> =
            rows.iter().filter(|r| r.case.group == group).flat_map(|r| r.each(|t| t.mcc)).collect();
        if mcc.is_empty() {
            continue;
        }
        let worst = mcc.iter().copied().fold(f64::INFINITY, f64::min);
        stats.push(Stat {
            value: number(mean_std(&mcc).0, 3),
            label: format!("mean MCC, {what} ({} fits)", mcc.len()),
        });
        stats.push(Stat { value: number(worst, 3), label: format!("worst, {what}") });
    }
    stats
}

fn notes(context: &Context) -> Vec<String> {
    let mut notes = vec![
        "MCC by Pearson correlation on all rows; the supervised bound on held-out rows. Each fit ran on one thread, \
         and its seconds are of the whole fit on this machine."
            .into(),
    ];
    match context {
        Context { quick: true, .. } => notes.push("A quick run: little data, short fits, no targets.".into()),
        Context { seeds: 1, .. } => {
            notes.push("One seed of some rows; `--seeds 10` runs all of them, with ten seeds each.".into());
        }
        _ => {}
    }
    notes
}

fn targets(context: &Context, rows: &[Row]) -> Table {
    let line = |row: &Row| {
        let (mean, worst) = (row.mean(|t| t.mcc), row.worst());
        let seconds = row.mean(|t| t.fitted.report.seconds);
        let [target, verdict] = match row.case.target.filter(|_| !context.quick) {
            Some(target) => [target.words(), target.verdict(mean, worst, seconds)],
            None => ["–".into(), "–".into()],
        };
        vec![row.case.title.clone(), number(mean, 4), number(worst, 4), number(seconds, 1), target, verdict]
    };
    Table {
        head: ["data", "mean MCC", "worst", "seconds", "target", "reached"].map(String::from).to_vec(),
        rows: rows.iter().map(line).collect(),
        caption: format!(
            "Over {}, each with its own data and starts. The *perceptron* is the classical iVAE with noise, on the data \
             of the first rows.",
            match context.seeds {
                1 => "one seed".to_owned(),
                n => format!("{n} seeds"),
            }
        ),
        emphasis: None,
    }
}

fn others(rows: &[Row]) -> Table {
    let line = |row: &Row| {
        let mut cells = vec![row.case.title.clone(), number(row.mean(|t| t.mcc), 3)];
        cells.extend(
            [
                row.mean(|t| t.others.supervised),
                row.mean(|t| t.others.ajd),
                row.mean(|t| t.others.fastica),
                row.mean(|t| t.others.pca),
                row.mean(|t| t.others.u_only),
                row.mean(|t| t.others.chance),
            ]
            .map(|v| number(v, 3)),
        );
        cells
    };
    Table {
        head: ["data", "iVAE", "bound", "AJD", "FastICA", "PCA", "u alone", "chance"]
            .map(String::from)
            .to_vec(),
        rows: rows.iter().filter(|r| r.case.group != Group::Perceptron).map(line).collect(),
        caption: "Mean MCC beside that of other methods. *bound*: the supervised regression. *AJD*: linear ICA by joint \
                  diagonalisation, which uses u. *u alone*: the best prediction from the segment. *chance*: our latents \
                  with their rows shuffled."
            .into(),
        emphasis: None,
    }
}

fn search(rows: &[Row]) -> Table {
    let counted = |mut words: Vec<&str>| {
        words.sort_unstable();
        let several = words.len() > 1;
        let groups: Vec<String> = words
            .chunk_by(|a, b| a == b)
            .map(|g| if several { format!("{} ({})", g[0], g.len()) } else { g[0].to_owned() })
            .collect();
        groups.join(", ")
    };
    let line = |row: &Row| {
        let digits = usize::from(row.trials.len() > 1);
        let searched = |i: usize, digits| number(row.mean(SEARCHED[i].1), digits);
        let present = |i: usize, digits| {
            let values = row.each(SEARCHED[i].1);
            let known: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
            number(mean_std(&known).0, digits)
        };
        let searches = row.trials.iter().filter_map(|t| t.fitted.report.search.as_ref());
        let families: Vec<String> = searches.map(|s| s.family.words()).collect();
        vec![
            row.case.title.clone(),
            counted(row.trials.iter().map(Trial::class).collect()),
            counted(families.iter().map(String::as_str).collect()),
            format!("{} of {}", searched(1, digits), searched(0, digits)),
            present(2, 3),
            present(3, 2),
            present(4, 4),
        ]
    };
    Table {
        head: ["data", "class", "family", "best basin", "agreement", "margin", "bottleneck loses"].map(String::from).to_vec(),
        rows: rows.iter().filter(|r| r.case.group != Group::Perceptron).map(line).collect(),
        caption: "How they were found. *class*: of the mixing, chosen by held-out likelihood, with the number of seeds \
                  that chose it. *family*: of the sources' distributions. *best basin*: starts of that class whose \
                  latents agree with those kept, of all its starts; *agreement*: their mean correlation. *margin*: nats per \
                  row down to the best start of another basin. *bottleneck loses*: part of the variance of x that is lost \
                  where x is first reduced to as many variables as there are latents."
            .into(),
        emphasis: None,
    }
}

/// The rows that differ in nothing but noise, by rising noise.
fn noise(rows: &[Row]) -> Vec<&Row> {
    let Some(first) = rows.iter().find(|r| r.case.simulation.noise > 0.0) else { return Vec::new() };
    let quiet = |row: &Row| ivae::prelude::Simulation { noise: 0.0, ..row.case.simulation.clone() };
    let mut rows: Vec<&Row> = rows
        .iter()
        .filter(|r| r.case.group == Group::Network && quiet(r) == quiet(first) && !r.trials.is_empty())
        .collect();
    rows.sort_by(|a, b| a.case.simulation.noise.total_cmp(&b.case.simulation.noise));
    rows
}

fn noise_table(rows: &[&Row]) -> Table {
    let line = |row: &&Row| {
        let mut cells = vec![row.case.simulation.noise.to_string()];
        cells.extend(
            [row.mean(|t| t.mcc), row.mean(|t| t.others.ajd), row.mean(|t| t.others.supervised)]
                .map(|v| number(v, 4)),
        );
        cells
    };
    Table {
        head: ["noise sd", "iVAE", "AJD", "bound"].map(String::from).to_vec(),
        rows: rows.iter().map(line).collect(),
        caption: "MCC against noise, five Gaussian sources behind 25 variables.".into(),
        emphasis: None,
    }
}

fn noise_figure(rows: &[&Row]) -> Figure {
    let x: Vec<f64> = rows.iter().map(|r| r.case.simulation.noise).collect();
    let series = |label: &str, dashed, of: fn(&Trial) -> f64| {
        let (y, std): (Vec<f64>, Vec<f64>) = rows.iter().map(|r| mean_std(&r.each(of))).unzip();
        let error = if rows[0].trials.len() > 1 { std } else { Vec::new() };
        Series { label: label.into(), x: x.clone(), y, error, dashed }
    };
    let series = [
        series("iVAE", false, |t| t.mcc),
        series("AJD", false, |t| t.others.ajd),
        series("supervised bound", true, |t| t.others.supervised),
    ];
    let options = LinesOptions {
        title: "MCC against noise".into(),
        x_label: "standard deviation of the noise on x".into(),
        y_label: "MCC".into(),
        ..LinesOptions::default()
    };
    Figure {
        svg: lines(&series, &options),
        caption: "Five Gaussian sources behind 25 variables. Noise takes from x what no method can give back: the gap \
                  to the dashed line is what ours loses."
            .into(),
        alt: "Three falling lines: the supervised bound, iVAE below it, and AJD.".into(),
    }
}
