//! Written files are read back unchanged; damaged ones are refused without a panic.

use std::path::Path;
use std::sync::OnceLock;

use ivae_data::{
    Aux, Continuous, DataError, Dataset, Levels, ReadOptions, read, read_array, write, write_array,
    write_atomically,
};
use ivae_num::Scalar;
use ndarray::{Array2, array};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn dataset<F: Scalar>(u: Aux<F>) -> Dataset<F> {
    let value = |i: usize, j: usize| F::of((i as f64 - 1.0) * 10f64.powi(3 * j as i32 - 4) / 3.0);
    Dataset {
        x: Array2::from_shape_fn((4, 3), |(i, j)| value(i, j)),
        x_names: vec!["a".into(), "β, \"b\"".into(), "x3".into()],
        u,
        s: Some(Array2::from_shape_fn((4, 2), |(i, j)| value(i + j, j))),
    }
}

fn all_kinds<F: Scalar>() -> Vec<Aux<F>> {
    let continuous = Array2::from_shape_fn((4, 2), |(i, j)| F::of(i as f64 / 7.0 + j as f64));
    vec![
        Aux::none(),
        Levels::from_integers(&[9, -10, 9, 11]).into(),
        Levels::from_text(&["rest", "go", "go", "ünïcode, \"quoted\""]).into(),
        Continuous::new(continuous).into(),
    ]
}

fn round_trips<F: Scalar>(folder: &Path) {
    for name in ["data.npz", "data.csv", "data.tsv"] {
        for u in all_kinds::<F>() {
            let (path, data) = (folder.join(name), dataset(u));
            write(&path, &data).unwrap();
            assert_eq!(read::<F>(&path, &ReadOptions::default()).unwrap(), data, "{name}");
        }
        let [.., values] = &all_kinds::<F>()[..] else { panic!() };
        for levels in [Levels::from_integers(&[9, -10, 9, 11]), Levels::from_text(&["b", "a", "c", "d"])] {
            let (path, mut data) = (folder.join(name), dataset(values.clone()));
            data.u.levels = Some(levels);
            write(&path, &data).unwrap();
            if name != "data.npz" {
                // Text names the levels u1, and the continuous columns after them.
                data.u.values.as_mut().unwrap().names = vec!["u2".into(), "u3".into()];
            }
            assert_eq!(read::<F>(&path, &ReadOptions::default()).unwrap(), data, "{name}");
        }
    }
    let (path, data) = (folder.join("data.npy"), Dataset::new(dataset::<F>(Aux::none()).x));
    write(&path, &data).unwrap();
    assert_eq!(read::<F>(&path, &ReadOptions::default()).unwrap(), data);
    let z = dataset::<F>(Aux::none()).x;
    for name in ["z.npz", "z.npy", "z.csv", "z.tsv"] {
        write_array(folder.join(name), "z", z.t()).unwrap();
        assert_eq!(read_array::<F>(folder.join(name), None).unwrap(), z.t(), "{name}");
    }
}

#[test]
fn every_format_gives_back_what_it_was_given() {
    let folder = tempfile::tempdir().unwrap();
    round_trips::<f32>(folder.path());
    round_trips::<f64>(folder.path());
    // Nothing temporary is left behind.
    assert!(
        std::fs::read_dir(&folder).unwrap().all(|f| !f
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("ivae"))
    );
}

#[test]
fn names_of_a_continuous_u_survive_in_npz() {
    let folder = tempfile::tempdir().unwrap();
    let age = Continuous { values: array![[0.1], [0.2], [0.3], [0.4]], names: vec!["age".into()] };
    let mixed = Aux { levels: Some(Levels::from_integers(&[9, -10, 9, 11])), values: Some(age.clone()) };
    for u in [age.into(), mixed] {
        let data = dataset::<f64>(u);
        write(folder.path().join("d.npz"), &data).unwrap();
        assert_eq!(read::<f64>(folder.path().join("d.npz"), &ReadOptions::default()).unwrap(), data);
    }
}

#[test]
fn the_same_data_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let path = folder.path().join(name);
        write(&path, &dataset::<f32>(Levels::from_integers(&[1, 2, 1, 2]).into())).unwrap();
        std::fs::read(path).unwrap()
    };
    assert_eq!(bytes("a.npz"), bytes("b.npz"));
}

#[test]
fn what_a_format_cannot_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = dataset::<f64>(Aux::none());
    let err = write(folder.path().join("d.npy"), &data).unwrap_err();
    assert!(matches!(err, DataError::Unwritable { what: "s", .. }), "{err}");
    let mut clash = data.clone();
    clash.x_names[1] = "s7".into();
    let err = write(folder.path().join("d.csv"), &clash).unwrap_err();
    assert!(matches!(err, DataError::Unwritable { .. }), "{err}");
    clash.x_names[1] = "s1".into();
    let err = write(folder.path().join("d.csv"), &clash).unwrap_err();
    assert!(matches!(err, DataError::DuplicateColumn { .. } | DataError::Unwritable { .. }), "{err}");
    assert!(matches!(write(folder.path().join("d.txt"), &data), Err(DataError::Extension { .. })));
    for name in ["d.csv", "d.npz"] {
        let short = dataset::<f64>(Levels::from_integers(&[1, 2]).into());
        assert!(matches!(write(folder.path().join(name), &short), Err(DataError::Length { .. })));
    }
    assert!(std::fs::read_dir(&folder).unwrap().next().is_none(), "a refused write leaves nothing");
}

#[test]
fn text_refuses_a_u_that_would_be_read_as_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.csv");
    let whole = || Continuous::new(array![[1.0], [2.0], [1.0], [2.0]]);
    let mixed = |levels| Aux { levels: Some(levels), values: Some(whole()) };
    for u in [
        Levels::from_text(&["0.5", "1.5", "0.5", "1.5"]).into(),
        Levels::from_text(&["1.0", "2.0", "1.0", "2.0"]).into(),
        Levels::from_text(&["a", " a", "a", " a"]).into(),
        Levels::from_text(&["", "a", "", "a"]).into(),
        whole().into(),
        Continuous::new(array![[0.0, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]).into(),
        mixed(Levels::from_text(&["a", "b", "b", "c"])),
    ] {
        let data = dataset::<f64>(u);
        let err = write(&path, &data).unwrap_err();
        assert!(matches!(err, DataError::Unwritable { .. }) && err.to_string().contains("use .npz"), "{err}");
        assert!(!path.exists());
        let archive = folder.path().join("d.npz");
        write(&archive, &data).unwrap();
        assert_eq!(read::<f64>(&archive, &ReadOptions::default()).unwrap(), data);
    }
}

#[test]
fn a_failed_write_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.csv");
    std::fs::write(&path, "old").unwrap();
    let failing = |out: &mut std::io::BufWriter<&std::fs::File>| {
        std::io::Write::write_all(out, b"half")?;
        Err(std::io::Error::other("disk full"))
    };
    let err = write_atomically(&path, failing).unwrap_err();
    assert!(err.to_string().contains("d.csv: disk full"), "{err}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    let missing = folder.path().join("none/d.csv");
    assert!(matches!(write(&missing, &dataset::<f64>(Aux::none())), Err(DataError::Write { .. })));
}

/// Bytes of one file of each binary format.
fn binary_files() -> &'static [(&'static str, Vec<u8>); 2] {
    static FILES: OnceLock<[(&'static str, Vec<u8>); 2]> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let data = dataset::<f32>(Levels::from_text(&["a", "b", "a", "b"]).into());
        write(folder.path().join("d.npz"), &data).unwrap();
        write_array(folder.path().join("d.npy"), "x", data.x.view()).unwrap();
        ["d.npz", "d.npy"].map(|name| (name, std::fs::read(folder.path().join(name)).unwrap()))
    })
}

#[test]
fn every_truncation_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in binary_files() {
        let path = folder.path().join(name);
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let err = read::<f32>(&path, &ReadOptions::default()).unwrap_err();
            assert!(matches!(err, DataError::Damaged { .. }), "{length} bytes: {err}");
            assert!(err.to_string().contains(name));
        }
    }
}

/// u of each kind (neither, levels, values, both) for the same number of rows, as `[labels, values]`.
fn any_u() -> impl Strategy<Value = (usize, Option<Levels>, Option<Array2<f64>>)> {
    let label = prop_oneof![
        Just(String::from("-3")),
        Just("12".into()),
        Just("0".into()),
        Just("1".into()),
        Just("0.5".into()),
        "[ a-c:,\"é0-9.]{0,4}"
    ];
    let number = prop_oneof![Just(0.0), Just(1.0), Just(2.0), -1e3..1e3, any::<f64>()]
        .prop_filter("text files hold finite numbers", |v| v.is_finite());
    (1usize..6, 1usize..4).prop_flat_map(move |(rows, columns)| {
        let levels = proptest::collection::vec(label.clone(), rows).prop_map(|l| Levels::from_text(&l));
        let values = proptest::collection::vec(number.clone(), rows * columns)
            .prop_map(move |v| Array2::from_shape_vec((rows, columns), v).unwrap());
        (Just(rows), proptest::option::of(levels), proptest::option::of(values))
    })
}

/// Data with this u and a single column of x.
fn with_u(rows: usize, levels: Option<Levels>, values: Option<Array2<f64>>) -> Dataset<f64> {
    let mut data = Dataset::new(Array2::from_shape_fn((rows, 1), |(i, _)| i as f64 / 7.0));
    data.u = Aux { levels, values: values.map(Continuous::new) };
    data
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(300) })]

    #[test]
    fn npz_gives_back_every_u((rows, levels, values) in any_u()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.npz");
        let data = with_u(rows, levels, values);
        write(&path, &data).unwrap();
        let read = read::<f64>(&path, &ReadOptions::default()).unwrap();
        // Integer labels come back in numerical order, whatever their order was.
        prop_assert_eq!(read.u.levels.as_ref().map(Levels::labels), data.u.levels.as_ref().map(Levels::labels));
        prop_assert_eq!((read.x, read.u.values), (data.x, data.u.values));
    }

    #[test]
    fn text_gives_back_every_u_or_refuses_it((rows, levels, values) in any_u()) {
        let folder = tempfile::tempdir().unwrap();
        let data = with_u(rows, levels, values);
        for name in ["d.csv", "d.tsv"] {
            let path = folder.path().join(name);
            match write(&path, &data) {
                Ok(()) => {
                    let read = read::<f64>(&path, &ReadOptions::default()).unwrap();
                    prop_assert_eq!(&read.x, &data.x);
                    let labels = |u: &Aux<f64>| {
                        u.levels.as_ref().map(|levels| levels.labels().join("\n"))
                    };
                    prop_assert_eq!(labels(&read.u), labels(&data.u));
                    let values = |u: &Aux<f64>| u.values.as_ref().map(|part| part.values.clone());
                    prop_assert_eq!(values(&read.u), values(&data.u));
                }
                Err(DataError::Unwritable { .. }) => {}
                Err(err) => prop_assert!(false, "{err}"),
            }
        }
    }

    #[test]
    fn text_gives_back_labels_and_decimal_numbers(
        kinds in (any::<bool>(), any::<bool>()),
        cells in proptest::collection::vec(("[a-z]{1,3}", 0.001..0.999, 0.001..0.999), 2..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.csv");
        let rows = cells.len();
        let labels: Vec<&str> = cells.iter().map(|(label, ..)| label.as_str()).collect();
        let numbers = Array2::from_shape_fn((rows, 2), |(i, j)| if j == 0 { cells[i].1 } else { cells[i].2 });
        let (has_levels, has_values) = kinds;
        let mut data = with_u(rows, has_levels.then(|| Levels::from_text(&labels)), has_values.then_some(numbers));
        write(&path, &data).unwrap();
        let read = read::<f64>(&path, &ReadOptions::default()).unwrap();
        // Beside levels, which are u1, the continuous columns are u2 and u3.
        if let (true, Some(part)) = (has_levels, &mut data.u.values) {
            part.names = vec!["u2".into(), "u3".into()];
        }
        prop_assert_eq!(read, data);
    }

    #[test]
    fn damage_never_panics(at in proptest::collection::vec((0usize..4000, any::<u8>()), 1..6)) {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in binary_files() {
            let mut bytes = bytes.clone();
            let length = bytes.len();
            at.iter().for_each(|&(i, byte)| bytes[i % length] = byte);
            let path = folder.path().join(name);
            std::fs::write(&path, &bytes).unwrap();
            let _ = read::<f32>(&path, &ReadOptions::default());
            let _ = read_array::<f64>(&path, Some("u"));
            let _ = ivae_data::keys(&path);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "([a-z0-9u,.\"\\-\t ]|nan|1e9|s1|u|\r\n|\n|é){0,60}") {
        let folder = tempfile::tempdir().unwrap();
        for name in ["d.csv", "d.tsv"] {
            let path = folder.path().join(name);
            std::fs::write(&path, &text).unwrap();
            if let Ok(data) = read::<f64>(&path, &ReadOptions::default()) {
                ivae_data::check_values(&data).unwrap();
            }
            let options = ReadOptions { u: Some("1".parse().unwrap()), ..Default::default() };
            let _ = read::<f32>(&path, &options);
            let _ = read_array::<f32>(&path, None);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["d.csv", "d.npy", "d.npz"] {
            std::fs::write(folder.path().join(name), &bytes).unwrap();
            let _ = read::<f64>(folder.path().join(name), &ReadOptions::default());
        }
    }
}

#[test]
fn dropped_sources_are_still_checked() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = Dataset::new(array![[1.0, 2.0], [3.0, 5.0]]);
    let options = ReadOptions { drop_s: true, ..ReadOptions::default() };
    for name in ["d.npz", "d.csv"] {
        let path = folder.path().join(name);
        data.s = Some(array![[0.5], [0.25]]);
        write(&path, &data).unwrap();
        assert_eq!(read::<f64>(&path, &options).unwrap(), Dataset { s: None, ..data.clone() });
    }
    let path = folder.path().join("d.npz");
    data.s = Some(array![[0.5], [f64::NAN]]);
    write(&path, &data).unwrap();
    let err = read::<f64>(&path, &options).unwrap_err();
    assert!(matches!(err, DataError::NotFinite { part: "s", row: 1, .. }), "{err}");
}
