//! What a phone asks: the method and path of a request, read as one of Apple's endpoints.
//!
//! Paths are read leniently, since some clients put a slash too many before `/v1` and escape what needs no escaping: empty
//! segments are skipped and every segment is percent-decoded.

use std::fmt::Write as _;

use actix_web::http::Method;

/// The longest segment of a path that is looked at; ids are a quarter of it.
const MAX_SEGMENT_BYTES: usize = 256;

/// The longest path that is looked at.
const MAX_PATH_BYTES: usize = 2_048;

/// One of Apple's endpoints with what its path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// A phone wants to hear of a pass.
    Register { device: String, target: Target },
    /// A phone has no more interest in a pass.
    Unregister { device: String, target: Target },
    /// Which passes changed.
    List { device: String, pass_type: String },
    /// The pass, or only its headers.
    Fetch(Target),
    /// What went wrong on the phone.
    Log,
}

/// The pass that a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub pass_type: String,
    pub serial: String,
}

/// Why a request is none of the endpoints.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoCall {
    /// There is nothing at the path.
    Path,
    /// The path takes other methods: these.
    Method(&'static str),
}

impl Call {
    /// Reads a request's method and the path below the web service's base.
    pub fn parse(method: &Method, path: &str) -> Result<Self, NoCall> {
        let segments = segments(path).ok_or(NoCall::Path)?;
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match *segments.as_slice() {
            ["v1", "devices", device, "registrations", pass_type, serial] => {
                let (device, target) = (device.to_owned(), Target::new(pass_type, serial));
                match *method {
                    Method::POST => Ok(Self::Register { device, target }),
                    Method::DELETE => Ok(Self::Unregister { device, target }),
                    _ => Err(NoCall::Method("POST, DELETE")),
                }
            }
            ["v1", "devices", device, "registrations", pass_type] => match *method {
                Method::GET => Ok(Self::List { device: device.to_owned(), pass_type: pass_type.to_owned() }),
                _ => Err(NoCall::Method("GET")),
            },
            ["v1", "passes", pass_type, serial] => match *method {
                Method::GET | Method::HEAD => Ok(Self::Fetch(Target::new(pass_type, serial))),
                _ => Err(NoCall::Method("GET, HEAD")),
            },
            ["v1", "log"] => match *method {
                Method::POST => Ok(Self::Log),
                _ => Err(NoCall::Method("POST")),
            },
            _ => Err(NoCall::Path),
        }
    }

    /// The word for metrics.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Register { .. } => "register",
            Self::Unregister { .. } => "unregister",
            Self::List { .. } => "list",
            Self::Fetch(_) => "fetch",
            Self::Log => "log",
        }
    }
}

impl Target {
    fn new(pass_type: &str, serial: &str) -> Self {
        Self { pass_type: pass_type.to_owned(), serial: serial.to_owned() }
    }
}

/// The value of `passesUpdatedSince`. Absent, empty or not a number of ours: everything (`None`), never an error.
pub(super) fn update_tag(query: &str) -> Option<i64> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("passesUpdatedSince="))?;
    decode(value)?.trim().parse().ok().filter(|tag| *tag >= 0)
}

/// A path of the web service as it may be logged: a device id is a secret, so it is masked.
#[must_use]
pub fn loggable_path(path: &str) -> String {
    let mut masked = String::with_capacity(path.len());
    let mut after_devices = false;
    for (place, segment) in path.split('/').enumerate() {
        if place > 0 {
            masked.push('/');
        }
        if after_devices && !segment.is_empty() {
            let device = decode(segment).unwrap_or_default();
            let written = write!(masked, "~{}", super::device_log::fingerprint(&device));
            written.expect("writing to a String never fails");
            after_devices = false;
        } else {
            masked.push_str(segment);
            after_devices = after_devices || segment == "devices";
        }
    }
    masked
}

fn segments(path: &str) -> Option<Vec<String>> {
    if path.len() > MAX_PATH_BYTES {
        return None;
    }
    path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect()
}

/// Percent-decodes; `None` for broken escapes, control characters, what is not UTF-8, and what is too long.
fn decode(segment: &str) -> Option<String> {
    if segment.len() > MAX_SEGMENT_BYTES {
        return None;
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().filter(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_too_many_and_needless_escapes_are_read() {
        for path in ["/v1/passes/pass.a/s1", "//v1/passes/pass.a/s1", "/v1//passes/pass%2Ea/%731/", "v1/passes/pass.a/s1"] {
            assert_eq!(Call::parse(&Method::GET, path), Ok(Call::Fetch(Target::new("pass.a", "s1"))), "{path}");
        }
        let registration = "/v1/devices/d%20x/registrations/pass.a/s1";
        let expected = Call::Register { device: "d x".to_owned(), target: Target::new("pass.a", "s1") };
        assert_eq!(Call::parse(&Method::POST, registration), Ok(expected));
        assert_eq!(Call::parse(&Method::POST, "/v1/log"), Ok(Call::Log));
    }

    #[test]
    fn other_paths_and_methods_are_told_apart() {
        assert_eq!(Call::parse(&Method::POST, "/v1/passes/pass.a/s1/personalize"), Err(NoCall::Path));
        assert_eq!(Call::parse(&Method::GET, "/v2/log"), Err(NoCall::Path));
        assert_eq!(Call::parse(&Method::GET, "/v1/log"), Err(NoCall::Method("POST")));
        assert_eq!(Call::parse(&Method::PUT, "/v1/passes/pass.a/s1"), Err(NoCall::Method("GET, HEAD")));
        for broken in ["/v1/passes/pass.a/%", "/v1/passes/pass.a/%zz", "/v1/passes/pass.a/%ff", "/v1/passes/pass.a/%00"] {
            assert_eq!(Call::parse(&Method::GET, broken), Err(NoCall::Path), "{broken}");
        }
    }

    #[test]
    fn a_tag_that_is_not_ours_asks_for_everything() {
        for query in ["", "passesUpdatedSince=", "passesUpdatedSince=2026-01-01T00:00:00%2B00:00", "passesUpdatedSince=-1", "x=1"]
        {
            assert_eq!(update_tag(query), None, "{query}");
        }
        assert_eq!(update_tag("passesUpdatedSince=1767225600123"), Some(1_767_225_600_123));
        assert_eq!(update_tag("a=b&passesUpdatedSince=%37"), Some(7));
        assert_eq!(update_tag("passesUpdatedSince=99999999999999999999"), None);
    }

    #[test]
    fn a_logged_path_does_not_tell_the_device() {
        let path = loggable_path("/apple//v1/devices/0123456789abcdef0123456789abcdef/registrations/pass.a/s1");
        assert!(path.starts_with("/apple//v1/devices/~") && path.ends_with("/registrations/pass.a/s1"), "{path}");
        assert!(!path.contains("0123456789abcdef"));
        assert_eq!(loggable_path("/v1/passes/pass.a/s1"), "/v1/passes/pass.a/s1");
    }
}
