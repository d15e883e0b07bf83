//! Kill switch of a programme, high-water mark, health, figures, lists.

use walaa::db::Page;
use walaa::error::Code;
use walaa::ledger::DocumentKind;

use crate::support::ledger::{World, programme_json};

pub async fn a_programme_switched_off_refuses(world: World) {
    let customer = world.customer_with(100).await;
    let voucher = world.voucher(customer, "latte").await;
    let mut off = programme_json();
    off["status"] = "disabled".into();
    world.put(DocumentKind::Programme, world.programme.0, (1, off)).await;
    assert_eq!(world.refused(world.earn(customer, "R-1", "1.000")).await, Code::ProgrammeDisabled);
    assert_eq!(world.refused(world.capture_voucher(customer, voucher, 1)).await, Code::ProgrammeDisabled);
    assert_eq!(world.refused(world.issue_code(customer)).await, Code::ProgrammeDisabled);
    let (_, joins) = world.new_member("late");
    assert_eq!(world.refused(joins).await, Code::ProgrammeDisabled);
    world.done(world.cancel_voucher(customer, voucher)).await;
}

pub async fn the_high_water_rises(world: World) {
    assert_eq!(world.db.high_water().await, Ok((1, world.now())));
    world.advance_seconds(60);
    let customer = world.enrol().await;
    assert_eq!(world.db.high_water().await, Ok((1, world.now())));
    world.advance_seconds(60);
    assert_eq!(world.refused(world.adjust(customer, -1)).await, Code::InsufficientPoints);
    assert_eq!(world.db.high_water().await, Ok((1, world.now())), "a stored refusal is an operation");
    world.db.forget_answers(world.now().plus_seconds(1), 1_000).await.expect("forgets");
    assert_eq!(world.db.epoch().await, Ok(1));
    assert_eq!(world.db.raise_epoch().await, Ok(2));
    assert_eq!(world.db.epoch().await, Ok(2));
    assert_eq!(world.db.high_water().await, Ok((2, world.now())));
}

pub async fn health_and_figures(world: World) {
    world.db.health().await.expect("healthy");
    let customer = world.customer_with(100).await;
    world.add_to_phone(customer.pass, "phone").await;
    let figures = world.db.figures().await.expect("counts");
    let expected = [
        ("members", 1),
        ("cards", 1),
        ("passes", 1),
        ("entries", 1),
        ("ops", 6),
        ("registrations", 1),
        ("outbox", 0),
        ("dead_letters", 0),
    ];
    assert_eq!(figures, expected);
    let check = world.db.check_ledger().await.expect("checks");
    assert_eq!((check.cards, check.entries, check.findings.len()), (1, 1, 0));
}

pub async fn members_are_paged(world: World) {
    let mut joined = Vec::new();
    for _ in 0..5 {
        joined.push(world.enrol().await.member);
    }
    let mut page = Page { after: [0; 16], limit: 2 };
    let mut listed = Vec::new();
    loop {
        let members = world.db.members(world.org, page).await.expect("reads");
        let Some(last) = members.last() else { break };
        page.after = last.id.0;
        listed.extend(members.iter().map(|member| member.id));
    }
    joined.sort();
    assert_eq!(listed, joined);
}
