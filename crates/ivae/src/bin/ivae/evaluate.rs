//! `ivae evaluate`.

use ivae::evaluate::{Evaluation, Scored, evaluate};

use crate::args::{EvaluateArgs, RowsArg};
use crate::exit::{Exit, print, print_json, warn};
use crate::input;

pub(crate) fn run(args: &EvaluateArgs) -> Result<(), Exit> {
    let fitted = input::run(&args.run)?;
    let rows = match args.rows {
        RowsArg::All => Scored::All,
        RowsArg::Train => Scored::Train,
        RowsArg::HeldOut => Scored::HeldOut,
    };
    let data = input::data_for(&fitted, &args.data.path, &args.data.columns)?;
    let scores = evaluate(&fitted, &data, rows).map_err(|e| Exit::file(&args.data.path, e))?;
    warn(&scores.warnings);
    if args.json { print_json(&scores) } else { print(&table(&scores)) }
}

fn table(scores: &Evaluation) -> String {
    let mut lines = vec![format!("{} rows scored", scores.rows)];
    let mut line = |name: &str, value: Option<f64>| {
        lines.push(format!("{name:<28}{}", value.map_or("-".into(), |v| format!("{v:.4}"))));
    };
    if let (Some(mcc), Some(baselines)) = (&scores.mcc, &scores.baselines) {
        line("MCC (Pearson)", Some(mcc.pearson));
        line("MCC (Spearman)", Some(mcc.spearman));
        line("MCC within u", mcc.within_u);
        line("MCC after an affine map", Some(mcc.weak));
        line("MCC of statistics T(z)", Some(mcc.statistics));
        line("R², affine map", scores.r2);
        line("  u alone", baselines.u_only);
        line("  FastICA", baselines.fastica);
        line("  PCA", baselines.pca);
        line("  chance", Some(baselines.chance));
    }
    if let Some(likelihood) = &scores.log_likelihood {
        line("ELBO, nats per row", Some(likelihood.elbo));
        line("IWAE bound, nats per row", Some(likelihood.iwae));
    }
    for pair in &scores.matched {
        line(&format!("source s{} ~ latent z{}", pair.source + 1, pair.latent + 1), Some(pair.correlation));
    }
    lines.join("\n")
}
