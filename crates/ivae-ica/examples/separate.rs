//! Separate mixed signals, see whether the method converged, and which components come back from other starts and rows.
//!
//! ```text
//! cargo run --release --package ivae-ica --example separate
//! ```

use ivae_ica::{Auto, FastIca, IcaError, Picard, Stability};
use ndarray::{Array2, array};

fn main() -> Result<(), IcaError> {
    // A sine, a square wave and a saw tooth, seen by four sensors.
    let sources = Array2::from_shape_fn((4000, 3), |(i, j)| {
        let t = i as f64 / 100.0;
        match j {
            0 => (7.0 * t).sin(),
            1 => (3.0 * t).sin().signum(),
            _ => 2.0 * (1.7 * t).fract() - 1.0,
        }
    });
    let mixing = array![[1.0, 0.4, -0.3], [0.5, 1.2, 0.2], [-0.2, 0.3, 0.9], [0.8, -0.6, 0.4]];
    let x = sources.dot(&mixing.t());

    let ica = Auto::default().fit(x.view())?;
    println!("{:?}, converged: {}, {} iterations", ica.method, ica.converged, ica.iterations);
    println!("{} directions in {} columns", ica.rank, x.ncols());
    // Up to order, sign and scale, this is a permutation.
    println!("unmixing times mixing:\n{:.3}", ica.unmixing.dot(&mixing));

    let back = ica.inverse_transform(ica.transform(x.view())?.view())?;
    let worst = (&back - &x).iter().fold(0.0, |a: f64, d| a.max(d.abs()));
    println!("and back: off by {worst:.1e} at most");

    for (name, index) in [
        (
            "FastICA",
            Stability::default().fit(x.view(), |x, seed| FastIca { seed, ..FastIca::default() }.fit(x))?,
        ),
        (
            "Picard",
            Stability::default().fit(x.view(), |x, seed| Picard { seed, ..Picard::default() }.fit(x))?,
        ),
    ]
    .map(|(name, stable)| (name, stable.index))
    {
        println!("stability of the components by {name}: {index:.3?}");
    }
    Ok(())
}
