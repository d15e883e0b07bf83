//! What every part that serves requests holds.

use std::sync::Arc;

use crate::cards::{Caller, Offered, ProgrammeCache, Templates};
use crate::clock::Clock;
use crate::db::Db;
use crate::db::batcher::Batcher;
use crate::error::{Code, Problem};
use crate::gate::Gate;
use crate::ids::{Ids, OpId, OrgId, StoreId};
use crate::ledger::{Answer, Body, Command, DocumentKey, Fingerprint, OpHeader, OpKey, OpOutcome, Place, Principal, stored};
use crate::programme::StoreDocument;
use crate::tokens::Keyring;

/// The gateway's working parts, as handed to handlers and workers.
#[derive(Clone)]
pub struct Core {
    /// The database, for reading.
    pub db: Arc<dyn Db>,
    /// The way to the ledger, for every change.
    pub batcher: Batcher,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub ids: Arc<dyn Ids>,
    /// The master keys.
    pub keyring: Arc<Keyring>,
    /// The replay and rate gate.
    pub gate: Arc<dyn Gate>,
    /// Where clients and phones reach us: `https://host[:port]`, without a slash at the end.
    pub public_url: Arc<str>,
    /// Programme documents as this node last saw them; decisions never depend on it.
    pub programmes: Arc<ProgrammeCache>,
    /// Whose cards are offered to Google Wallet.
    pub google: Arc<Offered>,
    /// The pass templates that this node runs with: a programme names one of them.
    pub templates: Arc<Templates>,
}

/// Under which operation something is asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The organisation.
    pub org: OrgId,
    /// Who asks.
    pub principal: Principal,
    /// The client's id for it.
    pub key: OpKey,
    /// What was asked, as it was understood.
    pub fingerprint: Fingerprint,
}

impl Core {
    /// What a caller asks: a request of a kind with its parsed fields.
    #[must_use]
    pub fn asked(&self, caller: &Caller, key: OpKey, (kind, request): (&str, &impl serde::Serialize)) -> Asked {
        let request = serde_json::to_vec(request).unwrap_or_default();
        let fingerprint = Fingerprint(self.keyring.fingerprint(caller.org, &[kind.as_bytes(), &request]));
        Asked { org: caller.org, principal: caller.principal, key, fingerprint }
    }

    /// The answer that an operation has from an earlier request, whatever has changed since.
    ///
    /// # Errors
    /// `idempotency_key_reused` when that was another request; the database is out of reach.
    pub async fn earlier(&self, asked: &Asked) -> Result<Option<Answer>, Problem> {
        let Some(row) = self.db.op(asked.org, asked.principal, &asked.key).await? else { return Ok(None) };
        if row.outcome == OpOutcome::Abandoned || row.fingerprint == asked.fingerprint.0 {
            return Ok(Some(stored(&row)));
        }
        Err(Problem::new(Code::IdempotencyKeyReused, "Use a new Idempotency-Key for a new request.").with("op", row.id))
    }

    /// Looks for an earlier answer when what comes before the ledger fails: a code that ran out since must not hide what was done.
    ///
    /// # Errors
    /// What failed, when the operation has no answer yet.
    pub async fn or_earlier<T>(&self, asked: &Asked, prepared: Result<T, Problem>) -> Result<Result<T, Answer>, Problem> {
        match prepared {
            Ok(value) => Ok(Ok(value)),
            Err(problem) => self.earlier(asked).await?.map(Err).ok_or(problem),
        }
    }

    /// A command under a fresh operation id.
    #[must_use]
    pub fn command(&self, asked: &Asked, body: Body) -> Command {
        let id = OpId(self.ids.ordered(self.clock.now()));
        let Asked { org, principal, fingerprint, .. } = *asked;
        Command { op: OpHeader { org, principal, key: asked.key.clone(), fingerprint, id }, body }
    }

    /// Where an operation of a caller happens, with the shop's name as it is now.
    ///
    /// # Errors
    /// `wrong_store`; `validation_failed` for a shop that there is not.
    pub async fn place(&self, caller: &Caller, (asked, cashier): (Option<StoreId>, Option<String>)) -> Result<Place, Problem> {
        let mut place = caller.place(asked, cashier)?;
        if let (Some(store), None) = (place.store, &place.store_name) {
            let document = self.db.document(DocumentKey::store(caller.org, store)).await?;
            let document = document.ok_or_else(|| Problem::field("store", "There is no such store."))?;
            place.store_name = StoreDocument::parse(&document.body)?.name.get("en").cloned();
        }
        Ok(place)
    }

    /// Asks the ledger and waits until its outcome is durable.
    ///
    /// # Errors
    /// Only what is not an outcome: overload, a database out of reach.
    pub async fn ask(&self, asked: &Asked, body: Body) -> Result<Answer, Problem> {
        self.batcher.execute(self.command(asked, body)).await
    }
}
