//! Text tables: what is read as what, and what every fault is called.

use std::path::PathBuf;

use ivae_data::{Aux, Continuous, DataError, Dataset, ReadOptions, keys, read, read_array};
use ndarray::array;

fn file(name: &str, text: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn options(x: &str, u: &str, s: &str) -> ReadOptions {
    let columns = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
    ReadOptions { x: columns(x), u: columns(u), s: columns(s), drop_s: false }
}

fn csv(text: impl AsRef<[u8]>, options: &ReadOptions) -> Result<Dataset<f64>, DataError> {
    let (_folder, path) = file("data.csv", text);
    read(path, options)
}

fn fault(text: impl AsRef<[u8]>) -> DataError {
    csv(text, &ReadOptions::default()).unwrap_err()
}

#[test]
fn columns_find_their_roles_by_name() {
    let data = csv("s1,a,u,s2,b\n1,2,rest,3,4\n5,6,move,7,8e0\n", &ReadOptions::default()).unwrap();
    assert_eq!((data.x, data.x_names), (array![[2.0, 4.0], [6.0, 8.0]], vec!["a".to_string(), "b".into()]));
    assert_eq!(data.s, Some(array![[1.0, 3.0], [5.0, 7.0]]));
    let u = data.u.levels.unwrap();
    assert_eq!((u.names, u.index), (vec!["move".to_string(), "rest".into()], vec![1, 0]));

    let data = csv("x1,u1,u2\n1,0.5,7.0\n2,0.25,8.0\n", &ReadOptions::default()).unwrap();
    assert_eq!(data.u, Continuous::new(array![[0.5, 7.0], [0.25, 8.0]]).into());
    // A number after the letter is asked for: these are data.
    let data = csv("speed,us,sum\n1,2,3\n2,3,4\n", &ReadOptions::default()).unwrap();
    assert_eq!((data.x.ncols(), data.u, data.s), (3, Aux::none(), None));
}

#[test]
fn columns_can_be_chosen() {
    let text = "id,a,b,c,day,who\nk1,1,2,3,10,ann\nk2,4,5,6,9,bob\n";
    let data = csv(text, &options("a..c", "day", "")).unwrap();
    assert_eq!(data.x, array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert_eq!(data.u.levels.unwrap().names, ["9", "10"], "integers are in numerical order");
    let data = csv(text, &options("3,2", "who,day", "4")).unwrap();
    assert_eq!((data.x, data.s), (array![[2.0, 1.0], [5.0, 4.0]], Some(array![[3.0], [6.0]])));
    assert_eq!(data.u.levels.unwrap().names, ["ann:10", "bob:9"]);
    let err = csv(text, &options("a..c", "b", "")).unwrap_err();
    assert!(matches!(err, DataError::BadColumns { ref reason, .. } if reason.contains("`b`")), "{err}");
    let err = csv(text, &options("a..c", "group", "")).unwrap_err();
    assert!(err.to_string().contains("there are `id`, `a`, `b`, `c`, `day`, `who`"), "{err}");
    assert!(matches!(csv(text, &options("2-9", "", "")), Err(DataError::UnknownColumn { .. })));
}

#[test]
fn labels_and_numbers_of_u_are_told_apart() {
    let u = |cells: [&str; 4]| {
        let [a, b, c, d] = cells;
        csv(format!("x,u\n1,{a}\n2,{b}\n3,{c}\n4,{d}\n"), &ReadOptions::default()).map(|data| data.u)
    };
    let names = |cells| u(cells).unwrap().levels.unwrap().names;
    assert_eq!(names(["10", "9", "10", "-1"]), ["-1", "9", "10"]);
    assert_eq!(names(["1.0", "2.0", "1.0", "2.0"]), ["1", "2"]);
    // Labels that only look like numbers keep their text.
    assert_eq!(names(["007", "7", "007", "7"]), ["007", "7"]);
    assert_eq!(names(["1", "2", "2b", "1"]), ["1", "2", "2b"]);
    assert_eq!(
        u(["0.5", "1", "2", "3"]).unwrap(),
        Continuous { values: array![[0.5], [1.0], [2.0], [3.0]], names: vec!["u".into()] }.into()
    );
    // One decimal number says that the column is numbers, and text in it a fault.
    let err = u(["0.5", "1.5", "oops", "3"]).unwrap_err();
    assert!(
        matches!(err, DataError::NotANumber { line: 4, row: 2, ref cell, .. } if cell == "oops"),
        "{err}"
    );
    assert!(matches!(u(["a", "b", "", "c"]), Err(DataError::EmptyCell { line: 4, row: 2, .. })));
    assert!(matches!(u(["0.5", "1.5", "nan", "3"]), Err(DataError::NotFiniteCell { row: 2, .. })));
}

#[test]
fn labels_and_numbers_make_a_mixed_u() {
    let text = "x,speaker,day,time,age,room\n\
                1,ann,2,0.5,31.0,1.0\n2,bob,1,0.7,27.0,2.0\n3,ann,2,0.1,31.5,1.0\n4,ann,1,0.2,30.0,2.0\n";
    let u = |columns: &str| csv(text, &options("x", columns, "")).unwrap().u;
    let mixed = u("speaker,time");
    assert_eq!(mixed.levels.as_ref().unwrap().labels(), ["ann", "bob", "ann", "ann"]);
    let time = Continuous { values: array![[0.5], [0.7], [0.1], [0.2]], names: vec!["time".into()] };
    assert_eq!(mixed.values, Some(time.clone()));
    // An integer label beside a decimal number is still a label.
    let mixed = u("time,day");
    assert_eq!((mixed.levels.unwrap().labels(), mixed.values), (vec!["2", "1", "2", "1"], Some(time)));
    // All labels are crossed, whole decimal numbers that repeat included, and the numbers keep their order.
    let mixed = u("age,speaker,time,room");
    assert_eq!(mixed.levels.unwrap().labels(), ["ann:1", "bob:2", "ann:1", "ann:2"]);
    let values = mixed.values.unwrap();
    assert_eq!(
        (values.values.row(1).to_vec(), values.names),
        (vec![27.0, 0.7], vec!["age".into(), "time".into()])
    );
    assert_eq!(u("time,age").levels, None);
    assert_eq!(u("speaker,day").values, None);
    // By default, columns u1, u2, .. make u in the same way.
    let u = csv("x,u1,u2\n1,7,0.5\n2,8,0.25\n", &ReadOptions::default()).unwrap().u;
    assert_eq!(
        (u.levels.unwrap().names, u.values.unwrap().names),
        (vec!["7".into(), "8".into()], vec!["u2".into()])
    );
    let err = csv("x,u1,u2\n1,a,0.5\n2,b,oops\n", &ReadOptions::default()).unwrap_err();
    assert!(matches!(err, DataError::NotANumber { row: 1, ref column, .. } if column == "u2"), "{err}");
}

#[test]
fn spreadsheets_are_understood() {
    let text = "\u{feff}x1, x2 ,\"u\"\r\n 1 , 2,\"a,b\"\r\n\r\n3,4e-1,c\r\n";
    let data = csv(text, &ReadOptions::default()).unwrap();
    assert_eq!((data.x, data.x_names), (array![[1.0, 2.0], [3.0, 0.4]], vec!["x1".to_string(), "x2".into()]));
    assert_eq!(data.u.levels.unwrap().names, ["a,b", "c"]);
    let (_folder, path) = file("data.TSV", "x\tu\n1,5\t2\n");
    assert!(matches!(read::<f64>(&path, &ReadOptions::default()), Err(DataError::NotANumber { .. })));
    assert_eq!(keys(&path).unwrap(), ["x", "u"]);
    let (_folder, path) = file("z.tsv", "z1\tz2\n1\t2\n");
    assert_eq!(read_array::<f32>(&path, None).unwrap(), array![[1.0, 2.0]]);
}

#[test]
fn faults_name_line_row_column_and_cell() {
    assert_eq!(
        fault("x1,x2\n1,2\n\n3,abc\n").to_string(),
        "line 4 (row 1), column `x2`: \"abc\" is not a number (leave the column out by choosing those of x, u and s)"
    );
    assert_eq!(
        fault("x1,x2\n,2\n").to_string(),
        "line 2 (row 0), column `x1`: the cell is empty (missing values are not supported)"
    );
    assert!(fault("\u{feff}x\r\n\"1\"\r\n\r\n\r\n2\r\nbad").to_string().starts_with("line 6 (row 2)"));
    assert!(fault("u,x\n\"two\nlines\",1\na,bad\n").to_string().starts_with("line 4 (row 1)"));
    assert_eq!(fault("x1,x2\n1,2\n1\n").to_string(), "line 3 (row 1) has 1 cells; the header has 2");
    assert_eq!(fault("x1,x2\n1,2,3\n").to_string(), "line 2 (row 0) has 3 cells; the header has 2");
    for bad in ["nan", "NaN", "inf", "-Infinity", "1e999"] {
        let err = fault(format!("x1,x2\n1,2\n3,{bad}\n"));
        assert_eq!(err.to_string(), format!("line 3 (row 1), column `x2`: \"{bad}\" is not a finite number"));
    }
    let (_folder, path) = file("data.csv", "x\n1e300\n");
    assert!(matches!(read::<f32>(&path, &ReadOptions::default()), Err(DataError::NotFiniteCell { .. })));
    assert_eq!(fault("a,b,a\n1,2,3\n").to_string(), "columns 1 and 3 (from 1) are both named `a`");
    assert!(matches!(fault(",x\n0,1\n"), DataError::UnnamedColumn { column: 1 }));
    assert!(matches!(fault("x1,x2\n"), DataError::NoRows));
    assert!(matches!(fault(""), DataError::NoColumns));
    assert!(matches!(fault("u,s1\n1,2\n"), DataError::NoColumns));
    assert!(matches!(fault(b"x\n1\n\xff\n"), DataError::NotUtf8 { line: 3 }));
}

#[test]
fn files_that_are_not_there_or_of_no_known_kind() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["none.csv", "none.npz", "none.npy"] {
        let err = read::<f64>(folder.path().join(name), &ReadOptions::default()).unwrap_err();
        assert!(matches!(err, DataError::Read { .. }) && err.to_string().contains(name), "{err}");
    }
    for name in ["data.parquet", "data", ".csv"] {
        let err = read::<f64>(folder.path().join(name), &ReadOptions::default()).unwrap_err();
        assert!(matches!(err, DataError::Extension { .. }), "{err}");
    }
}
