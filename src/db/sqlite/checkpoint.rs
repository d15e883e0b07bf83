//! Copies the write-ahead log back into the file beside the writer, so that few commits wait for it.
//!
//! A thread with a connection of its own does most of it while the writer goes on. Only the writer can begin the log anew, and only when all of
//! it is copied: when the log has grown long, the writer copies the little that is left.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::connection::{BUSY_TIMEOUT, open_writer};
use crate::db::DbError;

/// Pages of 4 KiB by which the log grows until the thread is woken: 8 MiB.
const WAKE_PAGES: i64 = 2_048;

/// Pages of log that the writer lets grow before it copies the rest itself: 32 MiB, read in well under a second after a crash.
const MOST_PAGES: i64 = 8_192;

/// The log as the writer sees it.
pub(super) struct Log {
    pages: Arc<AtomicI64>,
    /// At how many pages the thread is woken next.
    wake_at: i64,
    /// At how many pages the writer copies next.
    copy_at: i64,
    /// Whether the log holds pages of somebody who was erased since.
    holds_erased: bool,
    /// `None` only while it is dropped.
    thread: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Log {
    /// Starts the thread.
    pub fn start(path: &Path) -> Result<Self, DbError> {
        let connection = open_writer(path)?;
        let (wake, woken) = sync_channel(1);
        let thread = std::thread::Builder::new().name("sqlite-copier".into()).spawn(move || copy_when_woken(&connection, &woken));
        let thread = thread.map_err(|error| DbError::Unavailable(error.to_string()))?;
        Ok(Self {
            pages: Arc::default(),
            wake_at: WAKE_PAGES,
            copy_at: MOST_PAGES,
            holds_erased: false,
            thread: Some((wake, thread)),
        })
    }

    /// Counts the log's pages at each commit of this connection, in place of copying them back there.
    pub fn watch(&self, db: &mut Connection) -> Result<(), DbError> {
        let pages = Arc::clone(&self.pages);
        db.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, now| {
            pages.store(i64::from(now), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(())
    }

    /// Somebody is being erased: the log's older pages still show him.
    pub fn forget_soon(&mut self) {
        self.holds_erased = true;
    }

    /// Sees to it that the log does not grow for ever, nor keeps who was erased; called when everyone has an answer.
    pub fn after_commit(&mut self, db: &Connection) {
        if self.holds_erased {
            self.holds_erased = !emptied(db);
        }
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < WAKE_PAGES {
            (self.wake_at, self.copy_at) = (WAKE_PAGES, MOST_PAGES);
        } else if pages >= self.copy_at {
            copy(db, "PRAGMA wal_checkpoint(PASSIVE)");
            // A long read may hold the log back: then not at each commit again.
            self.copy_at = pages + WAKE_PAGES;
        } else if pages >= self.wake_at {
            self.wake_at = pages + WAKE_PAGES;
            if let Some((wake, _)) = &self.thread {
                // If it is full, the thread is awake.
                let _awake = wake.try_send(());
            }
        }
    }

    /// Leaves an empty log behind, for a quick start.
    pub fn finish(db: &Connection) {
        copy(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some((wake, thread)) = self.thread.take() {
            drop(wake);
            let _panicked = thread.join();
        }
    }
}

/// Copies all of the log and cuts it to nothing, unless somebody reads at this moment: then the next commit tries again.
fn emptied(db: &Connection) -> bool {
    let busy = db
        .busy_timeout(Duration::ZERO)
        .and_then(|()| db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0)))
        .unwrap_or(1);
    if let Err(error) = db.busy_timeout(BUSY_TIMEOUT) {
        tracing::warn!(%error, "The connection may not wait for others any more.");
    }
    busy == 0
}

fn copy_when_woken(db: &Connection, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        copy(db, "PRAGMA wal_checkpoint(PASSIVE)");
    }
}

fn copy(db: &Connection, pragma: &str) {
    if let Err(error) = db.query_row(pragma, [], |_| Ok(())) {
        tracing::warn!(%error, "The log could not be copied back into the file.");
    }
}
