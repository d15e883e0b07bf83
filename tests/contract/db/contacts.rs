//! Contacts that are to be proven: what waits until then, how codes are tried, who gets the card.

use serde_json::{Value, json};
use walaa::error::Code;
use walaa::ids::PassId;
use walaa::ledger::{
    Body, ChangeProfile, Claim, ContactCommand, ContactTrust, DocumentKind, Enrol, Erase, EraseCause, Proof, SealedProfile,
    SendCode, TokenKind, Verify,
};

use crate::support::ledger::{Customer, World, code_of, hash, json_of, programme_json};

const RIGHT: [u8; 32] = [1; 32];
const WRONG: [u8; 32] = [2; 32];

async fn verifying(world: &World) {
    let mut programme = programme_json();
    programme["join"] = json!({ "verify": true });
    world.put(DocumentKind::Programme, world.programme.0, (1, programme)).await;
}

fn typed(world: &World, phone: &str) -> (Customer, Body) {
    let (customer, body) = world.new_member(phone);
    let Body::Enrol(enrol) = body else { panic!("a member joins") };
    (customer, Body::Enrol(Enrol { trust: ContactTrust::Told, ..enrol }))
}

/// A customer who typed a contact and has not proven it.
async fn stranger(world: &World) -> Customer {
    verifying(world).await;
    let (customer, body) = typed(world, "+965-1");
    world.done(body).await;
    customer
}

fn send(customer: Customer) -> Body {
    Body::Contact(ContactCommand::SendCode(SendCode { member: customer.member, code: RIGHT, for_claim: false }))
}

fn try_with(customer: Customer, proof: Proof) -> Body {
    Body::Contact(ContactCommand::Verify(Verify { member: customer.member, proof, claim: None }))
}

async fn attempt(world: &World, customer: Customer, code: [u8; 32]) -> (bool, i64) {
    let tried = world.done(try_with(customer, Proof::Code(code))).await;
    (tried["verified"] == true, tried["tries_left"].as_i64().expect("a number"))
}

pub async fn a_card_that_waits_earns_and_does_not_spend(world: World) {
    let customer = stranger(&world).await;
    let earned = world.done(world.earn(customer, "R-1", "20.000")).await;
    assert_eq!((&earned["card"]["points"], &earned["card"]["pending"]), (&json!(0), &json!(200)), "{earned}");
    assert_eq!(earned["unlocked"], json!([]), "nothing that waits is promised");
    world.done(world.issue_code(customer)).await;
    for token in
        [world.card_token(customer, 1), world.code(customer, (TokenKind::Live, 1)), world.code(customer, (TokenKind::Typed, 1))]
    {
        assert_eq!(world.refused(world.capture(customer, token, &[("latte", 1)])).await, Code::MemberUnverified);
    }
    assert_eq!(world.refused(world.issue_voucher(customer, "latte")).await, Code::MemberUnverified);
    let before = world.db.pass(customer.pass).await.expect("reads").expect("a pass").version;
    world.done(send(customer)).await;
    assert_eq!(attempt(&world, customer, RIGHT).await, (true, 0));
    let pass = world.db.pass(customer.pass).await.expect("reads").expect("a pass");
    assert!(pass.version > before, "wallets hear of it");
    let token = world.card_token(customer, 1);
    let redeemed = world.done(world.capture(customer, token, &[("latte", 1)])).await;
    assert_eq!((&redeemed["card"]["points"], &redeemed["card"]["pending"]), (&json!(140), &Value::Null));
    world.check_ledger().await;
}

pub async fn who_is_vouched_for_need_not_prove_anything(world: World) {
    verifying(&world).await;
    let customer = world.customer_with(60).await;
    world.voucher(customer, "latte").await;
    let sent = world.done(send(customer)).await;
    assert_eq!(sent["sent"], false, "there is nothing to prove");
}

pub async fn a_code_is_tried_five_times(world: World) {
    let customer = stranger(&world).await;
    assert_eq!(attempt(&world, customer, RIGHT).await, (false, 0), "no code was sent yet");
    world.done(send(customer)).await;
    for left in [4, 3, 2, 1, 0] {
        assert_eq!(attempt(&world, customer, WRONG).await, (false, left));
    }
    assert_eq!(attempt(&world, customer, RIGHT).await, (false, 0), "the right one comes too late");
    world.advance_seconds(60);
    world.done(send(customer)).await;
    let right = world.command(try_with(customer, Proof::Code(RIGHT)));
    let first = world.apply(&right).await.expect("works");
    let second = world.apply(&right).await.expect("works");
    assert_eq!((json_of(&first), second.replayed), (json_of(&second), true), "a second press hears the same");
    assert_eq!(attempt(&world, customer, RIGHT).await, (false, 0), "and the code is spent");
}

pub async fn a_code_runs_out(world: World) {
    let customer = stranger(&world).await;
    world.done(send(customer)).await;
    world.advance_seconds(601);
    assert_eq!(attempt(&world, customer, RIGHT).await, (false, 0));
}

pub async fn codes_are_sent_with_pauses(world: World) {
    let customer = stranger(&world).await;
    let mut sent = Vec::new();
    for _ in 0..7 {
        let answer = world.done(send(customer)).await;
        sent.push(answer["sent"] == true);
        world.advance_seconds(61);
    }
    assert_eq!(sent, [true, true, true, true, true, false, false], "five in an hour");
    world.advance_seconds(3_600);
    assert_eq!(world.done(send(customer)).await["sent"], true);
    let soon = world.done(send(customer)).await;
    assert_eq!((soon["sent"] == true, soon["wait_ms"].as_i64()), (false, Some(60_000)), "one in a minute");
    for _ in 0..10 {
        world.advance_seconds(1_000);
        world.done(send(customer)).await;
    }
    assert_eq!(world.done(send(customer)).await["number"], 10, "ten in a day");
}

pub async fn a_link_proves_unless_somebody_claimed(world: World) {
    let customer = stranger(&world).await;
    assert_eq!(world.done(send(customer)).await["with_link"], true);
    assert_eq!(world.done(try_with(customer, Proof::Link(2))).await["verified"], false, "that code was never sent");
    world.advance_seconds(60);
    let claim = SendCode { member: customer.member, code: RIGHT, for_claim: true };
    let sent = world.done(Body::Contact(ContactCommand::SendCode(claim))).await;
    assert_eq!((&sent["with_link"], &sent["number"]), (&json!(false), &json!(2)));
    assert_eq!(world.done(try_with(customer, Proof::Link(2))).await["verified"], false);
    world.advance_seconds(60);
    assert_eq!(world.done(send(customer)).await["with_link"], false, "nor later");
    let other = {
        let (other, body) = typed(&world, "+965-2");
        world.done(body).await;
        other
    };
    world.done(send(other)).await;
    assert_eq!(world.done(try_with(other, Proof::Link(1))).await["verified"], true);
}

pub async fn a_claim_hands_the_card_over(world: World) {
    let squatter = stranger(&world).await;
    world.done(world.earn(squatter, "R-1", "10.000")).await;
    world.done(send(squatter)).await;
    let passes: Vec<PassId> = (0..21).map(|_| PassId(world.id())).collect();
    let profile = SealedProfile { data_key: vec![7], profile: vec![8] };
    let claim = || Claim {
        card: squatter.card,
        programme: world.programme,
        profile: profile.clone(),
        language: "en".into(),
        passes: passes.clone(),
    };
    let verify = |proof| Body::Contact(ContactCommand::Verify(Verify { member: squatter.member, proof, claim: Some(claim()) }));
    assert_eq!(world.done(verify(Proof::Code(WRONG))).await["verified"], false);
    assert_eq!(world.db.card(world.org, squatter.card).await.expect("reads").expect("a card").card.pass, squatter.pass);
    assert_eq!(world.done(verify(Proof::Code(RIGHT))).await["verified"], true);
    let card = world.db.card(world.org, squatter.card).await.expect("reads").expect("a card");
    assert_eq!((card.card.pass, card.card.verified), (passes[0], true));
    let member = world.db.member(world.org, squatter.member).await.expect("reads").expect("a member");
    assert_eq!((member.profile, member.language.as_str()), (Some(profile.clone()), "en"), "what the owner told");
    let token = world.card_token(squatter, 1);
    assert_eq!(
        world.refused(world.capture(squatter, token, &[("latte", 1)])).await,
        Code::PassReplaced,
        "the squatter's code is dead"
    );
    assert_eq!(world.done(verify(Proof::Code(RIGHT))).await["verified"], false, "nothing is left to claim");
    world.check_ledger().await;
}

pub async fn a_mistyped_contact_is_changed(world: World) {
    let customer = stranger(&world).await;
    world.done(send(customer)).await;
    let seen = || async {
        let member = world.db.member(world.org, customer.member).await.expect("reads").expect("a member");
        member.profile.expect("a profile").digest()
    };
    let change = |seen, phone: &str| {
        let profile = SealedProfile { data_key: vec![1], profile: phone.as_bytes().to_vec() };
        let identities = Some(vec![hash(phone.as_bytes())]);
        Body::Contact(ContactCommand::ChangeProfile(ChangeProfile { member: customer.member, seen, profile, identities }))
    };
    let (other, body) = typed(&world, "+965-2");
    world.done(body).await;
    assert_eq!(world.refused(change(seen().await, "+965-2")).await, Code::AlreadyMember);
    world.done(change(seen().await, "+965-3")).await;
    assert_eq!(world.db.identity(world.org, hash(b"+965-1")).await, Ok(None), "the old one is free");
    assert_eq!(world.db.identity(world.org, hash(b"+965-3")).await, Ok(Some(customer.member)));
    assert_eq!(attempt(&world, customer, RIGHT).await, (false, 0), "what went to the old one is worth nothing");
    assert_eq!(world.done(send(customer)).await["sent"], true, "the new one is written to at once");
    assert_eq!(attempt(&world, customer, RIGHT).await, (true, 0));
    assert_eq!(world.refused(change(seen().await, "+965-4")).await, Code::VersionConflict, "a proven contact stays");
    assert_ne!(other.member, customer.member);
}

pub async fn a_profile_is_not_overwritten_unseen(world: World) {
    let customer = world.enrol().await;
    let member = world.db.member(world.org, customer.member).await.expect("reads").expect("a member");
    let seen = member.profile.expect("a profile").digest();
    let change = |text: &str| {
        let profile = SealedProfile { data_key: vec![1], profile: text.as_bytes().to_vec() };
        Body::Contact(ContactCommand::ChangeProfile(ChangeProfile { member: customer.member, seen, profile, identities: None }))
    };
    world.done(change("first")).await;
    assert_eq!(world.refused(change("second")).await, Code::VersionConflict);
}

pub async fn who_never_came_back_is_found(world: World) {
    let idle = stranger(&world).await;
    let (busy, body) = typed(&world, "+965-2");
    world.done(body).await;
    world.done(world.earn(busy, "R-1", "1.000")).await;
    let proven = world.enrol().await;
    world.done(send(idle)).await;
    let world = &world;
    let found = |before| async move { world.db.never_verified(before, 10).await.expect("reads") };
    assert_eq!(found(world.now()).await, [], "they have just joined");
    world.advance_seconds(1);
    assert_eq!(found(world.now()).await, [(world.org, idle.member)]);
    let erase = |customer: Customer| Body::Erase(Erase { member: customer.member, cause: EraseCause::NeverVerified });
    for kept in [busy, proven] {
        assert_eq!(code_of(&world.run(erase(kept)).await), Code::VersionConflict, "who earned or is known stays");
    }
    world.done(erase(idle)).await;
    assert_eq!(found(world.now()).await, []);
    assert_eq!(world.db.identity(world.org, hash(b"+965-1")).await, Ok(None), "the contact is free again");
    let (_, again) = typed(world, "+965-1");
    world.done(again).await;
}
