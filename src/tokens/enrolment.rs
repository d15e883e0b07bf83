//! The one-time code that enrols a terminal: typed on the till by staff, so it has the letters and the check of a typed code.
//!
//! Whoever types it has no key yet and tells no organisation, so it is looked up under a hash that is keyed by the house alone.

use aws_lc_rs::hmac;

use super::derive::{KeyScope, Purpose, first_16, owned_mac};
use super::keyring::{Keyring, Kid, UnknownKid};
use super::typed::TypedCode;
use crate::ids::{OrgId, TerminalId};

/// Kind byte under which enrolment codes are derived; beyond those of tokens and typed codes.
const ENROLMENT_KIND: u8 = 6;

/// The scope of what belongs to no organisation.
const HOUSE: OrgId = OrgId([0; 16]);

impl Keyring {
    /// The one-time code of a terminal; a higher generation is a new code.
    ///
    /// # Errors
    /// The key is not there.
    pub fn enrolment_code(&self, scope: KeyScope, terminal: TerminalId, generation: u64) -> Result<TypedCode, UnknownKid> {
        let key = self.purpose_key(scope, Purpose::Enrolment)?;
        Ok(TypedCode::of(&owned_mac(&key, ENROLMENT_KIND, &terminal.0, generation)))
    }

    /// The id under which a code is looked up, under one key.
    ///
    /// # Errors
    /// The key is not there.
    pub fn enrolment_lookup(&self, kid: Kid, code: &TypedCode) -> Result<[u8; 16], UnknownKid> {
        let key = self.purpose_key(KeyScope { org: HOUSE, kid }, Purpose::Enrolment)?;
        Ok(first_16(&hmac::sign(&key, code.values())))
    }

    /// The ids under which a code may be found: one for each key, the current one first.
    #[must_use]
    pub fn enrolment_lookups(&self, code: &TypedCode) -> Vec<[u8; 16]> {
        self.kids().filter_map(|kid| self.enrolment_lookup(kid, code).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::keyring::tests::vector_keyring;
    use super::*;

    #[test]
    fn each_terminal_and_generation_has_its_own_code() {
        let keyring = vector_keyring();
        let scope = keyring.scope(OrgId([1; 16]));
        let code = |terminal, generation| keyring.enrolment_code(scope, TerminalId([terminal; 16]), generation).unwrap();
        assert_eq!(code(1, 1), code(1, 1));
        assert_ne!(code(1, 1), code(1, 2));
        assert_ne!(code(1, 1), code(2, 1));
    }

    #[test]
    fn a_code_is_found_under_the_key_that_it_was_filed_under() {
        let mut keyring = vector_keyring();
        let code = keyring.enrolment_code(keyring.scope(OrgId([1; 16])), TerminalId([1; 16]), 1).unwrap();
        let filed = keyring.enrolment_lookup(keyring.current(), &code).unwrap();
        keyring.rotate(std::array::from_fn(|place| 255 - place as u8)).unwrap();
        assert_eq!(keyring.enrolment_lookups(&code)[1], filed);
        assert_ne!(keyring.enrolment_lookups(&code)[0], filed);
    }
}
