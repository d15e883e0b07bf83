//! What genuine phones do is never slowed down, whatever is done against guessers; and what they cost.

use rusqlite::Connection;
use walaa::ledger::DocumentKind;

use super::station::{Station, pass_path, send};
use crate::support::ledger::programme_json;

/// The most phones that a pass is registered for.
const PHONES: usize = 20;

/// A family's phones and tablets hold the same card. It changes as often as phones are pushed at all, and each of them does each time what
/// Apple's phones do.
#[tokio::test]
async fn twenty_phones_with_one_pass_follow_every_change() {
    let station = Station::new().await;
    let customer = station.customer().await;
    let mut tags = Vec::new();
    for phone in 0..PHONES {
        station.add(&format!("phone-{phone}"), &format!("{phone:04x}"), customer.pass).await;
    }
    for phone in 0..PHONES {
        tags.push(station.wake(&format!("phone-{phone}"), None).await);
    }
    for change in 0..12 {
        station.world.advance_seconds(15);
        station.change(customer, 1).await;
        for (phone, tag) in tags.iter_mut().enumerate() {
            let (status, serials, next) = station.list(&format!("phone-{phone}"), Some(tag)).await;
            assert_eq!((status, serials.as_slice()), (200, [customer.pass].as_slice()), "change {change}, phone {phone}");
            assert_eq!(station.fetch(customer.pass, None).await.status(), 200, "change {change}, phone {phone}");
            *tag = next;
        }
    }
}

/// A café's wireless network: many phones at one address that are up to date. Somebody who guesses there is slowed down, they are not.
#[tokio::test]
async fn phones_that_are_up_to_date_use_up_nobodys_budget() {
    let station = Station::new().await;
    let mut phones = Vec::new();
    for phone in 0..80 {
        let (pass, device) = (station.customer().await.pass, format!("phone-{phone}"));
        station.add(&device, &format!("{phone:04x}"), pass).await;
        phones.push(device);
    }
    station.sequence().await;
    let (_, _, tag) = station.list(&phones[79], None).await;
    for device in &phones {
        assert_eq!(station.list(device, Some(&tag)).await.0, 204, "{device}");
    }
    let mut last = 204;
    for guess in 0..61 {
        last = station.list(&format!("guess-{guess}"), None).await.0;
    }
    assert_eq!(last, 429, "whoever holds nothing here");
    assert_eq!(station.list(&phones[0], Some(&tag)).await.0, 204);
}

/// A phone that asks again and again for what it has costs reads, and no write each time.
#[tokio::test]
async fn an_unchanged_pass_costs_no_write() {
    let station = Station::new().await;
    let customer = station.customer().await;
    station.add("phone", "aa", customer.pass).await;
    let file = station.world.directory.as_ref().expect("a file").path().join("walaa.db");
    let other = Connection::open(file).expect("opens");
    let commits = || other.query_row("PRAGMA data_version", [], |row| row.get::<_, i64>(0)).expect("reads");
    let modified = station.fetch(customer.pass, None).await.headers()["last-modified"].to_str().expect("text").to_owned();
    let unchanged = async || assert_eq!(station.fetch(customer.pass, Some(&modified)).await.status(), 304);
    unchanged().await;
    let before = commits();
    for _ in 0..20 {
        unchanged().await;
    }
    assert_eq!(commits(), before);
    station.world.advance_seconds(61);
    unchanged().await;
    assert_eq!(station.delivery(customer.pass).await.fetched_at, Some(station.world.now()), "right to the minute");
    station.change(customer, 5).await;
    assert_eq!(station.fetch(customer.pass, Some(&modified)).await.status(), 200);
    assert_eq!(station.delivery(customer.pass).await.fetched_version, 2, "a new version is noted at once");
}

/// The first pass with a drawn strip takes long to make; meanwhile the same thread serves others.
#[tokio::test(flavor = "current_thread")]
async fn drawing_stamps_holds_nobody_up() {
    let station = Station::new().await;
    let mut stamps = programme_json();
    stamps["template"] = "stamps".into();
    station.world.put(DocumentKind::Programme, station.world.programme.0, (1, stamps)).await;
    let customer = station.customer().await;
    station.change(customer, 37).await;
    let build = station.builder.pkpass(customer.pass);
    tokio::pin!(build);
    let mut others = 0;
    let built = loop {
        tokio::select! {
            biased;
            built = &mut build => break built,
            () = tokio::task::yield_now() => others += 1,
        }
    };
    let package = built.expect("is built").bytes;
    assert!(station.open(&package).files.keys().any(|name| name.starts_with("strip")), "a strip was drawn");
    assert!(others > 100, "others had {others} turns while it was made");
    let unknown = send(station.request(reqwest::Method::GET, &pass_path(customer.pass))).await;
    assert_eq!(unknown.status(), 401);
}
