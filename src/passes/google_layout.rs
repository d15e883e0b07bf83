//! Where the fields of a design stand on a Google pass: what is said once for everybody, what is said on each pass, and which
//! rows its front has.

use crate::passes::design::{Design, Field, GooglePlace, GoogleSlot};
use crate::passes::text::Text;
use crate::passes::view::PassKind;

/// The rows of the front that a design can fill by itself.
const ROWS: std::ops::RangeInclusive<u8> = 1..=3;

/// The most rows of a front.
pub const MAX_ROWS: usize = 3;

/// Where the fields of a design stand.
#[derive(Debug, Default)]
pub struct GoogleLayout<'a> {
    /// The rows of the front, each of one to three fields. On a card the first one holds points and name: a front that names rows
    /// shows nothing else.
    pub rows: Vec<Vec<&'a Field>>,
    /// Texts that are the same on every pass: a change of theirs is one request, not one for each holder.
    pub class_texts: Vec<&'a Field>,
    /// Texts of the single pass, those in rows among them.
    pub pass_texts: Vec<&'a Field>,
    /// Links.
    pub links: Vec<&'a Field>,
}

impl<'a> GoogleLayout<'a> {
    /// Sorts the fields of a design.
    #[must_use]
    pub fn of(design: &'a Design) -> Self {
        let mut layout = Self::default();
        let at = |slot| design.fields.iter().find(|field| field.google == Some(slot));
        if design.kind == PassKind::Card {
            let leading = [GoogleSlot::Points, GoogleSlot::SecondaryPoints, GoogleSlot::AccountName];
            layout.rows.push(leading.into_iter().filter_map(at).collect());
        }
        for row in ROWS {
            let places = [GooglePlace::Start, GooglePlace::Middle, GooglePlace::End];
            layout.rows.push(places.into_iter().filter_map(|place| at(GoogleSlot::Row(row, place))).collect());
        }
        layout.rows.retain(|row| !row.is_empty());
        for field in &design.fields {
            match field.google {
                Some(GoogleSlot::Text) if is_fixed(field) => layout.class_texts.push(field),
                Some(GoogleSlot::Text | GoogleSlot::Row(..)) => layout.pass_texts.push(field),
                Some(GoogleSlot::Link) => layout.links.push(field),
                _ => {}
            }
        }
        layout
    }
}

/// Whether a field reads the same on every pass.
fn is_fixed(field: &Field) -> bool {
    let fixed = |text: &Text| !matches!(text, Text::Message(_));
    field.when.is_none() && field.link.is_none() && fixed(&field.value) && field.label.as_ref().is_none_or(fixed)
}
