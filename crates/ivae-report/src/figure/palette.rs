//! Colours that colour-blind readers can tell apart, each with a twin for dark backgrounds.

use std::fmt::Display;

/// One colour in both themes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Colour {
    light: u32,
    dark: u32,
}

impl Colour {
    /// Attributes for a stroke of this colour.
    pub(crate) fn stroke(self) -> impl Display {
        format!("class=\"s\" stroke=\"#{:06x}\" style=\"--d:#{:06x}\"", self.light, self.dark)
    }

    /// Attributes for a fill of this colour.
    pub(crate) fn fill(self) -> impl Display {
        format!("class=\"f\" fill=\"#{:06x}\" style=\"--d:#{:06x}\"", self.light, self.dark)
    }
}

const fn colour(light: u32, dark: u32) -> Colour {
    Colour { light, dark }
}

/// The colour of the method or quantity that a figure is about.
pub(crate) const ACCENT: Colour = OKABE_ITO[0];
/// Things to compare with.
pub(crate) const OTHERS: Colour = colour(0xa9b4c4, 0x566275);
/// Ink as data colour.
pub(crate) const INK: Colour = colour(0x1b2130, 0xe7ebf2);
const PAPER: Colour = colour(0xffffff, 0x0c1017);

/// Okabe & Ito (2008), its yellow darkened for white paper; black is left to the axes.
const OKABE_ITO: [Colour; 7] = [
    colour(0x0072b2, 0x4bb0ee),
    colour(0xe69f00, 0xffb83d),
    colour(0x009e73, 0x2fcb9e),
    colour(0xcc79a7, 0xec9cca),
    colour(0xd55e00, 0xff8142),
    colour(0x56b4e9, 0xa5dcff),
    colour(0xa89a00, 0xf0e442),
];

/// Tol (2021), the scheme "muted", with its grey.
const TOL_MUTED: [Colour; 10] = [
    colour(0xcc6677, 0xe88595),
    colour(0x332288, 0x8d7dff),
    colour(0xcfae3f, 0xecd27a),
    colour(0x117733, 0x3fb568),
    colour(0x66bbee, 0x99ddff),
    colour(0x882255, 0xcf5a98),
    colour(0x44aa99, 0x5fd0bd),
    colour(0x999933, 0xc4c455),
    colour(0xaa4499, 0xd873c8),
    colour(0x999999, 0xb8b8b8),
];

/// viridis (van der Walt & Smith 2015), ten stops.
const VIRIDIS: [u32; 10] =
    [0x440154, 0x482878, 0x3e4a89, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6dcd59, 0xb4de2c, 0xfde725];

/// One hue from paper to ink, for amounts.
const AMOUNT_LIGHT: [u32; 6] = [0xf3f6fa, 0xd3e4f3, 0x9ccae3, 0x559fcd, 0x1f71b3, 0x08407f];
const AMOUNT_DARK: [u32; 6] = [0x18202b, 0x1b3854, 0x1d5685, 0x2c7fbc, 0x5faee4, 0xb9e0fb];

/// Most classes that get colours of their own; more of them follow one ordered scale.
pub(crate) const MOST_NAMED: usize = TOL_MUTED.len();

/// The colour of class `index` of `count`: distinct hues for a few, an ordered scale for many.
pub(crate) fn class(index: usize, count: usize) -> Colour {
    if count <= OKABE_ITO.len() {
        OKABE_ITO[index % OKABE_ITO.len()]
    } else if count <= MOST_NAMED {
        TOL_MUTED[index % MOST_NAMED]
    } else {
        let t = index as f64 / (count - 1) as f64;
        // Each theme leaves out the end that would vanish in its background.
        colour(blend(&VIRIDIS, 0.8 * t), blend(&VIRIDIS, 0.15 + 0.85 * t))
    }
}

/// The colour of an amount in `[0, 1]`, and that of text upon it.
pub(crate) fn amount(t: f64) -> (Colour, Colour) {
    let cell = colour(blend(&AMOUNT_LIGHT, t), blend(&AMOUNT_DARK, t));
    let on_light = ink_on(cell.light, PAPER.light, INK.light);
    let on_dark = ink_on(cell.dark, INK.dark, PAPER.dark);
    (cell, colour(on_light, on_dark))
}

/// Linear interpolation in evenly spaced stops; `t` outside `[0, 1]` takes the nearer end, NaN the lower.
fn blend(stops: &[u32], t: f64) -> u32 {
    let at = t.clamp(0.0, 1.0).max(0.0) * (stops.len() - 1) as f64;
    let below = (at as usize).min(stops.len() - 2);
    let part = at - below as f64;
    (0..3).fold(0, |mixed, channel| {
        let of = |rgb: u32| ((rgb >> (16 - 8 * channel)) & 0xff) as f64;
        let value = (1.0 - part) * of(stops[below]) + part * of(stops[below + 1]);
        (mixed << 8) | value.round() as u32
    })
}

/// Relative luminance (WCAG 2.1).
fn luminance(rgb: u32) -> f64 {
    let channel = |shift: u32| {
        let c = ((rgb >> shift) & 0xff) as f64 / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
}

/// Contrast ratio of two colours (WCAG 2.1), from 1 to 21.
fn contrast(a: u32, b: u32) -> f64 {
    let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
    a.max(b) / a.min(b)
}

/// The bright ink where it is readable on `ground`, for on strong colours it looks clearer than the ratio says; the
/// dark ink elsewhere.
fn ink_on(ground: u32, bright: u32, dark: u32) -> u32 {
    if contrast(ground, bright) >= 3.4 { bright } else { dark }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_differ_and_stand_out_from_the_paper() {
        for count in [1, 5, 7, 9, 10, 11, 40] {
            let colours: Vec<Colour> = (0..count).map(|i| class(i, count)).collect();
            for (i, c) in colours.iter().enumerate() {
                assert!(!colours[..i].contains(c), "{i} of {count} repeats");
                assert!(contrast(c.light, PAPER.light) > 1.75, "{i} of {count} on white");
                assert!(contrast(c.dark, PAPER.dark) > 1.75, "{i} of {count} on black");
            }
        }
    }

    #[test]
    fn text_on_amounts_is_readable() {
        for step in 0..=20 {
            let (cell, text) = amount(step as f64 / 20.0);
            assert!(contrast(cell.light, text.light) >= 3.4, "{step} light");
            assert!(contrast(cell.dark, text.dark) >= 3.4, "{step} dark");
        }
    }

    #[test]
    fn amounts_outside_the_scale_take_its_ends() {
        assert_eq!(amount(-3.0), amount(0.0));
        assert_eq!(amount(7.0), amount(1.0));
        assert_eq!(amount(f64::NAN), amount(0.0));
    }
}
