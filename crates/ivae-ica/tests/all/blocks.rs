//! Fits to rows in blocks: what fits in memory gives, whatever the blocks, in memory that does not grow with the rows.

use std::error::Error;

use crate::common::{cross_talk, normals};
use ivae_ica::{Algorithm, FastIca, FittedIca, IcaError, Pca, Start, Whitening};
use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{Array2, ArrayView2, Axis, array};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

fn mixing() -> Array2<f64> {
    array![[1.0, 0.4, -0.2], [-0.5, 2.0, 0.3], [0.1, 0.6, 1.5], [0.7, -0.1, 0.9]]
}

/// Rows from `start` of endless data: three independent sources of unit variance, mixed.
fn rows(start: usize, count: usize) -> Array2<f64> {
    let g = normals(count, 3, StreamKey::new(1, Purpose::Generate).step(start as u64));
    g.mapv(|v| v * v.abs() / 3f64.sqrt()).dot(&mixing().t()) + 5.0
}

/// A pass over x in blocks of these sizes, round and round.
fn passes<'x, F: Scalar>(
    x: ArrayView2<'x, F>,
    sizes: &'x [usize],
) -> impl FnMut(&mut ivae_ica::EachBlock<'_, F>) -> Result<(), IcaError> + 'x {
    move |each| {
        let mut rest = x;
        for &size in sizes.iter().cycle() {
            let (now, later) = rest.split_at(Axis(0), size.min(rest.nrows()));
            each(now)?;
            rest = later;
            if rest.nrows() == 0 {
                break;
            }
        }
        Ok(())
    }
}

fn near<F: Scalar>(a: &FittedIca<F>, b: &FittedIca<F>) -> f64 {
    let apart = |a: &Array2<F>, b: &Array2<F>| (a - b).iter().fold(0.0, |w: f64, d| w.max(d.abs().f64()));
    f64::max(apart(&a.unmixing, &b.unmixing), apart(&a.mixing, &b.mixing))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn blocks_of_any_sizes_give_what_all_rows_at_once_give(
        count in 1100usize..3000,
        sizes in prop::collection::vec(1usize..1500, 1..6),
        deflation: bool,
    ) {
        let x = rows(0, count);
        let algorithm = if deflation { Algorithm::Deflation } else { Algorithm::Parallel };
        let ica = FastIca { algorithm, ..FastIca::default() };
        let (memory, blocks) = (ica.fit(x.view()).unwrap(), ica.fit_blocks(passes(x.view(), &sizes)).unwrap());
        prop_assert!(near(&memory, &blocks) < 1e-12, "{}", near(&memory, &blocks));
        prop_assert_eq!(memory.iterations, blocks.iterations);
        prop_assert_eq!(&blocks, &ica.fit_blocks(passes(x.view(), &[count])).unwrap());
        // A sample of all rows is no other.
        prop_assert!(near(&memory, &ica.fit_sampled(count, passes(x.view(), &sizes)).unwrap()) < 1e-12);
        let (pca, whole) = (Pca::fit_blocks(None, passes(x.view(), &sizes)).unwrap(), Pca::fit(x.view(), None).unwrap());
        prop_assert_eq!((pca.mean, pca.components, pca.rank), (whole.mean, whole.components, whole.rank));
    }
}

#[test]
fn single_precision_arbitrary_variance_and_white_data() {
    let x = rows(0, 2000);
    let single = x.mapv(|v| v as f32);
    let ica = FastIca::default();
    let (memory, blocks) = (ica.fit(single.view()).unwrap(), ica.fit_blocks(passes(single.view(), &[77])));
    assert!(near(&memory, &blocks.unwrap()) < 1e-5);
    let arbitrary = FastIca { whitening: Whitening::ArbitraryVariance, ..ica.clone() };
    let (memory, blocks) = (arbitrary.fit(x.view()).unwrap(), arbitrary.fit_blocks(passes(x.view(), &[77])));
    assert!(near(&memory, &blocks.unwrap()) < 1e-12);
    let unit = ica.fit_sampled(500, passes(x.view(), &[77])).unwrap();
    let sampled = arbitrary.fit_sampled(500, passes(x.view(), &[77])).unwrap();
    let scaled = &sampled.unmixing * 2000f64.sqrt() - &unit.unmixing;
    assert!(scaled.iter().all(|d| d.abs() < 1e-12));
    let white = Pca::fit(x.view(), None).unwrap().whiten(x.view()).unwrap();
    let given = FastIca { whitening: Whitening::Given, ..ica };
    let found = given.fit_blocks(passes(white.view(), &[600])).unwrap();
    assert!(near(&given.fit(white.view()).unwrap(), &found) < 1e-12);
    assert!(matches!(given.fit_blocks(passes(x.view(), &[600])), Err(IcaError::NotWhite { .. })));
}

#[test]
fn a_sample_gives_the_sources_in_two_passes_and_a_start_for_all_rows() {
    let (count, block) = (40_000, 1000);
    let mut counted = 0;
    let pass = |counted: &mut usize, each: &mut ivae_ica::EachBlock<'_, f64>| -> Result<(), IcaError> {
        *counted += 1;
        (0..count).step_by(block).try_for_each(|start| each(rows(start, block).view()))
    };
    let ica = FastIca { components: Some(3), tolerance: 1e-8, ..FastIca::default() };
    let sampled = ica.fit_sampled(4000, |each| pass(&mut counted, each)).unwrap();
    assert_eq!((counted, sampled.rank), (2, 3));
    assert!(sampled.converged && cross_talk(&sampled.unmixing, &mixing()) < 0.15);
    assert_eq!(sampled, ica.fit_sampled(4000, |each| pass(&mut 0, each)).unwrap());

    counted = 0;
    let start = Start::Unmixing(sampled.unmixing.clone());
    let whole = FastIca { start, ..ica.clone() }.fit_blocks(|each| pass(&mut counted, each)).unwrap();
    // The moments, the iterations, and the step that shows that they have converged.
    assert_eq!(counted, 1 + whole.iterations + 1);
    assert!(whole.converged && cross_talk(&whole.unmixing, &mixing()) < 0.05);
    let cold = ica.fit_blocks(|each| pass(&mut 0, each)).unwrap();
    assert!(whole.iterations < cold.iterations, "{} and {}", whole.iterations, cold.iterations);
}

#[test]
fn memory_does_not_grow_with_the_rows() {
    let ica = FastIca { max_iterations: 3, ..FastIca::default() };
    let most = |count: usize, sampled: bool| {
        let pass = |each: &mut ivae_ica::EachBlock<'_, f64>| -> Result<(), IcaError> {
            (0..count).step_by(1000).try_for_each(|start| each(rows(start, 1000).view()))
        };
        let run = || match sampled {
            true => ica.fit_sampled(500, pass).unwrap(),
            false => ica.fit_blocks(pass).unwrap(),
        };
        allocation_counter::measure(|| drop(run())).bytes_max
    };
    for sampled in [false, true] {
        most(2000, sampled); // what is made once
        let (few, many) = (most(4000, sampled), most(80_000, sampled));
        assert!(many <= few, "{few} bytes at most for 4000 rows, {many} for 80000");
        assert!(many < 500_000, "{many}");
    }
}

#[test]
fn what_is_wrong_with_blocks_is_named() {
    let ica = FastIca::default();
    let mut bad = rows(0, 1500);
    bad[[1234, 2]] = f64::NAN;
    let error = ica.fit_blocks(passes(bad.view(), &[100])).unwrap_err();
    assert!(matches!(error, IcaError::NotFinite { row: 1234, column: 2, .. }), "{error}");
    let x = rows(0, 600);
    let none = ica.fit_blocks::<f64, IcaError>(|_| Ok(())).unwrap_err();
    assert_eq!(none, IcaError::TooFewRows { found: 0 });
    assert!(matches!(
        ica.fit_sampled(1, passes(x.view(), &[9])),
        Err(IcaError::Setting { name: "sample", .. })
    ));
    let ragged = |each: &mut ivae_ica::EachBlock<'_, f64>| {
        each(x.view())?;
        each(Array2::zeros((3, 5)).view())
    };
    assert_eq!(ica.fit_blocks(ragged).unwrap_err(), IcaError::Columns { expected: 4, found: 5 });
    // Data that shrinks between passes.
    for sampled in [false, true] {
        let mut count = 600;
        let shrinking = |each: &mut ivae_ica::EachBlock<'_, f64>| -> Result<(), IcaError> {
            count -= 10;
            each(x.slice_axis(Axis(0), ndarray::Slice::from(..count)))
        };
        let error = match sampled {
            true => ica.fit_sampled(50, shrinking),
            false => ica.fit_blocks(shrinking),
        };
        assert_eq!(error.unwrap_err(), IcaError::Pass { expected: 590, found: 580 });
    }
    // A reader's own error comes back as it is.
    let broken: Result<FittedIca<f64>, Box<dyn Error>> =
        ica.fit_blocks(|_| Err(std::io::Error::other("disk on fire").into()));
    assert_eq!(broken.unwrap_err().to_string(), "disk on fire");
}
