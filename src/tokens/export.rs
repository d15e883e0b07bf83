//! The sealed export of the master keys, for `walaa keys export`: a text that may be kept beside backups, opened by a passphrase.
//!
//! PBKDF2-HMAC-SHA-256 makes the key, AES-256-GCM seals the key file; both are in every language's standard box, so a
//! disaster can be recovered without this program. The header is authenticated, and bounded so that a bad file can't hang.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::hex;
use super::keyring::{Keyring, KeyringError};
use super::seal::{self, Nonce};

/// The version of the export's format.
const EXPORT_VERSION: u32 = 1;

/// The name of the key derivation in the file.
const KDF_NAME: &str = "pbkdf2-hmac-sha256";

/// Rounds of PBKDF2: OWASP's advice for HMAC-SHA-256.
const ITERATIONS: u32 = 600_000;

/// More rounds than this are refused on import: minutes of work for nothing.
const MOST_ITERATIONS: u32 = 10_000_000;

/// Characters of the shortest passphrase that is taken.
pub const SHORTEST_PASSPHRASE: usize = 12;

/// The largest export that is read; 255 keys are 20 kB.
const LARGEST_EXPORT_BYTES: usize = 256 * 1024;

/// Why an export can't be made or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// Too easy to guess.
    #[error("the passphrase must have at least {SHORTEST_PASSPHRASE} characters")]
    PassphraseTooShort,
    /// Not an export, or of another version.
    #[error("this is not an export of this program's keys")]
    Malformed,
    /// The passphrase is wrong or the text was changed.
    #[error("the passphrase is wrong, or the export was changed")]
    WrongPassphrase,
    /// The text opened, but what is inside is not a keyring.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
}

/// The export as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportFile {
    walaa_keyring_export: u32,
    kdf: String,
    iterations: u32,
    salt: String,
    sealed: String,
}

/// The randomness of one export.
#[derive(Debug, Clone, Copy)]
pub struct ExportRandom {
    /// The salt of the passphrase.
    pub salt: [u8; 16],
    /// The nonce of the seal.
    pub nonce: Nonce,
}

impl Keyring {
    /// Seals every key under a passphrase. Takes a fraction of a second, on purpose.
    ///
    /// # Errors
    /// The passphrase is too short.
    pub fn sealed_export(&self, passphrase: &str, random: &ExportRandom) -> Result<String, ExportError> {
        if passphrase.chars().count() < SHORTEST_PASSPHRASE {
            return Err(ExportError::PassphraseTooShort);
        }
        let salt = hex::encode(&random.salt);
        let context = context(ITERATIONS, &salt);
        let key = passphrase_key(passphrase, &random.salt, ITERATIONS).ok_or(ExportError::Malformed)?;
        let sealed = seal::seal(&key, random.nonce, context.as_bytes(), self.to_text().as_bytes());
        let mut text = String::from("# Master keys of a gateway, sealed. `walaa keys import` opens it with the passphrase.\n");
        for (name, value) in [
            ("walaa_keyring_export", EXPORT_VERSION.to_string()),
            ("kdf", format!("\"{KDF_NAME}\"")),
            ("iterations", ITERATIONS.to_string()),
            ("salt", format!("\"{salt}\"")),
            ("sealed", format!("\"{}\"", hex::encode(&sealed))),
        ] {
            text.push_str(&format!("{name} = {value}\n"));
        }
        Ok(text)
    }

    /// Opens an export.
    ///
    /// # Errors
    /// Not an export, a wrong passphrase, a changed text.
    pub fn import(text: &str, passphrase: &str) -> Result<Self, ExportError> {
        if text.len() > LARGEST_EXPORT_BYTES {
            return Err(ExportError::Malformed);
        }
        let file: ExportFile = toml::from_str(text).map_err(|_| ExportError::Malformed)?;
        let rounds = (ITERATIONS..=MOST_ITERATIONS).contains(&file.iterations);
        if file.walaa_keyring_export != EXPORT_VERSION || file.kdf != KDF_NAME || !rounds {
            return Err(ExportError::Malformed);
        }
        let salt = hex::decode(&file.salt).filter(|salt| salt.len() == 16).ok_or(ExportError::Malformed)?;
        let sealed = hex::decode(&file.sealed).ok_or(ExportError::Malformed)?;
        let key = passphrase_key(passphrase, &salt, file.iterations).ok_or(ExportError::Malformed)?;
        let context = context(file.iterations, &file.salt);
        let plain = seal::open(&key, context.as_bytes(), &sealed).map_err(|_| ExportError::WrongPassphrase)?;
        let plain = std::str::from_utf8(&plain).map_err(|_| ExportError::Malformed)?;
        Ok(Self::parse(plain)?)
    }
}

/// What the seal authenticates beside the keys.
fn context(iterations: u32, salt: &str) -> String {
    format!("walaa/v1/keyring-export/{KDF_NAME}/{iterations}/{salt}")
}

fn passphrase_key(passphrase: &str, salt: &[u8], iterations: u32) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    pbkdf2::derive(PBKDF2_HMAC_SHA256, NonZeroU32::new(iterations)?, salt, passphrase.as_bytes(), key.as_mut());
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::super::keyring::tests::vector_keyring;
    use super::*;

    const PASSPHRASE: &str = "a cup of cardamom";

    fn random() -> ExportRandom {
        ExportRandom { salt: [7; 16], nonce: Nonce([8; 12]) }
    }

    #[test]
    fn an_export_opens_with_its_passphrase_only() {
        let keyring = vector_keyring();
        let text = keyring.sealed_export(PASSPHRASE, &random()).unwrap();
        assert!(!text.contains("000102030405"), "the export shows the key");
        assert_eq!(*Keyring::import(&text, PASSPHRASE).unwrap().to_text(), *keyring.to_text());
        assert_eq!(Keyring::import(&text, "a cup of cardamon").unwrap_err(), ExportError::WrongPassphrase);
        let raised = text.replace("600000", "600001");
        assert_eq!(Keyring::import(&raised, PASSPHRASE).unwrap_err(), ExportError::WrongPassphrase);
    }

    #[test]
    fn bad_exports_are_refused_at_once() {
        let keyring = vector_keyring();
        assert_eq!(keyring.sealed_export("short", &random()).unwrap_err(), ExportError::PassphraseTooShort);
        let good =
            "walaa_keyring_export = 1\nkdf = \"pbkdf2-hmac-sha256\"\niterations = 600000\nsalt = \"00\"\nsealed = \"00\"\n";
        for text in
            ["", "x", good, &good.replace("600000", "1"), &good.replace("600000", "4000000000"), &good.replace("= 1\n", "= 2\n")]
        {
            assert_eq!(Keyring::import(text, PASSPHRASE).unwrap_err(), ExportError::Malformed, "{text}");
        }
    }
}
