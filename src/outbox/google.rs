//! Google's ways: the object is written as it is now, many in one request; what Google took it keeps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{ChannelSender, Failure, Fault, Lane, Verdict};
use crate::cards::ViewError;
use crate::clock::Timestamp;
use crate::db::{Channel, Db, DbError, OutboxItem};
use crate::google::compose::ComposeError;
use crate::google::error::CallError;
use crate::google::writer::{GoogleWriter, WriteError, Written};
use crate::ledger::Pass;

/// Writes to Google Wallet what is owed there.
pub struct GoogleSender {
    db: Arc<dyn Db>,
    writer: Arc<GoogleWriter>,
}

impl GoogleSender {
    /// A sender over the issuers that there are.
    #[must_use]
    pub fn new(db: Arc<dyn Db>, writer: Arc<GoogleWriter>) -> Self {
        Self { db, writer }
    }

    async fn write(&self, passes: &[Pass], now: Timestamp) -> Vec<Result<Verdict, DbError>> {
        let Some(issuer) = passes.first().and_then(|pass| self.writer.google().issuer_for(pass.org)) else {
            return passes.iter().map(|_| Ok(verdict(&WriteError::NotConfigured, now))).collect();
        };
        let written = self.writer.write(issuer, passes).await;
        written.into_iter().map(|written| outcome(written, now)).collect()
    }
}

fn outcome(written: Result<Written, WriteError>, now: Timestamp) -> Result<Verdict, DbError> {
    match written {
        Ok(Written::Unchanged) => Ok(Verdict::Current),
        Ok(Written::Sent { version }) => Ok(Verdict::Delivered { version }),
        Err(WriteError::Db(error) | WriteError::Compose(ComposeError::View(ViewError::Db(error)))) => Err(error),
        Err(error) => Ok(verdict(&error, now)),
    }
}

/// What is to be done about a failure.
fn verdict(error: &WriteError, now: Timestamp) -> Verdict {
    let failed = |fault, after: Option<Duration>| Verdict::Failed(Failure { fault, error: error.to_string(), after });
    match error {
        WriteError::Call(CallError::Wait(wait)) => {
            let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            Verdict::Wait { until: now.plus_millis(wait.max(1)) }
        }
        WriteError::Call(CallError::Transient { after, .. } | CallError::QuotaExceeded { after, .. }) => {
            failed(Fault::Lane, *after)
        }
        WriteError::Call(CallError::NotPermitted(_) | CallError::NoToken(_) | CallError::Unauthorized(_))
        | WriteError::NotConfigured => failed(Fault::Credential, None),
        WriteError::Call(CallError::NotFound(_) | CallError::Exists(_) | CallError::Invalid(_) | CallError::Unsendable(_))
        | WriteError::Link(_) => Verdict::Refused { error: error.to_string() },
        // A template or a key that an operator can bring back.
        WriteError::Compose(_) | WriteError::Db(_) => failed(Fault::Item, None),
    }
}

#[async_trait]
impl ChannelSender for GoogleSender {
    fn channel(&self) -> Channel {
        Channel::Google
    }

    fn lane(&self, item: &OutboxItem) -> Lane {
        let issuer = self.writer.google().issuer_for(item.org);
        Lane(issuer.map_or_else(|| "none".to_owned(), |issuer| issuer.id().to_string()))
    }

    fn together(&self) -> usize {
        self.writer.together().max(2)
    }

    async fn deliver(&self, item: &OutboxItem, now: Timestamp) -> Result<Verdict, DbError> {
        let mut verdicts = self.deliver_together(std::slice::from_ref(item), now).await;
        verdicts.pop().unwrap_or(Ok(Verdict::Current))
    }

    async fn deliver_together(&self, items: &[OutboxItem], now: Timestamp) -> Vec<Result<Verdict, DbError>> {
        let mut verdicts: BTreeMap<usize, Result<Verdict, DbError>> = BTreeMap::new();
        let (mut places, mut passes) = (Vec::new(), Vec::new());
        for (place, item) in items.iter().enumerate() {
            match self.db.pass(item.pass).await {
                Ok(Some(pass)) => {
                    places.push(place);
                    passes.push(pass);
                }
                Ok(None) => drop(verdicts.insert(place, Ok(Verdict::Current))),
                Err(error) => drop(verdicts.insert(place, Err(error))),
            }
        }
        verdicts.extend(places.into_iter().zip(self.write(&passes, now).await));
        verdicts.into_values().collect()
    }

    async fn finished(&self, _item: &OutboxItem) -> Result<(), DbError> {
        Ok(())
    }
}
