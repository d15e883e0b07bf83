//! What can be wrong with a configuration beyond types: bounds, things that need each other, the shapes of addresses.

use std::path::Path;

use super::{AppleAccount, Config, Limits, Server};

/// Origins that may frame the pages: they all stand in one header.
const MOST_FRAMING_ORIGINS: usize = 20;

impl Config {
    /// What is wrong beyond types: the setting and a sentence that goes on from its name.
    pub(super) fn findings(&self) -> Vec<(String, String)> {
        let mut found = Found::default();
        self.server.check(&mut found);
        self.limits.check(&mut found);
        found.expect(self.pages.framed_by.len() <= MOST_FRAMING_ORIGINS, "pages.framed_by", "must name at most 20 origins");
        self.redis.check(&mut |right, key, what| found.expect(right, &format!("redis.{key}"), what));
        if let Err(what) = self.database.parsed() {
            found.expect(false, "database.url", &what);
        }
        found.expect((2..=500).contains(&self.database.connections), "database.connections", "must be from 2 to 500");
        for (place, account) in self.apple.iter().enumerate() {
            account.check(&mut |right, key, what| found.expect(right, &format!("apple.{place}.{key}"), what));
        }
        for (place, account) in self.google.iter().enumerate() {
            account.check(&mut |right, key, what| found.expect(right, &format!("google.{place}.{key}"), what));
        }
        self.mail.check(&mut |right, key, what| found.expect(right, &format!("mail.{key}"), what));
        self.sms.check(&mut |right, key, what| found.expect(right, &format!("sms.{key}"), what));
        found.0
    }
}

/// Collects what is wrong.
#[derive(Default)]
struct Found(Vec<(String, String)>);

impl Found {
    fn expect(&mut self, right: bool, key: &str, what: &str) {
        if !right {
            self.0.push((key.to_owned(), what.to_owned()));
        }
    }
}

impl Server {
    fn check(&self, found: &mut Found) {
        let given = self.public_url.is_some();
        found.expect(given, "server.public_url", "must be given: the https:// address where phones reach this gateway");
        let right = self.public_url.as_deref().is_none_or(is_public_url);
        found.expect(right, "server.public_url", "must be https://, a host and perhaps a port, with nothing after it");
        let reachable = self.listen.0.is_some() || self.tls_listen.0.is_some();
        found.expect(reachable, "server.listen", "and server.tls_listen are both off: nobody could reach this gateway");
        let tls_right = self.tls_listen.0.is_none() || (self.tls_certificate_file.is_some() && self.tls_key_file.is_some());
        found.expect(tls_right, "server.tls_listen", "needs server.tls_certificate_file and server.tls_key_file");
        found.expect((1..=600).contains(&self.shutdown_seconds), "server.shutdown_seconds", "must be from 1 to 600");
        found.expect(self.drain_seconds <= 600, "server.drain_seconds", "must be from 0 to 600");
        found.expect(self.workers <= 1_024, "server.workers", "must be from 0 to 1024");
    }
}

impl Limits {
    fn check(&self, found: &mut Found) {
        let rates = [
            ("limits.address_per_second", self.address_per_second),
            ("limits.address_burst", self.address_burst),
            ("limits.key_per_second", self.key_per_second),
            ("limits.key_burst", self.key_burst),
            ("limits.terminal_per_second", self.terminal_per_second),
            ("limits.terminal_burst", self.terminal_burst),
            ("limits.organisation_per_second", self.organisation_per_second),
            ("limits.organisation_burst", self.organisation_burst),
            ("limits.failed_sign_ins", self.failed_sign_ins),
            ("limits.joins_per_hour", self.joins_per_hour),
        ];
        for (key, value) in rates {
            found.expect((1..=1_000_000).contains(&value), key, "must be from 1 to 1000000");
        }
        found.expect((16..=1_000_000).contains(&self.connections), "limits.connections", "must be from 16 to 1000000");
        found.expect((1..=600).contains(&self.request_seconds), "limits.request_seconds", "must be from 1 to 600");
        found.expect((1..=60).contains(&self.head_seconds), "limits.head_seconds", "must be from 1 to 60");
        found.expect((1..=60).contains(&self.body_seconds), "limits.body_seconds", "must be from 1 to 60");
        found.expect((1..=600).contains(&self.keep_alive_seconds), "limits.keep_alive_seconds", "must be from 1 to 600");
    }
}

impl AppleAccount {
    fn check(&self, expect: &mut dyn FnMut(bool, &str, &str)) {
        expect(self.pass_type_id.starts_with("pass."), "pass_type_id", "must be given and begin with pass.");
        let team_right = self.team_id.len() == 10 && self.team_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        expect(team_right, "team_id", "must be ten letters and digits");
        expect(self.certificate_file != Path::new(""), "certificate_file", "must be given");
        expect(self.key_file != Path::new(""), "key_file", "must be given");
        expect(self.intermediate_file != Path::new(""), "intermediate_file", "must be given");
        expect(self.apns_url.starts_with("https://"), "apns_url", "must begin with https://");
    }
}

/// Whether a text is `https://host[:port]` and no more.
fn is_public_url(text: &str) -> bool {
    let Some(authority) = text.strip_prefix("https://") else { return false };
    let parsed: Result<http::uri::Authority, _> = authority.parse();
    parsed.is_ok_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
        && !authority.contains(['/', '?', '#'])
}
