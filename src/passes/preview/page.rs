//! A whole page of pictures: what `walaa template preview` writes.

use crate::passes::plain_text::escape_html;
use crate::passes::preview::{CSS, Picture, google};

/// One pass on the page.
#[derive(Debug)]
pub struct Exhibit {
    /// What it is, such as "card, ar".
    pub caption: String,
    /// The pass on an iPhone.
    pub picture: Picture,
    /// The pass on an Android phone, as an HTML fragment; none if the template is not offered there.
    pub google: Option<String>,
}

/// The page: every pass front and back and in Google Wallet, on a light or dark ground as the reader's system is set.
#[must_use]
pub fn html(title: &str, exhibits: &[Exhibit]) -> String {
    let mut out = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{0}</title><style>{CSS}{1}</style></head><body class=\"wp-page\"><h1>{0}</h1>",
        escape_html(title),
        google::CSS
    );
    for Exhibit { caption, picture, google } in exhibits {
        out.push_str(&format!(
            "<section class=\"wp-exhibit\"><h2>{}</h2><div class=\"wp-pair\"><div class=\"wp-phone\">{}</div><div class=\"wp-phone\">{}</div>",
            escape_html(caption),
            picture.front_html(),
            picture.back_html()
        ));
        if let Some(google) = google {
            out.push_str(&format!("<div class=\"wp-phone\">{google}</div>"));
        }
        out.push_str("</div></section>");
    }
    out.push_str("</body></html>\n");
    out
}
