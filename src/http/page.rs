//! Lists in pages: `{"data": […], "next": "…" | null}`. A cursor is opaque to clients and good for the list that gave it only.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::error::Problem;
use crate::http::answer;
use crate::http::extract::unreadable_query;
use crate::http::problem::{Handled, Refused};

/// Rows of a page that is not asked for more or fewer.
const DEFAULT_LIMIT: usize = 50;

/// Rows of the largest page.
pub const MAX_LIMIT: usize = 200;

/// Bytes of a cursor: an operation's id and a place.
const MOST_CURSOR_BYTES: usize = 32;

/// What a client asks of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// Rows, 1 to 200.
    pub limit: usize,
    after: Option<String>,
}

/// The query of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PagingQuery {
    /// Rows of the page, 1 to 200; 50 when not told.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// The `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<String>,
}

impl FromRequest for Paging {
    type Error = Refused;
    type Future = Ready<Result<Self, Refused>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::parse(request.query_string()).map_err(Refused))
    }
}

impl Paging {
    fn parse(query: &str) -> Result<Self, Problem> {
        let query = web::Query::<PagingQuery>::from_query(query).map_err(|error| unreadable_query(&error).0)?;
        let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Problem::field("limit", format!("is not from 1 to {MAX_LIMIT}")));
        }
        Ok(Self { limit, after: query.into_inner().cursor })
    }

    /// Where the list goes on: what stood in [`Cursor::of`] for this list; `None` for its beginning.
    ///
    /// # Errors
    /// `validation_failed` for a cursor that this list never gave.
    pub fn after<const N: usize>(&self, list: &str) -> Result<Option<[u8; N]>, Problem> {
        let Some(text) = &self.after else { return Ok(None) };
        let wrong = || Problem::field("cursor", "is not a cursor of this list");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        let (tag, place) = bytes.split_first().filter(|_| bytes.len() <= MOST_CURSOR_BYTES).ok_or_else(wrong)?;
        let place: [u8; N] = place.try_into().map_err(|_| wrong())?;
        if *tag == list_tag(list) { Ok(Some(place)) } else { Err(wrong()) }
    }
}

/// The place of a row in a list.
pub struct Cursor;

impl Cursor {
    /// The text for a place.
    #[must_use]
    pub fn of(list: &str, place: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode([&[list_tag(list)], place].concat())
    }
}

/// One byte that tells the lists apart.
fn list_tag(list: &str) -> u8 {
    list.bytes().fold(0x5a, |tag: u8, letter| tag.rotate_left(3) ^ letter)
}

/// A page.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// The cursor of the next page; null on the last one.
    pub next: Option<String>,
}

/// Answers a page from the rows beyond its beginning: of `limit + 1` rows the last one only tells that there is more.
///
/// # Errors
/// As [`answer::ok`].
pub fn answer<R, T: Serialize>(
    limit: usize,
    rows: impl IntoIterator<Item = R>,
    cursor: impl Fn(&R) -> String,
    show: impl Fn(R) -> Result<T, Problem>,
) -> Handled {
    let mut rows = rows.into_iter();
    let page: Vec<R> = rows.by_ref().take(limit).collect();
    let next = page.last().filter(|_| rows.next().is_some()).map(cursor);
    let data = page.into_iter().map(show).collect::<Result<Vec<T>, Problem>>()?;
    answer::ok(&Page { data, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let cursor = Cursor::of("stores", &[7; 16]);
        let paging = Paging::parse(&format!("cursor={cursor}")).unwrap();
        assert_eq!(paging.after::<16>("stores"), Ok(Some([7; 16])));
        assert!(paging.after::<16>("keys").is_err());
        assert!(paging.after::<8>("stores").is_err());
    }

    #[test]
    fn bad_queries_are_refused() {
        for wrong in ["limit=0", "limit=201", "limit=-1", "limit=x", "offset=3", "limit=1&limit=2"] {
            assert!(Paging::parse(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "!", "AAAA", &"A".repeat(500)] {
            let paging = Paging::parse(&format!("cursor={wrong}")).unwrap();
            assert!(paging.after::<16>("stores").is_err(), "{wrong}");
        }
        assert_eq!(Paging::parse("").unwrap(), Paging { limit: 50, after: None });
    }
}
