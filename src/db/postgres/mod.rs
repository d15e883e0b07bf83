//! The database on PostgreSQL: many gateways on one server. Unrelated sales never wait for each other; what one node commits, every
//! node's next decision sees, since decisions lock and load from the primary and nothing is cached here.

mod check;
mod codec;
mod connection;
mod google;
mod journal;
mod load;
mod migrate;
mod outbox;
mod phones;
mod pipeline;
mod reads;
mod rows;
mod save;
mod upkeep;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;

use self::connection::Pool;
use self::outbox::Claim;
use self::phones::Pushed;
use self::reads::EntryPage;
use self::writer::Writer;
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

pub use connection::PostgresConfig;
pub(in crate::db) use migrate::connect as connect_patiently;
pub use migrate::{Migrated, grant, migrate, migrate_or_check};
pub use writer::LANES;

/// A ledger on a PostgreSQL server.
pub struct PostgresDb {
    pool: Pool,
    writer: Writer,
}

impl PostgresDb {
    /// Connects to a database that is at the newest schema ([`migrate`]).
    ///
    /// # Errors
    /// [`DbError::Unavailable`] when it can't be reached, its address is wrong, or no server of it takes writes.
    pub async fn open(config: PostgresConfig, mint: Arc<dyn TokenMint>) -> Result<Arc<Self>, DbError> {
        let db = Self::open_unchecked(config, mint)?;
        upkeep::read_something(&*db.pool.get().await?).await?;
        Ok(db)
    }

    /// As [`Self::open`], for a copy that is not finished.
    ///
    /// # Errors
    /// The address is wrong.
    pub fn open_unchecked(config: PostgresConfig, mint: Arc<dyn TokenMint>) -> Result<Arc<Self>, DbError> {
        Ok(Arc::new(Self { pool: Pool::new(&config)?, writer: Writer::new(config, mint) }))
    }
}

#[async_trait]
impl Db for PostgresDb {
    fn lanes(&self) -> usize {
        LANES
    }

    async fn apply(&self, batch: Vec<Command>, now: Timestamp) -> Vec<Result<Answer, DbError>> {
        self.writer.apply(&batch, now).await
    }

    async fn token(&self, org: OrgId, hash: TokenHash) -> Result<Option<TokenRef>, DbError> {
        reads::token_ref(&*self.pool.get().await?, org, hash).await
    }

    async fn token_row(&self, org: OrgId, hash: TokenHash) -> Result<Option<Token>, DbError> {
        reads::token(&*self.pool.get().await?, org, hash).await
    }

    async fn card(&self, org: OrgId, id: CardId) -> Result<Option<CardState>, DbError> {
        reads::card(&*self.pool.get().await?, org, id).await
    }

    async fn cards_of(&self, org: OrgId, member: MemberId) -> Result<Vec<CardState>, DbError> {
        reads::cards_of(&*self.pool.get().await?, org, member).await
    }

    async fn member(&self, org: OrgId, id: MemberId) -> Result<Option<Member>, DbError> {
        reads::member(&*self.pool.get().await?, org, id).await
    }

    async fn members(&self, org: OrgId, page: Page) -> Result<Vec<Member>, DbError> {
        reads::members(&*self.pool.get().await?, org, page).await
    }

    async fn identity(&self, org: OrgId, hash: [u8; 32]) -> Result<Option<MemberId>, DbError> {
        reads::identity(&*self.pool.get().await?, org, hash).await
    }

    async fn voucher(&self, org: OrgId, id: VoucherId) -> Result<Option<Voucher>, DbError> {
        reads::voucher(&*self.pool.get().await?, org, id).await
    }

    async fn vouchers_of(&self, org: OrgId, card: CardId, limit: usize) -> Result<Vec<Voucher>, DbError> {
        reads::vouchers_of(&*self.pool.get().await?, org, card, limit).await
    }

    async fn redemption(&self, org: OrgId, id: RedemptionId) -> Result<Option<Redemption>, DbError> {
        reads::redemption(&*self.pool.get().await?, org, id).await
    }

    async fn earning(&self, org: OrgId, id: EarningId) -> Result<Option<Earning>, DbError> {
        reads::earning(&*self.pool.get().await?, org, id).await
    }

    async fn entries_of(
        &self,
        org: OrgId,
        card: CardId,
        after: Option<(OpId, i64)>,
        limit: usize,
    ) -> Result<Vec<Entry>, DbError> {
        reads::entries_of(&*self.pool.get().await?, org, card, &EntryPage { after, limit }).await
    }

    async fn latest_entries_of(
        &self,
        org: OrgId,
        card: CardId,
        before: Option<(OpId, i64)>,
        limit: usize,
    ) -> Result<Vec<Entry>, DbError> {
        reads::latest_entries_of(&*self.pool.get().await?, org, card, &EntryPage { after: before, limit }).await
    }

    async fn entries(&self, org: OrgId, op: OpId) -> Result<Vec<Entry>, DbError> {
        reads::entries_of_op(&*self.pool.get().await?, org, op).await
    }

    async fn op(&self, org: OrgId, principal: Principal, key: &OpKey) -> Result<Option<OpRow>, DbError> {
        reads::op(&*self.pool.get().await?, org, principal, key).await
    }

    async fn op_by_id(&self, org: OrgId, id: OpId) -> Result<Option<OpRow>, DbError> {
        reads::op_by_id(&*self.pool.get().await?, org, id).await
    }

    async fn pass(&self, id: PassId) -> Result<Option<Pass>, DbError> {
        reads::pass(&*self.pool.get().await?, id).await
    }

    async fn document(&self, key: DocumentKey) -> Result<Option<Document>, DbError> {
        reads::document(&*self.pool.get().await?, key).await
    }

    async fn documents(&self, org: OrgId, kind: DocumentKind) -> Result<Vec<Document>, DbError> {
        reads::documents(&*self.pool.get().await?, org, kind).await
    }

    async fn document_history(&self, key: DocumentKey, limit: usize) -> Result<Vec<Document>, DbError> {
        reads::document_history(&*self.pool.get().await?, key, limit).await
    }

    async fn document_by_id(&self, kind: DocumentKind, id: [u8; 16]) -> Result<Option<Document>, DbError> {
        reads::document_by_id(&*self.pool.get().await?, kind, id).await
    }

    async fn organisations(&self) -> Result<Vec<Document>, DbError> {
        reads::organisations(&*self.pool.get().await?).await
    }

    async fn register(&self, registration: Registration) -> Result<Registered, DbError> {
        let transaction = self.pool.begin().await?;
        let registered = phones::register(&transaction, &registration).await?;
        transaction.commit().await?;
        Ok(registered)
    }

    async fn unregister(&self, pass_type: &str, device: &str, pass: PassId) -> Result<(), DbError> {
        let transaction = self.pool.begin().await?;
        phones::unregister(&transaction, pass_type, device, pass).await?;
        transaction.commit().await
    }

    async fn changed_passes(
        &self,
        pass_type: &str,
        device: &str,
        since: Option<i64>,
        now: Timestamp,
    ) -> Result<ChangedPasses, DbError> {
        let db = self.pool.get().await?;
        let Some(changed) = phones::changed_passes(&db, (pass_type, device), since).await? else {
            return Ok(ChangedPasses::default());
        };
        if let Err(error) = phones::note_listed(&db, (pass_type, device), now).await {
            // The phone gets its answer all the same: at worst it is pushed once more.
            tracing::warn!(%error, "It was not noted that a phone asked.");
        }
        Ok(changed)
    }

    async fn registrations(&self, pass: PassId) -> Result<Vec<Registration>, DbError> {
        phones::registrations(&*self.pool.get().await?, pass).await
    }

    async fn note_fetched(&self, pass: PassId, version: i64, now: Timestamp) -> Result<(), DbError> {
        phones::note_fetched(&*self.pool.get().await?, pass, version, now).await
    }

    async fn note_pushed(&self, pass: PassId, device: &str, version: i64, now: Timestamp) -> Result<(), DbError> {
        let pushed = Pushed { pass, device, version, at: now };
        phones::note_pushed(&*self.pool.get().await?, &pushed).await
    }

    async fn forget_push_token(&self, push_token: &str, unless_after: Option<Timestamp>) -> Result<usize, DbError> {
        let transaction = self.pool.begin().await?;
        let gone = phones::forget_push_token(&transaction, push_token, unless_after).await?;
        transaction.commit().await?;
        Ok(gone)
    }

    async fn forget_pass(&self, pass: PassId) -> Result<(), DbError> {
        let transaction = self.pool.begin().await?;
        phones::forget_pass(&transaction, pass).await?;
        transaction.commit().await
    }

    async fn add_device_logs(&self, logs: Vec<DeviceLog>) -> Result<(), DbError> {
        let transaction = self.pool.begin().await?;
        phones::add_logs(&transaction, &logs).await?;
        transaction.commit().await
    }

    async fn device_logs(&self, org: OrgId, limit: usize) -> Result<Vec<DeviceLog>, DbError> {
        phones::logs(&*self.pool.get().await?, org, limit).await
    }

    async fn delivery(&self, org: OrgId, pass: PassId) -> Result<Option<Delivery>, DbError> {
        let snapshot = self.pool.snapshot().await?;
        let delivery = phones::delivery(&snapshot, org, pass).await?;
        snapshot.commit().await?;
        Ok(delivery)
    }

    async fn google_object(&self, org: OrgId, pass: PassId) -> Result<Option<GoogleObject>, DbError> {
        google::read(&*self.pool.get().await?, org, pass).await
    }

    async fn write_google_objects(&self, objects: Vec<GoogleObject>) -> Result<(), DbError> {
        let transaction = self.pool.begin().await?;
        google::write(&transaction, &objects).await?;
        transaction.commit().await
    }

    async fn hear_google(&self, event: GoogleEvent) -> Result<Heard, DbError> {
        let transaction = self.pool.begin().await?;
        let heard = google::hear(&transaction, &event).await?;
        transaction.commit().await?;
        Ok(heard)
    }

    async fn google_events(&self, org: OrgId, limit: usize) -> Result<Vec<GoogleEvent>, DbError> {
        google::events(&*self.pool.get().await?, org, limit).await
    }

    async fn forget_google_events(&self, before: Timestamp, limit: usize) -> Result<usize, DbError> {
        google::forget_events(&*self.pool.get().await?, before, limit).await
    }

    async fn google_objects_to_ask(&self, now: Timestamp, limit: usize) -> Result<Vec<GoogleObject>, DbError> {
        google::to_ask(&*self.pool.get().await?, now, limit).await
    }

    async fn note_google_asked(&self, org: OrgId, pass: PassId, saved: Option<bool>, now: Timestamp) -> Result<(), DbError> {
        google::asked(&*self.pool.get().await?, (org, pass), saved, now).await
    }

    async fn google_class(&self, org: OrgId, class: &str) -> Result<Option<GoogleClass>, DbError> {
        google::class(&*self.pool.get().await?, org, class).await
    }

    async fn write_google_class(&self, class: GoogleClass) -> Result<(), DbError> {
        google::write_class(&*self.pool.get().await?, &class).await
    }

    async fn sequence(&self, limit: usize, now: Timestamp) -> Result<Sequenced, DbError> {
        let (pending, newest) = journal::standing(&*self.pool.get().await?).await?;
        if !pending {
            return Ok(Sequenced { newest, ..Sequenced::default() });
        }
        let transaction = self.pool.begin().await?;
        let sequenced = journal::sequence(&transaction, newest, limit, now).await?;
        transaction.commit().await?;
        Ok(sequenced)
    }

    async fn journal(&self, org: OrgId, after: i64, limit: usize) -> Result<Vec<JournalRecord>, DbError> {
        journal::read(&*self.pool.get().await?, org, after, limit).await
    }

    async fn unsealed(&self) -> Result<usize, DbError> {
        journal::unsealed(&*self.pool.get().await?).await
    }

    async fn check_ledger(&self) -> Result<LedgerCheck, DbError> {
        let snapshot = self.pool.snapshot().await?;
        let checked = check::ledger(&snapshot).await?;
        snapshot.commit().await?;
        Ok(checked)
    }

    async fn claim_outbox(
        &self,
        channel: Channel,
        limit: usize,
        lease_ms: i64,
        now: Timestamp,
    ) -> Result<Vec<OutboxItem>, DbError> {
        let db = self.pool.get().await?;
        // Spares an idle worker the write.
        if outbox::next_due(&db, channel).await?.is_none_or(|due| due > now) {
            return Ok(Vec::new());
        }
        outbox::claim(&db, Claim { channel, limit, now, until: now.plus_millis(lease_ms) }).await
    }

    async fn settle_outbox(&self, item: &OutboxItem, result: OutboxResult) -> Result<(), DbError> {
        let transaction = self.pool.begin().await?;
        outbox::settle(&transaction, item, &result).await?;
        transaction.commit().await
    }

    async fn settle_outbox_all(&self, settled: Vec<(OutboxItem, OutboxResult)>) -> Result<(), DbError> {
        let transaction = self.pool.begin().await?;
        outbox::settle_all(&transaction, &settled).await?;
        transaction.commit().await
    }

    async fn next_due(&self, channel: Channel) -> Result<Option<Timestamp>, DbError> {
        outbox::next_due(&*self.pool.get().await?, channel).await
    }

    async fn dead_letters(&self, org: OrgId, limit: usize) -> Result<Vec<DeadLetter>, DbError> {
        outbox::dead_letters(&*self.pool.get().await?, org, limit).await
    }

    async fn replay_dead_letter(&self, org: OrgId, id: DeadLetterId, now: Timestamp) -> Result<bool, DbError> {
        let transaction = self.pool.begin().await?;
        let found = outbox::replay(&transaction, org, id, now).await?;
        transaction.commit().await?;
        Ok(found)
    }

    async fn drop_dead_letter(&self, org: OrgId, id: DeadLetterId) -> Result<bool, DbError> {
        outbox::drop_dead_letter(&*self.pool.get().await?, org, id).await
    }

    async fn expired_tokens(&self, now: Timestamp, limit: usize) -> Result<Vec<Expired>, DbError> {
        upkeep::expired_tokens(&*self.pool.get().await?, now, limit).await
    }

    async fn tokens_before_epoch(&self, org: OrgId, after: Option<TokenHash>, limit: usize) -> Result<Vec<Token>, DbError> {
        upkeep::tokens_before_epoch(&*self.pool.get().await?, org, after, limit).await
    }

    async fn never_verified(&self, before: Timestamp, limit: usize) -> Result<Vec<(OrgId, MemberId)>, DbError> {
        upkeep::never_verified(&*self.pool.get().await?, before, limit).await
    }

    async fn stale_passes(&self, limit: usize) -> Result<Option<Stale>, DbError> {
        upkeep::stale_passes(&*self.pool.get().await?, limit).await
    }

    async fn forget_answers(&self, before: Timestamp, limit: usize) -> Result<usize, DbError> {
        upkeep::forget_answers(&*self.pool.get().await?, before, limit).await
    }

    async fn forget_codes(&self, before: Timestamp, limit: usize) -> Result<usize, DbError> {
        upkeep::forget_codes(&*self.pool.get().await?, before, limit).await
    }

    async fn high_water(&self) -> Result<(i64, Timestamp), DbError> {
        upkeep::high_water(&*self.pool.get().await?).await
    }

    async fn epoch(&self) -> Result<i64, DbError> {
        upkeep::epoch(&*self.pool.get().await?).await
    }

    async fn raise_epoch(&self) -> Result<i64, DbError> {
        upkeep::raise_epoch(&*self.pool.get().await?).await
    }

    async fn health(&self) -> Result<(), DbError> {
        upkeep::write_something(&*self.pool.get().await?).await
    }

    async fn backup(&self, _: &std::path::Path) -> Result<(), DbError> {
        Err(DbError::Unavailable("PostgreSQL is backed up with its own tools, such as pg_dump and pg_basebackup".into()))
    }

    async fn figures(&self) -> Result<Vec<(&'static str, i64)>, DbError> {
        let snapshot = self.pool.snapshot().await?;
        let figures = upkeep::figures(&snapshot).await?;
        snapshot.commit().await?;
        Ok(figures)
    }
}
