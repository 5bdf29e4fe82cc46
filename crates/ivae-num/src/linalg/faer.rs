//! The default back end: faer.

use faer::{Mat, MatRef};
use ndarray::{Array2, ArrayView2};

use super::backend::PivotedQr;
use crate::real::Real;

fn to_faer<F: Real>(a: ArrayView2<'_, F>) -> Mat<F> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[[i, j]])
}

fn from_faer<F: Real>(a: MatRef<'_, F>) -> Array2<F> {
    Array2::from_shape_fn((a.nrows(), a.ncols()), |(i, j)| a[(i, j)])
}

pub(super) fn qr<F: Real + faer::traits::RealField>(a: ArrayView2<'_, F>) -> PivotedQr<F> {
    let qr = to_faer(a).col_piv_qr();
    let pivots = qr.P().arrays().0.to_vec();
    PivotedQr { q: from_faer(qr.compute_thin_Q().as_ref()), r: from_faer(qr.thin_R()), pivots }
}

#[cfg(not(feature = "lapack"))]
mod backend {
    use faer::Side;
    use faer::linalg::solvers::Solve;
    use ndarray::Array1;

    use super::super::backend::{Backend, Eigh, Lu, Svd};
    use super::*;

    macro_rules! backend {
        ($float:ty) => {
            impl Backend for $float {
                fn eigh(a: ArrayView2<'_, Self>) -> Option<Eigh<Self>> {
                    let eigen = to_faer(a).self_adjoint_eigen(Side::Lower).ok()?;
                    let values = Array1::from_iter(eigen.S().column_vector().iter().copied());
                    Some(Eigh { values, vectors: from_faer(eigen.U()) })
                }

                fn svd(a: ArrayView2<'_, Self>) -> Option<Svd<Self>> {
                    let svd = to_faer(a).thin_svd().ok()?;
                    let s = Array1::from_iter(svd.S().column_vector().iter().copied());
                    Some(Svd { u: from_faer(svd.U()), s, vt: from_faer(svd.V().transpose()) })
                }

                fn qr(a: ArrayView2<'_, Self>) -> PivotedQr<Self> {
                    qr(a)
                }

                fn lu(a: ArrayView2<'_, Self>, b: ArrayView2<'_, Self>) -> Lu<Self> {
                    let lu = to_faer(a).partial_piv_lu();
                    let pivots = lu.U().diagonal().column_vector().iter().copied().collect();
                    let x = from_faer(lu.solve(to_faer(b)).as_ref());
                    Lu { pivots, odd: is_odd(lu.P().arrays().0), x }
                }
            }
        };
    }
    backend!(f32);
    backend!(f64);

    /// Whether a permutation is odd: it is when the number of its cycles and its length differ by an odd number.
    fn is_odd(permutation: &[usize]) -> bool {
        let mut seen = vec![false; permutation.len()];
        let mut cycles = 0;
        for start in 0..permutation.len() {
            cycles += usize::from(!seen[start]);
            let mut at = start;
            while !seen[at] {
                seen[at] = true;
                at = permutation[at];
            }
        }
        (permutation.len() - cycles) % 2 == 1
    }
}
