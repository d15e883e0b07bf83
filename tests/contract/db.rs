//! What every database must do: each test here runs once for each backend.

use crate::support::ledger::World;

macro_rules! contract {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(super::World::on_sqlite().await).await;
            })*
        }
    };
}

contract!(smoke);

async fn smoke(world: World) {
    let customer = world.enrol().await;
    world.done(world.earn(customer, "R-1", "10.000")).await;
    assert_eq!(world.balance(customer).await, (100, 0, 0));
    world.done(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)])).await;
    assert_eq!(world.balance(customer).await, (40, 0, 0));
    let voucher = {
        world.done(world.adjust(customer, 100)).await;
        world.voucher(customer, "latte").await
    };
    world.done(world.capture_voucher(customer, voucher, 1)).await;
    world.add_to_phone(customer.pass, "phone").await;
    assert_eq!(world.db.sequence(100, world.now()).await.expect("sequences").owed, 1);
    let owed = world.db.claim_outbox(walaa::db::Channel::Apple, 10, 1000, world.now()).await.expect("claims");
    assert_eq!(owed.len(), 1);
    world.check_ledger().await;
}
