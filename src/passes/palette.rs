//! A picture reduced to 256 colours, so that its PNG is a third of the size.
//!
//! A drawn strip has few colours and many shades between them at the edges. The most frequent colours make the palette; the rest
//! takes the nearest one. The same picture always gives the same palette.

use std::collections::HashMap;

use crate::passes::raster::Canvas;

/// As many colours as one byte can name.
const MOST_COLORS: usize = 256;

type Rgb = [u8; 3];

/// A picture as places in a palette.
#[derive(Debug)]
pub struct Indexed {
    /// Three bytes a colour.
    pub palette: Vec<u8>,
    /// One byte a pixel.
    pub pixels: Vec<u8>,
}

/// Reduces a picture.
#[must_use]
pub fn reduce(canvas: &Canvas) -> Indexed {
    // Most neighbours are alike: counting and looking up runs instead of pixels is many times faster.
    let (pixels, _) = canvas.pixels.as_chunks::<3>();
    let runs = || pixels.chunk_by(|one, next| one == next);
    let mut counts: HashMap<Rgb, usize> = HashMap::new();
    for run in runs() {
        *counts.entry(run[0]).or_default() += run.len();
    }
    let mut colors: Vec<(Rgb, usize)> = counts.into_iter().collect();
    colors.sort_unstable_by_key(|&(color, count)| (std::cmp::Reverse(count), color));
    let kept: Vec<Rgb> = colors.iter().take(MOST_COLORS).map(|(color, _)| *color).collect();
    let place_of = |place: usize, color| u8::try_from(place).unwrap_or_else(|_| nearest(&kept, color));
    let places: HashMap<Rgb, u8> =
        colors.iter().enumerate().map(|(place, (color, _))| (*color, place_of(place, *color))).collect();
    let place = |color: &Rgb| places.get(color).copied().unwrap_or_default();
    Indexed { palette: kept.concat(), pixels: runs().flat_map(|run| std::iter::repeat_n(place(&run[0]), run.len())).collect() }
}

fn nearest(palette: &[Rgb], [red, green, blue]: Rgb) -> u8 {
    let square = |one: u8, two: u8| u32::from(one.abs_diff(two)).pow(2);
    let (mut best, mut least) = (0, u32::MAX);
    for (place, other) in (0..=u8::MAX).zip(palette) {
        let distance = square(other[0], red) + square(other[1], green) + square(other[2], blue);
        if distance < least {
            (best, least) = (place, distance);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_colours_stay_exact_and_many_go_to_the_nearest() {
        let exact = Canvas { width: 3, height: 1, pixels: vec![1, 2, 3, 9, 9, 9, 1, 2, 3] };
        let reduced = reduce(&exact);
        assert_eq!((reduced.palette, reduced.pixels), (vec![1, 2, 3, 9, 9, 9], vec![0, 1, 0]));
        let many = (0..=255).flat_map(|red| [[red, 0, 0], [red, 0, 0], [red, 1, 0]]).flatten().collect();
        let reduced = reduce(&Canvas { width: 768, height: 1, pixels: many });
        assert_eq!(reduced.palette.len(), 768);
        for pixel in reduced.pixels.chunks_exact(3) {
            assert_eq!(pixel[0], pixel[2], "the rare colour takes the frequent one beside it");
        }
    }
}
