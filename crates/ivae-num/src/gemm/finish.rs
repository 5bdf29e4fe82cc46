//! What becomes of the sums of a product: from registers, or from memory, to c.

use std::marker::PhantomData;

use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use super::vector::{Vector, prefetch};
use crate::real::Real;

/// `(alpha · s + beta · start) ∘ factor` for sums s = a b.
pub(crate) struct Epilogue<'a, F> {
    pub(super) alpha: F,
    pub(super) beta: F,
    /// `[m, n]` with contiguous rows; c itself if `None`.
    pub(super) start: Option<ArrayView2<'a, F>>,
    /// `[m, n]` with contiguous rows; 1 if `None`.
    pub(super) factor: Option<ArrayView2<'a, F>>,
    /// `[n]`: to which the rows of the result are added, from the first on. Only with a factor, alpha 1 and beta 0, one block
    /// of summands, and on one thread.
    pub(super) sums: Option<&'a mut [F]>,
    /// Whether c holds sums of summands before these, which go on from them. Only with beta 0, or a start that is not c.
    pub(super) goes_on: bool,
}

impl<'a, F: Real> Epilogue<'a, F> {
    pub(super) fn plain(alpha: F, beta: F) -> Self {
        Self { alpha, beta, start: None, factor: None, sums: None, goes_on: false }
    }

    /// Whether sums are multiplied by a number, or both added to something and multiplied by a factor.
    pub(super) fn scales(&self) -> bool {
        let adds = self.beta == F::one() && self.factor.is_none();
        self.alpha != F::one() || self.beta != F::zero() && !adds
    }

    /// For the first entries of an axis, and for the rest, without sums.
    pub(super) fn split_at(self, axis: Axis, cut: usize) -> (Self, Self) {
        let [start, factor] = [self.start, self.factor].map(|x| x.map(|x| x.split_at(axis, cut)));
        let plain = || Self::plain(self.alpha, self.beta);
        let first = Self { start: start.map(|x| x.0), factor: factor.map(|x| x.0), ..plain() };
        (first, Self { start: start.map(|x| x.1), factor: factor.map(|x| x.1), ..plain() })
    }

    /// For a block of summands: a later one goes onto what c has got from those before it, and the last one is
    /// multiplied by the factor.
    pub(super) fn of_summands(&mut self, first: bool, last: bool) -> Epilogue<'_, F> {
        let (beta, start) = if first { (self.beta, self.start) } else { (F::one(), None) };
        let factor = self.factor.filter(|_| last);
        Epilogue { alpha: self.alpha, beta, start, factor, sums: self.sums.as_deref_mut(), goes_on: false }
    }

    /// For a block of c, without sums.
    pub(super) fn part(&self, rows: (usize, usize), cols: (usize, usize)) -> Self {
        let [start, factor] = [self.start, self.factor].map(|x| x.map(|x| part(x, rows, cols)));
        Self { start, factor, ..Self::plain(self.alpha, self.beta) }
    }

    /// For a block of columns of c.
    pub(super) fn columns(self, cols: (usize, usize)) -> Self {
        let rows = self.start.or(self.factor).map_or(0, |x| x.nrows());
        let part = self.part((0, rows), cols);
        Self { sums: self.sums.map(|sums| &mut sums[cols.0..][..cols.1]), ..part }
    }
}

/// Entries `(start, length)` of rows and of columns; much cheaper than a general slice.
pub(super) fn part<F>(x: ArrayView2<'_, F>, rows: (usize, usize), cols: (usize, usize)) -> ArrayView2<'_, F> {
    let x = x.split_at(Axis(0), rows.0).1.split_at(Axis(0), rows.1).0;
    x.split_at(Axis(1), cols.0).1.split_at(Axis(1), cols.1).0
}

/// [`part`], mutably.
pub(super) fn part_mut<F>(
    x: ArrayViewMut2<'_, F>,
    rows: (usize, usize),
    cols: (usize, usize),
) -> ArrayViewMut2<'_, F> {
    let x = x.split_at(Axis(0), rows.0).1.split_at(Axis(0), rows.1).0;
    x.split_at(Axis(1), cols.0).1.split_at(Axis(1), cols.1).0
}

/// c and an [`Epilogue`] after their checks: where `rows` rows of `cols` numbers go.
pub(super) struct Output<'c, 'e, F> {
    pub(super) rows: usize,
    pub(super) cols: usize,
    c: *mut F,
    c_row: isize,
    start: *const F,
    start_row: isize,
    /// Null for none.
    factor: *const F,
    factor_row: isize,
    /// Null for none.
    sums: *mut F,
    alpha: F,
    beta: F,
    /// Whether c holds what sums start from.
    pub(super) goes_on: bool,
    /// Which row of the start each row of c has, and what else is added to all of them; null unless that is looked up.
    levels: *const u32,
    bias: *const F,
    views: PhantomData<(&'c mut F, &'e F)>,
}

impl<'c, 'e, F: Real> Output<'c, 'e, F> {
    /// # Panics
    /// If shapes differ, or a row is not contiguous.
    pub(super) fn new(mut c: ArrayViewMut2<'c, F>, epilogue: Epilogue<'e, F>) -> Self {
        let (rows, cols) = c.dim();
        let contiguous = |stride: isize| cols == 1 || stride == 1;
        assert!(contiguous(c.strides()[1]));
        for extra in epilogue.start.iter().chain(&epilogue.factor) {
            assert!(extra.dim() == (rows, cols) && contiguous(extra.strides()[1]));
        }
        let (c, c_row) = (c.as_mut_ptr(), c.strides()[0]);
        let place = |x: &ArrayView2<'_, F>| (x.as_ptr(), x.strides()[0]);
        let (start, start_row) = epilogue.start.as_ref().map_or((c.cast_const(), c_row), place);
        let (factor, factor_row) = epilogue.factor.as_ref().map_or((std::ptr::null(), 0), place);
        let Epilogue { alpha, beta, goes_on, .. } = epilogue;
        assert!(!goes_on || beta == F::zero() || epilogue.start.is_some());
        let sums = epilogue.sums.map_or(std::ptr::null_mut(), |sums| {
            assert!(sums.len() == cols);
            // The one instance that adds them up.
            assert!(!factor.is_null() && alpha == F::one() && beta == F::zero());
            sums.as_mut_ptr()
        });
        Self {
            rows,
            cols,
            c,
            c_row,
            start,
            start_row,
            factor,
            factor_row,
            sums,
            alpha,
            beta,
            goes_on,
            levels: std::ptr::null(),
            bias: std::ptr::null(),
            views: PhantomData,
        }
    }

    /// To which `bias + table[levels[row]]` is added, by the kernel for few summands.
    ///
    /// # Panics
    /// If shapes differ, a row is not contiguous, or a level is none of the table's.
    pub(super) fn of_levels(
        c: ArrayViewMut2<'c, F>,
        bias: &'e [F],
        table: ArrayView2<'e, F>,
        levels: &'e [u32],
    ) -> Self {
        let to = Self::new(c, Epilogue::plain(F::one(), F::one()));
        assert!(levels.len() == to.rows, "{} levels for {} rows", levels.len(), to.rows);
        assert!(
            bias.len() == to.cols && table.ncols() == to.cols && (to.cols == 1 || table.strides()[1] == 1)
        );
        let highest = levels.iter().fold(0, |highest, &level| highest.max(level));
        assert!((highest as usize) < table.nrows(), "level {highest} of {}", table.nrows());
        let (start, start_row) = (table.as_ptr(), table.strides()[0]);
        Self { start, start_row, levels: levels.as_ptr(), bias: bias.as_ptr(), ..to }
    }

    /// A block of it, `(start, length)` in rows and in columns.
    ///
    /// # Panics
    /// If it has no such rows or columns.
    #[inline(always)]
    pub(super) fn block(&self, rows: (usize, usize), cols: (usize, usize)) -> Self {
        assert!(rows.0 + rows.1 <= self.rows && cols.0 + cols.1 <= self.cols);
        let offset = |row: isize| rows.0 as isize * row + cols.0 as isize;
        Self {
            rows: rows.1,
            cols: cols.1,
            c: self.c.wrapping_offset(offset(self.c_row)),
            start: self.start.wrapping_offset(offset(self.start_row)),
            factor: if self.factor.is_null() {
                self.factor
            } else {
                self.factor.wrapping_offset(offset(self.factor_row))
            },
            sums: if self.sums.is_null() { self.sums } else { self.sums.wrapping_add(cols.0) },
            ..*self
        }
    }

    /// Where row `row` of c begins.
    #[inline(always)]
    pub(super) fn c(&self, row: usize) -> *mut F {
        self.c.wrapping_offset(row as isize * self.c_row)
    }

    /// Where row `row` of the start begins: of c itself, if it is that.
    #[inline(always)]
    pub(super) fn start(&self, row: usize) -> *const F {
        self.start.wrapping_offset(row as isize * self.start_row)
    }

    #[inline(always)]
    pub(super) fn looks_up(&self) -> bool {
        !self.levels.is_null()
    }

    /// Where the row of the table begins that row `row` of c has.
    ///
    /// # Safety
    /// It looks up, and `row < rows`.
    #[inline(always)]
    pub(super) unsafe fn looked_up(&self, row: usize) -> *const F {
        // SAFETY: there is a level for each row.
        self.start(unsafe { *self.levels.add(row) } as usize)
    }

    /// Null unless it looks up.
    #[inline(always)]
    pub(super) fn bias(&self) -> *const F {
        self.bias
    }

    /// Where row `row` of the factor begins.
    #[inline(always)]
    pub(super) fn factor(&self, row: usize) -> *const F {
        self.factor.wrapping_offset(row as isize * self.factor_row)
    }

    #[inline(always)]
    pub(super) fn has_factor(&self) -> bool {
        !self.factor.is_null()
    }

    /// Null for none.
    #[inline(always)]
    pub(super) fn sums(&self) -> *mut F {
        self.sums
    }

    /// Whether nothing is added to the sums.
    #[inline(always)]
    pub(super) fn overwrites(&self) -> bool {
        self.beta == F::zero()
    }

    /// Bring the factors of rows `row..row + R` near, `N` vectors of each.
    #[inline(always)]
    pub(super) fn fetch_factor<V: Vector<F>, const R: usize, const N: usize>(&self, row: usize) {
        if self.has_factor() {
            for i in 0..R {
                (0..N).for_each(|j| prefetch(self.factor(row + i).wrapping_add(j * V::LANES)));
            }
        }
    }

    /// From `sum` to rows `row..row + R` of c, `N` vectors wide, the last of them partial if `PARTIAL`.
    ///
    /// # Safety
    /// `row + R ≤ rows`; the columns take `N` vectors; the processor has the instructions of `V`.
    #[inline(always)]
    pub(super) unsafe fn finish<V: Vector<F>, const R: usize, const N: usize, const PARTIAL: bool>(
        &self,
        row: usize,
        sum: &[[V; N]; R],
    ) {
        // Instances for what there is most of, without a multiplication by 1; each keeps the sums in their registers.
        let plain = self.alpha == F::one();
        let (overwrites, adds) = (self.overwrites(), self.beta == F::one());
        // SAFETY: as the caller promises; `FACTOR` if there is one; vectors lie in memory like arrays, so rows of sums like rows of
        // `N` times as many numbers as a vector has.
        unsafe {
            match self.has_factor() {
                false if plain && overwrites => self.store::<V, R, N, PARTIAL, false, false>(row, sum),
                false if plain && adds => self.store::<V, R, N, PARTIAL, true, false>(row, sum),
                true if plain && overwrites => self.store::<V, R, N, PARTIAL, false, true>(row, sum),
                _ => {
                    // A copy: what has an address does not stay in registers.
                    let sum = *sum;
                    self.scale(row, R, sum.as_ptr().cast(), N * V::LANES);
                }
            }
        }
    }

    /// From sums, the next row `to_row` numbers on, to as many rows of c: scaled, with what start and factor there are. One
    /// instance for all vectors, since this is rare.
    ///
    /// # Safety
    /// `row + rows ≤ self.rows`, and there are as many rows of at least `self.cols` sums.
    unsafe fn scale(&self, row: usize, rows: usize, sums: *const F, to_row: usize) {
        // SAFETY: as the caller promises; start and factor have the shape of c.
        unsafe {
            for i in 0..rows {
                for j in 0..self.cols {
                    let mut value = *sums.add(i * to_row + j) * self.alpha;
                    if self.beta != F::zero() {
                        value += *self.start(row + i).add(j) * self.beta;
                    }
                    if self.has_factor() {
                        value *= *self.factor(row + i).add(j);
                    }
                    *self.c(row + i).add(j) = value;
                }
            }
        }
    }

    /// With a start, a factor, or neither.
    ///
    /// # Safety
    /// As for [`Output::finish`]; `FACTOR` only if there is one.
    #[inline(always)]
    unsafe fn store<
        V: Vector<F>,
        const R: usize,
        const N: usize,
        const PARTIAL: bool,
        const START: bool,
        const FACTOR: bool,
    >(
        &self,
        row: usize,
        sum: &[[V; N]; R],
    ) {
        // SAFETY: rows row..row + R are below `rows`, and columns below `cols`, the last vector being masked unless it
        // is whole.
        unsafe {
            let mask = V::mask(self.cols - (N - 1) * V::LANES);
            let masked = |j: usize| PARTIAL && j == N - 1;
            let load = |at: *const F, j: usize| {
                let at = at.add(j * V::LANES);
                if masked(j) { V::load_masked(at, mask) } else { V::load(at) }
            };
            let mut value = *sum;
            // One loop for each, so that none has a branch in it and all are unrolled.
            if START {
                for i in 0..R {
                    for j in 0..N {
                        value[i][j] = value[i][j].add(load(self.start(row + i), j));
                    }
                }
            }
            if FACTOR {
                for i in 0..R {
                    for j in 0..N {
                        let factor = load(self.factor(row + i), j);
                        value[i][j] = value[i][j].mul(factor);
                    }
                }
            }
            if FACTOR && !self.sums.is_null() {
                for j in 0..N {
                    let mut sum = load(self.sums, j);
                    for row in &value {
                        sum = sum.add(row[j]);
                    }
                    let to = self.sums.add(j * V::LANES);
                    if masked(j) { sum.store_masked(to, mask) } else { sum.store(to) }
                }
            }
            for i in 0..R {
                for j in 0..N {
                    let to = self.c(row + i).add(j * V::LANES);
                    if masked(j) { value[i][j].store_masked(to, mask) } else { value[i][j].store(to) }
                }
            }
        }
    }
}
