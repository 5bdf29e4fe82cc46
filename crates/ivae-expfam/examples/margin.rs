//! How far from singular L is where λ(u) is drawn at random: quantiles over 1000 tables for several n, k and M.
//!
//! `cargo run -p ivae-expfam --example margin` prints the table of the book's chapter on theorem 1.

use std::error::Error;

use ivae_expfam::theory::lambda::RANK_TOLERANCE;
use ivae_expfam::{ExpFam, Gaussian, GaussianForm, Lambda, natural_table};
use ivae_num::{Purpose, StreamKey, stream};
use ndarray::Array2;

/// Tables of each kind.
const TABLES: usize = 1000;

fn main() -> Result<(), Box<dyn Error>> {
    let (var, full) = (Gaussian { form: GaussianForm::Var }, Gaussian { form: GaussianForm::MeanVar });
    println!(
        "| n | k | M | M − nk − 1 | least | 1 % | 10 % | median | median condition | below the tolerance |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (family, n) in [(&var, 2), (&var, 5), (&full, 5), (&full, 10), (&full, 20)] {
        let needed = n * ExpFam::<f64>::k(family) + 1;
        for count in [needed, needed + 1, needed + 4, needed + 20] {
            println!("{}", row(family, n, count)?);
        }
    }
    Ok(())
}

/// Of tables `[count, n * k]` whose η are normal, all independent.
fn row(family: &dyn ExpFam<f64>, n: usize, count: usize) -> Result<String, Box<dyn Error>> {
    let columns = n * family.k();
    let (mut smallest, mut conditions, mut below) = (vec![], vec![], 0);
    for table in 0..TABLES as u64 {
        let mut eta = vec![0.0; count * columns];
        stream::fill_normal(&mut eta, columns, StreamKey::new(0, Purpose::Generate).step(table));
        let table = natural_table(family, Array2::from_shape_vec((count, columns), eta)?.view())?;
        let found = Lambda::new(family, table.view())?.variability()?;
        let largest = found.singular_values.first().copied().unwrap_or(0.0);
        // How many times the tolerance of the rank: below 1, L would be called singular.
        let least = found.singular_values.last().copied().unwrap_or(0.0);
        smallest.push(least / (RANK_TOLERANCE * largest.max(1.0)));
        conditions.push(found.condition);
        below += usize::from(!found.full_rank());
    }
    smallest.sort_by(f64::total_cmp);
    conditions.sort_by(f64::total_cmp);
    let margin = |share: f64| smallest[(share * TABLES as f64) as usize];
    Ok(format!(
        "| {n} | {} | {count} | {} | {:.2} | {:.1} | {:.1} | {:.0} | {:.0} | {below} |",
        family.k(),
        count - columns - 1,
        margin(0.0),
        margin(0.01),
        margin(0.1),
        margin(0.5),
        conditions[TABLES / 2],
    ))
}
