//! Asks Google which objects somebody has: callbacks get lost, and several devices of one holder tell several things.
//!
//! Each object is asked about once a day, and ten minutes after each callback. Questions take from the same budget as writes, a few at
//! a time with a rest between them, so that a shop with many cards is asked around slowly and never at the cost of a customer's balance.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::db::{Db, DbError, GoogleObject};
use crate::google::GoogleWriter;
use crate::google::error::CallError;
use crate::google::resource::{ResourceId, ResourceKind};
use crate::ledger::PassKind;

/// Objects that are asked about in a round.
const ROUND: usize = 4;

/// The rest after a round that found something to ask, and after one that found nothing.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Reconciles what we believe with what Google knows.
pub struct GoogleAsker {
    db: Arc<dyn Db>,
    clock: Arc<dyn Clock>,
    writer: Arc<GoogleWriter>,
}

impl GoogleAsker {
    /// An asker over the issuers that there are.
    #[must_use]
    pub fn new(db: Arc<dyn Db>, clock: Arc<dyn Clock>, writer: Arc<GoogleWriter>) -> Self {
        Self { db, clock, writer }
    }

    /// Asks until `shutdown` is done.
    pub async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            let rest = match self.run_once().await {
                Ok(0) => REST.1,
                Ok(_) => REST.0,
                Err(error) => {
                    tracing::error!(%error, "could not see which Google objects to ask about");
                    REST.1
                }
            };
            tokio::select! {
                () = &mut shutdown => break,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// Asks about those that are due, a few; says how many were asked about.
    ///
    /// # Errors
    /// Our own database's.
    pub async fn run_once(&self) -> Result<usize, DbError> {
        let due = self.db.google_objects_to_ask(self.clock.now(), ROUND).await?;
        let mut asked = 0;
        for object in &due {
            match self.ask(object).await? {
                Answer::Budget => break,
                Answer::Known(saved) => {
                    asked += 1;
                    self.learn(object, saved).await?;
                }
            }
        }
        Ok(asked)
    }

    async fn ask(&self, object: &GoogleObject) -> Result<Answer, DbError> {
        let issuer = self.writer.google().issuer_for(object.org);
        let (Some(issuer), Ok(id)) = (issuer, object.object.parse::<ResourceId>()) else { return Ok(Answer::Known(None)) };
        let Some(pass) = self.db.pass(object.pass).await? else { return Ok(Answer::Known(None)) };
        let kind = match pass.kind {
            PassKind::Card => ResourceKind::LoyaltyObject,
            PassKind::Voucher => ResourceKind::OfferObject,
        };
        Ok(match issuer.client.get(kind, &id).await {
            Ok(body) => Answer::Known(body["hasUsers"].as_bool()),
            Err(CallError::Wait(_)) => Answer::Budget,
            // What Google does not have nobody holds; the next change makes it again.
            Err(CallError::NotFound(_)) => Answer::Known(Some(false)),
            Err(error) => {
                tracing::warn!(%error, object = object.object, "Google could not be asked who has an object");
                Answer::Known(None)
            }
        })
    }

    async fn learn(&self, object: &GoogleObject, saved: Option<bool>) -> Result<(), DbError> {
        if let (Some(known), Some(saved)) = (object.saved, saved)
            && known != saved
        {
            metrics::counter!("walaa_google_callbacks_missed_total").increment(1);
        }
        self.db.note_google_asked(object.org, object.pass, saved, self.clock.now()).await
    }
}

/// What a question came to.
enum Answer {
    /// There was no budget for it.
    Budget,
    /// Google said so, or nothing of use.
    Known(Option<bool>),
}
