//! `ivae diagnose`.

use std::fmt::Write as _;

use ivae::core::Schema;
use ivae::core::theory::Identifiability;

use crate::args::DiagnoseArgs;
use crate::exit::{Exit, print, print_json};
use crate::input;

/// Distinct u that are named by their leverage.
const MOST_NAMED: usize = 5;
/// Width of the longest bar of the spectrum.
const BAR: f64 = 40.0;

pub(crate) fn run(args: &DiagnoseArgs) -> Result<(), Exit> {
    let fitted = input::run(&args.run)?;
    let Some(found) = &fitted.report.identifiability else {
        return Err(Exit::input(format!(
            "{}: a {} model makes no claim of identifiability by these theorems: there is nothing to diagnose",
            args.run.display(),
            fitted.report.model
        )));
    };
    if args.json {
        return print_json(found);
    }
    // With continuous values beside them, levels alone do not say which u it is.
    let levels: &[String] = match &fitted.schema {
        Schema { levels: Some(levels), values: None, .. } => levels,
        _ => &[],
    };
    let mut text = text(found, levels);
    if let Some(step) = &fitted.report.linear_step {
        let taken = if step.applied { "taken" } else { "not taken" };
        let _ = writeln!(text, "\nlinear step on the latents: {taken}; {}", step.reason);
    }
    print(text.trim_end())
}

/// The verdict, the spectrum of L, and what each rests on.
fn text(found: &Identifiability, levels: &[String]) -> String {
    let mut out = match &found.check {
        Some(check) => check.to_string(),
        None => format!("{}\n", found.verdict),
    };
    if let Some(&largest) = found.singular_values.first() {
        let _ = writeln!(
            out,
            "\nsingular values of the fitted L, in units of information; {} of them count:",
            found.rank
        );
        for (i, &value) in found.singular_values.iter().enumerate() {
            let bar = "█".repeat((BAR * value / largest).ceil().max(0.0) as usize);
            let _ = writeln!(out, "  {:>3}  {value:<9.4} {bar}", i + 1);
        }
    }
    if let Some(smallest) = found.smallest {
        let _ = writeln!(
            out,
            "  the smallest lies between {:.4} and {:.4} (95 %)",
            smallest.lower, smallest.upper
        );
    }
    let mut by_leverage: Vec<(usize, f64)> = found.leverage.iter().copied().enumerate().collect();
    by_leverage.sort_by(|a, b| b.1.total_cmp(&a.1));
    if levels.len() == found.leverage.len() && !levels.is_empty() {
        let named: Vec<String> = by_leverage
            .iter()
            .take(MOST_NAMED)
            .map(|&(u, leverage)| format!("{} ({leverage:.2})", levels[u]))
            .collect();
        let _ = writeln!(
            out,
            "\nL rests most on u = {}; leverage, 1 for a direction of its own",
            named.join(", ")
        );
    }
    out
}
