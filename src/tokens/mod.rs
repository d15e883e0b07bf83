//! Token formats, master keys, derivation, parsing, sealing. Pure: no I/O, no clock, no randomness of its own.
//!
//! What is secret here is *derived* from a [`Keyring`]: a token id, a link, a key of the API, Apple's authentication token. So nothing
//! secret is stored, a pass can be rebuilt at any time, and `decide` needs no randomness. Whether a token may still be used
//! is not known here: the ledger decides that.

mod api_key;
mod crockford;
mod derive;
mod enrolment;
mod export;
mod hex;
mod identity;
mod keyring;
mod marker;
mod scanned;
mod seal;
mod secret;
mod staff;
mod typed;
mod w1;
mod w3;

pub use api_key::{Credential, CredentialError, Environment, KeyHolder, LEAK_PATTERN, SecretHash};
pub use derive::{KeyScope, LinkKey, LinkKind, LinkSource, TokenId, TokenKind, TokenSource};
pub use export::{ExportError, ExportRandom, SHORTEST_PASSPHRASE};
pub use identity::{Email, Identity, IdentityError, IdentityHash, Phone};
pub use keyring::{Keyring, KeyringError, Kid, UnknownKid};
pub use marker::Marker;
pub use scanned::ScannedCode;
pub use seal::{DataKey, Nonce, SealError, SealedDataKey};
pub use secret::{AppleToken, Secret};
pub use staff::{Pin, ShiftSecret};
pub use typed::TypedCode;
pub use w1::{TokenError, TokenHash, W1};
pub use w3::{DIGITS as ROTATING_DIGITS, PERIOD_SECONDS as ROTATING_PERIOD_SECONDS, RotatingKey, W3};
