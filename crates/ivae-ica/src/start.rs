//! Where an iteration on whitened data starts.

use ivae_num::{Purpose, StreamKey, linalg, stream::fill_normal};
use ndarray::{Array2, ArrayView2};

use crate::IcaError;
use crate::pca::Exact;

/// Where an iteration starts. Rows need not be orthogonal: methods that need it orthogonalise them.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Start {
    /// At random, named by the seed.
    #[default]
    Random,
    /// At this matrix `[n, n]` in whitened coordinates ([`Pca`](crate::Pca) says which).
    Whitened(Array2<f64>),
    /// At this unmixing `[n, d]` of centred x: that of an earlier fit with the same [`Whitening`](crate::Whitening), a
    /// warm start.
    Unmixing(Array2<f64>),
}

impl Start {
    /// The start `[n, n]` in whitened coordinates.
    pub(crate) fn whitened(&self, pca: &Exact, seed: u64) -> Result<Array2<f64>, IcaError> {
        let (n, d) = pca.components.dim();
        let (given, columns) = match self {
            Self::Random => return Ok(random(n, seed)),
            Self::Whitened(w) => (w, n),
            Self::Unmixing(unmixing) => (unmixing, d),
        };
        if given.dim() != (n, columns) {
            let (rows, found) = given.dim();
            return Err(IcaError::StartShape {
                expected: n,
                expected_columns: columns,
                rows,
                columns: found,
            });
        }
        if let Some(&value) = given.iter().find(|v| !v.is_finite()) {
            return Err(IcaError::Setting { name: "start", range: "finite", value });
        }
        Ok(match self {
            Self::Unmixing(unmixing) => unmixing.dot(&pca.colouring()) / pca.scale,
            _ => given.clone(),
        })
    }
}

fn random(n: usize, seed: u64) -> Array2<f64> {
    let mut normals = vec![0.0; n * n];
    fill_normal(&mut normals, n, StreamKey::new(seed, Purpose::Init));
    Array2::from_shape_fn((n, n), |(i, j)| normals[i * n + j])
}

/// The nearest orthogonal matrix to w `[n, n]`, (w wᵀ)^(−½) w = U Vᵀ of w = U Σ Vᵀ: no square of a condition number,
/// and orthogonal even where w is singular.
pub(crate) fn orthogonalise(w: ArrayView2<'_, f64>) -> Result<Array2<f64>, IcaError> {
    let svd = linalg::svd(w)?;
    Ok(svd.u.dot(&svd.vt))
}
