//! The range of an axis, its ticks, and where a value lies on it.

/// Values beyond this are drawn at it, so that no difference overflows.
const LIMIT: f64 = 1e300;

/// A linear or logarithmic axis; `low < high`, both finite (in log10 units if `log`); `whole` numbers only as ticks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    log: bool,
    whole: bool,
}

/// A tick: its place as a fraction of the axis, and its label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tick {
    pub(crate) at: f64,
    pub(crate) label: String,
}

impl Axis {
    /// A linear axis from `low` to `high`; where they are (nearly) the same, room is made on both sides.
    pub(crate) fn new(low: f64, high: f64) -> Self {
        let (low, high) = (low.min(high).clamp(-LIMIT, LIMIT), high.max(low).clamp(-LIMIT, LIMIT));
        let size = low.abs().max(high.abs());
        if high - low <= 1e-9 * size || high - low < 1e-290 {
            let room = if size < 1e-280 { 1.0 } else { 0.1 * size };
            return Self { low: low - room, high: high + room, log: false, whole: false };
        }
        Self { low, high, log: false, whole: false }
    }

    /// An axis over the usable values (finite; positive if `log`), with `margin` of its length added at both
    /// ends; the unit range if there are none.
    pub(crate) fn over(values: impl Iterator<Item = f64>, log: bool, margin: f64) -> Self {
        let usable = values.filter(|v| usable(*v, log)).map(|v| if log { v.log10() } else { v });
        let (low, high) = usable.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return Self { low: 0.0, high: 1.0, log, whole: false };
        }
        let tight = Self::new(low, high);
        let room = margin * (tight.high - tight.low);
        Self { low: tight.low - room, high: tight.high + room, log, whole: false }
    }

    /// The same axis with ticks at whole numbers only.
    pub(crate) fn whole(self) -> Self {
        Self { whole: true, ..self }
    }

    /// Where `value` lies, 0 at the low end and 1 at the high end; far outside it is cut off.
    pub(crate) fn fraction(&self, value: f64) -> f64 {
        let value = if self.log { value.max(f64::MIN_POSITIVE).log10() } else { value };
        ((value.clamp(-LIMIT, LIMIT) - self.low) / (self.high - self.low)).clamp(-100.0, 101.0)
    }

    /// About `count` ticks at round values.
    pub(crate) fn ticks(&self, count: usize) -> Vec<Tick> {
        let length = self.high - self.low;
        let place = |v: f64| (v - self.low) / length;
        if self.log {
            if length < 0.8 {
                let plain =
                    Self { low: 10f64.powf(self.low), high: 10f64.powf(self.high), log: false, whole: false };
                let ticks = plain.rounds(count).into_iter();
                return ticks.map(|(v, label)| Tick { at: place(v.log10()), label }).collect();
            }
            let every = (length / count as f64).ceil().max(1.0);
            let parts: &[f64] = if length < 2.6 { &[1.0, 2.0, 5.0] } else { &[1.0] };
            let plain = self.low >= -4.0 && self.high <= 5.0;
            let first = (self.low / every).floor() as i64;
            return (first..=(self.high / every).ceil() as i64)
                .flat_map(|k| parts.iter().map(move |part| (*part, k as f64 * every)))
                .filter(|(part, e)| (self.low - 1e-9..=self.high + 1e-9).contains(&(e + part.log10())))
                .map(|(part, e)| {
                    let label = if plain {
                        decimals(part * 10f64.powf(e), (-e).max(0.0) as usize)
                    } else {
                        power(part, e, 0)
                    };
                    Tick { at: place(e + part.log10()), label }
                })
                .collect();
        }
        self.rounds(count).into_iter().map(|(v, label)| Tick { at: place(v), label }).collect()
    }

    /// Round values (1, 2 or 5 times a power of ten apart) inside the range, with labels.
    fn rounds(&self, count: usize) -> Vec<(f64, String)> {
        let raw = (self.high - self.low) / count.max(1) as f64;
        let raw = if self.whole { raw.max(1.0) } else { raw };
        let exponent = raw.log10().floor();
        let unit = 10f64.powf(exponent);
        let (times, exponent) = match raw / unit {
            r if r <= 1.4 => (1.0, exponent),
            r if r <= 3.2 => (2.0, exponent),
            r if r <= 7.1 => (5.0, exponent),
            _ => (10.0, exponent + 1.0),
        };
        let step = times * unit;
        let slack = 1e-6;
        let (first, last) = ((self.low / step - slack).ceil(), (self.high / step + slack).floor());
        let (first, last) = (first as i64, last as i64);
        let largest = self.low.abs().max(self.high.abs());
        (first..=last.min(first.saturating_add(4 * count as i64)))
            .map(|k| {
                // Dividing by the whole inverse of a small step keeps 3 × 0.1 at 0.3.
                let value =
                    if step < 1.0 { k as f64 / (1.0 / step).round().max(1.0) } else { k as f64 * step };
                let value = if step < 1e-15 { k as f64 * step } else { value };
                (value, label(value, largest, exponent as i32))
            })
            .collect()
    }
}

/// Whether a value has a place on an axis.
pub(crate) fn usable(value: f64, log: bool) -> bool {
    value.is_finite() && (!log || value > 0.0)
}

/// The label of a round value whose axis reaches to `largest` and steps by some 10^`exponent`.
fn label(value: f64, largest: f64, exponent: i32) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if (1e-3..1e6).contains(&largest) && exponent >= -6 {
        return decimals(value, (-exponent).max(0) as usize);
    }
    let own = value.abs().log10().floor();
    power(value / 10f64.powf(own), own, (own as i32 - exponent).clamp(0, 12) as usize)
}

/// `factor × 10^exponent`, as in 1.5×10⁶.
fn power(factor: f64, exponent: f64, digits: usize) -> String {
    let raised: String = format!("{exponent:.0}")
        .chars()
        .map(|c| match c {
            '-' => '⁻',
            digit => digit.to_digit(10).and_then(|d| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(d as usize)).unwrap_or(digit),
        })
        .collect();
    if factor == 1.0 { format!("10{raised}") } else { format!("{}×10{raised}", decimals(factor, digits)) }
}

/// A number as people write it: a true minus sign, thin spaces from 10 000 on, `–` if it is not finite.
pub(crate) fn decimals(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value.abs() >= 1e9 {
        let exponent = value.abs().log10().floor();
        return power(value / 10f64.powf(exponent), exponent, 2);
    }
    let text = format!("{:.digits$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let negative = value < 0.0 && text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    let mut out = String::from(if negative { "−" } else { "" });
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && whole.len() > 4 && (whole.len() - i) % 3 == 0 {
            out.push('\u{202f}');
        }
        out.push(c);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, count: usize) -> Vec<String> {
        axis.ticks(count).into_iter().map(|t| t.label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(&Axis::new(0.0, 1.0), 5), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::new(-3.2, 3.4), 4), ["−2", "0", "2"]);
        assert_eq!(
            labels(&Axis::new(-125_000.0, -100_000.0), 3),
            ["−120\u{202f}000", "−110\u{202f}000", "−100\u{202f}000"]
        );
        assert_eq!(labels(&Axis::new(0.0, 3e6), 3), ["0", "10⁶", "2×10⁶", "3×10⁶"]);
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten() {
        let over = |values: &[f64]| Axis::over(values.iter().copied(), true, 0.0);
        assert_eq!(labels(&over(&[0.01, 100.0]), 5), ["0.01", "0.1", "1", "10", "100"]);
        assert_eq!(labels(&over(&[1e-12, 1.0]), 4), ["10⁻¹²", "10⁻⁹", "10⁻⁶", "10⁻³", "10⁰"]);
        assert_eq!(labels(&over(&[1.0, 20.0]), 5), ["1", "2", "5", "10", "20"]);
        assert_eq!(labels(&over(&[2.0, 4.0]), 4), ["2.0", "2.5", "3.0", "3.5", "4.0"]);
    }

    #[test]
    fn any_range_has_finite_ticks_inside_it() {
        let ends = [0.0, 1.0, -1.0, 1e-320, 1e-12, 1.0 + 1e-12, 12_345.678, -1e9, 1e300, f64::MAX, f64::MIN];
        for a in ends {
            for b in ends {
                for log in [false, true] {
                    let axis = Axis::over([a, b].into_iter(), log, 0.05);
                    for tick in axis.ticks(5) {
                        assert!((-1e-3..=1.001).contains(&tick.at), "{a} {b} {log}: {tick:?}");
                        assert!(tick.label.chars().count() < 22, "{a} {b} {log}: {tick:?}");
                    }
                    assert!(axis.ticks(5).len() <= 21, "{a} {b} {log}");
                    assert!(
                        [a, b, 0.0, f64::NAN].iter().all(|v| v.is_nan() || axis.fraction(*v).is_finite())
                    );
                }
            }
        }
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!(decimals(-0.001, 2), "0.00");
        assert_eq!(decimals(-1234.5, 1), "−1234.5");
        assert_eq!(decimals(1_234_567.0, 0), "1\u{202f}234\u{202f}567");
        assert_eq!(decimals(f64::NAN, 2), "–");
        assert_eq!(decimals(2.5e300, 2), "2.50×10³⁰⁰");
    }
}
