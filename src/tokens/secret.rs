//! Secrets that leave the house as text: the secret of a key, Apple's authentication token. Debug never prints them.

use std::fmt;

use aws_lc_rs::constant_time;
use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

use super::api_key::SecretHash;
use super::crockford;

/// The 32 secret bytes of an API or terminal key.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// From bytes that nobody can guess.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// What is stored in place of the secret: 256 random bits need no slow hash.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, self.0.as_ref()).as_ref());
        SecretHash(hash)
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// The `authenticationToken` of an Apple pass: 256 bits as 52 Crockford letters. It never changes while the pass lives.
#[derive(Clone)]
pub struct AppleToken(Zeroizing<String>);

impl AppleToken {
    pub(super) fn new(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(crockford::encode(bytes)))
    }

    /// The text that stands in pass.json.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a phone sent this token; the time taken says nothing about where the texts differ.
    #[must_use]
    pub fn matches(&self, sent: &str) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), sent.as_bytes()).is_ok()
    }
}

impl fmt::Debug for AppleToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppleToken(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new([7; 32])), "Secret(***)");
        assert_eq!(format!("{:?}", AppleToken::new(&[7; 32])), "AppleToken(***)");
    }

    #[test]
    fn an_apple_token_matches_only_itself() {
        let token = AppleToken::new(&[7; 32]);
        assert!(token.as_str().len() >= 16, "Apple refuses shorter ones");
        assert!(token.matches(token.as_str()));
        assert!(!token.matches(&token.as_str()[1..]));
        assert!(!token.matches(AppleToken::new(&[8; 32]).as_str()));
        assert!(!token.matches(""));
    }
}
