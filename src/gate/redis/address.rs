//! The address of Redis as an operator writes it: one server, Sentinels that know the master, or a Cluster; each plain or by TLS.
//!
//! Owns the text's grammar and says in a sentence what was meant by a wrong one. Never quotes user or password. Connects to nobody.

use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

/// The port of a server, and of a Sentinel, unless the address says otherwise.
const SERVER_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// Servers that an address may name: the others of a Cluster are found by asking these.
const MOST_HOSTS: usize = 20;

/// The highest number of a database that Redis can be configured to have, generously.
const HIGHEST_DATABASE: i64 = 1_023;

/// What may stand at the beginning; the sentence goes on from the name of the setting.
const FORMS: &str = "must begin with redis://, rediss:// or unix:// for one server, redis+sentinel:// or rediss+sentinel:// for a master \
                     that Sentinels know, redis+cluster:// or rediss+cluster:// for a Cluster (rediss is with TLS)";

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Host {
    /// A name or an IP address, without brackets.
    pub name: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

/// What stands behind an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// One server.
    Server(Host),
    /// One server on this machine.
    Socket(PathBuf),
    /// The master that these Sentinels name.
    Sentinels {
        /// Where they are.
        hosts: Vec<Host>,
        /// What they call the master.
        master: String,
    },
    /// The Cluster that these belong to.
    Cluster(Vec<Host>),
}

/// How bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    /// As they are.
    Plain,
    /// By TLS; certificates are always verified.
    Tls,
}

/// An address that was read. Its user and password are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisAddress {
    pub(super) form: Form,
    pub(super) transport: Transport,
    pub(super) user: Option<String>,
    pub(super) password: Option<Zeroizing<String>>,
    pub(super) database: i64,
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RedisAddress");
        shown.field("form", &self.form).field("transport", &self.transport).field("database", &self.database);
        shown.finish_non_exhaustive()
    }
}

impl RedisAddress {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong and what was meant: a sentence that goes on from the name of the setting, without user and password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or(FORMS)?;
        let (transport, kind) = match scheme {
            "redis" | "redis+sentinel" | "redis+cluster" => (Transport::Plain, &scheme[5..]),
            "rediss" | "rediss+sentinel" | "rediss+cluster" => (Transport::Tls, &scheme[6..]),
            "unix" | "redis+unix" => return socket(rest),
            other => return Err(meant(other)),
        };
        if rest.contains('#') {
            return Err(
                "must have nothing behind #: certificates are always verified; redis.ca_file names whom to trust, and a # in a \
                        password is written %23"
                    .to_owned(),
            );
        }
        if rest.contains('?') {
            return Err("must have nothing behind ?; a ? in a password is written %3F".to_owned());
        }
        let (user, password, rest) = credentials(rest)?;
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let port = if kind == "+sentinel" { SENTINEL_PORT } else { SERVER_PORT };
        let hosts = hosts.split(',').map(|text| host(text, port)).collect::<Result<Vec<Host>, String>>()?;
        if hosts.len() > MOST_HOSTS {
            return Err(format!("must name at most {MOST_HOSTS} servers: the others are found by asking these"));
        }
        let (form, database) = match kind {
            "+sentinel" => sentinels(hosts, path)?,
            "+cluster" if path.trim_matches('0').is_empty() => (Form::Cluster(hosts), 0),
            "+cluster" => return Err("must have nothing behind the servers: a Cluster has but one database".to_owned()),
            _ => (Form::Server(only(hosts)?), database(path)?),
        };
        Ok(Self { form, transport, user, password, database })
    }

    /// Whether it goes by TLS.
    #[must_use]
    pub fn uses_tls(&self) -> bool {
        self.transport == Transport::Tls
    }

    /// Whether Sentinels are asked.
    #[must_use]
    pub fn uses_sentinels(&self) -> bool {
        matches!(self.form, Form::Sentinels { .. })
    }
}

/// What was probably meant by another beginning.
fn meant(scheme: &str) -> String {
    let lower = scheme.to_ascii_lowercase();
    let tls = if lower.starts_with("rediss") || lower.starts_with("valkeys") { "rediss" } else { "redis" };
    if lower.contains("sentinel") {
        format!("{FORMS}; {tls}+sentinel://host:{SENTINEL_PORT}/master-name was meant")
    } else if lower.contains("cluster") {
        format!("{FORMS}; {tls}+cluster://host:{SERVER_PORT} was meant")
    } else {
        FORMS.to_owned()
    }
}

fn socket(path: &str) -> Result<RedisAddress, String> {
    if !path.starts_with('/') || path.len() == 1 {
        return Err("must name the whole path of the socket: unix:///run/redis/redis.sock".to_owned());
    }
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut address = RedisAddress {
        form: Form::Socket(PathBuf::from(path)),
        transport: Transport::Plain,
        user: None,
        password: None,
        database: 0,
    };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("db", text)) => address.database = database(text)?,
            Some(("user", text)) => address.user = Some(decoded(text)?),
            Some(("pass", text)) => address.password = Some(Zeroizing::new(decoded(text)?)),
            _ => return Err("may have db, user and pass behind its ?, and nothing else".to_owned()),
        }
    }
    Ok(address)
}

type Credentials<'a> = (Option<String>, Option<Zeroizing<String>>, &'a str);

/// User and password, and what stands behind them.
fn credentials(rest: &str) -> Result<Credentials<'_>, String> {
    let Some((who, rest)) = rest.rsplit_once('@') else { return Ok((None, None, rest)) };
    if who.contains(['@', '/']) {
        return Err("must have an @ or / in a user or password written %40 or %2F".to_owned());
    }
    let (user, password) = who.split_once(':').map_or((who, None), |(user, password)| (user, Some(password)));
    let password = password.map(decoded).transpose()?.map(Zeroizing::new);
    if !user.is_empty() && password.is_none() {
        return Err(
            "must have a password with its user: user:password@host; a password alone is written :password@host".to_owned()
        );
    }
    Ok(((!user.is_empty()).then(|| decoded(user)).transpose()?, password, rest))
}

fn host(text: &str, default_port: u16) -> Result<Host, String> {
    let (name, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((name, "")) => (name, None),
        Some((name, port)) => (name, Some(port.strip_prefix(':').unwrap_or_default())),
        None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    let port = port.map_or(Some(default_port), |port| port.parse().ok().filter(|port| *port != 0));
    let right = |letter: char| letter.is_ascii_alphanumeric() || "-._:".contains(letter);
    match port {
        Some(port) if !name.is_empty() && name.chars().all(right) => Ok(Host { name: name.to_owned(), port }),
        _ => Err("must name each server as host:port, with commas between several and an IPv6 address in brackets".to_owned()),
    }
}

fn only(hosts: Vec<Host>) -> Result<Host, String> {
    let [host] = <[Host; 1]>::try_from(hosts).map_err(
        |_| "names several servers: write redis+sentinel:// if they are Sentinels, redis+cluster:// if they are a Cluster",
    )?;
    Ok(host)
}

fn sentinels(hosts: Vec<Host>, path: &str) -> Result<(Form, i64), String> {
    let (master, number) = path.split_once('/').unwrap_or((path, ""));
    if master.is_empty() {
        return Err(
            "must end with what the Sentinels call the master: redis+sentinel://host:26379,host:26379/master-name".to_owned()
        );
    }
    Ok((Form::Sentinels { hosts, master: decoded(master)? }, database(number)?))
}

fn database(text: &str) -> Result<i64, String> {
    match text {
        "" => Ok(0),
        number => number
            .parse()
            .ok()
            .filter(|number| (0..=HIGHEST_DATABASE).contains(number))
            .ok_or_else(|| "must end with the number of a database, such as /0, or with nothing".to_owned()),
    }
}

/// A text with its `%41` as they were meant.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit =
            |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(match byte {
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => return Err("must have a % in a user or password written %25".to_owned()),
            },
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| "must be UTF-8 in user and password".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str, port: u16) -> Host {
        Host { name: name.to_owned(), port }
    }

    fn parsed(text: &str) -> RedisAddress {
        RedisAddress::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_three_forms_are_read() {
        let one = parsed("redis://gate:s%40crét@10.0.0.1:6380/3");
        assert_eq!((one.form, one.database, one.transport), (Form::Server(at("10.0.0.1", 6380)), 3, Transport::Plain));
        assert_eq!((one.user.as_deref(), one.password.as_ref().map(|word| word.as_str())), (Some("gate"), Some("s@crét")));
        assert_eq!(parsed("rediss://:word@redis.example").form, Form::Server(at("redis.example", 6379)));
        assert_eq!(parsed("redis://[::1]:7000").form, Form::Server(at("::1", 7000)));
        assert_eq!(parsed("redis://[::1]/").form, Form::Server(at("::1", 6379)));

        let sentinels = parsed("rediss+sentinel://gate:word@a:1,b,[::1]:3/my-master/2");
        let hosts = vec![at("a", 1), at("b", 26379), at("::1", 3)];
        assert_eq!(sentinels.form, Form::Sentinels { hosts, master: "my-master".to_owned() });
        assert_eq!((sentinels.database, sentinels.transport, sentinels.uses_sentinels()), (2, Transport::Tls, true));

        let cluster = parsed("redis+cluster://:word@a:1,b:2/0");
        assert_eq!((cluster.form, cluster.user), (Form::Cluster(vec![at("a", 1), at("b", 2)]), None));
        let socket = parsed("unix:///run/redis.sock?db=2&user=gate&pass=a%26b");
        assert_eq!((socket.form, socket.database), (Form::Socket(PathBuf::from("/run/redis.sock")), 2));
        assert_eq!(socket.password.as_ref().map(|word| word.as_str()), Some("a&b"));
    }

    #[test]
    fn a_wrong_address_is_told_by_what_was_meant_and_never_quoted() {
        let cases = [
            ("", "must begin with redis://"),
            ("127.0.0.1:6379", "must begin with redis://"),
            ("http://u:swordfish@h", "must begin with redis://"),
            ("redis-sentinel://u:swordfish@h/m", "redis+sentinel://host:26379/master-name was meant"),
            ("rediss-cluster://:swordfish@h", "rediss+cluster://host:6379 was meant"),
            ("redis://:swordfish@a:1,b:2", "write redis+sentinel:// if they are Sentinels"),
            ("redis+sentinel://:swordfish@a:1,b:2", "must end with what the Sentinels call the master"),
            ("redis+sentinel://a/m/x", "number of a database"),
            ("redis+cluster://a:1/3", "a Cluster has but one database"),
            ("redis://:swordfish@h:port", "host:port"),
            ("redis://:swordfish@h:0", "host:port"),
            ("redis://:swordfish@", "host:port"),
            ("redis://::1:6379", "an IPv6 address in brackets"),
            ("rediss://:swordfish@h/#insecure", "always verified"),
            ("redis://:swordfish@h?protocol=resp3", "nothing behind ?"),
            ("redis://:sword/fish@h", "%2F"),
            ("redis://:sword%fish@h", "%25"),
            ("redis://swordfish@h", "user:password@host"),
            ("redis://h/-1", "number of a database"),
            ("unix://run/redis.sock", "whole path"),
            ("unix:///r?secret=swordfish", "db, user and pass"),
        ];
        for (text, sentence) in cases {
            let said = RedisAddress::parse(text).unwrap_err();
            assert!(said.contains(sentence), "{text}: {said}");
            assert!(!said.contains("fish"), "{said}");
        }
        let many = vec!["h"; MOST_HOSTS + 1].join(",");
        assert!(RedisAddress::parse(&format!("redis+cluster://{many}")).unwrap_err().contains("at most 20"));
        assert!(!format!("{:?}", parsed("redis://gate:swordfish@h")).contains("swordfish"));
    }
}
