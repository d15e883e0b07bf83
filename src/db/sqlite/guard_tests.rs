//! Takes the guards against capturing twice away, one after another, and shows that the next one holds and that each alone suffices.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use super::SqliteDb;
use crate::clock::Timestamp;
use crate::db::{Db, DbError};
use crate::error::Code;
use crate::ids::{CardId, MemberId, OpId, OrgId, PassId, ProgrammeId, RedemptionId, VoucherId};
use crate::ledger::guards::{Guard, remove};
use crate::ledger::{
    Adjust, Answer, Body, Capture, CaptureLine, Command, DocumentKey, Enrol, EnrolMember, Fingerprint, IssueVoucher, NewMember,
    OpHeader, OpKey, Place, Principal, PutDocument, Reverse, SealedProfile, TokenHash, TokenKind, TokenMint,
};

const PROGRAMME: &str = r#"{"name": {"en": "Club"}, "currency": "KWD", "time_zone": "Asia/Kuwait", "template": "coffee",
    "earning": {"points_per_unit": "10"}, "rewards": [{"id": "latte", "name": {"en": "Latte"}, "points": 60}]}"#;

/// What is left after one latte of 60 points was paid from 200.
const ONE_PAID: i64 = 140;

struct Mint;

impl TokenMint for Mint {
    fn mint(&self, org: OrgId, kind: TokenKind, subject: &[u8; 16], generation: i64) -> (u8, TokenHash) {
        let text = [&org.0[..], kind.as_str().as_bytes(), subject, &generation.to_be_bytes()].concat();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &text);
        (1, digest.as_ref().try_into().expect("32 bytes"))
    }
}

/// One card with 200 points, and the power to break the database.
struct Bench {
    db: Arc<SqliteDb>,
    file: PathBuf,
    org: OrgId,
    ids: AtomicU64,
    _directory: tempfile::TempDir,
}

const CARD: CardId = CardId([1; 16]);
const PASS: PassId = PassId([2; 16]);
const CLUB: ProgrammeId = ProgrammeId([3; 16]);

impl Bench {
    async fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut org = [0; 16];
        org[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("walaa.db");
        let db = SqliteDb::open(&file, Arc::new(Mint)).expect("opens");
        let bench = Self { db, file, org: OrgId(org), ids: AtomicU64::new(1), _directory: directory };
        let key = DocumentKey::programme(bench.org, CLUB);
        bench.done(Body::PutDocument(PutDocument { key, expected_version: 0, body: PROGRAMME.into() })).await;
        let profile = SealedProfile { data_key: vec![1], profile: vec![2] };
        let member = NewMember { id: MemberId([4; 16]), language: "en".into(), profile, identities: vec![[5; 32]] };
        let member = EnrolMember::New(member);
        bench
            .done(Body::Enrol(Enrol {
                member,
                programme: CLUB,
                card: CARD,
                number: "1".into(),
                pass: PASS,
                channel: None,
                trust: Default::default(),
            }))
            .await;
        bench.done(Body::Adjust(Adjust { card: CARD, programme: CLUB, points: 200, sealed_reason: "test".into() })).await;
        bench
    }

    fn command(&self, key: &str, body: Body) -> Command {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&self.ids.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let key = OpKey::parse(&format!("{key:-<16}")).expect("a key");
        let op = OpHeader { org: self.org, principal: Principal::System, key, fingerprint: Fingerprint([0; 32]), id: OpId(id) };
        Command { op, body }
    }

    async fn try_run(&self, key: &str, body: Body) -> Result<Answer, DbError> {
        self.db.apply(vec![self.command(key, body)], Timestamp::from_millis(1_000_000)).await.pop().expect("one answer")
    }

    async fn done(&self, body: Body) -> OpId {
        let key = format!("setup{}", self.ids.load(Ordering::Relaxed));
        let answer = self.try_run(&key, body).await.expect("works");
        answer.result.expect("done");
        answer.op
    }

    fn without(&self, guard: Guard) {
        remove(self.org, guard);
        if guard == Guard::Op {
            self.raw("DROP INDEX ops_key");
        }
    }

    fn raw(&self, sql: &str) {
        let db = Connection::open(&self.file).expect("opens");
        db.busy_timeout(std::time::Duration::from_secs(5)).expect("waits");
        db.execute_batch(sql).expect("works");
    }

    fn capture(&self) -> Body {
        let token = Mint.mint(self.org, TokenKind::Card, &PASS.0, 1).1;
        Body::Capture(Capture {
            token,
            rotating: None,
            card: CARD,
            programme: CLUB,
            voucher: None,
            lines: vec![CaptureLine { reward: "latte".into(), quantity: 1 }],
            place: Place::default(),
            receipt: None,
            sale_total: None,
            manager: false,
            validate_only: false,
        })
    }

    async fn voucher(&self) -> VoucherId {
        let pass = PassId([6; 16]);
        VoucherId(
            self.done(Body::IssueVoucher(IssueVoucher {
                card: CARD,
                programme: CLUB,
                reward: "latte".into(),
                pass,
                place: Place::default(),
            }))
            .await
            .0,
        )
    }

    fn capture_voucher(&self, voucher: VoucherId) -> Body {
        let Body::Capture(capture) = self.capture() else { unreachable!("a capture") };
        let token = Mint.mint(self.org, TokenKind::Voucher, &voucher.0, 1).1;
        Body::Capture(Capture { token, voucher: Some(voucher), lines: Vec::new(), ..capture })
    }

    /// The promise: one capture, paid once, and a ledger that agrees with itself.
    async fn assert_paid_once(&self) {
        let db = Connection::open(&self.file).expect("opens");
        let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("counts");
        assert_eq!(count("SELECT count(*) FROM redemptions"), 1);
        assert_eq!(count("SELECT coalesce(sum(amount), 0) FROM entries WHERE kind = 'capture'"), 60);
        let card = self.db.card(self.org, CARD).await.expect("reads").expect("a card");
        assert_eq!((card.available(), card.card.held), (ONE_PAID, 0));
        assert_eq!(self.db.check_ledger().await.expect("checks").findings, Vec::<String>::new());
    }
}

fn code(result: Result<Answer, DbError>) -> Code {
    result.expect("works").result.expect_err("refused").code
}

fn conflict(result: Result<Answer, DbError>) -> String {
    match result {
        Err(DbError::Conflict(what)) => what,
        other => panic!("no conflict: {other:?}"),
    }
}

#[tokio::test]
async fn without_the_op_index_the_token_s_state_holds() {
    let bench = Bench::new().await;
    bench.without(Guard::Op);
    bench.try_run("same", bench.capture()).await.expect("works").result.expect("done");
    assert_eq!(code(bench.try_run("same", bench.capture()).await), Code::AlreadyRedeemed);
    bench.assert_paid_once().await;
}

#[tokio::test]
async fn without_op_index_and_token_state_the_redemption_s_token_is_unique() {
    let bench = Bench::new().await;
    bench.without(Guard::Op);
    bench.without(Guard::TokenState);
    bench.try_run("same", bench.capture()).await.expect("works").result.expect("done");
    let what = conflict(bench.try_run("same", bench.capture()).await);
    assert_eq!(what, "redemptions.org, redemptions.token");
    bench.assert_paid_once().await;
}

#[tokio::test]
async fn in_one_batch_as_well() {
    for guards in [&[][..], &[Guard::Op], &[Guard::TokenState], &[Guard::Op, Guard::TokenState]] {
        let bench = Bench::new().await;
        guards.iter().for_each(|guard| bench.without(*guard));
        let batch = vec![
            bench.command("same", bench.capture()),
            bench.command("same", bench.capture()),
            bench.command("other", bench.capture()),
        ];
        let answers = bench.db.apply(batch, Timestamp::from_millis(1_000_000)).await;
        let captures =
            answers.iter().filter(|answer| answer.as_ref().is_ok_and(|answer| answer.result.is_ok() && !answer.replayed));
        assert_eq!(captures.count(), 1, "{guards:?}: {answers:?}");
        bench.assert_paid_once().await;
    }
}

#[tokio::test]
async fn with_every_other_guard_gone_a_hold_is_resolved_once() {
    let bench = Bench::new().await;
    let voucher = bench.voucher().await;
    bench.without(Guard::Op);
    bench.without(Guard::TokenState);
    bench.raw("DROP INDEX redemptions_token");
    bench.try_run("same", bench.capture_voucher(voucher)).await.expect("works").result.expect("done");
    assert_eq!(
        code(bench.try_run("same", bench.capture_voucher(voucher)).await),
        Code::VoucherNotOpen,
        "its own state holds first"
    );
    bench.raw("UPDATE vouchers SET state = 'issued'; UPDATE cards SET held = 60, open_vouchers = 1; UPDATE lots SET held = 60");
    let what = conflict(bench.try_run("same", bench.capture_voucher(voucher)).await);
    assert!(what.starts_with("entries.org, entries.resolves_op"), "U1: {what}");
    bench.raw("UPDATE vouchers SET state = 'captured'; UPDATE cards SET held = 0, open_vouchers = 0; UPDATE lots SET held = 0");
    bench.assert_paid_once().await;
}

#[tokio::test]
async fn each_guard_alone_suffices() {
    let drop_all = "DROP INDEX entries_resolves; DROP INDEX redemptions_token";
    for (kept, removed) in [("op index", vec![Guard::TokenState]), ("token state", vec![Guard::Op])] {
        let bench = Bench::new().await;
        let voucher = bench.voucher().await;
        removed.into_iter().for_each(|guard| bench.without(guard));
        bench.raw(drop_all);
        let first = bench.try_run("same", bench.capture_voucher(voucher)).await.expect("works");
        let again = bench.try_run("same", bench.capture_voucher(voucher)).await.expect("works");
        if kept == "op index" {
            assert!(again.replayed);
            assert_eq!(first.result, again.result);
        } else {
            assert_eq!(code(Ok(again)), Code::AlreadyRedeemed);
        }
        bench.assert_paid_once().await;
    }
    let bench = Bench::new().await;
    bench.raw("DROP INDEX entries_resolves");
    let voucher = bench.voucher().await;
    bench.without(Guard::TokenState);
    bench.try_run("one", bench.capture_voucher(voucher)).await.expect("works").result.expect("done");
    bench.raw("UPDATE vouchers SET state = 'issued'; UPDATE cards SET held = 60, open_vouchers = 1; UPDATE lots SET held = 60");
    let what = conflict(bench.try_run("two", bench.capture_voucher(voucher)).await);
    assert_eq!(what, "redemptions.org, redemptions.token", "without U1 the token is unique still");
}

#[tokio::test]
async fn a_capture_is_reversed_once_even_if_its_state_is_not_looked_at() {
    let bench = Bench::new().await;
    let redemption = RedemptionId(bench.done(bench.capture()).await.0);
    let reverse = || {
        Body::Reverse(Reverse {
            redemption,
            card: CARD,
            programme: CLUB,
            voucher: None,
            sealed_reason: "test".into(),
            place: Place::default(),
            manager: true,
        })
    };
    bench.done(reverse()).await;
    bench.raw("UPDATE redemptions SET state = 'captured'");
    let what = conflict(bench.try_run("again", reverse()).await);
    assert!(what.starts_with("entries.org, entries.reverses_op"), "U2: {what}");
    assert_eq!(bench.db.card(bench.org, CARD).await.expect("reads").expect("a card").available(), 200);
}
