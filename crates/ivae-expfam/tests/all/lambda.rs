//! The table of natural parameters: layout, L, and what does and does not change its verdict.

use ivae_expfam::{ExpFam, Gaussian, GaussianForm, Lambda, LambdaError, Variability, natural_table};
use ivae_num::{Purpose, Scalar, StreamKey, stream};
use ndarray::{Array2, ArrayView2, Axis, array};

const FULL: Gaussian = Gaussian { form: GaussianForm::MeanVar };

fn normals(rows: usize, cols: usize, step: u64) -> Array2<f64> {
    let mut flat = vec![0.0; rows * cols];
    stream::fill_normal(&mut flat, cols, StreamKey::new(11, Purpose::Generate).step(step));
    Array2::from_shape_vec((rows, cols), flat).expect("rows × cols")
}

fn table(family: &dyn ExpFam<f64>, theta: &Array2<f64>) -> Array2<f64> {
    natural_table(family, theta.view()).expect("columns fit")
}

fn variability<F: Scalar>(
    family: &dyn ExpFam<f64>,
    lambda: ArrayView2<'_, F>,
) -> Result<Variability, LambdaError> {
    Lambda::new(family, lambda)?.variability()
}

/// Largest relative difference of two spectra, relative to the largest value.
fn spectra_differ(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max) / a[0]
}

#[test]
fn table_is_component_major() {
    // Two components, θ = [mean₀ mean₁ | log_var₀ log_var₁].
    let theta = array![[1.0, 2.0, 0.0, 4f64.ln()], [0.0, -1.0, 2f64.ln(), 0.0]];
    let expected = array![[1.0, -0.5, 0.5, -0.125], [0.0, -0.25, -1.0, -0.5]];
    assert!((table(&FULL, &theta) - expected).iter().all(|e| e.abs() < 1e-15));
}

#[test]
fn l_has_the_differences_to_the_chosen_u() {
    let mean = Gaussian { form: GaussianForm::Mean };
    let lambda = array![[1.0, 2.0], [4.0, 8.0], [0.0, 1.0]];
    let lambda = Lambda::new(&mean, lambda.view()).expect("good table");
    assert_eq!(lambda.l_matrix(0, &[1, 2]), Ok(array![[3.0, -1.0], [6.0, -1.0]]));
    assert_eq!(lambda.l_matrix(1, &[2, 0]), Ok(array![[-4.0, -3.0], [-7.0, -6.0]]));
    assert_eq!(lambda.l_matrix(3, &[0]), Err(LambdaError::NoSuchU { u: 3, count: 3 }));
    assert_eq!(lambda.l_matrix(0, &[1, 4]), Err(LambdaError::NoSuchU { u: 4, count: 3 }));
}

#[test]
fn independent_segments_are_enough_from_nk_plus_one_on() {
    let n = 3;
    for (count, rank) in [(1, 0), (2, 1), (6, 5), (7, 6), (40, 6)] {
        let found = variability(&FULL, table(&FULL, &normals(count, 2 * n, 0)).view()).expect("good table");
        assert_eq!((found.k, found.distinct_u, found.needed, found.rank), (2, count, 7, rank));
        assert_eq!((found.enough_u(), found.full_rank()), (count >= 7, count >= 7));
        assert_eq!(found.condition.is_finite(), count >= 7);
        assert_eq!(found.singular_values.len(), 6);
    }
}

#[test]
fn what_never_varies_lowers_the_rank() {
    let (count, n) = (30, 4);
    // Means never modulated: λ₁ᵢ = 0 throughout, rank n.
    let mut theta = normals(count, 2 * n, 1);
    theta.columns_mut().into_iter().take(n).for_each(|mut mean| mean.fill(0.0));
    let found = variability(&FULL, table(&FULL, &theta).view()).expect("good table");
    assert_eq!((found.rank, found.enough_u(), found.full_rank()), (n, true, false));
    assert_eq!(found.to_string(), "λ(u) varies in only 4 of n·k = 8 directions");

    // One latent without any modulation: 2 directions fewer.
    let mut theta = normals(count, 2 * n, 2);
    theta.column_mut(1).fill(0.3);
    theta.column_mut(n + 1).fill(-0.7);
    assert_eq!(variability(&FULL, table(&FULL, &theta).view()).expect("good table").rank, 2 * n - 2);

    // Four distinct rows, each ten times: rank 3 for any number of copies.
    let few = normals(4, 2 * n, 3);
    let copies = Array2::from_shape_fn((40, 2 * n), |(u, c)| few[[u % 4, c]]);
    assert_eq!(variability(&FULL, table(&FULL, &copies).view()).expect("good table").rank, 3);

    // Constant λ up to rounding: nothing, not noise of full rank.
    let still = normals(1, 2 * n, 4);
    let still = Array2::from_shape_fn((40, 2 * n), |(u, c)| still[[0, c]] * (1.0 + 1e-15 * u as f64));
    assert_eq!(variability(&FULL, table(&FULL, &still).view()).expect("good table").rank, 0);
}

#[test]
fn units_location_and_order_do_not_matter() {
    let (count, n) = (25, 3);
    let theta = normals(count, 2 * n, 5);
    let found = variability(&FULL, table(&FULL, &theta).view()).expect("good table");

    // z' = scale · z + shift: mean' = scale · mean + shift, log_var' = log_var + 2 log |scale|.
    let (scale, shift) = ([1e3, -1e-4, 7.0], [2e3, 3e-4, -20.0]);
    let moved = Array2::from_shape_fn((count, 2 * n), |(u, c)| match c {
        c if c < n => scale[c] * theta[[u, c]] + shift[c],
        c => theta[[u, c]] + 2.0 * f64::abs(scale[c - n]).ln(),
    });
    let raw = |theta: &Array2<f64>| {
        let lambda = table(&FULL, theta);
        let lambda = Lambda::new(&FULL, lambda.view()).expect("good table");
        let l = lambda.l_matrix(0, &(1..count).collect::<Vec<_>>()).expect("has rows");
        ivae_expfam::theory::lambda::Spectrum::of(l.view()).expect("finite").condition()
    };
    assert!(raw(&moved) > 1e6 * raw(&theta), "the raw L should suffer from the change of units");
    let same = variability(&FULL, table(&FULL, &moved).view()).expect("good table");
    assert!(spectra_differ(&found.singular_values, &same.singular_values) < 1e-9);
    assert_eq!(found.rank, same.rank);

    // Any order of u, that is any u⁰.
    let mut turned = theta.clone();
    turned.invert_axis(Axis(0));
    let same = variability(&FULL, table(&FULL, &turned).view()).expect("good table");
    assert!(spectra_differ(&found.singular_values, &same.singular_values) < 1e-13);
}

#[test]
fn half_the_square_is_the_mean_kl_to_second_order() {
    // Small variations around one λ: Σ ½ s² = mean over u of Σᵢ KL(λᵢ(u) ‖ λ̄ᵢ).
    let (count, n) = (50, 2);
    let theta = normals(1, 2 * n, 6) + normals(count, 2 * n, 7) * 1e-3;
    let lambda = table(&FULL, &theta);
    let mean = lambda.mean_axis(Axis(0)).expect("has rows");
    let kl = |u: usize, i: usize| {
        let at = [2 * i, 2 * i + 1];
        let family: &dyn ExpFam<f64> = &FULL;
        family.kl(&at.map(|c| lambda[[u, c]]), &at.map(|c| mean[c]))
    };
    let expected = (0..count).flat_map(|u| (0..n).map(move |i| (u, i))).map(|(u, i)| kl(u, i)).sum::<f64>();
    let found = variability(&FULL, lambda.view()).expect("good table");
    let half_squares: f64 = found.singular_values.iter().map(|s| 0.5 * s * s).sum();
    assert!((half_squares * count as f64 / expected - 1.0).abs() < 1e-2);
}

#[test]
fn single_precision_tables_give_the_same_verdict() {
    let theta = normals(40, 10, 8);
    let narrow = theta.mapv(|x| x as f32);
    let lambda = natural_table(&FULL, narrow.view()).expect("columns fit");
    let found = variability(&FULL, lambda.view()).expect("good table");
    let wide = variability(&FULL, table(&FULL, &theta).view()).expect("good table");
    assert_eq!(found.rank, wide.rank);
    assert!(spectra_differ(&wide.singular_values, &found.singular_values) < 1e-4);
}

#[test]
fn bad_tables_are_refused_with_their_values() {
    let judge = |lambda: Array2<f64>| variability(&FULL, lambda.view());
    assert_eq!(judge(array![[1.0, -1.0, 2.0]]), Err(LambdaError::Columns { columns: 3, k: 2 }));
    assert_eq!(judge(Array2::zeros((3, 0))), Err(LambdaError::Columns { columns: 0, k: 2 }));
    assert_eq!(judge(Array2::zeros((0, 2))), Err(LambdaError::NoSuchU { u: 0, count: 0 }));
    let outside = judge(array![[1.0, -1.0, 0.0, -2.0], [1.0, -1.0, 4.0, 0.5]]);
    let expected = LambdaError::OutsideDomain { u: 1, component: 1, lambda: vec![4.0, 0.5] };
    assert_eq!(outside, Err(expected.clone()));
    assert_eq!(
        expected.to_string(),
        "λ of u number 1, component 1, is outside the natural domain: [4.0, 0.5]"
    );
    assert!(matches!(
        judge(array![[f64::NAN, -1.0]]),
        Err(LambdaError::OutsideDomain { u: 0, component: 0, .. })
    ));
    assert!(natural_table::<f64>(&FULL, Array2::zeros((2, 5)).view()).is_err());
}
