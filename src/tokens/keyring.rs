//! The master keys: any number by key id (kid), one of them current. Reading and writing their text; what is derived is in `derive`.
//!
//! A new kid is added to rotate; old ones go on verifying until an operator retires them, after their passes were re-issued. The
//! masters are backed up apart from the database (`export`): without them installed passes would be refused for ever.

use std::collections::BTreeMap;
use std::fmt;
use std::fmt::Write as _;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::hex;

/// Bytes of a master key.
const MASTER_BYTES: usize = 32;

/// Distinct byte values that 32 random bytes all but certainly have; fewer means a typed or default secret.
const FEWEST_DISTINCT_BYTES: usize = 12;

/// The version of the key file's format.
const FILE_VERSION: u32 = 1;

/// The salt under which every master is extracted: it separates this product's keys from any other use of the same bytes.
const EXTRACT_SALT: &[u8] = b"walaa/v1/master";

/// The number of a master key, from 1; it stands in every token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kid(pub u8);

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A key id that the keyring does not hold: it was never there or it was retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the keyring has no key {0}")]
pub struct UnknownKid(pub Kid);

/// Why a text is not a keyring or a change to one is refused. Never says what the text held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// The text is not TOML of the right shape.
    #[error("the key file can't be read{}: it needs version, current and [keys] with 64 hexadecimal digits for each number", at_line(*.line))]
    Malformed {
        /// The line where reading stopped, if that is known.
        line: Option<usize>,
    },
    /// The format is of another version.
    #[error("the key file has version {0}; this program reads version 1")]
    Version(u32),
    /// A number of a key is not 1 to 255.
    #[error("a key number must be 1 to 255")]
    BadKid,
    /// A key is not 64 hexadecimal digits.
    #[error("key {0} is not 64 hexadecimal digits")]
    BadKey(Kid),
    /// A key is too regular to have been random.
    #[error("key {0} is not random")]
    WeakKey(Kid),
    /// The same secret stands under two numbers.
    #[error("key {0} is the same as another key")]
    RepeatedKey(Kid),
    /// The current key is not in the file.
    #[error("the current key {0} is not among the keys")]
    CurrentMissing(Kid),
    /// The current key can't be retired.
    #[error("key {0} is the current one: rotate first")]
    CurrentInUse(Kid),
    /// The key to retire is not there.
    #[error(transparent)]
    Unknown(#[from] UnknownKid),
    /// All numbers are taken.
    #[error("all 255 key numbers are taken: retire one first")]
    Full,
}

fn at_line(line: Option<usize>) -> String {
    line.map(|line| format!(" at line {line}")).unwrap_or_default()
}

/// The master keys of a gateway.
pub struct Keyring {
    current: Kid,
    masters: BTreeMap<Kid, Master>,
}

/// One master key: its bytes for the file, and extracted for derivation.
struct Master {
    bytes: Zeroizing<[u8; MASTER_BYTES]>,
    extracted: hkdf::Prk,
}

/// The key file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    version: u32,
    current: u8,
    keys: BTreeMap<String, String>,
}

impl Keyring {
    /// A keyring of one key with number 1, from bytes of the machine's random source.
    ///
    /// # Errors
    /// Bytes that are not random.
    pub fn generate(random: [u8; MASTER_BYTES]) -> Result<Self, KeyringError> {
        let mut keyring = Self { current: Kid(1), masters: BTreeMap::new() };
        keyring.insert(Kid(1), Zeroizing::new(random))?;
        Ok(keyring)
    }

    /// Adds a key under the next free number and makes it current: what is derived from now on uses it.
    ///
    /// # Errors
    /// Bytes that are not random, or no free number.
    pub fn rotate(&mut self, random: [u8; MASTER_BYTES]) -> Result<Kid, KeyringError> {
        let after_the_highest = self.masters.keys().next_back().and_then(|kid| kid.0.checked_add(1));
        let free = || (1..=u8::MAX).find(|number| !self.masters.contains_key(&Kid(*number)));
        let kid = after_the_highest.or_else(free).map(Kid).ok_or(KeyringError::Full)?;
        self.insert(kid, Zeroizing::new(random))?;
        self.current = kid;
        Ok(kid)
    }

    /// Takes a key away: every token, link and pass derived from it stops working at once.
    ///
    /// # Errors
    /// The current key, or one that is not there.
    pub fn retire(&mut self, kid: Kid) -> Result<(), KeyringError> {
        if kid == self.current {
            return Err(KeyringError::CurrentInUse(kid));
        }
        self.masters.remove(&kid).map(|_| ()).ok_or(KeyringError::Unknown(UnknownKid(kid)))
    }

    /// The number of the key that new things are derived from.
    #[must_use]
    pub const fn current(&self) -> Kid {
        self.current
    }

    /// Whether a key is there: a restored database may name one that the key file lacks.
    #[must_use]
    pub fn holds(&self, kid: Kid) -> bool {
        self.masters.contains_key(&kid)
    }

    /// Every key number, the current one first: the order in which a keyed hash is looked up.
    pub fn kids(&self) -> impl Iterator<Item = Kid> {
        std::iter::once(self.current).chain(self.masters.keys().copied().filter(|kid| *kid != self.current))
    }

    /// Reads the key file.
    ///
    /// # Errors
    /// What is wrong, without a word of what the text held.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        let file: KeyFile = toml::from_str(text).map_err(|error| malformed(text, &error))?;
        if file.version != FILE_VERSION {
            return Err(KeyringError::Version(file.version));
        }
        let mut keyring = Self { current: Kid(file.current), masters: BTreeMap::new() };
        for (number, key) in file.keys {
            let key = Zeroizing::new(key);
            let kid = number.parse().ok().filter(|kid: &u8| *kid > 0 && *number == kid.to_string());
            let kid = kid.map(Kid).ok_or(KeyringError::BadKid)?;
            let mut bytes = Zeroizing::new([0; MASTER_BYTES]);
            hex::decode_into(&key, bytes.as_mut()).ok_or(KeyringError::BadKey(kid))?;
            keyring.insert(kid, bytes)?;
        }
        if keyring.masters.contains_key(&keyring.current) {
            Ok(keyring)
        } else {
            Err(KeyringError::CurrentMissing(keyring.current))
        }
    }

    /// The key file: secret, for a file of mode 0600 and nothing else.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(256 + self.masters.len() * 80));
        text.push_str("# The master keys of this gateway. Whoever has them can make every token and link.\n");
        text.push_str("# Back them up apart from the database: `walaa keys export`.\n");
        let written = write!(text, "version = {FILE_VERSION}\ncurrent = {}\n\n[keys]\n", self.current);
        written.expect("writing to a String never fails");
        for (kid, master) in &self.masters {
            let key = Zeroizing::new(hex::encode(master.bytes.as_ref()));
            writeln!(text, "{kid} = \"{}\"", *key).expect("writing to a String never fails");
        }
        text
    }

    /// The extracted master key of that number.
    pub(super) fn extracted(&self, kid: Kid) -> Result<&hkdf::Prk, UnknownKid> {
        self.masters.get(&kid).map(|master| &master.extracted).ok_or(UnknownKid(kid))
    }

    fn insert(&mut self, kid: Kid, bytes: Zeroizing<[u8; MASTER_BYTES]>) -> Result<(), KeyringError> {
        let mut seen = [false; 256];
        bytes.iter().for_each(|byte| seen[usize::from(*byte)] = true);
        if seen.iter().filter(|seen| **seen).count() < FEWEST_DISTINCT_BYTES {
            return Err(KeyringError::WeakKey(kid));
        }
        if self.masters.values().any(|known| verify_slices_are_equal(known.bytes.as_ref(), bytes.as_ref()).is_ok()) {
            return Err(KeyringError::RepeatedKey(kid));
        }
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, EXTRACT_SALT).extract(bytes.as_ref());
        self.masters.insert(kid, Master { bytes, extracted });
        Ok(())
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("current", &self.current)
            .field("kids", &self.masters.keys().map(|kid| kid.0).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Keeps the line and drops the message: it would quote the text.
fn malformed(text: &str, error: &toml::de::Error) -> KeyringError {
    let line = error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
    KeyringError::Malformed { line }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The master of the test vectors: bytes 0, 1, 2 … 31.
    pub fn vector_keyring() -> Keyring {
        Keyring::generate(std::array::from_fn(|place| place as u8)).unwrap()
    }

    fn random(seed: u8) -> [u8; 32] {
        std::array::from_fn(|place| seed.wrapping_mul(31).wrapping_add((place as u8).wrapping_mul(37)))
    }

    #[test]
    fn the_file_round_trips_with_every_key() {
        let mut keyring = Keyring::generate(random(1)).unwrap();
        assert_eq!(keyring.rotate(random(2)), Ok(Kid(2)));
        assert_eq!(keyring.rotate(random(3)), Ok(Kid(3)));
        keyring.retire(Kid(2)).unwrap();
        let text = keyring.to_text();
        let read = Keyring::parse(&text).unwrap();
        assert_eq!(*read.to_text(), *text);
        assert_eq!(read.kids().collect::<Vec<_>>(), [Kid(3), Kid(1)], "the current one first");
    }

    #[test]
    fn a_number_is_not_used_again_while_higher_ones_are_free() {
        let mut keyring = Keyring::generate(random(1)).unwrap();
        keyring.rotate(random(2)).unwrap();
        keyring.retire(Kid(1)).unwrap();
        assert_eq!(keyring.rotate(random(3)), Ok(Kid(3)), "1 was retired: its tokens must stay dead");
        assert_eq!(keyring.retire(Kid(3)), Err(KeyringError::CurrentInUse(Kid(3))));
        assert_eq!(keyring.retire(Kid(9)), Err(KeyringError::Unknown(UnknownKid(Kid(9)))));
    }

    #[test]
    fn bad_files_are_refused_without_quoting_them() {
        let good = hex::encode(&random(1));
        let cases = [
            ("".to_owned(), KeyringError::Malformed { line: None }),
            (format!("version = 2\ncurrent = 1\n[keys]\n1 = \"{good}\""), KeyringError::Version(2)),
            (format!("version = 1\ncurrent = 1\n[keys]\n0 = \"{good}\""), KeyringError::BadKid),
            (format!("version = 1\ncurrent = 1\n[keys]\n01 = \"{good}\""), KeyringError::BadKid),
            (format!("version = 1\ncurrent = 1\n[keys]\n256 = \"{good}\""), KeyringError::BadKid),
            (format!("version = 1\ncurrent = 1\n[keys]\n1 = \"{}\"", &good[1..]), KeyringError::BadKey(Kid(1))),
            (format!("version = 1\ncurrent = 1\n[keys]\n1 = \"{}\"", "ab".repeat(32)), KeyringError::WeakKey(Kid(1))),
            (format!("version = 1\ncurrent = 2\n[keys]\n1 = \"{good}\""), KeyringError::CurrentMissing(Kid(2))),
            (format!("version = 1\ncurrent = 1\n[keys]\n1 = \"{good}\"\n2 = \"{good}\""), KeyringError::RepeatedKey(Kid(2))),
            (format!("version = 1\ncurrent = 1\n[keys]\n1 = {good}"), KeyringError::Malformed { line: Some(4) }),
        ];
        for (text, expected) in cases {
            let error = Keyring::parse(&text).unwrap_err();
            assert!(!error.to_string().contains(&good[..16]), "the message quotes the key");
            match (&error, &expected) {
                (KeyringError::Malformed { .. }, KeyringError::Malformed { line: None }) => {}
                _ => assert_eq!(error, expected),
            }
        }
    }

    #[test]
    fn debug_shows_numbers_only() {
        let keyring = vector_keyring();
        assert_eq!(format!("{keyring:?}"), "Keyring { current: Kid(1), kids: [1], .. }");
    }
}
