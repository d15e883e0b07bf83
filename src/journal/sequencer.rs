//! The task that numbers committed journal rows, so that changed passes get their `seq` before anybody is pushed.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::db::{Db, DbError, Sequenced};

/// Rows that one transaction numbers.
const ROWS_PER_ROUND: usize = 1_000;

/// How long rows of other nodes may wait for us when nothing is committed here, and how late we hear of what they numbered.
const SLOW_TICK: Duration = Duration::from_secs(1);

/// The wait after a failed round.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// Numbers what was committed. Several nodes may run one each: the database lets one at a time work.
pub struct Sequencer {
    /// The database.
    pub db: Arc<dyn Db>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Wakes us after each commit.
    pub committed: Arc<Notify>,
    /// Those whom we wake when passes are owed: the outbox's workers.
    pub owed: Vec<Arc<Notify>>,
    /// The largest `seq` that passes were given, here or on another node, for whoever shows live what changed.
    pub newest: watch::Sender<i64>,
}

impl Sequencer {
    /// Numbers until `shutdown` is done, and once more then, so that a clean stop leaves no unsealed tail.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        tokio::pin!(shutdown);
        loop {
            let wait = match self.run_once().await {
                Ok(_) => SLOW_TICK,
                Err(error) => {
                    tracing::error!(%error, "the journal could not be numbered; trying again");
                    AFTER_FAILURE
                }
            };
            tokio::select! {
                () = &mut shutdown => break,
                () = self.committed.notified(), if wait == SLOW_TICK => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        if let Err(error) = self.run_once().await {
            tracing::error!(%error, "the end of the journal could not be numbered; the next start will");
        }
    }

    /// Numbers everything that is committed now, and wakes the outbox if passes are owed.
    ///
    /// # Errors
    /// The database's; what was numbered before stays so.
    pub async fn run_once(&self) -> Result<Sequenced, DbError> {
        let mut total = Sequenced::default();
        loop {
            let round = self.db.sequence(ROWS_PER_ROUND, self.clock.now()).await?;
            total.rows += round.rows;
            total.owed += round.owed;
            total.newest = round.newest;
            if round.owed > 0 {
                self.owed.iter().for_each(|worker| worker.notify_one());
            }
            if round.rows < ROWS_PER_ROUND {
                break;
            }
        }
        if total.rows > 0 {
            metrics::counter!("walaa_journal_rows_total").increment(total.rows as u64);
            tracing::debug!(rows = total.rows, owed = total.owed, "numbered the journal");
        }
        self.newest.send_if_modified(|newest| std::mem::replace(newest, total.newest) != total.newest);
        Ok(total)
    }
}
