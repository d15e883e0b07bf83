//! Google Wallet: the turning code that spends each step once, passes that are owed there, what was written and heard.

use walaa::clock::Timestamp;
use walaa::db::{Channel, GoogleClass, GoogleEvent, GoogleEventKind, GoogleObject, Heard};
use walaa::error::Code;
use walaa::ids::PassId;
use walaa::ledger::{Body, Capture, RotatingStep, ShowOnGoogle, TokenKind, TokenMint, TokenState};

use super::sequence;
use crate::support::ledger::{Customer, TestMint, World, code_of, hash};

const LEASE_MS: i64 = 30_000;

fn show(world: &World, customer: Customer) -> Body {
    Body::ShowOnGoogle(ShowOnGoogle { card: customer.card, programme: world.programme })
}

/// A capture by the turning code of a step.
fn turning(world: &World, customer: Customer, step: i64) -> Capture {
    let token = hash(format!("{}{step}", customer.pass).as_bytes());
    let rotating = RotatingStep { pass: customer.pass, step, expires_at: world.now().plus_seconds(60) };
    Capture { rotating: Some(rotating), ..world.capture_body(customer, token, &[("latte", 1)]) }
}

fn object(world: &World, pass: PassId, version: i64) -> GoogleObject {
    GoogleObject {
        org: world.org,
        pass,
        object: format!("3388000000000000001.{pass}"),
        version,
        digest: [7; 32],
        written_at: world.now(),
        notices: vec![world.now()],
        saved: None,
        saved_at: None,
        checked_at: None,
    }
}

fn event(world: &World, pass: PassId, (nonce, kind, seconds): (&str, GoogleEventKind, i64)) -> GoogleEvent {
    GoogleEvent {
        nonce: nonce.to_owned(),
        org: world.org,
        pass: Some(pass),
        object: format!("3388000000000000001.{pass}"),
        kind,
        at: world.now(),
        expires_at: world.now().plus_seconds(seconds),
    }
}

async fn owed(world: &World) -> Vec<PassId> {
    sequence(world).await;
    let items = world.db.claim_outbox(Channel::Google, 10, LEASE_MS, world.now()).await.expect("claims");
    for item in &items {
        let done = walaa::db::OutboxResult::Done { version: item.version };
        world.db.settle_outbox(item, done).await.expect("settles");
    }
    let mut passes: Vec<_> = items.into_iter().map(|item| item.pass).collect();
    passes.sort_unstable();
    passes
}

pub async fn a_turning_code_spends_each_step_once(world: World) {
    let customer = world.customer_with(500).await;
    world.done(show(&world, customer)).await;
    world.done(Body::Capture(turning(&world, customer, 100))).await;
    let again = world.run(Body::Capture(turning(&world, customer, 100))).await;
    assert_eq!(code_of(&again), Code::AlreadyRedeemed);
    assert_eq!(again.result.expect_err("refused").facts["newer_code_exists"], true);
    assert_eq!(world.refused(Body::Capture(turning(&world, customer, 99))).await, Code::CodeExpired, "older than a used one");
    world.done(Body::Capture(turning(&world, customer, 101))).await;
    assert_eq!(world.balance(customer).await, (380, 0, 0));
    world.check_ledger().await;
}

pub async fn two_tills_with_one_step_in_one_batch(world: World) {
    let customer = world.customer_with(500).await;
    world.done(show(&world, customer)).await;
    let batch = (0..8).map(|_| world.command(Body::Capture(turning(&world, customer, 7)))).collect();
    let answers = world.db.apply(batch, world.now()).await;
    assert_eq!(answers.iter().filter(|answer| answer.as_ref().is_ok_and(|answer| answer.result.is_ok())).count(), 1);
    assert_eq!(world.balance(customer).await, (440, 0, 0));
}

pub async fn a_turning_code_is_bound_to_its_pass_and_time(world: World) {
    let customer = world.customer_with(500).await;
    world.done(show(&world, customer)).await;
    let late = turning(&world, customer, 1);
    world.advance_seconds(91);
    assert_eq!(world.refused(Body::Capture(late)).await, Code::CodeExpired);
    let old = turning(&world, customer, 2);
    let (_, reissue) = world.reissue(customer);
    world.done(reissue).await;
    assert_eq!(world.refused(Body::Capture(old)).await, Code::PassReplaced);
    let unknown = Capture { rotating: None, ..turning(&world, customer, 3) };
    assert_eq!(world.refused(Body::Capture(unknown)).await, Code::InvalidCode);
}

pub async fn the_fixed_code_identifies_and_never_spends(world: World) {
    let customer = world.customer_with(500).await;
    let identify = TestMint.mint(world.org, TokenKind::Identify, &customer.pass.0, 1).1;
    assert_eq!(world.db.token(world.org, identify).await, Ok(None), "only a card in Google Wallet has one");
    world.done(show(&world, customer)).await;
    let token = world.db.token(world.org, identify).await.expect("reads").expect("a token");
    assert_eq!((token.kind, token.card, token.pass), (TokenKind::Identify, customer.card, Some(customer.pass)));
    assert_eq!(world.refused(world.capture(customer, identify, &[("latte", 1)])).await, Code::IdentifyOnly);
    let (_, reissue) = world.reissue(customer);
    world.done(reissue).await;
    let row = world.db.token_row(world.org, identify).await.expect("reads").expect("a token");
    assert_eq!(row.state, TokenState::Replaced);
}

pub async fn only_what_is_on_google_is_owed_there(world: World) {
    let customer = world.customer_with(500).await;
    let before = world.voucher(customer, "latte").await;
    assert_eq!(owed(&world).await, []);
    let shown = world.db.pass(customer.pass).await.expect("reads").expect("a pass");
    assert_eq!(world.done(show(&world, customer)).await["changed"], 2, "the card and its open voucher");
    let pass = world.db.pass(customer.pass).await.expect("reads").expect("a pass");
    assert_eq!((pass.on_google, pass.version, pass.change), (true, shown.version + 1, shown.change));
    assert_eq!(owed(&world).await.len(), 2);
    assert_eq!(world.done(show(&world, customer)).await["changed"], 0, "once is enough");
    assert_eq!(owed(&world).await, []);
    let voucher = world.voucher(customer, "latte").await;
    assert_eq!(owed(&world).await.len(), 2, "a voucher goes where the card is");
    world.done(world.cancel_voucher(customer, before)).await;
    world.done(world.cancel_voucher(customer, voucher)).await;
    assert_eq!(owed(&world).await.len(), 3);
    let (pass, reissue) = world.reissue(customer);
    world.done(reissue).await;
    assert!(world.db.pass(pass).await.expect("reads").expect("a pass").on_google);
    assert_eq!(owed(&world).await.len(), 2, "the old card and the new one");
}

pub async fn what_was_written_and_what_was_heard_are_kept_apart(world: World) {
    let customer = world.enrol().await;
    let read = || async { world.db.google_object(world.org, customer.pass).await.expect("reads").expect("an object") };
    assert_eq!(world.db.google_object(world.org, customer.pass).await, Ok(None));
    world.db.write_google_objects(vec![object(&world, customer.pass, 3)]).await.expect("writes");
    let saved = event(&world, customer.pass, ("n-1", GoogleEventKind::Saved, 60));
    assert_eq!(world.db.hear_google(saved.clone()).await, Ok(Heard::New));
    assert_eq!(world.db.hear_google(saved).await, Ok(Heard::Again));
    world.db.write_google_objects(vec![object(&world, customer.pass, 2)]).await.expect("writes");
    let row = read().await;
    assert_eq!((row.version, row.saved, row.saved_at), (3, Some(true), Some(world.now())), "no step back, and heard stays");
    let older = event(&world, customer.pass, ("n-2", GoogleEventKind::Removed, 30));
    assert_eq!(world.db.hear_google(older).await, Ok(Heard::New));
    assert_eq!(read().await.saved, Some(true), "an older message changes nothing");
    world.db.hear_google(event(&world, customer.pass, ("n-3", GoogleEventKind::Removed, 90))).await.expect("hears");
    assert_eq!(read().await.saved, Some(false));
    let stranger = GoogleObject { pass: PassId([9; 16]), ..object(&world, customer.pass, 1) };
    assert!(world.db.write_google_objects(vec![stranger]).await.is_err());
    assert_eq!(world.db.google_events(world.org, 10).await.expect("reads").len(), 3);
    assert_eq!(world.db.forget_google_events(world.now().plus_millis(1), 2).await, Ok(2));
    let delivery = world.db.delivery(world.org, customer.pass).await.expect("reads").expect("a delivery");
    assert_eq!(delivery.google, Some(read().await));
}

pub async fn google_is_asked_again_about_each_object(world: World) {
    let customer = world.enrol().await;
    world.db.write_google_objects(vec![object(&world, customer.pass, 1)]).await.expect("writes");
    let due = |at: Timestamp| {
        let db = &world.db;
        async move { db.google_objects_to_ask(at, 10).await.expect("reads").len() }
    };
    let day = world.now().plus_seconds(86_400);
    assert_eq!((due(day.plus_millis(-1)).await, due(day).await), (0, 1));
    world.db.note_google_asked(world.org, customer.pass, None, day).await.expect("notes");
    assert_eq!(due(day).await, 0);
    world.db.note_google_asked(world.org, customer.pass, Some(true), day).await.expect("notes");
    let row = world.db.google_object(world.org, customer.pass).await.expect("reads").expect("an object");
    assert_eq!((row.saved, row.saved_at, row.checked_at), (Some(true), Some(day), Some(day)));
    world.db.hear_google(event(&world, customer.pass, ("n-1", GoogleEventKind::Removed, 60))).await.expect("hears");
    assert_eq!(due(world.now().plus_seconds(600)).await, 1, "several devices: Google knows better");
}

pub async fn classes_are_remembered(world: World) {
    let class = GoogleClass { org: world.org, class: "3388000000000000001.p".into(), digest: [1; 32], written_at: world.now() };
    assert_eq!(world.db.google_class(world.org, &class.class).await, Ok(None));
    world.db.write_google_class(class.clone()).await.expect("writes");
    let newer = GoogleClass { digest: [2; 32], ..class };
    world.db.write_google_class(newer.clone()).await.expect("writes");
    assert_eq!(world.db.google_class(world.org, &newer.class).await, Ok(Some(newer)));
}

/// The row of a turning code is all that says it was used: it is never forgotten, however old.
pub async fn a_used_turning_code_is_never_forgotten(world: World) {
    let customer = world.customer_with(500).await;
    world.done(show(&world, customer)).await;
    let capture = turning(&world, customer, 1);
    let token = capture.token;
    world.done(Body::Capture(capture)).await;
    world.advance_seconds(400 * 86_400);
    assert_eq!(world.db.forget_codes(world.now(), 10).await, Ok(0));
    assert_eq!(world.refused(Body::Capture(turning(&world, customer, 1))).await, Code::AlreadyRedeemed);
    assert_eq!(world.db.token_row(world.org, token).await.expect("reads").expect("a token").state, TokenState::Captured);
}
