//! [`Warning`]: what weakens a fit, with the values that say so.

use std::fmt;

use ivae_expfam::Answer;
use ivae_ica::Method;
use serde::{Deserialize, Serialize};

use crate::prior::FEW_ROWS;

/// What weakens a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the text of a warning says what its numbers are")]
pub enum Warning {
    /// FastICA did not converge, and Picard went on from where it stopped.
    FastIcaGaveWay { iterations: usize },
    /// A linear method did not converge.
    IcaNotConverged { method: Method, iterations: usize, limit: f64, tolerance: f64 },
    /// Restarts became non-finite.
    RestartsLost { lost: usize, restarts: usize },
    /// No other restart agrees with the chosen one.
    StartsDisagree { starts_in_basin: usize, starts: usize, class: String },
    /// The bottleneck loses much of the variance of x.
    LossyBottleneck { latents: usize, lost_variance: f64 },
    /// Starts of the bottleneck became non-finite.
    BottleneckStartsLost { lost: usize },
    /// The time budget ran out.
    OutOfTime,
    /// The objective was still rising.
    StillRising { epochs: usize },
    /// Theorem 1's condition of variability is not established.
    Variability { answer: Answer, reason: String },
    /// Latents collapsed onto the prior.
    Collapsed { latents: Vec<usize>, threshold: f64, retries: usize },
    /// The held-out bound lies below what u alone gives.
    WorseThanU { held_out: f64, u_only: f64 },
    /// A linear step was free, but linear ICA of the latents failed.
    LinearStepFailed { error: String },
    /// The linear step did not converge.
    LinearStepNotConverged { iterations: usize },
    /// Linear steps from the two halves of u disagree.
    LinearStepUncertain { agreement: Option<f64> },
    /// Columns of x are discrete.
    DiscreteColumns { discrete: usize, columns: usize, first: String, values: usize },
    /// Rows of x are copies of others.
    CopiedRows { rows: usize },
    /// Levels of u have few rows.
    SmallLevels { small: usize, levels: usize, is_shrunk: bool },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FastIcaGaveWay { iterations } => write!(
                f,
                "fastica did not converge in {iterations} iterations: these are the components of picard, from where it \
                 stopped"
            ),
            Self::IcaNotConverged { method, iterations, limit, tolerance } => write!(
                f,
                "{} did not converge in {iterations} iterations: {limit:.1e}, not below {tolerance:.1e}",
                method.name()
            ),
            Self::RestartsLost { lost, restarts } => write!(
                f,
                "{lost} of {restarts} restarts became non-finite and were dropped: lower --lr if there are many"
            ),
            Self::StartsDisagree { starts_in_basin, starts, class } => write!(
                f,
                "{} of the {starts} restarts of the chosen class ({class}) agree with the chosen one, so the latents are \
                 not shown to be reproducible: raise --restarts or --epochs",
                if *starts_in_basin == 0 { "none".into() } else { format!("only {starts_in_basin}") }
            ),
            Self::LossyBottleneck { latents, lost_variance } => write!(
                f,
                "{latents} latents explain only {:.1} % of the variance of x: raise --latents, or check for outliers; \
                 noise has the same effect",
                100.0 * (1.0 - lost_variance)
            ),
            Self::BottleneckStartsLost { lost } => {
                write!(f, "{lost} starts of the bottleneck became non-finite and were dropped")
            }
            Self::OutOfTime => {
                f.write_str("the time budget ran out before training finished; raise --time-budget")
            }
            Self::StillRising { epochs } => {
                write!(f, "the objective was still rising after {epochs} epochs: raise --epochs")
            }
            Self::Variability { reason, .. } => {
                write!(f, "the latents may not be identifiable (Theorem 1): {reason}")
            }
            Self::Collapsed { latents, threshold, retries } => {
                let names: Vec<String> = latents.iter().map(|i| format!("z{}", i + 1)).collect();
                write!(
                    f,
                    "latents {} collapsed onto the prior (KL below {threshold} nats), in {retries} more attempts too: they \
                     say nothing about x beyond u; ask for fewer latents, or more restarts",
                    names.join(", ")
                )
            }
            Self::WorseThanU { held_out, u_only } => write!(
                f,
                "the held-out bound ({held_out:.3} nats per row) is below what u alone gives ({u_only:.3}): do not trust \
                 the latents"
            ),
            Self::LinearStepFailed { error } => {
                write!(f, "a linear map is free, but linear ICA of the latents failed: {error}")
            }
            Self::LinearStepNotConverged { iterations } => write!(
                f,
                "the linear step on the latents did not converge in {iterations} iterations: they are determined only up \
                 to a rotation"
            ),
            Self::LinearStepUncertain { agreement } => {
                let found =
                    agreement.map_or("cannot be compared".into(), |a| format!("agree to {a:.2} (MCC)"));
                write!(
                    f,
                    "the latents are determined up to a rotation, and the linear step that finds it is uncertain: steps \
                     from either half of u {found}; over all u together the latents may be nearly Gaussian, or u has too \
                     few values"
                )
            }
            Self::DiscreteColumns { discrete, columns, first, values } => write!(
                f,
                "{discrete} of {columns} columns of x are discrete ({first} holds {values} values): a density may grow on \
                 them without bound; dequantise them, or leave them out"
            ),
            Self::CopiedRows { rows } => write!(
                f,
                "{rows} rows of x are copies of others: copies on both sides of the split make held-out figures too high"
            ),
            Self::SmallLevels { small, levels, is_shrunk } => write!(
                f,
                "{small} of {levels} levels of u have fewer than {FEW_ROWS} rows: their part of the prior is estimated \
                 poorly{}",
                if *is_shrunk { ", and shrunk towards the pooled one" } else { "" }
            ),
        }
    }
}
