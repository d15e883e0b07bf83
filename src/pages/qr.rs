//! QR codes as the outline of one path, for SVG, and as a bitmap, for PNG.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

use crate::error::{Code, Problem};

/// Modules of quiet around a code, as the standard wants it.
const QUIET: usize = 4;

/// Pixels of a module in a bitmap: a poster's code then has some 500 to 800.
const PIXELS: usize = 16;

/// A code ready to be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qr {
    /// Modules on a side, with the quiet around it.
    pub size: usize,
    /// The dark modules, as SVG path data.
    pub path: String,
}

impl Qr {
    /// The code for a text.
    ///
    /// # Errors
    /// `internal` for a text that no code can hold; ours are short.
    pub fn of(text: &str) -> Result<Self, Problem> {
        let (width, colors) = modules(text)?;
        let mut path = String::new();
        for (row, line) in colors.chunks(width).enumerate() {
            let mut column = 0;
            for run in line.chunk_by(|one, next| one == next) {
                if run[0] == Color::Dark {
                    let (x, y, length) = (column + QUIET, row + QUIET, run.len());
                    let _infallible = write!(path, "M{x} {y}h{length}v1h-{length}z");
                }
                column += run.len();
            }
        }
        Ok(Self { size: width + 2 * QUIET, path })
    }

    /// The code as a whole SVG file, black on white.
    #[must_use]
    pub fn svg(&self) -> String {
        let Self { size, path } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{size}v{size}H0z\"/><path d=\"{path}\"/></svg>"
        )
    }
}

/// The code for a text as a PNG, black on white.
///
/// # Errors
/// As [`Qr::of`].
pub fn png(text: &str) -> Result<Vec<u8>, Problem> {
    let (width, colors) = modules(text)?;
    let side = (width + 2 * QUIET) * PIXELS;
    let dark = |pixel: usize| {
        let at = |coordinate: usize| (coordinate / PIXELS).checked_sub(QUIET).filter(|place| *place < width);
        at(pixel % side).zip(at(pixel / side)).is_some_and(|(x, y)| colors[y * width + x] == Color::Dark)
    };
    let pixels: Vec<u8> = (0..side * side).map(|pixel| if dark(pixel) { 0 } else { 255 }).collect();
    let mut bytes = Vec::new();
    let sides = u32::try_from(side).map_err(|_| Problem::from(Code::Internal))?;
    let mut encoder = png::Encoder::new(&mut bytes, sides, sides);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels));
    written.map_err(|_| Problem::from(Code::Internal))?;
    Ok(bytes)
}

fn modules(text: &str) -> Result<(usize, Vec<Color>), Problem> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|_| Problem::from(Code::Internal))?;
    Ok((code.width(), code.to_colors()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_covers_every_dark_module_and_no_other() {
        let text = "W1000000000000000000000000000000000000000000";
        let (width, colors) = modules(text).unwrap();
        let qr = Qr::of(text).unwrap();
        assert_eq!(qr.size, width + 8);
        let dark = colors.iter().filter(|color| **color == Color::Dark).count();
        let covered: usize = qr
            .path
            .split('M')
            .skip(1)
            .map(|run| run.split('h').nth(1).unwrap().split('v').next().unwrap().parse::<usize>().unwrap())
            .sum();
        assert_eq!(covered, dark);
        assert!(png(text).unwrap().starts_with(b"\x89PNG"));
    }
}
