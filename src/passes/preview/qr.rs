//! A QR code as inline SVG.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

/// The clear border that a reader needs, in modules.
const QUIET_ZONE: usize = 3;

/// The code as SVG that fills its frame; none if the text is too long for a code.
#[must_use]
pub fn svg(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let width = code.width();
    let modules = code.to_colors();
    let mut path = String::new();
    for (row, line) in modules.chunks(width).enumerate() {
        let mut column = 0;
        while let Some(start) = line[column..].iter().position(|module| *module == Color::Dark).map(|found| column + found) {
            let run = line[start..].iter().take_while(|module| **module == Color::Dark).count();
            // Writing into a String can't fail.
            let _ = write!(path, "M{} {}h{run}v1h-{run}z", start + QUIET_ZONE, row + QUIET_ZONE);
            column = start + run;
        }
    }
    let side = width + 2 * QUIET_ZONE;
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"QR\"><path fill=\"#000\" d=\"{path}\"/></svg>"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_s_code_is_small_and_a_novel_is_none() {
        let code = svg(&"W1ABCDEFGH".repeat(4)).expect("fits");
        assert!(code.contains("viewBox=\"0 0 35 35\""), "29 modules and the quiet zone: {}", &code[..90]);
        assert_eq!(svg(&"x".repeat(5000)), None);
    }
}
