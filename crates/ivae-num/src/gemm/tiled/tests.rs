//! Products on the matrix unit, of all shapes and layouts, against sums in f64; nothing on a processor without one.

use ndarray::{Array2, ArrayView2, s};
use proptest::prelude::*;

use super::*;
use crate::gemm::tests::{LAYOUTS, Layout, in_order, naive};
use crate::gemm::{GemmScratch, driver};
use crate::simd::Simd;

fn amx() -> Option<Amx> {
    Simd::available().into_iter().find_map(Simd::amx)
}

/// a b, from nothing.
fn plain(amx: Amx, a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, threads: usize) -> Array2<f32> {
    let mut c = Array2::from_elem((a.nrows(), b.ncols()), f32::NAN);
    product(amx, c.view_mut(), Epilogue::plain(1.0, 0.0), a, b, &mut Memory::default(), threads);
    c
}

/// The same, on vectors.
fn on_vectors(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Array2<f32> {
    let simd = Simd::available().into_iter().rfind(|simd| simd.amx().is_none()).expect("the portable path");
    let mut c = Array2::zeros((a.nrows(), b.ncols()));
    driver::gemm_on(simd, c.view_mut(), 0.0, 1.0, a, b, &mut GemmScratch::new());
    c
}

fn normals(rows: usize, cols: usize, seed: u64) -> Array2<f32> {
    Layout::Rows.memory(rows, cols, seed)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: proptest::test_runner::RngSeed::Fixed(3),
        failure_persistence: None, ..ProptestConfig::default() })]

    /// With all parts of an epilogue, any layout of a and b, rows of c with gaps, and sums within rounding.
    #[test]
    fn any_product(
        (m, k, n) in (1usize..80, prop_oneof![4 => 1usize..80, 1 => 1000usize..1100], 1usize..80),
        (of_a, of_b) in (prop::sample::select(&LAYOUTS[..]), prop::sample::select(&LAYOUTS[..])),
        (alpha, beta) in (prop::sample::select(&[1.0f32, -0.75][..]), prop::sample::select(&[0.0f32, 1.0, 0.5][..])),
        (biased, multiplied) in (any::<bool>(), any::<bool>()),
        seed in 0u64..1000,
    ) {
        let Some(amx) = amx() else { return Ok(()) };
        let (mut a, mut b) = (of_a.memory(m, k, seed), of_b.memory(k, n, seed + 1));
        let (a, b) = (of_a.view(&mut a, k), of_b.view(&mut b, n));
        let (bias, factor) = (normals(1, n, seed + 2), normals(m, n, seed + 3));
        let before: Array2<f32> = Layout::Gapped.memory(m, n, seed + 4);
        let mut after = before.clone();

        let start = if biased { bias.broadcast((m, n)).expect("a row for each") } else { before.slice(s![.., ..n]) };
        let sums = naive(start, beta, alpha, a.view(), b.view());
        let mut column_sums = vec![0.0; n];
        let summed = multiplied && (alpha, beta) == (1.0, 0.0) && k <= BLOCK_K;
        let epilogue = Epilogue {
            sums: summed.then_some(&mut column_sums[..]),
            start: biased.then_some(start),
            factor: multiplied.then_some(factor.view()),
            ..Epilogue::plain(alpha, beta)
        };
        let c = Layout::Gapped.view(&mut after, n);
        product(amx, c, epilogue, a.view(), b.view(), &mut Memory::default(), 1);
        for ((at, &(sum, bound)), got) in sums.indexed_iter().zip(after.slice(s![.., ..n])) {
            let factor = if multiplied { f64::from(factor[at]) } else { 1.0 };
            let error = (f64::from(*got) - sum * factor).abs();
            let bound = bound * factor.abs();
            prop_assert!(error <= bound, "{at:?}: {got} for {}, {m} × {k} × {n}", sum * factor);
        }
        if summed {
            prop_assert_eq!(column_sums, in_order(0.0, after.slice(s![.., ..n])));
        }
        prop_assert_eq!(after.slice(s![.., n..]), before.slice(s![.., n..]), "wrote between the rows of c");
    }

    /// A number is the sum of its three parts, to the bit, down to where the last part is subnormal.
    #[test]
    fn times_one_is_the_same(bits in prop::collection::vec(any::<u32>(), 40 * 33)) {
        let Some(amx) = amx() else { return Ok(()) };
        let numbers = bits.into_iter().map(f32::from_bits);
        let in_range = |x: f32| if x.abs() > 1e-30 && x.abs() < 1e38 { x } else { 1.0 };
        let a = Array2::from_shape_vec((40, 33), numbers.map(in_range).collect()).expect("as many");
        prop_assert_eq!(plain(amx, a.view(), Array2::eye(33).view(), 1), a.clone());
        prop_assert_eq!(plain(amx, Array2::eye(40).view(), a.view(), 1), a);
    }
}

/// No further from the sum than a plain loop, and where it is long, closer.
#[test]
fn sums_are_close() {
    let Some(amx) = amx() else { return };
    let error = |of: &Array2<f32>, sums: &Array2<(f64, f64)>| {
        let errors = of.iter().zip(sums).map(|(&got, &(sum, _))| (f64::from(got) - sum).powi(2));
        errors.sum::<f64>().sqrt()
    };
    for (k, least) in [(128, 1.0), (1000, 2.0)] {
        let (a, b) = (normals(64, k, 1), normals(k, 64, 2));
        let sums = naive(Array2::zeros((64, 64)).view(), 0.0, 1.0, a.view(), b.view());
        let by_unit = error(&plain(amx, a.view(), b.view(), 1), &sums);
        let by_vectors = error(&on_vectors(a.view(), b.view()), &sums);
        assert!(by_unit * least <= by_vectors, "{k} summands: {by_unit:e} and {by_vectors:e}");
    }
}

#[test]
fn bits_do_not_depend_on_neighbours_layouts_or_threads() {
    let Some(amx) = amx() else { return };
    let (m, k, n) = (150, 1030, 1100);
    let (a, b) = (normals(m, k, 1), normals(k, n, 2));
    let whole = plain(amx, a.view(), b.view(), 1);
    for (i, j) in [(0, 0), (149, 1099), (20, 1030), (33, 48), (17, 15)] {
        let one = plain(amx, a.slice(s![i..=i, ..]), b.slice(s![.., j..=j]), 1);
        assert_eq!(one[[0, 0]], whole[[i, j]], "{i}, {j}");
    }
    let columns = |x: &Array2<f32>| x.t().as_standard_layout().into_owned().reversed_axes();
    assert_eq!(plain(amx, columns(&a).view(), columns(&b).view(), 1), whole);
    for threads in [2, 3, 7] {
        assert_eq!(plain(amx, a.view(), b.view(), threads), whole, "{threads} threads");
    }
}

#[test]
fn what_is_not_finite_stays_so_in_its_row() {
    let Some(amx) = amx() else { return };
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut a = normals(40, 40, 1);
        a[[17, 3]] = bad;
        let c = plain(amx, a.view(), normals(40, 40, 2).view(), 1);
        for (i, row) in c.rows().into_iter().enumerate() {
            assert!(row.iter().all(|x| x.is_finite() != (i == 17)), "row {i}");
        }
    }
}

/// Memory that was reserved is enough for whatever is smaller.
#[test]
fn reserved_memory_does_not_grow() {
    let mut memory = Memory::default();
    memory.reserve(700, 900, 1100, 2);
    let lengths = |memory: &Memory| (memory.a.iter().map(Vec::len).collect::<Vec<_>>(), memory.b.len());
    let before = lengths(&memory);
    for m in (1..=700).step_by(33) {
        for k in (1..=900).step_by(31) {
            memory.reserve(m, k, 1100, 2);
            assert_eq!(lengths(&memory), before, "{m} × {k}");
        }
    }
}
