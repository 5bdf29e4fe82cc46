//! Separated attribute predictability.

use ivae_num::Scalar;
use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::error::{check_count, check_matrix, check_pair, check_rows};
use crate::information::Gap;
use crate::moments::{Columns, Products, constant_columns};
use crate::{MetricError, Warning};

/// Separated attribute predictability (Kumar, Sattigeri & Balakrishnan 2018, section 3) of sources s `[N, a]` and latents
/// z `[N, b]`: for each source the largest R² of a regression on one latent less the second largest; in \[0, 1\]. That R²
/// is the square of Pearson's correlation. A constant column scores 0, with a warning.
///
/// # Errors
/// Different numbers of rows, fewer than 3 rows, no columns, an entry that is not finite.
pub fn sap<F: Scalar>(s: ArrayView2<'_, F>, z: ArrayView2<'_, F>) -> Result<Gap, MetricError> {
    check_pair(s, z)?;
    let (at_s, at_z) = (Columns::of(s), Columns::of(z));
    let scores = Products::of(z, &at_z, s, &at_s).correlations(&at_z, &at_s).mapv(|c| c * c);
    Ok(Gap::of(scores, &vec![1.0; s.ncols()], constant_columns(&at_s, &at_z)))
}

/// [`sap`] of binary sources `classes` `[N, a]`: in place of R², the balanced accuracy (mean over the classes) of the
/// best threshold on one latent, in either direction, at least ½; the gap is in \[0, ½\]. A source of one class has
/// accuracy ½ from every latent, as every source has from a constant latent, with a warning.
///
/// # Errors
/// Different numbers of rows, no rows or columns, an entry that is not finite.
pub fn sap_binary<F: Scalar>(
    classes: ArrayView2<'_, bool>,
    z: ArrayView2<'_, F>,
) -> Result<Gap, MetricError> {
    check_rows("the latents", classes.nrows(), z.nrows())?;
    check_count(z.nrows(), 1)?;
    check_matrix(z, "the latents")?;
    if classes.ncols() == 0 {
        return Err(MetricError::NoColumns { what: "the classes" });
    }
    let mut scores = Array2::zeros((z.ncols(), classes.ncols()));
    for (latent, mut scores) in z.columns().into_iter().zip(scores.rows_mut()) {
        let mut order: Vec<usize> = (0..latent.len()).collect();
        order.sort_by(|&i, &j| latent[i].f64().total_cmp(&latent[j].f64()));
        for (classes, score) in classes.columns().into_iter().zip(&mut scores) {
            *score = best_threshold(latent, &order, classes);
        }
    }
    let constant = (0..classes.ncols()).filter(|&j| classes.column(j).iter().all(|&c| c == classes[[0, j]]));
    let sources = constant.map(|column| Warning::ConstantSource { column });
    let at_z = Columns::of(z);
    let warnings = sources.chain(at_z.constants().map(|column| Warning::ConstantLatent { column })).collect();
    let mut gap = Gap::of(scores.mapv(|v: f64| v - 0.5), &vec![1.0; classes.ncols()], warnings);
    gap.scores = scores;
    Ok(gap)
}

/// The best balanced accuracy of a threshold; `order` sorts the latent.
fn best_threshold<F: Scalar>(
    latent: ArrayView1<'_, F>,
    order: &[usize],
    classes: ArrayView1<'_, bool>,
) -> f64 {
    let positives = classes.iter().filter(|&&c| c).count() as f64;
    let negatives = classes.len() as f64 - positives;
    if positives == 0.0 || negatives == 0.0 {
        return 0.5;
    }
    let (mut below, mut best) = ([0.0, 0.0], 0.5);
    for equal in order.chunk_by(|&i, &j| latent[i] == latent[j]) {
        equal.iter().for_each(|&i| below[usize::from(classes[i])] += 1.0);
        let balanced = 0.5 * ((positives - below[1]) / positives + below[0] / negatives);
        best = f64::max(best, balanced.max(1.0 - balanced));
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn one_latent_per_source_is_separated_and_copies_are_not() {
        let s = Array2::from_shape_fn((200, 2), |(i, j)| ((0.7 + j as f64) * i as f64).sin());
        assert!(sap(s.view(), s.view()).unwrap().mean > 0.98);
        let copies = Array2::from_shape_fn((200, 4), |(i, j)| -2.0 * s[[i, j / 2]]);
        assert!(sap(s.view(), copies.view()).unwrap().mean.abs() < 1e-12);
        let constant = Array2::from_elem((200, 1), 0.1f32);
        let found = sap(constant.view(), s.mapv(|v| v as f32).view()).unwrap();
        assert_eq!((found.mean, found.warnings), (0.0, vec![Warning::ConstantSource { column: 0 }]));
    }

    #[test]
    fn thresholds_by_hand() {
        let z = array![[0.0, 5.0], [1.0, 5.0], [2.0, 5.0], [3.0, 5.0]];
        let classes =
            array![[true, true, true], [true, false, true], [false, true, true], [false, true, true]];
        let found = sap_binary(classes.view(), z.view()).unwrap();
        // Column 1: above 1 is true for two of three, and the one false is not.
        assert!(
            (&found.scores - &array![[1.0, 5.0 / 6.0, 0.5], [0.5, 0.5, 0.5]]).iter().all(|d| d.abs() < 1e-15)
        );
        assert!((found.mean - (0.5 + 1.0 / 3.0) / 3.0).abs() < 1e-15);
        let told = [Warning::ConstantSource { column: 2 }, Warning::ConstantLatent { column: 1 }];
        assert_eq!(found.warnings, told);
    }
}
