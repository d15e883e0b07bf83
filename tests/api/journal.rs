//! The journal as an auditor reads it: reasons open for who may, sealed at rest, gone with the member.

use serde_json::{Value, json};

use crate::support::app::{Ask, TestApp, op_key};

const WHY_ADJUSTED: &str = "spilled coffee on her coat";
const WHY_REVERSED: &str = "wrong cup size";

/// The rows of a kind, as the holder of a key reads them.
async fn rows(app: &TestApp, key: &str, kind: &str) -> Vec<Value> {
    app.sequence().await;
    let page = app.get(key, "/v1/journal?limit=200").await.expect(200);
    page["data"].as_array().expect("rows").iter().filter(|row| row["kind"] == kind).cloned().collect()
}

/// A card whose balance was corrected and whose redemption was undone; the keys of both operations.
async fn corrected(app: &TestApp) -> (String, String, String) {
    let customer = app.enrol(&app.shop).await;
    app.earn(&app.shop, &customer.card, "20.000").await;
    let code = app.live_code(&app.shop, &customer.card).await;
    let redeemed = app.redeem(&app.shop, &code, "coffee").await.expect(201);
    let (adjustment, reversal) = (op_key(), op_key());
    let path = format!("/v1/cards/{}/adjustments", customer.card);
    let body = json!({ "points": 5, "reason": WHY_ADJUSTED });
    app.send(Ask::post(&path).key(&app.shop.manager).op(&adjustment).body(&body)).await.expect(201);
    let path = format!("/v1/redemptions/{}/reversal", redeemed["id"].as_str().expect("an id"));
    let body = json!({ "reason": WHY_REVERSED });
    app.send(Ask::post(&path).key(&app.shop.till).op(&reversal).body(&body)).await.expect(201);
    (customer.member, adjustment, reversal)
}

#[tokio::test]
async fn an_auditor_reads_why_until_the_member_is_erased() {
    let app = TestApp::spawn().await;
    let (member, _, _) = corrected(&app).await;
    let adjusted = rows(&app, &app.shop.auditor, "adjust").await;
    assert_eq!((&adjusted[0]["reason"], &adjusted[0]["reason_state"]), (&json!(WHY_ADJUSTED), &json!("readable")));
    let reversed = rows(&app, &app.shop.auditor, "reverse").await;
    assert_eq!((&reversed[0]["reason"], &reversed[0]["reason_state"]), (&json!(WHY_REVERSED), &json!("readable")));
    assert!(!adjusted[0]["body"].to_string().contains("coffee on"), "the row itself stays sealed");
    let earned = rows(&app, &app.shop.auditor, "earn").await;
    assert!(earned[0].get("reason").is_none() && earned[0].get("reason_state").is_none(), "a sale has no reason");

    app.post(&app.shop.owner, &format!("/v1/members/{member}/erasure"), &Value::Null).await.expect(200);
    for (kind, before) in [("adjust", adjusted), ("reverse", reversed)] {
        let after = rows(&app, &app.shop.auditor, kind).await;
        assert_eq!(after[0]["reason_state"], "erased");
        assert!(after[0].get("reason").is_none(), "{after:?}");
        assert_eq!((&after[0]["hash"], &after[0]["body"]), (&before[0]["hash"], &before[0]["body"]), "the row never changes");
    }
}

/// Whoever may audit but not read members sees that there is a reason sealed in the row, and no more.
#[tokio::test]
async fn reasons_are_for_who_may_read_members() {
    let app = TestApp::spawn().await;
    corrected(&app).await;
    let key = json!({ "name": "auditing machine", "role": "auditor", "scopes": ["audit"] });
    let key = app.make_key(&app.shop, key).await;
    let adjusted = rows(&app, &key, "adjust").await;
    assert!(adjusted[0].get("reason").is_none() && adjusted[0].get("reason_state").is_none(), "{adjusted:?}");
    assert!(adjusted[0]["body"]["facts"]["sealed_reason"].is_string());
}

/// No stored answer and no file of the database holds a reason in the clear.
#[tokio::test]
async fn reasons_are_nowhere_stored_in_the_clear() {
    let app = TestApp::spawn().await;
    let (_, adjustment, reversal) = corrected(&app).await;
    rows(&app, &app.shop.auditor, "adjust").await;
    for (key, op) in [(&app.shop.manager, adjustment), (&app.shop.till, reversal)] {
        let stored = app.get(key, &format!("/v1/ops/{op}")).await.expect(200).to_string();
        assert!(!stored.contains(WHY_ADJUSTED) && !stored.contains(WHY_REVERSED), "{stored}");
    }
    let stored = app.ground.all_stored(app.folder.path());
    assert!(stored.windows(6).any(|window| window == b"adjust"), "the rows are in what was read");
    for text in [WHY_ADJUSTED, WHY_REVERSED] {
        assert!(!stored.windows(text.len()).any(|window| window == text.as_bytes()), "a reason in the clear");
    }
}
