//! A small vector rasteriser: paths of lines and curves, filled with exact coverage at the edges, onto an RGB picture.
//!
//! Each edge adds the area to its right to an accumulator; one pass over a row then sums up how much of every pixel is covered.
//! Shapes that wind the other way cut holes.

use crate::passes::contrast::Color;

/// The longest path data, in bytes.
const MAX_PATH_BYTES: usize = 8_000;

/// Into how many lines a curve is cut; at the size of a stamp no corner is left to see.
const CURVE_STEPS: u8 = 16;

type Point = (f32, f32);

/// Closed contours.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Path(Vec<Vec<Point>>);

impl Path {
    /// Reads SVG path data with the commands M, L, H, V, C, Q and Z, absolute or relative.
    ///
    /// # Errors
    /// What is wrong.
    pub fn parse(data: &str) -> Result<Self, String> {
        if data.len() > MAX_PATH_BYTES {
            return Err(format!("the path is longer than {MAX_PATH_BYTES} bytes"));
        }
        let mut pen = Pen::default();
        let mut tokens = Tokens(data);
        let mut command = None;
        while let Some(letter) = tokens.command(command)? {
            pen.draw(letter, &mut tokens)?;
            command = Some(match letter {
                'M' => 'L',
                'm' => 'l',
                other => other,
            });
        }
        if pen.path.0.iter().all(|contour| contour.len() < 3) {
            return Err("the path encloses nothing".to_owned());
        }
        Ok(pen.path)
    }

    /// A circle.
    #[must_use]
    pub fn circle(center: Point, radius: f32) -> Self {
        Self::polar(center, 64, |_| radius)
    }

    /// A circle with a hole.
    #[must_use]
    pub fn ring(center: Point, outer: f32, inner: f32) -> Self {
        let mut path = Self::circle(center, outer);
        let hole = Self::circle(center, inner).0.into_iter().map(|contour| contour.into_iter().rev().collect());
        path.0.extend(hole);
        path
    }

    /// A round seal with a wavy edge.
    #[must_use]
    pub fn rosette(center: Point, radius: f32, waves: u16, depth: f32) -> Self {
        Self::polar(center, waves * 12, |angle| radius * (1.0 - depth * 0.5 * (1.0 - (angle * f32::from(waves)).cos())))
    }

    fn polar(center: Point, steps: u16, radius: impl Fn(f32) -> f32) -> Self {
        let point = |step| {
            let angle = f32::from(step) / f32::from(steps) * std::f32::consts::TAU;
            let radius = radius(angle);
            (center.0 + radius * angle.cos(), center.1 + radius * angle.sin())
        };
        Self(vec![(0..steps).map(point).collect()])
    }

    /// The path, made for a box of 100 by 100, turned by `angle` (radians) about the middle of the box, scaled and put so that
    /// the middle comes to `center`.
    #[must_use]
    pub fn placed(&self, center: Point, size: f32, angle: f32) -> Self {
        let (sin, cos) = angle.sin_cos();
        let place = |&(x, y): &Point| {
            let (x, y) = ((x - 50.0) * size / 100.0, (y - 50.0) * size / 100.0);
            (center.0 + x * cos - y * sin, center.1 + x * sin + y * cos)
        };
        Self(self.0.iter().map(|contour| contour.iter().map(place).collect()).collect())
    }

    fn lines(&self) -> impl Iterator<Item = (Point, Point)> + '_ {
        self.0.iter().flat_map(|contour| contour.iter().copied().zip(contour.iter().copied().cycle().skip(1)))
    }
}

#[derive(Default)]
struct Pen {
    path: Path,
    at: Point,
    start: Point,
}

impl Pen {
    fn draw(&mut self, command: char, tokens: &mut Tokens<'_>) -> Result<(), String> {
        let from = if command.is_ascii_lowercase() { self.at } else { (0.0, 0.0) };
        let mut point = || -> Result<Point, String> { Ok((from.0 + tokens.number()?, from.1 + tokens.number()?)) };
        match command.to_ascii_uppercase() {
            'M' => {
                let to = point()?;
                self.start = to;
                self.at = to;
                self.path.0.push(vec![to]);
            }
            'L' => {
                let to = point()?;
                self.line(to);
            }
            'H' => {
                let x = from.0 + tokens.number()?;
                self.line((x, self.at.1));
            }
            'V' => {
                let y = from.1 + tokens.number()?;
                self.line((self.at.0, y));
            }
            'Q' => {
                let (bend, to) = (point()?, point()?);
                let third = |a: f32, b: f32| a + (b - a) * 2.0 / 3.0;
                let start = self.at;
                self.curve((third(start.0, bend.0), third(start.1, bend.1)), (third(to.0, bend.0), third(to.1, bend.1)), to);
            }
            'C' => {
                let (one, two, to) = (point()?, point()?, point()?);
                self.curve(one, two, to);
            }
            'Z' => self.at = self.start,
            other => return Err(format!("the path command {other} is not known")),
        }
        Ok(())
    }

    fn line(&mut self, to: Point) {
        if let Some(contour) = self.path.0.last_mut() {
            contour.push(to);
        }
        self.at = to;
    }

    fn curve(&mut self, one: Point, two: Point, to: Point) {
        let from = self.at;
        for step in 1..=CURVE_STEPS {
            let t = f32::from(step) / f32::from(CURVE_STEPS);
            let s = 1.0 - t;
            let mix = |a: f32, b: f32, c: f32, d: f32| s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d;
            self.line((mix(from.0, one.0, two.0, to.0), mix(from.1, one.1, two.1, to.1)));
        }
    }
}

struct Tokens<'a>(&'a str);

impl Tokens<'_> {
    /// The next command; a number where a command could stand repeats the one before.
    fn command(&mut self, before: Option<char>) -> Result<Option<char>, String> {
        self.0 = self.0.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == ',');
        let Some(letter) = self.0.chars().next() else { return Ok(None) };
        if letter.is_ascii_alphabetic() {
            if before.is_none() && !letter.eq_ignore_ascii_case(&'M') {
                return Err("the path does not begin with M".to_owned());
            }
            self.0 = &self.0[1..];
            return Ok(Some(letter));
        }
        before
            .filter(|before| !before.eq_ignore_ascii_case(&'Z'))
            .map(Some)
            .ok_or_else(|| format!("unexpected \"{letter}\" in the path"))
    }

    fn number(&mut self) -> Result<f32, String> {
        self.0 = self.0.trim_start_matches(|letter: char| letter.is_ascii_whitespace() || letter == ',');
        let mut dot = false;
        let end = self
            .0
            .char_indices()
            .find(|&(place, letter)| match letter {
                '0'..='9' => false,
                '-' | '+' => place > 0,
                '.' => std::mem::replace(&mut dot, true),
                _ => true,
            })
            .map_or(self.0.len(), |(place, _)| place);
        let (text, rest) = self.0.split_at(end);
        self.0 = rest;
        text.parse().map_err(|_| format!("expected a number in the path, not \"{}\"", text.chars().take(8).collect::<String>()))
    }
}

/// An RGB picture to paint on.
#[derive(Debug, Clone)]
pub struct Canvas {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Three bytes a pixel, row by row.
    pub pixels: Vec<u8>,
}

impl Canvas {
    /// Fills a path with a colour; `opacity` from 0 to 1.
    pub fn fill(&mut self, path: &Path, color: Color, opacity: f32) {
        let Some(area) = Area::around(path, self.width, self.height) else { return };
        let mut cover = vec![0.0; (area.width + 1) * area.height];
        for (from, to) in path.lines() {
            let shift = |point: Point| (point.0 - area.left as f32, point.1 - area.top as f32);
            accumulate(&mut cover, area.width, area.height, shift(from), shift(to));
        }
        for (row, cells) in cover.chunks_exact(area.width + 1).enumerate() {
            let start = ((area.top + row) * self.width + area.left) * 3;
            let line = &mut self.pixels[start..start + area.width * 3];
            let mut sum = 0.0;
            for (pixel, cell) in line.as_chunks_mut::<3>().0.iter_mut().zip(cells) {
                sum += cell;
                let alpha = f32::abs(sum).min(1.0) * opacity;
                if alpha > 0.998 {
                    *pixel = [color.red, color.green, color.blue];
                } else if alpha > 0.002 {
                    *pixel = blended(*pixel, color, alpha);
                }
            }
        }
    }
}

fn blended(old: [u8; 3], color: Color, alpha: f32) -> [u8; 3] {
    let mix = |old: u8, new: u8| (f32::from(old) + (f32::from(new) - f32::from(old)) * alpha + 0.5) as u8;
    [mix(old[0], color.red), mix(old[1], color.green), mix(old[2], color.blue)]
}

/// The pixels that a path can touch.
struct Area {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Area {
    fn around(path: &Path, width: usize, height: usize) -> Option<Self> {
        let points = || path.0.iter().flatten();
        let bound = |value: f32, most: usize| value.clamp(0.0, most as f32) as usize;
        let left = bound(points().map(|point| point.0).fold(f32::INFINITY, f32::min).floor(), width);
        let top = bound(points().map(|point| point.1).fold(f32::INFINITY, f32::min).floor(), height);
        let right = bound(points().map(|point| point.0).fold(f32::NEG_INFINITY, f32::max).ceil(), width);
        let bottom = bound(points().map(|point| point.1).fold(f32::NEG_INFINITY, f32::max).ceil(), height);
        (right > left && bottom > top).then(|| Self { left, top, width: right - left, height: bottom - top })
    }
}

/// Adds to each cell how much the area right of an edge grows there; cells have one more column than the area is wide.
fn accumulate(cover: &mut [f32], width: usize, height: usize, from: Point, to: Point) {
    let (sign, (x0, y0), (x1, y1)) = if from.1 < to.1 { (1.0, from, to) } else { (-1.0, to, from) };
    if y0 >= y1 {
        return;
    }
    let slope = (x1 - x0) / (y1 - y0);
    let first = y0.max(0.0) as usize;
    let last = (y1.ceil().max(0.0) as usize).min(height);
    for row in first..last {
        let (top, bottom) = (y0.max(row as f32), y1.min(row as f32 + 1.0));
        let high = (bottom - top) * sign;
        let at = |y: f32| (x0 + (y - y0) * slope).clamp(0.0, width as f32);
        let (left, right) = {
            let (a, b) = (at(top), at(bottom));
            (a.min(b), a.max(b))
        };
        let cells = &mut cover[row * (width + 1)..(row + 1) * (width + 1)];
        spread(cells, left, right, high);
    }
}

/// Spreads the height of one piece of an edge over the cells that it crosses in a row.
fn spread(cells: &mut [f32], left: f32, right: f32, high: f32) {
    let first = left as usize;
    let end = (right.ceil() as usize).max(first + 1);
    let span = (right - left).max(f32::EPSILON);
    let mut before = 0.0;
    for column in first..=end.min(cells.len() - 1) {
        // The part of the piece left of the right border of this cell, and the mean area that it leaves uncovered in the cell.
        let border = column as f32 + 1.0;
        let covered = if right - left < 1e-6 {
            if column == first { border - left } else { 1.0 }
        } else {
            let inside = |x: f32| ((x - left).max(0.0).min(span)).powi(2) / (2.0 * span) + (x - right).max(0.0);
            inside(border) - inside(border - 1.0)
        };
        cells[column] += (covered - before) * high;
        before = covered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHITE: Color = Color { red: 255, green: 255, blue: 255 };

    fn coverage(path: &Path, size: usize) -> f32 {
        let mut canvas = Canvas { width: size, height: size, pixels: vec![0; size * size * 3] };
        canvas.fill(path, WHITE, 1.0);
        canvas.pixels.iter().step_by(3).map(|value| f32::from(*value)).sum::<f32>() / 255.0
    }

    #[test]
    fn areas_are_exact_to_the_fraction_of_a_pixel() {
        let square = Path::parse("M 2.25 3.5 H 7.75 V 8 H 2.25 Z").expect("is a path");
        assert!((coverage(&square, 12) - 5.5 * 4.5).abs() < 0.1);
        let triangle = Path::parse("M1,1 L9,1 L1,9 Z").expect("is a path");
        assert!((coverage(&triangle, 12) - 32.0).abs() < 0.1);
        let circle = Path::circle((20.0, 20.0), 15.0);
        assert!((coverage(&circle, 40) - std::f32::consts::PI * 225.0).abs() < 3.0);
        let ring = Path::ring((20.0, 20.0), 15.0, 10.0);
        assert!((coverage(&ring, 40) - std::f32::consts::PI * 125.0).abs() < 3.0);
    }

    #[test]
    fn what_lies_outside_is_cut_off() {
        let wide = Path::parse("M -50 -50 H 50 V 50 H -50 Z").expect("is a path");
        assert!((coverage(&wide, 10) - 100.0).abs() < 0.01);
        let beside = Path::circle((100.0, 5.0), 10.0);
        assert!(coverage(&beside, 10) < 0.01);
    }

    #[test]
    fn relative_commands_and_curves_are_read() {
        let absolute = Path::parse("M10 10 L30 10 L30 30 L10 30 Z").expect("is a path");
        let relative = Path::parse("m10-10m0 20l20,0v20h-20z").expect("is a path");
        assert_eq!(coverage(&absolute, 40), coverage(&relative, 40));
        let round =
            Path::parse("M20 5 C28.28 5 35 11.72 35 20 C35 28.28 28.28 35 20 35 C11.72 35 5 28.28 5 20 C5 11.72 11.72 5 20 5Z");
        assert!((coverage(&round.expect("is a path"), 40) - std::f32::consts::PI * 225.0).abs() < 3.0);
        for bad in ["", "L 1 1", "M 1", "M 1 1 A 3 3 0 0 0 1 1", "M 0 0 Z 5", "M0 0 L x y", "M 1 1 L 2 2"] {
            assert!(Path::parse(bad).is_err(), "{bad}");
        }
    }
}
