//! The database on SQLite: one file, one thread that writes, a few connections that read. Enough for a shop chain on one machine.

mod check;
mod checkpoint;
mod codec;
mod connection;
mod google;
#[cfg(test)]
mod guard_tests;
mod journal;
mod load;
mod outbox;
mod phones;
mod readers;
mod reads;
mod rows;
mod save;
mod upkeep;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::Connection;
use tokio::sync::oneshot;

use self::outbox::Claim;
use self::phones::Pushed;
use self::readers::{Readers, snapshot};
use self::reads::EntryPage;
use self::writer::{Batch, Job, Write};
use crate::clock::Timestamp;
use crate::db::{
    ChangedPasses, Channel, Db, DbError, DeadLetter, Delivery, DeviceLog, Expired, GoogleClass, GoogleEvent, GoogleObject, Heard,
    JournalRecord, LedgerCheck, OutboxItem, OutboxResult, Page, Registered, Registration, Sequenced, Stale, TokenRef,
};
use crate::ids::{CardId, DeadLetterId, EarningId, MemberId, OpId, OrgId, PassId, RedemptionId, VoucherId};
use crate::ledger::{
    Answer, CardState, Command, Document, DocumentKey, DocumentKind, Earning, Entry, Member, OpKey, OpRow, Pass, Principal,
    Redemption, Token, TokenHash, TokenMint, Voucher,
};

/// A ledger in a SQLite file.
pub struct SqliteDb {
    path: PathBuf,
    readers: Readers,
    /// `None` only while it is dropped.
    writer: Option<writer::Handle>,
}

impl SqliteDb {
    /// Opens the file, made when there is none, brings it to the newest schema and starts the writer. Blocks for a moment.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when the file can't be opened, [`DbError::Corrupt`] when it is not Walaa's or of a newer Walaa.
    pub fn open(path: &Path, mint: Arc<dyn TokenMint>) -> Result<Arc<Self>, DbError> {
        let connection = connection::open_writer(path)?;
        let readers = Readers::open(path)?;
        let writer = writer::start(path.to_owned(), connection, mint)?;
        Ok(Arc::new(Self { path: path.to_owned(), readers, writer: Some(writer) }))
    }

    async fn hand_in(&self, job: Box<dyn Job>) {
        if let Some(writer) = &self.writer {
            // If the writer has ended, the job and its reply are dropped: the caller hears that.
            let _ended = writer.jobs.send(job).await;
        }
    }

    /// Writes in a transaction of the writer thread; may be shared with others. `act` may run twice.
    async fn write<T: Send + 'static>(
        &self,
        act: impl FnMut(&Connection) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let (job, result) = Write::new(act);
        self.hand_in(Box::new(job)).await;
        result.await.unwrap_or_else(|ended| Err(writer_ended(ended)))
    }
}

impl Drop for SqliteDb {
    /// Waits until what was handed in is committed, and leaves one whole file.
    fn drop(&mut self) {
        self.readers.close();
        if let Some(writer::Handle { jobs, thread }) = self.writer.take() {
            drop(jobs);
            let _panicked = thread.join();
        }
    }
}

fn writer_ended(_: oneshot::error::RecvError) -> DbError {
    DbError::Unavailable("the writer has ended".into())
}

#[async_trait]
impl Db for SqliteDb {
    async fn apply(&self, batch: Vec<Command>, now: Timestamp) -> Vec<Result<Answer, DbError>> {
        let size = batch.len();
        let (job, answers) = Batch::new(batch, now);
        self.hand_in(Box::new(job)).await;
        answers.await.unwrap_or_else(|ended| vec![Err(writer_ended(ended)); size])
    }

    async fn token(&self, org: OrgId, hash: TokenHash) -> Result<Option<TokenRef>, DbError> {
        self.readers.quick(|db| reads::token_ref(db, org, hash))
    }

    async fn token_row(&self, org: OrgId, hash: TokenHash) -> Result<Option<Token>, DbError> {
        self.readers.quick(|db| reads::token(db, org, hash))
    }

    async fn card(&self, org: OrgId, id: CardId) -> Result<Option<CardState>, DbError> {
        self.readers.quick(|db| snapshot(db, |db| load::card(db, org, id)))
    }

    async fn cards_of(&self, org: OrgId, member: MemberId) -> Result<Vec<CardState>, DbError> {
        self.readers.quick(|db| snapshot(db, |db| reads::cards_of(db, org, member)))
    }

    async fn member(&self, org: OrgId, id: MemberId) -> Result<Option<Member>, DbError> {
        self.readers.quick(|db| reads::member(db, org, id))
    }

    async fn members(&self, org: OrgId, page: Page) -> Result<Vec<Member>, DbError> {
        self.readers.long(move |db| reads::members(db, org, page)).await
    }

    async fn identity(&self, org: OrgId, hash: [u8; 32]) -> Result<Option<MemberId>, DbError> {
        self.readers.quick(|db| reads::identity(db, org, hash))
    }

    async fn voucher(&self, org: OrgId, id: VoucherId) -> Result<Option<Voucher>, DbError> {
        self.readers.quick(|db| reads::voucher(db, org, id))
    }

    async fn vouchers_of(&self, org: OrgId, card: CardId, limit: usize) -> Result<Vec<Voucher>, DbError> {
        self.readers.quick(|db| reads::vouchers_of(db, org, card, limit))
    }

    async fn redemption(&self, org: OrgId, id: RedemptionId) -> Result<Option<Redemption>, DbError> {
        self.readers.quick(|db| reads::redemption(db, org, id))
    }

    async fn earning(&self, org: OrgId, id: EarningId) -> Result<Option<Earning>, DbError> {
        self.readers.quick(|db| reads::earning(db, org, id))
    }

    async fn entries_of(
        &self,
        org: OrgId,
        card: CardId,
        after: Option<(OpId, i64)>,
        limit: usize,
    ) -> Result<Vec<Entry>, DbError> {
        self.readers.long(move |db| reads::entries_of(db, org, card, &EntryPage { after, limit })).await
    }

    async fn latest_entries_of(
        &self,
        org: OrgId,
        card: CardId,
        before: Option<(OpId, i64)>,
        limit: usize,
    ) -> Result<Vec<Entry>, DbError> {
        self.readers.long(move |db| reads::latest_entries_of(db, org, card, &EntryPage { after: before, limit })).await
    }

    async fn entries(&self, org: OrgId, op: OpId) -> Result<Vec<Entry>, DbError> {
        self.readers.quick(|db| load::entries_of_op(db, org, op.0))
    }

    async fn op(&self, org: OrgId, principal: Principal, key: &OpKey) -> Result<Option<OpRow>, DbError> {
        self.readers.quick(|db| reads::op(db, org, principal, key))
    }

    async fn op_by_id(&self, org: OrgId, id: OpId) -> Result<Option<OpRow>, DbError> {
        self.readers.quick(|db| reads::op_by_id(db, org, id))
    }

    async fn pass(&self, id: PassId) -> Result<Option<Pass>, DbError> {
        self.readers.quick(|db| reads::pass(db, id))
    }

    async fn document(&self, key: DocumentKey) -> Result<Option<Document>, DbError> {
        self.readers.quick(|db| load::document(db, key))
    }

    async fn documents(&self, org: OrgId, kind: DocumentKind) -> Result<Vec<Document>, DbError> {
        self.readers.long(move |db| reads::documents(db, org, kind)).await
    }

    async fn document_history(&self, key: DocumentKey, limit: usize) -> Result<Vec<Document>, DbError> {
        self.readers.long(move |db| reads::document_history(db, key, limit)).await
    }

    async fn document_by_id(&self, kind: DocumentKind, id: [u8; 16]) -> Result<Option<Document>, DbError> {
        self.readers.quick(|db| reads::document_by_id(db, kind, id))
    }

    async fn organisations(&self) -> Result<Vec<Document>, DbError> {
        self.readers.long(reads::organisations).await
    }

    async fn register(&self, registration: Registration) -> Result<Registered, DbError> {
        self.write(move |db| phones::register(db, &registration)).await
    }

    async fn unregister(&self, pass_type: &str, device: &str, pass: PassId) -> Result<(), DbError> {
        let (pass_type, device) = (pass_type.to_owned(), device.to_owned());
        self.write(move |db| phones::unregister(db, &pass_type, &device, pass)).await
    }

    async fn changed_passes(
        &self,
        pass_type: &str,
        device: &str,
        since: Option<i64>,
        now: Timestamp,
    ) -> Result<ChangedPasses, DbError> {
        let changed = self.readers.quick(|db| phones::changed_passes(db, (pass_type, device), since))?;
        let Some(changed) = changed else { return Ok(ChangedPasses::default()) };
        let (pass_type, device) = (pass_type.to_owned(), device.to_owned());
        let noted = self.write(move |db| phones::note_listed(db, (&pass_type, &device), now)).await;
        if let Err(error) = noted {
            // The phone gets its answer all the same: at worst it is pushed once more.
            tracing::warn!(%error, "It was not noted that a phone asked.");
        }
        Ok(changed)
    }

    async fn registrations(&self, pass: PassId) -> Result<Vec<Registration>, DbError> {
        self.readers.quick(|db| phones::registrations(db, pass))
    }

    async fn note_fetched(&self, pass: PassId, version: i64, now: Timestamp) -> Result<(), DbError> {
        self.write(move |db| phones::note_fetched(db, pass, version, now)).await
    }

    async fn note_pushed(&self, pass: PassId, device: &str, version: i64, now: Timestamp) -> Result<(), DbError> {
        let pushed = Pushed { pass, device: device.to_owned(), version, at: now };
        self.write(move |db| phones::note_pushed(db, &pushed)).await
    }

    async fn forget_push_token(&self, push_token: &str, unless_after: Option<Timestamp>) -> Result<usize, DbError> {
        let push_token = push_token.to_owned();
        self.write(move |db| phones::forget_push_token(db, &push_token, unless_after)).await
    }

    async fn forget_pass(&self, pass: PassId) -> Result<(), DbError> {
        self.write(move |db| phones::forget_pass(db, pass)).await
    }

    async fn add_device_logs(&self, logs: Vec<DeviceLog>) -> Result<(), DbError> {
        self.write(move |db| phones::add_logs(db, &logs)).await
    }

    async fn device_logs(&self, org: OrgId, limit: usize) -> Result<Vec<DeviceLog>, DbError> {
        self.readers.long(move |db| phones::logs(db, org, limit)).await
    }

    async fn delivery(&self, org: OrgId, pass: PassId) -> Result<Option<Delivery>, DbError> {
        self.readers.quick(|db| snapshot(db, |db| phones::delivery(db, org, pass)))
    }

    async fn google_object(&self, org: OrgId, pass: PassId) -> Result<Option<GoogleObject>, DbError> {
        self.readers.quick(|db| google::read(db, org, pass))
    }

    async fn write_google_objects(&self, objects: Vec<GoogleObject>) -> Result<(), DbError> {
        self.write(move |db| google::write(db, &objects)).await
    }

    async fn hear_google(&self, event: GoogleEvent) -> Result<Heard, DbError> {
        self.write(move |db| google::hear(db, &event)).await
    }

    async fn google_events(&self, org: OrgId, limit: usize) -> Result<Vec<GoogleEvent>, DbError> {
        self.readers.long(move |db| google::events(db, org, limit)).await
    }

    async fn forget_google_events(&self, before: Timestamp, limit: usize) -> Result<usize, DbError> {
        self.write(move |db| google::forget_events(db, before, limit)).await
    }

    async fn google_objects_to_ask(&self, now: Timestamp, limit: usize) -> Result<Vec<GoogleObject>, DbError> {
        self.readers.long(move |db| google::to_ask(db, now, limit)).await
    }

    async fn note_google_asked(&self, org: OrgId, pass: PassId, saved: Option<bool>, now: Timestamp) -> Result<(), DbError> {
        self.write(move |db| google::asked(db, (org, pass), saved, now)).await
    }

    async fn google_class(&self, org: OrgId, class: &str) -> Result<Option<GoogleClass>, DbError> {
        self.readers.quick(|db| google::class(db, org, class))
    }

    async fn write_google_class(&self, class: GoogleClass) -> Result<(), DbError> {
        self.write(move |db| google::write_class(db, &class)).await
    }

    async fn sequence(&self, limit: usize, now: Timestamp) -> Result<Sequenced, DbError> {
        let (waiting, newest) = self.readers.quick(journal::standing)?;
        if waiting == 0 {
            return Ok(Sequenced { newest, ..Sequenced::default() });
        }
        self.write(move |db| journal::sequence(db, limit, now)).await
    }

    async fn journal(&self, org: OrgId, after: i64, limit: usize) -> Result<Vec<JournalRecord>, DbError> {
        self.readers.long(move |db| journal::read(db, org, after, limit)).await
    }

    async fn unsealed(&self) -> Result<usize, DbError> {
        Ok(self.readers.quick(journal::standing)?.0)
    }

    async fn check_ledger(&self) -> Result<LedgerCheck, DbError> {
        self.readers.long(|db| snapshot(db, check::ledger)).await
    }

    async fn claim_outbox(
        &self,
        channel: Channel,
        limit: usize,
        lease_ms: i64,
        now: Timestamp,
    ) -> Result<Vec<OutboxItem>, DbError> {
        if !self.readers.quick(|db| outbox::is_due(db, channel, now))? {
            return Ok(Vec::new());
        }
        let claim = Claim { channel, limit, now, until: now.plus_millis(lease_ms) };
        self.write(move |db| outbox::claim(db, claim)).await
    }

    async fn settle_outbox(&self, item: &OutboxItem, result: OutboxResult) -> Result<(), DbError> {
        let item = item.clone();
        self.write(move |db| outbox::settle(db, &item, &result)).await
    }

    async fn settle_outbox_all(&self, settled: Vec<(OutboxItem, OutboxResult)>) -> Result<(), DbError> {
        self.write(move |db| settled.iter().try_for_each(|(item, result)| outbox::settle(db, item, result))).await
    }

    async fn next_due(&self, channel: Channel) -> Result<Option<Timestamp>, DbError> {
        self.readers.quick(|db| outbox::next_due(db, channel))
    }

    async fn dead_letters(&self, org: OrgId, limit: usize) -> Result<Vec<DeadLetter>, DbError> {
        self.readers.long(move |db| outbox::dead_letters(db, org, limit)).await
    }

    async fn replay_dead_letter(&self, org: OrgId, id: DeadLetterId, now: Timestamp) -> Result<bool, DbError> {
        self.write(move |db| outbox::replay(db, org, id, now)).await
    }

    async fn drop_dead_letter(&self, org: OrgId, id: DeadLetterId) -> Result<bool, DbError> {
        self.write(move |db| outbox::drop_dead_letter(db, org, id)).await
    }

    async fn expired_tokens(&self, now: Timestamp, limit: usize) -> Result<Vec<Expired>, DbError> {
        self.readers.quick(|db| upkeep::expired_tokens(db, now, limit))
    }

    async fn tokens_before_epoch(&self, org: OrgId, after: Option<TokenHash>, limit: usize) -> Result<Vec<Token>, DbError> {
        self.readers.long(move |db| upkeep::tokens_before_epoch(db, org, after, limit)).await
    }

    async fn never_verified(&self, before: Timestamp, limit: usize) -> Result<Vec<(OrgId, MemberId)>, DbError> {
        self.readers.long(move |db| upkeep::never_verified(db, before, limit)).await
    }

    async fn stale_passes(&self, limit: usize) -> Result<Option<Stale>, DbError> {
        self.readers.long(move |db| upkeep::stale_passes(db, limit)).await
    }

    async fn forget_answers(&self, before: Timestamp, limit: usize) -> Result<usize, DbError> {
        self.write(move |db| upkeep::forget_answers(db, before, limit)).await
    }

    async fn forget_codes(&self, before: Timestamp, limit: usize) -> Result<usize, DbError> {
        self.write(move |db| upkeep::forget_codes(db, before, limit)).await
    }

    async fn high_water(&self) -> Result<(i64, Timestamp), DbError> {
        self.readers.long(upkeep::high_water).await
    }

    async fn epoch(&self) -> Result<i64, DbError> {
        self.readers.quick(upkeep::epoch)
    }

    async fn raise_epoch(&self) -> Result<i64, DbError> {
        self.write(upkeep::raise_epoch).await
    }

    async fn health(&self) -> Result<(), DbError> {
        self.readers.quick(upkeep::read_something)?;
        self.write(upkeep::write_something).await
    }

    async fn backup(&self, file: &Path) -> Result<(), DbError> {
        let (from, to) = (self.path.clone(), file.to_owned());
        let copied = tokio::task::spawn_blocking(move || upkeep::backup(&from, &to)).await;
        copied.unwrap_or_else(|error| Err(DbError::Unavailable(error.to_string())))
    }

    async fn figures(&self) -> Result<Vec<(&'static str, i64)>, DbError> {
        self.readers.long(upkeep::figures).await
    }
}
