//! A self-contained HTML page: text, figures and tables in sections, with nothing fetched from anywhere.

use std::path::Path;

use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;

use crate::ReportError;
use crate::file::write_atomically;
use crate::markdown::{inline, paragraphs};

const TEMPLATE: &str = include_str!("../templates/page.html");

/// A page. All text is plain and escaped; leads, captions, notes and warnings may use a little Markdown (`code`,
/// `**bold**`, `*emphasis*`, links).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The heading, also shown in the browser's tab.
    pub title: String,
    /// A sentence below it; may be empty.
    pub subtitle: String,
    /// The sections in order; more than two get a table of contents.
    pub sections: Vec<Section>,
}

/// A section of a page; everything but the title may be empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Section {
    /// The section's address in the page, unique; made from the title if empty.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// What it shows, in paragraphs separated by blank lines.
    pub lead: String,
    /// The numbers to take home.
    pub stats: Vec<Stat>,
    /// Figures; narrow ones stand beside each other.
    pub figures: Vec<Figure>,
    /// Tables below the figures.
    pub tables: Vec<Table>,
    /// Remarks.
    pub notes: Vec<String>,
    /// What the reader should know before believing the results.
    pub warnings: Vec<String>,
    /// How the results were made, folded away.
    pub details: Option<Details>,
}

/// A number to take home.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stat {
    /// The number as written: `0.97`.
    pub value: String,
    /// What it is.
    pub label: String,
}

/// A figure with its caption.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figure {
    /// The picture from [`figure`](crate::figure); it goes into the page as it is, so it must be trusted.
    pub svg: String,
    /// What one sees, in a sentence or two.
    pub caption: String,
    /// The same for those who cannot see it.
    pub alt: String,
}

/// A table; cells that are numbers are set flush right.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Names of the columns.
    pub head: Vec<String>,
    /// Rows of cells.
    pub rows: Vec<Vec<String>>,
    /// What the table shows; may be empty.
    pub caption: String,
    /// The row to set in bold.
    pub emphasis: Option<usize>,
}

/// How to make the results of a section again.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Details {
    /// The command.
    pub command: String,
    /// The seed that everything random was drawn from.
    pub seed: Option<u64>,
    /// The settings, as TOML.
    pub spec: String,
}

impl Page {
    /// The page as HTML.
    pub fn render(&self) -> Result<String, ReportError> {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.add_template("page.html", TEMPLATE)?;
        let sections: Vec<SectionView<'_>> = self.sections.iter().map(SectionView::of).collect();
        let html = environment.get_template("page.html")?.render(context! {
            title => self.title,
            subtitle => self.subtitle,
            sections => sections,
            contents => sections.len() > 2,
            version => env!("CARGO_PKG_VERSION"),
        })?;
        Ok(html)
    }

    /// Writes the page to `path`, atomically: a reader finds the old page or the new one, whole.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), ReportError> {
        write_atomically(path.as_ref(), self.render()?.as_bytes())
    }
}

/// A section as the template sees it; `_html` fields are already escaped.
#[derive(Serialize)]
struct SectionView<'a> {
    id: String,
    title: &'a str,
    lead_html: String,
    stats: &'a [Stat],
    figures: Vec<FigureView<'a>>,
    tables: Vec<TableView<'a>>,
    notes_html: Vec<String>,
    warnings_html: Vec<String>,
    details: &'a Option<Details>,
}

#[derive(Serialize)]
struct FigureView<'a> {
    svg_html: &'a str,
    caption_html: String,
    alt: &'a str,
}

#[derive(Serialize)]
struct TableView<'a> {
    head: Vec<Cell<'a>>,
    rows: Vec<Row<'a>>,
    caption_html: String,
}

#[derive(Serialize)]
struct Row<'a> {
    cells: Vec<Cell<'a>>,
    emphasis: bool,
}

#[derive(Serialize)]
struct Cell<'a> {
    text: &'a str,
    number: bool,
}

impl<'a> SectionView<'a> {
    fn of(section: &'a Section) -> Self {
        let html = |texts: &[String]| texts.iter().map(|t| inline(t)).collect();
        let figure =
            |f: &'a Figure| FigureView { svg_html: &f.svg, caption_html: inline(&f.caption), alt: &f.alt };
        Self {
            id: slug(if section.id.is_empty() { &section.title } else { &section.id }),
            title: &section.title,
            lead_html: paragraphs(&section.lead),
            stats: &section.stats,
            figures: section.figures.iter().map(figure).collect(),
            tables: section.tables.iter().map(TableView::of).collect(),
            notes_html: html(&section.notes),
            warnings_html: html(&section.warnings),
            details: &section.details,
        }
    }
}

impl<'a> TableView<'a> {
    fn of(table: &'a Table) -> Self {
        let row = |(i, cells): (usize, &'a Vec<String>)| Row {
            cells: cells.iter().map(|text| Cell { text, number: is_number(text) }).collect(),
            emphasis: table.emphasis == Some(i),
        };
        // A column is headed flush right if all its filled cells are numbers.
        let numbers = |j: usize| {
            let mut filled =
                table.rows.iter().filter_map(|r| r.get(j)).filter(|t| !t.trim().is_empty()).peekable();
            filled.peek().is_some() && filled.all(|t| is_number(t))
        };
        Self {
            head: table.head.iter().enumerate().map(|(j, text)| Cell { text, number: numbers(j) }).collect(),
            rows: table.rows.iter().enumerate().map(row).collect(),
            caption_html: inline(&table.caption),
        }
    }
}

/// Whether a cell reads as a number: digits with signs, separators, an exponent, a unit of at most two letters; or a
/// dash for a missing one.
fn is_number(cell: &str) -> bool {
    let cell = cell.trim();
    let mut words = cell.split([' ', '\u{202f}']);
    matches!(cell, "–" | "-" | "NaN")
        || cell.contains(|c: char| c.is_ascii_digit())
            && words.all(|word| {
                let unit = word.chars().count() <= 2 && word.chars().all(|c| c.is_alphabetic() || c == '%');
                unit || word.chars().all(|c| c.is_ascii_digit() || "+-−±.,e×%/()⁰¹²³⁴⁵⁶⁷⁸⁹⁻".contains(c))
            })
}

/// Letters and digits in lower case, joined by single hyphens; `section` if there are none.
fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    let slug = words.map(str::to_lowercase).collect::<Vec<_>>().join("-");
    if slug.is_empty() { "section".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_words() {
        for number in ["0.93", "−1.5", "1e-3", "0.93 ± 0.02", "12 s", "12 034", "97 %", "1.5×10⁶", "–"]
        {
            assert!(is_number(number), "{number}");
        }
        for words in ["", "iVAE", "VAE 2", "example-1", "5 segments"] {
            assert!(!is_number(words), "{words}");
        }
    }

    #[test]
    fn addresses_are_plain() {
        assert_eq!(slug("Example 1: Gaußian <b>"), "example-1-gaußian-b");
        assert_eq!(slug(" & "), "section");
    }
}
