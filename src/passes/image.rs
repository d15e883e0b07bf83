//! The pictures of a template: names, scales and sizes that wallets accept, read from the PNG header.

use crate::passes::card_file::Style;

/// The largest single picture, in bytes: a phone downloads the whole pass at every update.
pub const MAX_IMAGE_BYTES: usize = 400_000;

/// The largest sum of pictures of one pass, in bytes; Apple names no limit, the phone's mobile line does.
pub const MAX_PASS_BYTES: usize = 1_000_000;

/// The sum of pictures, in bytes, above which a template is told to slim.
pub const SLIM_PASS_BYTES: usize = 300_000;

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";
const TRAILER: &[u8; 12] = b"\0\0\0\0IEND\xae\x42\x60\x82";

/// Width and height of a picture in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// Reads the size of a PNG.
///
/// # Errors
/// Why it is not a whole PNG.
pub fn png_size(bytes: &[u8]) -> Result<Size, &'static str> {
    let Some(rest) = bytes.strip_prefix(SIGNATURE) else {
        return Err("is not a PNG (it does not begin with the PNG signature)");
    };
    if rest.get(4..8) != Some(b"IHDR") || !bytes.ends_with(TRAILER) {
        return Err("is a damaged PNG (header or end is missing)");
    }
    let number = |from: usize| rest.get(from..from + 4).and_then(|four| four.try_into().ok()).map(u32::from_be_bytes);
    match (number(8), number(12)) {
        (Some(width), Some(height)) if width > 0 && height > 0 => Ok(Size { width, height }),
        _ => Err("is a damaged PNG (it has no size)"),
    }
}

/// A picture's place in a package: its name and scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageName<'a> {
    /// `icon`, `logo`, `strip`, …
    pub name: &'a str,
    /// 1, 2 or 3.
    pub scale: u32,
}

impl<'a> ImageName<'a> {
    /// Reads a file name such as `logo@2x.png`.
    #[must_use]
    pub fn parse(file: &'a str) -> Option<Self> {
        let stem = file.strip_suffix(".png")?;
        let (name, scale) = match stem.split_once('@') {
            None => (stem, 1),
            Some((name, "2x")) => (name, 2),
            Some((name, "3x")) => (name, 3),
            Some(_) => return None,
        };
        Some(Self { name, scale })
    }

    /// The file name.
    #[must_use]
    pub fn file(self) -> String {
        match self.scale {
            1 => format!("{}.png", self.name),
            scale => format!("{}@{scale}x.png", self.name),
        }
    }
}

/// What size a picture may have, in points; a picture at scale n has n times as many pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// The smallest.
    pub least: Size,
    /// The largest.
    pub most: Size,
}

/// What Apple Wallet draws of a picture on a pass of a style; none where it ignores it.
#[must_use]
pub fn allowed(style: Style, name: &str) -> Option<Allowed> {
    let range = |least: (u32, u32), most: (u32, u32)| {
        let size = |(width, height)| Size { width, height };
        Some(Allowed { least: size(least), most: size(most) })
    };
    match (name, style) {
        ("icon", _) => range((29, 29), (38, 38)),
        ("logo", _) => range((1, 1), (160, 50)),
        ("strip", Style::StoreCard | Style::Coupon) => range((375, 123), (375, 144)),
        ("strip", Style::EventTicket) => range((375, 84), (375, 98)),
        ("thumbnail", Style::Generic | Style::EventTicket) => range((30, 30), (90, 90)),
        ("background", Style::EventTicket) => range((180, 220), (345, 505)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_scale() {
        assert_eq!(ImageName::parse("strip@3x.png"), Some(ImageName { name: "strip", scale: 3 }));
        assert_eq!(ImageName::parse("icon.png"), Some(ImageName { name: "icon", scale: 1 }));
        for bad in ["icon@4x.png", "icon.jpg", "icon@2x@2x.png", "icon@2x"] {
            assert_eq!(ImageName::parse(bad), None, "{bad}");
        }
        for file in ["strip@3x.png", "icon.png"] {
            assert_eq!(ImageName::parse(file).expect("is a picture").file(), file);
        }
    }

    #[test]
    fn what_is_no_png_is_told_apart() {
        assert!(png_size(b"\xff\xd8\xff\xe0JFIF").expect_err("is a JPEG").contains("signature"));
        assert!(png_size(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01").expect_err("is cut off").contains("damaged"));
    }
}
