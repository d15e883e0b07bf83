//! One operation, one outcome; one guilty command, one error; documents and their versions.

use serde_json::json;
use walaa::db::DbError;
use walaa::error::Code;
use walaa::ids::{KeyId, OpId};
use walaa::ledger::{
    Body, Command, DocumentKey, DocumentKind, Enrol, Fingerprint, OpHeader, OpOutcome, Principal, TokenState, stored,
};

use crate::support::ledger::{CURSED_PASS, World, code_of, json_of, programme_json};

/// The same request once more: the client's key and fingerprint, a new id of ours.
fn repeated(world: &World, command: &Command) -> Command {
    Command { op: OpHeader { id: OpId(world.id()), ..command.op.clone() }, body: command.body.clone() }
}

pub async fn a_repeat_hears_the_same_bytes(world: World) {
    let customer = world.customer_with(100).await;
    let command = world.command(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)]));
    let first = world.apply(&command).await.expect("works");
    world.advance_seconds(3_600);
    let second = world.apply(&repeated(&world, &command)).await.expect("works");
    assert!(!first.replayed && second.replayed);
    assert_eq!((first.op, first.status, &first.result), (second.op, second.status, &second.result));
    assert_eq!(world.balance(customer).await, (40, 0, 0));
    let row = world.db.op(world.org, command.op.principal, &command.op.key).await.expect("reads").expect("an op");
    assert_eq!((row.id, row.outcome, row.kind.as_str()), (first.op, OpOutcome::Done, "capture"));
    assert_eq!(world.db.op_by_id(world.org, first.op).await, Ok(Some(row)));
    world.check_ledger().await;
}

pub async fn a_refusal_is_repeated_as_well(world: World) {
    let customer = world.customer_with(10).await;
    let command = world.command(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)]));
    let first = world.apply(&command).await.expect("works");
    assert_eq!(code_of(&first), Code::InsufficientPoints);
    world.done(world.adjust(customer, 100)).await;
    let second = world.apply(&repeated(&world, &command)).await.expect("works");
    assert!(second.replayed);
    assert_eq!(first.result, second.result);
}

pub async fn a_right_that_is_missing_is_no_outcome(world: World) {
    let customer = world.customer_with(100).await;
    let till = |status: &str| json!({"name": "Till 1", "store": world.store, "status": status});
    world.put(DocumentKind::Terminal, world.terminal.0, (1, till("disabled"))).await;
    let command = world.command(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)]));
    assert_eq!(code_of(&world.apply(&command).await.expect("works")), Code::TerminalDisabled);
    assert_eq!(world.db.op(world.org, command.op.principal, &command.op.key).await, Ok(None));
    world.put(DocumentKind::Terminal, world.terminal.0, (2, till("active"))).await;
    json_of(&world.apply(&command).await.expect("works"));
    assert_eq!(world.balance(customer).await, (40, 0, 0));
}

pub async fn a_revoked_key_commits_nothing_more(world: World) {
    let customer = world.enrol().await;
    let key = KeyId(world.id());
    let document = |revoked: bool| json!({"name": "POS", "role": "pos", "revoked": revoked, "secret_hashes": ["0".repeat(64)], "secret_generation": 1});
    world.put(DocumentKind::Key, key.0, (0, document(false))).await;
    let by_key = |body| {
        let command = world.command(body);
        Command { op: OpHeader { principal: Principal::Key(key), ..command.op }, body: command.body }
    };
    let earn = |receipt: &str| by_key(world.earn(customer, receipt, "1.000"));
    json_of(&world.apply(&earn("R-1")).await.expect("works"));
    world.put(DocumentKind::Key, key.0, (1, document(true))).await;
    let late = earn("R-2");
    assert_eq!(code_of(&world.apply(&late).await.expect("works")), Code::KeyRevoked);
    assert_eq!(world.db.op(world.org, late.op.principal, &late.op.key).await, Ok(None), "which is no outcome");
    assert_eq!(world.balance(customer).await.0, 10, "nothing more was earned");
}

pub async fn another_command_under_the_key_is_refused(world: World) {
    let customer = world.customer_with(100).await;
    let command = world.command(world.adjust(customer, 5));
    world.apply(&command).await.expect("works");
    let mut other = repeated(&world, &command);
    other.op.fingerprint = Fingerprint([9; 32]);
    assert_eq!(code_of(&world.apply(&other).await.expect("works")), Code::IdempotencyKeyReused);
    let mut elsewhere = repeated(&world, &command);
    elsewhere.op.principal = Principal::System;
    json_of(&world.apply(&elsewhere).await.expect("works"));
    assert_eq!(world.balance(customer).await, (110, 0, 0), "the same key of another principal is another operation");
}

pub async fn an_abandoned_operation_never_runs(world: World) {
    let customer = world.customer_with(100).await;
    let command = world.command(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)]));
    let given_up = world.apply(&world.abandon(&command)).await.expect("works");
    assert_eq!(code_of(&given_up), Code::OpAbandoned);
    let late = world.apply(&command).await.expect("works");
    assert_eq!((code_of(&late), late.replayed), (Code::OpAbandoned, true));
    assert_eq!(world.balance(customer).await, (100, 0, 0));
    let token = world.db.token_row(world.org, world.card_token(customer, 1)).await.expect("reads").expect("a token");
    assert_eq!(token.state, TokenState::Issued);
}

pub async fn abandoning_what_ran_tells_its_outcome(world: World) {
    let customer = world.customer_with(100).await;
    let command = world.command(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)]));
    let first = world.apply(&command).await.expect("works");
    let given_up = world.apply(&world.abandon(&command)).await.expect("works");
    assert_eq!((given_up.replayed, given_up.result), (true, first.result));
}

pub async fn a_twin_in_the_same_batch_is_a_repeat(world: World) {
    let customer = world.customer_with(100).await;
    let command = world.command(world.adjust(customer, 5));
    let answers = world.db.apply(vec![command.clone(), repeated(&world, &command)], world.now()).await;
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("works")).collect();
    assert!(!answers[0].replayed && answers[1].replayed);
    assert_eq!(answers[0].result, answers[1].result);
    assert_eq!(world.balance(customer).await, (105, 0, 0));
}

pub async fn a_forgotten_answer_still_runs_nothing(world: World) {
    let customer = world.customer_with(100).await;
    let command = world.command(world.adjust(customer, 5));
    world.apply(&command).await.expect("works");
    world.advance_seconds(90 * 86_400);
    let all = world.db.forget_answers(world.now(), 1_000).await.expect("forgets");
    assert!(all >= 6, "documents, enrolment, corrections: {all}");
    assert_eq!(world.db.forget_answers(world.now(), 1_000).await, Ok(0));
    let again = world.apply(&repeated(&world, &command)).await.expect("works");
    assert_eq!(code_of(&again), Code::AnswerExpired);
    let row = world.db.op(world.org, command.op.principal, &command.op.key).await.expect("reads").expect("an op");
    assert_eq!(code_of(&stored(&row)), Code::AnswerExpired);
    assert_eq!(world.balance(customer).await, (105, 0, 0));
}

pub async fn a_guilty_command_fails_alone(world: World) {
    let customer = world.customer_with(100).await;
    let (_, body) = world.new_member("twin");
    let Body::Enrol(enrol) = body else { panic!("an enrolment") };
    let number = world.db.card(world.org, customer.card).await.expect("reads").expect("a card").card.number;
    let taken = world.command(Body::Enrol(Enrol { number, ..enrol }));
    let (_, body) = world.new_member("cursed");
    let Body::Enrol(enrol) = body else { panic!("an enrolment") };
    let panics = world.command(Body::Enrol(Enrol { pass: CURSED_PASS, ..enrol }));
    let batch = vec![
        world.command(world.adjust(customer, 1)),
        taken,
        world.command(world.adjust(customer, 2)),
        panics,
        world.command(world.adjust(customer, 4)),
    ];
    let answers = world.db.apply(batch, world.now()).await;
    let done: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(done, [true, false, true, false, true]);
    assert!(matches!(answers[1], Err(DbError::Conflict(_))));
    assert!(matches!(answers[3], Err(DbError::Corrupt(_))));
    assert_eq!(world.balance(customer).await, (107, 0, 0));
    world.check_ledger().await;
}

pub async fn documents_have_versions(world: World) {
    let id = world.id();
    let key = DocumentKey { org: world.org, kind: DocumentKind::Store, id };
    let store = |name: &str| json!({"name": {"en": name}});
    assert_eq!(world.db.document(key).await, Ok(None));
    world.put(key.kind, id, (0, store("One"))).await;
    world.advance_seconds(1);
    assert_eq!(world.refused(world.put_body(key.kind, id, (0, store("Two")))).await, Code::VersionConflict);
    assert_eq!(world.put(key.kind, id, (1, store("Two"))).await["version"], 2);
    let newest = world.db.document(key).await.expect("reads").expect("a document");
    assert_eq!((newest.version, &*newest.body, newest.at), (2, r#"{"name":{"en":"Two"}}"#, world.now()));
    assert_eq!(newest.actor, Principal::System);
    let history = world.db.document_history(key, 10).await.expect("reads");
    assert_eq!(history.iter().map(|document| document.version).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(world.db.document_history(key, 1).await.expect("reads").len(), 1);
    assert_eq!(world.db.documents(world.org, key.kind).await.expect("reads").len(), 2);
    assert_eq!(world.db.document_by_id(key.kind, id).await, Ok(Some(newest)));
    assert_eq!(world.db.document_by_id(DocumentKind::Terminal, id).await, Ok(None));
}

pub async fn two_versions_in_one_batch_are_both_kept(world: World) {
    let id = world.id();
    let store = |name: &str| json!({"name": {"en": name}});
    let batch = (0..3).map(|version| world.put_body(DocumentKind::Store, id, (version, store(&version.to_string()))));
    let answers = world.db.apply(batch.map(|body| world.command(body)).collect(), world.now()).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.result.is_ok())), "{answers:?}");
    let key = DocumentKey { org: world.org, kind: DocumentKind::Store, id };
    assert_eq!(world.db.document_history(key, 10).await.expect("reads").len(), 3);
}

pub async fn a_kill_switch_binds_the_next_commit(world: World) {
    let customer = world.customer_with(200).await;
    let mut programme = programme_json();
    programme["rewards"][0]["status"] = "disabled".into();
    let switch = world.command(world.put_body(DocumentKind::Programme, world.programme.0, (1, programme)));
    let capture = || world.command(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)]));
    let answers = world.db.apply(vec![switch, capture()], world.now()).await;
    assert_eq!(code_of(answers[1].as_ref().expect("works")), Code::RewardDisabled, "in the very batch");
    assert_eq!(code_of(&world.apply(&capture()).await.expect("works")), Code::RewardDisabled);
    assert_eq!(world.refused(world.issue_voucher(customer, "latte")).await, Code::RewardDisabled);
    world.put(DocumentKind::Programme, world.programme.0, (2, programme_json())).await;
    json_of(&world.apply(&capture()).await.expect("works"));
}
