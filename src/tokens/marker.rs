//! The authenticated value of the gate's `S:` markers: which redemption captured a token.
//!
//! The gate may lose, roll back or invent anything. The MAC over token hash and redemption makes an invented or misplaced marker
//! worthless; one that is valid says that the gateway itself once committed that capture.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use super::derive::{KeyScope, Purpose, first_16};
use super::keyring::{Keyring, Kid, UnknownKid};
use super::w1::TokenHash;
use crate::ids::{OrgId, RedemptionId};

/// Bytes of kid, redemption id and MAC.
const MARKER_BYTES: usize = 33;

/// Bytes of the ledger's mark: epoch, milliseconds, and a marker over both.
pub const MARK_BYTES: usize = 16 + MARKER_BYTES;

/// No organisation has this id: what is signed for it is about the whole ledger.
const NOBODY: OrgId = OrgId([0; 16]);

/// What the ledger's mark is signed over, in the place of a token's hash.
fn mark_subject(epoch: i64, last_op_ms: i64) -> TokenHash {
    let mut subject = *b"ledger mark     ................";
    subject[16..24].copy_from_slice(&epoch.to_be_bytes());
    subject[24..].copy_from_slice(&last_op_ms.to_be_bytes());
    TokenHash(subject)
}

/// The value of a marker as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker([u8; MARKER_BYTES]);

impl Marker {
    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; MARKER_BYTES] {
        &self.0
    }
}

impl Keyring {
    /// Makes the marker of a captured token.
    ///
    /// # Errors
    /// Never with the scope that [`Keyring::scope`] gives; else the key is not there.
    pub fn marker(&self, scope: KeyScope, token: &TokenHash, redemption: RedemptionId) -> Result<Marker, UnknownKid> {
        let mut bytes = [0; MARKER_BYTES];
        bytes[0] = scope.kid.0;
        bytes[1..17].copy_from_slice(&redemption.0);
        bytes[17..].copy_from_slice(&self.marker_mac(scope, token, redemption)?);
        Ok(Marker(bytes))
    }

    /// The redemption that a stored value names, if we wrote it for this organisation and token; anything else is nothing.
    #[must_use]
    pub fn read_marker(&self, org: OrgId, token: &TokenHash, stored: &[u8]) -> Option<RedemptionId> {
        let stored: &[u8; MARKER_BYTES] = stored.try_into().ok()?;
        let redemption = RedemptionId(std::array::from_fn(|place| stored[1 + place]));
        let expected = self.marker_mac(KeyScope { org, kid: Kid(stored[0]) }, token, redemption).ok()?;
        verify_slices_are_equal(&expected, &stored[17..]).ok().map(|()| redemption)
    }

    /// The authenticated text of how far the ledger has come (epoch and the milliseconds of its last operation), for the witness to keep.
    #[must_use]
    pub fn ledger_mark(&self, epoch: i64, last_op_ms: i64) -> Option<[u8; MARK_BYTES]> {
        let marker = self.marker(self.scope(NOBODY), &mark_subject(epoch, last_op_ms), RedemptionId([0; 16])).ok()?;
        let mut bytes = [0; MARK_BYTES];
        bytes[..8].copy_from_slice(&epoch.to_be_bytes());
        bytes[8..16].copy_from_slice(&last_op_ms.to_be_bytes());
        bytes[16..].copy_from_slice(marker.as_bytes());
        Some(bytes)
    }

    /// Reads what [`Keyring::ledger_mark`] wrote: epoch and milliseconds; anything that is not ours is nothing.
    #[must_use]
    pub fn read_ledger_mark(&self, stored: &[u8]) -> Option<(i64, i64)> {
        let stored: &[u8; MARK_BYTES] = stored.try_into().ok()?;
        let number = |at: usize| i64::from_be_bytes(std::array::from_fn(|place| stored[at + place]));
        let (epoch, last_op_ms) = (number(0), number(8));
        self.read_marker(NOBODY, &mark_subject(epoch, last_op_ms), &stored[16..]).map(|_| (epoch, last_op_ms))
    }

    fn marker_mac(&self, scope: KeyScope, token: &TokenHash, redemption: RedemptionId) -> Result<[u8; 16], UnknownKid> {
        let mut context = hmac::Context::with_key(&self.purpose_key(scope, Purpose::CaptureMarker)?);
        context.update(&token.0);
        context.update(&redemption.0);
        Ok(first_16(&context.sign()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::keyring::tests::vector_keyring;
    use super::*;

    #[test]
    fn only_our_own_mark_of_the_ledger_is_believed() {
        let keyring = vector_keyring();
        let mark = keyring.ledger_mark(3, 1_800_000_000_123).unwrap();
        assert_eq!(keyring.read_ledger_mark(&mark), Some((3, 1_800_000_000_123)));
        for place in 0..MARK_BYTES {
            let mut forged = mark;
            forged[place] ^= 1;
            assert_eq!(keyring.read_ledger_mark(&forged), None, "byte {place}");
        }
        assert_eq!(keyring.read_ledger_mark(b""), None);
    }

    #[test]
    fn only_our_own_marker_in_its_own_place_is_believed() {
        let keyring = vector_keyring();
        let (org, token, redemption) = (OrgId([1; 16]), TokenHash([2; 32]), RedemptionId([3; 16]));
        let marker = keyring.marker(keyring.scope(org), &token, redemption).unwrap();
        assert_eq!(keyring.read_marker(org, &token, marker.as_bytes()), Some(redemption));
        assert_eq!(keyring.read_marker(OrgId([9; 16]), &token, marker.as_bytes()), None, "another organisation");
        assert_eq!(keyring.read_marker(org, &TokenHash([9; 32]), marker.as_bytes()), None, "moved to another token");
        assert_eq!(keyring.read_marker(org, &token, &marker.as_bytes()[1..]), None);
        assert_eq!(keyring.read_marker(org, &token, b""), None);
        for place in 0..MARKER_BYTES {
            let mut forged = *marker.as_bytes();
            forged[place] ^= 1;
            assert_eq!(keyring.read_marker(org, &token, &forged), None, "byte {place}");
        }
    }
}
