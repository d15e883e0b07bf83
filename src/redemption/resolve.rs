//! From a code's text to the card it stands for, and the gate's step in between.

use crate::cards::{Caller, Core};
use crate::clock::Timestamp;
use crate::db::TokenRef;
use crate::error::{Code, Problem};
use crate::gate::{GateRequest, GateVerdict, Limit, LocalDay, OpMark, PaceKind, PaceRule, RateRule, Scope};
use crate::ids::{CardId, ProgrammeId, RedemptionId, VoucherId};
use crate::ledger::{PassState, Principal, RotatingStep, Token, TokenHash, TokenKind, TokenState, VoucherState};
use crate::programme::Programme;
use crate::tokens::{self, ROTATING_PERIOD_SECONDS, ScannedCode, W3};

/// Codes that were not ours, with one key: an integration speaks for many tills.
const FAILED_CODES_OF_KEY: RateRule = RateRule::new(100, 5 * 60_000);

/// How many periods before and after now a turning code is taken.
const STEPS_BESIDE: i64 = 1;

/// A code that stands for a card.
#[derive(Debug, Clone, Copy)]
pub struct Resolved {
    /// What the ledger knows it by.
    pub hash: TokenHash,
    /// What it stands for.
    pub token: TokenRef,
    /// The pass and step of a turning code.
    pub turning: Option<RotatingStep>,
}

impl Resolved {
    /// The token of a turning code that was not used: it has no row yet.
    pub(super) fn unused(&self, caller: &Caller, now: Timestamp) -> Option<Token> {
        let turning = self.turning?;
        Some(Token {
            org: caller.org,
            hash: self.hash,
            kid: 0,
            kind: TokenKind::Rotating,
            generation: turning.step,
            card: self.token.card,
            pass: Some(turning.pass),
            voucher: None,
            state: TokenState::Issued,
            issued_at: now,
            expires_at: Some(turning.expires_at),
            captured_by: None,
            // It is of now, whatever was restored before.
            epoch: i64::MAX,
        })
    }
}

/// Which pace rule of the programme an operation falls under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Sales of a card at a till on a day.
    Earn,
    /// Redemptions of a card at a till on a day.
    Redeem,
}

/// A value operation on its way to the ledger, as the gate sees it.
pub(super) struct Passage<'a> {
    pub caller: &'a Caller,
    pub card: CardId,
    pub programme: &'a Programme,
    pub pace: Pace,
    pub op: Option<OpMark>,
}

impl Core {
    /// Reads a code and finds what it stands for. Garbage costs no I/O; too much of it from one till is slowed down.
    ///
    /// # Errors
    /// `invalid_code` for everything that is no code of the caller's organisation, alike; `rate_limited`.
    pub async fn resolve(&self, caller: &Caller, text: &str) -> Result<Resolved, Problem> {
        let parsed = ScannedCode::parse(text, caller.org, &self.keyring);
        let Ok(code) = parsed else {
            return Err(self.failed_code(caller).await);
        };
        if let ScannedCode::W3(code) = code {
            return self.resolve_turning(caller, code).await;
        }
        let typed = matches!(code, ScannedCode::Typed(_));
        if typed {
            self.pass_gate(&GateRequest::within(caller.org).limit(typed_limit(caller).look())).await?;
        }
        for hash in code.hashes(caller.org, &self.keyring) {
            if let Some(token) = self.db.token(caller.org, hash.0).await? {
                caller.may_use(token.programme)?;
                return Ok(Resolved { hash: hash.0, token, turning: None });
            }
        }
        if typed {
            self.pass_gate(&GateRequest::within(caller.org).limit(typed_limit(caller))).await?;
        }
        Err(self.failed_code(caller).await)
    }

    /// A turning code stands for its pass while its step is now, or one beside now: clocks differ. A step that was used says so for ever.
    async fn resolve_turning(&self, caller: &Caller, code: W3) -> Result<Resolved, Problem> {
        let pass = self.db.pass(code.pass).await?;
        let Some(pass) = pass.filter(|pass| pass.org == caller.org && pass.on_google) else {
            return Err(self.failed_code(caller).await);
        };
        caller.may_use(pass.programme)?;
        if let Some(id) = pass.voucher {
            return self.turning_voucher(caller, (id, code)).await;
        }
        let hash = code.hash(caller.org).0;
        let token = TokenRef {
            kind: TokenKind::Rotating,
            card: pass.card,
            programme: pass.programme,
            pass: Some(pass.id),
            voucher: None,
        };
        let expires_at = end_of(code);
        let resolved = Resolved { hash, token, turning: Some(RotatingStep { pass: pass.id, step: code.step, expires_at }) };
        if self.db.token(caller.org, hash).await?.is_none() {
            self.check_step(code)?;
        }
        if pass.state == PassState::Active { Ok(resolved) } else { Err(Code::PassReplaced.into()) }
    }

    /// The turning code of a voucher's pass stands for the voucher's one token.
    async fn turning_voucher(&self, caller: &Caller, (id, code): (VoucherId, W3)) -> Result<Resolved, Problem> {
        let voucher = self.db.voucher(caller.org, id).await?.ok_or_else(|| Problem::from(Code::Internal))?;
        // The voucher has a new pass since: a lost phone shows the old one.
        if voucher.pass != code.pass {
            return Err(Code::PassReplaced.into());
        }
        // One that is used says by whom, however old the code.
        if voucher.state == VoucherState::Issued {
            self.check_step(code)?;
        }
        let token = self.db.token(caller.org, voucher.token).await?.ok_or_else(|| Problem::from(Code::Internal))?;
        Ok(Resolved { hash: voucher.token, token, turning: None })
    }

    /// Whether a turning code is of now, or one step beside.
    fn check_step(&self, code: W3) -> Result<(), Problem> {
        let now = self.clock.now().seconds().div_euclid(ROTATING_PERIOD_SECONDS);
        if code.step.abs_diff(now) <= STEPS_BESIDE.unsigned_abs() {
            return Ok(());
        }
        let detail = "The turning code is from another time; scan the one that shows now, and check the clock of this till.";
        Err(Problem::new(Code::CodeExpired, detail).with("expired_at", end_of(code)))
    }

    async fn failed_code(&self, caller: &Caller) -> Problem {
        metrics::counter!("walaa_codes_refused_total", "reason" => "invalid_code").increment(1);
        let rules = if caller.terminal.is_some() { RateRule::FAILED_CODES } else { [FAILED_CODES_OF_KEY] };
        let limit = Limit::on(Scope::FailedCodes, caller.principal, &rules);
        match self.pass_gate(&GateRequest::within(caller.org).limit(limit)).await {
            Ok(_) => Code::InvalidCode.into(),
            Err(problem) => problem,
        }
    }

    /// Asks the gate; a refusal is a problem, a capture that it remembers is returned.
    pub(super) async fn pass_gate(&self, request: &GateRequest) -> Result<Option<RedemptionId>, Problem> {
        match self.gate.check(request, self.clock.now()).await? {
            GateVerdict::Go | GateVerdict::Unknown => Ok(None),
            GateVerdict::Captured(redemption) => Ok(Some(redemption)),
            GateVerdict::Refused(refusal) => {
                metrics::counter!("walaa_gate_refused_total", "reason" => refusal.reason).increment(1);
                Err(refusal.into())
            }
        }
    }

    /// The gate's request for a value operation: pace per card, till and local day; for a token also its marker.
    pub(super) fn passage(&self, passage: &Passage<'_>, token: Option<TokenHash>) -> GateRequest {
        let mut request = GateRequest::within(passage.caller.org);
        if let Some(op) = passage.op {
            request = request.op(op);
        }
        if let Some(hash) = token.map(tokens::TokenHash) {
            request = request.token(hash).limit(card_limit(passage.card).look());
        }
        let Some((terminal, _)) = passage.caller.terminal else { return request };
        let limits = &passage.programme.limits;
        let (kind, most) = match passage.pace {
            Pace::Earn => (PaceKind::Earn, limits.earnings_per_card_terminal_day),
            Pace::Redeem => (PaceKind::Redeem, limits.redemptions_per_card_terminal_day),
        };
        let today = LocalDay::at(self.clock.now(), passage.programme.zone());
        request.pace(PaceRule::per_local_day(kind, (passage.card, terminal), most, today))
    }

    /// A card by its id, or by a code that stands for it; earning and identifying never consume the code.
    ///
    /// # Errors
    /// `validation_failed` unless exactly one is given; as [`Self::resolve`]; `not_found`.
    pub async fn meant_card(
        &self,
        caller: &Caller,
        (card, code): (Option<CardId>, Option<&str>),
    ) -> Result<(CardId, ProgrammeId), Problem> {
        match (card, code) {
            (Some(id), None) => {
                let state = self.card(caller.org, id).await?;
                caller.may_use(state.card.programme)?;
                Ok((id, state.card.programme))
            }
            (None, Some(text)) => {
                let resolved = self.resolve(caller, text).await?;
                self.check_current(caller, &resolved).await?;
                Ok((resolved.token.card, resolved.token.programme))
            }
            _ => Err(Problem::field("card", "Give either card or code.")),
        }
    }
}

/// The last moment at which a turning code is taken.
fn end_of(code: W3) -> Timestamp {
    Timestamp::from_millis(0).plus_seconds((code.step + 1 + STEPS_BESIDE) * ROTATING_PERIOD_SECONDS)
}

/// How often a card may be redeemed from. Only what was redeemed counts, so that a storm on one code hears who won.
pub(super) fn card_limit(card: CardId) -> Limit {
    Limit::on(Scope::Card, card, &RateRule::CARD)
}

/// How often a till may guess typed codes. Only wrong guesses count.
fn typed_limit(caller: &Caller) -> Limit {
    Limit::on(Scope::TypedCodes, caller.principal, &RateRule::TYPED_CODES)
}

/// The mark of an operation for pace rules: the same operation repeated is counted once.
pub(super) fn op_mark(principal: Principal, key: &crate::ledger::OpKey) -> OpMark {
    OpMark::of(&principal.to_string(), key.as_str())
}
