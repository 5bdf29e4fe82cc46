//! FastICA of a file that is read front to back, a thousand rows at a time, and never held whole.
//!
//! ```text
//! cargo run --release --package ivae-ica --example larger_than_memory
//! ```

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use ivae_ica::{EachBlock, FastIca, Start};
use ndarray::{Array2, array};

const ROWS: usize = 200_000;
const COLUMNS: usize = 2;
const BLOCK: usize = 1000;

/// Two uniform sources, mixed, as raw numbers with the low byte first.
fn write(path: &Path) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mixing = array![[1.0, 0.5], [-0.3, 2.0]];
    for row in 0..ROWS {
        let source = array![(row as f64 * 0.618_033_988_75).fract(), (row as f64 * 0.414_213_562_37).fract()];
        source.dot(&mixing).iter().try_for_each(|v| file.write_all(&v.to_le_bytes()))?;
    }
    file.flush()
}

/// One pass over the file.
fn pass(file: &mut File, each: &mut EachBlock<'_, f64>) -> Result<(), Box<dyn Error>> {
    file.rewind()?;
    let mut reader = BufReader::new(file);
    let mut bytes = vec![[0; 8]; BLOCK * COLUMNS];
    for start in (0..ROWS).step_by(BLOCK) {
        let rows = BLOCK.min(ROWS - start);
        let bytes = &mut bytes[..rows * COLUMNS];
        reader.read_exact(bytes.as_flattened_mut())?;
        each(
            Array2::from_shape_fn((rows, COLUMNS), |(i, j)| f64::from_le_bytes(bytes[i * COLUMNS + j]))
                .view(),
        )?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("ivae-ica-{}.bin", std::process::id()));
    write(&path)?;
    let mut file = File::open(&path)?;

    // Two passes and a sample, then all rows from there.
    let ica = FastIca { tolerance: 1e-8, ..FastIca::default() };
    let sampled = ica.fit_sampled(5000, |each| pass(&mut file, each))?;
    let start = Start::Unmixing(sampled.unmixing.clone());
    let ica = FastIca { start, ..ica }.fit_blocks(|each| pass(&mut file, each))?;
    println!("converged: {}, after {} further passes", ica.converged, ica.iterations + 1);
    println!("unmixing, of a sample:\n{}\nof all rows:\n{}", sampled.unmixing, ica.unmixing);
    Ok(std::fs::remove_file(path)?)
}
