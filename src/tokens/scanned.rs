//! What came out of a scanner or was typed: which format it is, and what to look up for it.

use super::keyring::Keyring;
use super::typed::TypedCode;
use super::w1::{TokenError, TokenHash, W1, W1_LETTERS, trim};
use super::w3::W3;
use crate::ids::OrgId;

/// A format of the product that this gateway does not take yet: it is named, so that a clerk hears why.
const OTHER_FORMAT: &[u8] = b"W2";

/// Letters from which on a text can't be a typed code with its separators but must be meant as a QR code's.
const FEWEST_QR_LETTERS: usize = 40;

/// A code that passed every check that needs no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ScannedCode {
    /// The default code, its tag right.
    W1(W1),
    /// A turning code, its digits right; whether it is of now is the caller's question.
    W3(W3),
    /// A typed code, its check letter right.
    Typed(TypedCode),
}

impl ScannedCode {
    /// Recognises the format and checks all that can be checked without I/O.
    ///
    /// # Errors
    /// Why it is no code of this organisation; the public code is the same for all.
    pub fn parse(text: &str, org: OrgId, keyring: &Keyring) -> Result<Self, TokenError> {
        let bytes = trim(text);
        let prefix = bytes.get(..2).unwrap_or_default();
        if bytes.len() == W1_LETTERS && prefix.eq_ignore_ascii_case(b"W1") {
            return W1::parse(text, org, keyring).map(Self::W1);
        }
        if bytes.len() >= FEWEST_QR_LETTERS && prefix.eq_ignore_ascii_case(b"W3") {
            return W3::parse(text, org, keyring).map(Self::W3);
        }
        if bytes.len() >= FEWEST_QR_LETTERS && prefix.eq_ignore_ascii_case(OTHER_FORMAT) {
            return Err(TokenError::UnsupportedFormat);
        }
        match TypedCode::parse(text) {
            Ok(code) => Ok(Self::Typed(code)),
            Err(TokenError::CheckLetter) => Err(TokenError::CheckLetter),
            Err(_) if prefix.eq_ignore_ascii_case(b"W1") => W1::parse(text, org, keyring).map(Self::W1),
            Err(_) => Err(TokenError::NotOurs),
        }
    }

    /// The hashes under which the token may be stored; one for a QR code, one for each key for a typed code. Never empty.
    #[must_use]
    pub fn hashes(&self, org: OrgId, keyring: &Keyring) -> Vec<TokenHash> {
        match self {
            Self::W1(code) => vec![code.hash()],
            Self::W3(code) => vec![code.hash(org)],
            Self::Typed(code) => keyring.typed_hashes(org, code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::derive::{TokenKind, TokenSource};
    use super::super::keyring::tests::vector_keyring;
    use super::*;
    use crate::ids::CardId;

    const ORG: OrgId = OrgId([3; 16]);

    #[test]
    fn every_format_is_recognised() {
        let keyring = vector_keyring();
        let source = TokenSource { kind: TokenKind::Card, owner: [1; 16], generation: 0 };
        let token = keyring.token_id(keyring.scope(ORG), &source).unwrap();
        let code = W1::mint(&keyring, ORG, token).unwrap();
        let scanned = ScannedCode::parse(&code, ORG, &keyring).unwrap();
        assert_eq!(scanned.hashes(ORG, &keyring), [token.hash()]);

        let pass = crate::ids::PassId([1; 16]);
        let key = keyring.rotating_key(keyring.scope(ORG), pass).unwrap();
        let scanned = ScannedCode::parse(&W3::write(pass, &key, 1_700_000_000), ORG, &keyring).unwrap();
        assert_eq!(scanned, ScannedCode::W3(W3 { pass, step: 1_700_000_000 / 30 }));

        let typed = keyring.typed_code(keyring.scope(ORG), CardId([1; 16]), 0).unwrap();
        assert_eq!(ScannedCode::parse(&typed.grouped().to_lowercase(), ORG, &keyring), Ok(ScannedCode::Typed(typed)));
    }

    #[test]
    fn a_typed_code_may_begin_like_a_qr_code() {
        let keyring = vector_keyring();
        let begins = (0..).map(|generation| keyring.typed_code(keyring.scope(ORG), CardId([1; 16]), generation).unwrap());
        let code = begins.take(20_000).find(|code| code.to_text().starts_with("W1") || code.to_text().starts_with("W3"));
        let code = code.expect("one in five hundred begins so");
        assert_eq!(ScannedCode::parse(&code.to_text(), ORG, &keyring), Ok(ScannedCode::Typed(code)));
    }

    #[test]
    fn the_rest_is_refused_with_a_reason_and_one_public_code() {
        let keyring = vector_keyring();
        let cases = [
            ("", TokenError::NotOurs),
            ("5901234123457", TokenError::NotOurs),
            ("https://example.com/c/abc", TokenError::NotOurs),
            ("W300000000000000000000000000-1700000000-12345678", TokenError::BadTag),
            (&format!("w2{}", "0".repeat(170)), TokenError::UnsupportedFormat),
            (&format!("W1{}", "0".repeat(42)), TokenError::Version),
            (&format!("W1{}", "0".repeat(41)), TokenError::Length),
            ("0123-4567-89Z", TokenError::CheckLetter),
        ];
        for (text, expected) in cases {
            let error = ScannedCode::parse(text, ORG, &keyring).unwrap_err();
            assert_eq!(error, expected, "{text}");
            assert_eq!(error.code(), crate::error::Code::InvalidCode);
        }
    }
}
