//! After a restore: every code of an earlier epoch is settled, page by page. What the gate remembers and the ledger does not have was lost
//! with the commits that the restored ledger never had; [`crate::ledger::Reconcile`] says what becomes of it.
//!
//! Each code is one command under an operation key that follows from the epoch and the code, so that a run that was cut off is just
//! repeated, and two that meet do everything once. May run beside serving nodes: what they capture meanwhile stays captured.

use aws_lc_rs::digest::{Context, SHA256};
use futures_util::future::join_all;

use crate::cards::Core;
use crate::error::{Code, Problem};
use crate::gate::MOST_REMEMBERED;
use crate::ids::{OpId, OrgId, RedemptionId};
use crate::ledger::{
    Body, Command, Fingerprint, OpHeader, OpKey, Principal, Reconcile, Reconciled, Settled, Token, TokenHash, TokenKind,
    TokenState, settling,
};
use crate::tokens;

/// Whom to ask what was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Witness {
    /// The gate.
    Gate,
    /// Nobody: codes are renewed only, and no lost capture is found.
    Nobody,
}

/// Whether anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Codes are settled.
    Settle,
    /// It is only said what would become of them.
    Tell,
}

/// A capture that the ledger had lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostCapture {
    /// The number of the card.
    pub card: String,
    /// The redemption, as the till heard of it.
    pub redemption: RedemptionId,
    /// What the code was for.
    pub kind: TokenKind,
    /// What became of it.
    pub settled: Settled,
    /// The reward and its points, where they are known: for a voucher.
    pub bought: Option<(String, i64)>,
}

/// What was found on a page of codes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReconciledPage {
    /// Codes in whose place there is the next one.
    pub renewed: usize,
    /// Live and typed codes that ended.
    pub ended: usize,
    /// Codes that could not be settled; the log says why.
    pub failed: usize,
    /// Captures that the ledger had lost.
    pub lost: Vec<LostCapture>,
    /// Where to go on; none after the last page.
    pub next: Option<TokenHash>,
}

impl Core {
    /// Settles a page of an organisation's codes of earlier epochs, beyond `after`.
    ///
    /// # Errors
    /// `gate_unavailable` when the witness can't be asked, `ledger_unavailable` and `overloaded`: what was settled stays settled, and
    /// the rest is there for the next try.
    pub async fn reconcile(
        &self,
        org: OrgId,
        (witness, effect): (Witness, Effect),
        after: Option<TokenHash>,
    ) -> Result<ReconciledPage, Problem> {
        let epoch = self.db.epoch().await?;
        let tokens = self.db.tokens_before_epoch(org, after, MOST_REMEMBERED).await?;
        let next = tokens.last().filter(|_| tokens.len() == MOST_REMEMBERED).map(|token| token.hash);
        let remembered = self.witnessed(org, witness, &tokens).await?;
        let settled = match effect {
            Effect::Settle => {
                let commands = tokens.iter().zip(&remembered).map(|(token, witness)| self.settle(epoch, token, *witness));
                join_all(commands).await
            }
            Effect::Tell => join_all(tokens.iter().zip(&remembered).map(|(token, witness)| self.foretell(token, *witness))).await,
        };
        let mut page = ReconciledPage { next, ..ReconciledPage::default() };
        for (token, settled) in tokens.iter().zip(settled) {
            match settled {
                Ok((Settled::Untouched, _)) => {}
                Ok((settled, lost)) => {
                    page.renewed += usize::from(settled == Settled::Renewed);
                    page.ended += usize::from(settled == Settled::Ended);
                    if let Some(redemption) = lost {
                        page.lost.push(self.lost(token, (settled, redemption)).await?);
                    }
                }
                Err(problem) if matches!(problem.code, Code::LedgerUnavailable | Code::Overloaded) => return Err(problem),
                Err(problem) => {
                    let token = tokens::TokenHash(token.hash);
                    tracing::error!(?token, code = problem.code.as_str(), "a code from before the restore could not be settled");
                    page.failed += 1;
                }
            }
        }
        Ok(page)
    }

    async fn witnessed(&self, org: OrgId, witness: Witness, tokens: &[Token]) -> Result<Vec<Option<RedemptionId>>, Problem> {
        if witness == Witness::Nobody {
            return Ok(vec![None; tokens.len()]);
        }
        let hashes: Vec<_> = tokens.iter().map(|token| tokens::TokenHash(token.hash)).collect();
        let remembered = self.gate.remembered(org, &hashes, self.clock.now()).await;
        remembered.ok_or_else(|| Code::GateUnavailable.into())
    }

    async fn settle(
        &self,
        epoch: i64,
        token: &Token,
        witness: Option<RedemptionId>,
    ) -> Result<(Settled, Option<RedemptionId>), Problem> {
        // A voucher's lost capture takes its own id again; every other operation is a new one, so that the lost one's id stays free.
        let came_back = witness.filter(|_| settling(token.kind, witness) == Settled::Captured);
        let id = came_back.map_or_else(|| self.ids.ordered(self.clock.now()), |redemption| redemption.0);
        let Token { org, hash, card, voucher, .. } = *token;
        let body = Body::Reconcile(Reconcile { token: hash, card, voucher, witness });
        let answer = self.batcher.execute(Command { op: header(org, (epoch, hash), OpId(id)), body }).await?;
        // Somebody else at the same work has said it already.
        let outcome = answer.result.map(|bytes| (!answer.replayed).then_some(bytes))?;
        let Some(bytes) = outcome else { return Ok((Settled::Untouched, None)) };
        let reconciled: Reconciled = serde_json::from_slice(&bytes).map_err(|_| Problem::from(Code::Internal))?;
        Ok((reconciled.settled, reconciled.lost))
    }

    /// What would become of a code. The gate may have heard of a capture since the code was read: then the ledger has it as well.
    async fn foretell(&self, token: &Token, witness: Option<RedemptionId>) -> Result<(Settled, Option<RedemptionId>), Problem> {
        if witness.is_some() {
            let now = self.db.token_row(token.org, token.hash).await?;
            if now.is_none_or(|token| token.state != TokenState::Issued) {
                return Ok((Settled::Untouched, None));
            }
        }
        Ok((settling(token.kind, witness), witness))
    }

    async fn lost(&self, token: &Token, (settled, redemption): (Settled, RedemptionId)) -> Result<LostCapture, Problem> {
        let card = self.db.card(token.org, token.card).await?.map(|state| state.card.number).unwrap_or_default();
        let voucher = match token.voucher {
            Some(id) => self.db.voucher(token.org, id).await?,
            None => None,
        };
        let bought = voucher.map(|voucher| (voucher.reward, voucher.points));
        Ok(LostCapture { card, redemption, kind: token.kind, settled, bought })
    }
}

/// The operation that settles a code in an epoch: the same one whoever does it, whatever the gate remembered at the time.
fn header(org: OrgId, (epoch, token): (i64, TokenHash), id: OpId) -> OpHeader {
    let mut context = Context::new(&SHA256);
    context.update(&epoch.to_be_bytes());
    context.update(&token);
    let hex: String = context.finish().as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    OpHeader {
        org,
        principal: Principal::System,
        key: OpKey::parse(&format!("reconcile-{hex}")).expect("a word and 32 hexadecimal digits are a key"),
        fingerprint: Fingerprint::of("reconcile", &hex),
        id,
    }
}
