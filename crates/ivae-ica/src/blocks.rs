//! Fits to rows that come in blocks: data larger than memory.

use ivae_num::{Purpose, Scalar, StreamKey};
use ndarray::{Array2, ArrayView2, Axis, Slice};
use rand::Rng;

use crate::affine::{BLOCK, Centred, Moments, Sums};
use crate::contrast::Contrast;
use crate::error::{check_columns, check_finite};
use crate::fitted::FittedIca;
use crate::pca::{Exact, FittedPca, Pca};
use crate::white::White;
use crate::{FastIca, IcaError};

/// What is done with one block of rows `[B, d]`, any B.
///
/// Data in blocks is a closure that makes one *pass*: it calls this with one block after the other, all rows in order,
/// hands on what it returns, and does the same each time it is called. What else can go wrong on the way (reading a
/// file) is its own error `E`, of which an [`IcaError`] is one: `E` may be [`IcaError`], or `Box<dyn Error>`.
pub type EachBlock<'a, F> = dyn FnMut(ArrayView2<'_, F>) -> Result<(), IcaError> + 'a;

impl Pca {
    /// [`fit`](Self::fit) to rows in blocks, in one pass, in memory that does not grow with the rows. The blocks may be of
    /// any sizes: the result is the same, bit for bit, as of all rows at once.
    ///
    /// # Errors
    /// As [`fit`](Self::fit); blocks of different numbers of columns; what `pass` returns.
    pub fn fit_blocks<F: Scalar, E: From<IcaError>>(
        components: Option<usize>,
        mut pass: impl FnMut(&mut EachBlock<'_, F>) -> Result<(), E>,
    ) -> Result<FittedPca<F>, E> {
        Ok(Exact::of::<F>(moments(&mut pass)?, components)?.fitted()?)
    }
}

impl<C: Contrast> FastIca<C> {
    /// [`fit`](Self::fit) to rows in blocks, in memory that does not grow with the rows: some blocks of 512 rows.
    ///
    /// One pass for mean and covariance, and one for each iteration and one more (in deflation, for each component).
    /// The blocks may be of any sizes: the result is the same, bit for bit, and but for rounding the same as of all rows
    /// at once. Where a pass is slow, [`fit_sampled`](Self::fit_sampled) first, and start here from its unmixing.
    ///
    /// ```
    /// use ivae_ica::{FastIca, IcaError};
    /// use ndarray::{Array2, array};
    /// // Stands for a file: row i can be had, all rows at once cannot.
    /// let phase = [0.618_033_988_75_f64, 0.414_213_562_37];
    /// let rows = |start: usize| {
    ///     Array2::from_shape_fn((1000, 2), |(i, j)| ((start + i) as f64 * phase[j]).fract())
    ///         .dot(&array![[1.0, 0.5], [-0.3, 2.0]])
    /// };
    /// let ica = FastIca::default().fit_blocks(|each| -> Result<(), IcaError> {
    ///     (0..20_000).step_by(1000).try_for_each(|start| each(rows(start).view()))
    /// })?;
    /// assert!(ica.converged);
    /// # Ok::<(), IcaError>(())
    /// ```
    ///
    /// # Errors
    /// As [`fit`](Self::fit); blocks of different numbers of columns, or another number of rows in a later pass; what
    /// `pass` returns.
    pub fn fit_blocks<F: Scalar, E: From<IcaError>>(
        &self,
        mut pass: impl FnMut(&mut EachBlock<'_, F>) -> Result<(), E>,
    ) -> Result<FittedIca<F>, E> {
        self.check()?;
        let moments = moments(&mut pass)?;
        let rows = moments.rows;
        let pca = self.whitening.of::<F>(moments, self.components)?;
        self.on(&pca, Passes { pca: &pca, map: pca.whitening().mapv(F::of), rows, pass })
    }

    /// [`fit`](Self::fit) to rows in blocks in two passes: mean and covariance of all rows, then the rotation from
    /// `sample` of them, drawn without replacement (all, if there are no more), which are held in memory, `[n, sample]`.
    ///
    /// The rotation is as uncertain as one of `sample` rows: its error falls with 1 / √`sample`. The blocks may be of any
    /// sizes.
    ///
    /// # Errors
    /// As [`fit_blocks`](Self::fit_blocks); a sample of fewer than 2 rows.
    pub fn fit_sampled<F: Scalar, E: From<IcaError>>(
        &self,
        sample: usize,
        mut pass: impl FnMut(&mut EachBlock<'_, F>) -> Result<(), E>,
    ) -> Result<FittedIca<F>, E> {
        self.check()?;
        if sample < 2 {
            let range = "at least 2 rows";
            return Err(IcaError::Setting { name: "sample", range, value: sample as f64 }.into());
        }
        let moments = moments(&mut pass)?;
        let rows = moments.rows;
        let pca = self.whitening.of::<F>(moments, self.components)?;
        let map = pca.whitening().mapv(F::of);
        let sample = sample.min(rows);
        let mut white = Array2::<F>::zeros((map.nrows(), sample));
        // Selection sampling (Fan, Muller & Rezucha 1962): each row with probability wanted / left.
        let mut rng = StreamKey::new(self.seed, Purpose::Split).rng();
        let (mut seen, mut taken) = (0, 0);
        let mut centred = Centred::new(&pca.mean, map.view(), BLOCK);
        in_blocks(&mut pass, &mut |x| {
            check_columns(pca.mean.len(), x.ncols())?;
            let mut kept = Vec::with_capacity(x.nrows());
            for row in 0..x.nrows() {
                if seen < rows && rng.random_range(0..rows - seen) < sample - taken - kept.len() {
                    kept.push(row);
                }
                seen += 1;
            }
            let out = white.slice_axis_mut(Axis(1), Slice::from(taken..taken + kept.len()));
            centred.apply(out.reversed_axes(), x.select(Axis(0), &kept).view());
            taken += kept.len();
            Ok(())
        })?;
        check_rows(rows, seen)?;
        self.on(&pca, white).map_err(E::from)
    }
}

/// Mean and covariance of finite rows, in one pass.
fn moments<F: Scalar, E: From<IcaError>>(
    pass: &mut impl FnMut(&mut EachBlock<'_, F>) -> Result<(), E>,
) -> Result<Moments, E> {
    let mut sums: Option<Sums> = None;
    in_blocks(pass, &mut |x| {
        let sums = sums.get_or_insert_with(|| Sums::new(x.ncols()));
        check_finite(x).map_err(|error| match error {
            IcaError::NotFinite { row, column, value } => {
                IcaError::NotFinite { row: sums.rows() + row, column, value }
            }
            other => other,
        })?;
        sums.add(x);
        Ok(())
    })?;
    let found = sums.as_ref().map_or(0, Sums::rows);
    match sums {
        Some(sums) if found >= 2 => Ok(sums.moments()),
        _ => Err(IcaError::TooFewRows { found }.into()),
    }
}

/// One pass, its blocks cut and joined to [`BLOCK`] rows (the last one to what is left): what is done with them does
/// not depend on the sizes that they come in.
fn in_blocks<F: Scalar, E: From<IcaError>>(
    pass: &mut impl FnMut(&mut EachBlock<'_, F>) -> Result<(), E>,
    each: &mut EachBlock<'_, F>,
) -> Result<(), E> {
    let mut held = Array2::<F>::zeros((0, 0));
    let mut filled = 0;
    pass(&mut |x| {
        if held.is_empty() {
            held = Array2::zeros((BLOCK, x.ncols()));
        }
        check_columns(held.ncols(), x.ncols())?;
        let mut rest = x;
        while rest.nrows() > 0 {
            let (now, later) = rest.split_at(Axis(0), rest.nrows().min(BLOCK - filled));
            if now.nrows() == BLOCK {
                each(now)?;
            } else {
                held.slice_axis_mut(Axis(0), Slice::from(filled..filled + now.nrows())).assign(&now);
                filled += now.nrows();
                if filled == BLOCK {
                    each(held.view())?;
                    filled = 0;
                }
            }
            rest = later;
        }
        Ok(())
    })?;
    if filled > 0 {
        each(held.slice_axis(Axis(0), Slice::from(..filled)))?;
    }
    Ok(())
}

fn check_rows(expected: usize, found: usize) -> Result<(), IcaError> {
    if expected == found { Ok(()) } else { Err(IcaError::Pass { expected, found }) }
}

/// White data that is made anew from x in each pass.
struct Passes<'a, F, P> {
    pca: &'a Exact,
    /// The whitening, `[n, d]`.
    map: Array2<F>,
    rows: usize,
    pass: P,
}

impl<F: Scalar, E: From<IcaError>, P> White<F> for Passes<'_, F, P>
where
    P: FnMut(&mut EachBlock<'_, F>) -> Result<(), E>,
{
    type Error = E;

    fn dim(&self) -> (usize, usize) {
        (self.map.nrows(), self.rows)
    }

    fn each(&mut self, each: &mut dyn FnMut(ArrayView2<'_, F>)) -> Result<(), E> {
        let mut white = Array2::<F>::zeros((self.map.nrows(), BLOCK));
        let mut centred = Centred::new(&self.pca.mean, self.map.view(), BLOCK);
        let mut seen = 0;
        in_blocks(&mut self.pass, &mut |x| {
            check_columns(self.pca.mean.len(), x.ncols())?;
            let mut block = white.slice_axis_mut(Axis(1), Slice::from(..x.nrows()));
            centred.apply(block.view_mut().reversed_axes(), x);
            each(block.view());
            seen += x.nrows();
            Ok(())
        })?;
        Ok(check_rows(self.rows, seen)?)
    }
}
