//! The scanner's session in a browser: which cookies it is made of, and what a browser says of where it comes from. Texts only.

/// The cookie that holds the till's key.
pub const TILL_COOKIE: &str = "walaa-till";

/// The cookie that holds the open shift with its secret; it ends with the browser.
pub const SHIFT_COOKIE: &str = "walaa-shift";

/// How a browser reached us.
#[derive(Debug, Clone, Copy)]
pub struct Reached<'a> {
    /// `https` or `http`, as the connection or the proxy before us says.
    pub scheme: &'a str,
    /// The host, with its port unless it is the usual one.
    pub host: &'a str,
    /// Where clients are told to reach us.
    pub public_url: &'a str,
}

impl Reached<'_> {
    /// Whether it was over HTTPS.
    #[must_use]
    pub fn over_https(&self) -> bool {
        self.scheme == "https" || self.public_url.strip_prefix("https://").is_some_and(|host| host == self.host)
    }

    /// The name of a cookie. Over HTTPS no neighbouring host can plant it; plain HTTP, which only a machine talking to itself uses, has
    /// names of its own.
    #[must_use]
    pub fn cookie_name(&self, name: &str) -> String {
        if self.over_https() { format!("__Host-{name}") } else { name.to_owned() }
    }

    /// Whether a request's `Origin` is this server.
    #[must_use]
    pub fn is_own(&self, origin: &str) -> bool {
        origin == self.public_url || origin.split_once("://").is_some_and(|(_, host)| host == self.host)
    }
}

/// The value of a cookie in the `Cookie` headers of a request; an empty one is none.
pub fn cookie<'a>(headers: impl Iterator<Item = &'a str>, name: &str) -> Option<String> {
    let mut pairs = headers.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_plain_http_is_none_over_https() {
        let plain = Reached { scheme: "http", host: "127.0.0.1:8080", public_url: "https://cards.example" };
        assert_eq!(plain.cookie_name(TILL_COOKIE), "walaa-till");
        for (scheme, host) in [("https", "127.0.0.1:8080"), ("http", "cards.example")] {
            assert_eq!(Reached { scheme, host, ..plain }.cookie_name(TILL_COOKIE), "__Host-walaa-till", "{scheme} {host}");
        }
        assert_eq!(cookie(["a=1; walaa-till=x"].into_iter(), "walaa-till").as_deref(), Some("x"));
        assert_eq!(cookie(["walaa-till=x"].into_iter(), "__Host-walaa-till"), None);
        assert_eq!(cookie(["walaa-till="].into_iter(), "walaa-till"), None);
    }

    #[test]
    fn only_our_own_origin_is_ours() {
        let reached = Reached { scheme: "http", host: "127.0.0.1:8080", public_url: "https://cards.example" };
        assert!(reached.is_own("https://cards.example") && reached.is_own("http://127.0.0.1:8080"));
        for other in [
            "null",
            "",
            "https://evil.example",
            "http://127.0.0.1:8081",
            "http://127.0.0.1",
            "https://cards.example.evil.example",
        ] {
            assert!(!reached.is_own(other), "{other}");
        }
    }
}
