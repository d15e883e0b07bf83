//! Nothing of one organisation is visible to another.

use std::sync::Arc;

use walaa::db::Page;
use walaa::error::Code;
use walaa::ids::OpId;
use walaa::ledger::{DocumentKey, DocumentKind};

use crate::support::ledger::{World, hash, id_in, json_of};

pub async fn one_organisation_sees_nothing_of_another(world: World) {
    let other = World::on(Arc::clone(&world.db), None).await;
    let (customer, body) = world.new_member("+96550000001");
    let enrolled = world.command(body);
    world.apply(&enrolled).await.expect("works");
    let sale = world.done(world.earn(customer, "R-1", "40.000")).await;
    let voucher = world.voucher(customer, "latte").await;
    let redeemed = world.done(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)])).await;
    let (db, org) = (&world.db, other.org);
    assert_eq!(db.card(org, customer.card).await, Ok(None));
    assert_eq!(db.member(org, customer.member).await, Ok(None));
    assert_eq!(db.cards_of(org, customer.member).await, Ok(vec![]));
    assert_eq!(db.members(org, Page { after: [0; 16], limit: 10 }).await, Ok(vec![]));
    assert_eq!(db.identity(org, hash(b"+96550000001")).await, Ok(None));
    assert_eq!(db.token(org, world.card_token(customer, 1)).await, Ok(None));
    assert_eq!(db.token_row(org, world.card_token(customer, 1)).await, Ok(None));
    assert_eq!(db.voucher(org, voucher).await, Ok(None));
    assert_eq!(db.vouchers_of(org, customer.card, 10).await, Ok(vec![]));
    assert_eq!(db.redemption(org, id_in(&redeemed, "id").parse().expect("an id")).await, Ok(None));
    assert_eq!(db.earning(org, id_in(&sale, "id").parse().expect("an id")).await, Ok(None));
    let op: OpId = id_in(&sale, "op").parse().expect("an id");
    assert_eq!(db.entries(org, op).await, Ok(vec![]));
    assert_eq!(db.entries_of(org, customer.card, None, 10).await, Ok(vec![]));
    assert_eq!(db.op(org, enrolled.op.principal, &enrolled.op.key).await, Ok(None));
    assert_eq!(db.op_by_id(org, op).await, Ok(None));
    assert_eq!(db.document(DocumentKey { org, kind: DocumentKind::Store, id: world.store.0 }).await, Ok(None));
    assert_eq!(db.delivery(org, customer.pass).await, Ok(None));
    assert_eq!(db.documents(org, DocumentKind::Programme).await.expect("reads").len(), 1, "its own only");
    super::sequence(&world).await;
    assert!(db.journal(org, 0, 100).await.expect("reads").iter().all(|record| record.row.org == org));
    assert_eq!(other.refused(world.earn(customer, "R-2", "1.000")).await, Code::NotFound);
    assert_eq!(other.refused(world.capture_voucher(customer, voucher, 1)).await, Code::InvalidCode);
    assert_eq!(db.organisations().await.expect("reads").len(), 2);
}

pub async fn commands_of_two_organisations_share_a_batch(world: World) {
    let other = World::on(Arc::clone(&world.db), None).await;
    let (mine, theirs) = (world.enrol().await, other.enrol().await);
    let batch = vec![world.command(world.earn(mine, "R-1", "1.000")), other.command(other.earn(theirs, "R-1", "2.000"))];
    let answers = world.db.apply(batch, world.now()).await;
    let points: Vec<_> = answers.iter().map(|answer| json_of(answer.as_ref().expect("works"))["points"].clone()).collect();
    assert_eq!(points, [10, 20], "the same receipt in two organisations is two sales");
    super::sequence(&world).await;
    for organisation in [&world, &other] {
        let numbers: Vec<_> =
            world.db.journal(organisation.org, 0, 100).await.expect("reads").iter().map(|record| record.number).collect();
        assert_eq!(numbers, (1..=6).collect::<Vec<_>>(), "each has its own chain without a gap");
    }
}
