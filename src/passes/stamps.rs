//! The strip of a stamp card: one picture for each number of stamps, drawn onto the template's own strip.
//!
//! A collected stamp is a seal with a mark on it, turned a little as if by hand; an empty place is a ring with a faint mark; the
//! last place is the reward.

use std::io::Cursor;

use crate::passes::contrast::Color;
use crate::passes::design::StampsDesign;
use crate::passes::palette;
use crate::passes::raster::{Canvas, Path};

/// How much each stamp is turned, in radians, place after place and round again.
const TURNS: [f32; 7] = [-0.16, 0.10, -0.05, 0.19, -0.12, 0.04, 0.14];

/// The width that a picture has in points, whatever its pixels; margins are in points.
const WIDTH: f32 = 375.0;

/// The picture's margins in points: the rows keep clear of the rounded edge of the card.
const SIDE_MARGIN: f32 = 20.0;
const TOP_MARGIN: f32 = 11.0;

/// How a strip is to be filled.
#[derive(Debug, Clone, Copy)]
pub struct Filling {
    /// How many places are stamped.
    pub count: u8,
    /// Whether the first place is at the right.
    pub right_to_left: bool,
}

/// Names this way of drawing: a picture that is kept under a name is drawn anew when it changes.
pub const DRAWING: u8 = 1;

/// Draws the stamps onto a picture of the empty strip, of any size.
///
/// # Errors
/// The picture can't be read.
pub fn draw(design: &StampsDesign, strip: &[u8], filling: Filling) -> Result<Vec<u8>, String> {
    let mut canvas = decode(strip)?;
    let mark = Path::parse(&design.mark)?;
    let last_mark = Path::parse(&design.last_mark)?;
    let places = places(design, &canvas, filling.right_to_left);
    for (place, stamp) in places.iter().enumerate() {
        let last = place + 1 == places.len();
        let mark = if last { &last_mark } else { &mark };
        if place < usize::from(filling.count) {
            let seal = if last { design.reward } else { design.full };
            let angle = TURNS[place % TURNS.len()];
            draw_full(&mut canvas, *stamp, mark, (seal, design.full_mark), angle);
        } else {
            draw_empty(&mut canvas, *stamp, mark, (design.empty, design.empty_mark));
        }
    }
    encode(&canvas)
}

/// Where a stamp stands: its middle and its radius, in pixels.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    center: (f32, f32),
    radius: f32,
}

fn places(design: &StampsDesign, canvas: &Canvas, right_to_left: bool) -> Vec<Stamp> {
    let (slots, rows) = (usize::from(design.slots), usize::from(design.rows));
    let columns = slots.div_ceil(rows);
    let (width, height) = (canvas.width as f32, canvas.height as f32);
    let scale = width / WIDTH;
    let step_x = (width - 2.0 * SIDE_MARGIN * scale) / columns as f32;
    let step_y = (height - 2.0 * TOP_MARGIN * scale) / rows as f32;
    let radius = step_x.min(step_y) * 0.44;
    (0..slots)
        .map(|slot| {
            let (row, column) = (slot / columns, slot % columns);
            let x = SIDE_MARGIN * scale + (column as f32 + 0.5) * step_x;
            let x = if right_to_left { width - x } else { x };
            Stamp { center: (x, TOP_MARGIN * scale + (row as f32 + 0.5) * step_y), radius }
        })
        .collect()
}

fn draw_full(canvas: &mut Canvas, stamp: Stamp, mark: &Path, (seal, ink): (Color, Color), angle: f32) {
    let Stamp { center, radius } = stamp;
    let black = Color::default();
    for spread in [1.10, 1.06, 1.02] {
        canvas.fill(&Path::circle((center.0, center.1 + radius * 0.09), radius * spread), black, 0.08);
    }
    canvas.fill(&Path::rosette(center, radius * 1.05, 18, 0.07), seal, 1.0);
    canvas.fill(&Path::ring(center, radius * 0.86, radius * 0.82), ink, 0.35);
    canvas.fill(&mark.placed(center, radius * 1.24, angle), ink, 1.0);
}

fn draw_empty(canvas: &mut Canvas, stamp: Stamp, mark: &Path, (disc, line): (Color, Color)) {
    let Stamp { center, radius } = stamp;
    canvas.fill(&Path::circle(center, radius * 0.98), disc, 0.85);
    canvas.fill(&Path::ring(center, radius * 0.98, radius * 0.93), line, 0.75);
    canvas.fill(&mark.placed(center, radius * 1.16, 0.0), line, 0.5);
}

/// Reads a PNG into a picture to paint on.
///
/// # Errors
/// Why it can't be read.
pub fn decode(bytes: &[u8]) -> Result<Canvas, String> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let length = reader.output_buffer_size().ok_or("the picture is too large")?;
    if length > 16_000_000 {
        return Err("the picture is too large".to_owned());
    }
    let mut raw = vec![0; length];
    let info = reader.next_frame(&mut raw).map_err(|error| error.to_string())?;
    let raw = &raw[..info.buffer_size()];
    let pixels = match info.color_type {
        png::ColorType::Rgb => raw.to_vec(),
        png::ColorType::Rgba => raw.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(),
        png::ColorType::Grayscale => raw.iter().flat_map(|grey| [*grey; 3]).collect(),
        png::ColorType::GrayscaleAlpha => raw.chunks_exact(2).flat_map(|pixel| [pixel[0]; 3]).collect(),
        png::ColorType::Indexed => return Err("the palette was not expanded".to_owned()),
    };
    Ok(Canvas { width: info.width as usize, height: info.height as usize, pixels })
}

fn encode(canvas: &Canvas) -> Result<Vec<u8>, String> {
    let side = |length: usize| u32::try_from(length).map_err(|_| "the picture is too large".to_owned());
    let indexed = palette::reduce(canvas);
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side(canvas.width)?, side(canvas.height)?);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(indexed.palette);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    writer.write_image_data(&indexed.pixels).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(out)
}
