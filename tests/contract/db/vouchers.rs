//! Vouchers from issue to their end.

use walaa::error::Code;
use walaa::ids::{OpId, RedemptionId};
use walaa::ledger::{Body, Capture, CaptureLine, EntryKind, PassState, TokenState, VoucherState};

use crate::support::ledger::{World, id_in};

pub async fn a_voucher_holds_its_points(world: World) {
    let customer = world.customer_with(100).await;
    let id = world.voucher(customer, "latte").await;
    assert_eq!(world.balance(customer).await, (40, 60, 0));
    let voucher = world.db.voucher(world.org, id).await.expect("reads").expect("a voucher");
    assert_eq!((voucher.state, voucher.points, voucher.card), (VoucherState::Issued, 60, customer.card));
    assert_eq!(voucher.expires_at, Some(world.now().plus_seconds(30 * 86_400)));
    assert_eq!(voucher.token, world.voucher_token(id, 1));
    let pass = world.db.pass(voucher.pass).await.expect("reads").expect("a pass");
    assert_eq!((pass.voucher, pass.state), (Some(id), PassState::Active));
    let holds = world.db.entries(world.org, OpId(id.0)).await.expect("reads");
    assert_eq!((holds.len(), holds[0].kind, holds[0].amount), (1, EntryKind::Hold, 60));
    assert_eq!(
        world.refused(world.capture(customer, world.card_token(customer, 1), &[("latte", 1)])).await,
        Code::InsufficientPoints
    );
    world.check_ledger().await;
}

pub async fn a_cancelled_voucher_gives_points_back(world: World) {
    let customer = world.customer_with(100).await;
    let id = world.voucher(customer, "latte").await;
    world.done(world.cancel_voucher(customer, id)).await;
    assert_eq!(world.balance(customer).await, (100, 0, 0));
    assert_eq!(world.refused(world.cancel_voucher(customer, id)).await, Code::VoucherNotOpen);
    assert_eq!(world.refused(world.capture_voucher(customer, id, 1)).await, Code::CodeCancelled);
    let voucher = world.db.voucher(world.org, id).await.expect("reads").expect("a voucher");
    assert_eq!(voucher.state, VoucherState::Cancelled);
    assert_eq!(world.db.pass(voucher.pass).await.expect("reads").expect("a pass").state, PassState::Voided);
    world.check_ledger().await;
}

pub async fn a_voucher_is_captured_and_reversed(world: World) {
    let customer = world.customer_with(100).await;
    let id = world.voucher(customer, "latte").await;
    let answer = world.done(world.capture_voucher(customer, id, 1)).await;
    assert_eq!((&answer["points"], &answer["voucher"]), (&60.into(), &id.to_string().into()));
    assert_eq!(world.balance(customer).await, (40, 0, 0));
    assert_eq!(world.refused(world.capture_voucher(customer, id, 1)).await, Code::AlreadyRedeemed);
    let token = world.db.token_row(world.org, world.voucher_token(id, 1)).await.expect("reads").expect("a token");
    let redemption: RedemptionId = id_in(&answer, "id").parse().expect("an id");
    assert_eq!((token.state, token.captured_by), (TokenState::Captured, Some(redemption)));
    world.done(world.reverse(customer, redemption, Some(id))).await;
    assert_eq!(world.balance(customer).await, (100, 0, 0));
    let voucher = world.db.voucher(world.org, id).await.expect("reads").expect("a voucher");
    assert_eq!(voucher.state, VoucherState::Reversed);
    assert_eq!(world.refused(world.capture_voucher(customer, id, 1)).await, Code::AlreadyRedeemed, "it never lives again");
    world.check_ledger().await;
}

pub async fn vouchers_are_bounded_and_paid(world: World) {
    let customer = world.customer_with(20 * 60 + 59).await;
    for _ in 0..20 {
        world.advance_seconds(1);
        world.voucher(customer, "latte").await;
    }
    assert_eq!(world.refused(world.issue_voucher(customer, "latte")).await, Code::TooManyVouchers);
    let newest = world.db.vouchers_of(world.org, customer.card, 2).await.expect("reads");
    assert_eq!(newest.iter().map(|voucher| voucher.issued_at.since(world.now())).collect::<Vec<_>>(), [0, -1000], "newest first");
    world.done(world.cancel_voucher(customer, newest[0].id)).await;
    assert_eq!(world.refused(world.issue_voucher(customer, "cake")).await, Code::InsufficientPoints);
    assert_eq!(world.refused(world.issue_voucher(customer, "tea")).await, Code::UnknownReward);
    world.check_ledger().await;
}

pub async fn a_voucher_is_for_its_own_reward(world: World) {
    let customer = world.customer_with(100).await;
    let id = world.voucher(customer, "latte").await;
    let Body::Capture(capture) = world.capture_voucher(customer, id, 1) else { panic!("a capture") };
    let wants = |reward: &str, quantity| {
        let lines = vec![CaptureLine { reward: reward.into(), quantity }];
        Body::Capture(Capture { lines, ..capture.clone() })
    };
    assert_eq!(world.refused(wants("cake", 1)).await, Code::RewardMismatch);
    assert_eq!(world.refused(wants("latte", 2)).await, Code::RewardMismatch);
    world.done(wants("latte", 1)).await;
}
