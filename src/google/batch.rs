//! Many calls in one request: multipart/mixed as Google's own clients write it, and the answers back in the order of the calls.

use super::client::{Action, Call};
use super::transport::Answer;

/// What stands between parts. Bodies are JSON on one line, which has no such line in it.
const BOUNDARY: &str = "===============walaa==";

/// What stands before the number in a part's id; ids count within one request only.
const ID_BASE: &str = "walaa";

/// The content type of the request.
pub(super) fn content_type() -> String {
    format!("multipart/mixed; boundary=\"{BOUNDARY}\"")
}

/// The body of the request. `host` is whom the inner requests name.
pub(super) fn write(calls: &[Call], host: &str) -> Vec<u8> {
    let mut out = String::new();
    for (at, call) in calls.iter().enumerate() {
        out += &format!(
            "--{BOUNDARY}\r\nContent-Type: application/http\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n\
             Content-ID: <{ID_BASE} + {at}>\r\n\r\n{} {}?alt=json HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n",
            call.action.method(),
            call.path(),
        );
        let body = match &call.action {
            Action::Get => String::new(),
            Action::Insert(body) | Action::Patch(body) => body.to_string(),
            Action::AddMessage(message) => serde_json::json!({"message": message}).to_string(),
        };
        if !body.is_empty() {
            out += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        out += &format!("\r\n{body}\r\n");
    }
    out += &format!("--{BOUNDARY}--\r\n");
    out.into_bytes()
}

/// One part of the answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PartAnswer<'a> {
    pub(super) status: u16,
    pub(super) retry_after: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// The answers of so many calls, each where its call stood; `None` where there is none to be found.
pub(super) fn read(answer: &Answer, calls: usize) -> Vec<Option<PartAnswer<'_>>> {
    let mut found: Vec<Option<PartAnswer<'_>>> = (0..calls).map(|_| None).collect();
    let content_type = answer.headers.get(reqwest::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(boundary) = content_type.and_then(boundary) else { return found };
    let delimiter = format!("--{boundary}");
    for part in split(&answer.body, delimiter.as_bytes()) {
        let Some((at, part)) = read_part(part) else { continue };
        if let Some(place) = found.get_mut(at).filter(|place| place.is_none()) {
            *place = Some(part);
        }
    }
    found
}

/// The boundary of a content type, in quotation marks or not.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then_some(value)
    })?;
    let value = value.trim().trim_matches('"');
    (!value.is_empty()).then_some(value)
}

/// What stands between delimiter lines; what stands before the first and after the last is nothing.
fn split<'a>(body: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
    let mut starts = Vec::new();
    let mut at = 0;
    while let Some(found) = find(&body[at..], delimiter) {
        let start = at + found;
        if start == 0 || body[start - 1] == b'\n' {
            starts.push(start);
        }
        at = start + delimiter.len();
    }
    starts.windows(2).map(|pair| &body[pair[0] + delimiter.len()..pair[1]]).collect()
}

/// The place of a call and the HTTP answer within a part.
fn read_part(part: &[u8]) -> Option<(usize, PartAnswer<'_>)> {
    let (outer, inner) = head_and_body(part)?;
    let id = header(outer, "content-id")?.trim_matches(['<', '>']);
    let (base, number) = id.rsplit_once('+')?;
    if base.trim() != format!("response-{ID_BASE}") {
        return None;
    }
    let (head, body) = head_and_body(inner)?;
    let status = head.split_ascii_whitespace().nth(1)?.parse().ok().filter(|status| (100..600).contains(status))?;
    let retry_after = header(head, "retry-after");
    Some((number.trim().parse().ok()?, PartAnswer { status, retry_after, body: body.trim_ascii() }))
}

/// What stands before the first empty line, and after it.
fn head_and_body(text: &[u8]) -> Option<(&str, &[u8])> {
    let ends = [&b"\r\n\r\n"[..], b"\n\n"].map(|end| find(text, end).map(|at| (at, at + end.len())));
    // A head without a body ends where its part does.
    let (end, body) = ends.into_iter().flatten().min().unwrap_or((text.len(), text.len()));
    Some((std::str::from_utf8(&text[..end]).ok()?.trim_start(), &text[body..]))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(found, _)| found.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;
    use reqwest::header::{CONTENT_TYPE, HeaderMap};

    use super::*;

    fn answer(content_type: &str, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().unwrap());
        Answer { status: StatusCode::OK, headers, body: body.as_bytes().to_vec() }
    }

    fn part(id: &str, inner: &str) -> String {
        format!("--b\r\nContent-Type: application/http\r\nContent-ID: <{id}>\r\n\r\n{inner}\r\n")
    }

    #[test]
    fn answers_find_their_calls_whatever_their_order() {
        let body = part("response-walaa + 2", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"at\":2}\r\n")
            + &part("response-walaa + 0", "HTTP/1.1 404 Not Found\nRetry-After: 3\n\n{\"at\": \"--b\"}")
            + "--b--\r\nafterwards";
        for content_type in ["multipart/mixed; boundary=b", "Multipart/Mixed; charset=utf-8; Boundary=\"b\""] {
            let answer = answer(content_type, &body);
            let read = read(&answer, 3);
            assert_eq!(read[0], Some(PartAnswer { status: 404, retry_after: Some("3"), body: b"{\"at\": \"--b\"}" }));
            assert_eq!(read[1], None);
            assert_eq!(read[2], Some(PartAnswer { status: 200, retry_after: None, body: b"{\"at\":2}" }));
        }
    }

    #[test]
    fn what_is_no_answer_to_a_call_is_passed_over() {
        let good = part("response-walaa + 0", "HTTP/1.1 200 OK\r\n\r\n{}");
        let twice = format!("{good}{}--b--", part("response-walaa + 0", "HTTP/1.1 500 No\r\n\r\n{}"));
        assert_eq!(read(&answer("multipart/mixed; boundary=b", &twice), 1)[0].as_ref().unwrap().status, 200);
        let strange = [
            part("response-other + 0", "HTTP/1.1 200 OK\r\n\r\n{}"),
            part("response-walaa + 1", "HTTP/1.1 200 OK\r\n\r\n{}"),
            part("response-walaa + x", "HTTP/1.1 200 OK\r\n\r\n{}"),
            part("response-walaa + 0", "nothing"),
            part("response-walaa + 0", "HTTP/1.1 9999 OK\r\n\r\n{}"),
            "--b\r\n\r\n".to_owned(),
        ];
        for text in strange {
            assert_eq!(read(&answer("multipart/mixed; boundary=b", &format!("{text}--b--")), 1), [None], "{text}");
        }
        for content_type in ["application/json", "multipart/mixed", "multipart/mixed; boundary=", "multipart/mixed; boundary=c"] {
            assert_eq!(read(&answer(content_type, &twice), 1), [None], "{content_type}");
        }
    }
}
