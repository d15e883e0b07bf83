//! Where the ledger's generations become codes, and codes become what the ledger keeps: both derived from the keyring.

use crate::error::{Code, Problem};
use crate::ids::{CardId, OrgId, PassId, VoucherId, decode};
use crate::ledger::{IDENTIFY_GENERATION, Pass, TokenHash, TokenKind, TokenMint};
use crate::tokens::{self, KeyScope, Keyring, Kid, LinkKey, LinkKind, LinkSource, TokenSource, W1};

/// Letters of an id in an address.
const ID_LETTERS: usize = 26;

impl TokenMint for Keyring {
    fn mint(&self, org: OrgId, kind: TokenKind, subject: &[u8; 16], generation: i64) -> (u8, TokenHash) {
        let scope = self.scope(org);
        let hash = match kind {
            TokenKind::Typed => {
                let code = self.typed_code(scope, CardId(*subject), unsigned(generation));
                code.and_then(|code| self.typed_hash(scope, &code))
            }
            kind => self.token_id(scope, &source(kind, *subject, generation)).map(|id| id.hash()),
        };
        (scope.kid.0, hash.expect("the current key of a keyring is always there").0)
    }
}

/// Derives the texts of codes.
#[derive(Clone, Copy)]
pub struct Codes<'a> {
    /// The master keys.
    pub keyring: &'a Keyring,
    /// The organisation.
    pub org: OrgId,
}

impl Codes<'_> {
    /// The text in the QR of a pass: its card token or its voucher token, of its present generation.
    ///
    /// # Errors
    /// `internal` when the key that it was made with is gone from the keyring.
    pub fn of_pass(&self, pass: &Pass) -> Result<String, Problem> {
        match pass.voucher {
            Some(voucher) => self.of_voucher(voucher, (pass.kid, pass.generation)),
            None => self.w1(TokenKind::Card, pass.id.0, (pass.kid, pass.generation)),
        }
    }

    /// The text of a voucher's code.
    ///
    /// # Errors
    /// As [`Self::of_pass`].
    pub fn of_voucher(&self, voucher: VoucherId, generation: (u8, i64)) -> Result<String, Problem> {
        self.w1(TokenKind::Voucher, voucher.0, generation)
    }

    /// The text of a live code.
    ///
    /// # Errors
    /// As [`Self::of_pass`].
    pub fn live(&self, card: CardId, generation: (u8, i64)) -> Result<String, Problem> {
        self.w1(TokenKind::Live, card.0, generation)
    }

    /// The text of the fixed code of a card's pass in Google Wallet. Under which master key it was made is asked of the database: the
    /// card may have been added long after its pass was made.
    ///
    /// # Errors
    /// `internal` when there is none; the database is out of reach.
    pub async fn identify(&self, db: &dyn crate::db::Db, pass: &Pass) -> Result<String, Problem> {
        let source = source(TokenKind::Identify, pass.id.0, IDENTIFY_GENERATION);
        for kid in self.keyring.kids() {
            let Ok(id) = self.keyring.token_id(KeyScope { org: self.org, kid }, &source) else { continue };
            if db.token(self.org, id.hash().0).await?.is_some() {
                return W1::mint(self.keyring, self.org, id).map_err(|_| Problem::from(Code::Internal));
            }
        }
        Err(Code::Internal.into())
    }

    /// The text of a typed code, grouped for reading aloud.
    ///
    /// # Errors
    /// As [`Self::of_pass`].
    pub fn typed(&self, card: CardId, (kid, generation): (u8, i64)) -> Result<String, Problem> {
        let scope = KeyScope { org: self.org, kid: Kid(kid) };
        let code = self.keyring.typed_code(scope, card, unsigned(generation)).map_err(|_| Problem::from(Code::Internal))?;
        Ok(code.grouped())
    }

    fn w1(&self, kind: TokenKind, subject: [u8; 16], (kid, generation): (u8, i64)) -> Result<String, Problem> {
        let scope = KeyScope { org: self.org, kid: Kid(kid) };
        let id = self.keyring.token_id(scope, &source(kind, subject, generation)).map_err(|_| Problem::from(Code::Internal))?;
        W1::mint(self.keyring, self.org, id).map_err(|_| Problem::from(Code::Internal))
    }
}

/// The key in a pass's download address: the serial's letters and the letters of a key derived from it. Nothing is stored; one more
/// link generation revokes it.
///
/// # Errors
/// `internal` when the key that it was made with is gone from the keyring.
pub fn pass_link(keyring: &Keyring, pass: &Pass) -> Result<String, Problem> {
    Ok(format!("{}{}", crate::ids::encode(&pass.id.0), link_key(keyring, pass, LinkKind::Pass)?.to_text()))
}

/// The key in the address of a card's page, made like a pass's and revoked with it.
///
/// # Errors
/// As [`pass_link`].
pub fn card_link(keyring: &Keyring, pass: &Pass) -> Result<String, Problem> {
    Ok(format!("{}{}", crate::ids::encode(&pass.id.0), link_key(keyring, pass, LinkKind::CardPage)?.to_text()))
}

/// Reads the pass out of a link's key; the caller loads it and calls the returned check.
#[must_use]
pub fn pass_of_link(text: &str) -> Option<(PassId, impl Fn(&Keyring, &Pass, LinkKind) -> bool)> {
    if text.len() != 2 * ID_LETTERS || !text.is_ascii() {
        return None;
    }
    let (serial, key) = text.split_at(ID_LETTERS);
    let pass = PassId(decode(serial)?);
    let sent = LinkKey::parse(key)?;
    Some((pass, move |keyring: &Keyring, pass: &Pass, kind| {
        link_key(keyring, pass, kind)
            .is_ok_and(|right| aws_lc_rs::constant_time::verify_slices_are_equal(&right.hash().0, &sent.hash().0).is_ok())
    }))
}

fn link_key(keyring: &Keyring, pass: &Pass, kind: LinkKind) -> Result<LinkKey, Problem> {
    let scope = KeyScope { org: pass.org, kid: Kid(pass.auth_kid) };
    let source = LinkSource { kind, owner: pass.id.0, generation: unsigned(pass.link_generation) };
    keyring.link_key(scope, &source).map_err(|_| Problem::from(Code::Internal))
}

fn source(kind: TokenKind, owner: [u8; 16], generation: i64) -> TokenSource {
    let kind = match kind {
        TokenKind::Card => tokens::TokenKind::Card,
        TokenKind::Voucher => tokens::TokenKind::Voucher,
        TokenKind::Identify => tokens::TokenKind::Identify,
        // A typed code has a derivation of its own and a turning code is not minted: neither comes here.
        TokenKind::Live | TokenKind::Typed | TokenKind::Rotating => tokens::TokenKind::Live,
    };
    TokenSource { kind, owner, generation: unsigned(generation) }
}

/// Generations count up from 1; the database keeps them as i64.
fn unsigned(generation: i64) -> u64 {
    u64::try_from(generation).unwrap_or(0)
}
