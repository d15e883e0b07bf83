//! What a camera sees that is held to a code: a video for Chromium's make-believe camera.

use std::io::Write as _;
use std::path::Path;

use qrcode::{Color, EcLevel, QrCode};

const WIDTH: usize = 640;
const HEIGHT: usize = 480;
const FRAMES: usize = 4;

/// Greys of the table that the phone lies on, and of its screen: no camera sees white or black pure.
const TABLE: u8 = 96;
const WHITE: u8 = 226;
const BLACK: u8 = 34;

/// Pixels of a module of the code.
const MODULE: usize = 7;

/// Writes a Y4M video of a code, and says how Chromium is told of it.
pub fn held_to(code: &str, file: &Path) -> Vec<String> {
    let picture = picture(code);
    let mut video = std::fs::File::create(file).expect("a file");
    writeln!(video, "YUV4MPEG2 W{WIDTH} H{HEIGHT} F5:1 Ip A1:1 C420jpeg").expect("written");
    for _ in 0..FRAMES {
        video.write_all(b"FRAME\n").expect("written");
        video.write_all(&picture).expect("written");
        video.write_all(&[128; WIDTH * HEIGHT / 2]).expect("written");
    }
    vec![
        "--use-fake-ui-for-media-stream".to_owned(),
        "--use-fake-device-for-media-stream".to_owned(),
        format!("--use-file-for-fake-video-capture={}", file.display()),
    ]
}

fn picture(code: &str) -> Vec<u8> {
    let code = QrCode::with_error_correction_level(code, EcLevel::M).expect("a code");
    let modules = code.width();
    let side = (modules + 8) * MODULE;
    let (left, top) = ((WIDTH - side) / 2 + 31, (HEIGHT - side) / 2 - 17);
    let mut picture = vec![TABLE; WIDTH * HEIGHT];
    for row in 0..side {
        for column in 0..side {
            // The phone is held a little askew.
            let (x, y) = (left + column + row / 12, top + row);
            let (down, across) = ((row / MODULE).wrapping_sub(4), (column / MODULE).wrapping_sub(4));
            let dark = down < modules && across < modules && code[(across, down)] == Color::Dark;
            picture[y * WIDTH + x] = if dark { BLACK } else { WHITE };
        }
    }
    picture
}
