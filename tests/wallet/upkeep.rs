//! The journal's check, and the sweeps.

use std::sync::Arc;

use rusqlite::Connection;
use walaa::cli::audit::{AuditResult, verify_journal};
use walaa::db::batcher::Batcher;
use walaa::error::Code;
use walaa::ids::SystemIds;
use walaa::journal::verify;
use walaa::ledger::{DocumentKind, TokenKind, TokenMint, VoucherState};
use walaa::outbox::{Sweep, Sweeper};

use super::station::Station;
use crate::support::ledger::programme_json;

fn sweeper(station: &Station) -> Sweeper {
    let batcher = Batcher::start(station.db.clone(), station.world.clone());
    Sweeper::new(station.db.clone(), batcher, station.world.clone(), Arc::new(SystemIds))
}

/// The eighth row of the organisation that has entries: 200 points.
const ROW_8: &str =
    "position = (SELECT position FROM journal_seals WHERE number = 8 AND org = (SELECT org FROM entries LIMIT 1))";

/// Writes into the file behind the database's back.
fn tamper(station: &Station, sql: &str) {
    let directory = station.world.directory.as_ref().expect("a file");
    let file = Connection::open(directory.path().join("walaa.db")).expect("opens");
    let triggers: Vec<String> = {
        let mut list = file.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").expect("prepares");
        let names = list.query_map([], |row| row.get(0)).expect("lists");
        names.map(|name| name.expect("a name")).collect()
    };
    for trigger in triggers {
        file.execute_batch(&format!("DROP TRIGGER {trigger}")).expect("drops");
    }
    file.execute_batch(sql).expect("tampers");
}

async fn with_history() -> Station {
    let station = Station::new().await;
    for points in [100, 200, 300] {
        let customer = station.customer().await;
        station.change(customer, points).await;
    }
    station
}

#[tokio::test]
async fn a_whole_journal_is_whole_and_the_unsealed_tail_is_told() {
    let station = with_history().await;
    let verified = verify(station.db.as_ref(), station.world.org).await.expect("reads");
    assert!(verified.bad.is_none() && verified.rows >= 10 && verified.unsealed == 0, "{verified:?}");
    station.customer().await;
    let later = verify(station.db.as_ref(), station.world.org).await.expect("reads");
    assert_eq!((later.rows, later.head, later.unsealed), (verified.rows, verified.head, 1));
    let mut report = Vec::new();
    let result = verify_journal(station.db.as_ref(), None, &mut report).await.expect("reports");
    let report = String::from_utf8(report).expect("text");
    assert_eq!(result, AuditResult::Whole);
    assert!(report.contains("rows are whole") && report.contains("1 committed rows"), "{report}");
}

#[tokio::test]
async fn whatever_was_changed_behind_its_back_the_journal_names_the_row() {
    for (sql, expected) in [
        ("UPDATE journal SET body = replace(body, '200', '900') WHERE {row}", "contents"),
        ("UPDATE journal SET at = at + 1 WHERE {row}", "contents"),
        ("UPDATE journal SET actor = 'system' WHERE {row}", "contents"),
        ("UPDATE entries SET amount = 900 WHERE amount = 200", "was"),
        ("DELETE FROM entries WHERE amount = 200", "missing from the ledger"),
        ("DELETE FROM journal_seals WHERE number = 8", "missing"),
        ("UPDATE journal_seals SET hash = zeroblob(32) WHERE number = 8", "contents"),
        ("UPDATE journal_seals SET previous = zeroblob(32) WHERE number = 8", "does not follow"),
    ] {
        let station = with_history().await;
        tamper(&station, &sql.replace("{row}", ROW_8));
        let verified = verify(station.db.as_ref(), station.world.org).await.expect("reads");
        let bad = verified.bad.unwrap_or_else(|| panic!("not noticed: {sql}"));
        assert_eq!(bad.number, 8, "{sql}");
        assert!(bad.what.contains(expected), "{sql}: {}", bad.what);
        let result = verify_journal(station.db.as_ref(), Some(station.world.org), &mut Vec::new()).await.expect("reports");
        assert_eq!(result, AuditResult::Broken);
    }
}

#[tokio::test]
async fn vouchers_that_ran_out_give_their_points_back_once() {
    let station = Station::new().await;
    let customer = station.customer().await;
    station.change(customer, 500).await;
    let mut vouchers = Vec::new();
    for _ in 0..3 {
        vouchers.push(station.world.voucher(customer, "latte").await);
    }
    assert_eq!(station.world.balance(customer).await, (320, 180, 0));
    let sweeper = sweeper(&station);
    sweeper.run_once().await;
    assert_eq!(station.world.balance(customer).await, (320, 180, 0), "nothing ran out yet");
    station.world.advance_seconds(31 * 24 * 3_600);
    for _ in 0..2 {
        sweeper.run_once().await;
        assert_eq!(station.world.balance(customer).await, (500, 0, 0));
    }
    for voucher in vouchers {
        let voucher = station.db.voucher(station.world.org, voucher).await.expect("reads").expect("a voucher");
        assert_eq!(voucher.state, VoucherState::Expired);
    }
    for status in sweeper.status() {
        assert_eq!((status.error, status.succeeded_at), (None, Some(station.world.now())), "{:?}", status.sweep);
    }
    station.world.check_ledger().await;
}

/// Live and typed codes are remembered for thirty days after they ran out, so that a till can say so; then they are no codes at all.
#[tokio::test]
async fn old_codes_are_forgotten_and_captured_ones_never() {
    let station = Station::new().await;
    let customer = station.world.customer_with(500).await;
    let world = &station.world;
    let code = |kind, number| station.keyring.mint(world.org, kind, &customer.card.0, number).1;
    let capture = async |token| world.refused(world.capture(customer, token, &[("latte", 1)])).await;
    world.done(world.issue_code(customer)).await;
    world.done(world.issue_code(customer)).await;
    world.done(world.capture(customer, code(TokenKind::Live, 2), &[("latte", 1)])).await;
    let sweeper = sweeper(&station);
    let dropped = || sweeper.status().into_iter().find(|status| status.sweep == Sweep::Codes).map(|status| status.changed);
    world.advance_seconds(24 * 3_600);
    sweeper.run_once().await;
    world.advance_seconds(28 * 24 * 3_600);
    sweeper.run_once().await;
    assert_eq!(dropped(), Some(0), "not before their time");
    assert_eq!(capture(code(TokenKind::Live, 1)).await, Code::CodeExpired);
    world.advance_seconds(2 * 24 * 3_600);
    sweeper.run_once().await;
    assert_eq!(dropped(), Some(3), "both codes of the first pair, the typed one of the second");
    assert_eq!(capture(code(TokenKind::Live, 1)).await, Code::InvalidCode);
    assert_eq!(capture(code(TokenKind::Typed, 1)).await, Code::InvalidCode);
    assert_eq!(capture(code(TokenKind::Live, 2)).await, Code::AlreadyRedeemed);
    world.check_ledger().await;
}

#[tokio::test]
async fn a_changed_programme_reaches_every_pass_and_twice_within_the_hour() {
    let station = Station::new().await;
    let mut customers = Vec::new();
    for _ in 0..70 {
        customers.push(station.customer().await);
    }
    station.add("d1", "aa", customers[0].pass).await;
    let sweeper = sweeper(&station);
    for (version, name) in [(1, "Flat white"), (2, "Saffron latte")] {
        let mut document = programme_json();
        document["rewards"][0]["name"]["en"] = name.into();
        station.world.put(DocumentKind::Programme, station.world.programme.0, (version, document)).await;
        sweeper.run_once().await;
        let changed = sweeper.status().into_iter().find(|status| status.sweep == Sweep::Stale).expect("a status");
        assert_eq!((changed.changed, changed.error), (70, None));
        for customer in &customers {
            let pass = station.db.pass(customer.pass).await.expect("reads").expect("a pass");
            assert_eq!((pass.document_version, pass.version), (version + 1, version + 1));
        }
    }
    station.sequence().await;
    assert_eq!(station.deliver().await.sent, 1, "the one that is on a phone");
    let fetched = station.fetch(customers[0].pass, None).await.bytes().await.expect("a body");
    assert!(station.open(&fetched).pass.to_string().contains("Saffron latte"));
}

#[tokio::test]
async fn a_rebrand_waits_while_the_outbox_is_behind() {
    let station = Station::new().await;
    let customer = station.customer().await;
    station.add("d1", "aa", customer.pass).await;
    station.change(customer, 1).await;
    station.world.put(DocumentKind::Programme, station.world.programme.0, (1, programme_json())).await;
    station.world.advance_seconds(6);
    let sweeper = sweeper(&station);
    let changed =
        |sweeper: &Sweeper| sweeper.status().into_iter().find(|status| status.sweep == Sweep::Stale).expect("one").changed;
    sweeper.run_once().await;
    assert_eq!(changed(&sweeper), 0, "a sale's push waits already");
    station.deliver().await;
    sweeper.run_once().await;
    assert_eq!(changed(&sweeper), 1);
}
