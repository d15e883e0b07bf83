//! Every stable error code with its status and title, as plain data, and [`Problem`], the one shape of a refusal.
//!
//! A code never changes its meaning: clients branch on it. `http` turns a problem into RFC 9457 `application/problem+json`
//! in one place; nothing here knows HTTP beyond the status number.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

macro_rules! codes {
    ($($variant:ident $status:literal $code:literal $title:literal;)*) => {
        /// A stable error code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        pub enum Code {
            $(#[doc = $title] #[serde(rename = $code)] $variant,)*
        }

        impl Code {
            /// Every code there is, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The text that clients branch on.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// A short sentence in English, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }
        }
    };
}

codes! {
    MalformedRequest 400 "malformed_request" "The request can't be read";
    IdempotencyKeyMissing 400 "idempotency_key_missing" "A write needs an Idempotency-Key header";
    IdempotencyKeyInvalid 400 "idempotency_key_invalid" "The Idempotency-Key is not 16 to 64 letters, digits, - or _";
    Unauthorized 401 "unauthorized" "A valid key is needed";
    KeyExpired 401 "key_expired" "The key has expired";
    KeyRevoked 401 "key_revoked" "The key was revoked";
    ShiftClosed 401 "shift_closed" "No shift is open at this till: sign in";
    Forbidden 403 "forbidden" "The key may not do this";
    WrongProgramme 403 "wrong_programme" "The key is not for this programme";
    WrongStore 403 "wrong_store" "The key is bound to another store";
    TerminalDisabled 403 "terminal_disabled" "The terminal is switched off";
    NotFound 404 "not_found" "There is no such thing here";
    OpUnknown 404 "op_unknown" "No outcome is known for this operation";
    MethodNotAllowed 405 "method_not_allowed" "This address does not take that method";
    RequestTimeout 408 "request_timeout" "The request did not arrive in time";
    AlreadyRedeemed 409 "already_redeemed" "The code was already redeemed";
    AlreadyReversed 409 "already_reversed" "The redemption was already reversed";
    AlreadyMember 409 "already_member" "The identity belongs to a member already";
    MemberUnverified 409 "member_unverified" "The member has not confirmed the contact yet; the points wait";
    ConsentRequired 409 "consent_required" "The programme needs this consent; only leaving ends it";
    CodeCancelled 409 "code_cancelled" "The code was cancelled";
    PassReplaced 409 "pass_replaced" "The pass was replaced by a newer one";
    LiveCodeRequired 409 "live_code_required" "This needs the live code from the card page";
    IdentifyOnly 409 "identify_only" "The code identifies only; it can't be redeemed";
    RewardMismatch 409 "reward_mismatch" "The voucher is for another reward";
    InsufficientPoints 409 "insufficient_points" "There are not enough points";
    ReceiptReused 409 "receipt_reused" "The receipt was recorded before";
    ReturnExceedsSale 409 "return_exceeds_sale" "The return is more than what is left of the sale";
    ReversalTooLate 409 "reversal_too_late" "The time to reverse has passed";
    VoucherNotOpen 409 "voucher_not_open" "The voucher is no longer open";
    TooManyVouchers 409 "too_many_vouchers" "The card holds as many open vouchers as it may";
    ProgrammeDisabled 409 "programme_disabled" "The programme is switched off";
    RewardDisabled 409 "reward_disabled" "The reward is switched off";
    StoreDisabled 409 "store_disabled" "The store is switched off";
    MemberErased 409 "member_erased" "The member's data was erased";
    VersionConflict 409 "version_conflict" "The document was changed by someone else";
    LedgerRegressed 409 "ledger_regressed" "The ledger lost this redemption; an operator must reconcile";
    CodeFromBeforeRestore 409 "code_from_before_restore" "The code is from before a restore and needs a manager";
    OpAbandoned 409 "op_abandoned" "The operation was abandoned and will never run";
    CodeExpired 410 "code_expired" "The code has expired";
    AnswerExpired 410 "answer_expired" "The stored answer is no longer kept";
    LinkRevoked 410 "link_revoked" "The link was revoked";
    PayloadTooLarge 413 "payload_too_large" "The body is too large";
    UnsupportedMediaType 415 "unsupported_media_type" "The body must be application/json";
    ValidationFailed 422 "validation_failed" "Some fields are not right";
    IdempotencyKeyReused 422 "idempotency_key_reused" "The Idempotency-Key was used for another request";
    InvalidCode 422 "invalid_code" "The code is not one of ours";
    CurrencyMismatch 422 "currency_mismatch" "The programme counts in another currency";
    UnknownReward 422 "unknown_reward" "The programme has no such reward";
    DocumentInvalid 422 "document_invalid" "The document is not valid";
    EnrolmentCodeInvalid 422 "enrolment_code_invalid" "The enrolment code is wrong, used or expired";
    RateLimited 429 "rate_limited" "Too many requests";
    PaceLimited 429 "pace_limited" "Too often for this card, terminal and day";
    Internal 500 "internal" "Something went wrong on our side";
    LedgerUnavailable 503 "ledger_unavailable" "The ledger can't be reached; nothing was changed";
    Overloaded 503 "overloaded" "Too much at once; nothing was changed";
    WalletUnavailable 503 "wallet_unavailable" "The wallet's provider does not answer";
    WalletNotConfigured 503 "wallet_not_configured" "No certificate is configured for this wallet";
    GateUnavailable 503 "gate_unavailable" "The gate can't be reached and the operator chose to refuse";
    TimedOut 504 "timed_out" "No answer came in time; ask again under the same Idempotency-Key";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldProblem {
    /// Where: dots and indexes, such as `rewards[0].quantity`.
    pub field: String,
    /// What is wrong, in a sentence.
    pub message: String,
}

/// A refusal: a stable code, a sentence for this occurrence, wrong fields, and facts that a program can use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// A sentence about this occurrence; never internals.
    pub detail: String,
    /// The fields that are wrong, if fields are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
    /// Facts beside the standard members, such as `redeemed_at`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub facts: Map<String, Value>,
}

impl Problem {
    /// A problem with a sentence about this occurrence.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), facts: Map::new() }
    }

    /// A problem of one field.
    #[must_use]
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let mut problem = Self::new(Code::ValidationFailed, Code::ValidationFailed.title());
        problem.errors.push(FieldProblem { field: field.into(), message: message.into() });
        problem
    }

    /// This problem with one more fact; what can't be written as JSON is left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.facts.insert(name.to_owned(), value);
        }
        self
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code, code.title())
    }
}
