//! After a restore: codes of earlier epochs are found and settled.

use serde_json::json;
use walaa::error::Code;
use walaa::ids::{CardId, OpId, RedemptionId, VoucherId};
use walaa::ledger::{
    Answer, Body, Capture, Command, EntryKind, OpHeader, PassState, Place, Principal, Reconcile, RedemptionLine, ShowOnGoogle,
    TokenHash, TokenKind, TokenMint, TokenState, VoucherState,
};

use crate::support::ledger::{Customer, TestMint, World, code_of, id_in, json_of};

/// The generation that a second epoch begins with.
const NEW: i64 = 1 << 32;

/// The redemption that the gate remembers.
const LOST: RedemptionId = RedemptionId([0x77; 16]);

fn of(token: TokenHash, (customer, voucher): (Customer, Option<VoucherId>), witness: Option<RedemptionId>) -> Reconcile {
    Reconcile { token, card: customer.card, voucher, witness }
}

/// The command as Walaa itself gives it: under the id of what the gate remembers, if that is something.
fn command(world: &World, reconcile: Reconcile) -> Command {
    let id = reconcile.witness.map_or_else(|| OpId(world.id()), |lost| OpId(lost.0));
    let plain = world.command(Body::Reconcile(reconcile));
    Command { op: OpHeader { principal: Principal::System, id, ..plain.op }, ..plain }
}

async fn settle(world: &World, reconcile: Reconcile) -> String {
    let command = command(world, reconcile);
    let answer = json_of(&world.apply(&command).await.expect("works"));
    assert_eq!(answer.get("lost").is_some(), reconcile_lost(&command) && answer["settled"] != "untouched", "{answer}");
    id_in(&answer, "settled")
}

fn reconcile_lost(command: &Command) -> bool {
    matches!(&command.body, Body::Reconcile(reconcile) if reconcile.witness.is_some())
}

async fn state(world: &World, token: TokenHash) -> TokenState {
    world.db.token_row(world.org, token).await.expect("reads").expect("a token").state
}

async fn restore(world: &World) {
    let before = world.db.epoch().await.expect("reads");
    assert_eq!(world.db.raise_epoch().await, Ok(before + 1));
}

async fn listed(world: &World, limit: usize) -> Vec<TokenHash> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = world.db.tokens_before_epoch(world.org, after, limit).await.expect("reads");
        assert!(page.len() <= limit);
        let Some(last) = page.last() else { return all };
        after = Some(last.hash);
        all.extend(page.iter().map(|token| token.hash));
    }
}

pub async fn codes_of_earlier_epochs_are_listed_by_their_hashes(world: World) {
    let (a, b) = (world.customer_with(200).await, world.customer_with(200).await);
    let voucher = world.voucher(a, "latte").await;
    world.done(world.issue_code(b)).await;
    world.done(world.capture(b, world.code(b, (TokenKind::Live, 1)), &[("latte", 1)])).await;
    let show = ShowOnGoogle { card: a.card, programme: world.programme };
    world.done(Body::ShowOnGoogle(show)).await;
    assert_eq!(listed(&world, 10).await, Vec::<TokenHash>::new(), "nothing was restored");
    restore(&world).await;
    let newcomer = world.enrol().await;
    let mut expected = vec![
        world.card_token(a, 1),
        world.card_token(b, 1),
        world.voucher_token(voucher, 1),
        world.code(b, (TokenKind::Typed, 1)),
    ];
    expected.sort_unstable();
    for limit in [1, 2, 3, 4, 100] {
        assert_eq!(listed(&world, limit).await, expected, "neither what was captured nor what only identifies");
    }
    let stranger = World::on(std::sync::Arc::clone(&world.db), None).await;
    assert_eq!(listed(&stranger, 10).await, Vec::<TokenHash>::new(), "another organisation has its own");
    restore(&world).await;
    assert!(listed(&world, 10).await.contains(&world.card_token(newcomer, 1)));
}

pub async fn a_code_of_a_pass_is_renewed(world: World) {
    let customer = world.customer_with(200).await;
    let voucher = world.voucher(customer, "latte").await;
    world.add_to_phone(customer.pass, "phone").await;
    restore(&world).await;
    let (card_code, voucher_code) = (world.card_token(customer, 1), world.voucher_token(voucher, 1));
    let before = world.db.pass(customer.pass).await.expect("reads").expect("a pass");
    assert_eq!(settle(&world, of(card_code, (customer, None), None)).await, "renewed");
    assert_eq!(settle(&world, of(voucher_code, (customer, Some(voucher)), None)).await, "renewed");
    let pass = world.db.pass(customer.pass).await.expect("reads").expect("a pass");
    assert_eq!((pass.version, pass.generation), (before.version + 1, NEW), "phones fetch the new code");
    assert!(pass.last_modified > before.last_modified);
    assert_eq!((pass.change, pass.auth_kid), (before.change, before.auth_kid), "nothing happened to the card");
    assert_eq!(super::sequence(&world).await.owed, 1, "the phone that has the card");
    let row = world.db.voucher(world.org, voucher).await.expect("reads").expect("a voucher");
    assert_eq!((row.state, row.token), (VoucherState::Issued, world.voucher_token(voucher, NEW)));
    assert_eq!(world.balance(customer).await, (140, 60, 0), "no points moved");

    assert_eq!(world.refused(world.capture(customer, card_code, &[("latte", 1)])).await, Code::PassReplaced);
    assert_eq!(world.refused(world.capture_voucher(customer, voucher, 1)).await, Code::PassReplaced);
    let manager = Capture { manager: true, ..world.capture_body(customer, card_code, &[("latte", 1)]) };
    assert_eq!(world.refused(Body::Capture(manager)).await, Code::PassReplaced, "not even a manager");
    world.done(world.capture(customer, world.card_token(customer, NEW), &[("latte", 1)])).await;
    world.done(world.capture_voucher(customer, voucher, NEW)).await;
    assert_eq!(world.balance(customer).await, (80, 0, 0));
    world.check_ledger().await;
}

/// A voucher that ran out before it was settled keeps its end: the sweep gives its points back.
pub async fn a_voucher_that_expires_is_renewed_no_longer(world: World) {
    let customer = world.customer_with(100).await;
    let voucher = world.voucher(customer, "latte").await;
    restore(&world).await;
    world.advance_seconds(31 * 86_400);
    assert_eq!(settle(&world, of(world.voucher_token(voucher, 1), (customer, Some(voucher)), None)).await, "renewed");
    assert_eq!(world.refused(world.capture_voucher(customer, voucher, NEW)).await, Code::CodeExpired);
    let over = world.db.expired_tokens(world.now(), 10).await.expect("reads");
    let over: Vec<_> = over.iter().map(|expired| (expired.token, expired.card, expired.voucher)).collect();
    assert_eq!(over, [(world.voucher_token(voucher, NEW), customer.card, Some(voucher))]);
    world.done(world.expire(over)).await;
    assert_eq!(world.balance(customer).await, (100, 0, 0));
    world.check_ledger().await;
}

pub async fn codes_that_live_for_minutes_end(world: World) {
    let customer = world.customer_with(100).await;
    world.done(world.issue_code(customer)).await;
    restore(&world).await;
    for kind in [TokenKind::Live, TokenKind::Typed] {
        let code = world.code(customer, (kind, 1));
        assert_eq!(settle(&world, of(code, (customer, None), None)).await, "ended");
        assert_eq!(world.refused(world.capture(customer, code, &[("latte", 1)])).await, Code::CodeCancelled);
    }
    world.done(world.issue_code(customer)).await;
    world.done(world.capture(customer, world.code(customer, (TokenKind::Live, NEW)), &[("latte", 1)])).await;
}

pub async fn a_lost_capture_of_a_voucher_comes_back(world: World) {
    let customer = world.customer_with(100).await;
    let voucher = world.voucher(customer, "latte").await;
    restore(&world).await;
    let code = world.voucher_token(voucher, 1);
    assert_eq!(settle(&world, of(code, (customer, Some(voucher)), Some(LOST))).await, "captured");
    assert_eq!(world.balance(customer).await, (40, 0, 0), "the hold became the spending");
    let token = world.db.token_row(world.org, code).await.expect("reads").expect("a token");
    assert_eq!((token.state, token.captured_by), (TokenState::Captured, Some(LOST)));
    let row = world.db.voucher(world.org, voucher).await.expect("reads").expect("a voucher");
    assert_eq!(row.state, VoucherState::Captured);
    assert_eq!(world.db.pass(row.pass).await.expect("reads").expect("a pass").state, PassState::Voided);
    let redemption = world.db.redemption(world.org, LOST).await.expect("reads").expect("the redemption that was lost");
    assert_eq!((redemption.points, redemption.voucher, redemption.token), (60, Some(voucher), code));
    assert_eq!(redemption.lines, [RedemptionLine { reward: "latte".into(), quantity: 1, points: 60 }]);
    assert_eq!((redemption.place, redemption.principal), (Place::default(), Principal::System));
    let entries = world.db.entries(world.org, OpId(LOST.0)).await.expect("reads");
    assert_eq!(entries.iter().map(|entry| (entry.kind, entry.amount)).collect::<Vec<_>>(), [(EntryKind::Capture, 60)]);

    let again = world.run(world.capture_voucher(customer, voucher, 1)).await;
    assert_eq!(code_of(&again), Code::AlreadyRedeemed);
    assert_eq!(again.result.expect_err("refused").facts["redemption"], json!(LOST));
    super::sequence(&world).await;
    let journal = world.db.journal(world.org, 0, 100).await.expect("reads");
    let last = journal.last().expect("rows");
    let body: serde_json::Value = serde_json::from_str(&last.row.body).expect("JSON");
    assert_eq!((last.row.kind.as_str(), &body["facts"]["lost"]), ("reconcile", &json!(LOST)));
    assert_eq!((&body["facts"]["settled"], &body["facts"]["code_kind"]), (&json!("captured"), &json!("voucher")));
    assert_eq!(walaa::journal::verify(&*world.db, world.org).await.expect("reads").bad, None);
    world.check_ledger().await;
    let Body::Reverse(reverse) = world.reverse(customer, LOST, Some(voucher)) else { panic!("a reversal") };
    world.done(Body::Reverse(walaa::ledger::Reverse { manager: true, ..reverse })).await;
    assert_eq!(world.balance(customer).await, (100, 0, 0), "it is undone like any other");
    world.check_ledger().await;
}

pub async fn a_lost_capture_of_other_codes_ends_them(world: World) {
    let customer = world.customer_with(200).await;
    world.done(world.issue_code(customer)).await;
    restore(&world).await;
    let other = |last: u8| Some(RedemptionId([last; 16]));
    let (card_code, live) = (world.card_token(customer, 1), world.code(customer, (TokenKind::Live, 1)));
    assert_eq!(settle(&world, of(card_code, (customer, None), other(1))).await, "renewed");
    assert_eq!(settle(&world, of(live, (customer, None), other(2))).await, "ended");
    for code in [card_code, live] {
        assert_eq!(state(&world, code).await, TokenState::Cancelled);
        let manager = Capture { manager: true, ..world.capture_body(customer, code, &[("latte", 1)]) };
        assert_eq!(world.refused(Body::Capture(manager)).await, Code::CodeCancelled);
    }
    assert_eq!(world.balance(customer).await, (200, 0, 0), "what they bought is not known");
    assert_eq!(world.db.redemption(world.org, RedemptionId([1; 16])).await, Ok(None));
    world.done(world.capture(customer, world.card_token(customer, NEW), &[("latte", 1)])).await;
    world.check_ledger().await;
}

pub async fn what_needs_no_settling_is_left_alone(world: World) {
    let customer = world.customer_with(500).await;
    let (card_code, nobody) = (world.card_token(customer, 1), (customer, None));
    assert_eq!(settle(&world, of(card_code, nobody, None)).await, "untouched", "it is of the present epoch");
    assert_eq!(settle(&world, of(card_code, nobody, Some(LOST))).await, "untouched", "whatever the gate says");
    assert_eq!(state(&world, card_code).await, TokenState::Issued);
    restore(&world).await;
    let manager = Capture { manager: true, ..world.capture_body(customer, card_code, &[("latte", 1)]) };
    let captured: RedemptionId = id_in(&world.done(Body::Capture(manager)).await, "id").parse().expect("an id");
    let pass = world.db.pass(customer.pass).await;
    let captured_meanwhile = Command {
        op: OpHeader { id: OpId(world.id()), ..command(&world, of(card_code, nobody, None)).op },
        body: Body::Reconcile(of(card_code, nobody, Some(captured))),
    };
    assert_eq!(json_of(&world.apply(&captured_meanwhile).await.expect("works"))["settled"], "untouched");
    assert_eq!(state(&world, card_code).await, TokenState::Captured);
    assert_eq!(world.db.pass(customer.pass).await, pass);
    let unknown = Reconcile { token: [9; 32], card: CardId([9; 16]), voucher: None, witness: None };
    assert_eq!(settle(&world, unknown).await, "untouched");

    let show = ShowOnGoogle { card: customer.card, programme: world.programme };
    world.done(Body::ShowOnGoogle(show)).await;
    let fixed = TestMint.mint(world.org, TokenKind::Identify, &customer.pass.0, 1).1;
    restore(&world).await;
    assert_eq!(settle(&world, of(fixed, nobody, None)).await, "untouched", "it never spends");
    assert_eq!(state(&world, fixed).await, TokenState::Issued);
}

pub async fn a_code_is_settled_once(world: World) {
    let customer = world.customer_with(100).await;
    restore(&world).await;
    let first = command(&world, of(world.card_token(customer, 1), (customer, None), None));
    let second = Command { op: OpHeader { id: OpId(world.id()), ..first.op.clone() }, body: first.body.clone() };
    let third = command(&world, of(world.card_token(customer, 1), (customer, None), None));
    let answers: Vec<Answer> =
        world.db.apply(vec![first, second, third], world.now()).await.into_iter().map(|answer| answer.expect("works")).collect();
    assert_eq!([answers[0].replayed, answers[1].replayed], [false, true]);
    assert_eq!(answers[0].result, answers[1].result);
    assert_eq!(json_of(&answers[2])["settled"], "untouched", "another key finds nothing to do");
    let pass = world.db.pass(customer.pass).await.expect("reads").expect("a pass");
    assert_eq!(pass.generation, NEW);
    restore(&world).await;
    assert_eq!(settle(&world, of(world.card_token(customer, NEW), (customer, None), None)).await, "renewed");
    let pass = world.db.pass(customer.pass).await.expect("reads").expect("a pass");
    assert_eq!(pass.generation, 2 * NEW, "each restore begins anew");
}

pub async fn an_id_that_is_not_the_witness_brings_nothing_back(world: World) {
    let customer = world.customer_with(100).await;
    let voucher = world.voucher(customer, "latte").await;
    restore(&world).await;
    let code = world.voucher_token(voucher, 1);
    let body = Body::Reconcile(of(code, (customer, Some(voucher)), Some(LOST)));
    assert_eq!(world.refused(body).await, Code::Internal, "its entries would belong to another operation");
    assert_eq!(state(&world, code).await, TokenState::Issued);
    assert_eq!(settle(&world, of(code, (customer, Some(voucher)), Some(LOST))).await, "captured", "no outcome was stored");
}
