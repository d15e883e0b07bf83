//! Joining.

use walaa::db::DbError;
use walaa::error::Code;
use walaa::ids::{CardId, PassId, ProgrammeId};
use walaa::ledger::{Body, ContactTrust, DocumentKind, Enrol, EnrolMember, PassKind, PassState, TokenKind, TokenState};

use crate::support::ledger::{World, code_of, hash, id_in, programme_json};

pub async fn a_member_joins(world: World) {
    let (customer, body) = world.new_member("+96550000001");
    let answer = world.done(body).await;
    assert_eq!(answer["card"]["points"], 0);
    assert_eq!(id_in(&answer, "member"), customer.member.to_string());
    let member = world.db.member(world.org, customer.member).await.expect("reads").expect("a member");
    assert_eq!((member.language.as_str(), member.active, member.created_at), ("ar", true, world.now()));
    assert_eq!(member.profile.expect("sealed").profile.len(), 32);
    assert_eq!(world.db.identity(world.org, hash(b"+96550000001")).await, Ok(Some(customer.member)));
    let pass = world.db.pass(customer.pass).await.expect("reads").expect("a pass");
    assert_eq!((pass.kind, pass.state, pass.version, pass.generation), (PassKind::Card, PassState::Active, 1, 1));
    assert_eq!((pass.last_modified, pass.seq, pass.card), (world.now().seconds(), 0, customer.card));
    let code = world.card_token(customer, 1);
    let token = world.db.token_row(world.org, code).await.expect("reads").expect("a token");
    assert_eq!((token.kind, token.state, token.kid, token.expires_at), (TokenKind::Card, TokenState::Issued, 7, None));
    let stands_for = world.db.token(world.org, code).await.expect("reads").expect("a token");
    assert_eq!((stands_for.card, stands_for.pass, stands_for.programme), (customer.card, Some(customer.pass), world.programme));
    world.check_ledger().await;
}

pub async fn an_identity_joins_once(world: World) {
    let (_, first) = world.new_member("+96550000001");
    world.done(first).await;
    let (_, second) = world.new_member("+96550000001");
    assert_eq!(world.refused(second).await, Code::AlreadyMember);
    let (_, third) = world.new_member("+96550000002");
    let (_, fourth) = world.new_member("+96550000002");
    let answers = world.db.apply(vec![world.command(third), world.command(fourth)], world.now()).await;
    assert_eq!(answers[0].as_ref().expect("works").status, 201);
    assert_eq!(code_of(answers[1].as_ref().expect("works")), Code::AlreadyMember, "in one batch as well");
}

pub async fn a_member_takes_a_card_in_another_programme(world: World) {
    let customer = world.enrol().await;
    let other = ProgrammeId(world.id());
    world.put(DocumentKind::Programme, other.0, (0, programme_json())).await;
    let enrol = |programme| {
        let (card, pass) = (CardId(world.id()), PassId(world.id()));
        let member = EnrolMember::Existing(customer.member);
        Body::Enrol(Enrol {
            member,
            programme,
            card,
            number: format!("{card}"),
            pass,
            channel: None,
            trust: ContactTrust::Vouched,
        })
    };
    assert_eq!(world.refused(enrol(world.programme)).await, Code::AlreadyMember);
    world.done(enrol(other)).await;
    assert_eq!(world.refused(enrol(other)).await, Code::AlreadyMember);
    assert_eq!(world.db.cards_of(world.org, customer.member).await.expect("reads").len(), 2);
    assert_eq!(world.refused(enrol(ProgrammeId([9; 16]))).await, Code::NotFound);
    world.done(world.erase(customer)).await;
    assert_eq!(world.refused(enrol(world.programme)).await, Code::MemberErased);
}

pub async fn card_numbers_and_passes_are_unique(world: World) {
    let (first, body) = world.new_member("+96550000001");
    let Body::Enrol(taken) = &body else { panic!("an enrolment") };
    let taken = taken.number.clone();
    world.done(body).await;
    let with = |number: Option<&str>, pass: Option<PassId>| {
        let (_, body) = world.new_member(&format!("{number:?}{pass:?}"));
        let Body::Enrol(enrol) = body else { panic!("an enrolment") };
        let number = number.map_or(enrol.number.clone(), str::to_owned);
        world.command(Body::Enrol(Enrol { number, pass: pass.unwrap_or(enrol.pass), ..enrol }))
    };
    for twin in [with(Some(&taken), None), with(None, Some(first.pass))] {
        let result = world.apply(&twin).await;
        assert!(matches!(result, Err(DbError::Conflict(_))), "the caller mints another one: {result:?}");
        assert_eq!(world.db.op(world.org, twin.op.principal, &twin.op.key).await, Ok(None), "nothing is stored of it");
    }
}
