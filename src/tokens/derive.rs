//! What is derived from the master keys, each under its own purpose and organisation.
//!
//! HKDF-SHA-256 (RFC 5869): `prk = extract("walaa/v1/master", master[kid])`, `key = expand(prk, "walaa/v1/" purpose 0x00 org, 32)`.
//! A purpose's key then authenticates fixed-width or length-prefixed fields by HMAC-SHA-256, so no two inputs share an encoding.
//! `tests/vectors/tokens.py` computes the same values with nothing but Python's standard library.

use aws_lc_rs::{hkdf, hmac};
use zeroize::Zeroizing;

use super::identity::{Identity, IdentityHash};
use super::keyring::{Keyring, Kid, UnknownKid};
use super::secret::{AppleToken, Secret};
use super::w1::TokenHash;
use crate::ids::{self, KeyId, OrgId, TerminalId};

/// What stands before every purpose in HKDF's info.
const INFO_PREFIX: &[u8] = b"walaa/v1/";

/// What a derived key is for. The labels are for ever: changing one invalidates what was derived under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    TokenId,
    W1Tag,
    TypedCode,
    TypedLookup,
    Link,
    AppleAuthentication,
    Identity,
    KeySecret,
    TerminalSecret,
    Enrolment,
    CaptureMarker,
    DataKey,
    Fingerprint,
    RotatingCode,
    StaffPin,
    PinPepper,
    ShiftSecret,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::TokenId => b"token-id",
            Self::W1Tag => b"w1-tag",
            Self::TypedCode => b"typed-code",
            Self::TypedLookup => b"typed-lookup",
            Self::Link => b"link",
            Self::AppleAuthentication => b"apple-authentication",
            Self::Identity => b"identity",
            Self::KeySecret => b"key-secret",
            Self::TerminalSecret => b"terminal-secret",
            Self::Enrolment => b"enrolment",
            Self::CaptureMarker => b"capture-marker",
            Self::DataKey => b"data-key",
            Self::Fingerprint => b"fingerprint",
            Self::RotatingCode => b"rotating-code",
            Self::StaffPin => b"staff-pin",
            Self::PinPepper => b"pin-pepper",
            Self::ShiftSecret => b"shift-secret",
        }
    }
}

/// What a token is good for; part of its id, so that one kind never passes for another. The numbers are for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TokenKind {
    /// Spends once and identifies: the code of an Apple card.
    Card = 1,
    /// Identifies only: Google's static fallback.
    Identify = 2,
    /// Belongs to an issued reward.
    Voucher = 3,
    /// Shown on the card page for two minutes.
    Live = 4,
}

/// What a token's id is derived from, beside the master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenSource {
    /// What the token is good for.
    pub kind: TokenKind,
    /// The sixteen bytes of the pass, voucher or card that it belongs to.
    pub owner: [u8; 16],
    /// Counts the tokens of this kind and owner.
    pub generation: u64,
}

/// The id of a token: the key it came from and 128 bits that look random. Together with the tag it is what a code carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenId {
    /// The key that it was derived from.
    pub kid: Kid,
    /// The derived bytes: as good as the token itself.
    pub jti: [u8; 16],
}

impl TokenId {
    /// What the database keeps in place of the id.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.jti)
    }
}

impl std::fmt::Debug for TokenId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenId").field("kid", &self.kid).field("hash", &self.hash()).finish()
    }
}

/// What an unguessable link opens. The numbers are for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum LinkKind {
    /// Downloads the pass: `/p/{key}.pkpass`.
    Pass = 1,
    /// Shows the card page: `/c/{key}`.
    CardPage = 2,
}

/// What a link's key is derived from, beside the master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkSource {
    /// What the link opens.
    pub kind: LinkKind,
    /// The sixteen bytes of the pass or card that it opens.
    pub owner: [u8; 16],
    /// One more revokes the link before it.
    pub generation: u64,
}

/// The secret part of a link: 128 bits, 26 letters in the address. Whoever has it has the pass.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkKey([u8; 16]);

impl LinkKey {
    /// Reads the letters of an address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        ids::decode(text).map(Self)
    }

    /// The letters for an address.
    #[must_use]
    pub fn to_text(&self) -> String {
        ids::encode(&self.0)
    }

    /// What the database keeps and looks up in place of the key.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl std::fmt::Debug for LinkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("LinkKey").field(&self.hash()).finish()
    }
}

/// The organisation and key under which something is derived; the row of what was derived keeps the kid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyScope {
    /// The organisation.
    pub org: OrgId,
    /// The key.
    pub kid: Kid,
}

impl Keyring {
    /// The scope in which new things of an organisation are derived: the current key's.
    #[must_use]
    pub const fn scope(&self, org: OrgId) -> KeyScope {
        KeyScope { org, kid: self.current() }
    }

    /// The id of a token.
    ///
    /// # Errors
    /// The key is not there.
    pub fn token_id(&self, scope: KeyScope, source: &TokenSource) -> Result<TokenId, UnknownKid> {
        let key = self.purpose_key(scope, Purpose::TokenId)?;
        let mac = owned_mac(&key, source.kind as u8, &source.owner, source.generation);
        Ok(TokenId { kid: scope.kid, jti: first_16(&mac) })
    }

    /// The key of a link.
    ///
    /// # Errors
    /// The key is not there.
    pub fn link_key(&self, scope: KeyScope, source: &LinkSource) -> Result<LinkKey, UnknownKid> {
        let key = self.purpose_key(scope, Purpose::Link)?;
        let mac = owned_mac(&key, source.kind as u8, &source.owner, source.generation);
        Ok(LinkKey(first_16(&mac)))
    }

    /// The `authenticationToken` of an Apple pass: bound to the pass type id and the serial, the same for ever.
    ///
    /// # Errors
    /// The key is not there.
    pub fn apple_token(&self, scope: KeyScope, pass_type_id: &str, serial: &str) -> Result<AppleToken, UnknownKid> {
        let key = self.purpose_key(scope, Purpose::AppleAuthentication)?;
        let mut context = hmac::Context::with_key(&key);
        for field in [pass_type_id, serial] {
            context.update(&(field.len() as u64).to_be_bytes());
            context.update(field.as_bytes());
        }
        Ok(AppleToken::new(&bytes_32(&context.sign())))
    }

    /// The keyed hash by which a member is found, under every key, the current one first: store the first, look up all.
    #[must_use]
    pub fn identity_hashes(&self, org: OrgId, identity: &Identity) -> Vec<IdentityHash> {
        self.kids().filter_map(|kid| self.identity_hash(KeyScope { org, kid }, identity).ok()).collect()
    }

    /// The keyed hash of an e-mail address or phone number under one key.
    ///
    /// # Errors
    /// The key is not there.
    pub fn identity_hash(&self, scope: KeyScope, identity: &Identity) -> Result<IdentityHash, UnknownKid> {
        let key = self.purpose_key(scope, Purpose::Identity)?;
        let mut context = hmac::Context::with_key(&key);
        context.update(&[identity.kind_byte()]);
        context.update(identity.as_str().as_bytes());
        Ok(IdentityHash(bytes_32(&context.sign())))
    }

    /// The keyed hash of a request, so that a stolen database tells nothing of what was asked. Always under the oldest key, so that a
    /// rotation leaves it as it is.
    #[must_use]
    pub fn fingerprint(&self, org: OrgId, request: &[&[u8]]) -> [u8; 32] {
        let oldest = self.kids().min().unwrap_or(self.current());
        let key = self.purpose_key(KeyScope { org, kid: oldest }, Purpose::Fingerprint);
        let key = key.expect("a key that the keyring names is there");
        let mut context = hmac::Context::with_key(&key);
        for part in request {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        bytes_32(&context.sign())
    }

    /// The secret of an API key; a higher generation is a rotation.
    ///
    /// # Errors
    /// The key is not there.
    pub fn key_secret(&self, scope: KeyScope, key: KeyId, generation: u64) -> Result<Secret, UnknownKid> {
        let derived = self.purpose_key(scope, Purpose::KeySecret)?;
        Ok(Secret::new(bytes_32(&owned_mac(&derived, 0, &key.0, generation))))
    }

    /// The secret of a terminal's key; a higher generation is a new enrolment.
    ///
    /// # Errors
    /// The key is not there.
    pub fn terminal_secret(&self, scope: KeyScope, terminal: TerminalId, generation: u64) -> Result<Secret, UnknownKid> {
        let derived = self.purpose_key(scope, Purpose::TerminalSecret)?;
        Ok(Secret::new(bytes_32(&owned_mac(&derived, 0, &terminal.0, generation))))
    }

    /// The HMAC key of one purpose in one scope.
    pub(super) fn purpose_key(&self, scope: KeyScope, purpose: Purpose) -> Result<hmac::Key, UnknownKid> {
        let info = [INFO_PREFIX, purpose.label(), &[0], &scope.org.0];
        let key = self.extracted(scope.kid)?.expand(&info, hmac::HMAC_SHA256);
        Ok(key.expect("32 bytes are within HKDF's limit of 255 blocks").into())
    }

    /// The 32 bytes of one purpose in one scope, for a cipher.
    pub(super) fn purpose_bytes(&self, scope: KeyScope, purpose: Purpose) -> Result<Zeroizing<[u8; 32]>, UnknownKid> {
        let info = [INFO_PREFIX, purpose.label(), &[0], &scope.org.0];
        let mut bytes = Zeroizing::new([0; 32]);
        let filled = self.extracted(scope.kid)?.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(bytes.as_mut()));
        filled.expect("32 bytes are what HKDF-SHA-256 was asked for");
        Ok(bytes)
    }
}

/// HMAC over kind ‖ owner ‖ generation, all of fixed width.
pub(super) fn owned_mac(key: &hmac::Key, kind: u8, owner: &[u8; 16], generation: u64) -> hmac::Tag {
    let mut message = [0; 25];
    message[0] = kind;
    message[1..17].copy_from_slice(owner);
    message[17..].copy_from_slice(&generation.to_be_bytes());
    hmac::sign(key, &message)
}

/// The first sixteen bytes of a tag.
pub(super) fn first_16(tag: &hmac::Tag) -> [u8; 16] {
    std::array::from_fn(|place| tag.as_ref()[place])
}

/// A whole HMAC-SHA-256 tag.
pub(super) fn bytes_32(tag: &hmac::Tag) -> [u8; 32] {
    std::array::from_fn(|place| tag.as_ref()[place])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::keyring::tests::vector_keyring;
    use super::*;

    #[test]
    fn nothing_derived_for_one_thing_is_good_for_another() {
        let mut keyring = vector_keyring();
        keyring.rotate(std::array::from_fn(|place| 200 - place as u8)).unwrap();
        let mut seen = HashSet::new();
        for (org, kid) in [(1, 1), (1, 2), (2, 1)] {
            let scope = KeyScope { org: OrgId([org; 16]), kid: Kid(kid) };
            for (owner, generation) in [([1; 16], 0), ([1; 16], 1), ([2; 16], 0)] {
                for kind in [TokenKind::Card, TokenKind::Identify, TokenKind::Voucher, TokenKind::Live] {
                    assert!(seen.insert(keyring.token_id(scope, &TokenSource { kind, owner, generation }).unwrap().jti));
                }
                for kind in [LinkKind::Pass, LinkKind::CardPage] {
                    assert!(seen.insert(keyring.link_key(scope, &LinkSource { kind, owner, generation }).unwrap().0));
                }
                let first = |secret: Secret| std::array::from_fn(|place| secret.bytes()[place]);
                assert!(seen.insert(first(keyring.key_secret(scope, KeyId(owner), generation).unwrap())));
                assert!(seen.insert(first(keyring.terminal_secret(scope, TerminalId(owner), generation).unwrap())));
            }
        }
        assert_eq!(seen.len(), 3 * 3 * 8);
    }

    #[test]
    fn apple_tokens_keep_their_two_fields_apart() {
        let keyring = vector_keyring();
        let scope = keyring.scope(OrgId([1; 16]));
        let one = keyring.apple_token(scope, "pass.a", "b").unwrap();
        assert!(!one.matches(keyring.apple_token(scope, "pass.", "ab").unwrap().as_str()));
    }

    #[test]
    fn an_identity_is_looked_up_under_every_key_and_stored_under_the_current_one() {
        let mut keyring = vector_keyring();
        let org = OrgId([1; 16]);
        let identity = Identity::Phone(super::super::Phone::parse("+96550001234").unwrap());
        let before = keyring.identity_hashes(org, &identity);
        keyring.rotate(std::array::from_fn(|place| 200 - place as u8)).unwrap();
        let after = keyring.identity_hashes(org, &identity);
        assert_eq!(after[1..], before);
        assert_eq!(after[0], keyring.identity_hash(keyring.scope(org), &identity).unwrap());
    }

    #[test]
    fn links_are_read_back_from_addresses_and_never_printed() {
        let keyring = vector_keyring();
        let source = LinkSource { kind: LinkKind::Pass, owner: [1; 16], generation: 0 };
        let link = keyring.link_key(keyring.scope(OrgId([1; 16])), &source).unwrap();
        assert_eq!(LinkKey::parse(&link.to_text()), Some(link));
        assert_eq!(LinkKey::parse(&link.to_text().to_uppercase()), None);
        assert!(!format!("{link:?}").contains(&link.to_text()));
    }
}
