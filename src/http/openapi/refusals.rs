//! Which error codes a route answers: those of its kind, derived from what it takes, and those of its own rules, listed.

use actix_web::http::Method;

use crate::error::Code::{self, *};
use crate::http::endpoint::{Access, Endpoint};
use crate::http::scanner::{self, Needs};

/// What a route takes.
pub struct Takes {
    /// An operation key.
    pub key: bool,
    /// A body.
    pub body: bool,
    /// An id in its path.
    pub id: bool,
    /// A query.
    pub query: bool,
}

/// Writes that need no operation key: they change nothing, or repeating them is harmless by itself.
const WITHOUT_KEY: &[&str] =
    &["/v1/scans", "/v1/terminals/enrol", "/v1/ops/{id}/abandon", "/v1/dead-letters/{id}/replay", "/v1/dead-letters/{id}"];

/// What rules on a document's contents refuse.
const DOCUMENT: &[Code] = &[DocumentInvalid, VersionConflict, WrongProgramme, WrongStore];

/// What every use of a card may meet.
const CARD: &[Code] = &[NotFound, WrongProgramme, MemberErased];

/// What a code may turn out to be.
const SCANNED: &[Code] = &[InvalidCode, CodeExpired, CodeCancelled, PassReplaced, WrongProgramme, MemberErased];

/// What a place may meet.
const PLACE: &[Code] = &[WrongStore, StoreDisabled, TerminalDisabled];

/// What the building of a pass may meet.
const PASS: &[Code] = &[WalletNotConfigured, Overloaded, LedgerUnavailable];

/// Whether a route needs an operation key.
#[must_use]
pub fn takes_key(endpoint: &Endpoint) -> bool {
    endpoint.method != Method::GET && !WITHOUT_KEY.contains(&endpoint.path)
}

/// Every code that a route answers, in the order of the list of codes.
#[must_use]
pub fn of(endpoint: &Endpoint, takes: &Takes) -> Vec<Code> {
    let mut codes = vec![Internal, TimedOut];
    match endpoint.access {
        Access::Open => {}
        Access::AnyKey | Access::Right(_) => codes.extend(DOOR),
    }
    if scanner::needs(endpoint.method.as_str(), endpoint.path) == Some(Needs::Shift) {
        codes.push(ShiftClosed);
    }
    if takes.key {
        codes.extend([
            IdempotencyKeyMissing,
            IdempotencyKeyInvalid,
            IdempotencyKeyReused,
            OpAbandoned,
            AnswerExpired,
            Overloaded,
        ]);
    }
    if takes.body {
        codes.extend([MalformedRequest, RequestTimeout, PayloadTooLarge, UnsupportedMediaType, ValidationFailed]);
    }
    if takes.query {
        codes.push(ValidationFailed);
    }
    if takes.id {
        codes.push(NotFound);
    }
    own(endpoint.method.as_str(), endpoint.path).iter().for_each(|own| codes.extend(*own));
    Code::ALL.iter().copied().filter(|code| codes.contains(code)).collect()
}

/// What the door refuses.
const DOOR: &[Code] =
    &[Unauthorized, KeyExpired, KeyRevoked, Forbidden, TerminalDisabled, RateLimited, GateUnavailable, LedgerUnavailable];

/// The codes of a route's own rules.
fn own(method: &str, path: &str) -> &'static [&'static [Code]] {
    match (method, path) {
        ("POST", "/v1/members") => &[&[AlreadyMember, NotFound, WrongProgramme, ProgrammeDisabled]],
        ("POST", "/v1/members/{id}/cards") => &[&[AlreadyMember, MemberErased, WrongProgramme, ProgrammeDisabled]],
        ("POST", "/v1/members/{id}/consents") => &[&[MemberErased, ConsentRequired, VersionConflict]],
        ("GET", "/v1/members/{id}/export") => &[&[WrongProgramme]],
        ("POST", "/v1/members/{id}/erasure") => &[&[WrongProgramme, MemberErased]],
        ("GET", "/v1/cards/{id}/apple") => &[PASS, &[WrongProgramme]],
        ("GET", "/p/{file}") => &[PASS, &[NotFound, LinkRevoked, RateLimited, GateUnavailable]],
        ("GET", "/v1/cards/{id}/google") => &[PASS, CARD, &[WalletUnavailable]],
        ("GET", "/g/{key}") => &[PASS, CARD, &[WalletUnavailable, LinkRevoked, RateLimited, GateUnavailable]],
        ("GET", "/google/images/{file}") => &[&[NotFound, WalletNotConfigured, RateLimited, GateUnavailable]],
        ("GET", "/v1/cards/{id}" | "/v1/cards/{id}/entries" | "/v1/cards/{id}/delivery") => &[&[WrongProgramme]],
        ("POST", "/v1/cards/{id}/adjustments") => &[CARD, &[InsufficientPoints]],
        ("POST", "/v1/cards/{id}/codes") => &[CARD, &[ProgrammeDisabled]],
        ("POST", "/v1/cards/{id}/reissue") => &[CARD],
        ("POST", "/v1/scans") => &[SCANNED, &[NotFound, WrongStore]],
        ("POST", "/v1/earnings") => &[SCANNED, CARD, PLACE, &[ProgrammeDisabled, PaceLimited, ReceiptReused, CurrencyMismatch]],
        ("POST", "/v1/earnings/{id}/returns") => &[CARD, PLACE, &[ReturnExceedsSale, CurrencyMismatch]],
        ("POST", "/v1/redemptions") => &[SCANNED, PLACE, REDEEM],
        ("POST", "/v1/redemptions/{id}/reversal") => &[CARD, PLACE, &[AlreadyReversed, ReversalTooLate]],
        ("GET", "/v1/earnings/{id}" | "/v1/redemptions/{id}" | "/v1/vouchers/{id}") => &[&[WrongProgramme]],
        ("POST", "/v1/vouchers") => &[
            CARD,
            PLACE,
            &[MemberUnverified, ProgrammeDisabled, UnknownReward, RewardDisabled, InsufficientPoints, TooManyVouchers],
        ],
        ("POST", "/v1/vouchers/{id}/cancellation") => &[CARD, PLACE, &[VoucherNotOpen]],
        ("GET", "/v1/ops/{id}") => &[&[OpUnknown]],
        ("POST", "/v1/ops/{id}/abandon") => &[&[Overloaded]],
        ("POST", "/v1/terminals/enrol") => {
            &[&[EnrolmentCodeInvalid, TerminalDisabled, RateLimited, GateUnavailable, LedgerUnavailable, Overloaded]]
        }
        ("POST" | "PUT", path) if path.starts_with("/v1/keys") => &[&[DocumentInvalid, VersionConflict]],
        ("POST" | "PUT", _) if takes_document(path) => &[DOCUMENT],
        ("GET", path) if path.starts_with("/v1/programmes/") => &[&[WrongProgramme]],
        ("GET" | "POST" | "DELETE", path) if concerns_all(path) => &[&[WrongProgramme, WrongStore]],
        _ => &[],
    }
}

/// What a capture refuses.
const REDEEM: &[Code] = &[
    ProgrammeDisabled,
    PaceLimited,
    AlreadyRedeemed,
    MemberUnverified,
    LiveCodeRequired,
    IdentifyOnly,
    RewardMismatch,
    InsufficientPoints,
    UnknownReward,
    RewardDisabled,
    VoucherNotOpen,
    CodeFromBeforeRestore,
    LedgerRegressed,
];

fn takes_document(path: &str) -> bool {
    ["/v1/organisation", "/v1/programmes", "/v1/stores", "/v1/terminals", "/v1/staff"].iter().any(|start| path.starts_with(start))
}

fn concerns_all(path: &str) -> bool {
    ["/v1/journal", "/v1/dead-letters", "/v1/device-logs"].iter().any(|start| path.starts_with(start))
}
