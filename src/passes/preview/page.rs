//! A whole page of pictures: what `walaa template preview` writes.

use crate::passes::plain_text::escape_html;
use crate::passes::preview::{CSS, Picture};

/// One pass on the page.
#[derive(Debug)]
pub struct Exhibit {
    /// What it is, such as "card, ar".
    pub caption: String,
    /// The pass.
    pub picture: Picture,
}

/// The page: every pass front and back, on a light or dark ground as the reader's system is set.
#[must_use]
pub fn html(title: &str, exhibits: &[Exhibit]) -> String {
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{0}</title><style>{CSS}</style></head><body class=\"wp-page\"><h1>{0}</h1>",
        escape_html(title)
    );
    for Exhibit { caption, picture } in exhibits {
        out.push_str(&format!(
            "<section class=\"wp-exhibit\"><h2>{}</h2><div class=\"wp-pair\"><div class=\"wp-phone\">{}</div><div class=\"wp-phone\">{}</div></div></section>",
            escape_html(caption),
            picture.front_html(),
            picture.back_html()
        ));
    }
    out.push_str("</body></html>\n");
    out
}
