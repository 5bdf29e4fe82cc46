//! Recovery and the condition of L against the number of segments: whether starts of equal likelihood agree, below and
//! above n·k + 1.

use std::time::Instant;

use ivae::expfam::{Gaussian, GaussianForm, Lambda, Variability, natural_table};
use ivae::metrics::agreement;
use ivae::prelude::{Correlation, mcc};
use ivae::report::figure::{LinesOptions, Series, Strip, StripDot, StripOptions, lines, strips};
use ivae::report::{Figure, Record, Section, Stat, Table};
use ndarray::{Array2, ArrayView2};

use crate::context::{Context, Outcome, Result, one_thread_each};
use crate::numbers::number;
use crate::swirls::{Plane, Start, TIE, each, spec, swirl};

/// Of the latents: T = z², k = 1, so that n·k + 1 = 3.
const FAMILY: Gaussian = Gaussian { form: GaussianForm::Var };
/// Rows, a fourth of which is held out.
const ROWS: usize = 9600;
/// Starts of each case.
const STARTS: u64 = 6;

/// Standard deviations of the two latents in segments that differ in every way, `[std 1, std 2]`; the first two scale
/// both latents alike.
const STDS: [[f64; 2]; 16] = [
    [1.0, 1.0],
    [2.0, 2.0],
    [1.0, 2.0],
    [2.0, 1.0],
    [0.7, 1.5],
    [1.5, 0.7],
    [2.5, 1.2],
    [1.2, 2.5],
    [0.5, 0.8],
    [0.8, 0.5],
    [1.6, 0.9],
    [0.9, 1.6],
    [2.2, 0.7],
    [0.7, 2.2],
    [1.3, 1.3],
    [3.0, 1.8],
];

/// Segments, and their name.
struct Case {
    name: &'static str,
    key: &'static str,
    stds: Vec<[f64; 2]>,
    /// How many of [`STDS`], from the first on, there are: its place on the curve.
    first: Option<usize>,
}

/// What the starts of one case found, the likeliest first.
struct Found {
    runs: Vec<Run>,
    variability: Variability,
    /// Log-likelihood of the truth, and what a swirl of the latents loses of it.
    truth: f64,
    cost: f64,
    /// Mean MCC of pairs of starts that tie.
    agreement: f64,
    seconds: f64,
}

struct Run {
    start: Start,
    mcc: f64,
    ties: bool,
}

fn cases() -> Vec<Case> {
    let case = |name, key, stds: &[[f64; 2]]| Case { name, key, stds: stds.to_vec(), first: None };
    let first = |name, key, count: usize| Case { first: Some(count), ..case(name, key, &STDS[..count]) };
    let steps: Vec<[f64; 2]> = (0..8).map(|u| [0.7 + 0.25 * f64::from(u); 2]).collect();
    vec![
        Case { first: Some(1), ..case("2 segments, alike", "2-alike", &[STDS[0]; 2]) },
        first("2 segments, in step", "2-in-step", 2),
        case("8 segments, in step", "8-in-step", &steps),
        case("2 segments, crosswise", "2-crosswise", &STDS[2..4]),
        first("3 segments", "3", 3),
        first("4 segments", "4", 4),
        first("6 segments", "6", 6),
        first("8 segments", "8", 8),
        first("16 segments", "16", 16),
    ]
}

pub(crate) fn run(context: &Context) -> Result<Outcome> {
    let cases = cases();
    let (rows, starts) = if context.quick { (1600, 2) } else { (ROWS, STARTS) };
    let planes = cases
        .iter()
        .map(|case| {
            let segments: Vec<[f64; 4]> = case.stds.iter().map(|std| [0.0, 0.0, std[0], std[1]]).collect();
            Plane::draw(&segments, rows, context.seed)
        })
        .collect::<Result<Vec<_>>>()?;
    let spec = spec(GaussianForm::Var, context.seed, context.quick);
    let jobs: Vec<(usize, u64)> = (0..cases.len()).flat_map(|c| (0..starts).map(move |s| (c, s))).collect();
    let mut fits = one_thread_each(&jobs, |&(case, start)| {
        let began = Instant::now();
        let found = planes[case].fit(&spec, start)?;
        eprintln!(
            "{}: {}, start {start} in {:.1} s",
            context.name,
            cases[case].key,
            began.elapsed().as_secs_f64()
        );
        Result::Ok((found, began.elapsed().as_secs_f64()))
    })?
    .into_iter();
    let found = cases
        .iter()
        .zip(&planes)
        .map(|(case, plane)| gather(case, plane, fits.by_ref().take(starts as usize)))
        .collect::<Result<Vec<_>>>()?;
    let records = cases.iter().zip(&found).map(|(case, found)| record(context, case, found)).collect();
    Ok(Outcome { section: section(context, &cases, &found)?, records })
}

fn gather(case: &Case, plane: &Plane, fits: impl Iterator<Item = Result<(Start, f64)>>) -> Result<Found> {
    let (mut runs, mut seconds, truth) = (Vec::new(), 0.0, plane.truth());
    for fit in fits {
        let (start, took) = fit?;
        seconds += took;
        let mcc = mcc(truth.view(), start.latents.view(), Correlation::Pearson)?.score;
        runs.push(Run { start, mcc, ties: false });
    }
    runs.sort_by(|a, b| b.start.log_likelihood.total_cmp(&a.start.log_likelihood));
    let best = runs.first().map_or(f64::NAN, |run| run.start.log_likelihood);
    runs.iter_mut().for_each(|run| run.ties = best - run.start.log_likelihood <= TIE);
    let tied: Vec<ArrayView2<'_, f64>> =
        runs.iter().filter(|run| run.ties).map(|run| run.start.latents.view()).collect();
    let agreement = if tied.len() < 2 { f64::NAN } else { agreement(&tied, Correlation::Pearson)?.mean };
    let eta = Array2::from_shape_fn((case.stds.len(), 2), |(u, i)| 2.0 * case.stds[u][i].ln());
    let table = natural_table(&FAMILY, eta.view())?;
    Ok(Found {
        variability: Lambda::new(&FAMILY, table.view())?.variability()?,
        truth: plane.log_likelihood(),
        cost: likelihood_of_best_prior(plane, plane.z.view())
            - likelihood_of_best_prior(plane, each(plane.z.view(), |z| swirl(z, [0.0; 2], |r| r)).view()),
        agreement,
        runs,
        seconds,
    })
}

/// Mean log p(z|u) of all rows under the Gaussian prior that fits `z` best: of mean 0, with a variance for each latent and
/// segment.
fn likelihood_of_best_prior(plane: &Plane, z: ArrayView2<'_, f64>) -> f64 {
    let count = plane.segments.len();
    let mut squares = vec![[0.0; 2]; count];
    let mut rows = vec![0.0; count];
    for (z, &u) in z.rows().into_iter().zip(&plane.u) {
        rows[u as usize] += 1.0;
        (0..2).for_each(|i| squares[u as usize][i] += z[i] * z[i]);
    }
    let of = |u: usize| {
        let entropy = |square: f64| 0.5 * ((std::f64::consts::TAU * square / rows[u]).ln() + 1.0);
        -rows[u] * (entropy(squares[u][0]) + entropy(squares[u][1]))
    };
    (0..count).map(of).sum::<f64>() / plane.u.len() as f64
}

impl Found {
    fn ties(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|run| run.ties)
    }

    /// Lowest and highest MCC of the starts that tie.
    fn range(&self) -> (f64, f64) {
        let ends = (f64::INFINITY, f64::NEG_INFINITY);
        self.ties().fold(ends, |(low, high), run| (low.min(run.mcc), high.max(run.mcc)))
    }

    /// Of the truth above the best start, in nats a row.
    fn gap(&self) -> f64 {
        self.runs.first().map_or(f64::NAN, |best| self.truth - best.start.log_likelihood)
    }
}

fn record(context: &Context, case: &Case, found: &Found) -> Record {
    let mut record = context.plain_record(case.key, case.name, found.seconds);
    let (low, high) = found.range();
    record.metric("segments", case.stds.len() as f64);
    record.metric("rank", found.variability.rank as f64);
    record.metric("condition", found.variability.condition);
    record.metric("starts", found.runs.len() as f64);
    record.metric("ties", found.ties().count() as f64);
    record.metric("mcc_likeliest", found.runs.first().map_or(f64::NAN, |run| run.mcc));
    record.metric("mcc_lowest_of_ties", low);
    record.metric("mcc_highest_of_ties", high);
    record.metric("agreement_of_ties", found.agreement);
    record.metric("gap_to_truth", found.gap());
    record.metric("cost_of_swirl", found.cost);
    for (i, run) in found.runs.iter().enumerate() {
        record.metric(format!("start_{i}_mcc"), run.mcc);
        record.metric(format!("start_{i}_log_likelihood"), run.start.log_likelihood);
    }
    record
}

/// MCC and the inverse of L's condition against the number of segments that differ.
fn curve(cases: &[Case], found: &[Found]) -> String {
    let on_curve = || cases.iter().zip(found).filter_map(|(case, found)| Some((case.first? as f64, found)));
    let series = |label: &str, dashed, of: fn(&Found) -> f64| Series {
        label: label.into(),
        x: on_curve().map(|(count, _)| count).collect(),
        y: on_curve().map(|(_, found)| of(found)).collect(),
        error: vec![],
        dashed,
    };
    let options = LinesOptions {
        width: 640.0,
        height: 320.0,
        x_label: "segments that differ, the first of one list".into(),
        y_label: "MCC, 1 / condition".into(),
        y_range: Some((0.0, 1.0)),
        ..LinesOptions::default()
    };
    let all = [
        series("MCC, likeliest start", false, |f| f.runs.first().map_or(f64::NAN, |run| run.mcc)),
        series("MCC, lowest of ties", false, |f| f.range().0),
        series("1 / condition of L", true, |f| 1.0 / f.variability.condition),
    ];
    lines(&all, &options)
}

fn picture(cases: &[Case], found: &[Found]) -> String {
    let row = |(case, found): (&Case, &Found)| Strip {
        label: case.name.into(),
        dots: found.runs.iter().map(|run| StripDot { value: run.mcc, emphasis: run.ties }).collect(),
        note: format!("{} of 2", found.variability.rank),
    };
    let rows: Vec<Strip> = cases.iter().zip(found).map(row).collect();
    strips(
        &rows,
        &StripOptions {
            width: 640.0,
            x_label: "MCC with the true latents".into(),
            range: Some((0.0, 1.0)),
            emphasised: format!("within {TIE} nats of the best"),
            others: "less likely".into(),
            note_label: "rank of L".into(),
        },
    )
}

fn section(context: &Context, cases: &[Case], found: &[Found]) -> Result<Section> {
    let picture = picture(cases, found);
    context.picture_of_docs("segments.svg", &picture)?;
    let curve = curve(cases, found);
    context.picture_of_docs("segments-curve.svg", &curve)?;
    let mccs = |(low, high): (f64, f64)| {
        let (low, high) = (number(low, 3), number(high, 3));
        if low == high { low } else { format!("{low} to {high}") }
    };
    let row = |(case, found): (&Case, &Found)| {
        vec![
            case.name.into(),
            found.variability.rank.to_string(),
            number(found.variability.condition, 1),
            format!("{} of {}", found.ties().count(), found.runs.len()),
            mccs(found.range()),
            number(found.agreement, 3),
            number(found.gap(), 3),
            number(found.cost, 3),
        ]
    };
    let lowest = |full: bool| {
        let of = found.iter().filter(|f| (f.variability.rank == 2) == full);
        number(of.map(|f| f.range().0).fold(f64::INFINITY, f64::min), 3)
    };
    let table = Table {
        head: [
            "segments",
            "rank of L",
            "condition",
            "ties",
            "MCC of ties",
            "their agreement",
            "gap",
            "swirl's cost",
        ]
        .map(String::from)
        .to_vec(),
        rows: cases.iter().zip(found).map(row).collect(),
        caption: format!(
            "All on held-out rows. *Rank* and *condition* of the true λ(u) − λ̄. *Ties*: starts within {TIE} nats a row of \
             the best. *Agreement*: mean MCC of pairs of ties, for which no truth is needed; none where one start stands alone. \
             *Gap*: from the best start up to the log-likelihood of the truth, in nats a row. *Swirl's cost*: what the likelihood loses, at least, if the \
             latents are swirled by an angle of one radian per unit of radius."
        ),
        emphasis: None,
    };
    context.table_of_chapter("theorem-1.md", "segments", &table)?;
    Ok(Section {
        id: "segments".into(),
        title: "Segments: how many it takes".into(),
        lead: "Theorem 1 asks for n·k + 1 segments whose natural parameters differ in n·k directions. Two Gaussian latents of \
               which only the variance changes (k = 1) need three. Swirls and waves mix them, and a coupling flow is fitted \
               by exact likelihood from starts that are far from linear: each sees x after swirls of its own. The likelihood \
               is all a fit has to choose between starts. Where the theorem does not hold, starts of equal likelihood may \
               have latents that are as different as one likes; where it holds, they must agree."
            .into(),
        stats: vec![
            Stat { value: lowest(false), label: "lowest MCC of a start that ties, rank of L below 2".into() },
            Stat { value: lowest(true), label: "the same, rank 2".into() },
        ],
        figures: vec![
            Figure {
                svg: curve,
                caption: "n·k + 1 = 3. Below it L is singular, its smallest singular value 0, and starts that tie differ; \
                          from 3 on they find the truth, and L is far from singular."
                    .into(),
                alt: "MCC against the number of segments, low for one and two and near 1 from three on; the inverse of the \
                      condition is 0 for one and two."
                    .into(),
            },
            Figure {
            svg: picture,
            caption: "One dot is one start. *In step*: the segments scale both latents by one factor, so λ(u) stays on a line \
                      however many there are, and any swirl of the latents is left free. *Crosswise*: one latent grows as the \
                      other shrinks."
                .into(),
            alt: "Dots of MCC for nine settings: spread out where the rank of L is below 2 but for one, near 1 above.".into(),
            },
        ],
        tables: vec![table],
        notes: vec![
            "Two segments that are crosswise are enough here, though the theorem does not promise it: its condition is \
             sufficient. A map that leaves both densities alone must keep every level set of their ratio. In step these are \
             ellipses, around which mass can flow; crosswise they are branches of hyperbolas, on which a continuous map that \
             keeps the mass can only stand still or mirror."
                .into(),
        ],
        details: Some(context.plain_details()),
        ..Section::default()
    })
}
