//! A small shop chain on a database of choice: what tests of ledger and databases act in. Ids and time are counted, never random.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};
use walaa::clock::Timestamp;
use walaa::db::memory::MemoryDb;
use walaa::db::postgres::{PostgresConfig, PostgresDb, migrate_or_check};
use walaa::db::sqlite::SqliteDb;
use walaa::db::{Db, DbError, Registration};
use walaa::error::Code;
use walaa::ids::{CardId, EarningId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, StoreId, TerminalId, VoucherId};
use walaa::ledger::{
    Abandon, Adjust, Answer, Body, CancelVoucher, Capture, CaptureLine, Command, ContactTrust, DocumentKey, DocumentKind, Earn,
    Enrol, EnrolMember, Erase, EraseCause, Expire, Fingerprint, IssueCode, IssueVoucher, NewMember, OpHeader, OpKey, Place,
    Principal, PutDocument, Reissue, ReturnSale, Reverse, Sale, SealedProfile, TokenHash, TokenKind, TokenMint, Touch,
};
use walaa::money::Money;

use super::postgres::{Postgres, TestDatabase};

/// 2026-03-01 09:00 UTC, a Sunday noon in Kuwait.
pub const START: i64 = 1_772_355_600_000;

/// Apple's pass type identifier of every pass in tests.
pub const PASS_TYPE: &str = "pass.example.walaa";

/// A pass whose token can't be minted: whoever tries panics, as a rule that fails an assertion would.
pub const CURSED_PASS: PassId = PassId([255; 16]);

/// Tokens as plain hashes of what they are for.
pub struct TestMint;

impl TokenMint for TestMint {
    fn mint(&self, org: OrgId, kind: TokenKind, subject: &[u8; 16], generation: i64) -> (u8, TokenHash) {
        assert_ne!(subject, &CURSED_PASS.0, "a rule that fails");
        let mut text = org.0.to_vec();
        text.extend_from_slice(kind.as_str().as_bytes());
        text.extend_from_slice(subject);
        text.extend_from_slice(&generation.to_be_bytes());
        (7, hash(&text))
    }
}

/// SHA-256.
pub fn hash(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("32 bytes")
}

/// Bytes like those of a sealed value: each member's are different from every other's.
fn sealed(what: &str, member: MemberId) -> Vec<u8> {
    hash(&[what.as_bytes(), &member.0].concat()).to_vec()
}

/// A member with a card.
#[derive(Debug, Clone, Copy)]
pub struct Customer {
    pub member: MemberId,
    pub card: CardId,
    pub pass: PassId,
}

/// A ledger on a PostgreSQL database, at the newest schema.
pub async fn postgres_at(url: &str) -> Arc<PostgresDb> {
    let config = PostgresConfig { connections: 4, ..PostgresConfig::new(url) };
    migrate_or_check(&config).await.expect("an empty database takes the schema");
    PostgresDb::open(config, Arc::new(TestMint)).await.expect("a migrated database opens")
}

/// A shop chain with one programme, one shop and one till.
pub struct World {
    pub db: Arc<dyn Db>,
    pub org: OrgId,
    pub programme: ProgrammeId,
    pub store: StoreId,
    pub terminal: TerminalId,
    now: AtomicI64,
    ids: AtomicU64,
    /// Where the database's file lies, if it has one.
    pub directory: Option<tempfile::TempDir>,
    /// The database on a server, dropped with the world.
    server: Option<TestDatabase>,
}

impl World {
    /// On a new database in memory.
    pub async fn on_memory() -> Self {
        Self::on(MemoryDb::new(Arc::new(TestMint)), None).await
    }

    /// On a new SQLite file.
    pub async fn on_sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let db = SqliteDb::open(&directory.path().join("walaa.db"), Arc::new(TestMint)).expect("a new file opens");
        Self::on(db, Some(directory)).await
    }

    /// On a new database of a PostgreSQL server.
    pub async fn on_postgres() -> Self {
        let database = Postgres::database();
        let db = postgres_at(&database.url).await;
        Self { server: Some(database), ..Self::on(db, None).await }
    }

    /// The address of the database, if it is on a server.
    pub fn url(&self) -> &str {
        &self.server.as_ref().expect("a world on a server").url
    }

    /// The database on the server.
    pub fn server(&self) -> &TestDatabase {
        self.server.as_ref().expect("a world on a server")
    }

    /// The same organisation seen by another node on the same database.
    pub fn twin_on(&self, db: Arc<dyn Db>) -> Self {
        let (now, ids) = (self.now.load(Ordering::SeqCst), self.ids.load(Ordering::SeqCst) | 1 << 30);
        Self { db, now: AtomicI64::new(now), ids: AtomicU64::new(ids), directory: None, server: None, ..*self }
    }

    /// On a database; another world on the same one is another organisation.
    pub async fn on(db: Arc<dyn Db>, directory: Option<tempfile::TempDir>) -> Self {
        static ORGANISATIONS: AtomicU64 = AtomicU64::new(1);
        let number = ORGANISATIONS.fetch_add(1, Ordering::Relaxed);
        let mut org = [0; 16];
        org[..8].copy_from_slice(&number.to_be_bytes());
        let world = Self {
            db,
            org: OrgId(org),
            programme: ProgrammeId([0; 16]),
            store: StoreId([0; 16]),
            terminal: TerminalId([0; 16]),
            now: AtomicI64::new(START),
            // Ids are unique over the organisations of one database.
            ids: AtomicU64::new(number << 32),
            directory,
            server: None,
        };
        let programme = ProgrammeId(world.id());
        let store = StoreId(world.id());
        let terminal = TerminalId(world.id());
        let world = Self { programme, store, terminal, ..world };
        world.set_up().await;
        world
    }

    /// The same organisation on another database: commands made by one mean the same to the other.
    pub async fn twin(&self, db: Arc<dyn Db>) -> Self {
        let world = Self {
            db,
            now: AtomicI64::new(self.now.load(Ordering::SeqCst)),
            // Beyond what the first one will ever count to.
            ids: AtomicU64::new(self.ids.load(Ordering::SeqCst) | 1 << 31),
            directory: None,
            server: None,
            ..*self
        };
        world.set_up().await;
        world
    }

    async fn set_up(&self) {
        self.put(DocumentKind::Organisation, self.org.0, (0, json!({"name": {"en": "Bean"}}))).await;
        self.put(DocumentKind::Programme, self.programme.0, (0, programme_json())).await;
        self.put(DocumentKind::Store, self.store.0, (0, json!({"name": {"en": "Marina"}}))).await;
        self.put(DocumentKind::Terminal, self.terminal.0, (0, json!({"name": "Till 1", "store": self.store}))).await;
    }

    // --- time and ids ---

    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }

    pub fn advance_seconds(&self, seconds: i64) {
        self.now.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub fn id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&self.ids.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        id
    }

    pub fn till(&self) -> Principal {
        Principal::Terminal(self.terminal)
    }

    pub fn place(&self) -> Place {
        Place {
            store: Some(self.store),
            store_name: Some("Marina".into()),
            terminal: Some(self.terminal),
            terminal_name: Some("Till 1".into()),
            cashier: Some("07".into()),
        }
    }

    // --- running commands ---

    /// A command of the till under a new operation id; its fingerprint is that of its text.
    pub fn command(&self, body: Body) -> Command {
        let id = OpId(self.id());
        let key = OpKey::parse(&format!("test-{:032x}", u128::from_be_bytes(id.0))).expect("a key");
        let fingerprint = Fingerprint(hash(format!("{body:?}").as_bytes()));
        Command { op: OpHeader { org: self.org, principal: self.till(), key, fingerprint, id }, body }
    }

    pub async fn apply(&self, command: &Command) -> Result<Answer, DbError> {
        self.db.apply(vec![command.clone()], self.now()).await.pop().expect("one answer")
    }

    pub async fn run(&self, body: Body) -> Answer {
        self.apply(&self.command(body)).await.expect("the database works")
    }

    /// Runs what must be done.
    pub async fn done(&self, body: Body) -> Value {
        json_of(&self.run(body).await)
    }

    /// Runs what must be refused, and says with which code.
    pub async fn refused(&self, body: Body) -> Code {
        code_of(&self.run(body).await)
    }

    /// Writes a document, as Walaa itself: a till that is off could not switch itself on.
    pub async fn put(&self, kind: DocumentKind, id: [u8; 16], (expected_version, body): (i64, Value)) -> Value {
        let mut command = self.command(self.put_body(kind, id, (expected_version, body)));
        command.op.principal = Principal::System;
        json_of(&self.apply(&command).await.expect("works"))
    }

    pub fn put_body(&self, kind: DocumentKind, id: [u8; 16], (expected_version, body): (i64, Value)) -> Body {
        let key = DocumentKey { org: self.org, kind, id };
        Body::PutDocument(PutDocument { key, expected_version, body: body.to_string().into() })
    }

    // --- what people do ---

    pub fn new_member(&self, phone: &str) -> (Customer, Body) {
        let customer = Customer { member: MemberId(self.id()), card: CardId(self.id()), pass: PassId(self.id()) };
        let member = NewMember {
            id: customer.member,
            language: "ar".into(),
            profile: SealedProfile { data_key: sealed("key", customer.member), profile: sealed("name", customer.member) },
            identities: vec![hash(phone.as_bytes())],
        };
        let number = format!("{:010}", self.ids.fetch_add(1, Ordering::SeqCst) % 10_000_000_000);
        let enrol = Enrol {
            member: EnrolMember::New(member),
            programme: self.programme,
            card: customer.card,
            number,
            pass: customer.pass,
            channel: None,
            trust: ContactTrust::Vouched,
        };
        (customer, Body::Enrol(enrol))
    }

    pub async fn enrol(&self) -> Customer {
        let phone = format!("+965-{}", self.ids.load(Ordering::SeqCst));
        let (customer, body) = self.new_member(&phone);
        self.done(body).await;
        customer
    }

    /// A customer with points.
    pub async fn customer_with(&self, points: i64) -> Customer {
        let customer = self.enrol().await;
        if points > 0 {
            self.done(self.adjust(customer, points)).await;
        }
        customer
    }

    pub fn money(&self, amount: &str) -> Money {
        Money::parse(amount, "KWD".parse().expect("a currency")).expect("money")
    }

    pub fn earn(&self, customer: Customer, receipt: &str, amount: &str) -> Body {
        let total = self.money(amount);
        let sale = Sale { receipt: receipt.into(), total, occurred_at: self.now(), lines: Some(r#"[{"sku":"latte"}]"#.into()) };
        Body::Earn(Earn { card: customer.card, programme: self.programme, place: self.place(), sale })
    }

    pub fn return_sale(&self, customer: Customer, earning: EarningId, amount: &str) -> Body {
        let total = self.money(amount);
        Body::Return(ReturnSale { earning, card: customer.card, programme: self.programme, total, place: self.place() })
    }

    pub fn adjust(&self, customer: Customer, points: i64) -> Body {
        Body::Adjust(Adjust { card: customer.card, programme: self.programme, points, sealed_reason: "goodwill".into() })
    }

    pub fn issue_code(&self, customer: Customer) -> Body {
        Body::IssueCode(IssueCode { card: customer.card, programme: self.programme, skip: 0 })
    }

    pub fn issue_voucher(&self, customer: Customer, reward: &str) -> Body {
        let pass = PassId(self.id());
        Body::IssueVoucher(IssueVoucher {
            card: customer.card,
            programme: self.programme,
            reward: reward.into(),
            pass,
            place: Place::default(),
        })
    }

    /// Issues a voucher that can be paid.
    pub async fn voucher(&self, customer: Customer, reward: &str) -> VoucherId {
        id_in(&self.done(self.issue_voucher(customer, reward)).await, "id").parse().expect("a voucher")
    }

    pub fn cancel_voucher(&self, customer: Customer, voucher: VoucherId) -> Body {
        Body::CancelVoucher(CancelVoucher { voucher, card: customer.card, programme: self.programme, place: Place::default() })
    }

    /// The nth token of the card's pass.
    pub fn card_token(&self, customer: Customer, number: i64) -> TokenHash {
        TestMint.mint(self.org, TokenKind::Card, &customer.pass.0, number).1
    }

    /// The nth code that the card page shows.
    pub fn code(&self, customer: Customer, (kind, number): (TokenKind, i64)) -> TokenHash {
        TestMint.mint(self.org, kind, &customer.card.0, number).1
    }

    /// The nth token of a voucher.
    pub fn voucher_token(&self, voucher: VoucherId, number: i64) -> TokenHash {
        TestMint.mint(self.org, TokenKind::Voucher, &voucher.0, number).1
    }

    pub fn capture_body(&self, customer: Customer, token: TokenHash, lines: &[(&str, i64)]) -> Capture {
        let line = |(reward, quantity): &(&str, i64)| CaptureLine { reward: (*reward).into(), quantity: *quantity };
        Capture {
            token,
            rotating: None,
            card: customer.card,
            programme: self.programme,
            voucher: None,
            lines: lines.iter().map(line).collect(),
            place: self.place(),
            receipt: None,
            sale_total: None,
            manager: false,
            validate_only: false,
        }
    }

    pub fn capture(&self, customer: Customer, token: TokenHash, lines: &[(&str, i64)]) -> Body {
        Body::Capture(self.capture_body(customer, token, lines))
    }

    /// Captures the nth token of a voucher.
    pub fn capture_voucher(&self, customer: Customer, voucher: VoucherId, number: i64) -> Body {
        let token = self.voucher_token(voucher, number);
        Body::Capture(Capture { voucher: Some(voucher), ..self.capture_body(customer, token, &[]) })
    }

    pub fn reverse(&self, customer: Customer, redemption: RedemptionId, voucher: Option<VoucherId>) -> Body {
        Body::Reverse(Reverse {
            redemption,
            card: customer.card,
            programme: self.programme,
            voucher,
            sealed_reason: "wrong drink".into(),
            place: self.place(),
            manager: false,
        })
    }

    pub fn reissue(&self, customer: Customer) -> (PassId, Body) {
        let passes: Vec<PassId> = (0..21).map(|_| PassId(self.id())).collect();
        (passes[0], Body::Reissue(Reissue { card: customer.card, programme: self.programme, passes }))
    }

    pub fn erase(&self, customer: Customer) -> Body {
        Body::Erase(Erase { member: customer.member, cause: EraseCause::Asked })
    }

    pub fn touch(&self, passes: Vec<PassId>) -> Body {
        Body::Touch(Touch { programme: self.programme, passes })
    }

    pub fn expire(&self, tokens: Vec<(TokenHash, CardId, Option<VoucherId>)>) -> Body {
        Body::Expire(Expire { tokens })
    }

    /// Gives up the operation of a command, under an id of our own.
    pub fn abandon(&self, command: &Command) -> Command {
        Command {
            op: OpHeader { id: OpId(self.id()), fingerprint: Fingerprint(hash(b"abandon")), ..command.op.clone() },
            body: Body::Abandon(Abandon),
        }
    }

    // --- phones ---

    pub fn registration(&self, pass: PassId, device: &str) -> Registration {
        Registration {
            org: self.org,
            pass,
            pass_type: PASS_TYPE.into(),
            device: device.into(),
            push_token: format!("push-{device}"),
            registered_at: self.now(),
            pushed_at: None,
            pushed_version: 0,
            listed_at: None,
        }
    }

    /// A phone downloads a pass and registers for it.
    pub async fn add_to_phone(&self, pass: PassId, device: &str) {
        let version = self.db.pass(pass).await.expect("reads").expect("a pass").version;
        self.db.note_fetched(pass, version, self.now()).await.expect("notes");
        self.db.register(self.registration(pass, device)).await.expect("registers");
    }

    // --- looking ---

    /// Spendable points, points on hold, debt.
    pub async fn balance(&self, customer: Customer) -> (i64, i64, i64) {
        let state = self.db.card(self.org, customer.card).await.expect("reads").expect("a card");
        (state.available(), state.card.held, state.card.debt)
    }

    /// Fails unless every balance agrees with its entries and no rule on postings is broken.
    pub async fn check_ledger(&self) {
        assert_eq!(self.db.check_ledger().await.expect("checks").findings, Vec::<String>::new());
    }
}

/// The programme of every test: 10 points for a dinar, a latte for 60 points, a cake for 200.
pub fn programme_json() -> Value {
    json!({
        "name": {"en": "Bean Club"}, "currency": "KWD", "time_zone": "Asia/Kuwait", "template": "coffee",
        "earning": {"points_per_unit": "10"},
        "rewards": [
            {"id": "latte", "name": {"en": "Latte"}, "points": 60, "value": {"amount": "1.500", "currency": "KWD"}},
            {"id": "cake", "name": {"en": "Cake"}, "points": 200},
        ],
    })
}

/// The answer of what was done.
pub fn json_of(answer: &Answer) -> Value {
    match &answer.result {
        Ok(bytes) => serde_json::from_slice(bytes).expect("JSON"),
        Err(problem) => panic!("refused: {problem}"),
    }
}

/// The code of what was refused.
pub fn code_of(answer: &Answer) -> Code {
    match &answer.result {
        Ok(bytes) => panic!("was done: {}", String::from_utf8_lossy(bytes)),
        Err(problem) => {
            assert_eq!(answer.status, problem.code.status());
            problem.code
        }
    }
}

/// An id that an answer names.
pub fn id_in(answer: &Value, field: &str) -> String {
    answer[field].as_str().unwrap_or_else(|| panic!("no {field} in {answer}")).to_owned()
}
