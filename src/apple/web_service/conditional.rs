//! Dates of HTTP, and when an unchanged pass need not be sent again.

use std::time::{Duration, UNIX_EPOCH};

use actix_web::http::header::HttpDate;

/// An HTTP date of whole seconds since 1970.
pub(super) fn http_date(seconds: i64) -> String {
    HttpDate::from(UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))).to_string()
}

/// Whether the phone's copy is as new as ours. A header that can't be read asks for the pass.
pub(super) fn is_unchanged(if_modified_since: Option<&str>, last_modified: i64) -> bool {
    if_modified_since.and_then(seconds).is_some_and(|theirs| theirs >= last_modified)
}

fn seconds(text: &str) -> Option<i64> {
    let date: HttpDate = text.trim().parse().ok()?;
    let since = std::time::SystemTime::from(date).duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_readable_date_that_is_not_older_spares_the_pass() {
        let at = 1_767_225_601;
        assert_eq!(http_date(at), "Thu, 01 Jan 2026 00:00:01 GMT");
        assert!(is_unchanged(Some(&http_date(at)), at));
        assert!(is_unchanged(Some(&http_date(at + 1)), at));
        assert!(!is_unchanged(Some(&http_date(at - 1)), at));
        for unreadable in [None, Some(""), Some("(null)"), Some("1767225601"), Some("2026-01-01T00:00:01Z"), Some("yesterday")] {
            assert!(!is_unchanged(unreadable, at), "{unreadable:?}");
        }
    }
}
