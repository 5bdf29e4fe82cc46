//! [`LinearSpec`]: which linear model.

use serde::{Deserialize, Serialize};

/// A linear model of x. Each scales x as it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum LinearSpec {
    /// FastICA (Hyvärinen 1999); Picard where it does not converge.
    #[serde(rename = "fastica")]
    FastIca,
    /// Maximum-likelihood linear ICA with uncorrelated outputs (Ablin, Cardoso & Gramfort 2018).
    Picard,
    /// Maximum-likelihood linear ICA by natural gradients (Bell & Sejnowski 1995; Lee, Girolami & Sejnowski 1999).
    Infomax,
    /// Joint diagonalisation of the covariances of u's levels: nonstationary linear ICA (Pham & Cardoso 2001).
    Ajd,
    /// Joint diagonalisation of lagged covariances: linear ICA of time series, without u (Belouchrani et al. 1997).
    Sobi {
        /// Lags, in rows; those of [`ivae_ica::Sobi`] by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lags: Option<Vec<usize>>,
    },
    /// Principal components, scaled to unit variance.
    Pca,
}

impl LinearSpec {
    /// Every linear model, with its name on the command line and what it is.
    pub const ALL: [(Self, &'static str, &'static str); 6] = [
        (
            Self::FastIca,
            "fastica",
            "Linear ICA by fixed-point iteration; by picard where that does not converge",
        ),
        (Self::Picard, "picard", "Linear ICA by maximum likelihood, with uncorrelated outputs"),
        (Self::Infomax, "infomax", "Linear ICA by maximum likelihood, with natural gradients"),
        (
            Self::Ajd,
            "ajd",
            "Linear ICA of nonstationary sources: joint diagonalisation of the covariances of u's levels",
        ),
        (
            Self::Sobi { lags: None },
            "sobi",
            "Linear ICA of time series, without u: joint diagonalisation of lagged covariances",
        ),
        (Self::Pca, "pca", "Principal components"),
    ];

    /// Its name on the command line and in files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::FastIca => "fastica",
            Self::Picard => "picard",
            Self::Infomax => "infomax",
            Self::Ajd => "ajd",
            Self::Sobi { .. } => "sobi",
            Self::Pca => "pca",
        }
    }
}
