//! Reading the configuration: file first, then the environment; each mistake with its place and what was meant.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::{Config, SecretText};

/// What the names of environment variables begin with.
const PREFIX: &str = "WALAA_";

/// What stands between section and key in such a name.
const SEPARATOR: &str = "__";

/// Bytes of the largest file that holds a secret address.
const MAX_SECRET_BYTES: u64 = 4_096;

/// Accounts that the environment may add one after the other.
const MAX_ACCOUNTS: usize = 100;

/// Where a setting was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file, and the line if it is known.
    File(PathBuf, Option<usize>),
    /// An environment variable.
    Environment(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, Some(line)) => write!(f, "{}, line {line}", path.display()),
            Self::File(path, None) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
        }
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub origin: Origin,
    /// What, in a sentence; never the text of a secret.
    pub what: String,
}

impl Finding {
    /// A mistake at a place.
    #[must_use]
    pub fn new(origin: Origin, what: impl Into<String>) -> Self {
        Self { origin, what: what.into() }
    }

    /// A mistake in a setting, at the place where it was given.
    pub(super) fn at(sources: &Sources, key: &str, what: impl Into<String>) -> Self {
        Self::new(sources.origin_of(key), what)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.what)
    }
}

/// Why a configuration is not used: everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub findings: Vec<Finding>,
}

impl ConfigError {
    pub(super) fn one(finding: Finding) -> Self {
        Self { findings: vec![finding] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, finding) in self.findings.iter().enumerate() {
            write!(f, "{}{finding}", if place == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// What a configuration is read from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The file's name, for messages.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
    /// The environment; only names that begin with `WALAA_` and name a section matter.
    pub environment: BTreeMap<String, String>,
}

impl Sources {
    fn overrides(&self) -> impl Iterator<Item = (&str, &str)> {
        let ours = |name: &str| name.strip_prefix(PREFIX).is_some_and(|rest| rest.contains(SEPARATOR));
        self.environment.iter().filter(move |(name, _)| ours(name)).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether a setting was given at all.
    fn gives(&self, key: &str) -> bool {
        self.variable_of(key).is_some() || self.line_of_key(key).is_some()
    }

    fn origin_of(&self, key: &str) -> Origin {
        match self.variable_of(key) {
            Some(name) => Origin::Environment(name),
            None => Origin::File(self.file.clone(), self.line_of_key(key).or_else(|| self.line_of_section(key))),
        }
    }

    fn variable_of(&self, key: &str) -> Option<String> {
        let name = format!("{PREFIX}{}", key.to_uppercase().replace('.', SEPARATOR));
        self.environment.contains_key(&name).then_some(name)
    }

    /// The line of `section.key` or, in a list of tables, of `section.0.key`.
    fn line_of_key(&self, path: &str) -> Option<usize> {
        let table = toml::de::DeTable::parse(&self.text).ok()?;
        let mut steps = path.split('.');
        let section = table.get_ref().get(steps.next()?)?.get_ref();
        let step = steps.next()?;
        let (section, key) = match (section.as_array(), step.parse::<usize>()) {
            (Some(list), Ok(place)) => (list.get(place)?.get_ref(), steps.next()?),
            _ => (section, step),
        };
        let (key, _) = section.as_table()?.get_key_value(key)?;
        Some(line_at(&self.text, key.span().start))
    }

    fn line_of_section(&self, path: &str) -> Option<usize> {
        let section = path.split('.').next()?;
        let is_header = |line: &str| line.trim().trim_matches(['[', ']']).trim() == section && line.trim().starts_with('[');
        self.text.lines().position(is_header).map(|place| place + 1)
    }
}

/// Reads file and environment.
pub(super) fn parse(sources: &Sources) -> Result<Config, ConfigError> {
    let in_file = |error: toml::de::Error| {
        let line = error.span().map(|span| line_at(&sources.text, span.start));
        let section = error.span().and_then(|span| section_at(&sources.text, span.start));
        ConfigError::one(Finding::new(Origin::File(sources.file.clone(), line), explain(error.message(), section.as_deref())))
    };
    let mut config: Config = toml::from_str(&sources.text).map_err(in_file)?;
    let mut table: toml::Table = toml::from_str(&sources.text).map_err(in_file)?;
    for (name, value) in sources.overrides() {
        let wrong = |what: String| ConfigError::one(Finding::new(Origin::Environment(name.to_owned()), what));
        (config, table) = overridden(&table, name, value).map_err(wrong)?;
    }
    Ok(config)
}

/// The table with one variable's value in its place: as text if that fits, else as the number, truth value or list that it is.
fn overridden(table: &toml::Table, name: &str, value: &str) -> Result<(Config, toml::Table), String> {
    let path = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase();
    let path: Vec<&str> = path.split(SEPARATOR).collect();
    let literal = toml::from_str::<toml::Table>(&format!("value = {value}")).ok().and_then(|mut table| table.remove("value"));
    let mut first_error = None;
    for candidate in std::iter::once(toml::Value::String(value.to_owned())).chain(literal) {
        let mut changed = table.clone();
        put(&mut changed, &path, candidate)?;
        match Config::deserialize_table(changed.clone()) {
            Ok(config) => return Ok((config, changed)),
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    let section = path.first().copied();
    Err(first_error.map(|error| explain(error.message(), section)).unwrap_or_default())
}

fn put(table: &mut toml::Table, path: &[&str], value: toml::Value) -> Result<(), String> {
    match path {
        [section, place, key] if place.parse::<usize>().is_ok() => {
            let place: usize = place.parse().unwrap_or(MAX_ACCOUNTS);
            let list = table.entry(*section).or_insert_with(|| toml::Value::Array(Vec::new()));
            let list = list.as_array_mut().ok_or_else(|| format!("{section} is not a list"))?;
            if place > list.len() || place >= MAX_ACCOUNTS {
                return Err(format!("the next place in the list {section} is {}", list.len()));
            }
            if place == list.len() {
                list.push(toml::Value::Table(toml::Table::new()));
            }
            let account = list[place].as_table_mut().ok_or_else(|| format!("{section} is not a list of sections"))?;
            account.insert((*key).to_owned(), value);
            Ok(())
        }
        [section, key] => {
            let section = table.entry(*section).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            let section =
                section.as_table_mut().ok_or("this section is a list: put the place between, as in WALAA_APPLE__0__NFC")?;
            section.insert((*key).to_owned(), value);
            Ok(())
        }
        _ => Err(format!("is not of the form {PREFIX}SECTION{SEPARATOR}KEY")),
    }
}

impl Config {
    fn deserialize_table(table: toml::Table) -> Result<Self, toml::de::Error> {
        table.try_into()
    }
}

/// Reads the addresses that stand in files of their own.
pub(super) fn take_secrets(config: &mut Config, sources: &Sources, folder: &Path) -> Result<(), ConfigError> {
    if let Some(file) = &config.database.url_file {
        config.database.url = secret(sources, ("database.url", "database.url_file"), &folder.join(file))?;
    }
    if let Some(file) = &config.database.owner_url_file {
        let keys = ("database.owner_url", "database.owner_url_file");
        config.database.owner_url = Some(secret(sources, keys, &folder.join(file))?);
    }
    if let Some(file) = &config.redis.url_file {
        config.redis.url = Some(secret(sources, ("redis.url", "redis.url_file"), &folder.join(file))?);
    }
    if let Some(file) = &config.redis.sentinel_password_file {
        let keys = ("redis.sentinel_password", "redis.sentinel_password_file");
        config.redis.sentinel_password = Some(secret(sources, keys, &folder.join(file))?);
    }
    Ok(())
}

fn secret(sources: &Sources, (key, file_key): (&str, &str), path: &Path) -> Result<SecretText, ConfigError> {
    let wrong = |what: String| ConfigError::one(Finding::at(sources, file_key, what));
    if sources.gives(key) {
        return Err(wrong(format!("{file_key} and {key} are both given: keep one of them")));
    }
    let size = std::fs::metadata(path).map(|metadata| metadata.len());
    let text = size.and_then(|size| if size > MAX_SECRET_BYTES { Ok(String::new()) } else { std::fs::read_to_string(path) });
    let text = text.map_err(|error| wrong(format!("{} can't be read: {error}", path.display())))?;
    if text.trim().is_empty() {
        return Err(wrong(format!("{} is empty or has more than {MAX_SECRET_BYTES} bytes", path.display())));
    }
    Ok(SecretText::new(text.trim()))
}

/// What serde says, for people: an unknown name with the one that was probably meant.
fn explain(message: &str, section: Option<&str>) -> String {
    let message = message.trim();
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = if message.starts_with("unknown field") {
        "setting"
    } else if message.starts_with("unknown variant") {
        "value"
    } else {
        return message.to_owned();
    };
    let name = quoted.next().unwrap_or_default();
    let known: Vec<&str> = quoted.collect();
    let place = section.map(|section| format!(" in [{section}]")).unwrap_or_default();
    let meant = match nearest(name, &known) {
        Some(meant) => format!("did you mean {meant}?"),
        None => match Config::section_of(name).filter(|_| unknown == "setting") {
            Some(section) => format!("it belongs in [{section}]"),
            None => format!("known here: {}", known.join(", ")),
        },
    };
    format!("unknown {unknown} {name}{place}; {meant}")
}

impl Config {
    /// The sections that there are.
    #[must_use]
    pub fn sections() -> Vec<String> {
        known_names("no-such-section = 1")
    }

    /// The settings of a section.
    #[must_use]
    pub fn keys_of(section: &str) -> Vec<String> {
        let single = known_names(&format!("[{section}]\nno-such-setting = 1"));
        if single.is_empty() { known_names(&format!("[[{section}]]\nno-such-setting = 1")) } else { single }
    }

    fn section_of(key: &str) -> Option<String> {
        Self::sections().into_iter().find(|section| Self::keys_of(section).iter().any(|known| known == key))
    }
}

/// The names that serde offers in place of an unknown one: the types themselves are the list.
fn known_names(text: &str) -> Vec<String> {
    let Err(error) = toml::from_str::<Config>(text) else { return Vec::new() };
    if !error.message().starts_with("unknown field") {
        return Vec::new();
    }
    error.message().split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

/// The name that is nearest to what was written, if any is near.
fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let (far, best) = known.iter().map(|name| (distance(written, name), *name)).min()?;
    (far <= written.len().max(3) / 3).then_some(best)
}

/// How many letters have to be changed, added or taken away to make one text of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = place + 1;
        for (column, their) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *their);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The section that a place of the text is in; none for a place in a header.
fn section_at(text: &str, offset: usize) -> Option<String> {
    let line_start = text.get(..offset)?.rfind('\n').map_or(0, |end| end + 1);
    let is_header = |line: &&str| line.trim_start().starts_with('[');
    if is_header(&&text[line_start..]) {
        return None;
    }
    let header = text[..line_start].lines().rev().find(is_header)?;
    Some(header.split('#').next()?.trim().trim_matches(['[', ']']).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "[server]\npublic_url = \"https://wallet.example.com\"\n";

    fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("walaa.toml");
        std::fs::write(&file, text).unwrap();
        std::fs::write(folder.path().join("redis-url.txt"), "\n redis://:swordfish@127.0.0.1:6379\n").unwrap();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let shown = |error: ConfigError| error.to_string().replace(&format!("{}/", folder.path().display()), "");
        Config::load(&file, environment).map_err(shown)
    }

    #[test]
    fn unknown_names_are_refused_with_their_line_and_what_was_meant() {
        let cases = [
            ("[server]\nlisen = \"\"\n", "walaa.toml, line 2: unknown setting lisen in [server]; did you mean listen?"),
            ("\n\n[sever]\nlisten = \"\"\n", "walaa.toml, line 3: unknown setting sever; did you mean server?"),
            (
                "[server]\non_down = \"refuse\"\n",
                "walaa.toml, line 2: unknown setting on_down in [server]; it belongs in [redis]",
            ),
            ("[redis]\non_down = \"degrad\"\n", "walaa.toml, line 2: unknown value degrad in [redis]; did you mean degrade?"),
            ("[log]\nzzzzzzzz = 1\n", "walaa.toml, line 2: unknown setting zzzzzzzz in [log]; known here: format, level"),
            ("[[apple]]\nteam = \"X\"\n", "walaa.toml, line 2: unknown setting team in [apple]; known here: "),
        ];
        for (text, message) in cases {
            let said = load(text, &[]).unwrap_err();
            assert!(said.starts_with(message), "{said}\nis not\n{message}");
        }
    }

    #[test]
    fn wrong_types_and_broken_files_name_their_line() {
        let types = load("[server]\npublic_url = \"https://x.example\"\nworkers = \"many\"\n", &[]).unwrap_err();
        assert!(types.starts_with("walaa.toml, line 3: "), "{types}");
        let broken = load("[server\n", &[]).unwrap_err();
        assert!(broken.starts_with("walaa.toml, line 1: "), "{broken}");
        let address = load("[server]\nlisten = \"localhost\"\n", &[]).unwrap_err();
        assert!(address.contains("line 2") && address.contains("127.0.0.1:8080"), "{address}");
    }

    #[test]
    fn the_environment_wins_and_is_blamed_for_its_own_mistakes() {
        let config = load(
            MINIMAL,
            &[
                ("WALAA_SERVER__PUBLIC_URL", "https://other.example:8443"),
                ("WALAA_SERVER__WORKERS", "3"),
                ("WALAA_SERVER__TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
                ("WALAA_REDIS__PREFIX", "7"),
                ("WALAA_APPLE__0__PASS_TYPE_ID", "pass.com.example.card"),
                ("WALAA_APPLE__0__TEAM_ID", "ABCDE12345"),
                ("WALAA_APPLE__0__CERTIFICATE_FILE", "/c/pass.pem"),
                ("WALAA_APPLE__0__KEY_FILE", "pass.key"),
                ("WALAA_APPLE__0__INTERMEDIATE_FILE", "wwdr.pem"),
                ("WALAA_APPLE__0__NFC", "true"),
                ("WALAA_CONFIG", "walaa.toml"),
                ("PATH", "/bin"),
            ],
        )
        .unwrap();
        assert_eq!(config.server.public_url.as_deref(), Some("https://other.example:8443"));
        assert_eq!(config.server.workers, 3);
        assert_eq!(config.server.trusted_proxies.len(), 1);
        assert_eq!(config.redis.prefix, "7", "a text that looks like a number");
        assert!(config.apple[0].nfc);
        assert_eq!(config.apple[0].certificate_file, Path::new("/c/pass.pem"));
        assert!(config.apple[0].key_file.is_absolute(), "relative paths start at the file's folder");

        let unknown = load(MINIMAL, &[("WALAA_SERVER__LISEN", "x")]).unwrap_err();
        assert_eq!(unknown, "environment variable WALAA_SERVER__LISEN: unknown setting lisen in [server]; did you mean listen?");
        let wrong = load(MINIMAL, &[("WALAA_SERVER__WORKERS", "many")]).unwrap_err();
        assert!(wrong.starts_with("environment variable WALAA_SERVER__WORKERS: "), "{wrong}");
        let range = load(MINIMAL, &[("WALAA_REDIS__TIMEOUT_MS", "0")]).unwrap_err();
        assert_eq!(range, "environment variable WALAA_REDIS__TIMEOUT_MS: redis.timeout_ms must be from 1 to 5000");
        let gap = load(MINIMAL, &[("WALAA_APPLE__1__NFC", "true")]).unwrap_err();
        assert!(gap.contains("the next place in the list apple is 0"), "{gap}");
    }

    #[test]
    fn secrets_come_from_files_and_are_never_printed() {
        let text = format!("{MINIMAL}[redis]\nurl_file = \"redis-url.txt\"\n");
        let config = load(&text, &[]).unwrap();
        assert_eq!(config.redis.url.as_ref().map(SecretText::expose), Some("redis://:swordfish@127.0.0.1:6379"));
        assert!(!format!("{config:?}").contains("swordfish"));

        let both = load(&text, &[("WALAA_REDIS__URL", "redis://:swordfish@10.0.0.1")]).unwrap_err();
        assert!(both.contains("redis.url_file and redis.url are both given") && !both.contains("swordfish"), "{both}");
        let bad = load(MINIMAL, &[("WALAA_REDIS__URL", "http://:swordfish@10.0.0.1")]).unwrap_err();
        assert!(bad.contains("must begin with redis://") && !bad.contains("swordfish"), "{bad}");
        let missing = load(&text.replace("redis-url", "no-such"), &[]).unwrap_err();
        assert!(missing.starts_with("walaa.toml, line 4: "), "{missing}");
    }

    #[test]
    fn all_mistakes_of_meaning_are_told_at_once() {
        let said = load("[server]\ntls_listen = \"0.0.0.0:443\"\n\n[redis]\ntimeout_ms = 0\n", &[]).unwrap_err();
        let lines: Vec<_> = said.lines().collect();
        assert_eq!(lines.len(), 3, "{said}");
        assert!(lines[0].starts_with("walaa.toml, line 1: server.public_url must be given"), "{said}");
        assert!(lines[1].starts_with("walaa.toml, line 2: server.tls_listen needs"), "{said}");
        assert!(lines[2].starts_with("walaa.toml, line 5: redis.timeout_ms"), "{said}");
    }

    #[test]
    fn only_named_origins_may_frame_the_pages() {
        let load = |value: &str| load(&format!("{MINIMAL}[pages]\nframed_by = {value}\n"), &[]);
        assert!(super::tests::load(MINIMAL, &[]).unwrap().pages.framed_by.is_empty(), "nobody unless named");
        let named = load("[\"https://till.example.com\", \"http://127.0.0.1:8090\"]").unwrap();
        assert_eq!(named.pages.framed_by.len(), 2);
        for bad in ["*", "http://till.example.com", "https://till.example.com/", "https://a.example; script-src *"] {
            let said = load(&format!("[\"{bad}\"]")).unwrap_err();
            assert!(said.starts_with("walaa.toml, line 4: ") && said.contains("is not an origin"), "{said}");
        }
        let many: Vec<_> = (0..21).map(|number| format!("\"https://a{number}.example\"")).collect();
        let said = load(&format!("[{}]", many.join(","))).unwrap_err();
        assert_eq!(said, "walaa.toml, line 4: pages.framed_by must name at most 20 origins");
        let set = super::tests::load(MINIMAL, &[("WALAA_PAGES__FRAMED_BY", "[\"https://till.example.com\"]")]).unwrap();
        assert_eq!(set.pages.framed_by.len(), 1);
    }

    #[test]
    fn the_public_address_is_an_origin_and_no_more() {
        for good in ["https://wallet.example.com", "https://127.0.0.1:8443", "https://[::1]:8443"] {
            assert!(load(&format!("[server]\npublic_url = \"{good}\"\n"), &[]).is_ok(), "{good}");
        }
        for bad in
            ["http://wallet.example.com", "https://", "https://x.example/", "https://x.example/a", "https://a@x.example", "x"]
        {
            assert!(load(&format!("[server]\npublic_url = \"{bad}\"\n"), &[]).is_err(), "{bad}");
        }
    }
}
