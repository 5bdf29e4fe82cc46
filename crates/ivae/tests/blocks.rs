//! Linear ICA of a file larger than memory: the rows that `ivae-data` reads in blocks, as `ivae-ica` takes them.
#![allow(clippy::unwrap_used)]

use ivae::data::{DataError, read_blocks, write_array};
use ivae::ica::{FastIca, IcaError, Pca};
use ndarray::{Array2, Axis, array};

/// What can go wrong: reading, and ICA.
#[derive(Debug)]
enum Wrong {
    Data(DataError),
    Ica(IcaError),
}

impl From<DataError> for Wrong {
    fn from(error: DataError) -> Self {
        Self::Data(error)
    }
}

impl From<IcaError> for Wrong {
    fn from(error: IcaError) -> Self {
        Self::Ica(error)
    }
}

#[test]
fn components_of_a_file_read_in_blocks() {
    let phase = [0.618_033_988_75_f64, 0.414_213_562_37];
    let s = Array2::from_shape_fn((5000, 2), |(i, j)| (i as f64 * phase[j]).fract());
    let mixing = array![[1.0, 0.5], [-0.3, 2.0]];
    let x = s.dot(&mixing);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    write_array(&path, "x", x.view()).unwrap();

    let of_file = |rows: usize| {
        FastIca::default()
            .fit_blocks::<f64, Wrong>(|each| read_blocks(&path, rows, |block| Ok::<(), Wrong>(each(block)?)))
    };
    let found = of_file(700).unwrap();
    assert!(found.converged);
    // Each source in one component.
    for row in mixing.dot(&found.unmixing.t()).rows() {
        let (a, b) = (row[0].abs(), row[1].abs());
        assert!(a.min(b) < 0.02 * a.max(b), "{row}");
    }
    // The same as of blocks in memory, whatever their size.
    let in_memory = FastIca::default()
        .fit_blocks::<f64, IcaError>(|each| x.axis_chunks_iter(Axis(0), 123).try_for_each(each));
    assert_eq!(found, in_memory.unwrap());
    let pca = Pca::fit_blocks::<f64, Wrong>(None, |each| {
        read_blocks(&path, 999, |block| Ok::<(), Wrong>(each(block)?))
    });
    assert_eq!(pca.unwrap().components, Pca::fit(x.view(), None).unwrap().components);

    // What is wrong with a file is told as that, and what is wrong with its numbers too.
    let none = FastIca::default().fit_blocks::<f64, Wrong>(|each| {
        read_blocks(folder.path().join("none.npy"), 10, |block| Ok::<(), Wrong>(each(block)?))
    });
    assert!(matches!(none, Err(Wrong::Data(error)) if error.to_string().contains("none.npy")));
    let mut hole = x.clone();
    hole[[4321, 1]] = f64::NAN;
    write_array(&path, "x", hole.view()).unwrap();
    assert!(matches!(of_file(700), Err(Wrong::Ica(IcaError::NotFinite { row: 4321, column: 1, .. }))));
}
