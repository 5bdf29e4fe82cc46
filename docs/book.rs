//! Compiles and runs the Rust code blocks of the README and of every chapter, as documentation tests.
#![forbid(unsafe_code)]

macro_rules! chapters {
    ($($name:ident: $file:literal,)*) => {
        $(#[cfg(doctest)] #[doc = include_str!($file)] pub mod $name {})*
    };
}

chapters! {
    readme: "../README.md",
    introduction: "src/introduction.md",
    tutorial: "src/tutorial.md",
    notation: "src/notation.md",
    model: "src/model.md",
    identifiability: "src/identifiability.md",
    ambiguity: "src/ambiguity.md",
    theorem_1: "src/theorem-1.md",
    theorem_2: "src/theorem-2.md",
    theorem_3: "src/theorem-3.md",
    priors: "src/priors.md",
    ica_and_metrics: "src/ica-and-metrics.md",
    data_files: "src/data-files.md",
    command_line: "src/command-line.md",
    recovery: "src/recovery.md",
    performance: "src/performance.md",
    architecture: "src/architecture.md",
    extending: "src/extending.md",
}
