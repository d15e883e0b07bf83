//! The back of a pass: the sheet with its details.

use crate::passes::plain_text::{escape_html, has_left_to_right, has_right_to_left};
use crate::passes::preview::{Picture, front};

/// More fields on a back than anyone reads.
const MAX_BACK: usize = 100;

/// The back as an HTML fragment.
pub fn html(picture: &Picture) -> String {
    let locale = picture.locale;
    let mut out = format!(
        "<div class=\"wp-frame\" dir=\"{}\"><section class=\"wp-back\" style=\"{}\">",
        locale.direction(),
        front::colors(picture)
    );
    let icon = picture.icon().map_or_else(String::new, |icon| format!("<img src=\"{icon}\" alt=\"\">"));
    out.push_str(&format!(
        "<header>{icon}<div><h2>{}</h2><p>{}</p></div></header>",
        escape_html(&picture.organization_name()),
        escape_html(&picture.text("description")),
    ));
    if picture.pass["webServiceURL"].is_string() {
        out.push_str(&format!(
            "<ul class=\"wp-group\"><li class=\"wp-switch\"><b>{}</b><i></i></li><li class=\"wp-switch\"><b>{}</b><i></i></li></ul>",
            locale.word("Automatic Updates", "تحديث تلقائي"),
            locale.word("Allow Notifications", "السماح بالإشعارات"),
        ));
    }
    out.push_str("<ul class=\"wp-group\">");
    for field in picture.fields("backFields", MAX_BACK) {
        out.push_str(&format!(
            "<li data-key=\"{}\"><b>{}</b><p{}>{}</p></li>",
            escape_html(field.key()),
            escape_html(&field.label()),
            direction_of(&field.value()),
            field.value_html()
        ));
    }
    out.push_str("</ul></section></div>");
    out
}

/// A text with letters has a direction of its own; a number stands as the phone's language has it.
pub(super) fn direction_of(text: &str) -> &'static str {
    if has_left_to_right(text) || has_right_to_left(text) { " dir=\"auto\"" } else { "" }
}
