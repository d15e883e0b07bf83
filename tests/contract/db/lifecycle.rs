//! Lost phones, erasure, sweeps.

use walaa::error::Code;
use walaa::ids::{PassId, VoucherId};
use walaa::ledger::{DocumentKind, EntryKind, PassState, TokenKind, TokenState, VoucherState};

use crate::support::ledger::{Customer, World, hash, json_of, programme_json};

async fn pass_state(world: &World, pass: PassId) -> PassState {
    world.db.pass(pass).await.expect("reads").expect("a pass").state
}

pub async fn a_reissue_replaces_codes_and_passes(world: World) {
    let customer = world.customer_with(200).await;
    let voucher = world.voucher(customer, "latte").await;
    let old_voucher_pass = world.db.voucher(world.org, voucher).await.expect("reads").expect("a voucher").pass;
    world.done(world.issue_code(customer)).await;
    let (new_pass, body) = world.reissue(customer);
    let answer = world.done(body).await;
    assert_eq!(answer["vouchers"], serde_json::json!([voucher]));
    assert_eq!(pass_state(&world, customer.pass).await, PassState::Voided);
    assert_eq!(pass_state(&world, old_voucher_pass).await, PassState::Voided);
    assert_eq!(pass_state(&world, new_pass).await, PassState::Active);
    assert_eq!(world.refused(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)])).await, Code::PassReplaced);
    let live = world.code(customer, (TokenKind::Live, 1));
    assert_eq!(world.refused(world.capture(customer, live, &[("latte", 1)])).await, Code::CodeCancelled);
    assert_eq!(world.refused(world.capture_voucher(customer, voucher, 1)).await, Code::PassReplaced);
    world.done(world.capture_voucher(customer, voucher, 2)).await;
    let renewed = Customer { pass: new_pass, ..customer };
    world.done(world.capture(customer, world.card_token(renewed, 1), &[("latte", 1)])).await;
    assert_eq!(world.balance(customer).await, (80, 0, 0));
    world.check_ledger().await;
}

pub async fn an_erasure_leaves_nothing_personal(world: World) {
    let (customer, body) = world.new_member("+96550000001");
    world.done(body).await;
    world.done(world.earn(customer, "R-1", "20.000")).await;
    let voucher = world.voucher(customer, "latte").await;
    let answer = world.done(world.erase(customer)).await;
    assert_eq!(answer["forfeited"], 200);
    assert_eq!(world.balance(customer).await, (0, 0, 0));
    let member = world.db.member(world.org, customer.member).await.expect("reads").expect("a member");
    assert_eq!((member.profile, member.active), (None, false));
    assert_eq!(world.db.identity(world.org, hash(b"+96550000001")).await, Ok(None));
    assert_eq!(pass_state(&world, customer.pass).await, PassState::Voided);
    assert!(!world.db.card(world.org, customer.card).await.expect("reads").expect("a card").card.active);
    let token = world.db.token_row(world.org, world.card_token(customer, 1)).await.expect("reads").expect("a token");
    assert_eq!(token.state, TokenState::Cancelled);
    assert_eq!(world.db.voucher(world.org, voucher).await.expect("reads").expect("one").state, VoucherState::Cancelled);
    assert_eq!(world.refused(world.earn(customer, "R-2", "1.000")).await, Code::MemberErased);
    assert_eq!(world.refused(world.erase(customer)).await, Code::MemberErased);
    assert_eq!(world.refused(world.erase(Customer { member: walaa::ids::MemberId([9; 16]), ..customer })).await, Code::NotFound);
    let (_, again) = world.new_member("+96550000001");
    world.done(again).await;
    world.check_ledger().await;
}

pub async fn an_erasure_finds_a_voucher_of_the_same_batch(world: World) {
    let customer = world.customer_with(100).await;
    let batch = vec![world.command(world.issue_voucher(customer, "latte")), world.command(world.erase(customer))];
    let answers = world.db.apply(batch, world.now()).await;
    assert_eq!(json_of(answers[1].as_ref().expect("works"))["forfeited"], 100);
    assert_eq!(world.balance(customer).await, (0, 0, 0));
    world.check_ledger().await;
}

pub async fn expired_codes_and_vouchers_are_swept(world: World) {
    let customer = world.customer_with(100).await;
    world.done(world.issue_code(customer)).await;
    let voucher = world.voucher(customer, "latte").await;
    assert_eq!(world.db.expired_tokens(world.now(), 10).await, Ok(vec![]));
    world.advance_seconds(301 + walaa::ledger::EXPIRY_GRACE_MS / 1_000);
    let codes = world.db.expired_tokens(world.now(), 10).await.expect("reads");
    assert_eq!(codes.len(), 2, "a live and a typed one");
    assert_eq!(world.db.expired_tokens(world.now(), 1).await.expect("reads").len(), 1);
    let sweep = |found: Vec<walaa::db::Expired>| {
        world.expire(found.into_iter().map(|expired| (expired.token, expired.card, expired.voucher)).collect())
    };
    assert_eq!(world.done(sweep(codes)).await["changed"], 2);
    world.advance_seconds(30 * 86_400);
    let vouchers = world.db.expired_tokens(world.now(), 10).await.expect("reads");
    assert_eq!((vouchers.len(), vouchers[0].voucher), (1, Some(voucher)));
    assert_eq!(world.done(sweep(vouchers.clone())).await["changed"], 1);
    assert_eq!(world.done(sweep(vouchers)).await["changed"], 0, "once");
    assert_eq!(world.balance(customer).await, (100, 0, 0));
    assert_eq!(world.refused(world.capture_voucher(customer, voucher, 1)).await, Code::CodeExpired);
    assert_eq!(world.db.voucher(world.org, voucher).await.expect("reads").expect("one").state, VoucherState::Expired);
    assert_eq!(world.db.expired_tokens(world.now(), 10).await, Ok(vec![]));
    world.check_ledger().await;
}

pub async fn a_sweep_leaves_what_is_not_over(world: World) {
    let customer = world.customer_with(100).await;
    let voucher = world.voucher(customer, "latte").await;
    let body = world.expire(vec![(world.voucher_token(voucher, 1), customer.card, Some(voucher))]);
    assert_eq!(world.done(body).await["changed"], 0);
    world.done(world.capture_voucher(customer, voucher, 1)).await;
    world.advance_seconds(31 * 86_400);
    let body = world.expire(vec![(world.voucher_token(voucher, 1), customer.card, Some(voucher))]);
    assert_eq!(world.done(body).await["changed"], 0, "captured is captured");
    let missing = world.expire(vec![([9; 32], customer.card, Some(VoucherId([9; 16])))]);
    assert_eq!(world.done(missing).await["changed"], 0);
    let kinds: Vec<_> = world.db.entries_of(world.org, customer.card, None, 10).await.expect("reads");
    assert!(kinds.iter().all(|entry| entry.kind != EntryKind::Release));
}

pub async fn a_new_document_makes_passes_stale(world: World) {
    let (first, second) = (world.enrol().await, world.enrol().await);
    assert_eq!(world.db.stale_passes(10).await, Ok(None));
    world.put(DocumentKind::Programme, world.programme.0, (1, programme_json())).await;
    assert_eq!(world.db.stale_passes(1).await.expect("reads").expect("some").passes.len(), 1);
    let stale = world.db.stale_passes(10).await.expect("reads").expect("some");
    assert_eq!((stale.org, stale.programme), (world.org, world.programme));
    let mut passes = stale.passes;
    passes.sort();
    assert_eq!(passes, [first.pass, second.pass]);
    assert_eq!(world.done(world.touch(passes.clone())).await["changed"], 2);
    assert_eq!(world.db.stale_passes(10).await, Ok(None));
    assert_eq!(world.done(world.touch(passes)).await["changed"], 0, "once");
    let pass = world.db.pass(first.pass).await.expect("reads").expect("a pass");
    assert_eq!((pass.version, pass.document_version), (2, 2));
    let late = world.enrol().await;
    assert_eq!(world.db.pass(late.pass).await.expect("reads").expect("a pass").document_version, 2);
    world.done(world.erase(second)).await;
    world.put(DocumentKind::Programme, world.programme.0, (2, programme_json())).await;
    let stale = world.db.stale_passes(10).await.expect("reads").expect("some").passes;
    assert!(!stale.contains(&second.pass), "void passes are left alone");
}

/// Live and typed codes are forgotten some time after they ran out; whatever was captured, can still be used or is no such code stays.
pub async fn codes_that_ran_out_are_forgotten(world: World) {
    let customer = world.customer_with(1_000).await;
    let live = |number| world.code(customer, (TokenKind::Live, number));
    let typed = |number| world.code(customer, (TokenKind::Typed, number));
    world.done(world.issue_code(customer)).await;
    world.done(world.capture(customer, live(1), &[("latte", 1)])).await;
    let voucher = world.voucher(customer, "latte").await;
    world.advance_seconds(31 * 86_400);
    world.done(world.issue_code(customer)).await;
    let over = world.db.expired_tokens(world.now(), 10).await.expect("reads");
    let cutoff = world.now();
    assert_eq!(world.db.forget_codes(cutoff, 10).await, Ok(0), "issued codes are ended by the ledger first");
    world.done(world.expire(over.into_iter().map(|one| (one.token, one.card, one.voucher)).collect())).await;
    assert_eq!(world.db.forget_codes(world.now().plus_seconds(-40 * 86_400), 10).await, Ok(0), "not before its time");
    assert_eq!(world.db.forget_codes(cutoff, 10).await, Ok(1), "the typed twin of the captured code");
    assert_eq!(world.db.forget_codes(cutoff, 10).await, Ok(0), "once");
    for (hash, there) in [
        (typed(1), false),
        (live(1), true),
        (live(2), true),
        (typed(2), true),
        (world.card_token(customer, 1), true),
        (world.voucher_token(voucher, 1), true),
    ] {
        assert_eq!(world.db.token_row(world.org, hash).await.expect("reads").is_some(), there);
        assert_eq!(world.db.token(world.org, hash).await.expect("reads").is_some(), there);
    }
    assert_eq!(
        world.refused(world.capture(customer, typed(1), &[("latte", 1)])).await,
        Code::InvalidCode,
        "as if it had never been"
    );
    assert_eq!(world.refused(world.capture(customer, live(1), &[("latte", 1)])).await, Code::AlreadyRedeemed, "for ever");
    world.done(world.issue_code(customer)).await;
    assert_eq!(world.db.token_row(world.org, typed(1)).await, Ok(None), "generations only rise: the code does not come back");
    world.done(world.capture(customer, live(3), &[("latte", 1)])).await;
    world.check_ledger().await;
}

/// However much there is to forget, it is done in bites, the oldest first.
pub async fn codes_are_forgotten_in_bites(world: World) {
    let customer = world.enrol().await;
    for _ in 0..3 {
        world.done(world.issue_code(customer)).await;
        world.advance_seconds(3_600);
    }
    let over = world.db.expired_tokens(world.now(), 10).await.expect("reads");
    world.done(world.expire(over.into_iter().map(|one| (one.token, one.card, one.voucher)).collect())).await;
    assert_eq!(world.db.forget_codes(world.now(), 4).await, Ok(4));
    let left =
        async |number| world.db.token_row(world.org, world.code(customer, (TokenKind::Live, number))).await.expect("reads");
    assert!(left(1).await.is_none() && left(2).await.is_none() && left(3).await.is_some());
    assert_eq!(world.db.forget_codes(world.now(), 4).await, Ok(2));
}
