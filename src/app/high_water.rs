//! The ledger's mark, kept apart from the database: how far the ledger had come. A file beside a SQLite database, Redis for all nodes
//! on one server. A database that is behind its mark lost something - an old copy was put back, the disk lied, or a standby took over
//! that had not heard of everything - and would redeem codes again that were redeemed before.
//!
//! The mark is written after commits, never before, so a crash leaves it behind the database, which is harmless. `walaa restore` and
//! `walaa db restored` raise the ledger's epoch beyond the mark's, which counts more than any time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::StartError;
use crate::apple::certificates::key_file;
use crate::clock::{Clock, Timestamp};
use crate::db::Db;
use crate::gate::Gate;
pub use crate::gate::LedgerMark as Mark;

/// How often the mark is written while operations come in.
const INTERVAL: Duration = Duration::from_secs(1);

/// How far the machine's clock may be behind the last operation: more is no drift, but a wrong clock.
pub const CLOCK_TOLERANCE_MS: i64 = 5 * 60 * 1_000;

/// 2026-01-01: no clock of a machine that runs this is earlier.
pub const EARLIEST_CLOCK: Timestamp = Timestamp::from_millis(1_767_225_600_000);

impl Mark {
    /// The database's own.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn of(db: &dyn Db) -> Result<Self, crate::db::DbError> {
        let (epoch, last_op) = db.high_water().await?;
        Ok(Self { epoch, last_op })
    }

    /// The one in a file, if there is a file.
    ///
    /// # Errors
    /// The file can't be read or is not a mark.
    pub fn read(path: &Path) -> Result<Option<Self>, StartError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StartError::file(path, source)),
        };
        let parsed = text.lines().next().and_then(|line| {
            let (epoch, last_op) = line.split_once(' ')?;
            Some(Self { epoch: epoch.parse().ok()?, last_op: Timestamp::parse(last_op).ok()? })
        });
        parsed.map(Some).ok_or_else(|| StartError::MarkUnreadable(path.to_owned()))
    }

    /// Writes it, in one step: a crash leaves the old one or the new one.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write(self, path: &Path) -> Result<(), StartError> {
        let text = format!("{} {}\n", self.epoch, self.last_op);
        Ok(key_file::write(path, text.as_bytes(), key_file::Existing::Replace)?)
    }
}

/// Refuses a database that is behind its mark, wherever that is kept, and a clock that is behind the database.
///
/// # Errors
/// Either, with what to do.
pub async fn check(db: &dyn Db, (file, gate): (Option<&Path>, &dyn Gate), clock: &dyn Clock) -> Result<Mark, StartError> {
    let mark = Mark::of(db).await?;
    let behind = |witness: String, known: Mark| StartError::Regressed { witness, database: mark.last_op, known: known.last_op };
    if let Some(path) = file
        && let Some(known) = Mark::read(path)?
        && mark < known
    {
        return Err(behind(path.display().to_string(), known));
    }
    if let Some(known) = gate.ledger_mark().await
        && mark < known
    {
        return Err(behind("Redis".to_owned(), known));
    }
    let now = clock.now();
    if now < EARLIEST_CLOCK || mark.last_op.since(now) > CLOCK_TOLERANCE_MS {
        return Err(StartError::ClockBehind { now, last_op: mark.last_op.max(EARLIEST_CLOCK) });
    }
    Ok(mark)
}

/// What keeps the mark up to date.
pub struct Keeper {
    /// Says how far it has come.
    pub db: Arc<dyn Db>,
    /// Remembers it for all nodes.
    pub gate: Arc<dyn Gate>,
    /// Remembers it on this machine.
    pub file: Option<PathBuf>,
}

impl Keeper {
    /// Keeps the mark up to date until the order to stop, and once more then. A database that falls behind while we serve is an alarm.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut written = None;
        loop {
            let stopping = *stop.borrow_and_update();
            match Mark::of(self.db.as_ref()).await {
                Ok(mark) if written.is_some_and(|known| mark < known) => {
                    tracing::error!(database = %mark.last_op, "the ledger fell back: a server that lost commits has taken over. Stop, and see `walaa db restored --help`");
                    metrics::counter!("walaa_ledger_regressed_total").increment(1);
                }
                Ok(mark) if Some(mark) > written => {
                    if self.write(mark).await {
                        written = Some(mark);
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "the database did not say how far it has come"),
            }
            if stopping {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Whether it is remembered wherever it should be. What another node wrote later stands.
    async fn write(&self, mark: Mark) -> bool {
        if self.gate.ledger_mark().await.is_none_or(|known| known < mark) {
            self.gate.note_ledger_mark(mark).await;
        }
        match self.file.as_deref().map_or(Ok(()), |file| mark.write(file)) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the mark of the last operation could not be written");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_survives_its_file_and_the_epoch_counts_more_than_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mark");
        assert_eq!(Mark::read(&path).unwrap(), None);
        let mark = Mark { epoch: 2, last_op: Timestamp::from_millis(1_800_000_000_123) };
        mark.write(&path).unwrap();
        assert_eq!(Mark::read(&path).unwrap(), Some(mark));
        assert!(Mark { epoch: 3, last_op: Timestamp::default() } > mark);
        assert!(Mark { epoch: 2, last_op: mark.last_op.plus_millis(-1) } < mark);
        std::fs::write(&path, "nonsense").unwrap();
        assert!(matches!(Mark::read(&path), Err(StartError::MarkUnreadable(_))));
    }
}
