//! Data that cannot be used: said before any work, with the file, row, column and value.

use std::fs::File;

use ivae::data::{Aux, Continuous, Dataset, Levels, write};
use ndarray::{Array1, Array2, array};
use ndarray_npy::NpzWriter;

use crate::harness::{Place, small};

fn with(change: impl FnOnce(&mut Dataset<f32>)) -> Place {
    let (place, mut data) = (Place::new(), small());
    change(&mut data);
    write(place.path("d.npz"), &data).unwrap();
    place
}

fn csv(content: &str) -> Place {
    let place = Place::new();
    place.file("d.csv", content);
    place
}

#[test]
fn no_such_file() {
    Place::new().refused("fit none.npz --out run", &["none.npz", "No such file"]);
    Place::new().refused("fit . --out run", &[".npz, .npy, .csv or .tsv"]);
    let place = Place::with_run();
    place.refused("transform run none.npz --out z.npz", &["none.npz"]);
    place.refused("evaluate run none.npz", &["none.npz"]);
    place.refused("report run none.npz --out r.html", &["none.npz"]);
}

#[test]
fn truncated_archive() {
    let place = Place::with_data();
    let whole = place.bytes("d.npz");
    for length in [0, 1, whole.len() / 3, whole.len() - 1] {
        place.file("cut.npz", &whole[..length]);
        place.refused("fit cut.npz --out run", &["cut.npz", "damaged"]);
    }
    place.file("text.npz", "x1,x2\n1,2\n");
    place.refused("fit text.npz --out run", &["text.npz", "damaged or no npz file"]);
}

#[test]
fn archive_without_x() {
    let place = Place::new();
    let mut npz = NpzWriter::new(File::create(place.path("d.npz")).unwrap());
    npz.add_array("obs", &Array2::<f32>::zeros((4, 2))).unwrap();
    npz.finish().unwrap();
    place.refused("fit d.npz --out run", &["d.npz", "no array `x`", "`obs`"]);
    place.refused("fit d.npz --x obs --u seg --out run", &["d.npz", "seg", "`obs`"]);
}

#[test]
fn text_where_numbers_belong() {
    let place = csv("x1,x2,u\n1,2,0\n3,4,0\nfoo,5,1\n3,2,1\n");
    place.refused("fit d.csv --out run", &["d.csv", "line 4", "row 2", "`x1`", "\"foo\"", "not a number"]);
}

#[test]
fn empty_cell() {
    let place = csv("x1,x2,u\n1,2,0\n3,4,0\n3,,1\n3,2,1\n");
    place.refused("fit d.csv --out run", &["d.csv", "line 4", "row 2", "`x2`", "empty"]);
}

#[test]
fn ragged_rows() {
    let place = csv("x1,x2,u\n1,2,0\n3,4,0\n5,1\n3,2,1\n");
    place.refused("fit d.csv --out run", &["d.csv", "line 4", "row 2", "2 cells", "header has 3"]);
}

#[test]
fn empty_table() {
    csv("").refused("fit d.csv --out run", &["d.csv"]);
    csv("x1,x2,u\n").refused("fit d.csv --out run", &["d.csv", "no rows"]);
    csv("x1,x1\n1,2\n").refused("fit d.csv --out run", &["d.csv", "both named `x1`"]);
}

#[test]
fn not_finite() {
    for (value, shown) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        let place = with(|data| data.x[[17, 1]] = value);
        place.refused("fit d.npz --out run", &["d.npz", shown, "row 17", "`x2`"]);
    }
    let place = csv("x1,x2,u\n1,2,0\n3,4,0\n1,inf,1\n3,2,1\n");
    place.refused("fit d.csv --out run", &["d.csv", "line 4", "`x2`", "\"inf\"", "finite"]);
    let place = with(|data| data.s.as_mut().unwrap()[[5, 0]] = f32::NAN);
    place.refused("fit d.npz --out run", &["d.npz", "s is NaN", "row 5", "`s1`"]);
    let place = Place::with_run();
    let mut data = small();
    data.x[[3, 2]] = f32::NAN;
    write(place.path("new.npz"), &data).unwrap();
    place.refused("transform run new.npz --out z.npz", &["new.npz", "row 3", "x3", "NaN"]);
    place.refused("evaluate run new.npz", &["new.npz", "row 3", "x3", "NaN"]);
}

#[test]
fn lengths_differ() {
    let place = Place::new();
    let mut npz = NpzWriter::new(File::create(place.path("d.npz")).unwrap());
    npz.add_array("x", &Array2::<f32>::from_shape_fn((12, 2), |(i, j)| (i * (j + 1)) as f32)).unwrap();
    npz.add_array("u", &Array1::<i64>::from_shape_fn(11, |i| i as i64 % 3)).unwrap();
    npz.finish().unwrap();
    place.refused("fit d.npz --out run", &["d.npz", "u has length 11", "x has 12"]);
}

#[test]
fn constant_column() {
    let place = with(|data| data.x.column_mut(1).fill(3.5));
    place.refused("fit d.npz --out run", &["d.npz", "`x2`", "constant", "3.5", "leave it out"]);
}

#[test]
fn columns_that_repeat_others() {
    let place = with(|data| {
        let copy = data.x.column(0).to_owned();
        data.x.column_mut(2).assign(&copy);
    });
    let says = &["d.npz", "2 independent directions", "3 latents", "fewer"];
    place.refused("fit d.npz --out run --epochs 1", says);
    place.refused("fit d.npz --out run --model fastica", &["d.npz", "2 directions"]);
}

#[test]
fn fewer_rows_than_latents() {
    let place = with(|data| *data = data.select_rows(&[0, 1, 60]));
    place.refused("fit d.npz --out run", &["d.npz", "3 rows are too few", "3 latents", "at least 4"]);
}

#[test]
fn more_latents_than_columns() {
    Place::with_data()
        .refused("fit d.npz --out run --latents 4", &["4 latents", "x has 3 columns", "1 to 3"]);
}

#[test]
fn one_level_of_u() {
    let place = with(|data| data.u = Levels { index: vec![0; 180], names: vec!["rest".into()] }.into());
    let says = &["d.npz", "same u (`rest`)", "cannot be identified", "windows", "--model vae"];
    place.refused("fit d.npz --out run", says);
    Place::with_data().refused("fit d.npz --out run --windows 1", &["same u", "--model vae"]);
}

#[test]
fn no_u() {
    let place = with(|data| data.u = Aux::none());
    place.refused("fit d.npz --out run", &["d.npz", "no auxiliary variable u", "segments", "--model vae"]);
}

#[test]
fn a_level_for_every_row() {
    let place = Place::with_data();
    place.refused("fit d.npz --out run --windows 180", &["180 rows has its own level", "fewer levels"]);
    place.refused("fit d.npz --out run --windows 181", &["windows is 181", "number of rows"]);
}

#[test]
fn constant_continuous_u() {
    let values = Array2::from_shape_fn((180, 2), |(i, j)| if j == 0 { 0.25 } else { i as f32 / 7.0 });
    let place = with(|data| data.u = Continuous::new(values).into());
    place.refused("fit d.npz --out run", &["d.npz", "of u is constant", "0.25"]);
}

#[test]
fn columns_that_are_not_there() {
    let place = csv("time,a,b,g\n0,1,2,rest\n1,2,0,move\n2,3,1,rest\n");
    place.refused("fit d.csv --x a,c --u g --out run", &["d.csv", "no column `c`", "`time`, `a`, `b`, `g`"]);
    place.refused("fit d.csv --x b..a --u g --out run", &["d.csv", "runs backwards"]);
    place.refused("fit d.csv --out run", &["d.csv", "`g`", "\"rest\"", "choosing those of x, u and s"]);
}

#[test]
fn data_without_identifiability_are_warned_of_before_the_fit() {
    let place = Place::with_data();
    let ran = place.done("fit d.npz --out run --windows 4 --latents 2 --epochs 1 --hidden 8");
    let first = ran.err.lines().next().unwrap();
    assert!(
        first.contains("2 latents") && first.contains("5 distinct u") && first.contains("there are 4"),
        "{first}"
    );
    assert!(first.contains("--latents") && first.contains("--prior gauss-var"), "{first}");
    // Variances alone need 3, fewer than there are; with 2 nothing helps.
    assert!(first.contains("only if their means do not depend on u (k = 1, which needs 3)"), "{first}");
    let ran = place.done("fit d.npz --out two --windows 2 --latents 2 --epochs 1 --hidden 8");
    assert!(ran.err.lines().next().unwrap().contains("will not be identifiable"), "{}", ran.err);
    assert_eq!(ran.err.matches("identifiable").count(), 1, "said once: {}", ran.err);
    // A continuous u of few values, as floats.
    let values = array![0.25f32, 0.5, 0.75];
    let mut data = small();
    let values = Array2::from_shape_fn((180, 1), |(i, _)| values[i % 3] + if i == 0 { 1e-3 } else { 0.0 });
    data.u = Continuous { values, names: vec!["u".into()] }.into();
    write(place.path("c.npz"), &data).unwrap();
    let ran = place.done("fit c.npz --out run2 --latents 2 --epochs 1 --hidden 8");
    assert!(ran.err.lines().next().unwrap().contains("there are 4"), "{}", ran.err);
    let ran = place.done("fit c.npz --out run3 --latents 1 --prior gauss-var --epochs 1 --hidden 8");
    assert!(!ran.err.contains("distinct u"), "{}", ran.err);
}
