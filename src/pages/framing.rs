//! Who may show our pages within pages of theirs: nobody, unless the operator names them.
//!
//! A page in somebody else's frame can be made invisible above something harmless, so that a press meant for the one lands on the other.
//! Hence the list holds whole origins that the operator trusts as his own, never a pattern.

use serde::{Deserialize, Deserializer};

/// Letters of the longest origin: a host name has 253.
const LONGEST_ORIGIN: usize = 300;

/// The origin of a page: `https://` and a host, perhaps a port; `http://` for this machine alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramingOrigin(String);

/// A text that is no such origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not an origin such as https://till.example.com, or http://localhost:8090 of this machine itself")]
pub struct FramingOriginError(String);

impl FramingOrigin {
    /// Reads an origin. What a policy would take for more than one origin (blanks, semicolons, `*`) is none.
    ///
    /// # Errors
    /// It is not an origin, or not one that may frame.
    pub fn parse(text: &str) -> Result<Self, FramingOriginError> {
        let right = text.len() <= LONGEST_ORIGIN
            && match text.split_once("://") {
                Some(("https", authority)) => is_authority(authority, |_| true),
                Some(("http", authority)) => is_authority(authority, |host| matches!(host, "localhost" | "127.0.0.1" | "[::1]")),
                _ => false,
            };
        if right { Ok(Self(text.to_owned())) } else { Err(FramingOriginError(text.to_owned())) }
    }
}

/// Whether a text is a host that may be there, and perhaps a port.
fn is_authority(text: &str, may: impl Fn(&str) -> bool) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let plain = |host: &str| {
        let letters = host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
        letters && host.starts_with(|first: char| first.is_ascii_alphanumeric()) && !host.ends_with(['.', '-'])
    };
    let port_right = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number > 0 && number.to_string() == port));
    (plain(host) || host == "[::1]") && port_right && may(host)
}

impl<'de> Deserialize<'de> for FramingOrigin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// What the pages say of frames.
#[derive(Debug, Clone, Default)]
pub struct Framing(Vec<FramingOrigin>);

impl Framing {
    /// Frames of these origins, and of no other.
    #[must_use]
    pub const fn by(origins: Vec<FramingOrigin>) -> Self {
        Self(origins)
    }

    /// Whether nobody may.
    #[must_use]
    pub const fn is_forbidden(&self) -> bool {
        self.0.is_empty()
    }

    /// The same for a page that may be framed by its own server in any case.
    #[must_use]
    pub fn ancestors_besides_self(&self) -> String {
        if self.is_forbidden() { "'self'".to_owned() } else { format!("'self' {}", self.ancestors()) }
    }

    /// As `frame-ancestors` has it.
    #[must_use]
    pub fn ancestors(&self) -> String {
        if self.is_forbidden() {
            return "'none'".to_owned();
        }
        self.0.iter().map(|origin| origin.0.as_str()).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_origins_may_frame() {
        let good = ["https://till.example.com", "https://till.example.com:8443", "http://localhost:8090", "http://127.0.0.1:1"];
        for text in good.into_iter().chain(["http://[::1]:8090", "https://10.0.0.7"]) {
            assert_eq!(FramingOrigin::parse(text).map(|origin| origin.0).as_deref(), Ok(text));
        }
        let bad = [
            "",
            "*",
            "https:",
            "https://",
            "https://*.example.com",
            "http://till.example.com",
            "http://127.0.0.1.evil.example",
            "https://a.example/",
            "https://a.example/b",
            "https://a@b.example",
            "https://a.example;script-src *",
            "https://a.example https://b.example",
            "https://a.example,https://b.example",
            "'self'",
            "data:",
            "https://a.example:",
            "https://a.example:0",
            "https://a.example:65536",
            "https://a.example:+80",
            "https://a.example:080",
            "https://A.example",
            "http://[::2]:80",
            "https://a.example\r\nx: y",
        ];
        for text in bad {
            assert!(FramingOrigin::parse(text).is_err(), "{text}");
        }
        assert!(FramingOrigin::parse(&format!("https://{}.example", "a".repeat(LONGEST_ORIGIN))).is_err());
    }

    #[test]
    fn nobody_may_unless_named() {
        assert_eq!(Framing::default().ancestors(), "'none'");
        let named = ["https://a.example", "http://localhost:1"].map(|text| FramingOrigin::parse(text).expect("an origin"));
        assert_eq!(Framing::by(named.to_vec()).ancestors(), "https://a.example http://localhost:1");
    }
}
