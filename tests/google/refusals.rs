//! Each row of Google's table of errors, as one call meets it: what it means, and what the caller is told to do.

use std::time::Duration;

use serde_json::json;
use walaa::google::error::{CallError, Lacking, Quota};
use walaa::google::resource::ResourceKind;

use super::client::{World, id};
use super::wire::{EMAIL, ISSUER, Reply};

async fn met(reply: Reply) -> CallError {
    let world = World::answering(vec![reply]).await;
    world.client.get(ResourceKind::LoyaltyObject, &id("card")).await.expect_err("refused")
}

#[tokio::test]
async fn a_bad_request_is_permanent_with_googles_words() {
    match met(Reply::error(400, "invalidResource", "Invalid resource ID: {..}")).await {
        CallError::Invalid(said) => {
            assert_eq!(
                (said.status, said.reason.as_str(), said.message.as_str()),
                (400, "invalidResource", "Invalid resource ID: {..}")
            );
        }
        other => panic!("{other:?}"),
    }
    for status in [405, 410, 412, 413, 422] {
        assert!(matches!(met(Reply::json(status, &json!({}))).await, CallError::Invalid(_)), "{status}");
    }
}

#[tokio::test]
async fn missing_and_taken_are_told_apart() {
    assert!(
        matches!(met(Reply::error(404, "notFound", "Wallet Object x not found")).await, CallError::NotFound(said) if said.reason == "notFound")
    );
    assert!(matches!(met(Reply::error(409, "conflict", "x already exists")).await, CallError::Exists(_)));
}

#[tokio::test]
async fn not_permitted_is_a_checklist_for_the_operator() {
    let CallError::NotPermitted(refusal) = met(Reply::error(403, "permissionDenied", "Permission denied.")).await else {
        panic!()
    };
    assert_eq!((refusal.lacking, refusal.said.reason.as_str()), (Lacking::IssuerUser, "permissionDenied"));
    let list = refusal.checklist();
    assert!(
        list[0].contains(EMAIL) && list[0].contains(ISSUER) && list[0].contains("pay.google.com/business/console"),
        "{list:?}"
    );
    assert!(refusal.to_string().contains("1. Open https://pay.google.com"), "{refusal}");
    let switched_off = json!({"error": {
        "code": 403, "message": "Google Wallet API has not been used", "status": "PERMISSION_DENIED",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}],
    }});
    let cases = [
        (Reply::json(403, &switched_off), Lacking::Api),
        (Reply::error(403, "accessNotConfigured", "x"), Lacking::Api),
        (Reply::error(403, "insufficientPermissions", "x"), Lacking::Scope),
        (Reply::json(403, &json!({"error": {"status": "PERMISSION_DENIED"}})), Lacking::IssuerUser),
        (Reply::Answer(403, vec![], "<html>".to_owned()), Lacking::IssuerUser),
    ];
    for (reply, lacking) in cases {
        assert!(matches!(met(reply).await, CallError::NotPermitted(refusal) if refusal.lacking == lacking), "{lacking:?}");
    }
}

#[tokio::test]
async fn quotas_of_requests_and_of_notifications_are_told_apart() {
    for reply in [
        Reply::error(429, "rateLimitExceeded", "x"),
        Reply::json(429, &json!({})),
        Reply::error(403, "userRateLimitExceeded", "x"),
        Reply::error(403, "quotaExceeded", "x"),
        Reply::error(403, "dailyLimitExceeded", "x"),
    ] {
        let met = met(reply.with("Retry-After", "9")).await;
        let CallError::QuotaExceeded { quota, after, .. } = &met else { panic!("{met:?}") };
        assert_eq!((*quota, *after), (Quota::Requests, Some(Duration::from_secs(9))));
    }
    for status in [400, 403, 429] {
        for reply in
            [Reply::error(status, "QuotaExceededException", "x"), Reply::error(status, "x", "QuotaExceededException: 3 a day")]
        {
            assert!(matches!(met(reply).await, CallError::QuotaExceeded { quota: Quota::Notifications, .. }), "{status}");
        }
    }
}

#[tokio::test]
async fn what_may_pass_is_transient_and_says_when_to_come_back() {
    for (header, after) in
        [("30", Some(Duration::from_secs(30))), ("Wed, 21 Oct 2026 07:28:45 GMT", Some(Duration::from_secs(45))), ("soon", None)]
    {
        let met = met(Reply::error(503, "backendError", "x").with("Retry-After", header)).await;
        assert!(
            matches!(&met, CallError::Transient { after: found, what } if *found == after && what.contains("backendError")),
            "{met:?}"
        );
    }
    for reply in [
        Reply::json(500, &json!({})),
        Reply::Answer(502, vec![], "<html>Bad Gateway</html>".to_owned()),
        Reply::json(504, &json!({"error": "x"})),
        Reply::json(408, &json!(null)),
        Reply::Answer(302, vec![("Location".to_owned(), "http://127.0.0.1:1/".to_owned())], String::new()),
        Reply::Answer(200, vec![], "<html>Sign in to this network</html>".to_owned()),
        Reply::Answer(200, vec![], format!("\"{}\"", "x".repeat(1_100_000))),
        Reply::Drop,
        Reply::Silence,
    ] {
        let text = format!("{reply:?}");
        assert!(matches!(met(reply).await, CallError::Transient { .. }), "{}", &text[..text.len().min(80)]);
    }
}

#[tokio::test]
async fn an_envelope_is_read_however_odd_it_is() {
    for body in [
        json!({"error": {"errors": null, "message": 5}}),
        json!({"error": {"errors": [5, {"reason": 7}], "details": "x"}}),
        json!({"error": []}),
        json!([]),
    ] {
        assert!(matches!(met(Reply::json(400, &body)).await, CallError::Invalid(said) if said.status == 400), "{body}");
    }
    let long = Reply::error(400, "bad\nreason", &"y".repeat(10_000));
    assert!(matches!(met(long).await, CallError::Invalid(said) if said.reason == "bad reason" && said.message.len() == 200));
}
