//! "Did you mean": the nearest of a few known names.

/// The message for a name that is not known, with the nearest known one where there is a near one.
pub(crate) fn unknown<'a>(what: &str, given: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(given, known) {
        Some(name) => format!("no {what} `{given}`; did you mean `{name}`?"),
        None => format!("no {what} `{given}`"),
    }
}

fn nearest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| {
            let abbreviated = given.len() >= 2 && name.starts_with(given);
            (if abbreviated { 0 } else { distance(given, name) }, name)
        })
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min()
        .map(|(_, name)| name)
}

/// Damerau's distance, restricted: insertions, deletions, substitutions and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                table[i][j] = i + j;
                continue;
            }
            let differ = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (table[i - 1][j] + 1).min(table[i][j - 1] + 1).min(table[i - 1][j - 1] + differ);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(table[i - 2][j - 2] + 1);
            }
            table[i][j] = best;
        }
    }
    table[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["experiments", "test", "bench", "ci"];

    #[test]
    fn typos_and_beginnings_find_their_name() {
        for (given, name) in
            [("tset", "test"), ("exp", "experiments"), ("experimnets", "experiments"), ("benhc", "bench")]
        {
            assert_eq!(nearest(given, NAMES.into_iter()), Some(name), "{given}");
        }
        assert_eq!(nearest("release", NAMES.into_iter()), None);
        assert_eq!(unknown("task", "tests", NAMES.into_iter()), "no task `tests`; did you mean `test`?");
    }

    #[test]
    fn distances() {
        for (a, b, expected) in [("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "xbz", 2)] {
            assert_eq!(distance(a, b), expected);
        }
    }
}
