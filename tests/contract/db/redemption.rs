//! One token, one capture; and its reversal.

use serde_json::json;
use walaa::error::Code;
use walaa::ids::{OpId, RedemptionId, TerminalId};
use walaa::ledger::{Body, Capture, DocumentKind, Place, RedemptionState, Reverse, TokenKind, TokenMint, TokenState};

use crate::support::ledger::{TestMint, World, code_of, id_in, programme_json};

pub async fn a_card_code_is_captured_once(world: World) {
    let customer = world.customer_with(200).await;
    let code = world.card_token(customer, 1);
    let answer = world.done(world.capture(customer, code, &[("latte", 1)])).await;
    assert_eq!(world.balance(customer).await, (140, 0, 0));
    let again = world.run(world.capture(customer, code, &[("latte", 1)])).await;
    assert_eq!(code_of(&again), Code::AlreadyRedeemed);
    let facts = again.result.expect_err("refused").facts;
    assert_eq!((&facts["redemption"], &facts["same_terminal"]), (&answer["id"], &true.into()));
    assert_eq!((&facts["newer_code_exists"], &facts["place"]["store_name"]), (&true.into(), &"Marina".into()));
    let next = world.card_token(customer, 2);
    let token = world.db.token_row(world.org, next).await.expect("reads").expect("the next code");
    assert_eq!((token.state, token.generation), (TokenState::Issued, 2));
    world.done(world.capture(customer, next, &[("latte", 1)])).await;
    let id: RedemptionId = id_in(&answer, "id").parse().expect("an id");
    let redemption = world.db.redemption(world.org, id).await.expect("reads").expect("a redemption");
    assert_eq!((redemption.points, redemption.token, redemption.state), (60, code, RedemptionState::Captured));
    assert_eq!((redemption.lines[0].reward.as_str(), redemption.place), ("latte", world.place()));
    assert_eq!(world.balance(customer).await, (80, 0, 0));
    world.check_ledger().await;
}

pub async fn a_live_code_spends_beyond_the_limit(world: World) {
    let customer = world.customer_with(500).await;
    let code = world.card_token(customer, 1);
    assert_eq!(world.refused(world.capture(customer, code, &[("cake", 1)])).await, Code::LiveCodeRequired);
    let codes = world.done(world.issue_code(customer)).await;
    assert_eq!(codes["generation"], 1);
    let live = world.code(customer, (TokenKind::Live, 1));
    world.done(world.capture(customer, live, &[("cake", 2)])).await;
    assert_eq!(world.refused(world.capture(customer, live, &[("cake", 1)])).await, Code::AlreadyRedeemed);
    assert_eq!(world.balance(customer).await, (100, 0, 0));
    let unspent = world.db.token_row(world.org, code).await.expect("reads").expect("a token");
    assert_eq!(unspent.state, TokenState::Issued, "the code on the pass was not spent");
}

pub async fn a_typed_code_works_and_expires(world: World) {
    let customer = world.customer_with(500).await;
    world.done(world.issue_code(customer)).await;
    world.advance_seconds(300);
    world.done(world.capture(customer, world.code(customer, (TokenKind::Typed, 1)), &[("cake", 1)])).await;
    world.done(world.issue_code(customer)).await;
    world.advance_seconds(300 + 31);
    let late = world.code(customer, (TokenKind::Typed, 2));
    assert_eq!(world.refused(world.capture(customer, late, &[("latte", 1)])).await, Code::CodeExpired);
}

pub async fn twenty_lines_are_all_or_none(world: World) {
    let rewards: Vec<_> =
        (0..20).map(|number| json!({"id": format!("r{number}"), "name": {"en": "R"}, "points": number + 1})).collect();
    let mut programme = programme_json();
    programme["rewards"] = rewards.into();
    world.put(DocumentKind::Programme, world.programme.0, (1, programme)).await;
    let customer = world.customer_with(209).await;
    world.done(world.issue_code(customer)).await;
    let live = world.code(customer, (TokenKind::Live, 1));
    let names: Vec<String> = (0..20).map(|number| format!("r{number}")).collect();
    let lines: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    assert_eq!(world.refused(world.capture(customer, live, &lines)).await, Code::InsufficientPoints);
    assert_eq!(world.balance(customer).await, (209, 0, 0));
    world.done(world.adjust(customer, 1)).await;
    let answer = world.done(world.capture(customer, live, &lines)).await;
    assert_eq!((answer["lines"].as_array().map(Vec::len), &answer["points"]), (Some(20), &210.into()));
    assert_eq!(world.balance(customer).await, (0, 0, 0));
    world.check_ledger().await;
}

pub async fn refusals_name_the_reason(world: World) {
    let customer = world.customer_with(50).await;
    let code = world.card_token(customer, 1);
    assert_eq!(world.refused(world.capture(customer, [9; 32], &[("latte", 1)])).await, Code::InvalidCode);
    assert_eq!(world.refused(world.capture(customer, code, &[("tea", 1)])).await, Code::UnknownReward);
    assert_eq!(world.refused(world.capture(customer, code, &[])).await, Code::ValidationFailed);
    for quantity in [i64::MIN, -1, 0, i64::MAX] {
        assert_eq!(world.refused(world.capture(customer, code, &[("latte", quantity)])).await, Code::ValidationFailed);
    }
    assert_eq!(world.refused(world.capture(customer, code, &[("latte", 1)])).await, Code::InsufficientPoints);
    let token = world.db.token_row(world.org, code).await.expect("reads").expect("a token");
    assert_eq!(token.state, TokenState::Issued, "no refusal burns a code");
}

pub async fn asking_only_changes_nothing(world: World) {
    let customer = world.customer_with(100).await;
    let capture = world.capture_body(customer, world.card_token(customer, 1), &[("latte", 1)]);
    let command = world.command(Body::Capture(Capture { validate_only: true, ..capture }));
    let before = world.db.pass(customer.pass).await;
    let answer = world.apply(&command).await.expect("works");
    assert_eq!(answer.status, 200, "nothing was made");
    assert_eq!(world.balance(customer).await, (100, 0, 0));
    assert_eq!(world.db.op_by_id(world.org, command.op.id).await, Ok(None));
    assert_eq!(world.db.pass(customer.pass).await, before);
    world.done(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)])).await;
}

pub async fn a_reversal_gives_points_back_once(world: World) {
    let customer = world.customer_with(100).await;
    let code = world.card_token(customer, 1);
    let answer = world.done(world.capture(customer, code, &[("latte", 1)])).await;
    let id: RedemptionId = id_in(&answer, "id").parse().expect("an id");
    world.done(world.reverse(customer, id, None)).await;
    assert_eq!(world.balance(customer).await, (100, 0, 0));
    assert_eq!(world.refused(world.reverse(customer, id, None)).await, Code::AlreadyReversed);
    let redemption = world.db.redemption(world.org, id).await.expect("reads").expect("a redemption");
    assert_eq!(redemption.state, RedemptionState::Reversed);
    let again = world.run(world.capture(customer, code, &[("latte", 1)])).await;
    assert_eq!(code_of(&again), Code::AlreadyRedeemed);
    assert_eq!(again.result.expect_err("refused").facts["reversed"], true);
    assert_eq!(world.refused(world.reverse(customer, RedemptionId([9; 16]), None)).await, Code::NotFound);
    let captured = world.db.entries(world.org, OpId(id.0)).await.expect("reads");
    assert_eq!(captured.len(), 1, "nothing is deleted");
    world.check_ledger().await;
}

pub async fn a_late_or_foreign_reversal_needs_a_manager(world: World) {
    let customer = world.customer_with(200).await;
    let capture = |generation| world.capture(customer, world.card_token(customer, generation), &[("latte", 1)]);
    let id: RedemptionId = id_in(&world.done(capture(1)).await, "id").parse().expect("an id");
    let Body::Reverse(reverse) = world.reverse(customer, id, None) else { panic!("a reversal") };
    let second = TerminalId(world.id());
    world.put(DocumentKind::Terminal, second.0, (0, json!({"name": "Till 2", "store": world.store}))).await;
    let elsewhere = Place { terminal: Some(second), ..world.place() };
    let foreign = Reverse { place: elsewhere, ..reverse.clone() };
    assert_eq!(world.refused(Body::Reverse(foreign.clone())).await, Code::Forbidden);
    world.advance_seconds(15 * 60 + 1);
    assert_eq!(world.refused(Body::Reverse(reverse.clone())).await, Code::ReversalTooLate);
    world.done(Body::Reverse(Reverse { manager: true, ..foreign })).await;
    let id: RedemptionId = id_in(&world.done(capture(2)).await, "id").parse().expect("an id");
    world.advance_seconds(90 * 86_400 + 1);
    let much_later = Reverse { redemption: id, manager: true, ..reverse };
    assert_eq!(world.refused(Body::Reverse(much_later)).await, Code::ReversalTooLate);
    assert_eq!(world.balance(customer).await, (140, 0, 0));
}

pub async fn codes_from_before_a_restore_need_a_manager(world: World) {
    let customer = world.customer_with(200).await;
    assert_eq!(world.db.raise_epoch().await, Ok(2));
    let capture = world.capture_body(customer, world.card_token(customer, 1), &[("latte", 1)]);
    assert_eq!(world.refused(Body::Capture(capture.clone())).await, Code::CodeFromBeforeRestore);
    world.done(Body::Capture(Capture { manager: true, ..capture })).await;
    let new = TestMint.mint(world.org, TokenKind::Card, &customer.pass.0, 1 << 32).1;
    let token = world.db.token_row(world.org, new).await.expect("reads").expect("a token");
    assert_eq!(token.epoch, 2, "new codes are of the new epoch");
    world.done(world.capture(customer, new, &[("latte", 1)])).await;
}

pub async fn places_that_are_switched_off_refuse(world: World) {
    let customer = world.customer_with(200).await;
    let capture = || world.capture(customer, world.card_token(customer, 1), &[("latte", 1)]);
    let till = |status: &str| json!({"name": "Till 1", "store": world.store, "status": status});
    world.put(DocumentKind::Terminal, world.terminal.0, (1, till("disabled"))).await;
    assert_eq!(world.refused(capture()).await, Code::TerminalDisabled);
    world.put(DocumentKind::Terminal, world.terminal.0, (2, till("active"))).await;
    world.put(DocumentKind::Store, world.store.0, (1, json!({"name": {"en": "Marina"}, "status": "disabled"}))).await;
    assert_eq!(world.refused(capture()).await, Code::StoreDisabled);
    assert_eq!(world.refused(world.earn(customer, "R-1", "1.000")).await, Code::StoreDisabled);
    world.put(DocumentKind::Store, world.store.0, (2, json!({"name": {"en": "Marina"}}))).await;
    world.done(capture()).await;
}
