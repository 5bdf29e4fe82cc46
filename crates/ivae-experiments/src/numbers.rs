//! Numbers as text: on the page, and as plain tables on standard output.

use ivae::report::{Section, Table};

/// Mean and standard deviation (divisor n − 1; 0 for one value).
pub(crate) fn mean_std(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 })
}

/// A number with a true minus sign; a dash where there is none.
pub(crate) fn number(value: f64, digits: usize) -> String {
    if value.is_finite() { format!("{value:.digits$}").replace('-', "−") } else { "–".into() }
}

/// `0.970`, or `0.970 ± 0.004` over several seeds; a dash where there is no such number.
pub(crate) fn over_seeds(values: &[f64], digits: usize) -> String {
    let (mean, std) = mean_std(values);
    match values.len() {
        _ if !mean.is_finite() => "–".into(),
        1 => number(mean, digits),
        _ => format!("{} ± {}", number(mean, digits), number(std, digits)),
    }
}

/// The tables of a section as plain text.
pub(crate) fn plain_text(section: &Section, seconds: f64) -> String {
    let tables: Vec<String> = section.tables.iter().map(aligned).collect();
    format!("{} ({seconds:.1} s)\n{}\n", section.title, tables.join("\n"))
}

/// A table in Markdown, its caption below it.
pub(crate) fn markdown(table: &Table) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rule = "|---".repeat(table.head.len()) + "|\n";
    let rows: String = table.rows.iter().map(|cells| line(cells)).collect();
    format!("{}{rule}{rows}\n{}\n", line(&table.head), table.caption)
}

fn aligned(table: &Table) -> String {
    let rows: Vec<&Vec<String>> = std::iter::once(&table.head).chain(&table.rows).collect();
    let columns = rows.iter().map(|r| r.len()).max().unwrap_or(0);
    let width = |j: usize| rows.iter().filter_map(|r| r.get(j)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(j, (cell, &w))| match j {
            0 => format!("  {cell:<w$}"),
            _ => format!("  {cell:>w$}"),
        });
        out += cells.collect::<String>().trim_end();
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(mean_std(&[1.0, 3.0]), (2.0, 2f64.sqrt()));
        assert_eq!(over_seeds(&[-1.25], 1), "−1.2");
        assert_eq!(over_seeds(&[0.5, 0.7], 2), "0.60 ± 0.14");
        assert_eq!(over_seeds(&[f64::NAN], 2), "–");
    }

    #[test]
    fn tables_are_aligned() {
        let table = Table {
            head: vec!["model".into(), "MCC".into()],
            rows: vec![vec!["iVAE".into(), "0.99".into()], vec!["u alone".into(), "–".into()]],
            ..Table::default()
        };
        assert_eq!(aligned(&table), "  model     MCC\n  iVAE     0.99\n  u alone     –\n");
        let text = "| model | MCC |\n|---|---|\n| iVAE | 0.99 |\n| u alone | – |\n\n\n";
        assert_eq!(markdown(&table), text);
    }
}
