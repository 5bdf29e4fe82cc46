//! What is written is read back; what is damaged is refused, and nothing panics.

use std::path::Path;
use std::sync::OnceLock;

use ivae_data::{
    Aux, DataError, Dataset, Levels, ReadOptions, read, read_array, write, write_array, write_atomically,
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
        Aux::None,
        Aux::Levels(Levels::from_integers(&[9, -10, 9, 11])),
        Aux::Levels(Levels::from_text(&["rest", "go", "go", "ünïcode, \"quoted\""])),
        Aux::Continuous { values: continuous, names: vec!["u1".into(), "u2".into()] },
    ]
}

fn round_trips<F: Scalar>(folder: &Path) {
    for name in ["data.npz", "data.csv", "data.tsv"] {
        for u in all_kinds::<F>() {
            let (path, data) = (folder.join(name), dataset(u));
            write(&path, &data).unwrap();
            assert_eq!(read::<F>(&path, &ReadOptions::default()).unwrap(), data, "{name}");
        }
    }
    let (path, data) = (folder.join("data.npy"), Dataset::from_x(dataset::<F>(Aux::None).x));
    write(&path, &data).unwrap();
    assert_eq!(read::<F>(&path, &ReadOptions::default()).unwrap(), data);
    let z = dataset::<F>(Aux::None).x;
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
    let u = Aux::Continuous { values: array![[0.1], [0.2], [0.3], [0.4]], names: vec!["age".into()] };
    let data = dataset::<f64>(u);
    write(folder.path().join("d.npz"), &data).unwrap();
    assert_eq!(read::<f64>(folder.path().join("d.npz"), &ReadOptions::default()).unwrap(), data);
}

#[test]
fn the_same_data_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let path = folder.path().join(name);
        write(&path, &dataset::<f32>(Aux::Levels(Levels::from_integers(&[1, 2, 1, 2])))).unwrap();
        std::fs::read(path).unwrap()
    };
    assert_eq!(bytes("a.npz"), bytes("b.npz"));
}

#[test]
fn what_a_format_cannot_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = dataset::<f64>(Aux::None);
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
        let short = dataset::<f64>(Aux::Levels(Levels::from_integers(&[1, 2])));
        assert!(matches!(write(folder.path().join(name), &short), Err(DataError::Length { .. })));
    }
    assert!(std::fs::read_dir(&folder).unwrap().next().is_none(), "a refused write leaves nothing");
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
    assert!(matches!(write(&missing, &dataset::<f64>(Aux::None)), Err(DataError::Write { .. })));
}

/// Bytes of one file of each binary format.
fn binary_files() -> &'static [(&'static str, Vec<u8>); 2] {
    static FILES: OnceLock<[(&'static str, Vec<u8>); 2]> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let data = dataset::<f32>(Aux::Levels(Levels::from_text(&["a", "b", "a", "b"])));
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

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(300) })]

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
fn sources_that_are_dropped_are_judged() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = Dataset::from_x(array![[1.0, 2.0], [3.0, 5.0]]);
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
