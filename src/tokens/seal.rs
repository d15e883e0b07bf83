//! Sealing: AES-256-GCM under a member's data key, and data keys under the master. Deleting a data key erases what it sealed.
//!
//! A sealed value is one version byte, the 12-byte nonce, then ciphertext and tag. The nonce comes from the caller, at random; a
//! member's key seals few values, far below the 2^32 that random nonces allow.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce as GcmNonce, UnboundKey};
use zeroize::Zeroizing;

use super::derive::{KeyScope, Purpose};
use super::keyring::{Keyring, Kid, UnknownKid};
use crate::ids::{Ids, MemberId, OrgId};

/// The version of the layout; another cipher gets another number.
const VERSION: u8 = 1;

/// Bytes of a nonce.
const NONCE_BYTES: usize = 12;

/// Bytes of a tag.
const TAG_BYTES: usize = 16;

/// What stands before the additional data of a sealed data key.
const DATA_KEY_LABEL: &[u8] = b"walaa/v1/data-key";

/// Why a sealed value can't be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Too short, or of another version.
    #[error("the sealed value has another shape")]
    Shape,
    /// Another key or another context, or the bytes were changed.
    #[error("the sealed value was changed or belongs elsewhere")]
    Opened,
    /// The master key that sealed it is not there.
    #[error(transparent)]
    UnknownKid(#[from] UnknownKid),
}

/// A number used once: twelve random bytes.
#[derive(Debug, Clone, Copy)]
pub struct Nonce(pub [u8; NONCE_BYTES]);

impl Nonce {
    /// A fresh one.
    #[must_use]
    pub fn generate(ids: &dyn Ids) -> Self {
        let random = ids.random();
        Self(std::array::from_fn(|place| random[place]))
    }
}

/// Seals a text under 32 key bytes; `context` (what it is, whose it is) must be the same to open it.
#[must_use]
pub(super) fn seal(key: &[u8; 32], nonce: Nonce, context: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + plain.len() + TAG_BYTES);
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce.0);
    sealed.extend_from_slice(plain);
    let tag = cipher(key).seal_in_place_separate_tag(
        GcmNonce::assume_unique_for_key(nonce.0),
        Aad::from(context),
        &mut sealed[1 + NONCE_BYTES..],
    );
    sealed.extend_from_slice(tag.expect("AES-GCM seals up to 64 GiB").as_ref());
    sealed
}

/// Opens what [`seal`] made under the same key and context.
pub(super) fn open(key: &[u8; 32], context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    if sealed.len() < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] != VERSION {
        return Err(SealError::Shape);
    }
    let nonce = GcmNonce::try_assume_unique_for_key(&sealed[1..=NONCE_BYTES]).map_err(|_| SealError::Shape)?;
    let mut plain = Zeroizing::new(sealed[1 + NONCE_BYTES..].to_vec());
    let opened = cipher(key).open_in_place(nonce, Aad::from(context), &mut plain).map_err(|_| SealError::Opened)?.len();
    plain.truncate(opened);
    Ok(plain)
}

fn cipher(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("AES-256 takes 32 bytes"))
}

/// The key that a member's personal data is sealed with.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// A fresh one.
    #[must_use]
    pub fn generate(ids: &dyn Ids) -> Self {
        let (first, second) = (ids.random(), ids.random());
        Self(Zeroizing::new(std::array::from_fn(|place| if place < 16 { first[place] } else { second[place - 16] })))
    }

    /// Seals a text; `context` names what it is (`member/name`), so that a value can't be moved to another place.
    #[must_use]
    pub fn seal(&self, nonce: Nonce, context: &[u8], plain: &[u8]) -> Vec<u8> {
        seal(&self.0, nonce, context, plain)
    }

    /// Opens what [`DataKey::seal`] made with the same context.
    ///
    /// # Errors
    /// Another shape, key or context.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        open(&self.0, context, sealed)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(***)")
    }
}

/// A data key as it is stored: the number of the master key that sealed it, and the sealed bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedDataKey {
    /// The master key that it was sealed with.
    pub kid: Kid,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

impl Keyring {
    /// Seals a member's data key.
    ///
    /// # Errors
    /// The key of that scope is not there.
    pub fn seal_data_key(
        &self,
        scope: KeyScope,
        member: MemberId,
        key: &DataKey,
        nonce: Nonce,
    ) -> Result<SealedDataKey, UnknownKid> {
        let sealing = self.purpose_bytes(scope, Purpose::DataKey)?;
        let bytes = seal(&sealing, nonce, &data_key_context(scope.org, member), key.0.as_ref());
        Ok(SealedDataKey { kid: scope.kid, bytes })
    }

    /// Opens a member's data key.
    ///
    /// # Errors
    /// The master key is gone, or the value was changed or belongs to another member.
    pub fn open_data_key(&self, org: OrgId, member: MemberId, sealed: &SealedDataKey) -> Result<DataKey, SealError> {
        let sealing = self.purpose_bytes(KeyScope { org, kid: sealed.kid }, Purpose::DataKey)?;
        let plain = open(&sealing, &data_key_context(org, member), &sealed.bytes)?;
        let bytes = <[u8; 32]>::try_from(plain.as_slice()).map_err(|_| SealError::Shape)?;
        Ok(DataKey(Zeroizing::new(bytes)))
    }
}

fn data_key_context(org: OrgId, member: MemberId) -> Vec<u8> {
    [DATA_KEY_LABEL, &org.0, &member.0].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::keyring::tests::vector_keyring;
    use super::*;
    use crate::ids::SystemIds;

    const ORG: OrgId = OrgId([1; 16]);
    const MEMBER: MemberId = MemberId([2; 16]);

    #[test]
    fn a_data_key_opens_only_for_its_member() {
        let keyring = vector_keyring();
        let key = DataKey::generate(&SystemIds);
        let sealed = keyring.seal_data_key(keyring.scope(ORG), MEMBER, &key, Nonce::generate(&SystemIds)).unwrap();
        let opened = keyring.open_data_key(ORG, MEMBER, &sealed).unwrap();
        assert_eq!(opened.0, key.0);
        assert_eq!(keyring.open_data_key(ORG, MemberId([3; 16]), &sealed).unwrap_err(), SealError::Opened);
        assert_eq!(keyring.open_data_key(OrgId([3; 16]), MEMBER, &sealed).unwrap_err(), SealError::Opened);
        let retired = SealedDataKey { kid: Kid(9), ..sealed };
        assert_eq!(keyring.open_data_key(ORG, MEMBER, &retired).unwrap_err(), SealError::UnknownKid(UnknownKid(Kid(9))));
    }

    #[test]
    fn short_and_foreign_values_are_refused() {
        let key = DataKey::generate(&SystemIds);
        assert_eq!(key.open(b"", b"").unwrap_err(), SealError::Shape);
        assert_eq!(key.open(b"", &[1; 28]).unwrap_err(), SealError::Shape);
        assert_eq!(key.open(b"", &[2; 40]).unwrap_err(), SealError::Shape);
        assert_eq!(key.open(b"", &[1; 40]).unwrap_err(), SealError::Opened);
        assert_eq!(format!("{key:?}"), "DataKey(***)");
    }

    proptest! {
        #[test]
        fn sealed_texts_round_trip_and_any_change_is_noticed(
            plain in proptest::collection::vec(any::<u8>(), 0..200), at: proptest::sample::Index, bit in 0_u8..8,
        ) {
            let key = DataKey::generate(&SystemIds);
            let mut sealed = key.seal(Nonce::generate(&SystemIds), b"member/name", &plain);
            prop_assert_eq!(&*key.open(b"member/name", &sealed).unwrap(), &plain);
            prop_assert_eq!(key.open(b"member/phone", &sealed).unwrap_err(), SealError::Opened);
            let place = at.index(sealed.len());
            sealed[place] ^= 1 << bit;
            prop_assert!(key.open(b"member/name", &sealed).is_err());
        }
    }
}
