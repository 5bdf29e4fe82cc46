//! NumPy files of every element type, order and shape, as NumPy writes them.

use std::io::Write;
use std::path::PathBuf;

use ivae_data::{Aux, Continuous, DataError, Dataset, ReadOptions, keys, read, read_array, read_blocks};
use ndarray::{Array2, array};

/// A `.npy` file as `numpy.save` lays it out.
fn npy(dtype: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(values);
    file
}

fn npz(members: &[(&str, Vec<u8>)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.npz");
    let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (key, bytes) in members {
        zip.start_file(format!("{key}.npy"), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    (folder, path)
}

fn read_npz(members: &[(&str, Vec<u8>)], options: &ReadOptions) -> Result<Dataset<f64>, DataError> {
    let (_folder, path) = npz(members);
    read(path, options)
}

fn with_u(u: Vec<u8>) -> Result<Aux<f64>, DataError> {
    let x = npy("<f8", false, "(4,)", &le(&[0.0, 1.0, 2.0, 3.0]));
    read_npz(&[("x", x), ("u", u)], &ReadOptions::default()).map(|data| data.u)
}

fn le(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn unicode(values: &[&str], width: usize) -> Vec<u8> {
    let pad = |v: &str| v.chars().map(u32::from).chain(std::iter::repeat(0)).take(width).collect::<Vec<_>>();
    values.iter().flat_map(|v| pad(v)).flat_map(u32::to_le_bytes).collect()
}

#[test]
fn every_number_type_in_both_byte_orders() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    macro_rules! try_type {
        ($t:ty, $name:expr, $values:expr) => {
            let values: [$t; 4] = $values;
            let expected = Array2::from_shape_fn((2, 2), |(i, j)| values[2 * i + j] as f64);
            let little: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let big: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
            for (order, bytes) in [("<", little), (">", big)] {
                std::fs::write(&path, npy(&format!("{order}{}", $name), false, "(2, 2)", &bytes)).unwrap();
                assert_eq!(read_array::<f64>(&path, None).unwrap(), expected, "{order}{}", $name);
                assert_eq!(read_array::<f32>(&path, None).unwrap(), expected.mapv(|v| v as f32));
            }
        };
    }
    try_type!(i8, "i1", [-128, 0, 1, 127]);
    try_type!(i16, "i2", [i16::MIN, 0, 1, i16::MAX]);
    try_type!(i32, "i4", [i32::MIN, 0, 1, i32::MAX]);
    try_type!(i64, "i8", [i64::MIN, 0, 1, 1 << 40]);
    try_type!(u8, "u1", [0, 1, 127, 255]);
    try_type!(u16, "u2", [0, 1, 256, u16::MAX]);
    try_type!(u32, "u4", [0, 1, 256, u32::MAX]);
    try_type!(u64, "u8", [0, 1, 256, 1 << 60]);
    try_type!(f32, "f4", [-1.5, 0.0, f32::MIN_POSITIVE, 3e38]);
    try_type!(f64, "f8", [-1.5, 0.0, f64::MIN_POSITIVE, 3e38]);
    std::fs::write(&path, npy("|b1", false, "(2, 2)", &[1, 0, 0, 1])).unwrap();
    assert_eq!(read_array::<f64>(&path, None).unwrap(), Array2::<f64>::eye(2));
}

#[test]
fn rows_in_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let save = |bytes: Vec<u8>| {
        let path = folder.path().join("x.npy");
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let values: Vec<f64> = (0..14).map(f64::from).collect();
    let path = save(npy("<f8", false, "(7, 2)", &le(&values)));
    let whole = read_array::<f64>(&path, None).unwrap();
    for most in [1, 3, 7, 100] {
        let mut rows = Vec::new();
        read_blocks(&path, most, |block: ndarray::ArrayView2<'_, f64>| -> Result<(), DataError> {
            assert!(block.nrows() <= most && block.ncols() == 2);
            rows.extend(block.iter().copied());
            Ok(())
        })
        .unwrap();
        assert_eq!(rows, whole.iter().copied().collect::<Vec<_>>());
    }
    // Whoever looks at a block may stop, with an error of any kind.
    let stopped =
        read_blocks(&path, 3, |_: ndarray::ArrayView2<'_, f32>| -> Result<(), Box<dyn std::error::Error>> {
            Err("enough".into())
        });
    assert_eq!(stopped.unwrap_err().to_string(), "enough");

    let none = |_: ndarray::ArrayView2<'_, f64>| -> Result<(), DataError> { Ok(()) };
    let turned = save(npy("<f8", true, "(7, 2)", &le(&values)));
    assert!(matches!(read_blocks(turned, 3, none), Err(DataError::ByColumns { .. })));
    let mut long = npy("<f8", false, "(7, 2)", &le(&values));
    long.push(0);
    assert!(matches!(read_blocks(save(long), 3, none), Err(DataError::Damaged { .. })));
    let error = read_blocks("d.csv", 3, none).unwrap_err();
    assert!(error.to_string().contains("only .npy files"), "{error}");
}

#[test]
fn both_memory_orders_and_one_axis() {
    let x = npy("<f8", true, "(2, 3)", &le(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
    let u = npy("|i1", true, "(2, 2)", &[0, 1, 1, 0]);
    let data = read_npz(&[("x", x), ("u", u)], &ReadOptions::default()).unwrap();
    assert_eq!(data.x, array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert!(data.x.is_standard_layout());
    assert_eq!(data.u.levels.unwrap().index, [1, 0]);
    let data =
        read_npz(&[("x", npy("<f8", false, "(2,)", &le(&[1.0, 2.0])))], &ReadOptions::default()).unwrap();
    assert_eq!((data.x, data.u, data.s), (array![[1.0], [2.0]], Aux::none(), None));
}

#[test]
fn u_is_recognised() {
    let levels = |u: Vec<u8>| with_u(u).unwrap().levels.unwrap();
    let integers: Vec<u8> = [10i32, 9, 9, -3].iter().flat_map(|v| v.to_le_bytes()).collect();
    for shape in ["(4,)", "(4, 1)"] {
        let u = levels(npy("<i4", false, shape, &integers));
        assert_eq!((u.names, u.index), (vec!["-3".to_string(), "9".into(), "10".into()], vec![2, 1, 1, 0]));
    }
    assert_eq!(levels(npy("|b1", false, "(4,)", &[1, 0, 0, 1])).names, ["0", "1"]);
    let text = levels(npy("<U4", false, "(4,)", &unicode(&["rest", "go", "é", "go"], 4)));
    assert_eq!(
        (text.names, text.index),
        (vec!["go".to_string(), "rest".into(), "é".into()], vec![1, 0, 2, 0])
    );
    assert_eq!(levels(npy("|S2", false, "(4,)", b"b\0aab\0aa")).names, ["aa", "b"]);
    let hot = le(&[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    let hot = levels(npy("<f8", false, "(4, 3)", &hot));
    assert_eq!((hot.names, hot.index), (vec!["0".to_string(), "1".into(), "2".into()], vec![0, 2, 2, 0]));
    assert_eq!(levels(npy("<f8", false, "(4,)", &le(&[3.0, 1.0, 1.0, 3.0]))).names, ["1", "3"]);
    let values = |u: Vec<u8>| {
        let u = with_u(u).unwrap();
        assert_eq!(u.levels, None);
        u.values.unwrap()
    };
    let table = values(npy("|i1", false, "(4, 2)", &[1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(
        (table.values.row(3).to_vec(), table.names),
        (vec![7.0, 8.0], vec!["u1".to_string(), "u2".into()])
    );
    let time = values(npy("<f8", false, "(4,)", &le(&[0.0, 1.0, 2.0, 3.0])));
    assert_eq!(time.values.dim(), (4, 1));
}

#[test]
fn several_arrays_make_a_mixed_u() {
    let members = [
        ("x", npy("<f8", false, "(4,)", &le(&[0.0, 1.0, 2.0, 3.0]))),
        ("who", npy("<U1", false, "(4,)", &unicode(&["b", "a", "b", "a"], 1))),
        ("day", npy("|u1", false, "(4,)", &[7, 7, 9, 9])),
        ("time", npy("<f8", false, "(4,)", &le(&[0.5, 0.25, 1.0, 2.0]))),
        ("place", npy("|u1", false, "(4, 2)", &[1, 2, 1, 2, 3, 4, 3, 4])),
        ("hot", npy("|b1", false, "(4, 2)", &[1, 0, 1, 0, 0, 1, 0, 1])),
    ];
    let u = |keys: &str| {
        let options = ReadOptions { u: Some(keys.parse().unwrap()), ..Default::default() };
        read_npz(&members, &options).unwrap().u
    };
    let mixed = u("who,time");
    assert_eq!(mixed.levels.unwrap().labels(), ["b", "a", "b", "a"]);
    let time = Continuous { values: array![[0.5], [0.25], [1.0], [2.0]], names: vec!["time".into()] };
    assert_eq!(mixed.values, Some(time));
    // An array of several columns of numbers is continuous unless it is one-hot.
    let mixed = u("time,who,place,day");
    assert_eq!(mixed.levels.unwrap().labels(), ["b:7", "a:7", "b:9", "a:9"]);
    let values = mixed.values.unwrap();
    assert_eq!(values.names, ["time", "place1", "place2"]);
    assert_eq!(values.values.row(2).to_vec(), [1.0, 3.0, 4.0]);
    let mixed = u("time,hot");
    assert_eq!((mixed.levels.unwrap().index, mixed.values.unwrap().names.len()), (vec![0, 0, 1, 1], 1));
}

#[test]
fn u_values_are_always_continuous() {
    let x = || ("x", npy("<f8", false, "(4,)", &le(&[0.0, 1.0, 2.0, 3.0])));
    let values = || ("u_values", npy("|u1", false, "(4,)", &[1, 1, 2, 2]));
    let labels = ("u", npy("|u1", false, "(4,)", &[5, 6, 5, 6]));
    let column = array![[1.0], [1.0], [2.0], [2.0]];
    let alone = read_npz(&[x(), values()], &ReadOptions::default()).unwrap();
    assert_eq!(alone.u, Continuous::new(column.clone()).into());

    let names = ("u_values_names", npy("<U3", false, "(1,)", &unicode(&["age"], 3)));
    let members = [x(), labels, values(), names];
    let age = Continuous { values: column, names: vec!["age".into()] };
    let mixed = read_npz(&members, &ReadOptions::default()).unwrap().u;
    assert_eq!(
        (mixed.levels.unwrap().names, mixed.values),
        (vec!["5".into(), "6".into()], Some(age.clone()))
    );
    // Keys and columns of either array can be selected.
    for (selection, levels, has_values) in
        [("u_values", 0, true), ("u,u_values", 2, true), ("age", 0, true), ("1-2", 2, true), ("1", 2, false)]
    {
        let options = ReadOptions { u: Some(selection.parse().unwrap()), ..Default::default() };
        let u = read_npz(&members, &options).unwrap().u;
        assert_eq!(u.levels.map_or(0, |u| u.names.len()), levels, "{selection}");
        assert_eq!(u.values, has_values.then(|| age.clone()), "{selection}");
    }
    let short = ("u_values", npy("|u1", false, "(2,)", &[1, 2]));
    let labels = ("u", npy("|u1", false, "(4,)", &[5, 6, 5, 6]));
    let err = read_npz(&[x(), labels, short], &ReadOptions::default()).unwrap_err();
    assert!(matches!(err, DataError::Length { what: "one part of u", found: 2, expected: 4, .. }), "{err}");
}

#[test]
fn other_keys_can_be_named() {
    let column = |values: &[u8]| npy("|u1", false, &format!("({},)", values.len()), values);
    let members = [
        ("x", npy("|u1", false, "(3, 3)", &[1, 2, 3, 4, 5, 6, 7, 8, 9])),
        ("who", column(&[5, 5, 7])),
        ("when", column(&[1, 2, 1])),
        ("truth", column(&[0, 1, 2])),
        ("short", column(&[0, 1])),
    ];
    let (_folder, path) = npz(&members);
    assert_eq!(keys(&path).unwrap(), ["x", "who", "when", "truth", "short"]);
    let options = |x: &str, u: &str, s: &str| {
        let columns = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        ReadOptions { x: columns(x), u: columns(u), s: columns(s), drop_s: false }
    };
    let data: Dataset<f32> = read(&path, &options("x1,3", "who,when", "truth")).unwrap();
    assert_eq!(
        (data.x, data.x_names),
        (array![[1., 3.], [4., 6.], [7., 9.]], vec!["x1".into(), "x3".into()])
    );
    assert_eq!(data.u.levels.unwrap().names, ["5:1", "5:2", "7:1"]);
    assert_eq!(data.s, Some(array![[0.0], [1.0], [2.0]]));
    let data: Dataset<f64> = read(&path, &options("truth", "who", "")).unwrap();
    assert_eq!((data.x.dim(), data.u.levels.unwrap().names.len(), data.s), ((3, 1), 2, None));

    let err = |x, u, s| read::<f64>(&path, &options(x, u, s)).unwrap_err();
    assert!(matches!(err("x9", "", ""), DataError::UnknownColumn { .. }));
    assert!(matches!(err("", "who,short", ""), DataError::Length { found: 2, expected: 3, .. }));
    let missing = err("", "nobody", "").to_string();
    assert!(missing.contains("`nobody`") && missing.contains("`x`, `who`, `when`"), "{missing}");
    assert!(matches!(read_array::<f64>(&path, None), Err(DataError::MissingKey { .. })));
    assert_eq!(read_array::<f64>(&path, Some("short")).unwrap(), array![[0.0], [1.0]]);
}

#[test]
fn what_cannot_be_data_says_why() {
    let fault = |x: Vec<u8>| read_npz(&[("x", x)], &ReadOptions::default()).unwrap_err().to_string();
    assert!(fault(npy("<U1", false, "(1,)", &[65, 0, 0, 0])).contains("element type <U1"));
    assert!(fault(npy("|O", false, "(1,)", &[0; 8])).contains("element type |O"));
    assert!(fault(npy("<c8", false, "(1,)", &[0; 8])).contains("element type <c8"));
    assert!(fault(npy("|u1", false, "(1, 1, 2)", &[0, 0])).contains("shape [1, 1, 2]"));
    assert!(fault(npy("|u1", false, "()", &[0])).contains("shape []"));
    assert!(fault(npy("|u1", false, "(3,)", &[0])).contains("needs 3 bytes, there are 1"));
    assert!(fault(npy("|u1", false, "(1,)", &[0, 0])).contains("needs 1 bytes, there are 2"));
    let huge = npy("<f8", false, "(4611686018427387904, 4611686018427387904)", &[]);
    assert!(fault(huge).contains("impossible"));
    assert!(fault(npy("<f8", false, &"(".repeat(5000), &[])).contains("nested too deeply"));
    let err = with_u(npy("<U1", false, "(4,)", &[255; 16])).unwrap_err();
    assert!(matches!(err, DataError::Dtype { ref key, .. } if key == "u"), "{err}");
    let err = read_npz(&[("y", npy("|u1", false, "(1,)", &[0]))], &ReadOptions::default()).unwrap_err();
    assert!(matches!(err, DataError::MissingKey { ref key, ref found, .. } if key == "x" && found == &["y"]));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    std::fs::write(&path, npy("|u1", false, "(2, 2)", &[1, 2, 3, 4])).unwrap();
    let options = ReadOptions { u: Some("x1".parse().unwrap()), ..Default::default() };
    assert!(matches!(read::<f64>(&path, &options), Err(DataError::BadColumns { .. })));
    let options = ReadOptions { x: Some("x2".parse().unwrap()), ..Default::default() };
    assert_eq!(read::<f64>(&path, &options).unwrap().x, array![[2.0], [4.0]]);
}
