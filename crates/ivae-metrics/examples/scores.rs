//! Score latents against the sources, with all that such a score has to be read against.
//!
//! ```text
//! cargo run --release --package ivae-metrics --example scores
//! ```

use ivae_metrics::{
    Correlation, KernelRidge, MetricError, Rows, agreement, chance, dci, kernel_r2, lasso_importance,
    linear_r2, mcc_interval, mcc_on, u_only, weak_mcc, within_u,
};
use ivae_num::{Purpose, StreamKey, stream::fill_normal};
use ndarray::Array2;

fn normals(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut flat = vec![0.0; rows * columns];
    fill_normal(&mut flat, columns, StreamKey::new(seed, Purpose::Generate));
    Array2::from_shape_fn((rows, columns), |(i, j)| flat[i * columns + j])
}

fn main() -> Result<(), MetricError> {
    // Three sources whose mean and spread depend on u; latents that know the first two up to a curve, and mix in a
    // little of the third.
    let (rows, levels) = (3000, 30);
    let u: Vec<u32> = (0..rows as u32).map(|i| i % levels).collect();
    let (means, noise) = (normals(levels as usize, 3, 1), normals(rows, 6, 2));
    let s = Array2::from_shape_fn((rows, 3), |(i, j)| means[[u[i] as usize, j]] + noise[[i, j]]);
    let z = Array2::from_shape_fn((rows, 3), |(i, j)| match j {
        0 => s[[i, 1]].sinh(),
        1 => s[[i, 0]] + 0.3 * s[[i, 2]],
        _ => 0.5 * s[[i, 2]] + noise[[i, 5]],
    });

    // Whatever is fitted is fitted on one part of the rows, and scored on the other.
    let (fit, score): (Vec<usize>, Vec<usize>) = (0..rows).partition(|i| i / 30 % 10 != 0);
    let rows = Rows::Split { fit: &fit, score: &score };
    for correlation in [Correlation::Pearson, Correlation::Spearman] {
        let found = mcc_on(s.view(), z.view(), rows, correlation)?;
        println!("MCC ({correlation}): {:.3} on {} rows", found.score, found.rows);
        for pair in &found.matched {
            println!("  source {} is latent {}: {:+.3}", pair.source, pair.latent, pair.correlation);
        }
    }
    let interval = mcc_interval(s.view(), z.view(), Rows::All, Correlation::Pearson, 0.95, 200, 0)?;
    println!("95 % of resamples: {:.3} to {:.3}", interval.low, interval.high);

    println!("\nwhat it has to be read against:");
    let pearson = Correlation::Pearson;
    println!("  chance            {:.3}", chance(s.view(), z.view(), rows, pearson, 20, 0)?);
    println!("  u alone           {:.3}", u_only(s.view(), &u, rows, pearson)?.score);
    println!("  within u          {:.3}", within_u(s.view(), z.view(), &u, rows, pearson)?.score);
    println!("  after affine map  {:.3}", weak_mcc(s.view(), z.view(), rows, pearson)?.score);
    println!("  R², linear        {:.3}", linear_r2(s.view(), z.view(), rows)?.mean);
    println!("  R², kernel ridge  {:.3}", kernel_r2(s.view(), z.view(), rows, &KernelRidge::default())?.mean);

    let importance = lasso_importance(s.view(), z.view(), 0.02)?;
    let found = dci(importance.view())?;
    println!("\nimportance of latents (rows) for sources, by the lasso:\n{importance:.2}");
    println!("disentanglement {:.3}, completeness {:.3}", found.disentanglement, found.completeness);

    // Without the truth: do two fits agree?
    let other = Array2::from_shape_fn(z.dim(), |(i, j)| z[[i, 2 - j]] + 0.3 * noise[[i, j]]);
    println!("\nagreement of two fits: {:.3}", agreement(&[z.view(), other.view()], pearson)?.mean);
    Ok(())
}
