//! What a score needs beside its input grows at most linearly with the rows.

use ivae_metrics::{Correlation, Rows, mcc, within_u};
use ivae_num::{Purpose, StreamKey, stream::fill_normal};
use ndarray::Array2;

fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut x = Array2::zeros((rows, columns));
    fill_normal(x.as_slice_mut().unwrap(), columns, StreamKey::new(seed, Purpose::Generate));
    x
}

/// The most bytes held at once by `score` of s and z `[rows, 3]`.
fn peak(rows: usize, score: impl Fn(&Array2<f64>, &Array2<f64>)) -> u64 {
    let (s, z) = (normals(rows, 3, 1), normals(rows, 3, 2));
    allocation_counter::measure(|| score(&s, &z)).bytes_max
}

#[test]
fn peaks_of_memory_are_at_most_linear_in_the_rows() {
    let of = |correlation| {
        move |s: &Array2<f64>, z: &Array2<f64>| {
            mcc(s.view(), z.view(), correlation).unwrap();
        }
    };
    for correlation in
        [Correlation::Pearson, Correlation::Spearman, Correlation::Distance, Correlation::Rdc { seed: 1 }]
    {
        let score = of(correlation);
        score(&normals(10, 3, 1), &normals(10, 3, 2)); // what is made once per process
        let (few, many) = (peak(10_000, score), peak(40_000, score));
        let ratio = many as f64 / few as f64;
        assert!(ratio <= 4.2, "{correlation}: {few} bytes for 10 000 rows, {many} for 40 000");
        // Of 48 bytes a row that the input has.
        assert!(many < 40_000 * 48 * 6, "{correlation}: {many} bytes");
    }
    // Pearson's takes blocks of rows, and nothing for each row.
    let score = of(Correlation::Pearson);
    assert_eq!(peak(10_000, score), peak(40_000, score));
    // A table of all pairs of rows would be seen.
    let table = |s: &Array2<f64>, z: &Array2<f64>| drop(s.dot(&z.t()));
    assert!(peak(1000, table) * 15 < peak(4000, table));
}

#[test]
fn many_levels_of_u_cost_no_more_than_rows() {
    let score = |s: &Array2<f64>, z: &Array2<f64>| {
        let u: Vec<u32> = (0..s.nrows() as u32).map(|i| i / 4 * 1000).collect();
        within_u(s.view(), z.view(), &u, Rows::All, Correlation::Pearson).unwrap();
    };
    let (few, many) = (peak(10_000, score), peak(40_000, score));
    assert!(many as f64 / few as f64 <= 4.2, "{few} bytes for 10 000 rows, {many} for 40 000");
}
