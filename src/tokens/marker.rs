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
