//! The one piece of HTML that Apple Wallet understands: `<a href='…'>…</a>` in an attributed value.

use crate::passes::plain_text::escape_html;

/// Where a link may lead.
const SCHEMES: [&str; 4] = ["https://", "http://", "tel:", "mailto:"];

/// Plain text as HTML, with its line breaks.
pub fn plain(text: &str) -> String {
    escape_html(text).replace('\n', "<br>")
}

/// An attributed value as HTML that is safe to put into a page: links stay, everything else is text.
pub fn html(attributed: &str) -> String {
    let mut out = String::new();
    let mut rest = attributed;
    while let Some((before, link, after)) = next_link(rest) {
        out.push_str(&plain(&unescaped(before)));
        out.push_str(&link);
        rest = after;
    }
    out.push_str(&plain(&unescaped(rest)));
    out
}

fn next_link(text: &str) -> Option<(&str, String, &str)> {
    let (before, link) = text.split_once("<a href=")?;
    let quote = link.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    let (address, after) = link[1..].split_once(quote)?;
    let (words, after) = after.strip_prefix('>')?.split_once("</a>")?;
    let (address, words) = (unescaped(address), plain(&unescaped(words)));
    let safe = SCHEMES.iter().any(|scheme| address.starts_with(scheme));
    let link = if safe { format!("<a href=\"{}\" rel=\"noreferrer\">{words}</a>", escape_html(&address)) } else { words };
    Some((before, link, after))
}

fn unescaped(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_and_everything_else_is_text() {
        let shown = html("See <a href='https://a.example/?a=1&amp;b=2'>the <b>page</b></a> & more\n<script>x</script>");
        assert_eq!(
            shown,
            "See <a href=\"https://a.example/?a=1&amp;b=2\" rel=\"noreferrer\">the &lt;b&gt;page&lt;/b&gt;</a> &amp; more<br>&lt;script&gt;x&lt;/script&gt;"
        );
        assert_eq!(html("<a href='javascript:alert(1)'>x</a>"), "x");
        assert_eq!(
            html("<a href=\"https://a.example/&#39;&quot;>\">x</a>"),
            "<a href=\"https://a.example/&#39;&quot;&gt;\" rel=\"noreferrer\">x</a>"
        );
        assert_eq!(html("<a href='https://open"), "&lt;a href=&#39;https://open");
    }
}
