//! Sales, returns, corrections.

use walaa::error::Code;
use walaa::ids::{EarningId, OpId};
use walaa::ledger::{Account, EntryKind};
use walaa::money::Money;

use crate::support::ledger::{Customer, World, code_of, id_in};

async fn sale(world: &World, customer: Customer, receipt: &str, amount: &str) -> EarningId {
    id_in(&world.done(world.earn(customer, receipt, amount)).await, "id").parse().expect("an id")
}

pub async fn a_sale_earns(world: World) {
    let customer = world.enrol().await;
    let answer = world.done(world.earn(customer, "R-1", "6.075")).await;
    assert_eq!((&answer["points"], &answer["card"]["points"]), (&60.into(), &60.into()));
    assert_eq!(answer["unlocked"], serde_json::json!(["latte"]));
    let id: EarningId = id_in(&answer, "id").parse().expect("an id");
    let earning = world.db.earning(world.org, id).await.expect("reads").expect("an earning");
    assert_eq!((earning.total, earning.points, earning.returned), (6_075, 60, 0));
    assert_eq!((earning.place, earning.lines.as_deref()), (world.place(), Some(r#"[{"sku":"latte"}]"#)));
    let entries = world.db.entries(world.org, OpId(id.0)).await.expect("reads");
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].debit, entries[0].credit, entries[0].amount), (Account::Earned, Account::Available, 60));
    let pass = world.db.pass(customer.pass).await.expect("reads").expect("a pass");
    assert_eq!((pass.version, pass.change.points), (2, 60));
    assert_eq!(pass.last_modified, world.now().seconds() + 1, "every version has a second of its own");
    world.check_ledger().await;
}

pub async fn a_receipt_counts_once(world: World) {
    let (first, second) = (world.enrol().await, world.enrol().await);
    let id = sale(&world, first, "R-1", "1.000").await;
    let answer = world.run(world.earn(second, "R-1", "1.000")).await;
    assert_eq!(code_of(&answer), Code::ReceiptReused);
    let facts = answer.result.expect_err("refused").facts;
    assert_eq!((&facts["earning"], &facts["same_card"], &facts["points"]), (&id.to_string().into(), &false.into(), &10.into()));
    let batch = vec![world.command(world.earn(first, "R-2", "1.000")), world.command(world.earn(second, "R-2", "1.000"))];
    let answers = world.db.apply(batch, world.now()).await;
    assert_eq!(code_of(answers[1].as_ref().expect("works")), Code::ReceiptReused, "in one batch as well");
    assert_eq!(world.balance(first).await, (20, 0, 0));
    assert_eq!(world.balance(second).await, (0, 0, 0));
}

pub async fn returns_in_parts(world: World) {
    let customer = world.enrol().await;
    let id = sale(&world, customer, "R-1", "10.000").await;
    let taken = [("3.333", 33), ("3.333", 33), ("3.334", 34)];
    for (amount, points) in taken {
        let answer = world.done(world.return_sale(customer, id, amount)).await;
        assert_eq!(answer["points"], points, "{amount}");
        world.check_ledger().await;
    }
    assert_eq!(world.balance(customer).await, (0, 0, 0));
    assert_eq!(world.refused(world.return_sale(customer, id, "0.001")).await, Code::ReturnExceedsSale);
    let unknown = world.return_sale(customer, EarningId([9; 16]), "1.000");
    assert_eq!(world.refused(unknown).await, Code::NotFound);
    let second = sale(&world, customer, "R-2", "5.000").await;
    assert_eq!(world.refused(world.return_sale(customer, second, "5.001")).await, Code::ReturnExceedsSale);
    world.done(world.return_sale(customer, second, "5.000")).await;
}

pub async fn a_return_of_spent_points_is_debt_repaid_first(world: World) {
    let customer = world.enrol().await;
    let id = sale(&world, customer, "R-1", "8.000").await;
    world.done(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)])).await;
    let answer = world.done(world.return_sale(customer, id, "8.000")).await;
    assert_eq!((&answer["points"], &answer["debt_added"]), (&80.into(), &60.into()));
    assert_eq!(world.balance(customer).await, (0, 0, 60));
    let answer = world.done(world.earn(customer, "R-2", "5.000")).await;
    assert_eq!((&answer["points"], &answer["debt_repaid"]), (&50.into(), &50.into()));
    assert_eq!(world.balance(customer).await, (0, 0, 10));
    world.done(world.earn(customer, "R-3", "5.000")).await;
    assert_eq!(world.balance(customer).await, (40, 0, 0));
    world.check_ledger().await;
}

pub async fn sales_in_another_currency_are_refused(world: World) {
    let customer = world.enrol().await;
    let walaa::ledger::Body::Earn(mut earn) = world.earn(customer, "R-1", "1.000") else { panic!("a sale") };
    earn.sale.total = Money::parse("1.00", "USD".parse().expect("a currency")).expect("money");
    assert_eq!(world.refused(walaa::ledger::Body::Earn(earn)).await, Code::CurrencyMismatch);
}

pub async fn a_correction_needs_the_points(world: World) {
    let customer = world.enrol().await;
    world.done(world.adjust(customer, 30)).await;
    assert_eq!(world.refused(world.adjust(customer, -31)).await, Code::InsufficientPoints);
    world.done(world.adjust(customer, -30)).await;
    assert_eq!(world.balance(customer).await, (0, 0, 0));
    assert_eq!(world.refused(world.adjust(customer, i64::MAX)).await, Code::ValidationFailed);
    world.check_ledger().await;
}

pub async fn entries_are_paged_in_order(world: World) {
    let customer = world.enrol().await;
    for number in 1..=5 {
        world.done(world.adjust(customer, number)).await;
    }
    let first = world.db.entries_of(world.org, customer.card, None, 2).await.expect("reads");
    let last = first.last().expect("two");
    let rest = world.db.entries_of(world.org, customer.card, Some((last.op, last.place)), 10).await.expect("reads");
    let amounts: Vec<i64> = first.iter().chain(&rest).map(|entry| entry.amount).collect();
    assert_eq!(amounts, [1, 2, 3, 4, 5]);
    assert!(rest.iter().all(|entry| entry.kind == EntryKind::Adjust));
    let nowhere = world.db.entries_of(world.org, customer.card, Some((OpId([9; 16]), 0)), 10).await;
    assert_eq!(nowhere, Ok(vec![]), "after what does not exist comes nothing");
}
