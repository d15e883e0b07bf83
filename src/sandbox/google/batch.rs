//! Google's batches: many requests in one, as multipart/mixed. Parts are requests of their own in every respect.

use std::fmt::Write as _;

use actix_web::web;
use serde_json::Value;

use super::dispatch::{ApiAnswer, ApiRequest};

/// Parts of a batch; Google's own client sends no more.
pub(super) const MAX_PARTS: usize = 1_000;

/// A part as it came.
pub(super) struct Part {
    /// `Content-ID` without its brackets.
    id: Option<String>,
    /// What it asks.
    pub request: ApiRequest,
}

/// The boundary in a `Content-Type`.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    let parameter = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("boundary="))?;
    let boundary = parameter.trim().trim_matches('"');
    (1..=70).contains(&boundary.len()).then(|| boundary.to_owned())
}

/// Takes a batch apart. A part without credentials has those of the whole.
pub(super) fn parse(body: &str, boundary: &str, authorization: Option<&str>) -> Result<Vec<Part>, &'static str> {
    let delimiter = format!("--{boundary}");
    let body = body.replace("\r\n", "\n");
    let mut pieces = body.split(delimiter.as_str()).skip(1);
    let mut parts = Vec::new();
    loop {
        let piece = pieces.next().ok_or("the last boundary is missing")?;
        if piece.starts_with("--") {
            break;
        }
        if parts.len() == MAX_PARTS {
            return Err("too many parts");
        }
        parts.push(part(piece.trim_start_matches('\n'), authorization)?);
    }
    if parts.is_empty() { Err("a batch without parts") } else { Ok(parts) }
}

fn part(text: &str, authorization: Option<&str>) -> Result<Part, &'static str> {
    let (outer, inner) = text.split_once("\n\n").ok_or("a part without a request")?;
    // Python's mail library folds long headers: a line that begins with a blank belongs to the one before it.
    let outer = &outer.replace("\n ", " ").replace("\n\t", " ");
    let kind = header(outer, "content-type").unwrap_or_default();
    // Google's sample for Node says that its parts are JSON.
    if !matches!(kind, "application/http" | "application/json") {
        return Err("a part that is not application/http");
    }
    let id = header(outer, "content-id").map(|id| id.trim_start_matches('<').trim_end_matches('>').to_owned());
    let (head, body) = inner.split_once("\n\n").unwrap_or((inner, ""));
    let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err("a part without a request line") };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = web::Query::<Vec<(String, String)>>::from_query(query).map_err(|_| "a query that can't be read")?.into_inner();
    let own = header(headers, "authorization");
    let request = ApiRequest {
        method: method.to_uppercase(),
        path: path.to_owned(),
        query,
        authorization: own.or(authorization).map(str::to_owned),
        body: body.trim().as_bytes().to_vec(),
        in_batch: true,
    };
    Ok(Part { id, request })
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.into_iter().find(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Writes the answers of a batch.
pub(super) fn answer(answers: &[(Part, ApiAnswer)], boundary: &str) -> String {
    let mut out = String::new();
    for (part, answer) in answers {
        let body = if answer.body == Value::Null { String::new() } else { answer.body.to_string() };
        let mut one = format!("--{boundary}\r\nContent-Type: application/http\r\n");
        let mut line = |text: std::fmt::Arguments<'_>| one.write_fmt(format_args!("{text}\r\n")).unwrap_or_default();
        if let Some(id) = &part.id {
            line(format_args!("Content-ID: <response-{id}>"));
        }
        let reason = actix_web::http::StatusCode::from_u16(answer.status).ok().and_then(|status| status.canonical_reason());
        line(format_args!("\r\nHTTP/1.1 {} {}", answer.status, reason.unwrap_or("Unknown")));
        line(format_args!("Content-Type: application/json; charset=UTF-8"));
        if let Some(seconds) = answer.retry_after {
            line(format_args!("Retry-After: {seconds}"));
        }
        line(format_args!("Content-Length: {}\r\n\r\n{body}", body.len()));
        out += &one;
    }
    out + &format!("--{boundary}--\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_googles_clients_write_them() {
        let python = "--===1==\r\nContent-Type: application/http\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n\
                      Content-ID: <b29c +\r\n 1>\r\n\r\nPATCH /walletobjects/v1/loyaltyObject/1.a?alt=json HTTP/1.1\r\n\
                      Content-Type: application/json\r\nHost: x\r\n\r\n{\"accountId\": \"a\"}\r\n--===1==\r\n\
                      Content-Type: application/json\r\n\r\nGET /walletobjects/v1/loyaltyObject/1.b\r\n\r\n--===1==--";
        let parts = parse(python, "===1==", Some("Bearer x")).unwrap();
        let [first, second] = parts.as_slice() else { panic!("two parts") };
        assert_eq!(first.id.as_deref(), Some("b29c + 1"));
        assert_eq!(
            (first.request.method.as_str(), first.request.path.as_str()),
            ("PATCH", "/walletobjects/v1/loyaltyObject/1.a")
        );
        assert_eq!(first.request.query, [("alt".to_owned(), "json".to_owned())]);
        assert_eq!(first.request.body, b"{\"accountId\": \"a\"}");
        assert_eq!((second.request.method.as_str(), second.request.authorization.as_deref()), ("GET", Some("Bearer x")));
        for wrong in ["", "--===1==\r\n\r\n", "--===1==--", "--===1==\r\nContent-Type: text/plain\r\n\r\nGET /\r\n--===1==--"] {
            assert!(parse(wrong, "===1==", None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_boundary_may_be_quoted() {
        assert_eq!(boundary("multipart/mixed; boundary=\"===1==\"").as_deref(), Some("===1=="));
        assert_eq!(boundary("multipart/mixed; charset=x; boundary=abc").as_deref(), Some("abc"));
        assert_eq!(boundary("application/json"), None);
    }
}
