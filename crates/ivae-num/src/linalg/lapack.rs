//! The back end of feature `lapack`: LAPACK through ndarray-linalg.

use ndarray::{Array2, ArrayView1, ArrayView2};
use ndarray_linalg::{Eigh as _, JobSvd, Lapack, MatrixLayout, SVDDC, Transpose, UPLO};

use super::backend::{Backend, Eigh, Lu, PivotedQr, Svd};
use super::faer;

macro_rules! backend {
    ($float:ty) => {
        impl Backend for $float {
            fn eigh(a: ArrayView2<'_, Self>) -> Option<Eigh<Self>> {
                // ndarray-linalg reads the other triangle of a row-major array than of a column-major one.
                let both = Array2::from_shape_fn(a.dim(), |(i, j)| a[[i.max(j), i.min(j)]]);
                let (values, vectors) = both.eigh(UPLO::Lower).ok()?;
                Some(Eigh { values, vectors })
            }

            fn svd(a: ArrayView2<'_, Self>) -> Option<Svd<Self>> {
                let (u, s, vt) = a.svddc(JobSvd::Some).ok()?;
                Some(Svd { u: u?, s, vt: vt? })
            }

            fn qr(a: ArrayView2<'_, Self>) -> PivotedQr<Self> {
                faer::qr(a)
            }

            fn lu(a: ArrayView2<'_, Self>, b: ArrayView2<'_, Self>) -> Lu<Self> {
                let n = a.nrows();
                let layout = MatrixLayout::F { col: n as i32, lda: n as i32 };
                let mut columns: Vec<Self> = a.t().iter().copied().collect();
                // LAPACK stops at a pivot that is exactly zero.
                let Ok(ipiv) = <Self as Lapack>::lu(layout, &mut columns) else {
                    return Lu { pivots: vec![0.0], odd: false, x: Array2::zeros(b.dim()) };
                };
                let mut x = Array2::zeros(b.dim());
                for (mut to, from) in x.columns_mut().into_iter().zip(b.columns()) {
                    let mut column = from.to_vec();
                    <Self as Lapack>::solve(layout, Transpose::No, &columns, &ipiv, &mut column)
                        .expect("getrs refuses malformed arguments only");
                    to.assign(&ArrayView1::from(&column));
                }
                // Row i was exchanged with row ipiv[i], counted from 1.
                let exchanges = (1..).zip(&ipiv).filter(|(i, p)| i != *p).count();
                Lu { pivots: columns.into_iter().step_by(n + 1).collect(), odd: exchanges % 2 == 1, x }
            }
        }
    };
}
backend!(f32);
backend!(f64);
