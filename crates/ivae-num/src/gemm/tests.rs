//! Products of all shapes and layouts, on every dispatch path the processor has, against sums in f64.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};
use proptest::prelude::*;

use super::driver::gemm_on;
use super::*;
use crate::levels::look_up;
use crate::{Purpose, StreamKey, stream};

/// How a matrix lies in memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Layout {
    Rows,
    Columns,
    /// Rows with a gap between them.
    Gapped,
    /// No stride is 1, and one is negative.
    Scattered,
}

pub(super) const LAYOUTS: [Layout; 4] = [Layout::Rows, Layout::Columns, Layout::Gapped, Layout::Scattered];

impl Layout {
    /// Memory for `[rows, cols]`, filled with numbers.
    pub(super) fn memory<F: Scalar>(self, rows: usize, cols: usize, seed: u64) -> Array2<F> {
        let shape = match self {
            Layout::Rows => (rows, cols),
            Layout::Columns => (cols, rows),
            Layout::Gapped => (rows, cols + 3),
            Layout::Scattered => (3 * cols, 2 * rows),
        };
        let mut memory = Array2::zeros(shape);
        let flat = memory.as_slice_mut().expect("a new array is contiguous");
        stream::fill_normal(flat, shape.1, StreamKey::new(seed, Purpose::Control));
        memory
    }

    pub(super) fn view<F>(self, memory: &mut Array2<F>, cols: usize) -> ArrayViewMut2<'_, F> {
        match self {
            Layout::Rows => memory.view_mut(),
            Layout::Columns => memory.view_mut().reversed_axes(),
            Layout::Gapped => memory.slice_mut(s![.., ..cols]),
            Layout::Scattered => memory.slice_mut(s![..;-3, ..;2]).reversed_axes(),
        }
    }
}

/// `alpha · a b + beta · c` in f64, and what rounding may add: every product and sum once, in any order.
pub(super) fn naive<F: Scalar>(
    c: ArrayView2<'_, F>,
    beta: F,
    alpha: F,
    a: ArrayView2<'_, F>,
    b: ArrayView2<'_, F>,
) -> Array2<(f64, f64)> {
    Array2::from_shape_fn(c.dim(), |(i, j)| {
        let old = if beta == F::zero() { 0.0 } else { beta.f64() * c[[i, j]].f64() };
        let terms = a.row(i).into_iter().zip(b.column(j)).map(|(x, y)| alpha.f64() * x.f64() * y.f64());
        let (sum, size) = terms.fold((old, old.abs()), |(sum, size), t| (sum + t, size + t.abs()));
        (sum, (a.ncols() + 4) as f64 * F::epsilon().f64() * size)
    })
}

/// Whether a matrix unit may take the product: the bits are then its own.
fn on_unit<F: Scalar>(simd: Simd, shape: (usize, usize, usize)) -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        F::unit(simd, shape.0, shape.1, shape.2).is_some()
            || F::unit(simd, shape.2, shape.1, shape.0).is_some()
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = (simd, shape);
        false
    }
}

#[derive(Debug, Clone, Copy)]
struct Case {
    shape: (usize, usize, usize),
    layouts: (Layout, Layout, Layout),
    alpha: f64,
    beta: f64,
    seed: u64,
}

fn check<F: Scalar>(case: Case, scratch: &mut GemmScratch<F>) {
    let Case { shape: (m, k, n), layouts: (of_a, of_b, of_c), seed, .. } = case;
    let (alpha, beta) = (F::of(case.alpha), F::of(case.beta));
    let mut a = of_a.memory(m, k, seed);
    let mut b = of_b.memory(k, n, seed + 1);
    let (a, b) = (of_a.view(&mut a, k), of_b.view(&mut b, n));
    let mut memory = of_c.memory::<F>(m, n, seed + 2);
    let want = naive(of_c.view(&mut memory, n).view(), beta, alpha, a.view(), b.view());
    if beta == F::zero() {
        of_c.view(&mut memory, n).fill(F::nan());
    }
    let before = memory.clone();
    let mut fused = None;
    for simd in Simd::available() {
        let mut after = before.clone();
        gemm_on(simd, of_c.view(&mut after, n), beta, alpha, a.view(), b.view(), scratch);
        for ((at, &(want, bound)), got) in want.indexed_iter().zip(of_c.view(&mut after, n).iter()) {
            let error = (got.f64() - want).abs();
            assert!(error <= bound, "{at:?} on {}: {got} for {want}, {case:?}", simd.name());
        }
        // Nothing between the entries of c was touched.
        let mut outside = after.clone();
        of_c.view(&mut outside, n).assign(&of_c.view(&mut before.clone(), n));
        let same = |x: &Array2<F>, y: &Array2<F>| {
            x.iter().zip(y).all(|(x, y)| bytemuck::bytes_of(x) == bytemuck::bytes_of(y))
        };
        assert!(same(&outside, &before), "wrote outside of c on {}: {case:?}", simd.name());
        if simd.name() != "portable" && !on_unit::<F>(simd, case.shape) {
            let first = fused.get_or_insert_with(|| after.clone());
            assert!(same(first, &after), "bits of {} differ: {case:?}", simd.name());
        }
    }
}

fn case() -> impl Strategy<Value = Case> {
    let side = || prop_oneof![Just(1usize), 0usize..70, 2usize..20];
    let deep = prop_oneof![4 => side(), 1 => 250usize..300];
    let layout = || prop::sample::select(&LAYOUTS[..]);
    let factor = || prop_oneof![Just(0.0), Just(1.0), Just(-0.75)];
    ((side(), deep, side()), (layout(), layout(), layout()), factor(), factor(), 0u64..1000)
        .prop_map(|(shape, layouts, alpha, beta, seed)| Case { shape, layouts, alpha, beta, seed })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, rng_seed: proptest::test_runner::RngSeed::Fixed(2),
        failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_product(case in case()) {
        check::<f32>(case, &mut GemmScratch::new());
        check::<f64>(case, &mut GemmScratch::new());
    }

    #[test]
    fn fused_products_are_the_plain_ones(case in case()) {
        check_fused::<f32>(case, &mut GemmScratch::new());
        check_fused::<f64>(case, &mut GemmScratch::new());
    }
}

#[test]
fn products_of_several_blocks() {
    let (mut single, mut double) = (GemmScratch::new(), GemmScratch::new());
    let row = (Layout::Rows, Layout::Rows, Layout::Rows);
    let column = (Layout::Columns, Layout::Columns, Layout::Rows);
    let mixed = (Layout::Rows, Layout::Columns, Layout::Columns);
    for (shape, layouts) in [
        ((200, 257, 70), row),
        ((70, 520, 1030), row),
        ((400, 300, 41), column),
        ((390, 300, 270), mixed),
        ((3, 700, 1100), (Layout::Columns, Layout::Scattered, Layout::Scattered)),
    ] {
        let case = Case { shape, layouts, alpha: 0.5, beta: -1.0, seed: 3 };
        check::<f32>(case, &mut single);
        check::<f64>(case, &mut double);
    }
}

/// In panels of one to four vectors, with some columns left, on every path.
#[test]
fn few_summands() {
    let (mut single, mut double) = (GemmScratch::new(), GemmScratch::new());
    let rows = (Layout::Rows, Layout::Rows, Layout::Rows);
    let other = (Layout::Columns, Layout::Columns, Layout::Gapped);
    for (k, n) in (1..=9).flat_map(|k| [1, 8, 15, 33, 48, 64, 100, 130].map(|n| (k, n))) {
        for (layouts, alpha, beta) in [(rows, 1.0, 0.0), (other, 1.0, 1.0), (rows, 0.5, -1.0)] {
            let case = Case { shape: (11, k, n), layouts, alpha, beta, seed: 5 };
            check::<f32>(case, &mut single);
            check::<f64>(case, &mut double);
            check_fused::<f32>(case, &mut single);
            check_fused::<f64>(case, &mut double);
        }
    }
}

/// With whole vectors of rows and with some left, whole eights of summands and with some left.
#[test]
fn few_columns() {
    let (mut single, mut double) = (GemmScratch::new(), GemmScratch::new());
    for (m, k, n) in (1..=9).chain([52, 56, 57, 100]).flat_map(|n| [(16, 16, n), (31, 19, n), (49, 50, n)]) {
        for (layouts, alpha, beta) in [
            ((Layout::Columns, Layout::Rows, Layout::Rows), 1.0, 0.0),
            ((Layout::Rows, Layout::Columns, Layout::Rows), 1.0, 1.0),
            ((Layout::Gapped, Layout::Rows, Layout::Gapped), 1.0, 0.0),
            ((Layout::Gapped, Layout::Rows, Layout::Gapped), 0.5, -1.0),
        ] {
            let case = Case { shape: (m, k, n), layouts, alpha, beta, seed: 4 };
            check::<f32>(case, &mut single);
            check::<f64>(case, &mut double);
            check_fused::<f32>(case, &mut single);
        }
    }
}

#[test]
fn bits_do_not_depend_on_layout_or_neighbours() {
    let (m, k, n) = (37, 301, 53);
    let mut scratch = GemmScratch::new();
    let mut memory = Layout::Rows.memory::<f32>(m, k, 1);
    let a = Layout::Rows.view(&mut memory, k);
    let mut memory = Layout::Rows.memory::<f32>(k, n, 2);
    let b = Layout::Rows.view(&mut memory, n);
    let mut whole = Array2::zeros((m, n));
    gemm(whole.view_mut(), 0.0, 0.3, a.view(), b.view(), &mut scratch);
    for (i, j) in [(0, 0), (36, 52), (20, 48), (7, 31)] {
        let mut one = Array2::zeros((1, 1));
        gemm(one.view_mut(), 0.0, 0.3, a.slice(s![i..=i, ..]), b.slice(s![.., j..=j]), &mut scratch);
        assert_eq!(one[[0, 0]], whole[[i, j]]);
    }
    let columns = |x: ArrayView2<'_, f32>| x.t().as_standard_layout().into_owned().reversed_axes();
    let mut other = Array2::zeros((n, m));
    gemm(
        other.view_mut().reversed_axes(),
        0.0,
        0.3,
        columns(a.view()).view(),
        columns(b.view()).view(),
        &mut scratch,
    );
    assert_eq!(other.t(), whole);
}

#[test]
fn alpha_zero_reads_neither_operand() {
    let nan = Array2::from_elem((2, 2), f64::NAN);
    let mut c = Array2::from_elem((2, 2), 3.0);
    gemm(c.view_mut(), 2.0, 0.0, nan.view(), nan.view(), &mut GemmScratch::new());
    assert_eq!(c, Array2::from_elem((2, 2), 6.0));
}

#[test]
fn nan_and_infinity_come_through() {
    let mut a = Array2::<f32>::ones((5, 5));
    let b = Array2::<f32>::ones((5, 5));
    (a[[1, 2]], a[[3, 3]]) = (f32::NAN, f32::INFINITY);
    let mut c = Array2::zeros((5, 5));
    gemm(c.view_mut(), 0.0, 1.0, a.view(), b.view(), &mut GemmScratch::new());
    for ((i, _), &v) in c.indexed_iter() {
        assert!(match i {
            1 => v.is_nan(),
            3 => v == f32::INFINITY,
            _ => v == 5.0,
        });
    }
}

#[test]
fn reserve_is_enough() {
    let sides = [(1, 1, 1), (64, 100, 5), (1, 1000, 10), (40, 8, 100), (300, 300, 2000), (2000, 300, 30)];
    for (m, k, n) in sides {
        let mut scratch = GemmScratch::<f32>::new();
        scratch.reserve(m, k, n);
        let places = |scratch: &GemmScratch<f32>| -> Vec<_> {
            scratch.packed.iter().map(|packed| (packed.as_ptr(), packed.len())).collect()
        };
        let before = places(&scratch);
        for (a, b) in [((m, k), (k, n)), ((m.div_ceil(2), k), (k, n))] {
            for layout in LAYOUTS {
                let mut c = layout.memory(a.0, b.1, 1);
                let mut right = layout.memory(b.0, b.1, 2);
                gemm(
                    layout.view(&mut c, b.1),
                    1.0,
                    1.0,
                    Array2::zeros(a).view(),
                    layout.view(&mut right, b.1).view(),
                    &mut scratch,
                );
            }
        }
        assert_eq!(places(&scratch), before, "{m} × {k} × {n}");
    }
}

#[test]
#[should_panic(expected = "so c must be 2 × 4")]
fn shapes_must_fit() {
    let (a, b) = (Array2::<f32>::zeros((2, 3)), Array2::zeros((3, 4)));
    gemm(Array2::zeros((2, 3)).view_mut(), 0.0, 1.0, a.view(), b.view(), &mut GemmScratch::new());
}

/// `start` and every entry of a column, from the first row on, for each column.
pub(super) fn in_order<F: Scalar>(start: F, x: ArrayView2<'_, F>) -> Vec<F> {
    x.columns().into_iter().map(|column| column.iter().fold(start, |sum, &x| sum + x)).collect()
}

/// The fused products against the plain one with a pass before or after it: the same bits.
fn check_fused<F: Scalar>(case: Case, scratch: &mut GemmScratch<F>) {
    let Case { shape: (m, k, n), layouts: (of_a, of_b, of_c), seed, .. } = case;
    let (mut a, mut b) = (of_a.memory(m, k, seed), of_b.memory(k, n, seed + 1));
    let (a, b) = (of_a.view(&mut a, k), of_b.view(&mut b, n));
    let mut extra = of_c.memory::<F>(m.max(1), n, seed + 2);
    let extra = of_c.view(&mut extra, n);
    let factor = extra.view().split_at(ndarray::Axis(0), m).0;
    let bias = extra.row(0);
    for simd in Simd::available() {
        let filled = |with: F| Array2::from_elem((m, n), with);
        let (mut want, mut got) = (filled(F::nan()), filled(F::nan()));
        want.assign(&bias);
        gemm_on(simd, want.view_mut(), F::one(), F::one(), a.view(), b.view(), scratch);
        driver::bias_on(simd, got.view_mut(), bias, a.view(), b.view(), scratch);
        assert_eq!(got, want, "bias, {} {case:?}", simd.name());

        // Rows of the factor as a table, with a bias that is contiguous.
        let bias = bias.to_vec();
        let levels: Vec<u32> = (0..m).map(|i| ((i * i + 1) % m) as u32).collect();
        let mut got = filled(F::nan());
        look_up(want.view_mut(), Some(&bias), factor, &levels);
        gemm_on(simd, want.view_mut(), F::one(), F::one(), a.view(), b.view(), scratch);
        driver::levels_on(simd, got.view_mut(), &bias, factor, &levels, a.view(), b.view(), scratch);
        assert_eq!(got, want, "levels, {} {case:?}", simd.name());

        gemm_on(simd, want.view_mut(), F::zero(), F::one(), a.view(), b.view(), scratch);
        want *= &factor;
        let mut memory = of_c.memory::<F>(m, n, seed + 3);
        let mut got = of_c.view(&mut memory, n);
        let mut sums = vec![F::of(7.0); n + 2];
        driver::times_on(simd, got.view_mut(), Some(&mut sums[1..=n]), factor, a.view(), b.view(), scratch);
        assert_eq!(got, want, "factor, {} {case:?}", simd.name());
        assert_eq!((sums[0], sums[n + 1]), (F::of(7.0), F::of(7.0)), "wrote beside the sums");
        assert_eq!(sums[1..=n], in_order(F::of(7.0), want.view()), "sums, {} {case:?}", simd.name());
    }
}

#[test]
#[should_panic(expected = "level 3 of 3")]
fn levels_must_be_those_of_the_table() {
    let ones = |shape| Array2::<f32>::ones(shape);
    let (mut c, a, b, table) = (ones((2, 4)), ones((2, 1)), ones((1, 4)), ones((3, 4)));
    gemm_levels(c.view_mut(), &[0.0; 4], table.view(), &[2, 3], a.view(), b.view(), &mut GemmScratch::new());
}

#[test]
fn fused_products_with_several_blocks_of_summands() {
    let layouts = (Layout::Rows, Layout::Columns, Layout::Rows);
    for shape in [(9, 600, 50), (1, 257, 1), (300, 513, 5), (9, 600, 48), (20, 129, 64), (61, 300, 16)] {
        let case = Case { shape, layouts, alpha: 1.0, beta: 0.0, seed: 1 };
        check_fused::<f32>(case, &mut GemmScratch::new());
        check_fused::<f64>(case, &mut GemmScratch::new());
    }
}

/// Shared out among threads, in parts of rows or of columns, with and without a start and a factor.
#[test]
fn threads_do_not_change_bits() {
    for (m, k, n) in [(300, 230, 130), (70, 300, 421), (257, 257, 257)] {
        let matrix = |rows, cols, seed| Layout::Rows.memory::<f32>(rows, cols, seed);
        let (a, bt, bias, factor) = (matrix(m, k, 1), matrix(n, k, 2), matrix(1, n, 3), matrix(m, n, 4));
        let products = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            let work = || {
                let (mut scratch, zeros) = (GemmScratch::new(), || Array2::zeros((m, n)));
                let [mut plain, mut biased, mut times, mut turned] =
                    [zeros(), zeros(), zeros(), Array2::zeros((n, m))];
                gemm(plain.view_mut(), 0.0, 1.0, a.view(), bt.t(), &mut scratch);
                gemm_bias(biased.view_mut(), bias.row(0), a.view(), bt.t(), &mut scratch);
                let (mut sums, factor) = (Array2::zeros((1, n)), factor.view());
                let to = sums.as_slice_mut();
                gemm_times(times.view_mut(), to, factor, a.view(), bt.t(), &mut scratch);
                assert_eq!(sums.row(0).to_vec(), in_order(0.0, times.view()));
                gemm(turned.view_mut(), 0.0, 1.0, bt.view(), a.t(), &mut scratch);
                assert_eq!(scratch.threads(), threads);
                [plain, biased, times, turned.reversed_axes().as_standard_layout().into_owned()]
            };
            pool.install(|| crate::awake(work))
        };
        let alone = products(1);
        let close = |x: &Array2<f32>, y: &Array2<f32>| (x - y).iter().all(|d| d.abs() < 1e-3);
        assert!(close(&alone[0], &alone[3]) && close(&alone[2], &(&alone[0] * &factor)));
        for threads in [2, 3, 5] {
            assert_eq!(products(threads), alone, "{m} × {k} × {n} on {threads} threads");
        }
    }
}
