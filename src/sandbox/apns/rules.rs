//! What APNs checks in a push, in Apple's words. Pure but for the state that is handed in.
//!
//! Stricter than Apple in one thing: a push by certificate must name its topic, since leaving it out works by luck only.

use http::HeaderMap;
use http::request::Parts;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::{Shared, State, TokenState, UnknownTokens};
use crate::clock::Timestamp;

/// Apple's limit for a regular payload.
pub(super) const MAX_PAYLOAD_BYTES: usize = 4 * 1024;

/// Apple's limit for a collapse id.
const MAX_COLLAPSE_ID_BYTES: usize = 64;

/// A provider token is refused when it is older.
const PROVIDER_TOKEN_LIFETIME_SECONDS: i64 = 60 * 60;

/// A new provider token is refused sooner than this after the one before.
const PROVIDER_TOKEN_PAUSE_SECONDS: i64 = 20 * 60;

/// Clocks may differ by so much.
const CLOCK_SKEW_SECONDS: i64 = 5 * 60;

/// Instants before this are not instants: somebody sent a number of seconds from now.
const EARLIEST_EXPIRATION: i64 = 1_000_000_000;

const PUSH_TYPES: &[&str] = &[
    "alert",
    "background",
    "complication",
    "controls",
    "fileprovider",
    "liveactivity",
    "location",
    "mdm",
    "pushtotalk",
    "voip",
    "widgets",
];

/// A refusal in Apple's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    pub reason: String,
    pub timestamp: Option<Timestamp>,
}

impl Refusal {
    fn new(status: u16, reason: &str) -> Self {
        Self { status, reason: reason.to_owned(), timestamp: None }
    }
}

/// Checks method, path, headers; answers the token and the topic.
pub(super) fn check_head(head: &Parts, certificate_topic: Option<&str>, shared: &Shared) -> Result<(String, String), Refusal> {
    let token = check_path(head)?;
    if shared.unknown_tokens == UnknownTokens::Refuse && !is_device_token(&token) {
        return Err(Refusal::new(400, "BadDeviceToken"));
    }
    check_duplicates(&head.headers)?;
    check_headers(&head.headers)?;
    let topic = text(&head.headers, "apns-topic").ok_or_else(|| Refusal::new(400, "MissingTopic"))?;
    if !topic.starts_with("pass.") || !topic.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-') {
        return Err(Refusal::new(400, "BadTopic"));
    }
    match certificate_topic {
        Some(own) if own != topic => return Err(Refusal::new(400, "TopicDisallowed")),
        Some(_) => {}
        None => check_provider_token(&head.headers, shared)?,
    }
    Ok((token, topic.to_owned()))
}

/// Checks the payload once the head was found good.
pub(super) fn check_payload(payload: &[u8]) -> Result<(), Refusal> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(Refusal::new(413, "PayloadTooLarge"));
    }
    match serde_json::from_slice::<serde_json::Value>(payload) {
        Ok(serde_json::Value::Object(_)) => Ok(()),
        _ => Err(Refusal::new(400, "PayloadEmpty")),
    }
}

/// Checks that a phone answers to the token.
pub(super) fn check_token(token: &str, state: &State, unknown: UnknownTokens) -> Result<(), Refusal> {
    match state.tokens.get(token) {
        Some(TokenState::Known) => Ok(()),
        Some(TokenState::Gone { since }) => {
            Err(Refusal { status: 410, reason: "Unregistered".to_owned(), timestamp: Some(*since) })
        }
        None if unknown == UnknownTokens::Accept => Ok(()),
        None => Err(Refusal::new(400, "BadDeviceToken")),
    }
}

fn check_path(head: &Parts) -> Result<String, Refusal> {
    if head.method != http::Method::POST {
        return Err(Refusal::new(405, "MethodNotAllowed"));
    }
    let path = head.uri.path();
    let token = path.strip_prefix("/3/device").ok_or_else(|| Refusal::new(404, "BadPath"))?;
    match token.strip_prefix('/') {
        None if token.is_empty() => Err(Refusal::new(400, "MissingDeviceToken")),
        None => Err(Refusal::new(404, "BadPath")),
        Some("") => Err(Refusal::new(400, "MissingDeviceToken")),
        Some(token) if is_word(token) => Ok(token.to_owned()),
        Some(_) => Err(Refusal::new(400, "BadDeviceToken")),
    }
}

/// What may stand in the path at all; a stand-in that accepts unknown tokens takes whatever somebody made up who plays a phone by hand.
fn is_word(text: &str) -> bool {
    (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn is_device_token(text: &str) -> bool {
    (64..=200).contains(&text.len()) && text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn check_duplicates(headers: &HeaderMap) -> Result<(), Refusal> {
    let doubled = headers.keys().any(|name| name.as_str().starts_with("apns-") && headers.get_all(name).iter().count() > 1);
    if doubled { Err(Refusal::new(400, "DuplicateHeaders")) } else { Ok(()) }
}

fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    let bad = |reason| Err(Refusal::new(400, reason));
    if text(headers, "apns-id").is_some_and(|id| !is_uuid(id)) {
        return bad("BadMessageId");
    }
    if let Some(expiration) = text(headers, "apns-expiration") {
        match expiration.parse::<i64>() {
            Ok(0) => {}
            Ok(instant) if instant >= EARLIEST_EXPIRATION => {}
            _ => return bad("BadExpirationDate"),
        }
    }
    let push_type = text(headers, "apns-push-type");
    if push_type.is_some_and(|push_type| !PUSH_TYPES.contains(&push_type)) {
        return bad("InvalidPushType");
    }
    match text(headers, "apns-priority") {
        None | Some("1" | "5") => {}
        Some("10") if push_type != Some("background") => {}
        Some(_) => return bad("BadPriority"),
    }
    if text(headers, "apns-collapse-id").is_some_and(|id| id.is_empty() || id.len() > MAX_COLLAPSE_ID_BYTES) {
        return bad("BadCollapseId");
    }
    Ok(())
}

/// A header as text; one that is not text counts as a bad value of it.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    iat: i64,
}

/// Checks the JWT of a client without certificate.
fn check_provider_token(headers: &HeaderMap, shared: &Shared) -> Result<(), Refusal> {
    let refused = |reason| Refusal::new(403, reason);
    let bearer = text(headers, "authorization").ok_or_else(|| refused("MissingProviderToken"))?;
    let token = bearer.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer ")).and_then(|_| bearer.get(7..));
    let token = token.ok_or_else(|| refused("InvalidProviderToken"))?;
    let key_id = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
    let key = shared.provider_keys.iter().find(|key| Some(&key.key_id) == key_id.as_ref());
    let key = key.ok_or_else(|| refused("InvalidProviderToken"))?;

    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    let claims = DecodingKey::from_ec_pem(&key.public_pem)
        .and_then(|public| jsonwebtoken::decode::<Claims>(token, &public, &validation))
        .map_err(|_| refused("InvalidProviderToken"))?
        .claims;
    if claims.iss != key.team_id {
        return Err(refused("InvalidProviderToken"));
    }
    let age_seconds = shared.clock.now().seconds() - claims.iat;
    if !(-CLOCK_SKEW_SECONDS..=PROVIDER_TOKEN_LIFETIME_SECONDS).contains(&age_seconds) {
        return Err(refused("ExpiredProviderToken"));
    }
    let mut state = shared.state();
    let last = state.provider_tokens.entry(key.key_id.clone()).or_insert(claims.iat);
    if claims.iat != *last && (claims.iat - *last).abs() < PROVIDER_TOKEN_PAUSE_SECONDS {
        return Err(Refusal::new(429, "TooManyProviderTokenUpdates"));
    }
    *last = claims.iat;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(build: impl Fn(http::request::Builder) -> http::request::Builder) -> Parts {
        let path = format!("/3/device/{}", "ab".repeat(32));
        let request = build(http::Request::post(path).header("apns-topic", "pass.org.example.coffee"));
        request.body(()).unwrap().into_parts().0
    }

    fn refused(build: impl Fn(http::request::Builder) -> http::request::Builder) -> (u16, String) {
        let head = head(build);
        let result = check_path(&head)
            .map(drop)
            .and_then(|()| check_duplicates(&head.headers))
            .and_then(|()| check_headers(&head.headers));
        let refusal = result.unwrap_err();
        (refusal.status, refusal.reason)
    }

    #[test]
    fn a_push_as_the_reference_describes_it_passes() {
        let head = head(|r| {
            r.header("apns-id", "01234567-89ab-cdef-0123-456789abcdef")
                .header("apns-expiration", "1800000000")
                .header("apns-priority", "5")
                .header("apns-push-type", "background")
        });
        assert_eq!(check_path(&head), Ok("ab".repeat(32)));
        assert_eq!(check_headers(&head.headers), Ok(()));
        assert_eq!(check_payload(b"{}"), Ok(()));
        assert_eq!(check_payload(br#"{"aps":{}}"#), Ok(()));
    }

    #[test]
    fn whatever_apple_refuses_is_refused_with_apples_word() {
        let case = |status, reason: &str| (status, reason.to_owned());
        assert_eq!(refused(|r| r.method("GET")), case(405, "MethodNotAllowed"));
        assert_eq!(refused(|r| r.uri("/4/device/ab")), case(404, "BadPath"));
        assert_eq!(refused(|r| r.uri("/3/devices/ab")), case(404, "BadPath"));
        assert_eq!(refused(|r| r.uri("/3/device/")), case(400, "MissingDeviceToken"));
        assert_eq!(refused(|r| r.uri("/3/device/ab%20cd")), case(400, "BadDeviceToken"));
        assert!(!is_device_token("abcd") && !is_device_token(&"zz".repeat(32)) && is_device_token(&"ab".repeat(32)));
        assert_eq!(refused(|r| r.header("apns-topic", "pass.two")), case(400, "DuplicateHeaders"));
        assert_eq!(refused(|r| r.header("apns-id", "seven")), case(400, "BadMessageId"));
        assert_eq!(refused(|r| r.header("apns-expiration", "86400")), case(400, "BadExpirationDate"));
        assert_eq!(refused(|r| r.header("apns-expiration", "soon")), case(400, "BadExpirationDate"));
        assert_eq!(refused(|r| r.header("apns-priority", "7")), case(400, "BadPriority"));
        assert_eq!(refused(|r| r.header("apns-priority", "10").header("apns-push-type", "background")), case(400, "BadPriority"));
        assert_eq!(refused(|r| r.header("apns-push-type", "loud")), case(400, "InvalidPushType"));
        assert_eq!(refused(|r| r.header("apns-collapse-id", "x".repeat(65))), case(400, "BadCollapseId"));
        assert_eq!(check_payload(b"").unwrap_err().reason, "PayloadEmpty");
        assert_eq!(check_payload(b"[]").unwrap_err().reason, "PayloadEmpty");
        assert_eq!(check_payload(&vec![b' '; MAX_PAYLOAD_BYTES + 1]).unwrap_err().status, 413);
    }
}
