//! The section `[redis]`: the shared gate.

use std::path::PathBuf;

use serde::Deserialize;

use super::SecretText;
use crate::gate::RedisAddress;

/// What to do while Redis can't be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedisDown {
    /// The ledger decides alone.
    #[default]
    Degrade,
    /// Refuse with 503.
    Refuse,
}

/// The shared gate.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// Where Redis is; may hold a password.
    pub url: Option<SecretText>,
    /// A file that holds the address.
    pub url_file: Option<PathBuf>,
    /// Whom to trust for TLS.
    pub ca_file: Option<PathBuf>,
    /// Who we are to the Sentinels.
    pub sentinel_user: Option<String>,
    /// Our password there.
    pub sentinel_password: Option<SecretText>,
    /// A file that holds that password.
    pub sentinel_password_file: Option<PathBuf>,
    /// What stands before every key.
    pub prefix: String,
    /// What to do while it can't be reached.
    pub on_down: RedisDown,
    /// How long it may take for an answer.
    pub timeout_ms: u64,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            ca_file: None,
            sentinel_user: None,
            sentinel_password: None,
            sentinel_password_file: None,
            prefix: "walaa:".to_owned(),
            on_down: RedisDown::default(),
            timeout_ms: 20,
        }
    }
}

impl Redis {
    pub(super) fn check(&self, expect: &mut dyn FnMut(bool, &str, &str)) {
        expect((1..=5_000).contains(&self.timeout_ms), "timeout_ms", "must be from 1 to 5000");
        let one_place = "must have no { or }: on a Cluster all keys would live on one node";
        expect(!self.prefix.contains(['{', '}']), "prefix", one_place);
        let (mut tls, mut sentinels) = (false, false);
        match self.url.as_ref().map(|url| RedisAddress::parse(url.expose())) {
            Some(Ok(address)) => (tls, sentinels) = (address.uses_tls(), address.uses_sentinels()),
            Some(Err(what)) => return expect(false, "url", &what),
            None => {}
        }
        let without_tls = "is given, but redis.url is without TLS: begin it with rediss";
        expect(tls || self.ca_file.is_none(), "ca_file", without_tls);
        let without_sentinels = "is given, but redis.url names no Sentinels: redis+sentinel://host:26379/master-name";
        expect(sentinels || self.sentinel_user.is_none(), "sentinel_user", without_sentinels);
        expect(sentinels || self.sentinel_password.is_none(), "sentinel_password", without_sentinels);
        let alone = "needs redis.sentinel_password";
        expect(self.sentinel_user.is_none() || self.sentinel_password.is_some(), "sentinel_user", alone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_of(redis: &Redis) -> Vec<String> {
        let mut said = Vec::new();
        redis.check(&mut |right, key, what| said.extend((!right).then(|| format!("redis.{key} {what}"))));
        said
    }

    #[test]
    fn settings_of_redis_that_do_not_fit_its_address_are_told() {
        let at = |url: &str| Redis { url: Some(SecretText::new(url)), ..Redis::default() };
        let word = || Some(SecretText::new("swordfish"));
        let watched = "rediss+sentinel://walaa:swordfish@a:1,b:2/shop";
        let right = Redis {
            ca_file: Some("ca.pem".into()),
            sentinel_user: Some("look".to_owned()),
            sentinel_password: word(),
            ..at(watched)
        };
        assert_eq!(said_of(&right), [""; 0]);
        let cases = [
            (at("redis-cluster://:swordfish@a"), "redis.url must begin with redis://"),
            (at("redis+sentinel://:swordfish@a"), "redis.url must end with what the Sentinels call the master"),
            (Redis { ca_file: Some("ca.pem".into()), ..at("redis://a") }, "redis.ca_file is given, but redis.url is without TLS"),
            (Redis { ca_file: Some("ca.pem".into()), ..Redis::default() }, "redis.ca_file is given, but"),
            (Redis { sentinel_password: word(), ..at("redis://a") }, "redis.sentinel_password is given, but redis.url names no"),
            (
                Redis { sentinel_user: Some("look".to_owned()), ..at(watched) },
                "redis.sentinel_user needs redis.sentinel_password",
            ),
            (Redis { prefix: "{walaa}:".to_owned(), ..at("redis+cluster://a") }, "redis.prefix must have no { or }"),
        ];
        for (redis, sentence) in cases {
            let said = said_of(&redis);
            assert!(said.len() == 1 && said[0].starts_with(sentence) && !said[0].contains("swordfish"), "{sentence}: {said:?}");
        }
    }
}
